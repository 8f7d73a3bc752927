// The table of a board: sorted by any column, of many rows those that are seen.

import { element, setAttributes } from '../shared/elements.js';
import { formatCount } from '../shared/format.js';
import { onKeys } from '../shared/page.js';
import { makeGlyph } from '../shared/statuses.js';
import { orderRows } from './state.js';
import { makeScale } from './scale.js';

/** @import { Column, Drawn } from './types.js' */

const ROW_PX = 27;
/** So many rows beyond those that are seen are there, above and below. */
const SPARE_ROWS = 6;
const [LEAST_PX, MOST_PX, CHAR_PX] = [64, 260, 7.2];
/** So many values tell how wide a column is. */
const MEASURED = 60;
let tables = 0;

/**
 * @param {{ pick: (rows: number[], how: 'only' | 'toggle' | 'range') => void, open: (row: number) => void, stop: (row: number) => void, clear: () => void }} on
 */
export function makeTable(on) {
  tables += 1;
  const own = `nbpart-board-${tables}`;
  const head = element('div', { role: 'row', class: 'nbpart-grid-row is-head' });
  const body = element('div', { role: 'rowgroup', class: 'nbpart-grid-body' });
  const node = element('div', { role: 'grid', class: 'nbpart-grid', tabindex: '0', 'aria-multiselectable': 'true', 'aria-label': 'Partitions, best first' }, element('div', { role: 'rowgroup' }, head), body);
  /** @type {Drawn | null} */
  let drawn = null;
  /** @type {number[]} */
  let order = [];
  /** @type {{ name: string | null, falls: boolean }} */
  let sorted = { name: null, falls: false };
  let active = 0;
  let anchor = 0;
  /** @type {{ column: Column, format: (value: number) => string, width: number }[]} */
  let columns = [];
  let template = '';

  function layOut() {
    if (!drawn) return;
    const { board, columns: all } = drawn.page;
    columns = all.map((column) => {
      const { format } = makeScale(column);
      const longest = Math.max(column.name.length + 3, ...Array.from(column.values.subarray(0, MEASURED), (value) => format(value).length + (column.name === 'status' ? 5 : 0)));
      return { column, format, width: Math.max(LEAST_PX, Math.min(MOST_PX, longest * CHAR_PX + 18)) };
    });
    const key = Math.max(LEAST_PX, Math.min(MOST_PX, Math.max(13, ...board.keys.slice(0, MEASURED).map((text) => (text ?? '').length)) * CHAR_PX + 12));
    const stop = hasLive() ? ' 96px' : '';
    template = `26px ${key}px ${columns.map(({ width }, i) => (i < columns.length - 1 ? `${width}px` : `minmax(${width}px, 1fr)`)).join(' ')}${stop}`;
    const total = 26 + key + columns.reduce((sum, { width }) => sum + width, 0) + (stop ? 96 : 0) + 16;
    node.style.setProperty('--nbpart-grid-columns', template);
    head.style.minWidth = `${total}px`;
    body.style.minWidth = `${total}px`;
  }

  const hasLive = () => Boolean(drawn && findStatus()?.labels.some((label) => label === 'running'));
  const findStatus = () => drawn?.page.columns.find(({ name, role }) => name === 'status' && role === 'fact');

  function showHead() {
    if (!drawn) return;
    const cells = [
      element('div', { role: 'columnheader', class: 'nbpart-star nbpart-faint', 'aria-label': 'best', title: 'The best has a star', text: '★' }),
      makeHeader(null, 'key', 'Best first', false),
      ...columns.map(({ column }) => makeHeader(column, column.name, column.better ? `${column.better} is better` : '', column.kind !== 'category')),
      ...(hasLive() ? [element('div', { role: 'columnheader', class: 'nbpart-faint', text: 'while it runs' })] : []),
    ];
    const focused = head.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.column : null;
    head.replaceChildren(...cells);
    if (focused !== null && focused !== undefined) /** @type {HTMLElement | undefined} */ ([...head.querySelectorAll('button')].find(({ dataset }) => dataset.column === focused))?.focus();
  }

  /** @type {(column: Column | null, text: string, title: string, isNumber: boolean) => HTMLElement} */
  function makeHeader(column, text, title, isNumber) {
    const name = column ? column.name : null;
    const is = sorted.name === name;
    const better = column ? ({ max: '↑', min: '↓' }[column.better] ?? '') : '';
    const arrow = is && (name !== null || sorted.falls) ? (sorted.falls ? ' ▾' : ' ▴') : '';
    const button = element('button', { type: 'button', class: 'nbpart-plain', 'data-column': name ?? '', title: `Sort by ${text}${title ? `; ${title}` : ''}`, onclick: () => sortBy(name) }, text + arrow, better ? element('span', { class: 'nbpart-faint', text: ` ${better}` }) : null);
    return element('div', { role: 'columnheader', class: isNumber ? 'is-number' : '', 'aria-sort': is ? (sorted.falls ? 'descending' : 'ascending') : 'none' }, button);
  }

  /** @param {string | null} name */
  function sortBy(name) {
    const column = drawn?.page.columns.find((each) => each.name === name);
    const isFalling = column?.better === 'max';
    if (sorted.name === name) sorted = sorted.falls === isFalling ? { name, falls: !isFalling } : { name: null, falls: false };
    else sorted = { name, falls: isFalling };
    node.scrollTop = 0;
    active = 0;
    showAll();
  }

  function showRows() {
    if (!drawn) return;
    const seen = Math.ceil(node.clientHeight / ROW_PX) || 12;
    const first = Math.max(0, Math.floor(node.scrollTop / ROW_PX) - SPARE_ROWS);
    const last = Math.min(order.length, first + seen + 2 * SPARE_ROWS);
    body.style.height = `${order.length * ROW_PX}px`;
    const focused = body.contains(document.activeElement) ? document.activeElement?.closest('[role=row]')?.id : null;
    body.replaceChildren(...Array.from({ length: last - first }, (_, i) => makeRow(first + i)));
    if (focused) /** @type {HTMLElement | null} */ (body.querySelector(`#${focused} button`))?.focus();
    showActive();
  }

  /** @param {number} place */
  function makeRow(place) {
    const { page, picked } = /** @type {Drawn} */ (drawn);
    const row = order[place];
    const isBest = page.board.best === row;
    const early = page.board.early.includes(row);
    const label = page.board.keys[row] ?? page.board.asset;
    const status = findStatus();
    const cells = columns.map(({ column, format }) => {
      const value = column.values[row];
      const text = format(value);
      const isStatus = column === status;
      return element('div', { role: 'gridcell', class: [column.kind === 'category' ? '' : 'is-number', Number.isNaN(value) ? 'nbpart-faint' : ''].join(' ').trim(), title: column.kind === 'number' && !Number.isNaN(value) ? String(value) : text },
        isStatus ? makeGlyph(text) : null, isStatus && early ? 'stopped early' : text);
    });
    const isLive = status && status.labels[status.values[row]] === 'running' && page.board.run_ids[row];
    const stop = isLive ? element('button', { type: 'button', text: 'Stop early', 'aria-label': `Stop ${label} early`, title: 'Ask the run to end with what it has', onclick: (/** @type {Event} */ event) => { event.stopPropagation(); on.stop(row); } }) : null;
    const line = element('div', { role: 'row', id: `${own}-${row}`, class: 'nbpart-grid-row', 'aria-rowindex': place + 2, 'aria-selected': String(Boolean(picked[row])), 'data-place': place },
      element('div', { role: 'gridcell', class: 'nbpart-star', title: isBest ? 'best' : '', text: isBest ? '★' : '', 'aria-label': isBest ? 'best' : null }),
      element('div', { role: 'gridcell', class: 'nbpart-grid-key', title: label, text: label }), ...cells,
      hasLive() ? element('div', { role: 'gridcell' }, stop) : null);
    line.style.transform = `translateY(${place * ROW_PX}px)`;
    return line;
  }

  function showActive() {
    body.querySelectorAll('.is-active').forEach((each) => each.classList.remove('is-active'));
    const shown = order.length ? body.querySelector(`#${own}-${order[active]}`) : null;
    shown?.classList.add('is-active');
    setAttributes(node, { 'aria-activedescendant': shown ? shown.id : null });
  }

  function showAll() {
    if (!drawn) return;
    const column = drawn.page.columns.find(({ name }) => name === sorted.name) ?? null;
    order = orderRows(drawn.inside, column, sorted.falls);
    active = Math.max(0, Math.min(active, order.length - 1));
    anchor = Math.max(0, Math.min(anchor, order.length - 1));
    const across = node.scrollWidth > node.clientWidth ? 16 : 0;
    // as high for few that are left: what stands below must not move while somebody brushes there
    node.style.height = `${Math.min(drawn.inside.length, 9.5) * ROW_PX + 32 + across}px`;
    setAttributes(node, { 'aria-rowcount': order.length + 1, 'aria-colcount': columns.length + 2 });
    showHead();
    showRows();
  }

  /** @type {(to: number, isRange: boolean) => void} */
  function move(to, isRange) {
    active = Math.max(0, Math.min(order.length - 1, to));
    const top = active * ROW_PX;
    const room = node.clientHeight - 30 - ROW_PX;
    if (top < node.scrollTop) node.scrollTop = top;
    else if (top > node.scrollTop + room) node.scrollTop = top - room;
    showRows();
    if (isRange) on.pick(between(anchor, active), 'range');
    else anchor = active;
  }

  /** @type {(a: number, b: number) => number[]} */
  const between = (a, b) => order.slice(Math.min(a, b), Math.max(a, b) + 1);

  node.addEventListener('scroll', showRows);
  body.addEventListener('click', (event) => {
    const found = /** @type {Element} */ (event.target).closest('[data-place]');
    if (!(found instanceof HTMLElement)) return;
    active = Number(found.dataset.place);
    if (event.shiftKey) on.pick(between(anchor, active), 'range');
    else {
      anchor = active;
      const row = order[active];
      on.pick([row], event.ctrlKey || event.metaKey ? 'toggle' : 'only');
      if (!event.ctrlKey && !event.metaKey) on.open(row);
    }
    showActive();
  });
  const page = () => Math.max(1, Math.floor(node.clientHeight / ROW_PX) - 2);
  /** @type {(action: (event: KeyboardEvent) => unknown) => (event: KeyboardEvent) => unknown} */
  const onGrid = (action) => (event) => (event.target === node && order.length ? action(event) : false);
  onKeys(node, {
    ArrowDown: onGrid((event) => move(active + 1, event.shiftKey)), ArrowUp: onGrid((event) => move(active - 1, event.shiftKey)),
    PageDown: onGrid((event) => move(active + page(), event.shiftKey)), PageUp: onGrid((event) => move(active - page(), event.shiftKey)),
    Home: onGrid((event) => move(0, event.shiftKey)), End: onGrid((event) => move(order.length - 1, event.shiftKey)),
    ' ': onGrid(() => on.pick([order[active]], 'toggle')), Escape: onGrid(() => on.clear()),
    Enter: onGrid(() => {
      on.pick([order[active]], 'only');
      on.open(order[active]);
    }),
  });

  return {
    node,
    /** @param {Drawn} next */
    show(next) {
      const isNew = drawn?.page.columns !== next.page.columns;
      drawn = next;
      if (isNew) layOut();
      showAll();
    },
    /** How many rows there are, for a person. */
    count: () => formatCount(order.length),
  };
}
