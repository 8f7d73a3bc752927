// The labels along a band's places, and the keys for them.

import { formatCount } from '../shared/words.js';
import { computeTicks } from './geometry.js';
import { findVisible, getGrid, getWindow } from './places.js';
import { describeAxes, fitText } from './text.js';

/** @import { Item } from './types.js' */
/** @import { HeatmapView } from './view.js' */

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} pen
 * @param {Item} item
 */
export function drawAxis(view, pen, { band: b, y, cell }) {
  const { left } = view.size;
  const top = y - view.top;
  pen.fillStyle = view.faint;
  if (cell) {
    const grid = getGrid(view, b);
    const widest = Math.max(...grid.columns.map((name) => pen.measureText(name).width));
    const every = Math.ceil(Math.min(90, widest + 6) / cell.width);
    pen.textAlign = 'center';
    for (let column = 0; column < grid.columns.length; column += every) {
      pen.fillText(fitText(pen, grid.columns[column], every * cell.width - 4), left + (column + 0.5) * cell.width, top + 8);
    }
    pen.textAlign = 'left';
    pen.fillText(fitText(pen, describeAxes(grid), left - 22), 2, top + 8);
    return;
  }
  pen.strokeStyle = view.line;
  let end = -Infinity;
  for (const { place, x, align, most } of findTicks(view, b)) {
    pen.beginPath();
    pen.moveTo(Math.round(x) + 0.5, top);
    pen.lineTo(Math.round(x) + 0.5, top + 4);
    pen.stroke();
    pen.textAlign = align;
    const name = view.names.get(`${b}.${place}`);
    const text = fitText(pen, name === undefined ? `${formatCount(place + 1)}.` : name, most);
    const own = pen.measureText(text).width;
    const start = align === 'left' ? x : x - own / 2;
    if (start < end + 8) continue;
    pen.fillText(text, x, top + 12);
    end = start + own;
  }
  pen.textAlign = 'left';
}

/**
 * @param {HeatmapView} view
 * @param {number} b
 */
function findTicks(view, b) {
  const { left, track } = view.size;
  const { from, to } = getWindow(view, b);
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
 * Ask for the keys along the axes that are in sight, once they have stood still.
 *
 * @param {HeatmapView} view
 */
export function requestNames(view) {
  clearTimeout(view.naming);
  view.naming = setTimeout(async () => {
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
