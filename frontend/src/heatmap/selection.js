// What is selected, and from where to where.

import { URGENCY } from '../generated/constants.js';
import { findHit, findPlaces, getGrid } from './places.js';
import { findMostUrgent } from './statuses.js';

/** @import { SelectedPlacesJson } from '../generated/messages.js' */
/** @import { Hit, Place, Range, Spot } from './types.js' */
/** @import { HeatmapView } from './view.js' */

/**
 * What lies nearest to a point outside of a band's rows.
 *
 * @param {HeatmapView} view
 * @param {number} bandIndex
 * @param {number} x
 * @param {number} y
 */
export function findNearest(view, bandIndex, x, y) {
  const rows = view.layout.items.filter((item) => item.kind === 'row' && item.band === bandIndex);
  const low = rows[0].y - view.top + 1;
  const high = rows[rows.length - 1].y + rows[rows.length - 1].height - view.top - 1;
  const { left, track } = view.size;
  const band = view.state.head.bands[bandIndex];
  const { cell } = rows[0];
  const right = band.grid && cell ? Math.min(track, band.grid.columns.length * cell.width) : track;
  const hit = findHit(view, Math.max(left, Math.min(left + right - 1, x)), Math.max(low, Math.min(high, y)));
  return hit && hit.row >= 0 && hit.first >= 0 ? hit : null;
}

/**
 * Rows and ranges of the rectangle between two places of a band.
 *
 * @param {HeatmapView} view
 * @param {Spot} start
 * @param {Spot} end
 * @returns {{ rows: number[]; ranges: Range[] }}
 */
export function findBetween(view, start, end) {
  const [low, high] = [Math.min(start.row, end.row), Math.max(start.row, end.row)];
  const rows = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  if (!start.cell || !end.cell) return { rows, ranges: [[Math.min(start.first, end.first), Math.max(start.last, end.last)]] };
  /** @type {Range[]} */
  const ranges = [];
  const { columns } = getGrid(view, start.band);
  const [from, to] = [start.cell, end.cell];
  const many = start.row !== end.row; // over several assets: whole columns would surprise, so the lines count too
  for (let line = Math.min(from.line, to.line); line <= Math.max(from.line, to.line); line++) {
    for (let column = Math.min(from.column, to.column); column <= Math.max(from.column, to.column); column++) {
      const found = findPlaces(view, start.band, line * columns.length + column);
      if (!found) continue;
      const before = ranges[ranges.length - 1];
      if (before && before[1] === found[0]) before[1] = found[1];
      else ranges.push(found);
    }
  }
  return { rows: many ? rows : [start.row], ranges };
}

/**
 * @param {HeatmapView} view
 * @param {Hit} hit
 * @param {MouseEvent} event
 */
export function onClick(view, hit, event) {
  const place = findMostUrgent(view.state.bands[hit.band].status[hit.row], hit.first, hit.last, URGENCY);
  const here = { band: hit.band, row: hit.row, place };
  if (event.shiftKey && view.anchor && view.anchor.band === hit.band) {
    view.cursor = here;
    extendSelection(view);
    return;
  }
  const { selection } = view.state.head;
  const adds = (event.ctrlKey || event.metaKey) && selection && selection.band === hit.band && selection.rows.includes(hit.row);
  view.cursor = view.anchor = here;
  select(view, hit.band, adds ? selection.rows : [hit.row], adds ? [...selection.ranges, [place, place + 1]] : [[place, place + 1]]);
}

/**
 * Select from the anchor to the cursor.
 *
 * @param {HeatmapView} view
 */
export function extendSelection(view) {
  const { anchor, cursor } = view;
  if (!anchor || !cursor) return;
  /** @type {(place: Place) => Spot} */
  const where = ({ band, row, place }) => {
    const spot = { band, row, first: place, last: place + 1 };
    if (view.state.head.bands[band].layout !== 'grid') return spot;
    const { columns, cells } = getGrid(view, band);
    return { ...spot, cell: { column: cells[place] % columns.length, line: Math.floor(cells[place] / columns.length) } };
  };
  const { rows, ranges } = findBetween(view, where(anchor), where(cursor));
  select(view, cursor.band, rows, ranges);
}

/**
 * Select these; `silent` where the partition under the cursor is described instead.
 *
 * @param {HeatmapView} view
 * @param {number} band
 * @param {number[]} rows
 * @param {Range[]} ranges
 * @param {{ silent?: boolean }} [options]
 */
export async function select(view, band, rows, ranges, { silent = false } = {}) {
  const number = view.state.head.view;
  view.highlights = [];
  const selection = { band, rows, ranges };
  view.state.head.selection = selection;
  view.mark();
  const answer = await view.ask('select', { view: number, band, rows, ranges });
  if (!answer) return;
  if (!silent) {
    view.footer.textContent = answer.message;
    view.announce(answer.message);
  }
  await highlight(view, number, selection, silent ? '' : answer.message);
}

/**
 * Mark what a selection reads and what reads it, unless another was made meanwhile; said behind `message`, if there is one.
 *
 * @param {HeatmapView} view
 * @param {number} number
 * @param {SelectedPlacesJson} selection
 * @param {string} message
 */
async function highlight(view, number, selection, message) {
  const found = await view.ask('highlights', { view: number, ...selection });
  const now = view.state.head.selection;
  if (!found || !now || JSON.stringify(now) !== JSON.stringify(selection)) return;
  view.highlights = found.highlights;
  view.mark();
  const roles = new Set(found.highlights.map(({ role }) => role));
  const read = [roles.has('input') ? 'dashed: what it reads' : '', roles.has('reader') ? 'dotted: what reads it' : ''];
  if (message && roles.size) view.footer.textContent = [message, ...read.filter(Boolean)].join(' · ');
}

/**
 * Mark what a selection reads and what reads it that was made elsewhere.
 *
 * @param {HeatmapView} view
 */
export async function highlightSelection(view) {
  const { view: number, selection } = view.state.head;
  if (selection) await highlight(view, number, selection, '');
}

/** @param {HeatmapView} view */
export function unselect(view) {
  view.highlights = [];
  view.state.head.selection = null;
  view.footer.textContent = '';
  view.mark();
  return view.ask('clear', {});
}
