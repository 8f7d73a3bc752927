import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BAR_ORDER, CODES } from '../src/generated/constants.js';
import { computeBar } from '../src/shared/bars.js';
import { formatBytes, formatDuration, formatNumber, plural, shorten } from '../src/shared/format.js';

test('a bar is filled in its order, and what is there is seen', () => {
  const counts = [0, 0, 0, 0, 0, 0];
  counts[CODES.failed] = 1;
  counts[CODES.materialized] = 999_999;
  assert.deepEqual(computeBar(counts, 100, 4), [[CODES.materialized, 0, 96], [CODES.failed, 96, 4]]);
  const all = computeBar([1, 1, 1, 1, 1, 1], 60);
  assert.deepEqual(all.map(([code]) => code), [...BAR_ORDER]);
  assert.deepEqual(all.map(([, x]) => x), [0, 10, 20, 30, 40, 50]);
  assert.deepEqual(computeBar([0, 0, 0, 0, 0, 0], 60), []);
});

test('durations are formatted in the two largest units', () => {
  const texts = [0, 0.44, 42.4, 200, 3600, 7500, null, Infinity].map((seconds) => formatDuration(seconds));
  assert.deepEqual(texts, ['0.0 s', '0.4 s', '42 s', '3 min 20 s', '1 h 00 min', '2 h 05 min', '—', '—']);
});

test('sizes and numbers have as many digits as a person reads', () => {
  assert.deepEqual([1, 999, 3_400, 12_000_000, 5e15].map(formatBytes), ['1 byte', '999 bytes', '3.4 kB', '12 MB', '5000 TB']);
  assert.deepEqual([0, 0.12345, 12_345, 1e-5, 12_345_678].map(formatNumber), ['0', '0.1235', '12,350', '1.00e-5', '1.23e+7']);
  assert.deepEqual([plural(1, 'key'), plural(1_200, 'key')], ['1 key', '1,200 keys']);
});

test('a long text keeps both ends', () => {
  assert.equal(shorten('abcdefghij', 10), 'abcdefghij');
  assert.equal(shorten('abcdefghijk', 7), 'abc…ijk');
});
