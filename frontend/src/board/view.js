// A view of a board: its table, parallel coordinates, a scatter, and the curves of what is chosen.

import { runAction } from '../shared/actions.js';
import { makeCurves } from '../shared/curves.js';
import { element } from '../shared/elements.js';
import { formatCount, plural, shorten } from '../shared/format.js';
import { makeNotebookView } from '../shared/notebook.js';
import { makeCodeLine, makeOutcome } from '../shared/outcome.js';
import { makeAnnouncer, onceAFrame, onThemeChange } from '../shared/page.js';
import { makeSection } from '../shared/sections.js';
import { makeColouring } from './colouring.js';
import { LEAST_DISTANCE, makeParallel } from './parallel.js';
import { makeScatter } from './scatter.js';
import { setBrush } from './scale.js';
import { chooseNothing, findInside, findPicked, hasBrush } from './state.js';
import { makeTable } from './table.js';

/** @import { BoardLink, Choice, Column, Drawn } from './types.js' */
/** @import { ShownRun } from '../shared/types.js' */

/** So long after the last change of a brush Python is told, in milliseconds. */
const TELL_AFTER_MS = 150;
/** Curves of so many are drawn where rows are chosen, and else of the best. */
const [MOST_CURVES, BEST_CURVES] = [100, 8];

/**
 * @param {BoardLink} link
 * @param {HTMLElement} root
 */
