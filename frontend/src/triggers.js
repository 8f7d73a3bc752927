// The table of triggers.

import { defineWidget } from './shared/widget.js';
import { drawTriggers } from './triggers/view.js';

/** @import { TriggersContract } from './generated/messages.js' */
/** @import { Reducer } from './shared/types.js' */

/** @type {Reducer<TriggersContract>['reduce']} */
const reduceTriggers = (state, ...[, payload]) => ({ ...state, shown: payload });

export default defineWidget({ reduce: reduceTriggers, draw: drawTriggers });
