// Completing the name of a column in a condition, from the text and the caret.

/** A name that is being typed: where it begins and ends. @typedef {{ start: number; end: number; text: string }} Token */

const NAME = /[\p{L}\p{N}_.]/u;

/**
 * The name in which the caret stands, up to the caret; null inside quotes and in a number.
 *
 * @param {string} text
 * @param {number} caret
 * @returns {Token | null}
 */
export function findToken(text, caret) {
  const before = text.slice(0, caret);
  // a quote that is doubled opens and closes again
  if (before.split("'").length % 2 === 0) return null;
  let start = caret;
  while (start > 0 && NAME.test(text[start - 1])) start--;
  let end = caret;
  while (end < text.length && NAME.test(text[end])) end++;
  const token = text.slice(start, caret);
  return /^\p{N}/u.test(token) ? null : { start, end, text: token };
}

/**
 * The columns that a name may become: those that begin with it, then those that hold it. Of no name there are all.
 *
 * @template {[name: string, values: string]} Column
 * @param {Column[]} columns
 * @param {string} token
 * @param {number} [most]
 */
export function findColumns(columns, token, most = 8) {
  const wanted = token.toLowerCase();
  const named = columns.filter(([name]) => name.toLowerCase() !== wanted);
  const begins = named.filter(([name]) => name.toLowerCase().startsWith(wanted));
  const holds = named.filter(([name]) => !name.toLowerCase().startsWith(wanted) && name.toLowerCase().includes(wanted));
  return [...begins, ...holds].slice(0, most);
}

/**
 * The text with the name put in the place of what was typed of it, and where the caret stands then.
 *
 * @param {string} text
 * @param {Token} token
 * @param {string} name
 */
export function complete(text, token, name) {
  const after = text.slice(token.end);
  const space = after.startsWith(' ') ? '' : ' ';
  return { text: text.slice(0, token.start) + name + space + after, caret: token.start + name.length + 1 };
}
