// What a page keeps of a board, and which rows are chosen.

import { readNumbers } from '../shared/buffers.js';

/** @import { BoardColumnJson, BoardContract, BoardJson, BoardState } from '../generated/messages.js' */
/** @import { Reducer } from '../shared/types.js' */
/** @import { BoardPage, Choice, Column } from './types.js' */

/**
 * @param {BoardState} state
 * @returns {BoardPage}
 */
export const decodeBoard = ({ board, values, chosen, home }) => ({ board, columns: readColumns(board, values), chosen, home });

/** @type {Reducer<BoardContract, BoardPage>['reduce']} */
export const reduceBoard = (page, ...[kind, payload, buffers]) =>
  (kind === 'chosen' ? { ...page, chosen: payload.chosen } : { ...page, board: payload.board, columns: readColumns(payload.board, buffers[0]) });

/**
 * @param {BoardJson} board
 * @param {DataView} values
 * @returns {Column[]}
 */
function readColumns(board, values) {
  const numbers = readNumbers(values);
  const n = board.keys.length;
  return board.columns.map((column, place) => ({ ...column, values: numbers.subarray(place * n, (place + 1) * n) }));
}

/** @returns {Choice} */
export const chooseNothing = () => ({ keys: [], ranges: {}, labels: {} });

/**
 * Whether any axis is brushed.
 *
 * @param {Choice} choice
 */
export const hasBrush = ({ ranges, labels }) => Object.keys(ranges).length + Object.keys(labels).length > 0;

/**
 * Which rows have a value within all ranges and labels; as Python finds them.
 *
 * @param {Column[]} columns
 * @param {Choice} choice
 * @param {number} n
 */
export function findInside(columns, { ranges, labels }, n) {
  const inside = new Uint8Array(n).fill(1);
  const named = new Map(columns.map((column) => [column.name, column]));
  for (const [name, [low, high]] of Object.entries(ranges)) {
    const values = named.get(name)?.values;
    const [least, most] = [low ?? -Infinity, high ?? Infinity];
    // what has no value is not within any bounds
    for (let row = 0; row < n; row += 1) if (!values || !(values[row] >= least && values[row] <= most)) inside[row] = 0;
  }
  for (const [name, wanted] of Object.entries(labels)) {
    const column = named.get(name);
    const places = new Set(wanted.map((label) => (column ? column.labels.indexOf(label) : -1)));
    for (let row = 0; row < n; row += 1) if (!column || !places.has(column.values[row])) inside[row] = 0;
  }
  return inside;
}

/**
 * Which rows were chosen one by one.
 *
 * @param {(string | null)[]} all
 * @param {Choice} choice
 */
export function findPicked(all, { keys }) {
  const picked = new Uint8Array(all.length);
  if (!keys.length) return picked;
  const wanted = new Set(keys);
  all.forEach((key, row) => (picked[row] = wanted.has(key) ? 1 : 0));
  return picked;
}

/**
 * The rows that are inside, in the order of a column; what has no value is last, and equal ones keep their order.
 *
 * @param {Uint8Array} inside
 * @param {Pick<BoardColumnJson, 'kind' | 'labels'> & { values: Float64Array } | null} column null: best first
 * @param {boolean} falls
 */
export function orderRows(inside, column, falls) {
  /** @type {number[]} */
  const rows = [];
  inside.forEach((is, row) => is && rows.push(row));
  if (!column) return falls ? rows.toReversed() : rows;
  const { values } = column;
  return rows.sort((a, b) => {
    const [x, y] = [values[a], values[b]];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
    // an infinity less itself is no number
    return (x === y ? 0 : (x < y ? -1 : 1) * (falls ? -1 : 1)) || a - b;
  });
}
