// The graph's state in the page: what Python sent last.

import { sumCounts } from './cards.js';

/** @import { GraphContract } from '../generated/messages.js' */
/** @import { Reducer } from '../shared/types.js' */

/** @type {Reducer<GraphContract>['reduce']} */
export function reduceGraph(state, ...[kind, payload]) {
  if (kind === 'graph') return { ...state, graph: payload.graph };
  for (const [place, memberCounts, late, unsound] of payload.changed) Object.assign(state.graph.cards[place], { member_counts: memberCounts, counts: sumCounts(memberCounts), late, unsound });
  return state;
}
