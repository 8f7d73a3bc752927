// A scatter of two columns, with the board's colour as a third.

import { element } from '../shared/elements.js';
import { cssColour, fitCanvas, paintFrame } from '../shared/plot.js';
import { makeTooltip } from '../shared/tooltip.js';
import { shorten } from '../shared/format.js';
import { makeScale } from './scale.js';

/** @import { Column, Drawn, Scale } from './types.js' */

const HEIGHT = 240;
const FRAME = { left: 58, right: 14, top: 10, bottom: 36 };
/** So near to a point, in pixels, the pointer is on it. */
const NEAR_PX = 9;

/**
 * @param {HTMLElement} root
 * @param {(row: number, add: boolean) => void} onPick
 */
export function makeScatter(root, onPick) {
  const canvas = element('canvas', { role: 'img' });
  const tooltip = makeTooltip();
  const node = element('div', { class: 'nbpart-plot' }, canvas, tooltip.node);
  /** @type {Drawn | null} */
  let shown = null;
  /** @type {[Column, Column] | null} */
  let columns = null;
  /** @type {Float32Array} */
  let places = new Float32Array(0);

  /** @type {(column: Column, scale: Scale, unit: number, from: number, to: number) => number} */
  const along = (column, scale, unit, from, to) => from + (column.kind === 'category' ? unit : 0.05 + unit * 0.9) * (to - from);

  function paint() {
    const width = node.clientWidth;
    const context = fitCanvas(canvas, width, HEIGHT);
    if (!context || !shown || !columns) return;
    const [x, y] = columns;
    const { inside, picked, colouring, zoom } = shown;
    const [xs, ys] = [makeScale(x, zoom), makeScale(y, zoom)];
    const box = { left: FRAME.left, right: width - FRAME.right, top: FRAME.top, bottom: HEIGHT - FRAME.bottom };
    /** @type {(unit: number) => number} */
    const toX = (unit) => along(x, xs, unit, box.left, box.right);
    /** @type {(unit: number) => number} */
    const toY = (unit) => along(y, ys, unit, box.bottom, box.top);
    paintFrame(context, root, box, { name: x.name, ticks: xs.ticks(Math.max(2, Math.floor(width / 90))).map(({ unit, label }) => ({ at: toX(unit), label })) }, { name: y.name, ticks: ys.ticks(6).map(({ unit, label }) => ({ at: toY(unit), label })) });
    const n = shown.page.board.keys.length;
    places = new Float32Array(2 * n).fill(NaN);
    const ground = cssColour(root, '--nbpart-text');
    const hasPicked = picked.includes(1);
    const radius = n > 500 ? 2.6 : 3.6;
    /** @type {[number, number][]} */
    const marked = [];
    for (const isFront of [false, true]) {
      for (let row = n - 1; row >= 0; row -= 1) {
        const isIn = picked[row] || (inside[row] && !hasPicked);
        if (Boolean(isIn) !== isFront || (zoom && !zoom.rows[row])) continue;
        const [px, py] = [toX(xs.toUnit(x.values[row])), toY(ys.toUnit(y.values[row]))];
        if (Number.isNaN(px) || Number.isNaN(py)) continue;
        places[2 * row] = px;
        places[2 * row + 1] = py;
        const shade = colouring.shadeOf(row);
        context.globalAlpha = isFront ? 0.85 : 0.18;
        context.fillStyle = isFront && shade >= 0 ? colouring.shades[shade] : colouring.none;
        context.beginPath();
        context.arc(px, py, picked[row] ? radius + 1.5 : radius, 0, 2 * Math.PI);
        context.fill();
        if (picked[row]) marked.push([px, py]);
      }
    }
    context.globalAlpha = 1;
    Object.assign(context, { strokeStyle: ground, lineWidth: 1.5 });
    for (const [px, py] of marked) {
      context.beginPath();
      context.arc(px, py, radius + 2.5, 0, 2 * Math.PI);
      context.stroke();
    }
    if (shown.page.board.best !== null) paintStar(context, root, places[2 * shown.page.board.best], places[2 * shown.page.board.best + 1]);
  }

  /** @param {MouseEvent} event */
  function findRow({ offsetX, offsetY }) {
    let [best, distance] = [-1, NEAR_PX ** 2];
    for (let row = 0; row < places.length / 2; row += 1) {
      const d = (places[2 * row] - offsetX) ** 2 + (places[2 * row + 1] - offsetY) ** 2;
      if (d < distance) [best, distance] = [row, d];
    }
    return best;
  }

  canvas.addEventListener('pointermove', (event) => {
    const row = findRow(event);
    canvas.style.cursor = row < 0 ? '' : 'pointer';
    if (row < 0 || !shown || !columns) return tooltip.hide();
    const told = [...columns, ...(shown.colouring.column ? [shown.colouring.column] : [])];
    const lines = [...new Map(told.map((column) => [column.name, `${column.name} ${makeScale(column).format(column.values[row])}`])).values()];
    return tooltip.show(event.offsetX, event.offsetY, { width: node.clientWidth, height: HEIGHT }, shorten(shown.page.board.keys[row] ?? shown.page.board.asset, 80), lines);
  });
  canvas.addEventListener('pointerleave', () => tooltip.hide());
  canvas.addEventListener('click', (event) => {
    const row = findRow(event);
    if (row >= 0) onPick(row, event.ctrlKey || event.metaKey || event.shiftKey);
  });

  return {
    node,
    /**
     * @param {Column} x
     * @param {Column} y
     * @param {Drawn} drawn
     */
    show(x, y, drawn) {
      columns = [x, y];
      shown = drawn;
      const by = drawn.colouring.column ? `, coloured by ${drawn.colouring.column.name}` : '';
      canvas.setAttribute('aria-label', `${y.name} over ${x.name}${by}; the table has the numbers`);
      paint();
    },
  };
}

/** @type {(context: CanvasRenderingContext2D, root: Element, x: number, y: number) => void} */
function paintStar(context, root, x, y) {
  if (Number.isNaN(x) || Number.isNaN(y)) return;
  context.font = '17px system-ui, sans-serif';
  Object.assign(context, { textAlign: 'center', textBaseline: 'middle', lineWidth: 3, strokeStyle: cssColour(root, '--nbpart-card'), fillStyle: cssColour(root, '--nbpart-text') });
  context.strokeText('★', x, y);
  context.fillText('★', x, y);
}
