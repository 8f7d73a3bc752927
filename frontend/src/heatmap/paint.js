// The heatmap's rows as pixels: functions of numbers and typed arrays.

import { STATUSES } from '../generated/constants.js';
import { placesOfColumn } from './geometry.js';

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
    let sum = 0;
    let known = 0;
    let fails = 0;
    for (let i = first; i < last; i++) {
      if (levels[i]) {
        sum += levels[i];
        known++;
      }
      if (codes[i] === failed) fails++;
    }
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
 * Paint one value a cell as a grid: `cells[place]` is row * columns + column; cells that no place has stay clear.
 *
 * @param {Uint32Array} image
 * @param {PixelGrid & { pickColour: (place: number) => number; gap: number }} grid
 */
export function paintGrid(image, { width, cell, columns, cells, pickColour, gap }) {
  for (let place = 0; place < cells.length; place++) {
    const x = (cells[place] % columns) * cell.width;
    const y = Math.floor(cells[place] / columns) * cell.height;
    paintBox(image, width, x, y, Math.max(1, cell.width - gap), Math.max(1, cell.height - gap), pickColour(place));
  }
}

/**
 * Paint the cells of the status `code` once more, at least `least` high and wide, with a clear `rim` around each.
 *
 * @param {Uint32Array} image
 * @param {PixelGrid & { codes: Uint8Array; code: number; colour: number; least: number; rim: number }} grid
 */
export function paintMarks(image, { width, cell, columns, cells, codes, code, colour, least, rim }) {
  for (let place = codes.indexOf(code); place >= 0; place = codes.indexOf(code, place + 1)) {
    const [w, h] = [Math.max(least, cell.width - 2 * rim), Math.max(least, cell.height - 2 * rim)];
    const x = Math.round((cells[place] % columns) * cell.width + (cell.width - w) / 2);
    const y = Math.round(Math.floor(cells[place] / columns) * cell.height + (cell.height - h) / 2);
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
 * The colour of a pixel, as `#rrggbb`.
 *
 * @param {number} pixel
 */
export const toHex = (pixel) => `#${[0, 8, 16].map((by) => ((pixel >>> by) & 255).toString(16).padStart(2, '0')).join('')}`;
