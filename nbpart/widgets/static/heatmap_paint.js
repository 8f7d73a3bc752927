// The heatmap's drawing as functions of numbers and typed arrays: no page, no state.

const HEAT_STATUSES = 6;

/** `#rrggbb` as a pixel of an image's Uint32Array. */
function heatPixel(colour) {
  const n = parseInt(colour.slice(1), 16);
  return ((255 << 24) | ((n & 255) << 16) | (n & 0xff00) | (n >> 16)) >>> 0;
}

/** The colours of 256 steps through `stops` (`#rrggbb`), as pixels; step 0, which is no value, is `blank`. */
function heatRamp(stops, blank) {
  const parts = stops.map((s) => [1, 3, 5].map((i) => parseInt(s.slice(i, i + 2), 16)));
  const ramp = new Uint32Array(256);
  for (let step = 1; step < 256; step++) {
    const at = ((step - 1) / 254) * (parts.length - 1);
    const low = Math.min(parts.length - 2, Math.floor(at));
    const [r, g, b] = parts[low].map((v, i) => Math.round(v + (parts[low + 1][i] - v) * (at - low)));
    ramp[step] = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  ramp[0] = blank;
  return ramp;
}

/**
 * How many of `height` pixels each status gets, by code, into `out`: in proportion, at least `least[code]` for what is
 * there, and together exactly `height`.
 */
function heatHeights(counts, total, height, least, out) {
  let used = 0;
  let largest = 0;
  for (let code = 0; code < HEAT_STATUSES; code++) {
    out[code] = counts[code] ? Math.max(least[code], Math.round((counts[code] / total) * height)) : 0;
    used += out[code];
    if (out[code] > out[largest]) largest = code;
  }
  out[largest] += height - used;
  return out;
}

/** The places of column `x` of `width` that show [from, to): [first, one after the last), at least one. */
function heatColumn(x, width, from, to, n) {
  const step = (to - from) / width;
  const first = Math.min(n - 1, Math.floor(from + x * step));
  return [first, Math.max(first + 1, Math.min(n, Math.floor(from + (x + 1) * step)))];
}

/**
 * Whether column `x` stays clear between two places that are wide enough for a `gap`.
 */
function heatIsGap(x, width, from, to, n, gap) {
  if (width / (to - from) < 4 * gap || x + gap >= width) return false;
  return heatColumn(x + gap, width, from, to, n)[0] !== heatColumn(x, width, from, to, n)[0];
}

/**
 * Paint a tick of `height` pixels at `top` over each column with a place of the status `code`, at least `least` wide.
 * What lies between the ticks stays clear: they are seen by their shape, whatever colours stand below.
 */
function heatPaintTicks(image, { width, top, height, codes, from, to, code, colour, least, gap }) {
  const n = codes.length;
  const aside = Math.max(0, Math.ceil((least - Math.max(1, width / (to - from))) / 2));
  for (let x = 0; x < width; x++) {
    const [first, last] = heatColumn(x, width, from, to, n);
    if (heatIsGap(x, width, from, to, n, gap) || !codes.subarray(first, last).includes(code)) continue;
    const [left, right] = [Math.max(0, x - aside), Math.min(width, x + aside + 1)];
    for (let y = top; y < top + height; y++) image.fill(colour, y * width + left, y * width + right);
  }
}

/**
 * Paint the statuses of the places [from, to) as a row of `height` pixels at `top` of an image `width` wide. A column
 * with many places is a stack of their statuses in `order`, top first; `gap` pixels between places that are wide enough
 * stay clear.
 */
function heatPaintStatus(image, { width, top, height, codes, from, to, colours, order, least, gap }) {
  const counts = new Uint32Array(HEAT_STATUSES);
  const heights = new Int32Array(HEAT_STATUSES);
  const n = codes.length;
  for (let x = 0; x < width; x++) {
    const [first, last] = heatColumn(x, width, from, to, n);
    let at = top * width + x;
    if (last - first === 1) {
      if (heatIsGap(x, width, from, to, n, gap)) continue;
      const colour = colours[codes[first]];
      for (let y = 0; y < height; y++, at += width) image[at] = colour;
      continue;
    }
    counts.fill(0);
    for (let i = first; i < last; i++) counts[codes[i]]++;
    heatHeights(counts, last - first, height, least, heights);
    for (let k = 0; k < HEAT_STATUSES; k++) {
      const colour = colours[order[k]];
      for (let y = heights[order[k]]; y > 0; y--, at += width) image[at] = colour;
    }
  }
}

/**
 * The same for values: a column shows the mean of its places' steps, without those that have none (their part is the
 * ramp's blank, above), and the failed ones on top as in the statuses.
 */
function heatPaintValues(image, { width, top, height, codes, steps, from, to, ramp, failed, failedColour, least, gap }) {
  const n = codes.length;
  for (let x = 0; x < width; x++) {
    const [first, last] = heatColumn(x, width, from, to, n);
    if (last - first === 1 && heatIsGap(x, width, from, to, n, gap)) continue;
    let sum = 0;
    let known = 0;
    let fails = 0;
    for (let i = first; i < last; i++) {
      if (steps[i]) {
        sum += steps[i];
        known++;
      }
      if (codes[i] === failed) fails++;
    }
    const total = last - first;
    const red = fails ? Math.min(height, Math.max(least, Math.round((fails / total) * height))) : 0;
    const filled = known ? Math.max(1, Math.round((known / total) * (height - red))) : 0;
    const colour = known ? ramp[Math.round(sum / known)] : ramp[0];
    let at = top * width + x;
    for (let y = 0; y < height; y++, at += width) {
      image[at] = y < red ? failedColour : y < height - filled ? ramp[0] : colour;
    }
  }
}

/** Paint one value a cell as a grid: `cells[place]` is row * columns + column; cells that no place has stay clear. */
function heatPaintGrid(image, { width, cell, columns, cells, pick, gap }) {
  for (let place = 0; place < cells.length; place++) {
    const x = (cells[place] % columns) * cell.width;
    const y = Math.floor(cells[place] / columns) * cell.height;
    heatPaintBox(image, width, x, y, Math.max(1, cell.width - gap), Math.max(1, cell.height - gap), pick(place));
  }
}

/** Paint the cells of the status `code` once more, at least `least` high and wide, with a clear `rim` around each. */
function heatPaintMarks(image, { width, cell, columns, cells, codes, code, colour, least, rim }) {
  for (let place = codes.indexOf(code); place >= 0; place = codes.indexOf(code, place + 1)) {
    const [w, h] = [Math.max(least, cell.width - 2 * rim), Math.max(least, cell.height - 2 * rim)];
    const x = Math.round((cells[place] % columns) * cell.width + (cell.width - w) / 2);
    const y = Math.round(Math.floor(cells[place] / columns) * cell.height + (cell.height - h) / 2);
    heatPaintBox(image, width, x - rim, y - rim, w + 2 * rim, h + 2 * rim, 0);
    heatPaintBox(image, width, x, y, w, h, colour);
  }
}

/** Paint what of a box lies within the image. */
function heatPaintBox(image, width, x, y, w, h, colour) {
  const [left, right] = [Math.max(0, x), Math.min(width, x + w)];
  const bottom = Math.min(image.length / width, y + h);
  for (let line = Math.max(0, y); line < bottom && left < right; line++) image.fill(colour, line * width + left, line * width + right);
}

/** How many of the places [first, last) have each status, by code. */
function heatCount(codes, first, last) {
  const counts = new Array(HEAT_STATUSES).fill(0);
  for (let i = first; i < last; i++) counts[codes[i]]++;
  return counts;
}

/** The place among [first, last) that wants a look most; `urgency` are codes, the most urgent first. */
function heatMostUrgent(codes, first, last, urgency) {
  let best = first;
  let rank = HEAT_STATUSES;
  for (let i = first; i < last && rank > 0; i++) {
    const own = urgency.indexOf(codes[i]);
    if (own < rank) {
      rank = own;
      best = i;
    }
  }
  return best;
}

/**
 * The next row and place with the status `code` after {row, place}, through all `rows` (arrays of codes) and around;
 * `step` is 1 or -1. null where there is none.
 */
function heatFind(rows, { row, place }, code, step) {
  for (let turn = 0; turn <= rows.length; turn++) {
    const at = (((row + turn * step) % rows.length) + rows.length) % rows.length;
    const codes = rows[at];
    let found;
    if (turn === 0) found = step > 0 ? codes.indexOf(code, place + 1) : place > 0 ? codes.lastIndexOf(code, place - 1) : -1;
    else found = step > 0 ? codes.indexOf(code) : codes.lastIndexOf(code);
    if (found >= 0) return { row: at, place: found };
  }
  return null;
}

/** Sorted places as ranges [first, one after the last). */
function heatRanges(places) {
  const ranges = [];
  for (const place of places) {
    const last = ranges[ranges.length - 1];
    if (last && last[1] === place) last[1] = place + 1;
    else ranges.push([place, place + 1]);
  }
  return ranges;
}

/** A window [from, to) of n places after zooming by `factor` about `centre`, at least `least` places wide. */
function heatZoom({ from, to }, n, centre, factor, least = 4) {
  const span = Math.min(n, Math.max(Math.min(n, least), (to - from) * factor));
  const start = centre - ((centre - from) * span) / (to - from);
  return heatPan({ from: start, to: start + span }, n, 0);
}

/** A window moved by some places, within 0 to n. */
function heatPan({ from, to }, n, by) {
  const span = to - from;
  const start = Math.max(0, Math.min(n - span, from + by));
  return { from: start, to: start + span };
}

/**
 * Where everything stands, top to bottom: {kind: head | row | axis, band, row, y, height}, and the whole height. A grid
 * gives each of its rows a block with a cell for each combination.
 */
function heatLayout(bands, width) {
  const items = [];
  let y = 0;
  const put = (kind, band, row, height, more) => {
    items.push({ kind, band, row, y, height, ...more });
    y += height;
  };
  bands.forEach((band, b) => {
    if (b) y += 10;
    put('head', b, -1, 24);
    const grid = band.layout === 'grid' && band.grid;
    const cell = grid && {
      width: Math.max(1, Math.min(40, Math.floor(width / grid.columns.length))),
      height: Math.max(3, Math.min(24, Math.floor(260 / grid.rows.length))),
    };
    band.rows.forEach((_, row) => {
      if (!grid) put('row', b, row, 22);
      else {
        put('row', b, row, cell.height * grid.rows.length, { cell });
        y += 8;
      }
    });
    if (band.layout !== 'cell' && band.shown) put('axis', b, -1, 22, { cell });
  });
  return { items, height: y };
}

/** The places of at most `most` labels along [from, to). */
function heatTicks(from, to, most) {
  const n = Math.max(1, Math.floor(to) - Math.ceil(from));
  const step = Math.max(1, Math.ceil(n / Math.max(1, most)));
  const ticks = [];
  for (let place = Math.ceil(from); place < to; place += step) ticks.push(place);
  return ticks;
}
