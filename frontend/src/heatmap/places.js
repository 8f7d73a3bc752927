// Positions of places in pixels of the stage, and the places at a point.

import { CODES, LATE_GLYPH, UNSOUND_GLYPH } from '../generated/constants.js';
import { computeLayout, findRuns, panWindow, placesOfColumn } from './geometry.js';
import { describeAxes, FONT, shortenCount } from './text.js';

/** @import { GridJson } from '../generated/messages.js' */
/** @import { Box, Hit, Range, Window } from './types.js' */
/** @import { HeatmapView } from './view.js' */

/** The most pixels that the label of a grid's row takes. */
export const ROW_LABEL_WIDTH = 110;

/** @param {HeatmapView} view */
export function measure(view) {
  const width = Math.max(240, view.scroll.clientWidth);
  const left = Math.round(Math.min(Math.max(80, measureLabels(view)), 200, Math.max(120, width * 0.22)));
  const right = Math.round(measureTotals(view));
  const track = width - left - right;
  view.layout = computeLayout(view.state.head.bands, track);
  const height = Math.max(1, Math.min(560, view.layout.height));
  view.size = { width, height, left, track, right };
  view.spacer.style.height = `${view.layout.height}px`;
  view.stage.style.height = `${height}px`;
  view.top = view.scroll.scrollTop;
}

/**
 * The width that the names at the left would need.
 *
 * @param {HeatmapView} view
 */
function measureLabels(view) {
  const context = getBaseContext(view);
  const widths = view.state.head.bands.flatMap((band) => [
    ...band.rows.map(({ name }) => context.measureText(name).width + measureRowLabels(view, context, band) + 14),
    band.grid ? context.measureText(describeAxes(band.grid)).width + 24 : 0, // beside it half of the first label
  ]);
  return Math.max(0, ...widths);
}

/**
 * The width of the values at the left of a grid.
 *
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} context
 * @param {{ grid: GridJson | null }} band
 */
export function measureRowLabels(view, context, { grid }) {
  return grid ? Math.min(ROW_LABEL_WIDTH, Math.max(...grid.rows.map((name) => context.measureText(name).width))) + 8 : 0;
}

/**
 * The width that the numbers at the right need.
 *
 * @param {HeatmapView} view
 */
function measureTotals(view) {
  const most = Math.max(0, ...view.state.head.bands.flatMap((band) => band.counts.map((counts) => counts[CODES.failed])));
  const late = Math.max(0, ...view.state.head.bands.flatMap((band) => band.late));
  const unsound = Math.max(0, ...view.state.head.bands.flatMap((band) => band.unsound));
  const context = getBaseContext(view);
  /** @type {(glyph: string, n: number) => number} */
  const measureCount = (glyph, n) => (n ? context.measureText(`${glyph} ${shortenCount(n)}`).width + 8 : 0);
  return 56 + measureCount('✕', most) + measureCount(LATE_GLYPH, late) + measureCount(UNSOUND_GLYPH, unsound);
}

/**
 * What draws on a canvas.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function getContext(canvas, settings) {
  const context = canvas.getContext('2d', settings);
  if (!context) throw new Error('This browser draws on no canvas.');
  return context;
}

/** @param {HeatmapView} view */
export function getBaseContext(view) {
  const context = getContext(view.base, { willReadFrequently: true });
  context.font = FONT;
  return context;
}

/**
 * @param {HeatmapView} view
 * @param {number} bandIndex
 * @returns {Window}
 */
export function getWindow(view, bandIndex) {
  const n = view.state.head.bands[bandIndex].shown;
  const own = view.windows.get(bandIndex);
  if (!own || own.isWhole) return { from: 0, to: n };
  return own.to > n ? panWindow(own, n, 0) : own;
}

/**
 * @param {HeatmapView} view
 * @param {number} bandIndex
 * @param {Window} window
 */
export function setWindow(view, bandIndex, window) {
  const n = view.state.head.bands[bandIndex].shown;
  view.windows.set(bandIndex, { ...window, isWhole: window.to - window.from >= n });
  view.paint();
}

/** @param {HeatmapView} view */
export function findVisible(view) {
  return view.layout.items.filter((item) => item.y + item.height > view.top && item.y < view.top + view.size.height);
}

/**
 * @param {HeatmapView} view
 * @param {number} bandIndex
 * @param {number} row
 */
export function findRow(view, bandIndex, row) {
  return view.layout.items.find((item) => item.kind === 'row' && item.band === bandIndex && item.row === row);
}

