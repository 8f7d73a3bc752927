// Text on the heatmap's canvas.

import { formatCount, shorten } from '../shared/format.js';

/** @import { BandJson, GridJson } from '../generated/messages.js' */

export const FONT = '12px system-ui, sans-serif';

/** @param {GridJson} grid */
export const describeAxes = ({ across, down }) => `${across} → ${down} ↓`;
/**
 * What the cells of a grid sum up; '' where each holds one partition at most.
 *
 * @param {BandJson} band
 */
export function describeCells({ grid, axes, shown }) {
  if (!grid) return '';
  const others = axes.filter((name) => name !== grid.across && name !== grid.down);
  if (others.length) return ` · a cell sums up ${others.join(', ')}`;
  return shown > grid.columns.length * grid.rows.length ? ' · a cell sums up several' : '';
}

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
