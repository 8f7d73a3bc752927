import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CODES, COLUMN_ORDER, STATUSES } from '../src/generated/constants.js';
import { computeHeights, makeRamp, paintGrid, paintLateCells, paintMarks, paintStatus, paintTicks, paintValues, stackStatuses, stackValues, toHex, toPixel } from '../src/heatmap/paint.js';

const { failed, materialized } = CODES;
const colours = Uint32Array.from(STATUSES, (_, code) => code + 1);
/** The rows of an image as text: a digit a pixel, `.` where it is clear. */
const lines = (image, width) => [...image].map((pixel) => pixel || '.').join('').match(new RegExp(`.{${width}}`, 'g'));

test('a column of many is stacked in proportion, and one failure of a million is seen', () => {
  const heights = (counts, height) => {
    const total = counts.reduce((sum, n) => sum + n, 0);
    return [...computeHeights(counts, total, height, [1, 1, 1, 1, 2, 1], new Int32Array(6))];
  };
  assert.deepEqual(heights([0, 0, 0, 0, 1, 999_999], 20), [0, 0, 0, 0, 2, 18]);
  assert.deepEqual(heights([5, 5, 0, 0, 0, 10], 20), [5, 5, 0, 0, 0, 10]);
  assert.equal(heights([1, 1, 1, 1, 1, 1], 7).reduce((sum, n) => sum + n), 7);
});

test('statuses are painted from the top in their order, with a gap between wide places', () => {
  const image = new Uint32Array(2 * 4);
  const codes = Uint8Array.from([failed, failed, materialized, materialized, materialized, materialized, materialized, materialized]);
  const row = { width: 2, top: 0, height: 4, codes, colours, order: COLUMN_ORDER, least: colours.map(() => 1), gap: 1 };
  paintStatus(image, { ...row, from: 0, to: 8 });
  assert.deepEqual(lines(image, 2), ['56', '56', '66', '66']);
  const wide = new Uint32Array(10);
  paintStatus(wide, { ...row, width: 10, height: 1, codes: codes.subarray(1, 3), from: 0, to: 2 });
  assert.deepEqual(lines(wide, 10), ['5555.66666']);
});

test('values are the mean of what is known; what is not known is blank above, and failures on top', () => {
  const ramp = Uint32Array.from({ length: 256 }, (_, level) => (level === 0 ? 1 : level === 20 ? 2 : 3));
  const image = new Uint32Array(4);
  const row = { width: 1, top: 0, height: 4, from: 0, to: 4, ramp, failed, failedColour: 9, least: 1, gap: 1 };
  paintValues(image, { ...row, codes: Uint8Array.from([failed, 5, 5, 0]), levels: Uint8Array.from([0, 10, 30, 0]) });
  assert.deepEqual([...image], [9, 1, 2, 2]);
});

test('ticks are as wide as a person sees, and stay within the row', () => {
  const ticks = (n, places, width) => {
    const codes = new Uint8Array(n).fill(materialized);
    for (const place of places) codes[place] = failed;
    const image = new Uint32Array(width * 3);
    paintTicks(image, { width, top: 1, height: 1, codes, from: 0, to: n, code: failed, colour: 7, least: 3, gap: 1 });
    return lines(image, width);
  };
  const blank = '.'.repeat(12);
  assert.deepEqual(ticks(6000, [2700], 12), [blank, '....777.....', blank]);
  assert.deepEqual(ticks(6000, [0, 5999], 12), [blank, '77........77', blank]);
  assert.deepEqual(ticks(3, [1], 12), [blank, '....777.....', blank]);
});

test('a grid is painted cell by cell, and what failed in it gets a clear rim', () => {
  const starts = Uint32Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  const grid = { width: 8, cell: { width: 2, height: 3 }, columns: 4, starts };
  const image = new Uint32Array(8 * 6);
  paintGrid(image, { ...grid, stack: (first, last, height) => [[1, height]], gap: 0 });
  paintMarks(image, { ...grid, codes: Uint8Array.from([5, 5, 5, 5, 5, 5, failed, 5]), code: failed, colour: 7, least: 2, rim: 1 });
  assert.deepEqual(lines(image, 8), ['11111111', '11111111', '11111111', '111....1', '111.77.1', '111.77.1']);
});

test('a cell of several partitions is a stack of their statuses, with a small mark where some failed', () => {
  const how = { colours, order: [failed, 5, 0], least: [1, 1, 1, 1, 1, 1] };
  const codes = Uint8Array.from([5, 5, 5, failed, 5, 0]);
  const grid = { width: 9, cell: { width: 3, height: 4 }, columns: 3, starts: Uint32Array.from([0, 4, 4, 6]) };
  const image = new Uint32Array(9 * 4);
  paintGrid(image, { ...grid, stack: (first, last, height) => stackStatuses(codes, first, last, height, how), gap: 0 });
  const red = String(failed + 1);
  assert.deepEqual(lines(image, 9), [`${red.repeat(3)}...666`, '666...666', '666...111', '666...111']);
  paintMarks(image, { ...grid, codes, code: failed, colour: 7, least: 1, rim: 0 });
  assert.equal([...image].filter((pixel) => pixel === 7).length, 1);
  const values = { ramp: Uint32Array.from({ length: 256 }, (_, level) => level), failed, failedColour: 999, least: 1 };
  assert.deepEqual(stackValues(codes, Uint8Array.from([10, 20, 30, 0, 0, 0]), 0, 4, 8, values), [[999, 2], [0, 1], [20, 5]]);
});

test('a colour is the same as a pixel and back', () => {
  for (const colour of ['#000000', '#197268', '#ffffff']) assert.equal(toHex(toPixel(colour)), colour);
  const ramp = makeRamp(['#000000', '#ffffff'], 5);
  assert.deepEqual([ramp[0], toHex(ramp[1]), toHex(ramp[128]), toHex(ramp[255])], [5, '#000000', '#808080', '#ffffff']);
});

test('a cell in which something is late has a bar at its bottom, with a clear rim above', () => {
  const image = new Uint32Array(8 * 8).fill(6);
  const grid = { width: 8, cell: { width: 4, height: 8 }, columns: 2, starts: Uint32Array.from([0, 1, 3]) };
  paintLateCells(image, { ...grid, late: Uint8Array.from([0, 0, 1]), colour: 9, least: 2, rim: 1 });
  assert.deepEqual(lines(image, 8), ['66666666', '66666666', '66666666', '66666666', '6666...6', '66669996', '66669996', '66666666']);
});
