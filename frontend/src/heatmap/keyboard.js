// Keys: the cursor and where it goes.

import { CODES, STATUSES } from '../generated/constants.js';
import { onKeys } from '../shared/page.js';
import { describePartition } from './controls.js';
import { panWindow, zoomWindow } from './geometry.js';
import { findPlace, findRow, getGrid, getWindow, setWindow } from './places.js';
import { requestDetails } from './pointer.js';
import { extendSelection, select, unselect } from './selection.js';
import { findNext } from './statuses.js';

/** @import { Place } from './types.js' */
/** @import { HeatmapView } from './view.js' */

/** @param {HeatmapView} view */
export function listenToKeys(view) {
  /** @type {(across: number, down: number) => (event: KeyboardEvent) => void} */
  const move = (across, down) => (event) => moveCursor(view, across, down, event.shiftKey);
  onKeys(view.stage, {
    ArrowLeft: move(-1, 0), ArrowRight: move(1, 0), ArrowUp: move(0, -1), ArrowDown: move(0, 1),
    Home: () => jumpToEnd(view, 0), End: () => jumpToEnd(view, 1),
    Enter: () => pick(view), ' ': () => pick(view),
    Escape: () => onEscape(view),
    '+': () => zoom(view, 0.5), '=': () => zoom(view, 0.5), '-': () => zoom(view, 2), 0: () => showAll(view),
    n: () => goToNext(view, 1), N: () => goToNext(view, -1),
    '/': () => view.bar.find.focus(),
  });
}

/**
 * The rows in the order of the screen, as [band, row], without those that show nothing.
 *
 * @param {HeatmapView} view
 * @returns {[band: number, row: number][]}
 */
function listRows(view) {
  return view.state.head.bands.flatMap((band, b) => (band.shown ? band.rows.map((_, row) => [b, row]) : []));
}

/**
 * @param {HeatmapView} view
 * @returns {Place | null}
 */
function startCursor(view) {
  if (!view.cursor) {
    const [first] = listRows(view);
    if (!first) return null;
    view.cursor = { band: first[0], row: first[1], place: Math.floor(getWindow(view, first[0]).from) };
    view.anchor = view.anchor || view.cursor;
  }
  return view.cursor;
}

/**
 * @param {HeatmapView} view
 * @param {number} across
 * @param {number} down
 * @param {boolean} extends_
 */
function moveCursor(view, across, down, extends_) {
  if (!view.state.bands) return;
  const isNew = !view.cursor;
  const before = startCursor(view);
  if (!before) return;
  const here = isNew ? before : findStep(view, before, across, down);
  view.cursor = here;
  if (extends_ && view.anchor && view.anchor.band === here.band) extendSelection(view);
  else view.anchor = here;
  arrive(view, here);
}

/**
 * @param {HeatmapView} view
 * @param {Place} from
 * @param {number} across
 * @param {number} down
 * @returns {Place}
 */
function findStep(view, from, across, down) {
  const { band: b, row, place } = from;
  const band = view.state.head.bands[b];
  if (band.layout === 'grid') {
    const inside = findStepInGrid(view, from, across, down);
    if (inside) return inside;
    if (across) return from;
  } else if (across) {
    const window = getWindow(view, b);
    const by = band.layout === 'cell' ? 0 : Math.max(1, Math.round((window.to - window.from) / view.size.track));
    return { band: b, row, place: Math.max(0, Math.min(band.shown - 1, place + across * by)) };
  }
  const rows = listRows(view);
  const at = rows.findIndex(([x, y]) => x === b && y === row);
  const [nextBand, nextRow] = rows[Math.max(0, Math.min(rows.length - 1, at + down))];
  if (nextBand === b) return { band: b, row: nextRow, place };
  return { band: nextBand, row: nextRow, place: Math.floor(getWindow(view, nextBand).from) };
}

/**
 * The next filled cell that way in the grid; null past its edge.
 *
 * @param {HeatmapView} view
 * @param {Place} from
 * @param {number} across
 * @param {number} down
 * @returns {Place | null}
 */
function findStepInGrid(view, { band: b, row, place }, across, down) {
  const { columns, rows, cells } = getGrid(view, b);
  let [column, line] = [cells[place] % columns.length, Math.floor(cells[place] / columns.length)];
  for (;;) {
    column += across;
    line += down;
    if (column < 0 || line < 0 || column >= columns.length || line >= rows.length) return null;
    const found = findPlace(view, b, line * columns.length + column);
    if (found >= 0) return { band: b, row, place: found };
  }
}

