// The monitor of a backfill.

import { drawMonitor } from './monitor/view.js';
import { defineWidget } from './shared/widget.js';

export default defineWidget({
  reduce: (state, kind, payload) => ({ ...state, backfill: { ...state.backfill, ...payload } }),
  draw: drawMonitor,
});
