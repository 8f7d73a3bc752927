// The heatmap's view: one canvas for what is, one above it for what a person points at.

const HEAT_URGENCY = ['failed', 'running', 'queued', 'stale', 'missing', 'materialized'];
const HEAT_STACK = ['failed', 'missing', 'stale', 'queued', 'running', 'materialized']; // top to bottom
const HEAT_FONT = '12px system-ui, sans-serif';
const HEAT_GLYPH = { width: 16, height: 14 }; // a smaller cell has no room for one
const HEAT_LANE = 6; // where places are too narrow for glyphs, what failed is told by ticks above the others

const heatHasGlyphs = ({ width, height }) => width >= HEAT_GLYPH.width && height >= HEAT_GLYPH.height;

class HeatView {
  constructor(link, root) {
    this.link = link;
    this.codes = Object.fromEntries(NBPART.statuses.map(({ name }, code) => [name, code]));
    this.urgency = HEAT_URGENCY.map((name) => this.codes[name]);
    this.order = HEAT_STACK.map((name) => this.codes[name]);
    this.windows = new Map();
    this.names = new Map();
    this.cursor = null;
    this.anchor = null;
    this.brush = null;
    this.hover = null;
    this.pan = null;
    this.state = null;
    this.painted = 0;
    this.tries = 0;
    this.highlights = [];
    this.images = new Map(); // the painted rows: a patch touches few of them
    this.build(root);
    this.paint = onceAFrame(() => this.draw());
    this.mark = onceAFrame(() => this.drawMarks());
    this.cleanups = [link.listen((kind) => this.take(kind)), onTheme(() => this.recolour())];
    const observer = new ResizeObserver(() => this.paint());
    observer.observe(root);
    this.cleanups.push(() => observer.disconnect());
    this.take('whole');
  }

  build(root) {
    root.classList.add('nbpart-heat');
    this.root = root;
    this.bar = heatBar({
      choose: (change) => this.choose(change), zoom: (factor) => this.zoom(factor), whole: () => this.whole(), next: (step) => this.next(step),
      sort: () => this.ask('sort', {}), unfocus: () => this.ask('unfocus', {}),
    });
    this.legend = heatLegend(root, { toggle: (code) => this.toggle(code) });
    this.base = make('canvas', { 'aria-hidden': 'true' });
    this.over = make('canvas', { 'aria-hidden': 'true' });
    this.stage = make('div', {
      class: 'nbpart-heat-stage', tabindex: '0', role: 'application', 'aria-label': 'Partition heatmap', 'aria-roledescription': 'heatmap',
      'aria-keyshortcuts': 'ArrowLeft ArrowRight ArrowUp ArrowDown Enter Escape + - 0 n',
    }, this.base, this.over);
    this.space = make('div', {}, this.stage);
    this.scroll = make('div', { class: 'nbpart-heat-scroll', onscroll: () => this.paint() }, this.space);
    this.tip = heatTip();
    this.foot = make('div', { class: 'nbpart-heat-foot' });
    this.outcome = outcome();
    this.nothing = make('div', { hidden: true });
    root.append(this.bar.node, this.legend.node, this.nothing, this.scroll, this.foot, this.outcome.node, this.tip.node);
    this.say = announcer(root, 700);
    this.listenToPointer();
    this.listenToKeys();
  }

  // --- the state ---------------------------------------------------------------------------------------------

  /** Take what the link has; a whole is shown once its bytes are there, until then the last one stays. */
  take(kind) {
    const state = this.link.state;
    if (!state) return;
    if (kind === 'selection') {
      this.highlights = [];
      this.foot.textContent = '';
      this.mark();
      return;
    }
    if (state.bands) this.show(state);
    else state.ready.then(() => state === this.link.state && this.show(state), (error) => this.outcome.fail(error));
  }

  show(state) {
    const before = this.state && this.state.head;
    if (state !== this.state) this.images.clear();
    this.state = state;
    const { head } = state;
    if (!before || before.view !== head.view) this.settle(before, head);
    this.bar.show(head);
    this.legend.show(head);
    const empty = heatEmpty(head);
    this.nothing.replaceChildren(...(empty ? [empty] : []));
    this.nothing.hidden = !empty;
    this.scroll.hidden = this.bar.node.hidden = this.legend.node.hidden = this.foot.hidden = Boolean(empty);
    if (!this.foot.textContent) this.foot.textContent = 'Drag to select, Ctrl + wheel to zoom, arrows to move, n for the next failed.';
    this.paint();
  }