/**
 * @param {HeatmapView} view
 * @param {number} end
 */
function jumpToEnd(view, end) {
  const before = startCursor(view);
  if (!before) return;
  const { band, row } = before;
  const here = { band, row, place: end ? view.state.head.bands[band].shown - 1 : 0 };
  view.cursor = view.anchor = here;
  arrive(view, here);
}

/**
 * @param {HeatmapView} view
 * @param {{ quietly?: boolean }} [how]
 */
function pick(view, how) {
  const here = startCursor(view);
  if (!here) return;
  view.anchor = here;
  select(view, here.band, [here.row], [[here.place, here.place + 1]], how);
  arrive(view, here);
}

/** @param {HeatmapView} view */
function onEscape(view) {
  const { head } = view.state;
  if (head.selection) unselect(view);
  else if (head.text || head.statuses.length) view.choose({ text: '', statuses: [] });
  else return false;
  return true;
}

/**
 * @param {HeatmapView} view
 * @param {number} step
 */
export function goToNext(view, step) {
  if (!view.state || !view.state.bands) return;
  const rows = listRows(view);
  if (!rows.length) return;
  const { cursor } = view;
  const at = cursor ? rows.findIndex(([b, row]) => b === cursor.band && row === cursor.row) : 0;
  const place = cursor ? cursor.place : -1;
  const failed = findNext(rows.map(([b, row]) => view.state.bands[b].status[row]), { row: Math.max(0, at), place }, CODES.failed, step);
  if (!failed) {
    view.say('Nothing failed.');
    return;
  }
  const [band, row] = rows[failed.row];
  view.stage.focus({ preventScroll: true });
  view.cursor = { band, row, place: failed.place };
  pick(view, { quietly: true }); // what is told beside it is then of the same partition
}

/**
 * @param {HeatmapView} view
 * @param {Place} place
 */
function isSelected(view, { band, row, place }) {
  const { selection } = view.state.head;
  if (!selection || selection.band !== band || !selection.rows.includes(row)) return false;
  return selection.ranges.some(([first, last]) => first <= place && place < last);
}

/**
 * @param {HeatmapView} view
 * @param {number} factor
 */
export function zoom(view, factor) {
  if (!view.state || !view.state.bands) return;
  const first = listRows(view).find(([b]) => view.state.head.bands[b].layout === 'line');
  const b = view.cursor && view.state.head.bands[view.cursor.band].layout === 'line' ? view.cursor.band : first && first[0];
  if (b === undefined) return;
  const window = getWindow(view, b);
  const centre = view.cursor && view.cursor.band === b ? view.cursor.place + 0.5 : (window.from + window.to) / 2;
  setWindow(view, b, zoomWindow(window, view.state.head.bands[b].shown, centre, factor));
}

/** @param {HeatmapView} view */
export function showAll(view) {
  view.windows.clear();
  view.paint();
}

/**
 * Bring the cursor into sight, and tell what stands there.
 *
 * @param {HeatmapView} view
 * @param {Place} here
 */
function arrive(view, here) {
  const { band: b, row, place } = here;
  const band = view.state.head.bands[b];
  const window = getWindow(view, b);
  if (band.layout === 'line' && (place < window.from || place >= window.to)) {
    setWindow(view, b, panWindow(window, band.shown, place + 0.5 - (window.from + window.to) / 2));
  }
  const item = findRow(view, b, row);
  if (item && item.y < view.scroll.scrollTop) view.scroll.scrollTop = item.y - 4;
  else if (item && item.y + Math.min(item.height, 200) > view.scroll.scrollTop + view.size.height) view.scroll.scrollTop = item.y + item.height - view.size.height + 4;
  view.mark();
  clearTimeout(view.asking);
  view.tip.hide();
  view.asking = setTimeout(async () => {
    const found = await requestDetails(view, here);
    if (view.cursor !== here || !found) return;
    const { name, glyph } = STATUSES[view.state.bands[b].status[row][place]];
    const where = found.key === null ? band.rows[row].name : `${band.rows[row].name} · ${found.key}`;
    const told = [where, `${glyph} ${name}`, ...describePartition(found)].join(' · ');
    view.foot.textContent = isSelected(view, here) ? told : `${told} · Enter selects it`;
    view.say(told);
  }, 80);
}
