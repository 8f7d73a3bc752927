import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CODES, URGENCY } from '../src/generated/constants.js';
import { countStatuses, findMostUrgent, findNext } from '../src/heatmap/statuses.js';

const { failed, missing, stale, materialized } = CODES;

test('statuses are counted by code, within a range', () => {
  assert.deepEqual(countStatuses(Uint8Array.from([missing, failed, failed, stale]), 1, 4), [0, 1, 0, 0, 2, 0]);
});

test('the most urgent of a range is found, the first of equals', () => {
  const codes = Uint8Array.from([failed, materialized, stale, failed, failed]);
  assert.equal(findMostUrgent(codes, 1, 3, URGENCY), 2);
  assert.equal(findMostUrgent(codes, 1, 5, URGENCY), 3);
  assert.equal(findMostUrgent(codes, 1, 2, URGENCY), 1);
});

test('the next of a status is found through all rows and around, in both directions', () => {
  const rows = [Uint8Array.from([0, failed, 0]), Uint8Array.from([failed, 0, 0])];
  const next = (place, level) => findNext(rows, { row: 0, place }, failed, level);
  assert.deepEqual(next(-1, 1), { row: 0, place: 1 });
  assert.deepEqual(next(1, 1), { row: 1, place: 0 });
  assert.deepEqual(next(1, -1), { row: 1, place: 0 });
  assert.deepEqual(next(2, -1), { row: 0, place: 1 });
  assert.equal(findNext([new Uint8Array(3)], { row: 0, place: 0 }, failed, 1), null);
});

test('the only one of a status is found again from where it is', () => {
  assert.deepEqual(findNext([Uint8Array.from([0, failed])], { row: 0, place: 1 }, failed, 1), { row: 0, place: 1 });
});
