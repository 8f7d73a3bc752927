// The heatmap's state in the page: what HeatmapState in Python publishes, as typed arrays.
//
// A state is {head, bands, ready, pending}. `bands` is null until its bytes are inflated, which is when `ready` resolves;
// patches that come before wait in `pending`.

import { LATE_BIT, UNSOUND_BIT } from '../generated/constants.js';

/** @import { CellsPatch, HeatmapHeadJson, HeatmapContract, HeatmapState } from '../generated/messages.js' */
/** @import { Cells, State } from './types.js' */
/** @import { Reducer } from '../shared/types.js' */

/**
 * @param {Pick<HeatmapState, 'head' | 'cells'>} view
 * @returns {State}
 */
export function decodeView({ head, cells }) {
  /** @type {State} */
  const state = { head, bands: null, pending: [], ready: Promise.resolve() };
  state.ready = inflate(cells).then((bytes) => {
    state.bands = unpackView(head, bytes);
    for (const patch of state.pending) applyPatch(state.head, state.bands, ...patch);
    state.pending = [];
  });
  return state;
}

/** @type {Reducer<HeatmapContract, State>['reduce']} */
export function reduceView(state, ...[kind, payload, buffers]) {
  if (kind === 'view') return decodeView({ head: payload, cells: buffers[0] });
  if (kind === 'cells') {
    if (state.bands) applyPatch(state.head, state.bands, payload, buffers);
    else state.pending.push([payload, buffers]);
  }
  if (kind === 'selection') state.head.selection = payload.selection;
  return state;
}

/** @param {DataView} view */
async function inflate(view) {
  const stream = new Blob([/** @type {DataView<ArrayBuffer>} */ (view)]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * The bytes of a view as arrays: for each band `status`, `late`, `unsound` and `levels`, an array a row, `starts` and `cells` of a grid, and
 * a version a row.
 *
 * @param {HeatmapHeadJson} head
 * @param {Uint8Array} bytes
 * @returns {Cells[]}
 */
function unpackView(head, bytes) {
  let at = 0;
  /** @param {number} n */
  const take = (n) => bytes.subarray(at, (at += n));
  return head.bands.map((band) => {
    const rows = band.rows.map(() => take(band.shown));
    const late = rows.map((codes) => takeBit(codes, LATE_BIT));
    const unsound = rows.map((codes) => takeBit(codes, UNSOUND_BIT));
    const levels = head.color_by === 'status' ? null : band.rows.map(() => take(band.shown));
    const size = band.grid ? band.grid.columns.length * band.grid.rows.length : 0;
    const grid = size ? unpackCells(new Uint32Array(take(4 * size).slice().buffer)) : { starts: null, cells: null };
    return { status: rows, late, unsound, levels, ...grid, versions: rows.map(() => 0) };
  });
}

/**
 * Which places of a row have a bit, 1 each, taken out of its codes; null where none has.
 *
 * @param {Uint8Array} codes
 * @param {number} bit higher than all that are left in the codes
 */
function takeBit(codes, bit) {
  /** @type {Uint8Array | null} */
  let found = null;
  for (let i = 0; i < codes.length; i++) {
    if (codes[i] < bit) continue;
    found ??= new Uint8Array(codes.length);
    found[i] = 1;
    codes[i] -= bit;
  }
  return found;
}

/**
 * Where the places of each cell begin, and the cell of each place, of the number of places that each cell has.
 *
 * @param {Uint32Array} counts
 */
function unpackCells(counts) {
  const starts = new Uint32Array(counts.length + 1);
  counts.forEach((n, cell) => (starts[cell + 1] = starts[cell] + n));
  const cells = new Uint32Array(starts[counts.length]);
  counts.forEach((_, cell) => cells.fill(cell, starts[cell], starts[cell + 1]));
  return { starts, cells };
}

/**
 * @param {HeatmapHeadJson} head
 * @param {Cells[]} bands
 * @param {CellsPatch} payload
 * @param {DataView[]} buffers
 */
function applyPatch(head, bands, payload, [places, status, levels]) {
  for (const [number, sizes] of Object.entries(payload.bands)) {
    const band = head.bands[Number(number)];
    const grown = sizes.shown > band.shown;
    Object.assign(band, sizes);
    if (!grown) continue;
    const own = bands[Number(number)];
    /** @param {Uint8Array} codes */
    const extend = (codes) => {
      const more = new Uint8Array(sizes.shown);
      more.set(codes);
      return more;
    };
    own.status = own.status.map(extend);
    own.late = own.late.map((codes) => codes && extend(codes));
    own.unsound = own.unsound.map((codes) => codes && extend(codes));
    own.levels = own.levels && own.levels.map(extend);
    own.versions = own.versions.map((version) => version + 1);
  }
  const at = asUint32(places);
  const codes = asUint8(status);
  const values = asUint8(levels);
  let i = 0;
  for (const [number, row, n] of payload.parts) {
    const own = bands[number];
    own.versions[row] += 1;
    const rowCodes = own.status[row];
    const rowLevels = own.levels && own.levels[row];
    for (const end = i + n; i < end; i++) {
      rowCodes[at[i]] = codes[i] & ~(LATE_BIT | UNSOUND_BIT);
      setMark(own.late, row, at[i], codes[i] & LATE_BIT, rowCodes.length);
      setMark(own.unsound, row, at[i], codes[i] & UNSOUND_BIT, rowCodes.length);
      if (rowLevels) rowLevels[at[i]] = values[i];
    }
  }
  const { sequence, metrics, unsorted } = payload;
  Object.assign(head, { sequence, metrics, unsorted });
}

/**
 * Note whether a place of a row is marked, in an array that is made once the first place is.
 *
 * @param {(Uint8Array | null)[]} marks
 * @param {number} row
 * @param {number} place
 * @param {number} bit
 * @param {number} length
 */
function setMark(marks, row, place, bit, length) {
  if (bit) marks[row] ??= new Uint8Array(length);
  const mark = marks[row];
  if (mark) mark[place] = Number(bit > 0);
}

/** @param {DataView} view */
const asUint8 = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
/** @param {DataView} view */
const asUint32 = (view) => new Uint32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
