// Asking Python to do something, and showing what came of it.

/** @import { Contract, Link, Outcome } from './types.js' */

/** How long is waited for what may take a while. */
export const SLOW = { timeout: 120000 };

/**
 * Request an action, with the buttons of `node` disabled meanwhile. Shows the result; returns the answer, or null if it
 * failed.
 *
 * @template {Contract} C
 * @template {keyof C['requests'] & keyof C['answers']} A
 * @param {Link<C, any>} link
 * @param {HTMLElement} node
 * @param {Outcome} result
 * @param {A} action
 * @param {C['requests'][A]} payload
 */
export function runAction(link, node, result, action, payload) {
  return runAndShow(node, result, () => link.request(action, payload, SLOW));
}

/**
 * The same for whatever `run` requests.
 *
 * @template {{ message: string; code: string }} T
 * @param {HTMLElement} node
 * @param {Outcome} result
 * @param {() => Promise<T>} run
 */
export async function runAndShow(node, result, run) {
  const buttons = [...node.querySelectorAll('button')].filter((button) => !button.disabled);
  const focused = buttons.find((button) => button === document.activeElement);
  buttons.forEach((button) => (button.disabled = true));
  try {
    const answer = await run();
    result.show(answer);
    return answer;
  } catch (error) {
    result.fail(error);
    return null;
  } finally {
    buttons.forEach((button) => (button.disabled = false));
    // a button that is disabled loses the focus
    if (document.activeElement === document.body) focused?.focus({ preventScroll: true });
  }
}
