// What charts on a canvas share: sizes, axes of numbers, colours.

import { shorten } from './format.js';

/** A ramp from low to high whose lightness rises, so that it is read without telling hues apart. */
const RAMP = ['#440154', '#482878', '#3e4989', '#31688e', '#26828e', '#1f9e89', '#35b779', '#6ece58', '#b5de2b', '#fde725'];
/** Colours of lines and categories that the colour-blind tell apart, on a light and on a dark ground. */
const CATEGORIES = {
  light: ['#0072b2', '#b34700', '#007a5a', '#a3447a', '#7a6a00', '#2e2e2e', '#1f8fc4', '#777777'],
  dark: ['#56b4e9', '#ff9a56', '#3fd0a4', '#e88cc0', '#f0e442', '#e8e8e8', '#8fd0ff', '#a8a8a8'],
};
/** Dashes tell lines apart where colours come again. */
export const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

/** @param {Element} root */
export const isDark = (root) => {
  const light = document.body.dataset.jpThemeLight;
  if (light !== undefined) return light === 'false';
  return root.ownerDocument.defaultView?.matchMedia('(prefers-color-scheme: dark)').matches ?? false;
};

/** @param {Element} root */
export const categoryColours = (root) => CATEGORIES[isDark(root) ? 'dark' : 'light'];

/**
 * So many colours of the ramp, of those that stand out from the ground.
 *
 * @param {Element} root
 * @param {number} n
 */
export function rampColours(root, n) {
  const [from, to] = isDark(root) ? [0.3, 1] : [0, 0.8];
  return Array.from({ length: n }, (_, i) => mixRamp(from + ((to - from) * i) / Math.max(1, n - 1)));
}

/** @param {number} at */
function mixRamp(at) {
  const place = at * (RAMP.length - 1);
  const [low, share] = [Math.min(Math.floor(place), RAMP.length - 2), place - Math.min(Math.floor(place), RAMP.length - 2)];
  /** @type {(text: string, i: number) => number} */
  const part = (text, i) => parseInt(text.slice(1 + 2 * i, 3 + 2 * i), 16);
  return `rgb(${[0, 1, 2].map((i) => Math.round(part(RAMP[low], i) * (1 - share) + part(RAMP[low + 1], i) * share)).join(' ')})`;
}

/**
 * A property of CSS, as a canvas takes it.
 *
 * @param {Element} root
 * @param {string} name
 */
export const cssColour = (root, name) => getComputedStyle(root).getPropertyValue(name).trim();

/**
 * Make a canvas so large, in pixels of the page, and cleared; its context draws in these pixels. Null where there is none.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 */
export function fitCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}

/**
 * Round numbers from low to high, at most so many.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} most
 */
export function linearTicks(low, high, most) {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, most - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999) ?? rough;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/**
 * The same where logarithms are drawn: powers of ten, and some between where these are few.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} most
 */
export function logTicks(low, high, most) {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const every = Math.max(1, Math.ceil((to - from + 1) / most));
  const within = to - from <= 2 ? [1, 2, 5] : to - from <= 4 ? [1, 3] : [1];
  const found = [];
  for (let power = from; power <= to; power += every) found.push(...within.map((each) => Number((each * 10 ** power).toPrecision(6))));
  const inside = found.filter((each) => each >= low * 0.999 && each <= high * 1.001);
  return inside.length ? inside : [low];
}

/**
 * A number on an axis: short, the same digits for all.
 *
 * @param {number} value
 */
export function formatTick(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(2).replace(/\.?0+e/, 'e').replace('e+', 'e');
  return String(Number(value.toPrecision(4)));
}

/**
 * The frame of a chart with its two axes.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Element} root
 * @param {{ left: number, right: number, top: number, bottom: number }} box
 * @param {{ name: string, ticks: { at: number, label: string }[] }} x
 * @param {{ name: string, ticks: { at: number, label: string }[] }} y
 */
export function paintFrame(context, root, box, x, y) {
  const [line, soft, text, faint] = ['--nbpart-line', '--nbpart-line-soft', '--nbpart-text', '--nbpart-faint'].map((name) => cssColour(root, name));
  Object.assign(context, { strokeStyle: soft, lineWidth: 1, font: '11px system-ui, sans-serif', fillStyle: text, textBaseline: 'middle', textAlign: 'right' });
  context.beginPath();
  for (const { at, label } of y.ticks) {
    context.moveTo(box.left, Math.round(at) + 0.5);
    context.lineTo(box.right, Math.round(at) + 0.5);
    context.fillText(shorten(label, 9), box.left - 5, at);
  }
  context.stroke();
  context.textAlign = 'center';
  context.textBaseline = 'top';
  let free = -Infinity;
  for (const { at, label } of x.ticks) {
    const short = shorten(label, 16);
    const half = context.measureText(short).width / 2;
    if (at - half < free || at + half > box.right + 14) continue;
    free = at + half + 6;
    context.fillText(short, at, box.bottom + 5);
  }
  context.strokeStyle = line;
  context.strokeRect(box.left + 0.5, box.top + 0.5, box.right - box.left - 1, box.bottom - box.top - 1);
  context.fillStyle = faint;
  context.fillText(shorten(x.name, 60), (box.left + box.right) / 2, box.bottom + 20);
  context.save();
  context.translate(10, (box.top + box.bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.textBaseline = 'middle';
  context.fillText(shorten(y.name, 30), 0, 0);
  context.restore();
}