  /** Places stand for other partitions now: keep what can be kept. */
  settle(before, head) {
    const same = (b) => before && before.bands[b] && before.bands[b].set === head.bands[b].set && before.bands[b].shown === head.bands[b].shown;
    head.bands.forEach((band, b) => same(b) || this.windows.delete(b));
    this.names.clear();
    this.hover = null;
    this.brush = null;
    this.tip.hide();
    this.highlights = [];
    if (this.cursor && !(head.bands[this.cursor.band] && this.cursor.row < head.bands[this.cursor.band].rows.length && this.cursor.place < head.bands[this.cursor.band].shown)) this.cursor = null;
  }

  async choose(change) {
    const { head } = this.link.state;
    const now = { color_by: head.color_by, sort_by: head.sort_by, statuses: head.statuses, text: head.text, ...change };
    await this.ask('choose', now);
  }

  toggle(code) {
    const { statuses } = this.link.state.head;
    return this.choose({ statuses: statuses.includes(code) ? statuses.filter((other) => other !== code) : [...statuses, code] });
  }

  async ask(action, payload) {
    try {
      const answer = await this.link.request(action, payload);
      this.outcome.clear();
      return answer;
    } catch (error) {
      this.outcome.fail(error);
      return null;
    }
  }

  /** Colours are known once the view stands in the page. */
  recolour() {
    const style = getComputedStyle(this.root);
    this.images.clear();
    this.colours = NBPART.statuses.map(({ name }) => colourOf(this.root, name));
    this.pixels = Uint32Array.from(this.colours, heatPixel);
    this.ramp = heatRamp(HEAT_STOPS, this.pixels[this.codes.missing]);
    this.ground = style.getPropertyValue('--nbpart-ground').trim() || '#ffffff';
    this.text = style.getPropertyValue('--nbpart-text').trim() || style.color;
    this.faint = style.getPropertyValue('--nbpart-faint').trim() || style.color;
    this.line = style.getPropertyValue('--nbpart-line').trim() || '#888';
    this.brand = style.getPropertyValue('--nbpart-brand').trim() || '#1976d2';
    this.paint();
  }

  // --- drawing -----------------------------------------------------------------------------------------------

