// Parallel coordinates: an axis a column, a line a row, and brushes by mouse and keyboard.

import { element, setAttributes } from '../shared/elements.js';
import { shorten } from '../shared/format.js';
import { cssColour, fitCanvas } from '../shared/plot.js';
import { makeBrush } from './brush.js';
import { makeScale, readBrush } from './scale.js';

/** @import { Choice, Column, Drawn, Scale, Zoom } from './types.js' */

const HEIGHT = 264;
const [TOP, BOTTOM] = [40, 14];
/** The least distance of two axes, in pixels. */
export const LEAST_DISTANCE = 92;
const CHAR_PX = 6.2;

/**
 * @param {HTMLElement} root
 * @param {(column: Column, scale: Scale, brush: [number, number] | null) => void} onBrush
 */
export function makeParallel(root, onBrush) {
  const canvas = element('canvas', { 'aria-hidden': 'true' });
  const overlay = element('div', { class: 'nbpart-axes' });
  const node = element('div', { class: 'nbpart-parallel', role: 'group', 'aria-label': 'Parallel coordinates: a brush on an axis chooses' }, canvas, overlay);
  /** @type {Map<string, ReturnType<typeof makeBrush>>} */
  const brushes = new Map();
  let built = '';
  /** @type {{ column: Column, scale: Scale, x: number }[]} */
  let axes = [];

  /**
   * @param {Column[]} columns
   * @param {number} width
   * @param {Zoom | null} zoom
   */
  function layOut(columns, width, zoom) {
    const [left, right] = [52, 60];
    axes = columns.map((column, i) => ({ column, scale: makeScale(column, zoom), x: columns.length < 2 ? width / 2 : left + (i * (width - left - right)) / (columns.length - 1) }));
    const text = JSON.stringify([width, columns.map(({ name, kind, log, labels }) => [name, kind, log, labels.length])]);
    const isSame = text === built;
    built = text;
    if (!isSame) brushes.clear();
    for (const { column, scale } of axes) {
      const known = brushes.get(column.name);
      if (known) known.setScale(scale);
      else brushes.set(column.name, makeBrush(column.name, scale, HEIGHT - TOP - BOTTOM, (brush) => {
        const axis = axes.find((each) => each.column.name === column.name);
        if (axis) onBrush(axis.column, axis.scale, brush);
      }));
    }
    if (isSame) return;
    const distance = columns.length < 2 ? width : (width - left - right) / (columns.length - 1);
    overlay.replaceChildren(...axes.map(({ column, x }) => {
      const brush = brushes.get(column.name);
      const better = { max: ' ↑', min: ' ↓' }[column.better] ?? '';
      const label = element('div', { class: 'nbpart-axis-name', text: shorten(column.name, Math.max(6, Math.floor(distance / CHAR_PX) - 2)) + better, title: `${column.name}${column.log ? ', logarithmic' : ''}${column.better ? `, ${column.better} is better` : ''}` });
      label.style.maxWidth = `${distance - 4}px`;
      const axis = element('div', { class: `nbpart-axis is-${column.role}` }, label, brush ? brush.node : null);
      axis.style.left = `${x}px`;
      if (brush) brush.node.style.top = `${TOP}px`;
      return axis;
    }));
  }

  /** @param {Drawn} drawn */
  function paint({ page, inside, picked, colouring, zoom }) {
    const width = node.clientWidth;
    const context = fitCanvas(canvas, width, HEIGHT);
    if (!context) return;
    const [faint, line, text] = ['--nbpart-faint', '--nbpart-line', '--nbpart-text'].map((name) => cssColour(root, name));
    const n = page.board.keys.length;
    const hasPicked = picked.includes(1);
    /** @type {number[][]} */
    const groups = Array.from({ length: colouring.shades.length + 1 }, () => []);
    const [others, chosen] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
    for (let row = 0; row < n; row += 1) {
      if (zoom && !zoom.rows[row]) continue;
      if (picked[row]) chosen.push(row);
      else if (inside[row] && !hasPicked) groups[colouring.shadeOf(row) + 1].push(row);
      else others.push(row);
    }
    const units = axes.map(({ column, scale }) => Float32Array.from(column.values, scale.toUnit));
    // of many lines what lies below is seen too
    strokeRows(context, others, units, faint, Math.max(0.04, Math.min(0.18, 60 / others.length)), 1);
    const alpha = Math.max(0.14, Math.min(0.8, 200 / Math.max(1, n - others.length)));
    const shades = groups.map((_, i) => i);
    // the best are drawn last
    for (const shade of colouring.column?.better === 'min' ? shades.toReversed() : shades) strokeRows(context, groups[shade], units, shade ? colouring.shades[shade - 1] : colouring.none, alpha, n > 300 ? 1 : 1.4);
    for (const row of chosen) {
      const shade = colouring.shadeOf(row);
      strokeRows(context, [row], units, shade < 0 ? colouring.none : colouring.shades[shade], 1, 2.6);
    }
    paintAxes(context, line, text);
  }

  /** @type {(context: CanvasRenderingContext2D, rows: number[], units: Float32Array[], colour: string, alpha: number, width: number) => void} */
  function strokeRows(context, rows, units, colour, alpha, width) {
    if (!rows.length) return;
    Object.assign(context, { strokeStyle: colour, fillStyle: colour, globalAlpha: alpha, lineWidth: width });
    context.beginPath();
    const span = HEIGHT - TOP - BOTTOM;
    for (const row of rows) {
      let isOpen = false;
      for (let i = 0; i < axes.length; i += 1) {
        const unit = units[i][row];
        // what lacks a value leaves a gap
        if (Number.isNaN(unit)) {
          isOpen = false;
          continue;
        }
        const y = TOP + (1 - unit) * span;
        if (isOpen) context.lineTo(axes[i].x, y);
        else context.moveTo(axes[i].x, y);
        // a value between two gaps is a dot
        if (!isOpen && !(units[i + 1]?.[row] >= 0)) context.lineTo(axes[i].x + 3, y);
        isOpen = true;
      }
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  /** @type {(context: CanvasRenderingContext2D, line: string, text: string) => void} */
  function paintAxes(context, line, text) {
    const span = HEIGHT - TOP - BOTTOM;
    const ground = cssColour(root, '--nbpart-card');
    context.font = '11px system-ui, sans-serif';
    context.textBaseline = 'middle';
    context.textAlign = 'left';
    for (const { scale, x } of axes) {
      context.strokeStyle = line;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x, TOP);
      context.lineTo(x, TOP + span);
      const ticks = scale.ticks(6);
      for (const { unit } of ticks) {
        context.moveTo(x, TOP + (1 - unit) * span);
        context.lineTo(x + 4, TOP + (1 - unit) * span);
      }
      context.stroke();
      Object.assign(context, { fillStyle: text, strokeStyle: ground, lineWidth: 3 });
      for (const { unit, label } of ticks) {
        const [short, y] = [shorten(label, 14), TOP + (1 - unit) * span];
        context.strokeText(short, x + 7, y);
        context.fillText(short, x + 7, y);
      }
    }
  }

  return {
    node,
    /**
     * @param {Column[]} columns
     * @param {Choice} choice
     * @param {Drawn} drawn
     */
    show(columns, choice, drawn) {
      layOut(columns, node.clientWidth, drawn.zoom);
      setAttributes(node, { 'aria-label': `Parallel coordinates of ${columns.map(({ name }) => name).join(', ')}: a brush on an axis chooses` });
      for (const { column, scale } of axes) brushes.get(column.name)?.show(readBrush(column, scale, choice));
      paint(drawn);
    },
  };
}
