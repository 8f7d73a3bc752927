// The curves of runs: what they logged step by step, renewed while they go on. Python smooths and thins.

import { readNumbers } from './buffers.js';
import { element, setAttributes } from './elements.js';
import { formatCount, formatDuration, formatNumber, plural, shorten } from './format.js';
import { onThemeChange } from './page.js';
import { DASHES, categoryColours, cssColour, fitCanvas, formatTick, linearTicks, logTicks, paintFrame } from './plot.js';
import { makeTooltip } from './tooltip.js';

/** @import { CurvesJson } from '../generated/messages.js' */
/** @import { Curve, CurveLink, ShownRun } from './types.js' */

const HEIGHT = 240;
const FRAME = { left: 58, right: 14, top: 10, bottom: 36 };
/** How long after an answer the curves of runs that go on are read again, in milliseconds. */
const RENEW_MS = 1000;
/** So many runs have a colour and a line of the legend each. */
const MOST_NAMED = 8;
const NEAR_PX = 12;

/**
 * The points of an answer as lines.
 *
 * @param {CurvesJson} answer
 * @param {DataView} bytes
 * @returns {Curve[]}
 */
export function readCurves({ lines }, bytes) {
  const numbers = readNumbers(bytes);
  let at = 0;
  return lines.map((line) => {
    const [x, y] = [numbers.subarray(at, at + line.points), numbers.subarray(at + line.points, at + 2 * line.points)];
    at += 2 * line.points;
    return { ...line, x, y };
  });
}

/**
 * The least and greatest number that can be drawn of both coordinates; null where there is none.
 *
 * @param {Pick<Curve, 'x' | 'y'>[]} curves
 * @param {boolean} isLog
 */
export function findExtent(curves, isLog) {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { x, y } of curves) {
    for (let i = 0; i < x.length; i += 1) {
      if (!Number.isFinite(y[i]) || (isLog && y[i] <= 0)) continue;
      left = Math.min(left, x[i]);
      right = Math.max(right, x[i]);
      low = Math.min(low, y[i]);
      high = Math.max(high, y[i]);
    }
  }
  if (left > right) return null;
  return { left, right: right > left ? right : left + 1, low, high: high > low ? high : isLog ? low * 1.1 : low + (Math.abs(low) * 0.1 || 1) };
}

/**
 * @param {CurveLink} link
 * @param {HTMLElement} root
 * @param {(hasAny: boolean) => void} [onRead] told whether any of the runs has a curve
 */