  draw() {
    if (!this.state || !this.state.bands || this.scroll.hidden || !this.root.isConnected) return;
    if (!this.root.clientWidth) {
      // JupyterLab takes all widths away while it changes its theme, too short for a ResizeObserver to see
      this.tries += 1;
      if (this.tries < 20) setTimeout(() => this.paint(), 100);
      return;
    }
    this.tries = 0;
    if (!this.colours) this.recolour();
    this.measure();
    const ratio = window.devicePixelRatio || 1;
    const { width, height } = this.size;
    for (const canvas of [this.base, this.over]) {
      const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
      if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    const pen = this.base.getContext('2d', { willReadFrequently: true });
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = HEAT_FONT;
    pen.textBaseline = 'middle';
    const seen = this.visible();
    for (const item of seen) {
      if (item.kind === 'row') this.drawRow(pen, item, ratio);
      else if (item.kind === 'head') this.drawHead(pen, item);
      else this.drawAxis(pen, item);
    }
    if (this.images.size > 2 * seen.length) this.images.clear();
    this.drawMarks();
    this.painted += 1;
    this.stage.dataset.painted = String(this.painted);
    this.stage.dataset.sequence = String(this.state.head.sequence);
    performance.clearMarks('nbpart-heat');
    performance.mark('nbpart-heat');
    this.askForNames();
  }

  drawHead(pen, { band: b, y, height }) {
    const band = this.state.head.bands[b];
    const middle = y - this.top + height / 2;
    pen.textAlign = 'left';
    pen.fillStyle = this.text;
    pen.font = `600 ${HEAT_FONT}`;
    const name = this.fit(pen, band.layout === 'cell' ? 'without partitions' : band.set, this.size.width - 260);
    pen.fillText(name, 2, middle);
    const after = 2 + pen.measureText(name).width + 10;
    pen.font = HEAT_FONT;
    pen.fillStyle = this.faint;
    if (band.layout === 'cell') return;
    const { from, to } = this.window(b);
    let told = plural(band.n, 'partition');
    if (band.shown !== band.n) told = `${count(band.shown)} of ${told} shown`;
    if (to - from < band.shown) told += ` · zoomed to ${count(Math.ceil(to - from))}`;
    const { scale } = band;
    if (scale) told += ` · ${this.state.head.color_by} ${numeral(scale.low)} to ${numeral(scale.high)}`;
    pen.fillText(this.fit(pen, heatBandEmpty(band) || told, this.size.width - after - 4), after, middle);
  }

  drawRow(pen, item, ratio) {
    const { left, track } = this.size;
    const band = this.state.head.bands[item.band];
    const y = item.y - this.top;
    const label = band.layout === 'grid' ? y + 8 : y + item.height / 2;
    pen.textAlign = 'left';
    pen.fillStyle = this.text;
    pen.fillText(this.fit(pen, band.rows[item.row].name, left - this.downWidth(pen, band) - 12), 2, label);
    if (band.layout === 'cell') this.drawCell(pen, item, y);
    else if (band.shown) {
      this.drawTrack(pen, item, y, ratio);
      if (item.cell) this.drawDown(pen, item, y);
      this.drawTotals(pen, item, label);
    }
  }

  drawCell(pen, item, y) {
    const own = this.state.bands[item.band];
    const code = own.status[item.row][0];
    const step = own.steps ? own.steps[item.row][0] : 0;
    pen.fillStyle = step ? heatHex(this.ramp[step]) : this.colours[code];
    pen.fillRect(this.size.left, y + 2, 18, 18);
    pen.strokeStyle = this.line;
    pen.lineWidth = 1;
    pen.strokeRect(this.size.left + 0.5, y + 2.5, 17, 17);
    const { name } = NBPART.statuses[code];
    if (!step) this.drawGlyph(pen, code, this.size.left + 9, y + 11);
    pen.textAlign = 'left';
    pen.fillStyle = this.faint;
    pen.fillText(name, this.size.left + 26, y + 11);
  }

  drawTrack(pen, item, y, ratio) {
    const { left, track } = this.size;
    const own = this.state.bands[item.band];
    const inset = item.cell ? 0 : 1;
    const { from, to } = this.window(item.band);
    const [width, height] = [Math.round(track * ratio), Math.round((item.height - 2 * inset) * ratio)];
    const name = `${item.band}.${item.row}`;
    const key = [own.versions[item.row], width, height, from, to].join();
    let kept = this.images.get(name);
    if (!kept || kept.key !== key) {
      kept = { key, image: pen.createImageData(width, height) };
      this.fill(kept.image, item, { from, to, ratio });
      this.images.set(name, kept);
    }
    pen.putImageData(kept.image, Math.round(left * ratio), Math.round((y + inset) * ratio));
    if (!item.cell) {
      pen.strokeStyle = this.line;
      pen.lineWidth = 1;
      pen.strokeRect(left - 0.5, y + 0.5, track + 1, item.height - 1);
    }
    this.drawGlyphs(pen, item, y, own.status[item.row], own.steps && own.steps[item.row]);
  }

  /** Paint a row into an image. */
  fill(image, item, { from, to, ratio }) {
    const { failed } = this.codes;
    const own = this.state.bands[item.band];
    const codes = own.status[item.row];
    const steps = own.steps && own.steps[item.row];
    const pixels = new Uint32Array(image.data.buffer);
    const gap = Math.max(1, Math.round(ratio));
    if (item.cell) {
      const cell = { width: Math.round(item.cell.width * ratio), height: Math.round(item.cell.height * ratio) };
      const columns = this.state.head.bands[item.band].grid.columns.length;
      const pick = (place) => (steps && codes[place] !== failed ? this.ramp[steps[place]] : this.pixels[codes[place]]);
      const grid = { width: image.width, cell, columns, cells: own.cells };
      heatPaintGrid(pixels, { ...grid, pick, gap: cell.width > 3 * gap ? gap : 0 });
      const mark = { codes, code: failed, colour: this.pixels[failed], least: Math.round(4 * ratio), rim: gap };
      if (!heatHasGlyphs(item.cell)) heatPaintMarks(pixels, { ...grid, ...mark });
      return;
    }
    const common = { width: image.width, codes, from, to, gap };
    const narrow = this.size.track / (to - from) < HEAT_GLYPH.width;
    const lane = narrow && codes.includes(failed) ? Math.round(HEAT_LANE * ratio) : 0;
    const below = { ...common, top: lane, height: image.height - lane };
    if (steps) heatPaintValues(pixels, { ...below, steps, ramp: this.ramp, failed, failedColour: this.pixels[failed], least: gap });
    else heatPaintStatus(pixels, { ...below, colours: this.pixels, order: this.order, least: this.urgency.map(() => gap) });
    if (lane) heatPaintTicks(pixels, { ...common, top: 0, height: lane, code: failed, colour: this.pixels[failed], least: Math.round(3 * ratio) });
  }

  /** A glyph in each place that is wide enough; a value's colour says that it is there. */
  drawGlyphs(pen, item, y, codes, steps) {
    const { left, track } = this.size;
    const has = (place) => !steps || !steps[place] || codes[place] === this.codes.failed;
    if (item.cell) {
      if (!heatHasGlyphs(item.cell)) return;
      codes.forEach((code, place) => {
        if (!has(place)) return;
        const box = this.box(item.band, item.row, place, place + 1);
        this.drawGlyph(pen, code, box.x + box.width / 2, box.y + box.height / 2);
      });
      return;
    }
    const { from, to } = this.window(item.band);
    const cell = track / (to - from);
    if (cell < HEAT_GLYPH.width) return;
    for (let place = Math.floor(from); place < to; place++) {
      const middle = left + (place + 0.5 - from) * cell;
      if (has(place) && middle > left + 6 && middle < left + track - 6) this.drawGlyph(pen, codes[place], middle, y + item.height / 2);
    }
  }

  drawGlyph(pen, code, x, y) {
    pen.textAlign = 'center';
    const isValue = this.state.head.color_by !== 'status' && code !== this.codes.failed;
    pen.fillStyle = code === this.codes.missing || isValue ? this.faint : this.ground;
    pen.font = '600 11px system-ui, sans-serif';
    pen.fillText(NBPART.statuses[code].glyph, x, y + 0.5);
    pen.font = HEAT_FONT;
  }

  /** At the right: how many failed, and the share that is made. */
  drawTotals(pen, item, middle) {
    const { width } = this.size;
    const counts = this.state.head.bands[item.band].counts[item.row];
    const total = counts.reduce((sum, n) => sum + n, 0);
    const made = (100 * counts[this.codes.materialized]) / Math.max(1, total);
    pen.textAlign = 'right';
    pen.fillStyle = this.faint;
    pen.fillText(`${made > 0 && made < 1 ? '<1' : made > 99 && made < 100 ? '>99' : Math.round(made)} %`, width - 2, middle);
    if (!counts[this.codes.failed]) return;
    pen.fillStyle = this.colours[this.codes.failed];
    pen.fillText(`✕ ${heatShort(counts[this.codes.failed])}`, width - 42, middle);
  }

  /** The values of the second parameter, at the left of a grid. */
  drawDown(pen, item, y) {
    const { left } = this.size;
    const { rows } = this.state.head.bands[item.band].grid;
    const every = Math.ceil(13 / item.cell.height);
    pen.textAlign = 'right';
    pen.fillStyle = this.faint;
    for (let line = 0; line < rows.length; line += every) {
      pen.fillText(this.fit(pen, rows[line], 56), left - 6, y + (line + 0.5) * item.cell.height);
    }
  }

  drawAxis(pen, { band: b, y, cell }) {
    const { left, track } = this.size;
    const band = this.state.head.bands[b];
    const top = y - this.top;
    pen.fillStyle = this.faint;
    if (cell) {
      const widest = Math.max(...band.grid.columns.map((name) => pen.measureText(name).width));
      const every = Math.ceil(Math.min(90, widest + 6) / cell.width);
      pen.textAlign = 'center';
      for (let column = 0; column < band.grid.columns.length; column += every) {
        pen.fillText(this.fit(pen, band.grid.columns[column], every * cell.width - 4), left + (column + 0.5) * cell.width, top + 8);
      }
      pen.textAlign = 'left';
      pen.fillText(this.fit(pen, heatAxes(band.grid), left - 22), 2, top + 8);
      return;
    }
    pen.strokeStyle = this.line;
    let end = -Infinity;
    for (const { place, x, align, most } of this.ticks(b)) {
      pen.beginPath();
      pen.moveTo(Math.round(x) + 0.5, top);
      pen.lineTo(Math.round(x) + 0.5, top + 4);
      pen.stroke();
      pen.textAlign = align;
      const name = this.names.get(`${b}.${place}`);
      const text = this.fit(pen, name === undefined ? `${count(place + 1)}.` : name, most);
      const own = pen.measureText(text).width;
      const start = align === 'left' ? x : x - own / 2;
      if (start < end + 8) continue;
      pen.fillText(text, x, top + 12);
      end = start + own;
    }
    pen.textAlign = 'left';
  }

  ticks(b) {
    const { left, track } = this.size;
    const { from, to } = this.window(b);
    const most = Math.max(2, Math.floor(track / 150));
    const cell = track / (to - from);
    const ticks = heatTicks(from, to, most).map((place) => ({ place, x: left + (place + 0.5 - from) * cell, align: 'center', most: Math.min(track / 2, Math.max(cell, track / most)) - 12 }));
    if (ticks.length) {
      const first = ticks[0];
      if (first.x - left < 70) Object.assign(first, { x: Math.max(left, first.x - cell / 2), align: 'left' });
    }
    return ticks.filter((tick) => tick.align === 'left' || tick.x + 60 < left + track || cell > 60);
  }

  /** Ask for the keys along the axes that are in sight, once they have stood still. */
  askForNames() {
    clearTimeout(this.naming);
    this.naming = setTimeout(async () => {
      const { view } = this.state.head;
      for (const item of this.visible()) {
        if (item.kind !== 'axis' || item.cell) continue;
        const places = this.ticks(item.band).map(({ place }) => place).filter((place) => !this.names.has(`${item.band}.${place}`));
        if (!places.length) continue;
        const answer = await this.link.request('keys', { view, band: item.band, places }).catch(() => null);
        if (!answer || answer.view !== this.state.head.view) return;
        places.forEach((place, i) => this.names.set(`${item.band}.${place}`, answer.keys[i] || ''));
        this.paint();
      }
    }, 60);
  }

  fit(pen, text, most) {
    if (pen.measureText(text).width <= most) return text;
    const each = pen.measureText(text).width / text.length;
    let n = Math.max(3, Math.floor(most / each));
    while (n > 3 && pen.measureText(shorten(text, n)).width > most) n -= 1;
    return shorten(text, n);
  }

  drawMarks() {
    if (!this.layout || !this.state.bands) return;
    const ratio = window.devicePixelRatio || 1;
    const pen = this.over.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.size.width, this.size.height);
    for (const { band, row, role, ranges } of this.highlights) this.drawRanges(pen, band, [row], ranges, role === 'read' ? [5, 3] : [1, 2]);
    const { selection } = this.state.head;
    if (selection && !this.brush) this.drawRanges(pen, selection.band, selection.rows, selection.ranges, [], 0.16);
    if (this.brush) this.drawRanges(pen, this.brush.band, this.brush.rows, this.brush.ranges, [], 0.25);
    if (this.cursor && document.activeElement === this.stage) this.drawCursor(pen);
  }

