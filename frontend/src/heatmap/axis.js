// The axis below a band: labels with the keys of some places.

import { formatCount } from '../shared/format.js';
import { computeTicks } from './geometry.js';
import { findVisible, getGrid, getWindow } from './places.js';
import { describeAxes, fitText } from './text.js';

/** @import { Item } from './types.js' */
/** @import { HeatmapView } from './view.js' */

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} context
 * @param {Item} item
 */
export function drawAxis(view, context, { band: bandIndex, y, cell }) {
  const { left } = view.size;
  const top = y - view.top;
  context.fillStyle = view.faint;
  if (cell) {
    const grid = getGrid(view, bandIndex);
    const widest = Math.max(...grid.columns.map((name) => context.measureText(name).width));
    const every = Math.ceil(Math.min(90, widest + 6) / cell.width);
    context.textAlign = 'center';
    for (let column = 0; column < grid.columns.length; column += every) {
      context.fillText(fitText(context, grid.columns[column], every * cell.width - 4), left + (column + 0.5) * cell.width, top + 8);
    }
    context.textAlign = 'left';
    context.fillText(fitText(context, describeAxes(grid), left - 22), 2, top + 8);
    return;
  }
  context.strokeStyle = view.line;
  let end = -Infinity;
  for (const { place, x, align, most } of findTicks(view, bandIndex)) {
    context.beginPath();
    context.moveTo(Math.round(x) + 0.5, top);
    context.lineTo(Math.round(x) + 0.5, top + 4);
    context.stroke();
    context.textAlign = align;
    const name = view.names.get(`${bandIndex}.${place}`);
    const text = fitText(context, name === undefined ? `${formatCount(place + 1)}.` : name, most);
    const own = context.measureText(text).width;
    const start = align === 'left' ? x : x - own / 2;
    if (start < end + 8) continue;
    context.fillText(text, x, top + 12);
    end = start + own;
  }
  context.textAlign = 'left';
}

/**
 * @param {HeatmapView} view
 * @param {number} bandIndex
 */
function findTicks(view, bandIndex) {
  const { left, track } = view.size;
  const { from, to } = getWindow(view, bandIndex);
  const most = Math.max(2, Math.floor(track / 150));
  const cell = track / (to - from);
  /** @type {{ place: number, x: number, align: CanvasTextAlign, most: number }[]} */
  const ticks = computeTicks(from, to, most).map((place) => ({ place, x: left + (place + 0.5 - from) * cell, align: 'center', most: Math.min(track / 2, Math.max(cell, track / most)) - 12 }));
  if (ticks.length) {
    const first = ticks[0];
    if (first.x - left < 70) Object.assign(first, { x: Math.max(left, first.x - cell / 2), align: 'left' });
  }
  return ticks.filter((tick) => tick.align === 'left' || tick.x + 60 < left + track || cell > 60);
}

/**
 * Request the keys for the labels of the visible axes, once they have not moved for a moment.
 *
 * @param {HeatmapView} view
 */
export function requestNames(view) {
  clearTimeout(view.namesTimer);
  view.namesTimer = setTimeout(async () => {
    const number = view.state.head.view;
    for (const item of findVisible(view)) {
      if (item.kind !== 'axis' || item.cell) continue;
      const places = findTicks(view, item.band).map(({ place }) => place).filter((place) => !view.names.has(`${item.band}.${place}`));
      if (!places.length) continue;
      const answer = await view.link.request('keys', { view: number, band: item.band, places }).catch(() => null);
      if (!answer || answer.view !== view.state.head.view) return;
      places.forEach((place, i) => view.names.set(`${item.band}.${place}`, answer.keys[i] || ''));
      view.paint();
    }
  }, 60);
}