export function drawBoard(link, root) {
  root.classList.add('nbpart-board');
  const announce = makeAnnouncer(root, 1500);
  const result = makeOutcome();
  const by = `${link.client}.${Math.random().toString(36).slice(2)}`;
  /** @type {Choice} */
  let choice = pickChoice(link.state.chosen);
  /** @type {Drawn} */
  let drawn;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let opened = '';
  /** @type {Choice | null} what was chosen when a person zoomed in */
  let zoomed = null;

  const title = element('b');
  const summary = element('span', { class: 'nbpart-faint' });
  const chosenText = element('span', { class: 'nbpart-chosen' });
  const clear = element('button', { type: 'button', text: 'Choose nothing', onclick: () => choose(chooseNothing()) });
  const code = element('div', { class: 'nbpart-board-code' });
  const constant = element('div', { class: 'nbpart-faint nbpart-constant' });
  const empty = element('div', { class: 'nbpart-empty' });
  const table = makeTable({
    pick, clear: () => choose(chooseNothing()), open: (row) => open(row),
    stop: (row) => runAction(link, table.node, result, 'stop_run', { run_id: drawn.page.board.run_ids[row] ?? '' }),
  });
  const notebookSection = makeSection('Executed notebook');
  const notebook = makeNotebookView(link, notebookSection, { isEager: true });
  const parallel = makeParallel(root, (column, scale, brush) => choose(setBrush(choice, column, scale, brush)));
  const scatter = makeScatter(root, (row, add) => pick([row], add ? 'toggle' : 'only'));
  const curves = makeCurves(link, root);
  const zoomButton = element('button', { type: 'button', text: 'Zoom to the brush', title: 'Axes as long as what is brushed needs; again: all of it', 'aria-pressed': 'false', onclick: () => {
    zoomed = zoomed ? null : choice;
    draw();
  } });
  const axes = makeAxisMenu(() => draw());
  const [colour, x, y] = ['Colour', 'Across', 'Up'].map((label) => element('select', { 'aria-label': label, onchange: () => draw() }));
  /** @type {(text: string, select: HTMLSelectElement) => HTMLElement} */
  const labelled = (text, select) => element('label', { class: 'nbpart-check' }, `${text} `, select);
  const charts = element('div', { class: 'nbpart-charts' },
    element('div', { class: 'nbpart-bar' }, axes.node, labelled('colour', colour), makeLegendPlace(), element('span', { class: 'nbpart-spacer' }), zoomButton), parallel.node,
    element('div', { class: 'nbpart-pair' },
      element('section', { 'aria-label': 'Scatter' }, element('div', { class: 'nbpart-bar' }, labelled('across', x), labelled('up', y)), scatter.node),
      element('section', { 'aria-label': 'Curves' }, curves.node)));
  root.append(element('div', { class: 'nbpart-bar' }, title, summary, element('span', { class: 'nbpart-spacer' }), chosenText, clear), code, empty, table.node, constant, result.node, notebookSection.node, charts);
  notebookSection.show(false);

  function makeLegendPlace() {
    return element('span', { class: 'nbpart-colour-legend' });
  }

  /** @param {Choice} next */
  function choose(next) {
    choice = next;
    redraw();
    clearTimeout(timer);
    timer = setTimeout(() => link.request('choose', { ...choice, by }).catch((error) => result.fail(error)), TELL_AFTER_MS);
  }

  /** @type {(rows: number[], how: 'only' | 'toggle' | 'range') => void} */
  function pick(rows, how) {
    const keys = rows.map((row) => drawn.page.board.keys[row]);
    const isThere = how === 'toggle' && choice.keys.includes(keys[0]);
    const next = how === 'toggle' ? (isThere ? choice.keys.filter((key) => key !== keys[0]) : [...choice.keys, ...keys]) : keys;
    choose({ ...choice, keys: next });
  }

  /** @param {number} row */
  async function open(row) {
    const id = drawn.page.board.run_ids[row];
    const label = drawn.page.board.keys[row] ?? drawn.page.board.asset;
    opened = id ?? '';
    notebookSection.setNote(shorten(label, 80));
    if (!id) {
      notebookSection.show(false);
      result.show({ message: `${label} has no run yet.`, code: '' });
      return;
    }
    try {
      const run = await link.request('read_run', { run_id: id });
      if (opened !== id) return;
      result.clear();
      notebook.show(run);
      if (!run.notebook) result.show({ message: `${label} is ${run.status} and has no executed notebook.`, code: '' });
      if (run.error) result.fail(new Error(run.error));
    } catch (error) {
      if (opened === id) result.fail(error);
    }
  }

  function draw() {
    const page = link.state;
    const { board, columns } = page;
    const inside = findInside(columns, choice, board.keys.length);
    const picked = findPicked(board.keys, choice);
    fillSelects(columns);
    const zoom = zoomed ? { rows: findInside(columns, zoomed, board.keys.length), ranges: zoomed.ranges } : null;
    const colouring = makeColouring(root, columns.find(({ name }) => name === colour.value) ?? null, zoom);
    drawn = { page, inside, picked, colouring, zoom };
    zoomButton.hidden = !zoomed && !hasBrush(choice);
    zoomButton.setAttribute('aria-pressed', String(Boolean(zoomed)));
    const isEmpty = board.keys.length === 0;
    drawHead();
    root.classList.toggle('nbpart-is-empty', isEmpty);
    for (const part of [table.node, charts]) part.hidden = isEmpty;
    if (isEmpty) return;
    table.show(drawn);
    parallel.show(axes.choose(columns, parallel.node.clientWidth), choice, drawn);
    drawLegend();
    const [across, up] = [x, y].map((select) => columns.find(({ name }) => name === select.value));
    if (across && up) scatter.show(across, up, drawn);
    curves.show(listRuns(drawn, choice), board);
  }
  const redraw = onceAFrame(draw);

  function drawHead() {
    const { board, columns } = drawn.page;
    const status = columns.find(({ name, role }) => name === 'status' && role === 'fact');
    const made = status ? status.values.reduce((sum, place) => sum + Number(['materialized', 'stale'].includes(status.labels[place])), 0) : 0;
    title.textContent = board.asset;
    const failed = status ? status.values.reduce((sum, place) => sum + Number(status.labels[place] === 'failed'), 0) : 0;
    const fails = failed ? `, ${formatCount(failed)} failed` : '';
    const more = board.more ? `, the first ${formatCount(board.keys.length)} are shown` : '';
    const why = board.early.length === made ? 'all ended early' : 'no metric has a value, or nobody said which is better';
    const best = board.best === null && made ? `, none is best: ${why}` : '';
    summary.textContent = board.keys.length ? `${formatCount(made)} of ${plural(board.keys.length + board.more, 'partition')} made${fails}${more}${best}` : '';
    empty.replaceChildren(element('p', { text: `${board.asset} has no partitions yet. They appear here as they are added and run:` }), element('pre', { text: `trials.add_sample(20)\nws.backfill(${JSON.stringify(board.asset)})` }));
    constant.textContent = board.constant ? `equal in all: ${board.constant}` : '';
    constant.hidden = !board.constant;
    const isChosen = choice.keys.length > 0 || hasBrush(choice);
    const count = choice.keys.length || drawn.inside.reduce((sum, is) => sum + is, 0);
    chosenText.textContent = isChosen ? `${formatCount(count)} of ${formatCount(board.keys.length)} chosen` : '';
    clear.hidden = !isChosen;
    const line = isChosen ? drawn.page.chosen.code : '';
    if (code.dataset.line !== line) {
      code.dataset.line = line;
      code.replaceChildren(line ? makeCodeLine(line) : element('span', { class: 'nbpart-faint', text: 'Choose rows, or drag along an axis: the condition stands here.' }));
    }
    announce(isChosen ? chosenText.textContent : summary.textContent ?? '');
  }

  function drawLegend() {
    const { legend, isRamp, shades } = drawn.colouring;
    const place = /** @type {HTMLElement} */ (charts.querySelector('.nbpart-colour-legend'));
    if (isRamp) {
      const bar = element('i', { class: 'nbpart-ramp', 'aria-hidden': 'true' });
      bar.style.background = `linear-gradient(to right, ${shades.join(', ')})`;
      place.replaceChildren(legend[0]?.label ?? '', bar, legend[1]?.label ?? '');
      return;
    }
    place.replaceChildren(...legend.map(({ label, colour: shade }) => {
      const swatch = element('i', { class: 'nbpart-swatch', 'aria-hidden': 'true' });
      swatch.style.background = shade;
      return element('span', {}, swatch, shorten(label, 24));
    }));
  }

  /** @param {Column[]} columns */
  function fillSelects(columns) {
    const drawable = columns.filter(({ kind, labels }) => kind !== 'category' || labels.length > 0);
    const names = drawable.map(({ name }) => name);
    const metrics = drawable.filter(({ role }) => role === 'metric').map(({ name }) => name);
    const inputs = drawable.filter(({ role, kind }) => (role === 'parameter' || role === 'setting') && kind !== 'category').map(({ name }) => name);
    const fact = ['duration_s', 'status'].find((name) => names.includes(name));
    const first = [metrics[0] ?? 'status', inputs[0] ?? metrics[1] ?? names[0], metrics[0] ?? fact];
    [colour, x, y].forEach((select, i) => {
      const text = JSON.stringify(names);
      if (select.dataset.names === text) return;
      // what a person chose stays; what was taken for want of anything better does not
      const kept = select.dataset.first !== select.value && names.includes(select.value) ? select.value : first[i];
      select.dataset.names = text;
      select.dataset.first = first[i] ?? '';
      select.replaceChildren(...names.map((value) => element('option', { value, text: value })));
      select.value = kept ?? names[0] ?? '';
    });
  }

  /** @type {Parameters<BoardLink['listen']>[0]} */
  function onChange(kind) {
    const { chosen } = link.state;
    if ((kind === 'chosen' || kind === 'snapshot') && chosen.by !== by) choice = chosen.by ? pickChoice(chosen) : choice;
    redraw();
  }

  const stopListening = link.listen(onChange);
  const stopTheme = onThemeChange(() => setTimeout(redraw, 50));
  const resized = new ResizeObserver(redraw);
  resized.observe(root);
  draw();
  return () => {
    stopListening();
    stopTheme();
    resized.disconnect();
    clearTimeout(timer);
    curves.close();
    notebook.close();
  };
}

