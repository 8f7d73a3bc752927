// Stacked bars.

import { BAR_ORDER } from '../generated/constants.js';

/**
 * Widths of a stacked bar: of `counts` (by code) along `width`, as [code, x, width]. What is there is
 * seen, at least `least` wide, but one failure does not paint the whole.
 */
export function computeBar(counts, width, least = 2) {
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (!total) return [];
  const shown = BAR_ORDER.filter((code) => counts[code] > 0);
  const small = shown.filter((code) => (counts[code] / total) * width < least);
  const left = width - small.length * least;
  const rest = shown.filter((code) => !small.includes(code)).reduce((sum, code) => sum + counts[code], 0);
  let x = 0;
  return shown.map((code) => {
    const own = small.includes(code) ? least : (counts[code] / rest) * left;
    x += own;
    return [code, x - own, own];
  });
}
