// The result of an action, with the line of Python that does the same.

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
      getSelection()?.selectAllChildren(line); // the clipboard is not allowed: the line is selected for Ctrl+C
      button.textContent = 'Press Ctrl+C';
    }
    setTimeout(() => (button.textContent = 'Copy'), 1500);
  });
  return element('div', { class: 'nbpart-code' }, line, button);
}

/**
 * An element that shows the result of an action, or why it failed.
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
