// Where a value of a column stands on an axis.

import { formatNumber } from '../shared/format.js';
import { formatTick, linearTicks, logTicks } from '../shared/plot.js';

/** @import { Column, Scale, Zoom } from './types.js' */

const DAY_MS = 86_400_000;

/**
 * @param {Column} column
 * @param {Zoom | null} [zoom] the axis is as long as these rows need
 * @returns {Scale}
 */
export function makeScale(column, zoom = null) {
  if (column.kind === 'category') return makeCategoryScale(column.labels);
  let [low, high] = [Infinity, -Infinity];
  for (let row = 0; row < column.values.length; row += 1) {
    const value = column.values[row];
    if (!Number.isFinite(value) || (zoom && !zoom.rows[row])) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) [low, high] = [0, 1];
  const scale = column.kind === 'time' ? makeTimeScale(low, high) : makeNumberScale(low, high, column);
  return zoom ? { ...scale, ends: zoom.ranges[column.name] ?? [null, null] } : scale;
}

/**
 * @param {number} low
 * @param {number} high
 * @param {Pick<Column, 'log' | 'whole'>} column
 * @returns {Scale}
 */
function makeNumberScale(low, high, { log, whole }) {
  /** @type {[(value: number) => number, (value: number) => number]} */
  const [go, back] = log ? [Math.log10, (value) => 10 ** value] : [(value) => value, (value) => value];
  const [from, to] = [go(low), go(high)];
  const unitStep = log ? 0 : 10 ** (Math.floor(Math.log10(to - from || 1)) - 2);
  /** @type {(unit: number) => number} */
  const fromUnit = (unit) => back(from + unit * (to - from));
  return {
    fromUnit,
    toUnit: (value) => toUnit(Number.isNaN(value) || !log ? value : value > 0 ? go(value) : -Infinity, from, to),
    roundAt: (unit) => {
      const value = fromUnit(unit);
      if (whole) return Math.round(value);
      return log ? Number(value.toPrecision(3)) : Number((Math.round(value / unitStep) * unitStep).toPrecision(12));
    },
    ticks: (most) => (log ? logTicks : linearTicks)(low, high, most).filter((value) => !whole || Number.isInteger(value)).map((value) => ({ unit: toUnit(go(value), from, to), label: formatTick(value) })),
    format: formatValue,
    step: whole && !log && to > from ? Math.max(0.02, 1 / (to - from)) : 0.02,
    ends: [null, null],
  };
}

/**
 * @param {number} low
 * @param {number} high
 * @returns {Scale}
 */
function makeTimeScale(low, high) {
  const grain = high - low > 3 * DAY_MS ? DAY_MS : 1000;
  /** @type {(value: number) => string} */
  const format = (value) => (Number.isFinite(value) ? new Date(value).toISOString().slice(0, grain === DAY_MS && value % DAY_MS === 0 ? 10 : 16).replace('T', ' ') : '—');
  /** @type {(unit: number) => number} */
  const fromUnit = (unit) => low + unit * (high - low);
  return {
    fromUnit, format,
    toUnit: (value) => toUnit(value, low, high),
    roundAt: (unit) => Math.round(fromUnit(unit) / grain) * grain,
    ticks: (most) => (high > low ? Array.from({ length: Math.min(most, 4) }, (_, i, n = Math.min(most, 4)) => i / (n - 1)) : [0.5]).map((unit) => ({ unit, label: format(Math.round(fromUnit(unit) / grain) * grain) })),
    step: 0.02,
    ends: [null, null],
  };
}

/**
 * @param {string[]} labels
 * @returns {Scale}
 */
function makeCategoryScale(labels) {
  const n = Math.max(1, labels.length);
  return {
    toUnit: (value) => (value + 0.5) / n,
    fromUnit: (unit) => unit * n - 0.5,
    roundAt: (unit) => Math.round(unit * n - 0.5),
    ticks: (most) => {
      const every = Math.ceil(labels.length / most);
      return labels.map((label, i) => ({ unit: (i + 0.5) / n, label })).filter((_, i) => i % every === 0);
    },
    format: (value) => labels[value] ?? '—',
    step: 1 / n,
    ends: [null, null],
  };
}

/**
 * What is beyond the ends, as infinity, stands at them.
 *
 * @type {(value: number, low: number, high: number) => number}
 */
const toUnit = (value, low, high) => (Number.isNaN(value) ? NaN : high > low ? Math.max(0, Math.min(1, (value - low) / (high - low))) : 0.5);

/**
 * A number of a table; also one that is none.
 *
 * @param {number} value
 */
function formatValue(value) {
  if (Number.isNaN(value)) return '—';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞';
  // as keys spell it: with all digits that a sample has
  return Math.abs(value) >= 1e-5 && Math.abs(value) < 1e-3 ? String(Number(value.toPrecision(4))) : formatNumber(value);
}

/**
 * The part of an axis that is brushed, from 0 to 1; null where it is not.
 *
 * @param {Column} column
 * @param {Scale} scale
 * @param {import('./types.js').Choice} choice
 * @returns {[number, number] | null}
 */
export function readBrush(column, scale, { ranges, labels }) {
  const range = ranges[column.name];
  if (range) return [range[0] === null ? 0 : scale.toUnit(range[0]), range[1] === null ? 1 : scale.toUnit(range[1])];
  const wanted = labels[column.name]?.map((label) => column.labels.indexOf(label)).filter((place) => place >= 0);
  if (!wanted) return null;
  const n = Math.max(1, column.labels.length);
  return wanted.length ? [Math.min(...wanted) / n, (Math.max(...wanted) + 1) / n] : [0, 0];
}

/**
 * A choice with an axis brushed so, or not at all; an end at the end of the axis is open.
 *
 * @param {import('./types.js').Choice} choice
 * @param {Column} column
 * @param {Scale} scale
 * @param {[number, number] | null} brush
 * @returns {import('./types.js').Choice}
 */
export function setBrush(choice, column, scale, brush) {
  const { [column.name]: _range, ...ranges } = choice.ranges;
  const { [column.name]: _labels, ...labels } = choice.labels;
  if (!brush) return { keys: [], ranges, labels };
  const [low, high] = brush;
  if (column.kind === 'category') {
    const n = column.labels.length;
    labels[column.name] = column.labels.filter((_, i) => (i + 0.5) / n >= low && (i + 0.5) / n <= high);
  } else {
    ranges[column.name] = [low <= 0.002 ? scale.ends[0] : scale.roundAt(low), high >= 0.998 ? scale.ends[1] : scale.roundAt(high)];
  }
  return { keys: [], ranges, labels };
}
