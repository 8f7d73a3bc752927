import assert from 'node:assert/strict';
import { test } from 'node:test';

import { computeStepWidths, formatRate } from '../src/monitor/numbers.js';

test('one step of a million is seen, and the widths are the whole bar', () => {
  const widths = computeStepWidths([['succeeded', 999_999], ['failed', 1], ['queued', 0]], 1_000_000);
  assert.deepEqual(widths.map(([status, n]) => [status, n]), [['succeeded', 999_999], ['failed', 1]]);
  assert.ok(widths[1][2] > 0.5);
  assert.ok(Math.abs(widths.reduce((sum, [, , percent]) => sum + percent, 0) - 100) < 1e-9);
});

test('a slow rate is given per minute or hour', () => {
  assert.deepEqual([12.54, 1, 0.2, 0.02, 0.001].map(formatRate), ['12.5 a second', '1.0 a second', '12 a minute', '1.2 a minute', '3.6 an hour']);
});