  drawRanges(pen, b, rows, ranges, dash, fill = 0) {
    const band = this.state.head.bands[b];
    if (!band) return;
    pen.setLineDash(dash);
    pen.lineWidth = dash.length ? 2 : 1.5;
    pen.strokeStyle = dash.length ? this.text : this.brand;
    pen.fillStyle = this.brand;
    for (const row of rows) {
      for (const box of this.boxes(b, row, ranges)) {
        if (box.y > this.size.height || box.y + box.height < 0) continue;
        if (fill) {
          pen.globalAlpha = fill;
          pen.fillRect(box.x, box.y, box.width, box.height);
          pen.globalAlpha = 1;
        }
        const wide = Math.max(3, box.width);
        pen.strokeRect(box.x - (wide - box.width) / 2, box.y, wide, box.height);
      }
    }
    pen.setLineDash([]);
  }

  drawCursor(pen) {
    const { band, row, place } = this.cursor;
    const box = this.box(band, row, place, place + 1);
    if (!box) return;
    const wide = Math.max(5, box.width);
    const x = box.x - (wide - box.width) / 2;
    pen.lineWidth = 4;
    pen.strokeStyle = this.ground;
    pen.strokeRect(x - 1, box.y - 1, wide + 2, box.height + 2);
    pen.lineWidth = 2;
    pen.strokeStyle = this.text;
    pen.strokeRect(x - 1, box.y - 1, wide + 2, box.height + 2);
  }
}

const heatAxes = ({ across, down }) => `${across} → ${down} ↓`;
const heatHex = (pixel) => `#${[0, 8, 16].map((by) => ((pixel >>> by) & 255).toString(16).padStart(2, '0')).join('')}`;
const heatShort = (n) => (n < 10000 ? count(n) : n < 1e6 ? `${Math.round(n / 1000)}k` : `${(n / 1e6).toFixed(1)}M`);
