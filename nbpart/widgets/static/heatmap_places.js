// Where everything of the heatmap stands, in pixels of its stage, and what stands under a point.

Object.assign(HeatView.prototype, {
  measure() {
    const width = Math.max(240, this.scroll.clientWidth);
    const left = Math.round(Math.min(Math.max(80, this.labels()), 200, Math.max(120, width * 0.22)));
    const right = Math.round(this.totals());
    this.size = { width, left, track: width - left - right, right };
    this.layout = heatLayout(this.state.head.bands, this.size.track);
    const height = Math.max(1, Math.min(560, this.layout.height));
    this.space.style.height = `${this.layout.height}px`;
    this.stage.style.height = `${height}px`;
    this.size.height = height;
    this.top = this.scroll.scrollTop;
  },

  /** The width that the names at the left would need. */
  labels() {
    const pen = this.pen();
    const widths = this.state.head.bands.flatMap((band) => [
      ...band.rows.map(({ name }) => pen.measureText(name).width + this.downWidth(pen, band) + 14),
      band.grid ? pen.measureText(heatAxes(band.grid)).width + 24 : 0, // beside it half of the first value
    ]);
    return Math.max(0, ...widths);
  },

  /** The width of the values at the left of a grid. */
  downWidth(pen, { grid }) {
    return grid ? Math.min(56, Math.max(...grid.rows.map((name) => pen.measureText(name).width))) + 8 : 0;
  },

  /** The width that the numbers at the right need. */
  totals() {
    const most = Math.max(0, ...this.state.head.bands.flatMap((band) => band.counts.map((counts) => counts[this.codes.failed])));
    return 50 + (most ? this.pen().measureText(`✕ ${heatShort(most)}`).width + 8 : 0);
  },

  pen() {
    const pen = this.base.getContext('2d', { willReadFrequently: true });
    pen.font = HEAT_FONT;
    return pen;
  },

  window(b) {
    const n = this.state.head.bands[b].shown;
    const own = this.windows.get(b);
    if (!own || own.isWhole) return { from: 0, to: n };
    return own.to > n ? heatPan(own, n, 0) : own;
  },

  setWindow(b, window) {
    const n = this.state.head.bands[b].shown;
    this.windows.set(b, { ...window, isWhole: window.to - window.from >= n });
    this.paint();
  },

  visible() {
    return this.layout.items.filter((item) => item.y + item.height > this.top && item.y < this.top + this.size.height);
  },

  rowItem(b, row) {
    return this.layout.items.find((item) => item.kind === 'row' && item.band === b && item.row === row);
  },

  /** What is under a point of the stage: {item, band, row, first, last} of places, or null. */
  hit(x, y) {
    const at = y + this.top;
    const item = this.layout.items.find((one) => at >= one.y && at < one.y + one.height);
    if (!item) return null;
    const { left, track } = this.size;
    const along = x - left;
    const band = this.state.head.bands[item.band];
    if (item.kind !== 'row') return { item, band: item.band, row: -1, along };
    if (band.layout === 'cell') return along >= 0 ? { item, band: item.band, row: item.row, first: 0, last: 1, along } : null;
    if (!band.shown || along < 0 || along >= track) return null;
    if (item.cell) {
      const column = Math.floor(along / item.cell.width);
      const line = Math.floor((at - item.y) / item.cell.height);
      if (column >= band.grid.columns.length) return null;
      const place = this.placeOf(item.band, line * band.grid.columns.length + column);
      return { item, band: item.band, row: item.row, first: place, last: place + 1, column, line, along };
    }
    const { from, to } = this.window(item.band);
    const [first, last] = heatColumn(Math.floor(along), track, from, to, band.shown);
    return { item, band: item.band, row: item.row, first, last, along };
  },

  /** The place that stands in a cell of a grid; -1 for an empty one. */
  placeOf(b, cell) {
    const own = this.state.bands[b];
    if (!own.byCell) {
      const { columns, rows } = this.state.head.bands[b].grid;
      own.byCell = new Int32Array(columns.length * rows.length).fill(-1);
      own.cells.forEach((at, place) => (own.byCell[at] = place));
    }
    return own.byCell[cell];
  },

  /** The rectangle of the places [first, last) of a row, in the stage. */
  box(b, row, first, last) {
    const item = this.rowItem(b, row);
    if (!item) return null;
    const { left, track } = this.size;
    const y = item.y - this.top;
    const band = this.state.head.bands[b];
    if (band.layout === 'cell') return { x: left, y: y + 2, width: 18, height: 18 };
    if (item.cell) {
      const cell = this.state.bands[b].cells[first];
      const columns = band.grid.columns.length;
      return { x: left + (cell % columns) * item.cell.width, y: y + Math.floor(cell / columns) * item.cell.height, width: item.cell.width, height: item.cell.height };
    }
    const { from, to } = this.window(b);
    const x = left + ((first - from) / (to - from)) * track;
    const end = left + ((last - from) / (to - from)) * track;
    if (end < left || x > left + track) return null;
    const start = Math.max(left, x);
    return { x: start, y: y + 1, width: Math.max(1, Math.min(left + track, end) - start), height: item.height - 2 };
  },

  /** The rectangles of ranges of a row; of all its places where `ranges` is null. */
  boxes(b, row, ranges) {
    const band = this.state.head.bands[b];
    const item = this.rowItem(b, row);
    if (!item || !band.shown) return [];
    if (!item.cell) return (ranges || [[0, band.shown]]).map(([first, last]) => this.box(b, row, first, last)).filter(Boolean);
    if (!ranges) {
      const width = band.grid.columns.length * item.cell.width;
      return [{ x: this.size.left, y: item.y - this.top, width, height: item.height }];
    }
    return ranges.flatMap(([first, last]) => Array.from({ length: last - first }, (_, i) => this.box(b, row, first + i, first + i + 1)));
  },
});
