// Plan and run, look anew, remove keys.

import { STATUS_CHOICES } from '../generated/constants.js';
import { element } from '../shared/elements.js';
import { onKeys } from '../shared/page.js';
import { plural } from '../shared/words.js';

/** @import { ChosenJson, ExplorerContract, OptionJson, PanelJson } from '../generated/messages.js' */
/** @import { Link, Outcome } from '../shared/types.js' */

/**
 * Ask for an action, with the buttons of `node` out of reach meanwhile; the answer, or null after telling what went
 * wrong.
 *
 * @template {keyof ExplorerContract['requests']} A
 * @param {Link<ExplorerContract>} link
 * @param {HTMLElement} node
 * @param {Outcome} result
 * @param {A} action
 * @param {ExplorerContract['requests'][A]} payload
 */
export async function act(link, node, result, action, payload) {
  const buttons = [...node.querySelectorAll('button')].filter((button) => !button.disabled);
  buttons.forEach((button) => (button.disabled = true));
  try {
    const answer = await link.request(action, payload, { timeout: 120000 });
    result.show(answer);
    return answer;
  } catch (error) {
    result.fail(error);
    return null;
  } finally {
    buttons.forEach((button) => (button.disabled = false));
  }
}

/**
 * Look at sources and code on disk now; says when that was last done, once it is longer than a minute ago.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Outcome} result
 */
export function makeRefreshBar(link, result) {
  const seen = element('span', { class: 'nbpart-faint nbpart-seen' });
  const button = element('button', { type: 'button', class: 'nbpart-quiet', text: 'Refresh', title: 'Look now whether code or sources changed on disk; nothing runs', onclick: () => act(link, node, result, 'refresh', {}) });
  const node = element('div', { class: 'nbpart-refresh' }, element('div', { class: 'nbpart-bar' }, element('span', { class: 'nbpart-space' }), seen, button), result.node);
  const draw = () => { seen.textContent = describeSeen(link.state.panel.seen_at, new Date()); };
  const timer = setInterval(draw, 15000);
  return { node, show: draw, close: () => clearInterval(timer) };
}

/**
 * "as seen 10:02" for a look that is older than a minute; the date too where it was another day.
 *
 * @param {string | null} iso
 * @param {Date} now
 */
function describeSeen(iso, now) {
  if (!iso || now.getTime() - new Date(iso).getTime() < 60000) return '';
  const at = new Date(iso);
  const time = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return at.toDateString() === now.toDateString() ? `as seen ${time}` : `as seen ${at.toLocaleDateString('en-CA')} ${time}`;
}

/**
 * Plan and backfill what is selected.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Outcome} result
 */
export function makeRunForm(link, result) {
  const status = element('select', { 'aria-label': 'Which partitions' },
    ...STATUS_CHOICES.map(([value, text]) => element('option', { value, text })));
  /** @type {(label: string, title: string) => { box: HTMLInputElement, node: HTMLElement }} */
  const tick = (label, title) => {
    const box = element('input', { type: 'checkbox' });
    return { box, node: element('label', { title }, box, label) };
  };
  const inputs = tick('with what it reads', 'Also everything above it: +name');
  const readers = tick('with what reads it', 'Also everything below it: name+');
  /** @param {OptionJson} option */
  const number = ({ name, label, help, placeholder, default: value, least, most }) => {
    const box = element('input', { type: 'number', min: least, max: most, placeholder, value });
    return { name, value, box, node: element('label', { title: help }, label, box) };
  };
  const numbers = link.state.options.map(number);
  const head = element('div', { class: 'nbpart-plan', hidden: true });
  const plan = element('button', { type: 'button', text: 'Plan', title: 'What would run, and why; nothing runs', onclick: () => look() });
  const go = element('button', { type: 'button', class: 'nbpart-main', text: 'Backfill', onclick: () => run() });
  const options = element('div', { class: 'nbpart-options' }, inputs.node, readers.node, ...numbers.map((each) => each.node));
  const node = element('div', { class: 'nbpart-card', role: 'group', 'aria-label': 'Run' },
    element('div', { class: 'nbpart-bar' }, go, plan, status),
    options, head, result.node);

  /** @returns {ExplorerContract['requests']['plan']} */
  const wanted = () => ({
    number: link.state.panel.chosen.number, inputs: inputs.box.checked, readers: readers.box.checked,
    status: STATUS_CHOICES[status.selectedIndex][0],
  });

  async function look() {
    const answer = await act(link, node, result, 'plan', wanted());
    if (!answer) return;
    head.hidden = !answer.steps;
    const more = answer.steps - answer.head.length;
    head.replaceChildren(element('table', {}, element('thead', {}, element('tr', {}, ...['asset', 'partition', 'why'].map((text) => element('th', { scope: 'col', text })))),
      element('tbody', {}, ...answer.head.map((row) => element('tr', {}, ...row.map((text) => element('td', { text: text === null ? '—' : text, title: text })))))),
      more > 0 ? element('p', { class: 'nbpart-faint', text: `and ${plural(more, 'more step')}` }) : '');
  }

  async function run() {
    head.hidden = true;
    await act(link, node, result, 'backfill', { ...wanted(), ...Object.fromEntries(numbers.map(({ name, value, box }) => [name, box.value === '' ? value : box.valueAsNumber])) });
  }

  return {
    node,
    /**
     * Something else is selected: what was planned for the other says nothing of it.
     *
     * @param {ChosenJson} chosen
     */
    turnTo: ({ kind }) => {
      inputs.node.hidden = readers.node.hidden = kind === 'all';
      head.hidden = true;
      result.clear();
    },
  };
}

/**
 * Take the selected keys off their set, after a question.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Outcome} result
 */
export function makeRemoveForm(link, result) {
  const ask = element('button', { type: 'button', onclick: () => set(true) });
  const told = element('span');
  const yes = element('button', { type: 'button', class: 'nbpart-danger', text: 'Remove', onclick: () => remove() });
  const no = element('button', { type: 'button', text: 'Keep', onclick: () => set(false) });
  const question = element('div', { class: 'nbpart-question', role: 'alertdialog', 'aria-label': 'Remove these keys?', hidden: true }, told, yes, no);
  const node = element('div', { class: 'nbpart-remove' }, ask, question);
  onKeys(question, { Escape: () => set(false) });
  let n = 0;

  /** @param {boolean} asking */
  function set(asking) {
    question.hidden = !asking;
    ask.hidden = asking;
    (asking ? no : ask).focus();
  }

  async function remove() {
    const { number } = link.state.panel.chosen;
    await act(link, node, result, 'remove', { number, n });
    question.hidden = true;
    ask.hidden = false;
  }

  return {
    node,
    /** @param {PanelJson} panel */
    show({ chosen, sets }) {
      const removable = sets.some(({ name }) => name === chosen.set) && ['partition', 'partitions'].includes(chosen.kind);
      node.hidden = !removable;
      n = chosen.n;
      ask.textContent = `Remove ${plural(n, 'key')} …`;
      told.textContent = `Remove ${n === 1 ? chosen.keys[0] ?? '1 key' : plural(n, 'key')} from ${chosen.set}? The history and the data stay.`;
      question.hidden = true;
      ask.hidden = false;
    },
  };
}
