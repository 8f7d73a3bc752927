// What an action came to, with the line of Python that does the same.

import { element } from './elements.js';

/** @import { Outcome } from './types.js' */

/**
 * A line of Python with a button that copies it.
 *
 * @param {string} code
 */
export function makeCodeLine(code) {
  const button = element('button', { class: 'nbpart-copy', type: 'button', text: 'Copy', title: 'Copy this line' });
  const line = element('code', { text: code });
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(code);
      button.textContent = 'Copied';
    } catch {
      getSelection()?.selectAllChildren(line); // no right to the clipboard: Ctrl+C does the rest
      button.textContent = 'Press Ctrl+C';
    }
    setTimeout(() => (button.textContent = 'Copy'), 1500);
  });
  return element('div', { class: 'nbpart-code' }, line, button);
}

/**
 * A place for what an action came to.
 *
 * @returns {Outcome}
 */
export function makeOutcome() {
  const node = element('div', { class: 'nbpart-outcome', role: 'status' });
  return {
    node,
    clear: () => node.replaceChildren(),
    show: ({ message, code }) =>
      node.replaceChildren(element('span', { text: message || '' }), code ? makeCodeLine(code) : element('span')),
    fail: (error) => node.replaceChildren(element('span', { class: 'nbpart-error', role: 'alert', text: `✕ ${error.message}` })),
  };
}
