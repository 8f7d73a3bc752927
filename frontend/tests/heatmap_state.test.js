import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';

import { decodeView, reduceView } from '../src/heatmap/state.js';

const { failed, materialized, missing, running } = (await import('../src/generated/constants.js')).CODES;

const band = (more = {}) => ({ n_keys: 3, shown: 3, counts: [[3, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0]], rows: [{ name: 'a' }, { name: 'b' }], grid: null, ...more });
const headOf = (more = {}) => ({ view: 1, sequence: 5, bands: [band()], color_by: 'status', selection: null, metrics: [], unsorted: 0, ...more });
const words = (...places) => new DataView(Uint32Array.from(places).buffer);
const bytes = (...values) => new DataView(Uint8Array.from(values).buffer);
const rowsOf = (state, part = 'status') => state.bands[0][part].map((row) => [...row]);

async function decode(head, cells) {
  const state = decodeView({ head, cells: deflateSync(Uint8Array.from(cells)) });
  await state.ready;
  return state;
}

const patchOf = (parts, shown = 3) => ({ sequence: 6, metrics: ['m'], unsorted: 2, parts, bands: { 0: { n_keys: shown, shown, counts: [] } } });

test('the bytes of a view are a row after the other', async () => {
  const state = await decode(headOf(), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(rowsOf(state), [[0, 1, 2], [3, 4, 5]]);
  assert.equal(state.bands[0].levels, null);
});

test('what is late comes as a bit of its status, and goes with a patch', async () => {
  const state = await decode(headOf(), [0, 0x80 | failed, 2, 3, 4, 5]);
  assert.deepEqual(rowsOf(state), [[0, failed, 2], [3, 4, 5]]);
  assert.deepEqual(state.bands[0].late.map((row) => row && [...row]), [[0, 1, 0], null]);
  reduceView(state, 'cells', patchOf([[0, 0, 1], [0, 1, 2]], 4), [words(1, 0, 3), bytes(materialized, 0x80 | running, 0x80), bytes()]);
  assert.deepEqual(rowsOf(state), [[0, materialized, 2, missing], [running, 4, 5, missing]]);
  assert.deepEqual(rowsOf(state, 'late'), [[0, 0, 0, 0], [1, 0, 0, 1]]);
});

test('what does not pass a check comes as the bit below that of what is late, and goes with a patch', async () => {
  const state = await decode(headOf(), [0, 0xC0 | failed, 2, 3, 0x40 | materialized, 5]);
  assert.deepEqual(rowsOf(state), [[0, failed, 2], [3, materialized, 5]]);
  assert.deepEqual([state.bands[0].late, state.bands[0].unsound].map((rows) => rows.map((row) => row && [...row])),
    [[[0, 1, 0], null], [[0, 1, 0], [0, 1, 0]]]);
  reduceView(state, 'cells', patchOf([[0, 0, 1], [0, 1, 2]], 4), [words(1, 0, 3), bytes(materialized, 0x40 | running, 0), bytes()]);
  assert.deepEqual(rowsOf(state), [[0, materialized, 2, missing], [running, materialized, 5, missing]]);
  assert.deepEqual(rowsOf(state, 'unsound'), [[0, 0, 0, 0], [1, 1, 0, 0]]);
});

test('values come after the statuses, and the sizes of the cells of a grid after them', async () => {
  const grid = { columns: ['x'], rows: ['1', '2', '3'] };
  const cells = [...new Uint8Array(Uint32Array.from([2, 0, 1]).buffer)];
  const state = await decode(headOf({ color_by: 'm', bands: [band({ rows: [{ name: 'a' }], grid })] }), [0, 1, 2, 7, 8, 9, ...cells]);
  assert.deepEqual(rowsOf(state), [[0, 1, 2]]);
  assert.deepEqual(rowsOf(state, 'levels'), [[7, 8, 9]]);
  assert.deepEqual([...state.bands[0].starts], [0, 2, 2, 3]);
  assert.deepEqual([...state.bands[0].cells], [0, 0, 2]);
});

test('a patch changes its places and no others, and only its rows are painted anew', async () => {
  const state = await decode(headOf(), [0, 0, 0, 0, 0, 0]);
  const same = reduceView(state, 'cells', patchOf([[0, 1, 2]]), [words(2, 0), bytes(failed, running), bytes()]);
  assert.equal(same, state);
  assert.deepEqual(rowsOf(state), [[0, 0, 0], [running, 0, failed]]);
  assert.deepEqual(state.bands[0].versions, [0, 1]);
  assert.deepEqual([state.head.sequence, state.head.metrics, state.head.unsorted], [6, ['m'], 2]);
});

test('a set that grew gets places at its end, missing until something is known of them', async () => {
  const state = await decode(headOf(), [5, 5, 5, 5, 5, 5]);
  reduceView(state, 'cells', patchOf([[0, 0, 1]], 5), [words(4), bytes(materialized), bytes()]);
  assert.deepEqual(rowsOf(state), [[5, 5, 5, missing, materialized], [5, 5, 5, missing, missing]]);
  assert.deepEqual(state.bands[0].versions, [2, 1]);
});

test('patches that come before the bytes are there are applied after them, in turn', async () => {
  const state = decodeView({ head: headOf(), cells: deflateSync(Uint8Array.from([0, 0, 0, 0, 0, 0])) });
  reduceView(state, 'cells', patchOf([[0, 0, 1]]), [words(1), bytes(running), bytes()]);
  reduceView(state, 'cells', patchOf([[0, 0, 1]]), [words(1), bytes(failed), bytes()]);
  assert.equal(state.bands, null);
  await state.ready;
  assert.deepEqual(rowsOf(state), [[0, failed, 0], [0, 0, 0]]);
});

test('another whole takes the place of all, and a selection only of the selection', async () => {
  const state = await decode(headOf(), [0, 0, 0, 0, 0, 0]);
  reduceView(state, 'selection', { selection: { band: 0, rows: [1], ranges: [[0, 2]] } }, []);
  assert.deepEqual(state.head.selection, { band: 0, rows: [1], ranges: [[0, 2]] });
  const other = reduceView(state, 'view', headOf({ view: 2 }), [deflateSync(Uint8Array.from([5, 5, 5, 5, 5, 5]))]);
  await other.ready;
  assert.notEqual(other, state);
  assert.deepEqual(rowsOf(other), [[5, 5, 5], [5, 5, 5]]);
});
