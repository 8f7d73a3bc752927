// The explorer's panel.

import { drawPanel } from './explorer/panel.js';
import { defineWidget } from './shared/widget.js';

export default defineWidget({
  reduce: (state, kind, payload) => ({ ...state, panel: { ...state.panel, ...payload } }),
  draw: drawPanel,
});
