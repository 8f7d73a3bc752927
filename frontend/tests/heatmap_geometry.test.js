import assert from 'node:assert/strict';
import { test } from 'node:test';

import { computeLayout, computeTicks, findRuns, panWindow, placesOfColumn, zoomWindow } from '../src/heatmap/geometry.js';

test('columns of pixels share all places among them, each at least one', () => {
  for (const n of [1, 7, 299, 300, 301, 1_000, 999_983]) {
    const columns = Array.from({ length: 300 }, (_, x) => placesOfColumn(x, 300, 0, n, n));
    assert.equal(columns[0][0], 0);
    assert.equal(columns[299][1], n);
    columns.forEach(([first, last], x) => assert.ok(first < last && (!x || first <= columns[x - 1][1]), `${n} places, column ${x}`));
  }
});

test('zooming keeps the centre where there is room, and ends at all and at a few', () => {
  assert.deepEqual(zoomWindow({ from: 0, to: 100 }, 100, 90, 0.1), { from: 81, to: 91 });
  assert.deepEqual(zoomWindow({ from: 81, to: 91 }, 100, 90, 50), { from: 0, to: 100 });
  assert.deepEqual(zoomWindow({ from: 0, to: 100 }, 100, 50, 1e-9), { from: 48, to: 52 });
  assert.deepEqual(zoomWindow({ from: 0, to: 2 }, 2, 1, 1e-9), { from: 0, to: 2 });
});

test('panning stops at both ends', () => {
  assert.deepEqual(panWindow({ from: 90, to: 95 }, 100, 40), { from: 95, to: 100 });
  assert.deepEqual(panWindow({ from: 3, to: 8 }, 100, -40), { from: 0, to: 5 });
});

test('there are at most as many labels as fit, at even distances, within the window', () => {
  assert.deepEqual(computeTicks(0, 4, 10), [0, 1, 2, 3]);
  assert.deepEqual(computeTicks(0.5, 1000, 4), [1, 251, 501, 751]);
  for (const [from, to] of [[0, 1], [0, 7], [12.4, 99.9], [0, 999_983]]) {
    const ticks = computeTicks(from, to, 5);
    assert.ok(ticks.length >= 1 && ticks.length <= 6, `${ticks}`);
    assert.ok(ticks.every((place) => place >= from && place < to));
  }
});

test('bands stand below each other; a grid takes the place that its cells need', () => {
  const line = { layout: 'line', grid: null, rows: [{ name: 'a' }, { name: 'b' }], shown: 3 };
  const columns = Array.from({ length: 4 }, String);
  const grid = { layout: 'grid', grid: { columns, rows: ['x', 'y'] }, rows: [{ name: 'c' }], shown: 8 };
  const cell = { layout: 'cell', grid: null, rows: [{ name: 'd' }], shown: 1 };
  const { items, height } = computeLayout([line, grid, cell], 100);
  assert.deepEqual(items.map(({ kind }) => kind), ['head', 'row', 'row', 'axis', 'head', 'row', 'axis', 'head', 'row']);
  items.slice(1).forEach((item, i) => assert.ok(item.y >= items[i].y + items[i].height, 'they do not overlap'));
  assert.deepEqual(items[5].cell, { width: 25, height: 24 });
  assert.equal(items[5].height, 48);
  assert.equal(height, items.at(-1).y + items.at(-1).height);
});

test('cells side by side in a line are one box, and every cell of a place is in one', () => {
  // a grid of 3 columns; the cells 1 and 5 are empty, 0 holds two places
  const cells = Uint32Array.from([0, 0, 2, 3, 4, 6, 7]);
  const starts = Uint32Array.from([0, 2, 2, 3, 4, 5, 5, 6, 7]);
  assert.deepEqual(findRuns([[0, 7]], cells, starts, 3), [[0, 1], [2, 3], [3, 5], [6, 8]]);
  assert.deepEqual(findRuns([[4, 5], [1, 2], [0, 1]], cells, starts, 3), [[0, 1], [4, 5]]);
  assert.deepEqual(findRuns([], cells, starts, 3), []);
});

test('columns that are more than pixels are narrower than one, and none is cut off', () => {
  const columns = Array.from({ length: 400 }, String);
  const grid = { layout: 'grid', grid: { columns, rows: ['x'] }, rows: [{ name: 'c' }], shown: 400 };
  const { items } = computeLayout([grid], 300);
  assert.equal(items[1].cell.width, 0.75);
});
