// Asking Python to do something, and showing what came of it.

/** @import { ExplorerContract } from '../generated/messages.js' */
/** @import { Link, Outcome } from '../shared/types.js' */

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
export async function runAction(link, node, result, action, payload) {
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
