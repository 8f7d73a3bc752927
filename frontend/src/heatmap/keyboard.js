// Keys: the cursor and where it goes.

import { CODES, LATE_GLYPH, STATUSES, UNSOUND_GLYPH, UNSOUND_WORDS, URGENCY } from '../generated/constants.js';
import { onKeys } from '../shared/page.js';
import { describePartition } from './controls.js';
import { panWindow, zoomWindow } from './geometry.js';
import { findPlaces, findRow, getGrid, getWindow, setWindow } from './places.js';
import { requestDetails } from './pointer.js';
import { extendSelection, select, unselect } from './selection.js';
import { findMostUrgent, findNext } from './statuses.js';

/** @import { Place } from './types.js' */
/** @import { HeatmapView } from './view.js' */

/** @param {HeatmapView} view */
export function listenToKeys(view) {
  /** @type {(across: number, down: number) => (event: KeyboardEvent) => void} */
  const move = (across, down) => (event) => moveCursor(view, across, down, event.shiftKey);
  onKeys(view.stage, {
    ArrowLeft: move(-1, 0), ArrowRight: move(1, 0), ArrowUp: move(0, -1), ArrowDown: move(0, 1),
    Home: () => jumpToEnd(view, 0), End: () => jumpToEnd(view, 1),
    Enter: () => selectAtCursor(view), ' ': () => selectAtCursor(view),
    Escape: () => onEscape(view),
    '+': () => zoom(view, 0.5), '=': () => zoom(view, 0.5), '-': () => zoom(view, 2), 0: () => showAll(view),
    n: () => goToNext(view, 1), N: () => goToNext(view, -1),
    '/': () => view.toolbar.find.focus(),
  });
}

/**
 * The rows in the order of the screen, as [band, row], without those of bands that show nothing.
 *
 * @param {HeatmapView} view
 * @returns {[band: number, row: number][]}
 */
