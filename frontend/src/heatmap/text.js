// Text on the heatmap's canvas.

import { formatCount, shorten } from '../shared/format.js';

/** @import { GridJson } from '../generated/messages.js' */

export const FONT = '12px system-ui, sans-serif';

/** @param {GridJson} grid */
export const describeAxes = ({ across, down }) => `${across} → ${down} ↓`;
/** @param {number} n */
export const shortenCount = (n) => (n < 10000 ? formatCount(n) : n < 1e6 ? `${Math.round(n / 1000)}k` : `${(n / 1e6).toFixed(1)}M`);

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} most
 */
export function fitText(context, text, most) {
  if (context.measureText(text).width <= most) return text;
  const each = context.measureText(text).width / text.length;
  let n = Math.max(3, Math.floor(most / each));
  while (n > 3 && context.measureText(shorten(text, n)).width > most) n -= 1;
  return shorten(text, n);
}
