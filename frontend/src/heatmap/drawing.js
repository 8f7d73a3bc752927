// Drawing the heatmap's two canvases.

import { CODES, COLUMN_ORDER, LATE_GLYPH, STATUSES, UNSOUND_GLYPH, UNSOUND_WORDS, URGENCY } from '../generated/constants.js';
import { formatCount, formatNumber, plural } from '../shared/format.js';
import { drawAxis, requestNames } from './axis.js';
import { describeEmptyBand } from './controls.js';
import { drawMarks } from './marks.js';
import { paintGrid, paintLateCells, paintMarks, paintStatus, paintTicks, paintValues, stackStatuses, stackValues, toHex, toPixel } from './paint.js';
import { findBox, findVisible, getGrid, getBaseContext, getWindow, measure, measureRowLabels, ROW_LABEL_WIDTH } from './places.js';
import { findMostUrgent } from './statuses.js';
import { describeCells, fitText, FONT, shortenCount } from './text.js';

/** @import { Box, CellSize, Item } from './types.js' */
/** @import { HeatmapView } from './view.js' */

const GLYPH_SIZE = { width: 16, height: 14 }; // a smaller cell has no room for one
const FAILURE_LANE = 6; // where places are too narrow for glyphs, failures are marked by ticks above the rest
const LATE_LANE = 5; // and what is late by ticks below
const CORNER = 8; // else by a corner

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
  for (const canvas of [view.base, view.overlay]) {
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = getBaseContext(view);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  context.textBaseline = 'middle';
  const seen = findVisible(view);
  for (const item of seen) {
    if (item.kind === 'row') drawRow(view, context, item, ratio);
    else if (item.kind === 'head') drawHead(view, context, item);
    else drawAxis(view, context, item);
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
 * @param {CanvasRenderingContext2D} context
 * @param {Item} item
 */
function drawHead(view, context, { band: bandIndex, y, height }) {
  const band = view.state.head.bands[bandIndex];
  const middle = y - view.top + height / 2;
  context.textAlign = 'left';
  context.fillStyle = view.text;
  context.font = `600 ${FONT}`;
  const name = fitText(context, band.layout === 'cell' ? 'without partitions' : band.set, view.size.width - 260);
  context.fillText(name, 2, middle);
  const after = 2 + context.measureText(name).width + 10;
  context.font = FONT;
  context.fillStyle = view.faint;
  if (band.layout === 'cell') return;
  const { from, to } = getWindow(view, bandIndex);
  let text = plural(band.n_keys, 'partition');
  if (band.shown !== band.n_keys) text = `${formatCount(band.shown)} of ${text} shown`;
  if (to - from < band.shown) text += ` · zoomed to ${formatCount(Math.ceil(to - from))}`;
  if (band.layout === 'grid') text += describeCells(band);
  const { scale } = band;
  if (scale) text += ` · ${view.state.head.color_by} ${formatNumber(scale.low)} to ${formatNumber(scale.high)}`;
  context.fillText(fitText(context, describeEmptyBand(band) || text, view.size.width - after - 4), after, middle);
}

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} context
 * @param {Item} item
 * @param {number} ratio
 */
function drawRow(view, context, item, ratio) {
  const { left } = view.size;
  const band = view.state.head.bands[item.band];
  const y = item.y - view.top;
  const label = band.layout === 'grid' ? y + 8 : y + item.height / 2;
  context.textAlign = 'left';
  context.fillStyle = view.text;
  context.fillText(fitText(context, band.rows[item.row].name, left - measureRowLabels(view, context, band) - 12), 2, label);
  if (band.layout === 'cell') drawCell(view, context, item, y);
  else if (band.shown) {
    drawTrack(view, context, item, y, ratio);
    if (item.cell) drawRowLabels(view, context, item, y, item.cell);
    drawTotals(view, context, item, label);
  }
}

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} context
 * @param {Item} item
 * @param {number} y
 */
function drawCell(view, context, item, y) {
  const own = view.state.bands[item.band];
  const code = own.status[item.row][0];
  const level = own.levels ? own.levels[item.row][0] : 0;
  context.fillStyle = level ? toHex(view.ramp[level]) : view.colours[code];
  context.fillRect(view.size.left, y + 2, 18, 18);
  context.strokeStyle = view.line;
  context.lineWidth = 1;
  context.strokeRect(view.size.left + 0.5, y + 2.5, 17, 17);
  const { name } = STATUSES[code];
  if (!level) drawGlyph(view, context, code, view.size.left + 9, y + 11);
  const [late, unsound] = [own.late[item.row], own.unsound[item.row]?.includes(1)];
  const box = { x: view.size.left, y: y + 2, width: 18, height: 18 };
  if (late) drawCorner(view, context, box, false);
  if (unsound) drawCorner(view, context, box, true);
  context.textAlign = 'left';
  context.fillStyle = view.faint;
  context.fillText([name, late ? 'late' : '', unsound ? UNSOUND_WORDS : ''].filter(Boolean).join(', '), view.size.left + 26, y + 11);
}

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} context
 * @param {Item} item
 * @param {number} y
 * @param {number} ratio
 */
