// The monitor of a backfill.

import { drawMonitor } from './monitor/view.js';
import { defineWidget } from './shared/widget.js';

/** @import { MonitorContract } from './generated/messages.js' */
/** @import { Reducer } from './shared/types.js' */

/** @type {Reducer<MonitorContract>['reduce']} */
const reduceMonitor = (state, ...[, payload]) => ({ ...state, backfill: { ...state.backfill, ...payload } });

export default defineWidget({ reduce: reduceMonitor, draw: drawMonitor });
