// The controls around the heatmap's canvas: toolbar, legend with filters, and what is shown without partitions.

import { CODES, DISPLAY_ORDER, LATE_GLYPH, STATUSES, UNSOUND_GLYPH, UNSOUND_WORDS } from '../generated/constants.js';
import { element } from '../shared/elements.js';
import { formatCount, formatDuration, formatNumber, formatTime, plural, shorten } from '../shared/format.js';

/** @import { BandJson, PartitionFactsJson, HeatmapHeadJson } from '../generated/messages.js' */
/** @import { ToolbarActions } from './types.js' */

// viridis without its darkest fifth, which is lost on a dark ground
export const RAMP_STOPS = ['#414487', '#31688e', '#26828e', '#1f9e89', '#35b779', '#6ece58', '#b5de2b', '#fde725'];

/**
 * The toolbar above the heatmap.
 *
 * @param {ToolbarActions} on
 */
export function makeToolbar(on) {
  const colour = element('select', { 'aria-label': 'Colour by', onchange: () => on.setOptions({ color_by: colour.value }) });
  const order = element('select', { 'aria-label': 'Order by', onchange: () => on.setOptions({ sort_by: order.value || null }) });
  const across = element('select', { 'aria-label': 'Across', onchange: () => on.setOptions({ across: across.value || null }) });
  const down = element('select', { 'aria-label': 'Down', onchange: () => on.setOptions({ down: down.value || null }) });
  const sides = [element('label', { hidden: true }, 'Across', across), element('label', { hidden: true }, 'Down', down)];
  const again = element('button', { type: 'button', hidden: true, 'data-sort': 'true', onclick: on.sort });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const find = element('input', {
    type: 'search', placeholder: 'key contains…', 'aria-label': 'Show keys that contain', maxlength: 200,
    oninput: () => {
      clearTimeout(timer);
      timer = setTimeout(() => on.setOptions({ text: find.value }), 250);
    },
  });
  find.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !find.value) return;
    event.stopPropagation();
    find.value = '';
    on.setOptions({ text: '' });
  });
  const next = element('button', { type: 'button', text: '✕ Next failed', title: 'Go to the next failed partition (n)', onclick: () => on.next(1) });
  const only = element('button', { type: 'button', hidden: true, 'data-focus': 'true', onclick: on.unfocus });
  const node = element(
    'div', { class: 'nbpart-bar' },
    only, element('label', {}, 'Colour', colour), element('label', {}, 'Order', order), ...sides, again, find, element('span', { class: 'nbpart-spacer' }), next,
    element('button', { type: 'button', text: '−', title: 'Zoom out (−)', 'aria-label': 'Zoom out', onclick: () => on.zoom(2) }),
    element('button', { type: 'button', text: '+', title: 'Zoom in (+), or Ctrl and the wheel', 'aria-label': 'Zoom in', onclick: () => on.zoom(0.5) }),
    element('button', { type: 'button', text: 'All', title: 'Show all (0)', 'aria-label': 'Show all partitions', onclick: on.showAll }),
  );
  /** @type {(select: HTMLSelectElement, options: string[][], value: string) => void} */
  const fill = (select, options, value) => {
    const wanted = options.some(([name]) => name === value) ? options : [...options, [value, value]];
    select.replaceChildren(...wanted.map(([name, text]) => element('option', { value: name, text, selected: name === value })));
    select.value = value;
  };
  /** @param {HeatmapHeadJson} head */
  const show = (head) => {
    const values = [['duration_s', 'duration'], ['rows', 'rows'], ['bytes', 'bytes'], ...head.metrics.map((name) => [name, name])];
    fill(colour, [['status', 'status'], ...values], head.color_by);
    fill(order, [['', 'as added'], ['key', 'key'], ['status', 'status'], ...values], head.sort_by || '');
    const names = [...new Set(head.bands.flatMap(({ axes }) => axes))];
    for (const side of sides) side.hidden = !names.length;
    const options = [['', 'automatic'], ...names.map((name) => [name, name])];
    fill(across, options, head.across || '');
    fill(down, options, head.down || '');
    if (document.activeElement !== find) find.value = head.text;
    again.hidden = !head.unsorted;
    again.textContent = `↻ Sort again (${formatCount(head.unsorted)})`;
    again.title = `${plural(head.unsorted, 'key')} changed since they were put in this order`;
    only.hidden = !head.focus;
    only.textContent = head.focus ? `✕ only ${shorten(head.focus.join(', '), 40)}` : '';
    only.title = 'Show all assets again';
    const failed = CODES.failed;
    next.disabled = !head.bands.some((band) => band.counts.some((counts) => counts[failed]));
  };
  return { node, show, find };
}

/**
 * The legend: each status with its number; pressed, only its partitions are shown. Beside it the scale of values.
 *
 * @param {{ toggle: (code: number) => void }} on
 */