function drawTrack(view, context, item, y, ratio) {
  const { left, track } = view.size;
  const own = view.state.bands[item.band];
  const inset = item.cell ? 0 : 1;
  const { from, to } = getWindow(view, item.band);
  const [width, height] = [Math.round(track * ratio), Math.round((item.height - 2 * inset) * ratio)];
  const name = `${item.band}.${item.row}`;
  const key = [own.versions[item.row], width, height, from, to].join();
  let kept = view.images.get(name);
  if (!kept || kept.key !== key) {
    kept = { key, image: context.createImageData(width, height) };
    fillImage(view, kept.image, item, { from, to, ratio });
    view.images.set(name, kept);
  }
  context.putImageData(kept.image, Math.round(left * ratio), Math.round((y + inset) * ratio));
  if (!item.cell) {
    context.strokeStyle = view.line;
    context.lineWidth = 1;
    context.strokeRect(left - 0.5, y + 0.5, track + 1, item.height - 1);
  }
  drawGlyphs(view, context, item, y, own.status[item.row], own.levels && own.levels[item.row]);
  const [late, unsound] = [own.late[item.row], own.unsound[item.row]];
  if (late) drawCorners(view, context, item, late, false);
  if (unsound) drawCorners(view, context, item, unsound, true);
}

/**
 * A corner in each place that is marked and wide enough, over whatever stands there.
 *
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} context
 * @param {Item} item
 * @param {Uint8Array} marked
 * @param {boolean} isUnsound
 */
function drawCorners(view, context, item, marked, isUnsound) {
  const { from, to } = item.cell ? { from: 0, to: marked.length } : getWindow(view, item.band);
  if (item.cell ? !hasGlyphs(item.cell) : view.size.track / (to - from) < GLYPH_SIZE.width) return;
  for (let place = marked.indexOf(1, Math.floor(from)); place >= 0 && place < to; place = marked.indexOf(1, place + 1)) {
    const box = findBox(view, item.band, item.row, place, place + 1);
    if (box) drawCorner(view, context, box, isUnsound);
  }
}

/**
 * The mark of what is late, the upper right corner of a box, or of what does not pass a check, the lower left one: seen
 * by its shape on each colour.
 *
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {boolean} isUnsound
 */
function drawCorner(view, context, { x, y, width, height }, isUnsound) {
  const size = Math.min(CORNER, width / 3);
  const [side, end] = isUnsound ? [x, y + height - 1] : [x + width - 1, y];
  const [across, down] = isUnsound ? [1, -1] : [-1, 1];
  context.beginPath();
  context.moveTo(side + across * size, end);
  context.lineTo(side, end);
  context.lineTo(side, end + down * size);
  context.closePath();
  context.fillStyle = isUnsound ? view.unsoundColour : view.lateColour;
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = view.ground;
  context.beginPath();
  context.moveTo(side + across * (size + 1), end);
  context.lineTo(side, end + down * (size + 1));
  context.stroke();
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
  const levels = own.levels && own.levels[item.row];
  const [late, unsound] = [own.late[item.row], own.unsound[item.row]];
  const pixels = new Uint32Array(image.data.buffer);
  const gap = Math.max(1, Math.round(ratio));
  if (item.cell) {
    const across = item.cell.width * ratio;
    const cell = { width: item.cell.width < 1 ? across : Math.round(across), height: Math.round(item.cell.height * ratio) };
    const { columns, starts } = getGrid(view, item.band);
    const least = 2 * gap;
    const colours = { colours: view.pixels, order: COLUMN_ORDER, least: URGENCY.map(() => gap) };
    const values = { ramp: view.ramp, failed, failedColour: view.pixels[failed], least };
    /** @type {(first: number, last: number, height: number) => [number, number][]} */
    const stack = (first, last, height) => (levels ? stackValues(codes, levels, first, last, height, values) : stackStatuses(codes, first, last, height, colours));
    const grid = { width: image.width, cell, columns: columns.length, starts };
    paintGrid(pixels, { ...grid, stack, gap: cell.width > 3 * gap ? gap : 0 });
    const mark = { codes, code: failed, colour: view.pixels[failed], least: Math.round(4 * ratio), rim: gap };
    if (hasGlyphs(item.cell)) return;
    if (late) paintLateCells(pixels, { ...grid, late, colour: toPixel(view.lateColour), least, rim: gap });
    paintMarks(pixels, { ...grid, ...mark });
    return;
  }
  const common = { width: image.width, codes, from, to, gap };
  const narrow = view.size.track / (to - from) < GLYPH_SIZE.width;
  const lane = narrow && (codes.includes(failed) || unsound?.includes(1)) ? Math.round(FAILURE_LANE * ratio) : 0;
  const lateLane = narrow && late && late.includes(1) ? Math.round(LATE_LANE * ratio) : 0;
  const below = { ...common, top: lane, height: image.height - lane - lateLane };
  if (levels) paintValues(pixels, { ...below, levels, ramp: view.ramp, failed, failedColour: view.pixels[failed], least: gap });
  else paintStatus(pixels, { ...below, colours: view.pixels, order: COLUMN_ORDER, least: URGENCY.map(() => gap) });
  const above = { ...common, top: 0, height: lane, least: Math.round(3 * ratio) };
  if (lane && unsound) paintTicks(pixels, { ...above, codes: unsound, code: 1, colour: toPixel(view.unsoundColour) });
  if (lane) paintTicks(pixels, { ...above, code: failed, colour: view.pixels[failed] });
  if (late && lateLane) {
    const ticks = { top: image.height - lateLane + gap, height: lateLane - gap, least: Math.round(3 * ratio) };
    paintTicks(pixels, { ...common, ...ticks, codes: late, code: 1, colour: toPixel(view.lateColour) });
  }
}

