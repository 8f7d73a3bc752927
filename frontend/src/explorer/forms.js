// Forms that plan and run, and refresh the code.

import { STATUS_CHOICES } from '../generated/constants.js';
import { element } from '../shared/elements.js';
import { plural } from '../shared/format.js';
import { runAction } from '../shared/actions.js';
import { makeFilterField } from './filter.js';
import { makeVerbForm } from './verbs.js';

/** @import { Choice } from './types.js' */
/** @import { PanelSelectionJson, ExplorerContract, OptionJson } from '../generated/messages.js' */
/** @import { Link, Outcome } from '../shared/types.js' */

/**
 * A button that looks for changed sources and edited code, the time when that was last done, and who watches.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Outcome} result
 */
export function makeRefreshBar(link, result) {
  const codeAge = element('span', { class: 'nbpart-faint nbpart-code-age' });
  const watching = element('span', { class: 'nbpart-faint nbpart-watching' });
  const button = element('button', { type: 'button', class: 'nbpart-plain', text: 'Refresh', title: 'Look now whether code or sources changed on disk; nothing runs', onclick: () => runAction(link, node, result, 'refresh', {}) });
  const node = element('div', { class: 'nbpart-refresh' }, element('div', { class: 'nbpart-bar' }, watching, element('span', { class: 'nbpart-spacer' }), codeAge, button), result.node);
  const draw = () => {
    codeAge.textContent = describeCheck(link.state.panel.code_checked_at, new Date());
    watching.textContent = link.state.panel.triggers.watch.says;
  };
  const timer = setInterval(draw, 15000);
  return { node, show: draw, close: () => clearInterval(timer) };
}

/**
 * "as seen 10:02" for a time over a minute ago, with the date if it was on another day; else "".
 *
 * @param {string | null} iso
 * @param {Date} now
 */
function describeCheck(iso, now) {
  if (!iso || now.getTime() - new Date(iso).getTime() < 60000) return '';
  const at = new Date(iso);
  const time = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return at.toDateString() === now.toDateString() ? `as seen ${time}` : `as seen ${at.toLocaleDateString('en-CA')} ${time}`;
}

/**
 * The form that plans and backfills what is selected.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Outcome} result
 */
export function makeRunForm(link, result) {
  const status = element('select', { 'aria-label': 'Which partitions' },
    ...STATUS_CHOICES.map(([value, text]) => element('option', { value, text })));
  /** @type {(label: string, title: string) => { box: HTMLInputElement, node: HTMLElement }} */
  const makeCheckbox = (label, title) => {
    const box = element('input', { type: 'checkbox' });
    return { box, node: element('label', { title }, box, label) };
  };
  const inputs = makeCheckbox('with what it reads', 'Also everything above it: +name');
  const readers = makeCheckbox('with what reads it', 'Also everything below it: name+');
  /** @param {OptionJson} option */
  const number = ({ name, label, help, placeholder, default: value, least, most }) => {
    const box = element('input', { type: 'number', min: least, max: most, placeholder, value });
    return { name, value, box, node: element('label', { title: help }, label, box) };
  };
  const numbers = link.state.options.map(number);
  const head = element('div', { class: 'nbpart-plan', hidden: true });
  const plan = element('button', { type: 'button', text: 'Plan', title: 'What would run, and why; nothing runs', onclick: () => showPlan() });
  const backfillButton = element('button', { type: 'button', class: 'nbpart-primary', text: 'Backfill', onclick: () => run() });
  const filter = makeFilterField(link, { onChange: clear, onSubmit: () => showPlan() });
  const verbs = makeVerbForm(link, result, () => getChoice());
  const options = element('div', { class: 'nbpart-options' }, inputs.node, readers.node, ...numbers.map((each) => each.node));
  const node = element('div', { class: 'nbpart-card', role: 'group', 'aria-label': 'Run' },
    element('div', { class: 'nbpart-bar' }, backfillButton, plan, status),
    filter.node, options, verbs.node, head, result.node);

  /** @returns {Choice} */
  const getChoice = () => ({ selection_number: link.state.panel.selection.number, inputs: inputs.box.checked, readers: readers.box.checked, where: filter.value });
  /** @returns {ExplorerContract['requests']['plan']} */
  const getPlanRequest = () => ({ ...getChoice(), status: STATUS_CHOICES[status.selectedIndex][0] });

  /** Clear the plan and the result, which were of another choice. */
  function clear() {
    head.hidden = true;
    result.clear();
    verbs.close();
  }

  async function showPlan() {
    const answer = await runAction(link, node, result, 'plan', getPlanRequest());
    if (!answer) return;
    head.hidden = !answer.steps;
    const more = answer.steps - answer.head.length;
    head.replaceChildren(element('table', {}, element('thead', {}, element('tr', {}, ...['asset', 'partition', 'why'].map((text) => element('th', { scope: 'col', text })))),
      element('tbody', {}, ...answer.head.map((row) => element('tr', {}, ...row.map((text) => element('td', { text: text === null ? '—' : text, title: text })))))),
      more > 0 ? element('p', { class: 'nbpart-faint', text: `and ${plural(more, 'more step')}` }) : '');
  }

  async function run() {
    head.hidden = true;
    await runAction(link, node, result, 'backfill', { ...getPlanRequest(), ...Object.fromEntries(numbers.map(({ name, value, box }) => [name, box.value === '' ? value : box.valueAsNumber])) });
  }

  return {
    node,
    /**
     * Clear the plan and the result, which were for the selection before.
     *
     * @param {PanelSelectionJson} selection
     */
    onSelectionChange: ({ kind }) => {
      inputs.node.hidden = readers.node.hidden = kind === 'all';
      clear();
      filter.refresh();
    },
    close: () => {
      filter.close();
      verbs.close();
    },
  };
}
