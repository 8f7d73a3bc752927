// Asking Python to do something, and showing what came of it.

/** @import { ExplorerContract } from '../generated/messages.js' */
/** @import { Link, Outcome } from '../shared/types.js' */

/** How long is waited for what may take a while. */
export const SLOW = { timeout: 120000 };

/**
 * Request an action, with the buttons of `node` disabled meanwhile. Shows the result; returns the answer, or null if it
 * failed.
 *
 * @template {keyof ExplorerContract['requests']} A
 * @param {Link<ExplorerContract>} link
 * @param {HTMLElement} node
 * @param {Outcome} result
 * @param {A} action
 * @param {ExplorerContract['requests'][A]} payload
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
  }
}
