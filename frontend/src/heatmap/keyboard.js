// Keys: the cursor and where it goes.

import { CODES, STATUSES } from '../generated/constants.js';
import { onKeys } from '../shared/page.js';
import { describePartition } from './controls.js';
import { panWindow, zoomWindow } from './geometry.js';
import { findPlace, findRow, getWindow, setWindow } from './places.js';
import { requestDetails } from './pointer.js';
import { extendSelection, select, unselect } from './selection.js';
import { findNext } from './statuses.js';

export function listenToKeys(view) {
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

/** The rows in the order of the screen, as [band, row], without those that show nothing. */
function listRows(view) {
  return view.state.head.bands.flatMap((band, b) => (band.shown ? band.rows.map((_, row) => [b, row]) : []));
}

function startCursor(view) {
  if (!view.cursor) {
    const [first] = listRows(view);
    if (!first) return false;
    view.cursor = { band: first[0], row: first[1], place: Math.floor(getWindow(view, first[0]).from) };
    view.anchor = view.anchor || view.cursor;
  }
  return true;
}

function moveCursor(view, across, down, extends_) {
  if (!view.state.bands) return;
  const isNew = !view.cursor;
  if (!startCursor(view)) return;
  if (!isNew) view.cursor = findStep(view, across, down);
  if (extends_ && view.anchor && view.anchor.band === view.cursor.band) extendSelection(view);
  else view.anchor = view.cursor;
  arrive(view);
}

function findStep(view, across, down) {
  const { band: b, row, place } = view.cursor;
  const band = view.state.head.bands[b];
  if (band.layout === 'grid') {
    const inside = findStepInGrid(view, across, down);
    if (inside) return inside;
    if (across) return view.cursor;
  } else if (across) {
    const { from, to } = getWindow(view, b);
    const by = band.layout === 'cell' ? 0 : Math.max(1, Math.round((to - from) / view.size.track));
    return { band: b, row, place: Math.max(0, Math.min(band.shown - 1, place + across * by)) };
  }
  const rows = listRows(view);
  const at = rows.findIndex(([x, y]) => x === b && y === row);
  const [nextBand, nextRow] = rows[Math.max(0, Math.min(rows.length - 1, at + down))];
  if (nextBand === b) return { band: b, row: nextRow, place: band.layout === 'grid' ? place : place };
  return { band: nextBand, row: nextRow, place: Math.floor(getWindow(view, nextBand).from) };
}

/** The next filled cell that way in the grid; null past its edge. */
function findStepInGrid(view, across, down) {
  const { band: b, row, place } = view.cursor;
  const { columns, rows } = view.state.head.bands[b].grid;
  const cell = view.state.bands[b].cells[place];
  let [column, line] = [cell % columns.length, Math.floor(cell / columns.length)];
  for (;;) {
    column += across;
    line += down;
    if (column < 0 || line < 0 || column >= columns.length || line >= rows.length) return null;
    const found = findPlace(view, b, line * columns.length + column);
    if (found >= 0) return { band: b, row, place: found };
  }
}

function jumpToEnd(view, end) {
  if (!view.state.bands || !startCursor(view)) return;
  const { band, row } = view.cursor;
  view.cursor = view.anchor = { band, row, place: end ? view.state.head.bands[band].shown - 1 : 0 };
  arrive(view);
}

function pick(view, how) {
  if (!view.state.bands || !startCursor(view)) return;
  view.anchor = view.cursor;
  select(view, view.cursor.band, [view.cursor.row], [[view.cursor.place, view.cursor.place + 1]], how);
  arrive(view);
}

function onEscape(view) {
  const { head } = view.state;
  if (head.selection) unselect(view);
  else if (head.text || head.statuses.length) view.choose({ text: '', statuses: [] });
  else return false;
  return true;
}

export function goToNext(view, step) {
  if (!view.state || !view.state.bands) return;
  const rows = listRows(view);
  if (!rows.length) return;
  const at = view.cursor ? rows.findIndex(([b, row]) => b === view.cursor.band && row === view.cursor.row) : 0;
  const place = view.cursor ? view.cursor.place : -1;
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

function isSelected(view, { band, row, place }) {
  const { selection } = view.state.head;
  if (!selection || selection.band !== band || !selection.rows.includes(row)) return false;
  return selection.ranges.some(([first, last]) => first <= place && place < last);
}

export function zoom(view, factor) {
  if (!view.state || !view.state.bands) return;
  const first = listRows(view).find(([b]) => view.state.head.bands[b].layout === 'line');
  const b = view.cursor && view.state.head.bands[view.cursor.band].layout === 'line' ? view.cursor.band : first && first[0];
  if (b === undefined) return;
  const window = getWindow(view, b);
  const centre = view.cursor && view.cursor.band === b ? view.cursor.place + 0.5 : (window.from + window.to) / 2;
  setWindow(view, b, zoomWindow(window, view.state.head.bands[b].shown, centre, factor));
}

export function showAll(view) {
  view.windows.clear();
  view.paint();
}

/** Bring the cursor into sight, and tell what stands there. */
function arrive(view) {
  const here = view.cursor;
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
