// Add keys to a set of dynamic partitions, by hand or drawn as a sample; of other sets, where their keys come from.

import { element } from '../shared/elements.js';
import { onEnter } from '../shared/page.js';
import { plural, shorten } from '../shared/format.js';
import { runAction } from '../shared/actions.js';
import { makeNewest } from './newest.js';

/** @import { Section } from '../shared/types.js' */
/** @import { ExplorerContract, ParameterFieldJson, PanelJson, SetFormJson } from '../generated/messages.js' */
/** @import { Link, Outcome } from '../shared/types.js' */

/** @type {Record<string, string>} */
const VALUE_HINTS = { int: '3 or 3, 5 or 1..10', float: '0.1 or 0.01, 0.1 or 0..1:0.25', date: '2026-01-01..2026-01-31', datetime: '2026-01-01T06:00', bool: 'true, false', str: 'a, b' };

/** @typedef {'parameters' | 'sample' | 'text'} Way how keys are added to a set with parameters */
/** @type {Record<Way, string>} */
const WAYS = { parameters: 'by parameters', sample: 'as a sample', text: 'as text' };

/**
 * Add keys to a set: as text, by a field for each declared parameter, or as points that are drawn.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Section} section
 * @param {Outcome} result
 */
export function makeAddForm(link, section, result) {
  const setSelect = element('select', { 'aria-label': 'Partitions', onchange: () => draw() });
  const about = element('p', { class: 'nbpart-faint' });
  const form = element('form', { class: 'nbpart-form', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); add(); } });
  section.body.append(element('label', { class: 'nbpart-field' }, element('span', { text: 'partitions' }), setSelect), about, form, result.node);
  /** @type {SetFormJson[]} */
  let sets = [];
  /** @typedef {ParameterFieldJson & { box: HTMLInputElement }} Field */
  /** @type {Field[] | null} by parameter, or null where keys are text */
  let fields = null;
  /** @type {Field[]} the columns that can be given */
  let columns = [];
  /** the key of the parent, below which to add */
  const parent = element('input', { type: 'text', spellcheck: 'false', autocomplete: 'off', oninput: () => countSoon() });
  const text = element('textarea', { rows: 3, spellcheck: 'false', 'aria-label': 'Keys, one a line' });
  onEnter(text);
  let countLabel = element('span');
  const counting = makeNewest();
  /** @type {Way} */
  let way = 'parameters';
  const points = element('input', { type: 'number', min: '1', value: '10', required: true });
  const seed = element('input', { type: 'number', min: '0', placeholder: 'none: points that are not there' });
  for (const box of [points, seed]) onEnter(box, () => form.requestSubmit());
  /** @type {number | null} */
  let number = null;

  const current = () => sets.find(({ name }) => name === setSelect.value);
  /** Whether keys are typed whole, also the part of their parent. */
  const isWhole = () => !fields && !current()?.own;

  /** @param {Way} [chosen] */
  function draw(chosen = 'parameters') {
    way = chosen;
    const set = current();
    form.replaceChildren();
    if (!set) return;
    result.clear();
    if (!set.is_editable) {
      form.append(element('p', { text: set.origin }));
      return;
    }
    const parameters = set.params.length > 0;
    fields = parameters && way !== 'text' ? set.params.map((parameter) => ({ ...parameter, box: makeValueField(parameter, way !== 'sample') })) : null;
    text.value = '';
    columns = way === 'sample' ? [] : set.columns.map((column) => ({ ...column, box: makeValueField(column, false) }));
    const own = set.own ? `${set.own}: one a line` : 'one key a line';
    text.placeholder = parameters ? `${set.parent ? `${set.parent.column}/` : ''}${set.params.map(({ name }) => `${name}=…`).join(',')}` : own;
    parent.placeholder = set.parent ? `a key of ${set.parent.set}` : '';
    // of keys that are typed whole the parent is a part
    const above = set.parent && (fields || set.own) ? [makeLabel(set.parent.column, `the key of ${set.parent.set} below which to add`, parent)] : [];
    countLabel = element('span', { class: 'nbpart-faint', 'aria-live': 'polite' });
    const ways = /** @type {Way[]} */ (['parameters', ...(set.params.some(({ drawn }) => drawn) ? ['sample'] : []), 'text']);
    const others = parameters ? ways.filter((other) => other !== way) : [];
    const switches = others.map((other) => element('button', { type: 'button', class: 'nbpart-plain', text: WAYS[other], onclick: () => draw(other) }));
    const inner = fields ? fields.map(({ name, accepts, drawn, box }) => makeLabel(name, drawn ? `${accepts}; samples: ${drawn}` : accepts, box)) : [text];
    const sample = way === 'sample' ? [makeLabel('points', 'how many to draw', points), makeLabel('sampler_seed', 'the same points each time; without one others', seed)] : [];
    form.append(...above, ...sample, ...inner, ...columns.map(({ name, accepts, box }) => makeLabel(name, `${accepts}; of all keys that are added, empty: none`, box)),
      element('div', { class: 'nbpart-bar' }, element('button', { type: 'submit', class: 'nbpart-primary', text: 'Add' }), countLabel, element('span', { class: 'nbpart-spacer' }), ...switches));
  }

  /** @type {(name: string, title: string, box: HTMLInputElement) => HTMLElement} */
  const makeLabel = (name, title, box) => element('label', { class: 'nbpart-field', title }, element('span', { text: name }), box);

  /**
   * @param {ParameterFieldJson} field
   * @param {boolean} [isMany] whether several values can be typed
   */
  function makeValueField({ kind, choices, default: fallback, accepts, drawn }, isMany = true) {
    const hint = choices.length ? choices.join(', ') : isMany ? VALUE_HINTS[kind] : accepts;
    const isOfSample = way === 'sample' && !isMany;
    const placeholder = isOfSample && drawn ? `drawn: ${drawn}` : fallback && (isMany || isOfSample) ? `${fallback} (default)` : hint;
    const box = element('input', { type: 'text', spellcheck: 'false', autocomplete: 'off', placeholder, oninput: () => countSoon() });
    onEnter(box, () => form.requestSubmit());
    return box;
  }

  /** @returns {Record<string, string>} */
  const axes = () => Object.fromEntries((fields ?? []).map(({ name, box }) => [name, box.value]));
  /** @returns {Record<string, string>} */
  const columnTexts = () => Object.fromEntries(columns.map(({ name, box }) => [name, box.value]));

  const countSoon = () => counting.soon(countGrid);

  /** @param {() => boolean} isNewest */
  async function countGrid(isNewest) {
    const own = countLabel;
    if (!fields || way === 'sample' || fields.some(({ required, box }) => required && !box.value.trim())) {
      own.textContent = '';
      return;
    }
    try {
      const { n_keys: n, first } = await link.request('count_grid', { partitions: setSelect.value, parent: parent.value, axes: axes() });
      if (isNewest()) own.textContent = `${plural(n, 'key')}: ${shorten(first, 40)}${n > 1 ? ' …' : ''}`;
    } catch (error) {
      if (isNewest()) own.textContent = error.message;
    }
  }

  async function add() {
    const partitions = setSelect.value;
    const below = { partitions, parent: parent.value };
    const answer = await (way === 'sample'
      ? runAction(link, form, result, 'add_sample', { ...below, n_points: points.valueAsNumber, seed: seed.value ? seed.valueAsNumber : null, values: axes() })
      : fields
      ? runAction(link, form, result, 'add_grid', { ...below, axes: axes(), columns: columnTexts() })
      : runAction(link, form, result, 'add_keys', { partitions, parent: isWhole() ? '' : parent.value, text: text.value, columns: columnTexts() }));
    if (!answer) return;
    text.value = '';
    (way === 'sample' ? points : fields ? fields[0].box : text).focus();
  }

  return {
    /** @param {PanelJson} panel */
    show(panel) {
      const { selection } = panel;
      section.show(panel.sets.length > 0);
      const before = JSON.stringify(sets);
      const selectedBefore = setSelect.dataset.selection;
      sets = panel.sets;
      if (JSON.stringify(sets) !== before) {
        const kept = setSelect.value;
        setSelect.replaceChildren(...sets.map(({ name }) => element('option', { value: name, text: name })));
        if (sets.some(({ name }) => name === kept)) setSelect.value = kept;
        draw();
      }
      if (selection.set !== selectedBefore && sets.some(({ name }) => name === selection.set) && selection.set !== setSelect.value) {
        setSelect.value = selection.set;
        draw();
      }
      setSelect.dataset.selection = selection.set;
      const set = current();
      if (set && set.parent && selection.set === set.parent.set && selection.key !== null) parent.value = selection.key;
      const none = ['all', 'assets'].includes(selection.kind) && selection.counts.every((n) => !n);
      about.textContent = none && sets.some((one) => one.is_editable) ? 'There are no partitions yet: add the first keys here.' : '';
      about.hidden = !about.textContent;
      // it is not closed while somebody adds keys
      if (none || selection.number !== number) section.suggestOpen(none);
      number = selection.number;
    },
    close: counting.close,
  };
}
