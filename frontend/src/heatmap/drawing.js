// Drawing the heatmap's two canvases.

import { CODES, COLUMN_ORDER, STATUSES, URGENCY } from '../generated/constants.js';
import { formatCount, formatNumber, plural } from '../shared/words.js';
import { drawAxis, requestNames } from './axis.js';
import { describeEmptyBand } from './controls.js';
import { drawMarks } from './marks.js';
import { paintGrid, paintMarks, paintStatus, paintTicks, paintValues, toHex } from './paint.js';
import { findBox, findVisible, getGrid, getPen, getWindow, measure, measureDown } from './places.js';
import { fitText, FONT, shortenCount } from './text.js';

/** @import { CellSize, Item } from './types.js' */
/** @import { HeatmapView } from './view.js' */

const GLYPH_SIZE = { width: 16, height: 14 }; // a smaller cell has no room for one
const FAILURE_LANE = 6; // where places are too narrow for glyphs, what failed is told by ticks above the others

/** @param {CellSize} size */
const hasGlyphs = ({ width, height }) => width >= GLYPH_SIZE.width && height >= GLYPH_SIZE.height;

/** @param {HeatmapView} view */
export function drawView(view) {
  if (!view.state || !view.state.bands || view.scroll.hidden || !view.root.isConnected) return;
  if (!view.root.clientWidth) {
    // JupyterLab takes all widths away while it changes its theme, too short for a ResizeObserver to see
    view.tries += 1;
    if (view.tries < 20) setTimeout(() => view.paint(), 100);
    return;
  }
  view.tries = 0;
  if (!view.colours) view.recolour();
  measure(view);
  const ratio = window.devicePixelRatio || 1;
  const { width, height } = view.size;
  for (const canvas of [view.base, view.over]) {
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const pen = getPen(view);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = FONT;
  pen.textBaseline = 'middle';
  const seen = findVisible(view);
  for (const item of seen) {
    if (item.kind === 'row') drawRow(view, pen, item, ratio);
    else if (item.kind === 'head') drawHead(view, pen, item);
    else drawAxis(view, pen, item);
  }
  if (view.images.size > 2 * seen.length) view.images.clear();
  drawMarks(view);
  view.painted += 1;
  view.stage.dataset.painted = String(view.painted);
  view.stage.dataset.sequence = String(view.state.head.sequence);
  performance.clearMarks('nbpart-heat');
  performance.mark('nbpart-heat');
  requestNames(view);
}

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} pen
 * @param {Item} item
 */
function drawHead(view, pen, { band: b, y, height }) {
  const band = view.state.head.bands[b];
  const middle = y - view.top + height / 2;
  pen.textAlign = 'left';
  pen.fillStyle = view.text;
  pen.font = `600 ${FONT}`;
  const name = fitText(pen, band.layout === 'cell' ? 'without partitions' : band.set, view.size.width - 260);
  pen.fillText(name, 2, middle);
  const after = 2 + pen.measureText(name).width + 10;
  pen.font = FONT;
  pen.fillStyle = view.faint;
  if (band.layout === 'cell') return;
  const { from, to } = getWindow(view, b);
  let told = plural(band.n, 'partition');
  if (band.shown !== band.n) told = `${formatCount(band.shown)} of ${told} shown`;
  if (to - from < band.shown) told += ` · zoomed to ${formatCount(Math.ceil(to - from))}`;
  const { scale } = band;
  if (scale) told += ` · ${view.state.head.color_by} ${formatNumber(scale.low)} to ${formatNumber(scale.high)}`;
  pen.fillText(fitText(pen, describeEmptyBand(band) || told, view.size.width - after - 4), after, middle);
}

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} pen
 * @param {Item} item
 * @param {number} ratio
 */