function listRows(view) {
  return view.state.head.bands.flatMap((band, bandIndex) => (band.shown ? band.rows.map((_, row) => [bandIndex, row]) : []));
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
 * @param {boolean} isExtending
 */
function moveCursor(view, across, down, isExtending) {
  if (!view.state.bands) return;
  const isNew = !view.cursor;
  const before = startCursor(view);
  if (!before) return;
  const here = isNew ? before : findNextPlace(view, before, across, down);
  view.cursor = here;
  if (isExtending && view.anchor && view.anchor.band === here.band) extendSelection(view);
  else view.anchor = here;
  revealCursor(view, here);
}

/**
 * @param {HeatmapView} view
 * @param {Place} from
 * @param {number} across
 * @param {number} down
 * @returns {Place}
 */
function findNextPlace(view, from, across, down) {
  const { band: bandIndex, row, place } = from;
  const band = view.state.head.bands[bandIndex];
  if (band.layout === 'grid') {
    const inside = findNextPlaceInGrid(view, from, across, down);
    if (inside) return inside;
    if (across) return from;
  } else if (across) {
    const window = getWindow(view, bandIndex);
    const by = band.layout === 'cell' ? 0 : Math.max(1, Math.round((window.to - window.from) / view.size.track));
    return { band: bandIndex, row, place: Math.max(0, Math.min(band.shown - 1, place + across * by)) };
  }
  const rows = listRows(view);
  const at = rows.findIndex(([x, y]) => x === bandIndex && y === row);
  const [nextBand, nextRow] = rows[Math.max(0, Math.min(rows.length - 1, at + down))];
  if (nextBand === bandIndex) return { band: bandIndex, row: nextRow, place };
  return { band: nextBand, row: nextRow, place: Math.floor(getWindow(view, nextBand).from) };
}

/**
 * The most urgent place of the next filled cell that way in the grid; null past its edge.
 *
 * @param {HeatmapView} view
 * @param {Place} from
 * @param {number} across
 * @param {number} down
 * @returns {Place | null}
 */
function findNextPlaceInGrid(view, { band: bandIndex, row, place }, across, down) {
  const { columns, rows, cells } = getGrid(view, bandIndex);
  let [column, line] = [cells[place] % columns.length, Math.floor(cells[place] / columns.length)];
  for (;;) {
    column += across;
    line += down;
    if (column < 0 || line < 0 || column >= columns.length || line >= rows.length) return null;
    const found = findPlaces(view, bandIndex, line * columns.length + column);
    if (found) return { band: bandIndex, row, place: findMostUrgent(view.state.bands[bandIndex].status[row], ...found, URGENCY) };
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
  revealCursor(view, here);
}

/**
 * @param {HeatmapView} view
 * @param {{ silent?: boolean }} [how]
 */
function selectAtCursor(view, how) {
  const here = startCursor(view);
  if (!here) return;
  view.anchor = here;
  select(view, here.band, [here.row], [[here.place, here.place + 1]], how);
  revealCursor(view, here);
}

/** @param {HeatmapView} view */
function onEscape(view) {
  const { head } = view.state;
  if (head.selection) unselect(view);
  else if (head.text || head.statuses.length) view.setOptions({ text: '', statuses: [] });
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
  const at = cursor ? rows.findIndex(([bandIndex, row]) => bandIndex === cursor.band && row === cursor.row) : 0;
  const place = cursor ? cursor.place : -1;
  const failed = findNext(rows.map(([bandIndex, row]) => view.state.bands[bandIndex].status[row]), { row: Math.max(0, at), place }, CODES.failed, step);
  if (!failed) {
    view.announce('Nothing failed.');
    return;
  }
  const [band, row] = rows[failed.row];
  view.stage.focus({ preventScroll: true });
  view.cursor = { band, row, place: failed.place };
  selectAtCursor(view, { silent: true }); // so that the description below is of the same partition
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
  const first = listRows(view).find(([bandIndex]) => view.state.head.bands[bandIndex].layout === 'line');
  const bandIndex = view.cursor && view.state.head.bands[view.cursor.band].layout === 'line' ? view.cursor.band : first && first[0];
  if (bandIndex === undefined) return;
  const window = getWindow(view, bandIndex);
  const centre = view.cursor && view.cursor.band === bandIndex ? view.cursor.place + 0.5 : (window.from + window.to) / 2;
  setWindow(view, bandIndex, zoomWindow(window, view.state.head.bands[bandIndex].shown, centre, factor));
}

/** @param {HeatmapView} view */
export function showAll(view) {
  view.windows.clear();
  view.paint();
}

/**
 * Scroll and pan to the cursor, and describe the partition there.
 *
 * @param {HeatmapView} view
 * @param {Place} here
 */
function revealCursor(view, here) {
  const { band: bandIndex, row, place } = here;
  const band = view.state.head.bands[bandIndex];
  const window = getWindow(view, bandIndex);
  if (band.layout === 'line' && (place < window.from || place >= window.to)) {
    setWindow(view, bandIndex, panWindow(window, band.shown, place + 0.5 - (window.from + window.to) / 2));
  }
  const item = findRow(view, bandIndex, row);
  if (item && item.y < view.scroll.scrollTop) view.scroll.scrollTop = item.y - 4;
  else if (item && item.y + Math.min(item.height, 200) > view.scroll.scrollTop + view.size.height) view.scroll.scrollTop = item.y + item.height - view.size.height + 4;
  view.mark();
  clearTimeout(view.detailsTimer);
  view.tooltip.hide();
  view.detailsTimer = setTimeout(async () => {
    const found = await requestDetails(view, here);
    if (view.cursor !== here || !found) return;
    const { name, glyph } = STATUSES[view.state.bands[bandIndex].status[row][place]];
    const where = found.key === null ? band.rows[row].name : `${band.rows[row].name} · ${found.key}`;
    const late = view.state.bands[bandIndex].late[row]?.[place] ? [`${LATE_GLYPH} late`] : [];
    const unsound = view.state.bands[bandIndex].unsound[row]?.[place] ? [`${UNSOUND_GLYPH} ${UNSOUND_WORDS}`] : [];
    const text = [where, `${glyph} ${name}`, ...late, ...unsound, ...describePartition(found)].join(' · ');
    view.footer.textContent = isSelected(view, here) ? text : `${text} · Enter selects it`;
    view.announce(text);
  }, 80);
}
