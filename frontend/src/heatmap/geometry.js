// Windows, columns and layout of the heatmap: functions of numbers.

/** @import { BandJson } from '../generated/messages.js' */
/** @import { CellSize, Item, Layout, Range, Window } from './types.js' */

/**
 * The places of column `x` of `width` that show [from, to): [first, one after the last), at least one.
 *
 * @param {number} x
 * @param {number} width
 * @param {number} from
 * @param {number} to
 * @param {number} n
 * @returns {Range}
 */
export function placesOfColumn(x, width, from, to, n) {
  const step = (to - from) / width;
  const first = Math.min(n - 1, Math.floor(from + x * step));
  return [first, Math.max(first + 1, Math.min(n, Math.floor(from + (x + 1) * step)))];
}

/**
 * A window [from, to) of n places after zooming by `factor` about `centre`, at least `least` places wide.
 *
 * @param {Window} window
 * @param {number} n
 * @param {number} centre
 * @param {number} factor
 * @param {number} [least]
 * @returns {Window}
 */
export function zoomWindow({ from, to }, n, centre, factor, least = 4) {
  const span = Math.min(n, Math.max(Math.min(n, least), (to - from) * factor));
  const start = centre - ((centre - from) * span) / (to - from);
  return panWindow({ from: start, to: start + span }, n, 0);
}

/**
 * A window moved by some places, within 0 to n.
 *
 * @param {Window} window
 * @param {number} n
 * @param {number} by
 * @returns {Window}
 */
export function panWindow({ from, to }, n, by) {
  const span = to - from;
  const start = Math.max(0, Math.min(n - span, from + by));
  return { from: start, to: start + span };
}

/**
 * Where everything stands, top to bottom: {kind: head | row | axis, band, row, y, height}, and the whole height. A grid
 * gives each of its rows a block with a cell for each combination.
 *
 * @param {Pick<BandJson, 'layout' | 'grid' | 'rows' | 'shown'>[]} bands
 * @param {number} width
 * @returns {Layout}
 */
export function computeLayout(bands, width) {
  /** @type {Item[]} */
  const items = [];
  let y = 0;
  /** @type {(kind: Item['kind'], band: number, row: number, height: number, cell?: CellSize | null) => void} */
  const put = (kind, band, row, height, cell) => {
    items.push({ kind, band, row, y, height, cell });
    y += height;
  };
  bands.forEach((band, bandIndex) => {
    if (bandIndex) y += 10;
    put('head', bandIndex, -1, 24);
    const grid = band.layout === 'grid' ? band.grid : null;
    const cell = grid && {
      // narrower than a pixel where there is no room for all: none is cut off
      width: Math.min(40, Math.floor(width / grid.columns.length) || width / grid.columns.length),
      height: Math.max(3, Math.min(24, Math.floor(260 / grid.rows.length))),
    };
    band.rows.forEach((_, row) => {
      if (!grid || !cell) put('row', bandIndex, row, 22);
      else {
        put('row', bandIndex, row, cell.height * grid.rows.length, cell);
        y += 8;
      }
    });
    if (band.layout !== 'cell' && band.shown) put('axis', bandIndex, -1, 22, cell);
  });
  return { items, height: y };
}

/**
 * The places of at most `most` labels along [from, to).
 *
 * @param {number} from
 * @param {number} to
 * @param {number} most
 * @returns {number[]}
 */
export function computeTicks(from, to, most) {
  const n = Math.max(1, Math.floor(to) - Math.ceil(from));
  const step = Math.max(1, Math.ceil(n / Math.max(1, most)));
  const ticks = [];
  for (let place = Math.ceil(from); place < to; place += step) ticks.push(place);
  return ticks;
}

/**
 * The cells that hold some of the places in ranges, as runs [first, one after the last) of cells side by side in a line.
 *
 * @param {Range[]} ranges
 * @param {Uint32Array} cells the cell of each place
 * @param {Uint32Array} starts where the places of each cell begin
 * @param {number} columns
 * @returns {Range[]}
 */
export function findRuns(ranges, cells, starts, columns) {
  const held = [...ranges].sort(([x], [y]) => x - y).filter(([first, last]) => first < last);
  /** @type {Range[]} */
  const runs = [];
  for (const [first, last] of held) {
    for (let cell = cells[first]; cell <= cells[last - 1]; cell++) {
      if (starts[cell] === starts[cell + 1]) continue;
      const run = runs[runs.length - 1];
      if (run && cell < run[1]) continue;
      if (run && cell === run[1] && cell % columns) run[1] = cell + 1;
      else runs.push([cell, cell + 1]);
    }
  }
  return runs;
}
