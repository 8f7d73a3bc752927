// A view of the asset graph: SVG cards in columns, laid out by Python.

import { DISPLAY_ORDER, LATE_GLYPH, STATUSES, UNSOUND_GLYPH, UNSOUND_WORDS } from '../generated/constants.js';
import { element, svgElement } from '../shared/elements.js';
import { makeCodeLine, makeOutcome } from '../shared/outcome.js';
import { makeAnnouncer, onceAFrame, onKeys } from '../shared/page.js';
import { formatCount, plural, shorten } from '../shared/format.js';
import { computeEdgePath, describeCard, drawCard, drawEdgeLabel, sumCounts } from './cards.js';
import { makeHover } from './hover.js';
import { makeStage } from './stage.js';
import { findNearestCard } from './viewport.js';

/** @import { CardJson, CountsPatch, GraphContract, GroupJson } from '../generated/messages.js' */
/** @import { DrawnCard, Level } from './types.js' */
/** @import { Link, Model } from '../shared/types.js' */

/**
 * One view of the graph.
 *
 * @param {Link<GraphContract>} link
 * @param {HTMLElement} root
 * @param {Model} model
 */
export function drawGraph(link, root, model) {
  let { cards, edges } = link.state.graph;
  /** @type {DrawnCard[]} */
  let drawn = [];
  /** @type {SVGPathElement[]} */
  let lines = [];
  /** @type {Set<number>[]} */
  let neighbours = [];
  let current = 0; // the place of the card that Tab reaches
  let searched = '';
  let total = '';

  const search = element('input', { type: 'search', placeholder: 'Find an asset', 'aria-label': 'Find an asset' });
  const size = element('span', { class: 'nbpart-faint' });
  const groupBox = element('div', { class: 'nbpart-groups', role: 'group', 'aria-label': 'Groups' });
  /** @type {(text: string, label: string, action: () => void) => HTMLElement} */
  const zoomButton = (text, label, action) => element('button', { type: 'button', text, title: label, 'aria-label': label, onclick: action });
  const bar = element('div', { class: 'nbpart-bar' }, search, size, element('span', { class: 'nbpart-spacer' }),
    zoomButton('−', 'Zoom out (-)', () => stage.zoom(1.35)), zoomButton('+', 'Zoom in (+)', () => stage.zoom(1 / 1.35)),
    zoomButton('Fit', 'Show everything (0)', () => stage.fit()), groupBox);
  const lineLayer = svgElement('g', { class: 'nbpart-edges' });
  const labelLayer = svgElement('g', { class: 'nbpart-edge-labels' });
  const cardLayer = svgElement('g');
  const svg = svgElement('svg', { class: 'nbpart-graph', role: 'listbox', 'aria-multiselectable': 'true', 'aria-label': 'Asset graph' }, lineLayer, labelLayer, cardLayer);
  const legend = element('div', { class: 'nbpart-legend' }, ...DISPLAY_ORDER.map((code) => {
    const { name, glyph } = STATUSES[code];
    return element('span', { class: `s-${name}` }, element('span', { class: 'nbpart-swatch' }), `${glyph} ${name}`);
  }), element('span', { text: `${LATE_GLYPH} late` }), element('span', { text: `${UNSOUND_GLYPH} ${UNSOUND_WORDS}` }));
  const details = element('div', { class: 'nbpart-details' });
  const result = makeOutcome();
  const empty = element('div', { class: 'nbpart-empty' });
  root.append(bar, empty, svg, element('div', { class: 'nbpart-foot' }, legend, details, result.node));
  const hover = makeHover(link, root);
  const announce = makeAnnouncer(root, 1500);
  const stage = makeStage(svg, root, { picture: () => link.state.graph, most: () => model.get('height'), onLevel: drawCards });

  // drawing

  function drawAll() {
    const graph = link.state.graph;
    const kept = cards[current]?.name;
    ({ cards, edges } = graph);
    root.classList.toggle('nbpart-is-empty', !cards.length);
    empty.replaceChildren(element('p', { text: 'No assets yet. These three lines register the first:' }), element('pre', { text: link.state.example }));
    hover.hide();
    drawn = cards.map((card) => drawCard(card, graph.card));
    lines = edges.map((edge) => svgElement('path', { d: computeEdgePath(edge.points, graph.card[0]) }, svgElement('title', { text: edge.reads.join('\n') })));
    labelLayer.replaceChildren(...edges.flatMap((edge) => drawEdgeLabel(edge, graph.card[0])));
    neighbours = cards.map(() => new Set());
    edges.forEach(({ source, target }) => neighbours[source].add(target) && neighbours[target].add(source));
    lineLayer.replaceChildren(...lines);
    cardLayer.replaceChildren(...drawn.map(({ node }) => node));
    drawn.forEach(({ node }, place) => addListeners(node, place));
    current = Math.max(0, cards.findIndex((card) => card.name === kept));
    drawn[current]?.node.setAttribute('tabindex', '0');
    const assets = cards.flatMap((card) => (card.kind === 'source' ? [] : card.members)).length;
    const sources = cards.filter((card) => card.kind === 'source').length;
    total = plural(assets, 'asset') + (sources ? `, ${plural(sources, 'source')}` : '');
    drawGroups(graph.groups);
    stage.fit();
    drawCards(stage.level());
    showSelection();
    find();
  }

  /** @param {Level} level */
  function drawCards(level) {
    drawn.forEach((each, place) => each.update(cards[place], level));
  }

  /** @param {GroupJson[]} groups */
  function drawGroups(groups) {
    groupBox.replaceChildren(...groups.map(({ name, size: n, folded }) => element('button', {
      type: 'button', 'aria-pressed': String(folded), text: `${folded ? '▸' : '▾'} ${shorten(name, 24)} (${n})`,
      title: folded ? `Show the assets of ${name}` : `Fold ${name} into one card`, onclick: () => fold(name, !folded),
    })));
  }

  /** @param {CountsPatch['changed']} changed */
  function drawCounts(changed) {
    for (const [place] of changed) {
      drawn[place].update(cards[place], stage.level());
      if (cards[place].name === hover.shown()) hover.show(cards[place], drawn[place].node);
    }
    showDetails();
  }

  // pointing

  /** @param {number | null} place */
  function highlight(place) {
    root.classList.toggle('nbpart-has-highlight', place !== null);
    if (place === null) hover.hide();
    else hover.show(cards[place], drawn[place].node);
    drawn.forEach(({ node }, i) => node.classList.toggle('nbpart-neighbour', place !== null && (i === place || neighbours[place].has(i))));
    lines.forEach((line, i) => line.classList.toggle('nbpart-highlighted', place !== null && (edges[i].source === place || edges[i].target === place)));
  }

  /**
   * @param {SVGGElement} node
   * @param {number} place
   */
  function addListeners(node, place) {
    node.addEventListener('pointerenter', () => highlight(place));
    node.addEventListener('pointerleave', () => highlight(null));
    node.addEventListener('focus', () => {
      setCurrent(place);
      if (node.matches(':focus-visible')) highlight(place);
    });
    node.addEventListener('blur', () => highlight(null));
    node.addEventListener('click', (event) => {
      setCurrent(place);
      node.focus({ preventScroll: true });
      select(place, event.shiftKey || event.ctrlKey || event.metaKey);
    });
    node.addEventListener('dblclick', () => open(place));
  }

  /** @param {number} place */
  function setCurrent(place) {
    drawn[current]?.node.setAttribute('tabindex', '-1');
    current = place;
    drawn[current].node.setAttribute('tabindex', '0');
  }

  // selecting

  /** @type {() => string[]} */
  const selection = () => model.get('selection') || [];
  /** @param {CardJson} card */
  const isSelected = (card) => card.members.every((name) => selection().includes(name));

  /**
   * @param {number} place
   * @param {boolean} more
   */
  function select(place, more) {
    const { members } = cards[place];
    const before = more ? selection() : [];
    const names = more && isSelected(cards[place]) ? before.filter((name) => !members.includes(name)) : [...new Set([...before, ...members])];
    setSelection(names);
    announce(`${describeCard(cards[place])}${names.length ? ', selected' : ''}`);
  }

  /** @param {string[]} names */
  function setSelection(names) {
    model.set('selection', names);
    model.save_changes();
    showSelection();
  }

  function showSelection() {
    drawn.forEach(({ node }, place) => {
      const yes = isSelected(cards[place]);
      node.classList.toggle('nbpart-selected', yes);
      node.setAttribute('aria-selected', String(yes));
    });
    showDetails();
  }

  function showDetails() {
    const names = selection();
    const chosen = cards.filter((card) => card.members.some((name) => names.includes(name)));
    if (!chosen.length) {
      details.replaceChildren(element('span', { class: 'nbpart-faint', text: 'Click an asset to select it, double-click for its heatmap; drag to move, Ctrl + wheel to zoom.' }));
      return;
    }
    const quoted = names.map((name) => JSON.stringify(name));
    // of a folded group only what is selected counts
    const own = chosen.flatMap((card) => card.member_counts.filter((_, place) => names.includes(card.members[place])));
    const counts = sumCounts(own);
    const countParts = DISPLAY_ORDER.filter((code) => counts[code]).map((code) => {
      const { name, glyph } = STATUSES[code];
      return element('span', { class: `s-${name}` }, element('span', { class: `nbpart-glyph s-${name}`, text: glyph }), `${formatCount(counts[code])} ${name}`);
    });
    details.replaceChildren(element('b', { text: names.length === 1 ? names[0] : plural(names.length, 'asset') }), ...countParts,
      makeCodeLine(names.length === 1 ? `ws.partition_status(${quoted[0]})` : `ws.heatmap([${quoted.join(', ')}])`));
  }

  /**
   * @param {string} name
   * @param {boolean} folded
   */
  async function fold(name, folded) {
    try {
      result.show(await link.request('fold', { group: name, folded }));
    } catch (error) {
      result.fail(error);
    }
  }

  /** @param {number} place */
  async function open(place) {
    const card = cards[place];
    if (card.kind === 'group') return fold(card.name, false);
    try {
      await link.request('focus', { name: card.name });
    } catch (error) {
      result.fail(error);
    }
  }

  // searching

  const hits = () => cards.map((card, place) => place).filter((place) =>
    [cards[place].name, ...cards[place].members].some((name) => name.toLowerCase().includes(searched)));

  function find() {
    searched = search.value.trim().toLowerCase();
    const found = new Set(searched ? hits() : []);
    root.classList.toggle('nbpart-searching', Boolean(searched));
    drawn.forEach(({ node }, place) => node.classList.toggle('nbpart-hit', found.has(place)));
    const summary = found.size ? `${formatCount(found.size)} of ${total}: Enter goes to the next` : `none of ${total}`;
    size.textContent = searched ? summary : total;
    if (searched) announce(summary);
  }

  search.addEventListener('input', find);
  onKeys(search, {
    Enter: () => {
      const found = searched ? hits() : [];
      if (!found.length) return;
      const next = found.find((place) => place > current) ?? found[0];
      setCurrent(next);
      stage.bringIntoView(cards[next], true);
      select(next, false);
    },
    Escape: () => {
      search.value = '';
      find();
    },
  });

  // keys: the nearest card in the direction of the arrow

  /**
   * @param {number} dx
   * @param {number} dy
   */
  function move(dx, dy) {
    const best = findNearestCard(cards, current, dx, dy);
    if (best < 0) return;
    setCurrent(best);
    stage.bringIntoView(cards[best]);
    drawn[best].node.focus({ preventScroll: true });
    highlight(best);
  }

  onKeys(svg, {
    ArrowRight: () => move(1, 0), ArrowLeft: () => move(-1, 0), ArrowDown: () => move(0, 1), ArrowUp: () => move(0, -1),
    Enter: (event) => {
      const only = isSelected(cards[current]) && selection().length === cards[current].members.length;
      if (only && !event.shiftKey) open(current);
      else select(current, event.shiftKey);
    },
    ' ': () => select(current, true),
    Escape: () => {
      hover.hide();
      setSelection([]);
    },
    '+': () => stage.zoom(1 / 1.35), '=': () => stage.zoom(1 / 1.35), '-': () => stage.zoom(1.35), 0: () => stage.fit(),
    '/': () => search.focus(),
    f: () => {
      const { group, kind } = cards[current];
      if (group) fold(group, kind !== 'group');
    },
  });

  // life

  let width = 0;
  const observer = new ResizeObserver(onceAFrame(() => {
    if (!root.clientWidth || root.clientWidth === width) return;
    width = root.clientWidth;
    stage.fit();
  }));
  observer.observe(root);
  const stopListening = link.listen((...[kind, payload]) => (kind === 'counts' ? drawCounts(payload.changed) : drawAll()));
  model.on('change:selection', showSelection);
  drawAll();
  return () => {
    hover.hide();
    observer.disconnect();
    stopListening();
    model.off('change:selection', showSelection);
  };
}
