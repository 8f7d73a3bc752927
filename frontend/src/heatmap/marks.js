// What a person points at and has selected, above the rows.

import { findBox, findBoxes, getContext } from './places.js';

/** @import { Place, Range } from './types.js' */
/** @import { HeatmapView } from './view.js' */

/** @param {HeatmapView} view */
export function drawMarks(view) {
  if (!view.layout || !view.state.bands) return;
  const ratio = window.devicePixelRatio || 1;
  const pen = getContext(view.over);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, view.size.width, view.size.height);
  for (const { band, row, role, ranges } of view.highlights) drawRanges(view, pen, band, [row], ranges, role === 'read' ? [5, 3] : [1, 2]);
  const { selection } = view.state.head;
  if (selection && !view.brush) drawRanges(view, pen, selection.band, selection.rows, selection.ranges, [], 0.16);
  if (view.brush) drawRanges(view, pen, view.brush.band, view.brush.rows, view.brush.ranges, [], 0.25);
  if (view.cursor && document.activeElement === view.stage) drawCursor(view, pen, view.cursor);
}

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} pen
 * @param {number} b
 * @param {number[]} rows
 * @param {Range[] | null} ranges
 * @param {number[]} dash
 * @param {number} [fill]
 */
function drawRanges(view, pen, b, rows, ranges, dash, fill = 0) {
  const band = view.state.head.bands[b];
  if (!band) return;
  pen.setLineDash(dash);
  pen.lineWidth = dash.length ? 2 : 1.5;
  pen.strokeStyle = dash.length ? view.text : view.brand;
  pen.fillStyle = view.brand;
  for (const row of rows) {
    for (const box of findBoxes(view, b, row, ranges)) {
      if (box.y > view.size.height || box.y + box.height < 0) continue;
      if (fill) {
        pen.globalAlpha = fill;
        pen.fillRect(box.x, box.y, box.width, box.height);
        pen.globalAlpha = 1;
      }
      const wide = Math.max(3, box.width);
      pen.strokeRect(box.x - (wide - box.width) / 2, box.y, wide, box.height);
    }
  }
  pen.setLineDash([]);
}

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} pen
 * @param {Place} cursor
 */
function drawCursor(view, pen, { band, row, place }) {
  const box = findBox(view, band, row, place, place + 1);
  if (!box) return;
  const wide = Math.max(5, box.width);
  const x = box.x - (wide - box.width) / 2;
  pen.lineWidth = 4;
  pen.strokeStyle = view.ground;
  pen.strokeRect(x - 1, box.y - 1, wide + 2, box.height + 2);
  pen.lineWidth = 2;
  pen.strokeStyle = view.text;
  pen.strokeRect(x - 1, box.y - 1, wide + 2, box.height + 2);
}
