// What a person does to the heatmap: pointer and keys.

Object.assign(HeatView.prototype, {
  listenToPointer() {
    const { stage } = this;
    const at = (event) => {
      const box = stage.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    stage.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || !this.layout) return;
      stage.focus({ preventScroll: true });
      const hit = this.hit(...at(event));
      if (!hit) return;
      stage.setPointerCapture(event.pointerId);
      if (hit.item.kind === 'axis') this.pan = { band: hit.band, x: event.clientX, window: this.window(hit.band) };
      else if (hit.row >= 0 && hit.first >= 0) this.press = { hit, x: event.clientX, y: event.clientY };
    });
    stage.addEventListener('pointermove', (event) => {
      if (!this.layout) return;
      if (this.pan) this.drag(event);
      else if (this.press) this.stretch(this.hit(...at(event)), event, at(event));
      else this.point(this.hit(...at(event)), at(event));
    });
    stage.addEventListener('pointerup', (event) => {
      const { press, brush } = this;
      this.press = this.pan = null;
      if (brush) this.select(brush.band, brush.rows, brush.ranges);
      else if (press) this.click(press.hit, event);
      this.brush = null;
      this.mark();
    });
    stage.addEventListener('pointercancel', () => {
      this.press = this.pan = this.brush = null;
      this.mark();
    });
    stage.addEventListener('pointerleave', () => this.point(null));
    stage.addEventListener('wheel', (event) => this.wheel(event, at(event)), { passive: false });
    for (const kind of ['focus', 'blur']) stage.addEventListener(kind, () => this.mark());
  },

  wheel(event, at) {
    if (!this.layout) return;
    const hit = this.hit(...at);
    if (!hit || hit.row < 0 || hit.item.cell || hit.first === undefined) return;
    const { from, to } = this.window(hit.band);
    const n = this.state.head.bands[hit.band].shown;
    const across = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.ctrlKey || event.metaKey) {
      const centre = from + (hit.along / this.size.track) * (to - from);
      this.setWindow(hit.band, heatZoom({ from, to }, n, centre, Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 150)));
    } else if (Math.abs(across) > Math.abs(event.shiftKey ? 0 : event.deltaY) && to - from < n) {
      this.setWindow(hit.band, heatPan({ from, to }, n, (across / this.size.track) * (to - from)));
    } else return;
    event.preventDefault();
  },

  drag(event) {
    const { band, x, window } = this.pan;
    if (this.state.head.bands[band].layout !== 'line') return;
    const by = ((x - event.clientX) / this.size.track) * (window.to - window.from);
    this.setWindow(band, heatPan(window, this.state.head.bands[band].shown, by));
  },

  /** Brush from where the pointer went down to where it is, within one band. */
  stretch(hit, event, [x, y]) {
    const { hit: start } = this.press;
    if (!this.brush && Math.hypot(event.clientX - this.press.x, event.clientY - this.press.y) < 4) return;
    this.tip.hide();
    const end = hit && hit.band === start.band && hit.row >= 0 && hit.first >= 0 ? hit : this.nearest(start.band, x, y);
    if (end) this.brush = { band: start.band, ...this.between(start, end) };
    this.mark();
  },

  /** What lies nearest to a point outside of a band's rows. */
  nearest(b, x, y) {
    const rows = this.layout.items.filter((item) => item.kind === 'row' && item.band === b);
    const low = rows[0].y - this.top + 1;
    const high = rows[rows.length - 1].y + rows[rows.length - 1].height - this.top - 1;
    const { left, track } = this.size;
    const band = this.state.head.bands[b];
    const right = band.grid ? Math.min(track, band.grid.columns.length * rows[0].cell.width) : track;
    const hit = this.hit(Math.max(left, Math.min(left + right - 1, x)), Math.max(low, Math.min(high, y)));
    return hit && hit.row >= 0 && hit.first >= 0 ? hit : null;
  },

  /** Rows and ranges of the rectangle between two places of a band. */
  between(start, end) {
    const [low, high] = [Math.min(start.row, end.row), Math.max(start.row, end.row)];
    const rows = Array.from({ length: high - low + 1 }, (_, i) => low + i);
    if (start.column === undefined) return { rows, ranges: [[Math.min(start.first, end.first), Math.max(start.last, end.last)]] };
    const places = [];
    const { columns } = this.state.head.bands[start.band].grid;
    const many = start.row !== end.row; // over several assets: whole columns would surprise, so the lines count too
    for (let line = Math.min(start.line, end.line); line <= Math.max(start.line, end.line); line++) {
      for (let column = Math.min(start.column, end.column); column <= Math.max(start.column, end.column); column++) {
        const place = this.placeOf(start.band, line * columns.length + column);
        if (place >= 0) places.push(place);
      }
    }
    return { rows: many ? rows : [start.row], ranges: heatRanges(places.sort((a, b) => a - b)) };
  },

  click(hit, event) {
    const place = heatMostUrgent(this.state.bands[hit.band].status[hit.row], hit.first, hit.last, this.urgency);
    const here = { band: hit.band, row: hit.row, place };
    if (event.shiftKey && this.anchor && this.anchor.band === hit.band) {
      this.cursor = here;
      this.extend();
      return;
    }
    const { selection } = this.state.head;
    const adds = (event.ctrlKey || event.metaKey) && selection && selection.band === hit.band && selection.rows.includes(hit.row);
    this.cursor = this.anchor = here;
    this.select(hit.band, adds ? selection.rows : [hit.row], adds ? [...selection.ranges, [place, place + 1]] : [[place, place + 1]]);
  },

  /** Select from the anchor to the cursor. */
  extend() {
    const where = ({ band, row, place }) => {
      const grid = this.state.head.bands[band].layout === 'grid' && this.state.head.bands[band].grid;
      if (!grid) return { band, row, first: place, last: place + 1 };
      const cell = this.state.bands[band].cells[place];
      return { band, row, column: cell % grid.columns.length, line: Math.floor(cell / grid.columns.length) };
    };
    const { rows, ranges } = this.between(where(this.anchor), where(this.cursor));
    this.select(this.cursor.band, rows, ranges);
  },

  /** Select these; `quietly` where what stands under the cursor is told instead. */
  async select(band, rows, ranges, { quietly = false } = {}) {
    const { view } = this.state.head;
    this.highlights = [];
    this.state.head.selection = { band, rows, ranges };
    this.mark();
    const answer = await this.ask('select', { view, band, rows, ranges });
    if (!answer) return;
    this.highlights = answer.highlights;
    const roles = new Set(answer.highlights.map(({ role }) => role));
    const read = [roles.has('read') ? 'dashed: what it reads' : '', roles.has('reader') ? 'dotted: what reads it' : ''];
    this.mark();
    if (quietly) return;
    this.foot.textContent = [answer.told, ...read.filter(Boolean)].join(' · ');
    this.say(answer.told);
  },

  unselect() {
    this.highlights = [];
    this.state.head.selection = null;
    this.foot.textContent = '';
    this.mark();
    return this.ask('clear', {});
  },

  // --- hover ---------------------------------------------------------------------------------------------------

  point(hit, at) {
    clearTimeout(this.asking);
    if (!hit || hit.row < 0 || hit.first === undefined || hit.first < 0) {
      this.hover = null;
      this.tip.hide();
      return;
    }
    const band = this.state.head.bands[hit.band];
    const codes = this.state.bands[hit.band].status[hit.row];
    const place = heatMostUrgent(codes, hit.first, hit.last, this.urgency);
    const many = hit.last - hit.first;
    const here = { band: hit.band, row: hit.row, place };
    const { name, glyph } = NBPART.statuses[codes[place]];
    const [x, y] = at;
    const box = this.stage.getBoundingClientRect();
    const outer = this.root.getBoundingClientRect();
    const show = (title, lines) => this.tip.show(x + box.left - outer.left, y + box.top - outer.top, outer, title, lines);
    const among = many > 1 ? [`${plural(many, 'partition')} here: ${this.tell(heatCount(codes, hit.first, hit.last))}`] : [];
    const known = this.hover && this.hover.place === place && this.hover.row === hit.row && this.hover.band === hit.band && this.hover.found;
    const row = band.rows[hit.row].name;
    const title = (found) => (found ? `${row}${found.key === null ? '' : ` · ${found.key}`}` : row);
    const lines = (found) => [`${glyph} ${name}`, ...(found ? heatLines(found) : []), ...among];
    show(title(known), lines(known));
    if (known) return;
    this.hover = here;
    this.asking = setTimeout(async () => {
      const found = await this.details(here);
      if (this.hover !== here || !found) return;
      here.found = found;
      show(title(found), lines(found));
    }, 60);
  },

  tell(counts) {
    return this.order.concat().filter((code) => counts[code]).map((code) => `${count(counts[code])} ${NBPART.statuses[code].name}`).join(', ');
  },

  async details({ band, row, place }) {
    const { view } = this.state.head;
    return this.link.request('details', { view, band, row, place }).then((answer) => answer.found, () => null);
  },

  // --- keys ----------------------------------------------------------------------------------------------------

  listenToKeys() {
    const move = (across, down) => (event) => this.move(across, down, event.shiftKey);
    onKeys(this.stage, {
      ArrowLeft: move(-1, 0), ArrowRight: move(1, 0), ArrowUp: move(0, -1), ArrowDown: move(0, 1),
      Home: () => this.jump(0), End: () => this.jump(1),
      Enter: () => this.pick(), ' ': () => this.pick(),
      Escape: () => this.escape(),
      '+': () => this.zoom(0.5), '=': () => this.zoom(0.5), '-': () => this.zoom(2), 0: () => this.whole(),
      n: () => this.next(1), N: () => this.next(-1),
      '/': () => this.bar.find.focus(),
    });
  },

  /** The rows in the order of the screen, as [band, row], without those that show nothing. */
  rows() {
    return this.state.head.bands.flatMap((band, b) => (band.shown ? band.rows.map((_, row) => [b, row]) : []));
  },

  start() {
    if (!this.cursor) {
      const [first] = this.rows();
      if (!first) return false;
      this.cursor = { band: first[0], row: first[1], place: Math.floor(this.window(first[0]).from) };
      this.anchor = this.anchor || this.cursor;
    }
    return true;
  },

  move(across, down, extends_) {
    if (!this.state.bands) return;
    const isNew = !this.cursor;
    if (!this.start()) return;
    if (!isNew) this.cursor = this.step(across, down);
    if (extends_ && this.anchor && this.anchor.band === this.cursor.band) this.extend();
    else this.anchor = this.cursor;
    this.arrive();
  },

  step(across, down) {
    const { band: b, row, place } = this.cursor;
    const band = this.state.head.bands[b];
    if (band.layout === 'grid') {
      const inside = this.stepInGrid(across, down);
      if (inside) return inside;
      if (across) return this.cursor;
    } else if (across) {
      const { from, to } = this.window(b);
      const by = band.layout === 'cell' ? 0 : Math.max(1, Math.round((to - from) / this.size.track));
      return { band: b, row, place: Math.max(0, Math.min(band.shown - 1, place + across * by)) };
    }
    const rows = this.rows();
    const at = rows.findIndex(([x, y]) => x === b && y === row);
    const [nextBand, nextRow] = rows[Math.max(0, Math.min(rows.length - 1, at + down))];
    if (nextBand === b) return { band: b, row: nextRow, place: band.layout === 'grid' ? place : place };
    return { band: nextBand, row: nextRow, place: Math.floor(this.window(nextBand).from) };
  },

  /** The next filled cell that way in the grid; null past its edge. */
  stepInGrid(across, down) {
    const { band: b, row, place } = this.cursor;
    const { columns, rows } = this.state.head.bands[b].grid;
    const cell = this.state.bands[b].cells[place];
    let [column, line] = [cell % columns.length, Math.floor(cell / columns.length)];
    for (;;) {
      column += across;
      line += down;
      if (column < 0 || line < 0 || column >= columns.length || line >= rows.length) return null;
      const found = this.placeOf(b, line * columns.length + column);
      if (found >= 0) return { band: b, row, place: found };
    }
  },

  jump(end) {
    if (!this.state.bands || !this.start()) return;
    const { band, row } = this.cursor;
    this.cursor = this.anchor = { band, row, place: end ? this.state.head.bands[band].shown - 1 : 0 };
    this.arrive();
  },

  pick(how) {
    if (!this.state.bands || !this.start()) return;
    this.anchor = this.cursor;
    this.select(this.cursor.band, [this.cursor.row], [[this.cursor.place, this.cursor.place + 1]], how);
    this.arrive();
  },

  escape() {
    const { head } = this.state;
    if (head.selection) this.unselect();
    else if (head.text || head.statuses.length) this.choose({ text: '', statuses: [] });
    else return false;
    return true;
  },

  next(step) {
    if (!this.state || !this.state.bands) return;
    const rows = this.rows();
    if (!rows.length) return;
    const at = this.cursor ? rows.findIndex(([b, row]) => b === this.cursor.band && row === this.cursor.row) : 0;
    const place = this.cursor ? this.cursor.place : -1;
    const failed = heatFind(rows.map(([b, row]) => this.state.bands[b].status[row]), { row: Math.max(0, at), place }, this.codes.failed, step);
    if (!failed) {
      this.say('Nothing failed.');
      return;
    }
    const [band, row] = rows[failed.row];
    this.stage.focus({ preventScroll: true });
    this.cursor = { band, row, place: failed.place };
    this.pick({ quietly: true }); // what is told beside it is then of the same partition
  },

  isSelected({ band, row, place }) {
    const { selection } = this.state.head;
    if (!selection || selection.band !== band || !selection.rows.includes(row)) return false;
    return selection.ranges.some(([first, last]) => first <= place && place < last);
  },

  zoom(factor) {
    if (!this.state || !this.state.bands) return;
    const first = this.rows().find(([b]) => this.state.head.bands[b].layout === 'line');
    const b = this.cursor && this.state.head.bands[this.cursor.band].layout === 'line' ? this.cursor.band : first && first[0];
    if (b === undefined) return;
    const window = this.window(b);
    const centre = this.cursor && this.cursor.band === b ? this.cursor.place + 0.5 : (window.from + window.to) / 2;
    this.setWindow(b, heatZoom(window, this.state.head.bands[b].shown, centre, factor));
  },

  whole() {
    this.windows.clear();
    this.paint();
  },

  /** Bring the cursor into sight, and tell what stands there. */
  arrive() {
    const here = this.cursor;
    const { band: b, row, place } = here;
    const band = this.state.head.bands[b];
    const window = this.window(b);
    if (band.layout === 'line' && (place < window.from || place >= window.to)) {
      this.setWindow(b, heatPan(window, band.shown, place + 0.5 - (window.from + window.to) / 2));
    }
    const item = this.rowItem(b, row);
    if (item && item.y < this.scroll.scrollTop) this.scroll.scrollTop = item.y - 4;
    else if (item && item.y + Math.min(item.height, 200) > this.scroll.scrollTop + this.size.height) this.scroll.scrollTop = item.y + item.height - this.size.height + 4;
    this.mark();
    clearTimeout(this.asking);
    this.tip.hide();
    this.asking = setTimeout(async () => {
      const found = await this.details(here);
      if (this.cursor !== here || !found) return;
      const { name, glyph } = NBPART.statuses[this.state.bands[b].status[row][place]];
      const where = found.key === null ? band.rows[row].name : `${band.rows[row].name} · ${found.key}`;
      const told = [where, `${glyph} ${name}`, ...heatLines(found)].join(' · ');
      this.foot.textContent = this.isSelected(here) ? told : `${told} · Enter selects it`;
      this.say(told);
    }, 80);
  },

  close() {
    this.cleanups.forEach((cleanup) => cleanup());
    clearTimeout(this.asking);
    clearTimeout(this.naming);
  },
});

export default widget({
  decode: heatDecode,
  reduce: heatReduce,
  draw: (link, root) => {
    const view = new HeatView(link, root);
    return () => view.close();
  },
});
