import assert from 'node:assert/strict';
import { test } from 'node:test';

import { makeScale, readBrush, setBrush } from '../src/board/scale.js';
import { chooseNothing, decodeBoard, findInside, findPicked, hasBrush, orderRows, reduceBoard } from '../src/board/state.js';
import { findExtent, readCurves } from '../src/shared/curves.js';
import { linearTicks, logTicks } from '../src/shared/plot.js';

const column = (name, values, more = {}) => ({ name, role: 'parameter', kind: 'number', whole: false, log: false, better: '', labels: [], values: Float64Array.from(values), ...more });
const lr = column('lr', [0.001, 0.1, NaN, 0.01], { log: true });
const kind = column('kind', [0, 1, 2, NaN], { kind: 'category', labels: ['a', 'b', 'c'] });
const loss = column('loss', [0.5, Infinity, 0.25, -0.5]);
const all = [lr, kind, loss];
/** @type {(choice: object) => number[]} */
const rowsIn = (choice) => [...findInside(all, { ...chooseNothing(), ...choice }, 4)].flatMap((is, row) => (is ? [row] : []));

test('a snapshot and a patch are read column by column, wherever the bytes begin', () => {
  const board = { asset: 'm', keys: ['x', 'y'], run_ids: [null, null], columns: [{ ...lr, values: undefined }, { ...loss, values: undefined }], best: null, early: [], constant: '', more: 0 };
  const bytes = new Uint8Array(1 + 4 * 8);
  bytes.set(new Uint8Array(Float64Array.from([1, 2, 3, 4]).buffer), 1);
  const values = new DataView(bytes.buffer, 1);
  const chosen = { ...chooseNothing(), count: 0, code: '', by: '' };
  const page = decodeBoard({ board, values, chosen, home: '/' });
  assert.deepEqual(page.columns.map((each) => [...each.values]), [[1, 2], [3, 4]]);
  const next = reduceBoard(page, 'board', { board: { ...board, keys: ['x', 'y', 'z', 'w'], columns: [board.columns[0]] } }, [values]);
  assert.deepEqual([...next.columns[0].values], [1, 2, 3, 4]);
  assert.equal(reduceBoard(page, 'chosen', { chosen: { ...chosen, count: 3 } }, []).chosen.count, 3);
});

test('a brush leaves what has a value within it', () => {
  assert.deepEqual(rowsIn({}), [0, 1, 2, 3]);
  assert.deepEqual(rowsIn({ ranges: { lr: [null, null] } }), [0, 1, 3]);
  assert.deepEqual(rowsIn({ ranges: { loss: [0.25, null] } }), [0, 1, 2]);
  assert.deepEqual(rowsIn({ ranges: { lr: [null, 0.01], loss: [null, 0] } }), [3]);
  assert.deepEqual(rowsIn({ labels: { kind: ['a', 'c'] } }), [0, 2]);
  assert.deepEqual(rowsIn({ labels: { kind: [] } }), []);
  assert.deepEqual(rowsIn({ ranges: { gone: [null, null] } }), []);
  assert.deepEqual(rowsIn({ labels: { gone: ['a'] } }), []);
  assert.deepEqual([...findPicked(['x', null, 'y'], { ...chooseNothing(), keys: [null, 'y'] })], [0, 1, 1]);
});

test('rows are sorted by a column, with what has no value last both ways', () => {
  const inside = Uint8Array.from([1, 1, 1, 1]);
  assert.deepEqual(orderRows(inside, null, false), [0, 1, 2, 3]);
  assert.deepEqual(orderRows(inside, lr, false), [0, 3, 1, 2]);
  assert.deepEqual(orderRows(inside, lr, true), [1, 3, 0, 2]);
  assert.deepEqual(orderRows(inside, loss, true), [1, 0, 2, 3]);
  assert.deepEqual(orderRows(Uint8Array.from([1, 1, 1]), column('x', [Infinity, Infinity, -Infinity]), false), [2, 0, 1]);
});

