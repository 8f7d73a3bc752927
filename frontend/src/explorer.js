// The explorer's panel.

import { drawPanel } from './explorer/panel.js';
import { defineWidget } from './shared/widget.js';

/** @import { ExplorerContract } from './generated/messages.js' */
/** @import { Reducer } from './shared/types.js' */

/** @type {Reducer<ExplorerContract>['reduce']} */
const reducePanel = (state, ...[, payload]) => ({ ...state, panel: { ...state.panel, ...payload } });

export default defineWidget({ reduce: reducePanel, draw: drawPanel });
