// The heatmap's view: one canvas for what is, one above it for what a person points at.

import { CODES, STATUSES } from '../generated/constants.js';
import { element } from '../shared/elements.js';
import { makeOutcome } from '../shared/outcome.js';
import { colourOf, makeAnnouncer, onceAFrame, onThemeChange } from '../shared/page.js';
import { makeEmptyState, makeLegend, makeToolbar, makeTooltip, RAMP_STOPS } from './controls.js';
import { drawView } from './drawing.js';
import { goToNext, listenToKeys, showAll, zoom } from './keyboard.js';
import { drawMarks } from './marks.js';
import { makeRamp, toPixel } from './paint.js';
import { listenToPointer } from './pointer.js';

/** @import { HeadJson, HeatmapContract, HighlightJson, SelectedJson } from '../generated/messages.js' */
/** @import { Layout, LoadedState, Pan, Place, Press, Size, State, Window } from './types.js' */
/** @import { Change, Link, Outcome } from '../shared/types.js' */

export class HeatmapView {
  // what stands in the page
  /** @type {HTMLElement} */ root;
  /** @type {HTMLCanvasElement} */ base;
  /** @type {HTMLCanvasElement} */ over;
  /** @type {HTMLElement} */ stage;
  /** @type {HTMLElement} */ space;
  /** @type {HTMLElement} */ scroll;
  /** @type {HTMLElement} */ foot;
  /** @type {HTMLElement} */ nothing;
  /** @type {ReturnType<typeof makeToolbar>} */ bar;
  /** @type {ReturnType<typeof makeLegend>} */ legend;
  /** @type {ReturnType<typeof makeTooltip>} */ tip;
  /** @type {Outcome} */ outcome;
  /** @type {(text: string) => void} */ say;

  // what is shown; nothing is until the bytes of the first snapshot are there
  /** @type {LoadedState} */ state;
  /** @type {Size} */ size;
  /** @type {Layout} */ layout;
  top = 0;
  /** @type {Map<number, Window>} */ windows = new Map();
  /** @type {Map<string, string>} */ names = new Map();
  /** @type {HighlightJson[]} */ highlights = [];

  // what a person points at
  /** @type {Place | null} */ cursor = null;
  /** @type {Place | null} */ anchor = null;
  /** @type {Place | null} */ hover = null;
  /** @type {SelectedJson | null} */ brush = null;
  /** @type {Pan | null} */ pan = null;
  /** @type {Press | null} */ press = null;

  // colours, known once the view stands in the page
  /** @type {string[]} */ colours;
  /** @type {Uint32Array} */ pixels;
  /** @type {Uint32Array} */ ramp;
  ground = '';
  text = '';
  faint = '';
  line = '';
  brand = '';

  painted = 0;
  tries = 0;
  /** @type {Map<string, { key: string, image: ImageData }>} The painted rows: a patch touches few of them. */
  images = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ asking;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ naming;

  /**
   * @param {Link<HeatmapContract, State>} link
   * @param {HTMLElement} root
   */
  constructor(link, root) {
    this.link = link;
    this.build(root);
    this.paint = onceAFrame(() => drawView(this));
    this.mark = onceAFrame(() => drawMarks(this));
    this.cleanups = [link.listen((...[kind]) => this.take(kind)), onThemeChange(() => this.recolour())];
    const observer = new ResizeObserver(() => this.paint());
    observer.observe(root);
    this.cleanups.push(() => observer.disconnect());
    this.take('snapshot');
  }

  /** @param {HTMLElement} root */
  build(root) {
    root.classList.add('nbpart-heat');
    this.root = root;
    this.bar = makeToolbar({
      choose: (change) => this.choose(change), zoom: (factor) => zoom(this, factor), whole: () => showAll(this), next: (step) => goToNext(this, step),
      sort: () => this.ask('sort', {}), unfocus: () => this.ask('unfocus', {}),
    });
    this.legend = makeLegend({ toggle: (code) => this.toggle(code) });
    this.base = element('canvas', { 'aria-hidden': 'true' });
    this.over = element('canvas', { 'aria-hidden': 'true' });
    this.stage = element('div', {
      class: 'nbpart-heat-stage', tabindex: '0', role: 'application', 'aria-label': 'Partition heatmap', 'aria-roledescription': 'heatmap',
      'aria-keyshortcuts': 'ArrowLeft ArrowRight ArrowUp ArrowDown Enter Escape + - 0 n',
    }, this.base, this.over);
    this.space = element('div', {}, this.stage);
    this.scroll = element('div', { class: 'nbpart-heat-scroll', onscroll: () => this.paint() }, this.space);
    this.tip = makeTooltip();
    this.foot = element('div', { class: 'nbpart-heat-foot' });
    this.outcome = makeOutcome();
    this.nothing = element('div', { hidden: true });
    root.append(this.bar.node, this.legend.node, this.nothing, this.scroll, this.foot, this.outcome.node, this.tip.node);
    this.say = makeAnnouncer(root, 700);
    listenToPointer(this);
    listenToKeys(this);
  }

