// Stacked bars.

import { BAR_ORDER } from '../generated/constants.js';

/**
 * Divide a stacked bar of `width` among `counts` by status code, in proportion: [code, x, width] for each status that
 * occurs, each at least `least` wide.
 *
 * @param {readonly number[]} counts
 * @param {number} width
 * @param {number} [least]
 * @returns {[code: number, x: number, width: number][]}
 */
export function computeBar(counts, width, least = 2) {
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (!total) return [];
  /** @type {number[]} */
  const shown = BAR_ORDER.filter((code) => counts[code] > 0);
  /** @param {number} code */
  const isSmall = (code) => (counts[code] / total) * width < least;
  const left = width - shown.filter(isSmall).length * least;
  const rest = shown.reduce((sum, code) => sum + (isSmall(code) ? 0 : counts[code]), 0);
  let x = 0;
  return shown.map((code) => {
    const own = isSmall(code) ? least : (counts[code] / rest) * left;
    x += own;
    return [code, x - own, own];
  });
}
