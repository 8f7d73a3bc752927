// What a person does to partitions without a run: accept, wipe, remove keys. Each asks first, with the number.

import { element } from '../shared/elements.js';
import { onEnter, onKeys } from '../shared/page.js';
import { plural } from '../shared/format.js';
import { runAction } from './actions.js';

/** @import { ExplorerContract, PanelJson } from '../generated/messages.js' */
/** @import { Choice, Look, Question } from './types.js' */
/** @import { Link, Outcome } from '../shared/types.js' */

/**
 * A question with a button that does it and one that does not; `buttons` are hidden meanwhile.
 *
 * @param {HTMLElement} buttons
 * @param {...HTMLElement} more
 * @returns {Question}
 */
function makeQuestion(buttons, ...more) {
  const summary = element('span');
  let act = () => {};
  /** @type {HTMLElement | null} */
  let asker = null;
  const yes = element('button', { type: 'button', onclick: () => act() });
  const no = element('button', { type: 'button', text: 'Cancel', onclick: () => close(true) });
  const node = element('div', { class: 'nbpart-question', role: 'alertdialog', hidden: true }, summary, ...more, yes, no);
  onKeys(node, { Escape: () => close(true) });

  /** @param {boolean} [isBack] */
  function close(isBack = false) {
    node.hidden = true;
    buttons.hidden = false;
    if (isBack) asker?.focus();
  }

  return {
    node, close,
    ask(question, { word, look }, from, action) {
      summary.textContent = question;
      node.setAttribute('aria-label', question);
      yes.textContent = word;
      yes.className = look;
      node.classList.toggle('nbpart-grave', look === 'nbpart-danger');
      [act, asker] = [action, from];
      node.hidden = false;
      buttons.hidden = true;
      no.focus();
    },
  };
}

/** @type {{ action: 'accept' | 'wipe'; word: string; look: Look; help: string }[]} */
const VERBS = [
  { action: 'accept', word: 'Accept', look: 'nbpart-primary', help: 'Count what they have as made by the code and of the inputs of now; nothing runs' },
  { action: 'wipe', word: 'Wipe', look: 'nbpart-danger', help: 'Make them missing, as if they had never run; their files stay until a prune' },
];

/**
 * Buttons that accept or wipe what `choice` gives: what is selected, where the condition is true.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Outcome} result
 * @param {() => Choice} choice
 */
export function makeVerbForm(link, result, choice) {
  const reason = element('input', { type: 'text', placeholder: 'why: it stands in their history', 'aria-label': 'why', maxlength: 1000 });
  const bar = element('div', { class: 'nbpart-bar' }, ...VERBS.map((verb) => {
    const button = element('button', { type: 'button', text: `${verb.word} …`, title: verb.help, onclick: () => ask(verb, button) });
    return button;
  }));
  const question = makeQuestion(bar, reason);
  const node = element('div', { class: 'nbpart-verbs' }, bar, question.node);
  let act = () => {};
  onEnter(reason, () => act());

  /**
   * @param {typeof VERBS[number]} verb
   * @param {HTMLElement} button
   */
  async function ask(verb, button) {
    const { action } = verb;
    const chosen = choice();
    result.clear();
    const found = await runAction(link, node, result, action, { ...chosen, reason: '', dry_run: true });
    if (!found?.count) return; // it says why there is nothing to do
    result.clear();
    reason.value = '';
    act = async () => {
      await runAction(link, node, result, action, { ...chosen, reason: reason.value, dry_run: false });
      question.close(true);
    };
    question.ask(found.message, verb, button, () => act());
  }

  return { node, close: () => question.close() };
}

/**
 * A button that removes the selected keys from their set.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Outcome} result
 */
export function makeRemoveForm(link, result) {
  const button = element('button', { type: 'button', onclick: () => question.ask(text, { word: 'Remove', look: 'nbpart-danger' }, button, remove) });
  const question = makeQuestion(button);
  const node = element('div', { class: 'nbpart-remove' }, button, question.node);
  let n = 0;
  let text = '';

  async function remove() {
    const { number } = link.state.panel.selection;
    await runAction(link, node, result, 'remove_keys', { selection_number: number, n_keys: n });
    question.close();
  }

  return {
    node,
    /** @param {PanelJson} panel */
    show({ selection, sets }) {
      const removable = sets.some(({ name, is_editable: isEditable }) => isEditable && name === selection.set) && ['partition', 'partitions'].includes(selection.kind);
      node.hidden = !removable;
      n = selection.n_keys;
      button.textContent = `Remove ${plural(n, 'key')} …`;
      text = `Remove ${n === 1 ? selection.keys[0] ?? '1 key' : plural(n, 'key')} from ${selection.set}? The history and the data stay.`;
      question.close();
    },
  };
}
