// The board: the partitions of an asset beside each other.

import { decodeBoard, reduceBoard } from './board/state.js';
import { drawBoard } from './board/view.js';
import { defineWidget } from './shared/widget.js';

export default defineWidget({ decode: decodeBoard, reduce: reduceBoard, draw: drawBoard });
