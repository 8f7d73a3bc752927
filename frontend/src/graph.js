// The asset graph.

import { reduceGraph } from './graph/state.js';
import { drawGraph } from './graph/view.js';
import { defineWidget } from './shared/widget.js';

export default defineWidget({ reduce: reduceGraph, draw: drawGraph });
