// Counting and finding statuses among places.

import { STATUSES } from '../generated/constants.js';

/**
 * How many of the places [first, last) have each status, by code.
 *
 * @param {Uint8Array} codes
 * @param {number} first
 * @param {number} last
 */
export function countStatuses(codes, first, last) {
  const counts = Array.from(STATUSES, () => 0);
  for (let i = first; i < last; i++) counts[codes[i]]++;
  return counts;
}

/**
 * The place among [first, last) with the most urgent status; `urgency` are codes, the most urgent first.
 *
 * @param {Uint8Array} codes
 * @param {number} first
 * @param {number} last
 * @param {readonly number[]} urgency
 */
export function findMostUrgent(codes, first, last, urgency) {
  let best = first;
  /** @type {number} */
  let rank = STATUSES.length;
  for (let i = first; i < last && rank > 0; i++) {
    const own = urgency.indexOf(codes[i]);
    if (own < rank) {
      rank = own;
      best = i;
    }
  }
  return best;
}

/**
 * The next row and place with the status `code` after {row, place}, through all `rows` (arrays of codes) and around;
 * `step` is 1 or -1. null where there is none.
 *
 * @param {Uint8Array[]} rows
 * @param {{ row: number; place: number }} start
 * @param {number} code
 * @param {number} step
 * @returns {{ row: number; place: number } | null}
 */
export function findNext(rows, { row, place }, code, step) {
  for (let turn = 0; turn <= rows.length; turn++) {
    const at = (((row + turn * step) % rows.length) + rows.length) % rows.length;
    const codes = rows[at];
    /** @type {number} */
    let found;
    if (turn === 0) found = step > 0 ? codes.indexOf(code, place + 1) : place > 0 ? codes.lastIndexOf(code, place - 1) : -1;
    else found = step > 0 ? codes.indexOf(code) : codes.lastIndexOf(code);
    if (found >= 0) return { row: at, place: found };
  }
  return null;
}
