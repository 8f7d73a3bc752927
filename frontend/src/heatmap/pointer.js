// The pointer: brushing, panning, zooming, hovering.

import { COLUMN_ORDER, LATE_GLYPH, STATUSES, UNSOUND_GLYPH, UNSOUND_WORDS, URGENCY } from '../generated/constants.js';
import { formatCount, plural } from '../shared/format.js';
import { describePartition } from './controls.js';
import { panWindow, zoomWindow } from './geometry.js';
import { findHit, getWindow, setWindow } from './places.js';
import { findBetween, findNearest, onClick, select } from './selection.js';
import { countStatuses, findMostUrgent } from './statuses.js';

/** @import { PartitionFactsJson } from '../generated/messages.js' */
/** @import { Hit, Pan, Place, Press } from './types.js' */
/** @import { HeatmapView } from './view.js' */

/** @param {HeatmapView} view */
export function listenToPointer(view) {
  const { stage } = view;
  /** @type {(event: MouseEvent) => [number, number]} */
  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  stage.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || !view.layout) return;
    stage.focus({ preventScroll: true });
    const hit = findHit(view, ...at(event));
    if (!hit) return;
    stage.setPointerCapture(event.pointerId);
    if (hit.item.kind === 'axis') view.pan = { band: hit.band, x: event.clientX, window: getWindow(view, hit.band) };
    else if (hit.row >= 0 && hit.first >= 0) view.press = { hit, x: event.clientX, y: event.clientY };
  });
  stage.addEventListener('pointermove', (event) => {
    if (!view.layout) return;
    if (view.pan) onDrag(view, event, view.pan);
    else if (view.press) onBrush(view, event, at(event), view.press);
    else pointAt(view, findHit(view, ...at(event)), at(event));
  });
  stage.addEventListener('pointerup', (event) => {
    const { press, brush } = view;
    view.press = view.pan = null;
    if (brush) select(view, brush.band, brush.rows, brush.ranges);
    else if (press) onClick(view, press.hit, event);
    view.brush = null;
    view.mark();
  });
  stage.addEventListener('pointercancel', () => {
    view.press = view.pan = view.brush = null;
    view.mark();
  });
  stage.addEventListener('pointerleave', () => pointAt(view, null));
  stage.addEventListener('wheel', (event) => onWheel(view, event, at(event)), { passive: false });
  for (const kind of ['focus', 'blur']) stage.addEventListener(kind, () => view.mark());
}

/**
 * @param {HeatmapView} view
 * @param {WheelEvent} event
 * @param {[number, number]} at
 */
function onWheel(view, event, at) {
  if (!view.layout) return;
  const hit = findHit(view, ...at);
  if (!hit || hit.row < 0 || hit.item.cell) return;
  const { from, to } = getWindow(view, hit.band);
  const n = view.state.head.bands[hit.band].shown;
  const across = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (event.ctrlKey || event.metaKey) {
    const centre = from + (hit.along / view.size.track) * (to - from);
    setWindow(view, hit.band, zoomWindow({ from, to }, n, centre, Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 150)));
  } else if (Math.abs(across) > Math.abs(event.shiftKey ? 0 : event.deltaY) && to - from < n) {
    setWindow(view, hit.band, panWindow({ from, to }, n, (across / view.size.track) * (to - from)));
  } else return;
  event.preventDefault();
}

/**
 * @param {HeatmapView} view
 * @param {MouseEvent} event
 * @param {Pan} pan
 */
function onDrag(view, event, { band, x, window }) {
  if (view.state.head.bands[band].layout !== 'line') return;
  const by = ((x - event.clientX) / view.size.track) * (window.to - window.from);
  setWindow(view, band, panWindow(window, view.state.head.bands[band].shown, by));
}

/**
 * Brush from where the pointer went down to where it is, within one band.
 *
 * @param {HeatmapView} view
 * @param {MouseEvent} event
 * @param {[number, number]} at
 * @param {Press} press
 */
function onBrush(view, event, [x, y], { hit: start, ...from }) {
  const hit = findHit(view, x, y);
  if (!view.brush && Math.hypot(event.clientX - from.x, event.clientY - from.y) < 4) return;
  view.tooltip.hide();
  const end = hit && hit.band === start.band && hit.row >= 0 && hit.first >= 0 ? hit : findNearest(view, start.band, x, y);
  if (end) view.brush = { band: start.band, ...findBetween(view, start, end) };
  view.mark();
}


/**
 * @param {HeatmapView} view
 * @param {Hit | null} hit
 * @param {[number, number]} [at]
 */
function pointAt(view, hit, [x, y] = [0, 0]) {
  clearTimeout(view.detailsTimer);
  if (!hit || hit.row < 0 || hit.first < 0) {
    view.hover = null;
    view.tooltip.hide();
    return;
  }
  const band = view.state.head.bands[hit.band];
  const codes = view.state.bands[hit.band].status[hit.row];
  const place = findMostUrgent(codes, hit.first, hit.last, URGENCY);
  const many = hit.last - hit.first;
  /** @type {Place} */
  const here = { band: hit.band, row: hit.row, place };
  const { name, glyph } = STATUSES[codes[place]];
  const { late, unsound } = view.state.bands[hit.band];
  /** @type {(marks: Uint8Array | null, sign: string, words: string) => string[]} */
  const count = (marks, sign, words) => {
    const n = marks ? marks.subarray(hit.first, hit.last).reduce((sum, one) => sum + one, 0) : 0;
    return n ? [`${sign} ${many > 1 ? `${formatCount(n)} ` : ''}${words}`] : [];
  };
  const marked = [...count(late[hit.row], LATE_GLYPH, 'late'), ...count(unsound[hit.row], UNSOUND_GLYPH, UNSOUND_WORDS)];
  const box = view.stage.getBoundingClientRect();
  const outer = view.root.getBoundingClientRect();
  /** @type {(title: string, lines: string[]) => void} */
  const show = (title, lines) => view.tooltip.show(x + box.left - outer.left, y + box.top - outer.top, outer, title, lines);
  const among = many > 1 ? [`${plural(many, 'partition')} here: ${describeStatuses(countStatuses(codes, hit.first, hit.last))}`] : [];
  const { hover } = view;
  const isSame = hover && hover.place === place && hover.row === hit.row && hover.band === hit.band;
  const known = isSame ? hover.found : undefined;
  const row = band.rows[hit.row].name;
  /** @param {PartitionFactsJson} [found] */
  const title = (found) => (found ? `${row}${found.key === null ? '' : ` · ${found.key}`}` : row);
  /** @param {PartitionFactsJson} [found] */
  const lines = (found) => [`${glyph} ${name}`, ...marked, ...(found ? describePartition(found) : []), ...among];
  show(title(known), lines(known));
  if (known) return;
  view.hover = here;
  view.detailsTimer = setTimeout(async () => {
    const found = await requestDetails(view, here);
    if (view.hover !== here || !found) return;
    here.found = found;
    show(title(found), lines(found));
  }, 60);
}

/** @param {number[]} counts */
function describeStatuses(counts) {
  return COLUMN_ORDER.filter((code) => counts[code]).map((code) => `${formatCount(counts[code])} ${STATUSES[code].name}`).join(', ');
}

/**
 * @param {HeatmapView} view
 * @param {Place} place
 * @returns {Promise<PartitionFactsJson | null>}
 */
export async function requestDetails(view, { band, row, place }) {
  const number = view.state.head.view;
  return view.link.request('details', { view: number, band, row, place }).then((answer) => answer.partition, () => null);
}