/**
 * @param {import('../generated/messages.js').ChosenJson} chosen
 * @returns {Choice}
 */
const pickChoice = ({ keys, ranges, labels }) => ({ keys, ranges, labels });

/**
 * The runs whose curves are drawn: those that are chosen, else the best that a brush leaves.
 *
 * @param {Drawn} drawn
 * @param {Choice} choice
 * @returns {ShownRun[]}
 */
function listRuns({ page, inside, picked, colouring }, choice) {
  const { keys, run_ids: ids, asset } = page.board;
  const status = page.columns.find(({ name, role }) => name === 'status' && role === 'fact');
  const wanted = choice.keys.length ? picked : inside;
  const most = choice.keys.length ? MOST_CURVES : BEST_CURVES;
  /** @type {ShownRun[]} */
  const runs = [];
  for (let row = 0; row < keys.length && runs.length < most; row += 1) {
    const id = ids[row];
    if (!wanted[row] || !id) continue;
    const shade = colouring.shadeOf(row);
    runs.push({ id, label: keys[row] ?? asset, live: status?.labels[status.values[row]] === 'running', colour: shade < 0 ? colouring.none : colouring.shades[shade] });
  }
  return runs;
}

/**
 * A menu of the columns that have an axis; as long as nobody chose, as many as fit.
 *
 * @param {() => void} onChange
 */
function makeAxisMenu(onChange) {
  const list = element('div', { class: 'nbpart-menu' });
  const node = element('details', { class: 'nbpart-axis-menu' }, element('summary', { text: 'Axes' }), list);
  /** @type {Set<string> | null} */
  let wanted = null;
  let built = '';
  return {
    node,
    /** @type {(columns: Column[], width: number) => Column[]} */
    choose(columns, width) {
      const able = columns.filter(({ kind, labels }) => kind !== 'category' || (labels.length > 0 && labels.length <= 40));
      const rank = { parameter: 0, setting: 1, metric: 2, fact: 3 };
      const first = [...able].sort((a, b) => rank[/** @type {keyof typeof rank} */ (a.role)] - rank[/** @type {keyof typeof rank} */ (b.role)]);
      const most = Math.max(2, Math.floor((width - 110) / LEAST_DISTANCE) + 1);
      const inner = first.filter(({ role }) => role !== 'fact');
      // one axis alone is no picture, and what is to be the best has one
      const wished = inner.length > 1 ? inner : first;
      const metrics = wished.filter(({ role }) => role === 'metric').slice(0, 1);
      const fits = new Set([...metrics, ...wished].slice(0, most).map(({ name }) => name));
      const shown = able.filter(({ name }) => (wanted ?? fits).has(name));
      const text = JSON.stringify([able.map(({ name }) => name), shown.map(({ name }) => name)]);
      if (text !== built) {
        built = text;
        list.replaceChildren(...able.map(({ name }) => element('label', { class: 'nbpart-check' }, element('input', { type: 'checkbox', checked: shown.some((each) => each.name === name), onchange: (/** @type {Event} */ event) => {
          wanted = new Set(shown.map((each) => each.name));
          if (/** @type {HTMLInputElement} */ (event.target).checked) wanted.add(name);
          else wanted.delete(name);
          onChange();
        } }), ` ${shorten(name, 40)}`)));
      }
      return shown;
    },
  };
}
