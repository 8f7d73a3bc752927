// Where everything of a heatmap stands, in pixels of its stage, and what stands under a point.

import { CODES } from '../generated/constants.js';
import { computeLayout, panWindow, placesOfColumn } from './geometry.js';
import { describeAxes, FONT, shortenCount } from './text.js';

export function measure(view) {
  const width = Math.max(240, view.scroll.clientWidth);
  const left = Math.round(Math.min(Math.max(80, measureLabels(view)), 200, Math.max(120, width * 0.22)));
  const right = Math.round(measureTotals(view));
  view.size = { width, left, track: width - left - right, right };
  view.layout = computeLayout(view.state.head.bands, view.size.track);
  const height = Math.max(1, Math.min(560, view.layout.height));
  view.space.style.height = `${view.layout.height}px`;
  view.stage.style.height = `${height}px`;
  view.size.height = height;
  view.top = view.scroll.scrollTop;
}

/** The width that the names at the left would need. */
function measureLabels(view) {
  const pen = getPen(view);
  const widths = view.state.head.bands.flatMap((band) => [
    ...band.rows.map(({ name }) => pen.measureText(name).width + measureDown(view, pen, band) + 14),
    band.grid ? pen.measureText(describeAxes(band.grid)).width + 24 : 0, // beside it half of the first value
  ]);
  return Math.max(0, ...widths);
}

/** The width of the values at the left of a grid. */
export function measureDown(view, pen, { grid }) {
  return grid ? Math.min(56, Math.max(...grid.rows.map((name) => pen.measureText(name).width))) + 8 : 0;
}

/** The width that the numbers at the right need. */
function measureTotals(view) {
  const most = Math.max(0, ...view.state.head.bands.flatMap((band) => band.counts.map((counts) => counts[CODES.failed])));
  return 50 + (most ? getPen(view).measureText(`✕ ${shortenCount(most)}`).width + 8 : 0);
}

function getPen(view) {
  const pen = view.base.getContext('2d', { willReadFrequently: true });
  pen.font = FONT;
  return pen;
}

export function getWindow(view, b) {
  const n = view.state.head.bands[b].shown;
  const own = view.windows.get(b);
  if (!own || own.isWhole) return { from: 0, to: n };
  return own.to > n ? panWindow(own, n, 0) : own;
}

export function setWindow(view, b, window) {
  const n = view.state.head.bands[b].shown;
  view.windows.set(b, { ...window, isWhole: window.to - window.from >= n });
  view.paint();
}

export function findVisible(view) {
  return view.layout.items.filter((item) => item.y + item.height > view.top && item.y < view.top + view.size.height);
}

export function findRow(view, b, row) {
  return view.layout.items.find((item) => item.kind === 'row' && item.band === b && item.row === row);
}

/** What is under a point of the stage: {item, band, row, first, last} of places, or null. */
export function findHit(view, x, y) {
  const at = y + view.top;
  const item = view.layout.items.find((one) => at >= one.y && at < one.y + one.height);
  if (!item) return null;
  const { left, track } = view.size;
  const along = x - left;
  const band = view.state.head.bands[item.band];
  if (item.kind !== 'row') return { item, band: item.band, row: -1, along };
  if (band.layout === 'cell') return along >= 0 ? { item, band: item.band, row: item.row, first: 0, last: 1, along } : null;
  if (!band.shown || along < 0 || along >= track) return null;
  if (item.cell) {
    const column = Math.floor(along / item.cell.width);
    const line = Math.floor((at - item.y) / item.cell.height);
    if (column >= band.grid.columns.length) return null;
    const place = findPlace(view, item.band, line * band.grid.columns.length + column);
    return { item, band: item.band, row: item.row, first: place, last: place + 1, column, line, along };
  }
  const { from, to } = getWindow(view, item.band);
  const [first, last] = placesOfColumn(Math.floor(along), track, from, to, band.shown);
  return { item, band: item.band, row: item.row, first, last, along };
}

/** The place that stands in a cell of a grid; -1 for an empty one. */
export function findPlace(view, b, cell) {
  const own = view.state.bands[b];
  if (!own.byCell) {
    const { columns, rows } = view.state.head.bands[b].grid;
    own.byCell = new Int32Array(columns.length * rows.length).fill(-1);
    own.cells.forEach((at, place) => (own.byCell[at] = place));
  }
  return own.byCell[cell];
}

/** The rectangle of the places [first, last) of a row, in the stage. */
export function findBox(view, b, row, first, last) {
  const item = findRow(view, b, row);
  if (!item) return null;
  const { left, track } = view.size;
  const y = item.y - view.top;
  const band = view.state.head.bands[b];
  if (band.layout === 'cell') return { x: left, y: y + 2, width: 18, height: 18 };
  if (item.cell) {
    const cell = view.state.bands[b].cells[first];
    const columns = band.grid.columns.length;
    return { x: left + (cell % columns) * item.cell.width, y: y + Math.floor(cell / columns) * item.cell.height, width: item.cell.width, height: item.cell.height };
  }
  const { from, to } = getWindow(view, b);
  const x = left + ((first - from) / (to - from)) * track;
  const end = left + ((last - from) / (to - from)) * track;
  if (end < left || x > left + track) return null;
  const start = Math.max(left, x);
  return { x: start, y: y + 1, width: Math.max(1, Math.min(left + track, end) - start), height: item.height - 2 };
}

/** The rectangles of ranges of a row; of all its places where `ranges` is null. */
export function findBoxes(view, b, row, ranges) {
  const band = view.state.head.bands[b];
  const item = findRow(view, b, row);
  if (!item || !band.shown) return [];
  if (!item.cell) return (ranges || [[0, band.shown]]).map(([first, last]) => findBox(view, b, row, first, last)).filter(Boolean);
  if (!ranges) {
    const width = band.grid.columns.length * item.cell.width;
    return [{ x: view.size.left, y: item.y - view.top, width, height: item.height }];
  }
  return ranges.flatMap(([first, last]) => Array.from({ length: last - first }, (_, i) => findBox(view, b, row, first + i, first + i + 1)));
}