test('a value stands where its axis has it, and a bound there has few digits', () => {
  const scale = makeScale(lr);
  assert.deepEqual([0.001, 0.01, 0.1].map((value) => Number(scale.toUnit(value).toFixed(6))), [0, 0.5, 1]);
  assert.ok(Number.isNaN(scale.toUnit(NaN)));
  assert.equal(scale.toUnit(-1), 0);
  assert.equal(scale.roundAt(0.3), 0.00398);
  assert.deepEqual([makeScale(loss).toUnit(Infinity), makeScale(loss).roundAt(0.3333)], [1, -0.17]);
  assert.equal(makeScale(column('n', [3, 9], { whole: true })).roundAt(0.4), 5);
  const same = makeScale(column('x', [7, 7]));
  assert.deepEqual([same.toUnit(7), same.format(NaN), same.format(-Infinity)], [0.5, '—', '-∞']);
  assert.equal(makeScale(kind).format(1), 'b');
  const day = makeScale(column('day', [Date.UTC(2013, 0, 1), Date.UTC(2013, 0, 31)], { kind: 'time' }));
  assert.deepEqual(day.format(day.roundAt(0.5)), '2013-01-16');
  assert.deepEqual(makeScale(column('none', [NaN])).toUnit(NaN), NaN);
});

test('a brush on an axis becomes bounds or labels, open at the ends of the axis, and is read back', () => {
  let choice = setBrush({ ...chooseNothing(), keys: ['x'] }, lr, makeScale(lr), [0, 0.5]);
  assert.deepEqual(choice, { keys: [], ranges: { lr: [null, 0.01] }, labels: {} });
  choice = setBrush(choice, kind, makeScale(kind), [0.4, 1]);
  assert.deepEqual(choice.labels, { kind: ['b', 'c'] });
  assert.deepEqual(readBrush(kind, makeScale(kind), choice)?.map((unit) => Number(unit.toFixed(3))), [0.333, 1]);
  assert.deepEqual(readBrush(lr, makeScale(lr), choice)?.map((unit) => Number(unit.toFixed(3))), [0, 0.5]);
  assert.equal(readBrush(loss, makeScale(loss), choice), null);
  assert.ok(hasBrush(choice));
  choice = setBrush(setBrush(choice, lr, makeScale(lr), null), kind, makeScale(kind), null);
  assert.deepEqual([choice, hasBrush(choice)], [chooseNothing(), false]);
  assert.deepEqual(setBrush(choice, loss, makeScale(loss), [0, 1]).ranges, { loss: [null, null] });
});

test('where a part is looked at alone, its axis is as long as that needs, and a brush to its end keeps the bound', () => {
  const zoom = { rows: Uint8Array.from([1, 0, 1, 1]), ranges: { lr: [null, 0.05] } };
  const scale = makeScale(lr, zoom);
  assert.deepEqual([scale.toUnit(0.01), scale.toUnit(0.1)].map((unit) => Number(unit.toFixed(6))), [1, 1]);
  assert.deepEqual(setBrush(chooseNothing(), lr, scale, [0.5, 1]).ranges, { lr: [0.00316, 0.05] });
  assert.deepEqual(setBrush(chooseNothing(), lr, makeScale(lr), [0.5, 1]).ranges, { lr: [0.01, null] });
});

test('the points of several curves are read from one buffer, and what cannot be drawn has no part in their extent', () => {
  const line = { run_id: 'r', points: 2, total: 9, live: false };
  const bytes = new DataView(Float64Array.from([0, 1, 5, NaN, 2, 3, -1, 4]).buffer);
  const curves = readCurves({ metric: 'loss', names: ['loss'], lines: [line, line] }, bytes);
  assert.deepEqual(curves.map(({ x, y }) => [[...x], [...y]]), [[[0, 1], [5, NaN]], [[2, 3], [-1, 4]]]);
  assert.deepEqual(findExtent(curves, false), { left: 0, right: 3, low: -1, high: 5 });
  assert.deepEqual(findExtent(curves, true), { left: 0, right: 3, low: 4, high: 5 });
  assert.equal(findExtent([{ x: Float64Array.from([1]), y: Float64Array.from([NaN]) }], false), null);
});

test('ticks are round numbers within the ends', () => {
  assert.deepEqual(linearTicks(0, 1, 6), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(linearTicks(3, 3, 6), [3]);
  assert.deepEqual(logTicks(0.001, 0.1, 6), [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1]);
  assert.deepEqual(logTicks(1e-9, 1, 4), [1e-9, 1e-6, 0.001, 1]);
  assert.deepEqual(logTicks(3.1, 3.2, 4), [3.1]);
});
