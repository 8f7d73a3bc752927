import assert from 'node:assert/strict';
import { test } from 'node:test';

import { complete, findColumns, findToken } from '../src/explorer/completion.js';

/** @type {[string, string][]} */
const COLUMNS = [['partition_key', 'text'], ['status', 'text'], ['lr', 'number'], ['metric.rows', 'number'], ['rows', 'number']];

test('a name is found where the caret stands, and none in a text or a number', () => {
  const text = "lr < 0.1 and sta = 'lr' or";
  assert.deepEqual(findToken(text, 16), { start: 13, end: 16, text: 'sta' });
  assert.deepEqual(findToken(text, 14), { start: 13, end: 16, text: 's' });
  assert.equal(findToken(text, 22), null);
  assert.equal(findToken(text, 8), null);
  assert.deepEqual(findToken('', 0), { start: 0, end: 0, text: '' });
  assert.deepEqual(findToken("a = 'it''s' and l", 17), { start: 16, end: 17, text: 'l' });
});

test('columns that begin with a name come before those that hold it', () => {
  assert.deepEqual(findColumns(COLUMNS, 'RO').map(([name]) => name), ['rows', 'metric.rows']);
  assert.deepEqual(findColumns(COLUMNS, 'status'), []);
  assert.equal(findColumns(COLUMNS, '').length, COLUMNS.length);
  assert.equal(findColumns(COLUMNS, '', 2).length, 2);
});

test('a completed name takes the place of what was typed of it', () => {
  const token = findToken('lr < 1 and sta = 2', 13);
  assert.ok(token);
  assert.deepEqual(complete('lr < 1 and sta = 2', token, 'status'), { text: 'lr < 1 and status = 2', caret: 18 });
  assert.deepEqual(complete('', { start: 0, end: 0, text: '' }, 'lr'), { text: 'lr ', caret: 3 });
});
