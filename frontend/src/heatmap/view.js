// A view of the heatmap: one canvas for the partitions, one above it for the cursor, the selection and highlights.

import { CODES, STATUSES } from '../generated/constants.js';
import { element } from '../shared/elements.js';
import { makeOutcome } from '../shared/outcome.js';
import { colourOf, makeAnnouncer, onceAFrame, onThemeChange } from '../shared/page.js';
import { makeTooltip } from '../shared/tooltip.js';
import { makeEmptyState, makeLegend, makeToolbar, RAMP_STOPS } from './controls.js';
import { drawView } from './drawing.js';
import { goToNext, listenToKeys, showAll, zoom } from './keyboard.js';
import { drawMarks } from './marks.js';
import { makeRamp, toPixel } from './paint.js';
import { listenToPointer } from './pointer.js';
import { highlightSelection } from './selection.js';

/** @import { HeatmapHeadJson, HeatmapContract, HighlightJson, SelectedPlacesJson } from '../generated/messages.js' */
/** @import { Layout, LoadedState, Pan, Place, Press, Size, State, Window } from './types.js' */
/** @import { Change, Link, Outcome } from '../shared/types.js' */

export class HeatmapView {
  // elements of the page
  /** @type {HTMLElement} */ root;
  /** @type {HTMLCanvasElement} */ base;
  /** @type {HTMLCanvasElement} */ overlay;
  /** @type {HTMLElement} */ stage;
  /** @type {HTMLElement} */ spacer;
  /** @type {HTMLElement} */ scroll;
  /** @type {HTMLElement} */ footer;
  /** @type {HTMLElement} */ emptyState;
  /** @type {ReturnType<typeof makeToolbar>} */ toolbar;
  /** @type {ReturnType<typeof makeLegend>} */ legend;
  /** @type {ReturnType<typeof makeTooltip>} */ tooltip;
  /** @type {Outcome} */ outcome;
  /** @type {(text: string) => void} */ announce;

  // what is shown; nothing until the bytes of the first snapshot are inflated
  /** @type {LoadedState} */ state;
  /** @type {Size} */ size;
  /** @type {Layout} */ layout;
  top = 0;
  /** @type {Map<number, Window>} */ windows = new Map();
  /** @type {Map<string, string>} */ names = new Map();
  /** @type {HighlightJson[]} */ highlights = [];

  // cursor, pointer and brush
  /** @type {Place | null} */ cursor = null;
  /** @type {Place | null} */ anchor = null;
  /** @type {Place | null} */ hover = null;
  /** @type {SelectedPlacesJson | null} */ brush = null;
  /** @type {Pan | null} */ pan = null;
  /** @type {Press | null} */ press = null;

  // colours, known once the view stands in the page
  /** @type {string[]} */ colours;
  /** @type {Uint32Array} */ pixels;
  /** @type {Uint32Array} */ ramp;
  lateColour = '';
  unsoundColour = '';
  ground = '';
  text = '';
  faint = '';
  line = '';
  brand = '';

  painted = 0;
  tries = 0;
  /** @type {Map<string, { key: string, image: ImageData }>} The painted rows: a patch touches few of them. */
  images = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ detailsTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ namesTimer;

  /**
   * @param {Link<HeatmapContract, State>} link
   * @param {HTMLElement} root
   */
  constructor(link, root) {
    this.link = link;
    this.build(root);
    this.paint = onceAFrame(() => drawView(this));
    this.mark = onceAFrame(() => drawMarks(this));
    this.cleanups = [link.listen((...[kind]) => this.onChange(kind)), onThemeChange(() => this.recolour())];
    const observer = new ResizeObserver(() => this.paint());
    observer.observe(root);
    this.cleanups.push(() => observer.disconnect());
    this.onChange('snapshot');
  }

