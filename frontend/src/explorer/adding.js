// Add keys to a set of dynamic partitions.

import { element } from '../shared/elements.js';
import { onEnter } from '../shared/page.js';
import { plural, shorten } from '../shared/words.js';
import { act } from './forms.js';

/** @import { Fold } from './types.js' */
/** @import { ExplorerContract, FieldJson, PanelJson, SetJson } from '../generated/messages.js' */
/** @import { Link, Outcome } from '../shared/types.js' */

/** @type {Record<string, string>} */
const AXIS_HINTS = { int: '3 or 3, 5 or 1..10', float: '0.1 or 0.01, 0.1 or 0..1:0.25', date: '2026-01-01..2026-01-31', datetime: '2026-01-01T06:00', bool: 'true, false', str: 'a, b' };

/**
 * Add keys to a set: as text, or by a field for each declared parameter.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Fold} fold
 * @param {Outcome} result
 */
export function makeAddForm(link, fold, result) {
  const which = element('select', { 'aria-label': 'Partitions', onchange: () => draw() });
  const about = element('p', { class: 'nbpart-faint' });
  const form = element('form', { class: 'nbpart-form', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); add(); } });
  fold.body.append(element('label', { class: 'nbpart-field' }, element('span', { text: 'partitions' }), which), about, form, result.node);
  /** @type {SetJson[]} */
  let sets = [];
  /** @type {(FieldJson & { box: HTMLInputElement })[] | null} by parameter, or null where keys are text */
  let fields = null;
  const text = element('textarea', { rows: 3, spellcheck: 'false', 'aria-label': 'Keys, one a line' });
  onEnter(text);
  let measured = element('span');
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {number | null} */
  let number = null;

  const current = () => sets.find(({ name }) => name === which.value);

  function draw(asText = false) {
    const set = current();
    form.replaceChildren();
    if (!set) return;
    result.clear();
    const parameters = set.params.length > 0;
    fields = parameters && !asText ? set.params.map((parameter) => ({ ...parameter, box: axisBox(parameter) })) : null;
    text.value = '';
    text.placeholder = parameters ? set.params.map(({ name }) => `${name}=…`).join(',') : 'one key a line';
    measured = element('span', { class: 'nbpart-faint', 'aria-live': 'polite' });
    const way = parameters ? element('button', { type: 'button', class: 'nbpart-quiet', text: asText ? 'by parameters' : 'as text', onclick: () => draw(!asText) }) : null;
    form.append(...(fields ? fields.map(({ name, takes, box }) => element('label', { class: 'nbpart-field', title: takes }, element('span', { text: name }), box)) : [text]),
      element('div', { class: 'nbpart-bar' }, element('button', { type: 'submit', class: 'nbpart-main', text: 'Add' }), measured, element('span', { class: 'nbpart-space' }), way));
  }

  /** @param {FieldJson} field */
  function axisBox({ kind, choices, default: fallback }) {
    const hint = choices.length ? choices.join(', ') : AXIS_HINTS[kind];
    const box = element('input', { type: 'text', spellcheck: 'false', autocomplete: 'off', placeholder: fallback ? `${fallback} (default)` : hint, oninput: () => measureSoon() });
    onEnter(box, () => form.requestSubmit());
    return box;
  }

  /** @returns {Record<string, string>} */
  const axes = () => Object.fromEntries((fields ?? []).map(({ name, box }) => [name, box.value]));

  function measureSoon() {
    clearTimeout(timer);
    timer = setTimeout(measure, 250);
  }

  async function measure() {
    const own = measured;
    if (!fields || fields.some(({ required, box }) => required && !box.value.trim())) {
      own.textContent = '';
      return;
    }
    try {
      const { n, first } = await link.request('measure_grid', { partitions: which.value, axes: axes() });
      own.textContent = `${plural(n, 'key')}: ${shorten(first, 40)}${n > 1 ? ' …' : ''}`;
    } catch (error) {
      own.textContent = error.message;
    }
  }

  async function add() {
    const partitions = which.value;
    const answer = await (fields
      ? act(link, form, result, 'add_grid', { partitions, axes: axes() })
      : act(link, form, result, 'add_keys', { partitions, text: text.value }));
    if (!answer) return;
    text.value = '';
    (fields ? fields[0].box : text).focus();
  }

  return {
    /** @param {PanelJson} panel */
    show(panel) {
      const { chosen } = panel;
      fold.show(panel.sets.length > 0);
      const before = JSON.stringify(sets);
      const chosenBefore = which.dataset.chosen;
      sets = panel.sets;
      if (JSON.stringify(sets) !== before) {
        const kept = which.value;
        which.replaceChildren(...sets.map(({ name }) => element('option', { value: name, text: name })));
        if (sets.some(({ name }) => name === kept)) which.value = kept;
        draw();
      }
      if (chosen.set !== chosenBefore && sets.some(({ name }) => name === chosen.set) && chosen.set !== which.value) {
        which.value = chosen.set;
        draw();
      }
      which.dataset.chosen = chosen.set;
      const none = ['all', 'assets'].includes(chosen.kind) && chosen.counts.every((n) => !n);
      about.textContent = none && sets.length ? 'There are no partitions yet: add the first keys here.' : '';
      about.hidden = !about.textContent;
      // it does not fold away from who is adding
      if (none || chosen.number !== number) fold.suggest(none);
      number = chosen.number;
    },
    close: () => clearTimeout(timer),
  };
}