export function makeLegend(on) {
  const node = element('div', { class: 'nbpart-heat-keys', role: 'group', 'aria-label': 'Show only partitions that are' });
  const buttons = DISPLAY_ORDER.map((code) => {
    const { name, glyph } = STATUSES[code];
    const number = element('span', {});
    const button = element(
      'button', { type: 'button', title: `Show only ${name} partitions`, 'data-status': name, onclick: () => on.toggle(code) },
      element('span', { class: `nbpart-swatch s-${name}`, 'aria-hidden': 'true' }),
      element('span', { class: `nbpart-glyph s-${name}`, 'aria-hidden': 'true', text: glyph }), name, number,
    );
    node.append(button);
    return { code, button, number };
  });
  const lateNumber = element('span', {});
  const late = element('span', { class: 'nbpart-heat-late', hidden: true }, element('span', { class: 'nbpart-glyph s-late', 'aria-hidden': 'true', text: LATE_GLYPH }), ' late ', lateNumber);
  const ramp = element('span', { class: 'nbpart-heat-ramp' });
  const unsoundNumber = element('span', {});
  const unsound = element('span', { class: 'nbpart-heat-late', hidden: true }, element('span', { class: 'nbpart-glyph s-unsound', 'aria-hidden': 'true', text: UNSOUND_GLYPH }), ` ${UNSOUND_WORDS} `, unsoundNumber);
  node.append(late, unsound, ramp);
  /** @param {HeatmapHeadJson} head */
  const show = (head) => {
    for (const { code, button, number } of buttons) {
      const n = head.bands.reduce((sum, band) => sum + band.counts.reduce((own, counts) => own + counts[code], 0), 0);
      number.textContent = formatCount(n);
      button.setAttribute('aria-pressed', String(head.statuses.includes(code)));
      button.classList.toggle('is-none', n === 0);
    }
    const lates = head.bands.flatMap((band) => band.late).reduce((sum, n) => sum + n, 0);
    late.hidden = !lates;
    lateNumber.textContent = formatCount(lates);
    const bad = head.bands.flatMap((band) => band.unsound).reduce((sum, n) => sum + n, 0);
    unsound.hidden = !bad;
    unsoundNumber.textContent = formatCount(bad);
    ramp.replaceChildren(...(head.color_by === 'status' ? [] : describeScales(head)));
  };
  return { node, show };
}

/** @param {HeatmapHeadJson} head */
function describeScales(head) {
  const scales = head.bands.map((band) => band.scale).filter((scale) => scale !== null);
  if (!scales.length) return [element('span', { text: `No partition has a ${head.color_by} yet.` })];
  const same = scales.every((scale) => scale.low === scales[0].low && scale.high === scales[0].high);
  const bar = element('i', { style: `background: linear-gradient(to right, ${RAMP_STOPS.join(', ')})` });
  if (!same) return [`${head.color_by}: low`, bar, 'high (each band its own)'];
  const { low, high, is_log: isLog } = scales[0];
  return [`${head.color_by} ${formatNumber(low)}`, bar, `${formatNumber(high)}${isLog ? ' (log)' : ''}`];
}

/**
 * What is recorded about a partition, as lines of text.
 *
 * @param {PartitionFactsJson} found
 */
export function describePartition(found) {
  const lines = [];
  if (found.started_at) lines.push(`run ${found.run_id}, ${formatTime(found.started_at)}${found.attempt > 1 ? `, attempt ${found.attempt}` : ''}`);
  else if (found.materialized_at) lines.push(`made ${formatTime(found.materialized_at)}`);
  const facts = [];
  if (found.duration_s !== null) facts.push(`took ${formatDuration(found.duration_s)}`);
  if (found.rows !== null) facts.push(plural(found.rows, 'row'));
  for (const [name, value] of found.metrics) facts.push(`${name} ${typeof value === 'number' ? formatNumber(value) : value}`);
  if (facts.length) lines.push(facts.join(' · '));
  if (found.error) lines.push(`✕ ${shorten(found.error, 200)}`);
  for (const [name, said] of found.checks) lines.push(shorten(`check ${name}: ${said}`, 200));
  if (found.blocked) lines.push(`blocked: ${shorten(found.blocked, 200)}`);
  if (!lines.length && found.status === 'missing') lines.push('never run');
  return lines;
}

/**
 * What to do where there is nothing to show; null where there is something.
 *
 * @param {HeatmapHeadJson} head
 */
export function makeEmptyState(head) {
  if (!head.bands.length) {
    return element('div', { class: 'nbpart-heat-empty' },
      element('p', { text: 'No assets yet. Register the first, then this fills itself:' }),
      element('code', { text: 'files = ws.dynamic_partitions("files")\n\n@ws.asset(partitions=files)\ndef report(partition_key: str) -> dict:\n    return {"length": len(partition_key)}' }));
  }
  return null;
}

/**
 * A sentence for a band without anything to draw; '' where there is something.
 *
 * @param {BandJson} band
 */
export function describeEmptyBand(band) {
  if (band.shown) return '';
  if (band.n_keys) return 'No partition matches the filter. Press Escape to clear it.';
  return `No partitions yet. ${band.origin}`;
}