  /** @param {HTMLElement} root */
  build(root) {
    root.classList.add('nbpart-heat');
    this.root = root;
    this.toolbar = makeToolbar({
      setOptions: (change) => this.setOptions(change), zoom: (factor) => zoom(this, factor), showAll: () => showAll(this), next: (step) => goToNext(this, step),
      sort: () => this.ask('sort', {}), unfocus: () => this.ask('unfocus', {}),
    });
    this.legend = makeLegend({ toggle: (code) => this.toggle(code) });
    this.base = element('canvas', { 'aria-hidden': 'true' });
    this.overlay = element('canvas', { 'aria-hidden': 'true' });
    this.stage = element('div', {
      class: 'nbpart-heat-stage', tabindex: '0', role: 'application', 'aria-label': 'Partition heatmap', 'aria-roledescription': 'heatmap',
      'aria-keyshortcuts': 'ArrowLeft ArrowRight ArrowUp ArrowDown Enter Escape + - 0 n',
    }, this.base, this.overlay);
    this.spacer = element('div', {}, this.stage);
    this.scroll = element('div', { class: 'nbpart-heat-scroll', onscroll: () => this.paint() }, this.spacer);
    this.tooltip = makeTooltip();
    this.footer = element('div', { class: 'nbpart-heat-footer' });
    this.outcome = makeOutcome();
    this.emptyState = element('div', { hidden: true });
    root.append(this.toolbar.node, this.legend.node, this.emptyState, this.scroll, this.footer, this.outcome.node, this.tooltip.node);
    this.announce = makeAnnouncer(root, 700);
    listenToPointer(this);
    listenToKeys(this);
  }

  // --- the state ---------------------------------------------------------------------------------------------

  /**
   * Show the state after a change. A new view is shown once its bytes are inflated; until then the old one stays.
   *
   * @param {Change<HeatmapContract>[0]} kind
   */
  onChange(kind) {
    const state = this.link.state;
    if (!state) return;
    if (kind === 'selection') {
      this.highlights = [];
      this.footer.textContent = '';
      this.mark();
      highlightSelection(this);
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
    if (!before || before.view !== head.view) this.discardOutdated(before, head);
    this.toolbar.show(head);
    this.legend.show(head);
    const empty = makeEmptyState(head);
    this.emptyState.replaceChildren(...(empty ? [empty] : []));
    this.emptyState.hidden = !empty;
    this.scroll.hidden = this.toolbar.node.hidden = this.legend.node.hidden = this.footer.hidden = Boolean(empty);
    if (!this.footer.textContent) this.footer.textContent = 'Drag to select, Ctrl + wheel to zoom, arrows to move, n for the next failed.';
    this.paint();
  }

  /**
   * Discard what refers to places of the old view, and keep the rest.
   *
   * @param {HeatmapHeadJson | null} before
   * @param {HeatmapHeadJson} head
   */
  discardOutdated(before, head) {
    /** @param {number} bandIndex */
    const same = (bandIndex) => before && before.bands[bandIndex] && before.bands[bandIndex].set === head.bands[bandIndex].set && before.bands[bandIndex].shown === head.bands[bandIndex].shown;
    head.bands.forEach((band, bandIndex) => same(bandIndex) || this.windows.delete(bandIndex));
    this.names.clear();
    this.hover = null;
    this.brush = null;
    this.tooltip.hide();
    this.highlights = [];
    if (this.cursor && !(head.bands[this.cursor.band] && this.cursor.row < head.bands[this.cursor.band].rows.length && this.cursor.place < head.bands[this.cursor.band].shown)) this.cursor = null;
  }

  /** @param {Partial<HeatmapContract['requests']['set_options']>} change */
  async setOptions(change) {
    const { head } = this.link.state;
    const now = { color_by: head.color_by, sort_by: head.sort_by, statuses: head.statuses, text: head.text, across: head.across, down: head.down, ...change };
    await this.ask('set_options', now);
  }

  /** @param {number} code */
  toggle(code) {
    const { statuses } = this.link.state.head;
    return this.setOptions({ statuses: statuses.includes(code) ? statuses.filter((other) => other !== code) : [...statuses, code] });
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
    this.lateColour = colourOf(this.root, 'late');
    this.unsoundColour = colourOf(this.root, 'unsound');
    this.ramp = makeRamp(RAMP_STOPS, this.pixels[CODES.missing]);
    this.ground = style.getPropertyValue('--nbpart-background').trim() || '#ffffff';
    this.text = style.getPropertyValue('--nbpart-text').trim() || style.color;
    this.faint = style.getPropertyValue('--nbpart-faint').trim() || style.color;
    this.line = style.getPropertyValue('--nbpart-line').trim() || '#888';
    this.brand = style.getPropertyValue('--nbpart-brand').trim() || '#1976d2';
    this.paint();
  }

  close() {
    this.cleanups.forEach((cleanup) => cleanup());
    clearTimeout(this.detailsTimer);
    clearTimeout(this.namesTimer);
  }
}
