import assert from 'node:assert/strict';
import { test } from 'node:test';

import { countStates, describeLast, describeNext, describeTick, listKeys } from '../src/shared/triggers.js';
import { formatTime } from '../src/shared/format.js';

const NOW = new Date('2026-03-01T10:00:00Z');
const LAST = '2026-03-01T09:59:00Z';
const NEXT = '2026-03-01T10:01:00Z';

test('a trigger says what came of its last look, and when it looks next or why not', () => {
  assert.equal(describeLast({ last_look: LAST, outcome: 'asked' }), `asked ${formatTime(LAST)}`);
  assert.equal(describeLast({ last_look: null, outcome: '' }), 'has not looked yet');
  assert.equal(describeNext({ is_on: true, next_look: NEXT }, NOW), `next ${formatTime(NEXT)}`);
  assert.equal(describeNext({ is_on: true, next_look: LAST }, NOW), 'next look due now');
  assert.equal(describeNext({ is_on: true, next_look: null }, NOW), 'nobody watches');
  assert.equal(describeNext({ is_on: false, next_look: null }, NOW), 'off');
});

test('several looks that found nothing are told as one', () => {
  const tick = { happened_at: NEXT, first_at: LAST, looks: 12, outcome: 'skipped' };
  assert.equal(describeTick(tick), `${formatTime(LAST)} to ${formatTime(NEXT)}: 12 looks skipped`);
  const [midnight, noon] = [0, 12].map((hour) => new Date(new Date().setHours(hour, 0, 0, 0)).toISOString());
  assert.equal(describeTick({ ...tick, first_at: midnight, happened_at: noon }), 'today 00:00:00 to 12:00:00: 12 looks skipped');
  assert.equal(describeTick({ ...tick, first_at: LAST, happened_at: noon }), `${formatTime(LAST)} to today 12:00:00: 12 looks skipped`);
  assert.equal(describeTick({ ...tick, looks: 1, outcome: 'asked' }), `${formatTime(NEXT)} asked`);
});

test('the keys of a look are listed by their set and by what became of them', () => {
  const keys = [['files', 'a', 'added'], ['files', '<b>', 'removed'], ['files', 'c', 'added']];
  assert.deepEqual(listKeys({ keys, other_keys: 0 }), ['files, added: a, c', 'files, removed: <b>']);
  assert.deepEqual(listKeys({ keys: keys.slice(1, 2), other_keys: 1200 }), ['files, removed: <b>', 'and 1,200 keys more']);
  assert.deepEqual(listKeys({ keys: [], other_keys: 0 }), []);
});

test('of many triggers it is said how many are off and how many failed', () => {
  const on = { is_on: true, error: '' };
  assert.deepEqual(countStates([on, on]), { off: '', failed: '' });
  assert.deepEqual(countStates([on, { is_on: false, error: '' }, { is_on: false, error: 'no file' }]), { off: '2 off', failed: '1 failed' });
});