/**
 * What is under a point of the stage: {item, band, row, first, last} of places, or null.
 *
 * @param {HeatmapView} view
 * @param {number} x
 * @param {number} y
 * @returns {Hit | null}
 */
export function findHit(view, x, y) {
  const at = y + view.top;
  const item = view.layout.items.find((one) => at >= one.y && at < one.y + one.height);
  if (!item) return null;
  const { left, track } = view.size;
  const along = x - left;
  const band = view.state.head.bands[item.band];
  if (item.kind !== 'row') return { item, band: item.band, row: -1, first: -1, last: -1, along };
  if (band.layout === 'cell') return along >= 0 ? { item, band: item.band, row: item.row, first: 0, last: 1, along } : null;
  if (!band.shown || along < 0 || along >= track) return null;
  if (item.cell) {
    const column = Math.floor(along / item.cell.width);
    const line = Math.floor((at - item.y) / item.cell.height);
    const { columns } = getGrid(view, item.band);
    if (column >= columns.length) return null;
    const [first, last] = findPlaces(view, item.band, line * columns.length + column) || [-1, -1];
    return { item, band: item.band, row: item.row, first, last, cell: { column, line }, along };
  }
  const { from, to } = getWindow(view, item.band);
  const [first, last] = placesOfColumn(Math.floor(along), track, from, to, band.shown);
  return { item, band: item.band, row: item.row, first, last, along };
}

/**
 * The places that stand in a cell of a grid; null for an empty one.
 *
 * @param {HeatmapView} view
 * @param {number} bandIndex
 * @param {number} cell
 * @returns {Range | null}
 */
export function findPlaces(view, bandIndex, cell) {
  const { starts } = getGrid(view, bandIndex);
  return starts[cell] < starts[cell + 1] ? [starts[cell], starts[cell + 1]] : null;
}

/**
 * The axes of a band with a grid, the cell of each of its places, and where the places of each cell begin.
 *
 * @param {HeatmapView} view
 * @param {number} bandIndex
 */
export function getGrid(view, bandIndex) {
  const { grid } = view.state.head.bands[bandIndex];
  const { cells, starts } = view.state.bands[bandIndex];
  if (!grid || !cells || !starts) throw new Error(`Band ${bandIndex} has no grid.`);
  return { ...grid, cells, starts };
}

/**
 * The rectangle of the places [first, last) of a row, in the stage.
 *
 * @param {HeatmapView} view
 * @param {number} bandIndex
 * @param {number} row
 * @param {number} first
 * @param {number} last
 * @returns {Box | null}
 */
export function findBox(view, bandIndex, row, first, last) {
  const item = findRow(view, bandIndex, row);
  if (!item) return null;
  const { left, track } = view.size;
  const y = item.y - view.top;
  const band = view.state.head.bands[bandIndex];
  if (band.layout === 'cell') return { x: left, y: y + 2, width: 18, height: 18 };
  if (item.cell) {
    const grid = getGrid(view, bandIndex);
    const columns = grid.columns.length;
    const cell = grid.cells[first];
    return { x: left + (cell % columns) * item.cell.width, y: y + Math.floor(cell / columns) * item.cell.height, width: item.cell.width, height: item.cell.height };
  }
  const { from, to } = getWindow(view, bandIndex);
  const x = left + ((first - from) / (to - from)) * track;
  const end = left + ((last - from) / (to - from)) * track;
  if (end < left || x > left + track) return null;
  const start = Math.max(left, x);
  return { x: start, y: y + 1, width: Math.max(1, Math.min(left + track, end) - start), height: item.height - 2 };
}

/**
 * The rectangles of ranges of a row.
 *
 * @param {HeatmapView} view
 * @param {number} bandIndex
 * @param {number} row
 * @param {Range[]} ranges
 * @returns {Box[]}
 */
export function findBoxes(view, bandIndex, row, ranges) {
  const band = view.state.head.bands[bandIndex];
  const item = findRow(view, bandIndex, row);
  if (!item || !band.shown) return [];
  const { cell } = item;
  if (!cell) {
    return ranges.map(([first, last]) => findBox(view, bandIndex, row, first, last)).filter((box) => box !== null);
  }
  const { columns, cells, starts } = getGrid(view, bandIndex);
  return findRuns(ranges, cells, starts, columns.length).map(([from, to]) => {
    const line = Math.floor(from / columns.length);
    const x = view.size.left + (from % columns.length) * cell.width;
    return { x, y: item.y - view.top + line * cell.height, width: (to - from) * cell.width, height: cell.height };
  });
}