/**
 * A glyph in each place that is wide enough; a value's colour says that it is there.
 *
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} context
 * @param {Item} item
 * @param {number} y
 * @param {Uint8Array} codes
 * @param {Uint8Array | null} levels
 */
function drawGlyphs(view, context, item, y, codes, levels) {
  const { left, track } = view.size;
  /** @param {number} place */
  const has = (place) => !levels || !levels[place] || codes[place] === CODES.failed;
  if (item.cell) {
    if (!hasGlyphs(item.cell)) return;
    const { starts } = getGrid(view, item.band);
    for (let cell = 0; cell + 1 < starts.length; cell++) {
      const [first, last] = [starts[cell], starts[cell + 1]];
      if (first === last) continue;
      const place = findMostUrgent(codes, first, last, URGENCY);
      // of several the glyph of a failure, or of what all are
      const isClear = codes[place] === CODES.failed || codes.subarray(first, last).every((code) => code === codes[place]);
      const box = isClear && has(place) ? findBox(view, item.band, item.row, place, place + 1) : null;
      if (box) drawGlyph(view, context, codes[place], box.x + box.width / 2, box.y + box.height / 2);
    }
    return;
  }
  const { from, to } = getWindow(view, item.band);
  const cell = track / (to - from);
  if (cell < GLYPH_SIZE.width) return;
  for (let place = Math.floor(from); place < to; place++) {
    const middle = left + (place + 0.5 - from) * cell;
    if (has(place) && middle > left + 6 && middle < left + track - 6) drawGlyph(view, context, codes[place], middle, y + item.height / 2);
  }
}

/**
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} context
 * @param {number} code
 * @param {number} x
 * @param {number} y
 */
function drawGlyph(view, context, code, x, y) {
  context.textAlign = 'center';
  const isValue = view.state.head.color_by !== 'status' && code !== CODES.failed;
  context.fillStyle = code === CODES.missing || isValue ? view.faint : view.ground;
  context.font = '600 11px system-ui, sans-serif';
  context.fillText(STATUSES[code].glyph, x, y + 0.5);
  context.font = FONT;
}

/**
 * At the right: how many failed, how many do not pass a check or are late, and the share that is made.
 *
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} context
 * @param {Item} item
 * @param {number} middle
 */
function drawTotals(view, context, item, middle) {
  const { width } = view.size;
  const counts = view.state.head.bands[item.band].counts[item.row];
  const total = counts.reduce((sum, n) => sum + n, 0);
  const made = (100 * counts[CODES.materialized]) / Math.max(1, total);
  context.textAlign = 'right';
  context.fillStyle = view.faint;
  context.fillText(`${made > 0 && made < 1 ? '<1' : made > 99 && made < 100 ? '>99' : Math.round(made)} %`, width - 2, middle);
  const { late, unsound } = view.state.head.bands[item.band];
  let right = width - 48;
  /** @type {[glyph: string, n: number, colour: string][]} */
  const marks = [[LATE_GLYPH, late[item.row], view.lateColour], [UNSOUND_GLYPH, unsound[item.row], view.unsoundColour]];
  for (const [glyph, n, colour] of marks) {
    if (!n) continue;
    context.fillStyle = colour;
    const text = `${glyph} ${shortenCount(n)}`;
    context.fillText(text, right, middle);
    right -= context.measureText(text).width + 8;
  }
  if (!counts[CODES.failed]) return;
  context.fillStyle = view.colours[CODES.failed];
  context.fillText(`✕ ${shortenCount(counts[CODES.failed])}`, right, middle);
}

/**
 * The labels of the lines, at the left of a grid.
 *
 * @param {HeatmapView} view
 * @param {CanvasRenderingContext2D} context
 * @param {Item} item
 * @param {number} y
 * @param {CellSize} cell
 */
function drawRowLabels(view, context, item, y, cell) {
  const { left } = view.size;
  const { rows } = getGrid(view, item.band);
  const every = Math.ceil(13 / cell.height);
  context.textAlign = 'right';
  context.fillStyle = view.faint;
  for (let line = 0; line < rows.length; line += every) {
    context.fillText(fitText(context, rows[line], ROW_LABEL_WIDTH), left - 6, y + (line + 0.5) * cell.height);
  }
}
