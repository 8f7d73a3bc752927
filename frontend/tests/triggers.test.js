import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeLooks, listKeys } from '../src/explorer/triggers.js';
import { formatTime } from '../src/shared/format.js';

const NOW = new Date('2026-03-01T10:00:00Z');
const LAST = '2026-03-01T09:59:00Z';
const NEXT = '2026-03-01T10:01:00Z';

test('a trigger says what came of its last look, and when it looks next or why not', () => {
  const trigger = { is_on: true, last_look: LAST, next_look: NEXT, outcome: 'asked' };
  assert.equal(describeLooks(trigger, NOW), `asked ${formatTime(LAST)}; next ${formatTime(NEXT)}`);
  assert.equal(describeLooks({ ...trigger, next_look: LAST }, NOW), `asked ${formatTime(LAST)}; next look due now`);
  assert.equal(describeLooks({ ...trigger, next_look: null }, NOW), `asked ${formatTime(LAST)}; nobody watches`);
  assert.equal(describeLooks({ ...trigger, is_on: false, next_look: null }, NOW), `asked ${formatTime(LAST)}; off`);
  assert.equal(describeLooks({ ...trigger, last_look: null, outcome: '', next_look: null }, NOW), 'has not looked yet; nobody watches');
});

test('the keys of a look are listed by their set and by what became of them', () => {
  const keys = [['files', 'a', 'added'], ['files', '<b>', 'removed'], ['files', 'c', 'added']];
  assert.deepEqual(listKeys({ keys, other_keys: 0 }), ['files, added: a, c', 'files, removed: <b>']);
  assert.deepEqual(listKeys({ keys: keys.slice(1, 2), other_keys: 1200 }), ['files, removed: <b>', 'and 1,200 keys more']);
  assert.deepEqual(listKeys({ keys: [], other_keys: 0 }), []);
});
