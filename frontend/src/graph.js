// The asset graph.

import { addUp } from './graph/cards.js';
import { drawGraph } from './graph/view.js';
import { defineWidget } from './shared/widget.js';

export default defineWidget({
  reduce(state, kind, payload) {
    if (kind === 'graph') return { ...state, graph: payload.graph };
    for (const [place, each] of payload.changed) Object.assign(state.graph.cards[place], { each, counts: addUp(each) });
    return state;
  },
  draw: drawGraph,
});
