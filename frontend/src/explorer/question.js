// A question before a verb is done: it names how much that is, and counts anew as what is said besides changes.

import { element } from '../shared/elements.js';
import { onEnter, onKeys } from '../shared/page.js';
import { runAndShow } from '../shared/actions.js';
import { makeNewest } from './newest.js';

/** @import { Question, Verb } from './types.js' */
/** @import { Outcome } from '../shared/types.js' */

/**
 * A question with a button that does it and one that does not; `buttons` are hidden meanwhile.
 *
 * @param {HTMLElement} buttons
 * @param {Outcome} result
 * @returns {Question}
 */
export function makeQuestion(buttons, result) {
  const summary = element('span', { 'aria-live': 'polite' });
  const fields = element('div', { class: 'nbpart-form' });
  const reason = element('input', { type: 'text', placeholder: 'why: it stands in their history', 'aria-label': 'why', maxlength: 1000 });
  const yes = element('button', { type: 'button', onclick: () => act() });
  const no = element('button', { type: 'button', text: 'Cancel', onclick: () => close(true) });
  const node = element('div', { class: 'nbpart-question', role: 'alertdialog', hidden: true }, fields, summary, reason, yes, no);
  const counting = makeNewest();
  /** @type {Verb | null} */
  let verb = null;
  /** @type {HTMLElement | null} */
  let asker = null;
  onKeys(node, { Escape: () => close(true) });
  onEnter(reason, () => act());

  /** @param {boolean} [isBack] */
  function close(isBack = false) {
    counting.close();
    verb = null;
    node.hidden = true;
    buttons.hidden = false;
    if (isBack) asker?.focus();
  }

  /**
   * @param {string} text
   * @param {boolean} canDo
   * @param {boolean} [isWrong]
   */
  function tell(text, canDo, isWrong = false) {
    summary.textContent = text;
    summary.className = isWrong ? 'nbpart-error' : '';
    node.setAttribute('aria-label', text);
    yes.disabled = !canDo;
  }

  /** @param {() => boolean} isNewest */
  async function count(isNewest) {
    if (!verb) return;
    try {
      const { message, count: n } = await verb.run({ reason: '', dry_run: true });
      if (isNewest()) tell(message, n > 0);
    } catch (error) {
      if (isNewest()) tell(`✕ ${error.message}`, false, true);
    }
  }

  function draw() {
    if (!verb) return;
    const { word, isGrave } = verb.look();
    yes.textContent = word;
    yes.className = isGrave ? 'nbpart-danger' : 'nbpart-primary';
    node.classList.toggle('nbpart-grave', isGrave);
  }

  async function act() {
    const asked = verb;
    if (!asked || yes.disabled) return;
    counting.close();
    await runAndShow(node, result, () => asked.run({ reason: reason.value, dry_run: false }));
    close(true);
  }

  return {
    node, close,
    changed() {
      yes.disabled = true; // what it asked is not what would be done
      draw();
      counting.soon(count);
    },
    async ask(asked, from) {
      result.clear();
      const isBlank = asked.fields.length > 0 && asked.isOpen;
      const found = isBlank ? null : await runAndShow(buttons, result, () => asked.run({ reason: '', dry_run: true }));
      if (!isBlank && !found?.count) return; // it says why there is nothing to do
      result.clear();
      [verb, asker] = [asked, from];
      fields.replaceChildren(...asked.fields);
      fields.hidden = !asked.fields.length;
      if (isBlank) node.prepend(fields);
      else summary.after(fields);
      reason.value = '';
      draw();
      if (found) tell(found.message, true);
      else tell('', false);
      node.hidden = false;
      buttons.hidden = true;
      if (isBlank) counting.now(count);
      const first = isBlank ? fields.querySelector('input') : null;
      (first ?? no).focus();
    },
  };
}
