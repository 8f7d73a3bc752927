// The cursor, the selection and the highlights, on the canvas above the rows.

import { findBox, findBoxes, getContext } from './places.js';

/** @import { Place, Range } from './types.js' */
/** @import { HeatmapView } from './view.js' */

/** @param {HeatmapView} view */
export function drawMarks(view) {
  if (!view.layout || !view.state.bands) return;
  const ratio = window.devicePixelRatio || 1;
  const context = getContext(view.overlay);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, view.size.width, view.size.height);
  for (const { band, row, role, ranges } of view.highlights) drawRanges(view, context, band, [row], ranges, role === 'input' ? [5, 3] : [1, 2]);
  const { selection } = view.state.head;
  if (selection && !view.brush) drawRanges(view, context, selection.band, selection.rows, selection.ranges, [], 0.16);
  if (view.brush) drawRanges(view, context, view.brush.band, view.brush.rows, view.brush.ranges, [], 0.25);
  if (view.cursor && document.activeElement === view.stage) drawCursor(view, context, view.cursor);
}

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} context
 * @param {number} bandIndex
 * @param {number[]} rows
 * @param {Range[]} ranges
 * @param {number[]} dash
 * @param {number} [fill]
 */
function drawRanges(view, context, bandIndex, rows, ranges, dash, fill = 0) {
  const band = view.state.head.bands[bandIndex];
  if (!band) return;
  context.setLineDash(dash);
  context.lineWidth = dash.length ? 2 : 1.5;
  context.strokeStyle = dash.length ? view.text : view.brand;
  context.fillStyle = view.brand;
  for (const row of rows) {
    for (const box of findBoxes(view, bandIndex, row, ranges)) {
      if (box.y > view.size.height || box.y + box.height < 0) continue;
      if (fill) {
        context.globalAlpha = fill;
        context.fillRect(box.x, box.y, box.width, box.height);
        context.globalAlpha = 1;
      }
      const wide = Math.max(3, box.width);
      context.strokeRect(box.x - (wide - box.width) / 2, box.y, wide, box.height);
    }
  }
  context.setLineDash([]);
}

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} context
 * @param {Place} cursor
 */
function drawCursor(view, context, { band, row, place }) {
  const box = findBox(view, band, row, place, place + 1);
  if (!box) return;
  const wide = Math.max(5, box.width);
  const x = box.x - (wide - box.width) / 2;
  context.lineWidth = 4;
  context.strokeStyle = view.ground;
  context.strokeRect(x - 1, box.y - 1, wide + 2, box.height + 2);
  context.lineWidth = 2;
  context.strokeStyle = view.text;
  context.strokeRect(x - 1, box.y - 1, wide + 2, box.height + 2);
}
