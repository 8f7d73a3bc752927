// Stacked bars.

import { BAR_ORDER } from '../generated/constants.js';

/**
 * Widths of a stacked bar: of `counts` (by code) along `width`, as [code, x, width]. What is there is
 * seen, at least `least` wide, but one failure does not paint the whole.
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