function drawRow(view, pen, item, ratio) {
  const { left } = view.size;
  const band = view.state.head.bands[item.band];
  const y = item.y - view.top;
  const label = band.layout === 'grid' ? y + 8 : y + item.height / 2;
  pen.textAlign = 'left';
  pen.fillStyle = view.text;
  pen.fillText(fitText(pen, band.rows[item.row].name, left - measureDown(view, pen, band) - 12), 2, label);
  if (band.layout === 'cell') drawCell(view, pen, item, y);
  else if (band.shown) {
    drawTrack(view, pen, item, y, ratio);
    if (item.cell) drawDown(view, pen, item, y, item.cell);
    drawTotals(view, pen, item, label);
  }
}

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} pen
 * @param {Item} item
 * @param {number} y
 */
function drawCell(view, pen, item, y) {
  const own = view.state.bands[item.band];
  const code = own.status[item.row][0];
  const step = own.steps ? own.steps[item.row][0] : 0;
  pen.fillStyle = step ? toHex(view.ramp[step]) : view.colours[code];
  pen.fillRect(view.size.left, y + 2, 18, 18);
  pen.strokeStyle = view.line;
  pen.lineWidth = 1;
  pen.strokeRect(view.size.left + 0.5, y + 2.5, 17, 17);
  const { name } = STATUSES[code];
  if (!step) drawGlyph(view, pen, code, view.size.left + 9, y + 11);
  pen.textAlign = 'left';
  pen.fillStyle = view.faint;
  pen.fillText(name, view.size.left + 26, y + 11);
}

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} pen
 * @param {Item} item
 * @param {number} y
 * @param {number} ratio
 */
function drawTrack(view, pen, item, y, ratio) {
  const { left, track } = view.size;
  const own = view.state.bands[item.band];
  const inset = item.cell ? 0 : 1;
  const { from, to } = getWindow(view, item.band);
  const [width, height] = [Math.round(track * ratio), Math.round((item.height - 2 * inset) * ratio)];
  const name = `${item.band}.${item.row}`;
  const key = [own.versions[item.row], width, height, from, to].join();
  let kept = view.images.get(name);
  if (!kept || kept.key !== key) {
    kept = { key, image: pen.createImageData(width, height) };
    fillImage(view, kept.image, item, { from, to, ratio });
    view.images.set(name, kept);
  }
  pen.putImageData(kept.image, Math.round(left * ratio), Math.round((y + inset) * ratio));
  if (!item.cell) {
    pen.strokeStyle = view.line;
    pen.lineWidth = 1;
    pen.strokeRect(left - 0.5, y + 0.5, track + 1, item.height - 1);
  }
  drawGlyphs(view, pen, item, y, own.status[item.row], own.steps && own.steps[item.row]);
}

/**
 * Paint a row into an image.
 *
 * @param {HeatmapView} view
 * @param {ImageData} image
 * @param {Item} item
 * @param {{ from: number; to: number; ratio: number }} scale
 */
function fillImage(view, image, item, { from, to, ratio }) {
  const { failed } = CODES;
  const own = view.state.bands[item.band];
  const codes = own.status[item.row];
  const steps = own.steps && own.steps[item.row];
  const pixels = new Uint32Array(image.data.buffer);
  const gap = Math.max(1, Math.round(ratio));
  if (item.cell) {
    const cell = { width: Math.round(item.cell.width * ratio), height: Math.round(item.cell.height * ratio) };
    const { columns, cells } = getGrid(view, item.band);
    /** @param {number} place */
    const pick = (place) => (steps && codes[place] !== failed ? view.ramp[steps[place]] : view.pixels[codes[place]]);
    const grid = { width: image.width, cell, columns: columns.length, cells };
    paintGrid(pixels, { ...grid, pick, gap: cell.width > 3 * gap ? gap : 0 });
    const mark = { codes, code: failed, colour: view.pixels[failed], least: Math.round(4 * ratio), rim: gap };
    if (!hasGlyphs(item.cell)) paintMarks(pixels, { ...grid, ...mark });
    return;
  }
  const common = { width: image.width, codes, from, to, gap };
  const narrow = view.size.track / (to - from) < GLYPH_SIZE.width;
  const lane = narrow && codes.includes(failed) ? Math.round(FAILURE_LANE * ratio) : 0;
  const below = { ...common, top: lane, height: image.height - lane };
  if (steps) paintValues(pixels, { ...below, steps, ramp: view.ramp, failed, failedColour: view.pixels[failed], least: gap });
  else paintStatus(pixels, { ...below, colours: view.pixels, order: COLUMN_ORDER, least: URGENCY.map(() => gap) });
  if (lane) paintTicks(pixels, { ...common, top: 0, height: lane, code: failed, colour: view.pixels[failed], least: Math.round(3 * ratio) });
}