export function makeCurves(link, root, onRead = () => {}) {
  const canvas = element('canvas', { role: 'img', 'aria-label': 'Curves' });
  const tooltip = makeTooltip();
  const plot = element('div', { class: 'nbpart-plot' }, canvas, tooltip.node);
  const metric = element('select', { 'aria-label': 'Metric of the curves', onchange: () => read() });
  const by = element('select', { 'aria-label': 'Curves by', onchange: () => read() }, element('option', { value: 'step', text: 'by step' }), element('option', { value: 'time', text: 'by time' }));
  const smoothing = element('input', { type: 'range', min: '0', max: '0.99', step: '0.01', value: '0', 'aria-label': 'Smoothing', title: 'Smoothing: an exponential moving average', oninput: () => read() });
  const log = element('input', { type: 'checkbox', onchange: () => paint() });
  const note = element('span', { class: 'nbpart-faint', role: 'status' });
  const legend = element('div', { class: 'nbpart-legend nbpart-curve-legend' });
  const fields = element('span', { class: 'nbpart-curve-fields' }, metric, by, element('label', { class: 'nbpart-check' }, 'smooth ', smoothing), element('label', { class: 'nbpart-check' }, log, ' log'));
  const controls = element('div', { class: 'nbpart-bar' }, fields, note);
  const node = element('div', { class: 'nbpart-curves' }, controls, plot, legend);
  /** @type {ShownRun[]} */
  let runs = [];
  /** @type {Curve[]} */
  let curves = [];
  let asked = '';
  let isReading = false;
  let isAgain = false;
  let isClosed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {((px: number, py: number) => [Curve, number] | null)} */
  let find = () => null;

  async function read() {
    clearTimeout(timer);
    if (isReading) {
      isAgain = true;
      return;
    }
    isReading = true;
    isAgain = false;
    try {
      if (runs.length) {
        const answer = await link.request('read_curves', { run_ids: runs.map(({ id }) => id), metric: metric.value, by_time: by.value === 'time', smoothing: Number(smoothing.value) });
        curves = readCurves(answer, answer.buffers[0]);
        showNames(answer);
      } else {
        curves = [];
        showNames({ metric: '', names: [] });
      }
      showNote();
    } catch (error) {
      note.textContent = `✕ ${error.message}`;
    } finally {
      isReading = false;
    }
    if (isClosed) return;
    onRead(metric.options.length > 0);
    paint();
    if (isAgain) read();
    else if (curves.some(({ live }) => live) || runs.some(({ live }) => live)) timer = setTimeout(() => (document.hidden || !node.isConnected ? paint() : read()), RENEW_MS);
  }

  /** @param {Pick<CurvesJson, 'metric' | 'names'>} answer */
  function showNames({ metric: drawn, names }) {
    if (JSON.stringify([...metric.options].map(({ value }) => value)) !== JSON.stringify(names)) metric.replaceChildren(...names.map((value) => element('option', { value, text: value })));
    metric.value = drawn;
    const isEmpty = names.length === 0;
    for (const each of [fields, plot, legend]) each.hidden = isEmpty;
  }

  function showNote() {
    const [total, drawn] = [curves.reduce((sum, each) => sum + each.total, 0), curves.reduce((sum, each) => sum + each.points, 0)];
    if (!runs.length) note.textContent = 'no run to draw';
    else if (!curves.length) note.textContent = 'no curves: run.log(loss=…, step=…) logs a point of one';
    else note.textContent = `${plural(new Set(curves.map(({ run_id: id }) => id)).size, 'run')}, ${plural(total, 'point')}${drawn < total ? `, ${formatCount(drawn)} drawn` : ''}${curves.some(({ live }) => live) ? ', live' : ''}`;
  }

  function paint() {
    const width = plot.clientWidth;
    if (!width) return;
    const context = fitCanvas(canvas, width, HEIGHT);
    const extent = findExtent(curves, log.checked);
    find = () => null;
    if (!context || !extent) return;
    const box = { left: FRAME.left, right: width - FRAME.right, top: FRAME.top, bottom: HEIGHT - FRAME.bottom };
    const go = log.checked ? Math.log10 : (/** @type {number} */ value) => value;
    const [from, to] = [go(extent.low), go(extent.high)];
    /** @type {(x: number) => number} */
    const toX = (x) => box.left + 4 + ((x - extent.left) / (extent.right - extent.left)) * (box.right - box.left - 8);
    /** @type {(y: number) => number} */
    const toY = (y) => box.bottom - 4 - ((go(y) - from) / (to - from)) * (box.bottom - box.top - 8);
    const isTime = by.value === 'time';
    paintFrame(context, root, box,
      { name: isTime ? 'seconds since the first point' : 'step', ticks: linearTicks(extent.left, extent.right, Math.max(2, Math.floor(width / 80))).map((value) => ({ at: toX(value), label: formatTick(value) })) },
      { name: metric.value, ticks: (log.checked ? logTicks : linearTicks)(extent.low, extent.high, 7).map((value) => ({ at: toY(value), label: formatTick(value) })) });
    const named = runs.length <= MOST_NAMED;
    const colours = categoryColours(root);
    const places = new Map(runs.map(({ id }, i) => [id, i]));
    const plain = cssColour(root, '--nbpart-faint');
    for (const curve of curves) {
      const place = places.get(curve.run_id) ?? 0;
      const own = runs[place]?.colour;
      context.strokeStyle = named ? colours[place % colours.length] : own ?? plain;
      context.fillStyle = context.strokeStyle;
      context.setLineDash(named ? DASHES[Math.floor(place / 4) % DASHES.length] : []);
      context.lineWidth = named ? 1.7 : 1.1;
      context.globalAlpha = named ? 1 : 0.7;
      strokeCurve(context, curve, toX, toY, log.checked);
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
    showLegend(named ? colours : []);
    canvas.setAttribute('aria-label', `${metric.value} ${by.value === 'time' ? 'by time' : 'by step'} of ${plural(runs.length, 'run')}`);
    find = (px, py) => findNearest(curves, px, py, toX, toY);
  }

  /** @param {string[]} colours */
  function showLegend(colours) {
    legend.replaceChildren(...(colours.length && runs.length > 1 ? runs.filter(({ id }) => curves.some(({ run_id: other }) => other === id)) : []).map(({ id, label }) => {
      const last = curves.findLast(({ run_id: other }) => other === id);
      const place = runs.findIndex((run) => run.id === id);
      const swatch = element('i', { class: 'nbpart-line-swatch', 'aria-hidden': 'true' });
      swatch.style.borderTop = `2px ${place >= 4 ? 'dashed' : 'solid'} ${colours[place % colours.length]}`;
      return element('span', { title: label }, swatch, shorten(label, 48), element('span', { class: 'nbpart-faint', text: last ? formatNumber(last.y[last.y.length - 1]) : '' }));
    }));
  }

  canvas.addEventListener('pointermove', ({ offsetX, offsetY }) => {
    const found = find(offsetX, offsetY);
    if (!found) return tooltip.hide();
    const [curve, i] = found;
    const label = runs.find(({ id }) => id === curve.run_id)?.label ?? curve.run_id;
    const at = by.value === 'time' ? `after ${formatDuration(curve.x[i])}` : `step ${formatCount(curve.x[i])}`;
    return tooltip.show(offsetX, offsetY, { width: plot.clientWidth, height: HEIGHT }, shorten(label, 80), [at, `${metric.value} ${formatNumber(curve.y[i])}`]);
  });
  canvas.addEventListener('pointerleave', () => tooltip.hide());
  const stopTheme = onThemeChange(() => setTimeout(paint, 50));

  return {
    node, paint,
    /**
     * Draw the curves of these runs; what is drawn already is not read again, unless something is new.
     *
     * @param {ShownRun[]} next
     * @param {unknown} [version] what the runs depend on beside their ids
     */
    show(next, version = '') {
      const text = JSON.stringify([next.map(({ id, live }) => [id, live]), version]);
      runs = next;
      if (text === asked) return paint();
      asked = text;
      setAttributes(node, { 'aria-label': `Curves of ${plural(next.length, 'run')}` });
      return void read();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      stopTheme();
    },
  };
}

/** @type {(context: CanvasRenderingContext2D, curve: Curve, toX: (x: number) => number, toY: (y: number) => number, isLog: boolean) => void} */
function strokeCurve(context, { x, y }, toX, toY, isLog) {
  context.beginPath();
  let isOpen = false;
  for (let i = 0; i < x.length; i += 1) {
    if (!Number.isFinite(y[i]) || (isLog && y[i] <= 0)) {
      isOpen = false;
      continue;
    }
    const [px, py] = [toX(x[i]), toY(y[i])];
    if (isOpen) context.lineTo(px, py);
    else context.moveTo(px, py);
    isOpen = true;
  }
  context.stroke();
  // a point alone is no line
  if (x.length === 1 && isOpen) context.fillRect(toX(x[0]) - 2, toY(y[0]) - 2, 4, 4);
}

/** @type {(curves: Curve[], px: number, py: number, toX: (x: number) => number, toY: (y: number) => number) => [Curve, number] | null} */
function findNearest(curves, px, py, toX, toY) {
  /** @type {[Curve, number] | null} */
  let best = null;
  let distance = NEAR_PX ** 2;
  for (const curve of curves) {
    for (let i = 0; i < curve.x.length; i += 1) {
      const d = (toX(curve.x[i]) - px) ** 2 + (toY(curve.y[i]) - py) ** 2;
      if (d < distance) [best, distance] = [[curve, i], d];
    }
  }
  return best;
}