  // --- the state ---------------------------------------------------------------------------------------------

  /**
   * Take what the link has; a snapshot is shown once its bytes are there, until then the last one stays.
   *
   * @param {Change<HeatmapContract>[0]} kind
   */
  take(kind) {
    const state = this.link.state;
    if (!state) return;
    if (kind === 'selection') {
      this.highlights = [];
      this.foot.textContent = '';
      this.mark();
      return;
    }
    const show = () => state === this.link.state && this.show(/** @type {LoadedState} */ (state));
    if (state.bands) show();
    else state.ready.then(show, (error) => this.outcome.fail(error));
  }

  /** @param {LoadedState} state */
  show(state) {
    const before = this.state ? this.state.head : null;
    if (state !== this.state) this.images.clear();
    this.state = state;
    const { head } = state;
    if (!before || before.view !== head.view) this.settle(before, head);
    this.bar.show(head);
    this.legend.show(head);
    const empty = makeEmptyState(head);
    this.nothing.replaceChildren(...(empty ? [empty] : []));
    this.nothing.hidden = !empty;
    this.scroll.hidden = this.bar.node.hidden = this.legend.node.hidden = this.foot.hidden = Boolean(empty);
    if (!this.foot.textContent) this.foot.textContent = 'Drag to select, Ctrl + wheel to zoom, arrows to move, n for the next failed.';
    this.paint();
  }

  /**
   * Places stand for other partitions now: keep what can be kept.
   *
   * @param {HeadJson | null} before
   * @param {HeadJson} head
   */
  settle(before, head) {
    /** @param {number} b */
    const same = (b) => before && before.bands[b] && before.bands[b].set === head.bands[b].set && before.bands[b].shown === head.bands[b].shown;
    head.bands.forEach((band, b) => same(b) || this.windows.delete(b));
    this.names.clear();
    this.hover = null;
    this.brush = null;
    this.tip.hide();
    this.highlights = [];
    if (this.cursor && !(head.bands[this.cursor.band] && this.cursor.row < head.bands[this.cursor.band].rows.length && this.cursor.place < head.bands[this.cursor.band].shown)) this.cursor = null;
  }

  /** @param {Partial<HeatmapContract['requests']['choose']>} change */
  async choose(change) {
    const { head } = this.link.state;
    const now = { color_by: head.color_by, sort_by: head.sort_by, statuses: head.statuses, text: head.text, ...change };
    await this.ask('choose', now);
  }

  /** @param {number} code */
  toggle(code) {
    const { statuses } = this.link.state.head;
    return this.choose({ statuses: statuses.includes(code) ? statuses.filter((other) => other !== code) : [...statuses, code] });
  }

  /**
   * @template {keyof HeatmapContract['requests']} A
   * @param {A} action
   * @param {HeatmapContract['requests'][A]} payload
   */
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
    this.colours = STATUSES.map(({ name }) => colourOf(this.root, name));
    this.pixels = Uint32Array.from(this.colours, toPixel);
    this.ramp = makeRamp(RAMP_STOPS, this.pixels[CODES.missing]);
    this.ground = style.getPropertyValue('--nbpart-ground').trim() || '#ffffff';
    this.text = style.getPropertyValue('--nbpart-text').trim() || style.color;
    this.faint = style.getPropertyValue('--nbpart-faint').trim() || style.color;
    this.line = style.getPropertyValue('--nbpart-line').trim() || '#888';
    this.brand = style.getPropertyValue('--nbpart-brand').trim() || '#1976d2';
    this.paint();
  }

  close() {
    this.cleanups.forEach((cleanup) => cleanup());
    clearTimeout(this.asking);
    clearTimeout(this.naming);
  }
}
