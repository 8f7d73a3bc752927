// The heatmap's rows as pixels: functions of numbers and typed arrays.

import { STATUSES } from '../generated/constants.js';
import { placesOfColumn } from './geometry.js';
import { countStatuses } from './statuses.js';

/** @import { PixelGrid, PixelRow } from './types.js' */

/**
 * `#rrggbb` as a pixel of an image's Uint32Array.
 *
 * @param {string} colour
 */
export function toPixel(colour) {
  const n = parseInt(colour.slice(1), 16);
  return ((255 << 24) | ((n & 255) << 16) | (n & 0xff00) | (n >> 16)) >>> 0;
}

/**
 * The colours of 256 levels through `stops` (`#rrggbb`), as pixels; level 0, which is no value, is `blank`.
 *
 * @param {readonly string[]} stops
 * @param {number} blank
 */
export function makeRamp(stops, blank) {
  const parts = stops.map((s) => [1, 3, 5].map((i) => parseInt(s.slice(i, i + 2), 16)));
  const ramp = new Uint32Array(256);
  for (let level = 1; level < 256; level++) {
    const at = ((level - 1) / 254) * (parts.length - 1);
    const low = Math.min(parts.length - 2, Math.floor(at));
    const [r, g, b] = parts[low].map((v, i) => Math.round(v + (parts[low + 1][i] - v) * (at - low)));
    ramp[level] = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  ramp[0] = blank;
  return ramp;
}

/**
 * How many of `height` pixels each status gets, by code, into `out`: in proportion, at least `least[code]` for what is
 * there, and together exactly `height`.
 *
 * @param {ArrayLike<number>} counts
 * @param {number} total
 * @param {number} height
 * @param {ArrayLike<number>} least
 * @param {Int32Array} out
 */
export function computeHeights(counts, total, height, least, out) {
  let used = 0;
  let largest = 0;
  for (let code = 0; code < STATUSES.length; code++) {
    out[code] = counts[code] ? Math.max(least[code], Math.round((counts[code] / total) * height)) : 0;
    used += out[code];
    if (out[code] > out[largest]) largest = code;
  }
  out[largest] += height - used;
  return out;
}

/**
 * Whether column `x` stays clear between two places that are wide enough for a `gap`.
 *
 * @param {number} x
 * @param {number} width
 * @param {number} from
 * @param {number} to
 * @param {number} n
 * @param {number} gap
 */
function isGap(x, width, from, to, n, gap) {
  if (width / (to - from) < 4 * gap || x + gap >= width) return false;
  return placesOfColumn(x + gap, width, from, to, n)[0] !== placesOfColumn(x, width, from, to, n)[0];
}

/**
 * Paint a tick of `height` pixels at `top` over each column with a place of the status `code`, at least `least` wide.
 * What lies between the ticks stays clear: they are seen by their shape, whatever colours stand below.
 *
 * @param {Uint32Array} image
 * @param {PixelRow & { code: number; colour: number; least: number }} row
 */
export function paintTicks(image, { width, top, height, codes, from, to, code, colour, least, gap }) {
  const n = codes.length;
  const aside = Math.max(0, Math.ceil((least - Math.max(1, width / (to - from))) / 2));
  for (let x = 0; x < width; x++) {
    const [first, last] = placesOfColumn(x, width, from, to, n);
    if (isGap(x, width, from, to, n, gap) || !codes.subarray(first, last).includes(code)) continue;
    const [left, right] = [Math.max(0, x - aside), Math.min(width, x + aside + 1)];
    for (let y = top; y < top + height; y++) image.fill(colour, y * width + left, y * width + right);
  }
}

/**
 * Paint the statuses of the places [from, to) as a row of `height` pixels at `top` of an image `width` wide. A column
 * with many places is a stack of their statuses in `order`, top first; `gap` pixels between places that are wide enough
 * stay clear.
 *
 * @param {Uint32Array} image
 * @param {PixelRow & { colours: Uint32Array; order: readonly number[]; least: ArrayLike<number> }} row
 */
export function paintStatus(image, { width, top, height, codes, from, to, colours, order, least, gap }) {
  const counts = new Uint32Array(STATUSES.length);
  const heights = new Int32Array(STATUSES.length);
  const n = codes.length;
  for (let x = 0; x < width; x++) {
    const [first, last] = placesOfColumn(x, width, from, to, n);
    let at = top * width + x;
    if (last - first === 1) {
      if (isGap(x, width, from, to, n, gap)) continue;
      const colour = colours[codes[first]];
      for (let y = 0; y < height; y++, at += width) image[at] = colour;
      continue;
    }
    counts.fill(0);
    for (let i = first; i < last; i++) counts[codes[i]]++;
    computeHeights(counts, last - first, height, least, heights);
    for (let k = 0; k < STATUSES.length; k++) {
      const colour = colours[order[k]];
      for (let y = heights[order[k]]; y > 0; y--, at += width) image[at] = colour;
    }
  }
}

/**
 * The same for values: a column shows the mean of its places' levels, without those that have none (their part is the
 * ramp's blank, above), and the failed ones on top as in the statuses.
 *
 * @param {Uint32Array} image
 * @param {PixelRow & { levels: Uint8Array; ramp: Uint32Array; failed: number; failedColour: number; least: number }} row
 */
export function paintValues(image, { width, top, height, codes, levels, from, to, ramp, failed, failedColour, least, gap }) {
  const n = codes.length;
  for (let x = 0; x < width; x++) {
    const [first, last] = placesOfColumn(x, width, from, to, n);
    if (last - first === 1 && isGap(x, width, from, to, n, gap)) continue;
    const { fails, known, sum } = sumLevels(codes, levels, first, last, failed);
    const total = last - first;
    const red = fails ? Math.min(height, Math.max(least, Math.round((fails / total) * height))) : 0;
    const filled = known ? Math.max(1, Math.round((known / total) * (height - red))) : 0;
    const colour = known ? ramp[Math.round(sum / known)] : ramp[0];
    let at = top * width + x;
    for (let y = 0; y < height; y++, at += width) {
      image[at] = y < red ? failedColour : y < height - filled ? ramp[0] : colour;
    }
  }
}

/**
 * Paint a grid: each cell is a stack of what `stack(first, last, height)` gives for its places, pairs of a colour and a
 * number of pixels, top first. Cells without places stay clear.
 *
 * @param {Uint32Array} image
 * @param {PixelGrid & { stack: (first: number, last: number, height: number) => Iterable<[colour: number, height: number]>; gap: number }} grid
 */
export function paintGrid(image, { width, cell, columns, starts, stack, gap }) {
  const [w, h] = [Math.max(1, Math.round(cell.width) - gap), Math.max(1, cell.height - gap)];
  for (let at = 0; at + 1 < starts.length; at++) {
    if (starts[at] === starts[at + 1]) continue;
    const x = Math.floor((at % columns) * cell.width);
    let y = Math.floor(at / columns) * cell.height;
    for (const [colour, height] of stack(starts[at], starts[at + 1], h)) {
      paintBox(image, width, x, y, w, height, colour);
      y += height;
    }
  }
}

/**
 * The places [first, last) as a stack of their statuses in `order`, top first: pairs of a colour and a number of pixels.
 *
 * @param {Uint8Array} codes
 * @param {number} first
 * @param {number} last
 * @param {number} height
 * @param {{ colours: Uint32Array; order: readonly number[]; least: ArrayLike<number> }} how
 * @returns {[colour: number, height: number][]}
 */
export function stackStatuses(codes, first, last, height, { colours, order, least }) {
  if (last - first === 1) return [[colours[codes[first]], height]];
  const heights = computeHeights(countStatuses(codes, first, last), last - first, height, least, new Int32Array(STATUSES.length));
  return order.filter((code) => heights[code] > 0).map((code) => [colours[code], heights[code]]);
}

/**
 * The places [first, last) as a stack: those that failed, those without a value, and the mean of the other's levels.
 *
 * @param {Uint8Array} codes
 * @param {Uint8Array} levels
 * @param {number} first
 * @param {number} last
 * @param {number} height
 * @param {{ ramp: Uint32Array; failed: number; failedColour: number; least: number }} how
 * @returns {[colour: number, height: number][]}
 */
export function stackValues(codes, levels, first, last, height, { ramp, failed, failedColour, least }) {
  const { fails, known, sum } = sumLevels(codes, levels, first, last, failed);
  const total = last - first;
  const red = fails ? Math.min(height, Math.max(least, Math.round((fails / total) * height))) : 0;
  const filled = known ? Math.min(height - red, Math.max(1, Math.round((known / total) * (height - red)))) : 0;
  return [[failedColour, red], [ramp[0], height - red - filled], [known ? ramp[Math.round(sum / known)] : ramp[0], filled]];
}

/**
 * How many of the places [first, last) failed, how many have a level, and the sum of these.
 *
 * @param {Uint8Array} codes
 * @param {Uint8Array} levels
 * @param {number} first
 * @param {number} last
 * @param {number} failed
 */
function sumLevels(codes, levels, first, last, failed) {
  let [sum, known, fails] = [0, 0, 0];
  for (let i = first; i < last; i++) {
    if (levels[i]) {
      sum += levels[i];
      known++;
    }
    if (codes[i] === failed) fails++;
  }
  return { fails, known, sum };
}

/**
 * Paint the cells with the status `code` once more, at least `least` high and wide, with a clear `rim` around each; a cell
 * of several places gets a small mark.
 *
 * @param {Uint32Array} image
 * @param {PixelGrid & { codes: Uint8Array; code: number; colour: number; least: number; rim: number }} grid
 */
export function paintMarks(image, { width, cell, columns, starts, codes, code, colour, least, rim }) {
  for (let at = 0; at + 1 < starts.length; at++) {
    if (!codes.subarray(starts[at], starts[at + 1]).includes(code)) continue;
    const isOne = starts[at + 1] - starts[at] === 1;
    const [w, h] = [cell.width, cell.height].map((size) => (isOne ? Math.max(least, Math.round(size) - 2 * rim) : least));
    const x = Math.round((at % columns) * cell.width + (cell.width - w) / 2);
    const y = Math.round(Math.floor(at / columns) * cell.height + (cell.height - h) / 2);
    paintBox(image, width, x - rim, y - rim, w + 2 * rim, h + 2 * rim, 0);
    paintBox(image, width, x, y, w, h, colour);
  }
}

/**
 * Paint what of a box lies within the image.
 *
 * @param {Uint32Array} image
 * @param {number} width
 * @param {number} x
 * @param {number} y
 * @param {number} w
 * @param {number} h
 * @param {number} colour
 */
function paintBox(image, width, x, y, w, h, colour) {
  const [left, right] = [Math.max(0, x), Math.min(width, x + w)];
  const bottom = Math.min(image.length / width, y + h);
  if (left >= right) return;
  for (let line = Math.max(0, y); line < bottom; line++) image.fill(colour, line * width + left, line * width + right);
}

/**
 * Paint a bar at the bottom of each cell of a grid in which a place is late, with a clear rim above it.
 *
 * @param {Uint32Array} image
 * @param {PixelGrid & { late: Uint8Array; colour: number; least: number; rim: number }} grid
 */
export function paintLateCells(image, { width, cell, columns, starts, late, colour, least, rim }) {
  const w = Math.max(least, Math.round(cell.width) - rim);
  const h = Math.max(rim, Math.round(cell.height / 4));
  for (let at = 0; at + 1 < starts.length; at++) {
    if (!late.subarray(starts[at], starts[at + 1]).includes(1)) continue;
    const x = Math.floor((at % columns) * cell.width);
    const y = Math.floor(Math.floor(at / columns) * cell.height + cell.height) - h - rim;
    paintBox(image, width, x, y - rim, w, rim, 0);
    paintBox(image, width, x, y, w, h, colour);
  }
}

/**
 * The colour of a pixel, as `#rrggbb`.
 *
 * @param {number} pixel
 */
export const toHex = (pixel) => `#${[0, 8, 16].map((by) => ((pixel >>> by) & 255).toString(16).padStart(2, '0')).join('')}`;