/**
 * A glyph in each place that is wide enough; a value's colour says that it is there.
 *
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} pen
 * @param {Item} item
 * @param {number} y
 * @param {Uint8Array} codes
 * @param {Uint8Array | null} steps
 */
function drawGlyphs(view, pen, item, y, codes, steps) {
  const { left, track } = view.size;
  /** @param {number} place */
  const has = (place) => !steps || !steps[place] || codes[place] === CODES.failed;
  if (item.cell) {
    if (!hasGlyphs(item.cell)) return;
    codes.forEach((code, place) => {
      const box = has(place) ? findBox(view, item.band, item.row, place, place + 1) : null;
      if (box) drawGlyph(view, pen, code, box.x + box.width / 2, box.y + box.height / 2);
    });
    return;
  }
  const { from, to } = getWindow(view, item.band);
  const cell = track / (to - from);
  if (cell < GLYPH_SIZE.width) return;
  for (let place = Math.floor(from); place < to; place++) {
    const middle = left + (place + 0.5 - from) * cell;
    if (has(place) && middle > left + 6 && middle < left + track - 6) drawGlyph(view, pen, codes[place], middle, y + item.height / 2);
  }
}

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} pen
 * @param {number} code
 * @param {number} x
 * @param {number} y
 */
function drawGlyph(view, pen, code, x, y) {
  pen.textAlign = 'center';
  const isValue = view.state.head.color_by !== 'status' && code !== CODES.failed;
  pen.fillStyle = code === CODES.missing || isValue ? view.faint : view.ground;
  pen.font = '600 11px system-ui, sans-serif';
  pen.fillText(STATUSES[code].glyph, x, y + 0.5);
  pen.font = FONT;
}

/**
 * At the right: how many failed, and the share that is made.
 *
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} pen
 * @param {Item} item
 * @param {number} middle
 */
function drawTotals(view, pen, item, middle) {
  const { width } = view.size;
  const counts = view.state.head.bands[item.band].counts[item.row];
  const total = counts.reduce((sum, n) => sum + n, 0);
  const made = (100 * counts[CODES.materialized]) / Math.max(1, total);
  pen.textAlign = 'right';
  pen.fillStyle = view.faint;
  pen.fillText(`${made > 0 && made < 1 ? '<1' : made > 99 && made < 100 ? '>99' : Math.round(made)} %`, width - 2, middle);
  if (!counts[CODES.failed]) return;
  pen.fillStyle = view.colours[CODES.failed];
  pen.fillText(`✕ ${shortenCount(counts[CODES.failed])}`, width - 42, middle);
}

/**
 * The values of the second parameter, at the left of a grid.
 *
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} pen
 * @param {Item} item
 * @param {number} y
 * @param {CellSize} cell
 */
function drawDown(view, pen, item, y, cell) {
  const { left } = view.size;
  const { rows } = getGrid(view, item.band);
  const every = Math.ceil(13 / cell.height);
  pen.textAlign = 'right';
  pen.fillStyle = view.faint;
  for (let line = 0; line < rows.length; line += every) {
    pen.fillText(fitText(pen, rows[line], 56), left - 6, y + (line + 0.5) * cell.height);
  }
}
