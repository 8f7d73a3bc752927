// Cards and edges of the asset graph, as SVG.

import { CODES, LATE_GLYPH, NOTABLE, STATUSES, UNSOUND_GLYPH, UNSOUND_WORDS } from '../generated/constants.js';
import { computeBar } from '../shared/bars.js';
import { setAttributes, svgElement } from '../shared/elements.js';
import { formatCount, plural, shorten } from '../shared/format.js';

/** @import { CardJson, EdgeJson, PartitionStatus } from '../generated/messages.js' */
/** @import { DrawnCard, Level } from './types.js' */

/**
 * 9,876 or 12.3k or 1.23M: short enough for a card.
 *
 * @param {number} n
 */
function formatCompact(n) {
  if (n < 10000) return formatCount(n);
  return n < 1e6 ? `${+(n / 1e3).toPrecision(3)}k` : `${+(n / 1e6).toPrecision(3)}M`;
}

/**
 * What a card says of its counts: [text, status or null] pairs; only glyphs have a status's colour, or that of what is
 * late or does not pass a check.
 *
 * @param {CardJson} card
 * @returns {[words: string, status: PartitionStatus | 'late' | 'unsound' | null][]}
 */
function describeCounts(card) {
  const total = card.counts.reduce((sum, n) => sum + n, 0);
  /** @type {ReturnType<typeof describeCounts>} */
  const late = card.late ? [[LATE_GLYPH, 'late']] : [];
  /** @type {ReturnType<typeof describeCounts>} */
  const unsound = card.unsound ? [[UNSOUND_GLYPH, 'unsound']] : [];
  if (card.kind === 'source') return [[card.set ? plural(total, 'key') : 'one', null]];
  if (total === 1 && !card.set && card.kind !== 'group') {
    const { name, glyph } = STATUSES[card.counts.indexOf(1)];
    return [[glyph, name], [` ${name}`, null], ...late, ...unsound];
  }
  /** @type {ReturnType<typeof describeCounts>} */
  const texts = [[`${formatCompact(card.counts[CODES.materialized])} / ${formatCompact(total)}`, null]];
  for (const name of NOTABLE) {
    const code = CODES[name];
    if (card.counts[code]) texts.push([STATUSES[code].glyph, name], [formatCompact(card.counts[code]), null]);
  }
  if (card.late) texts.push(...late, [` ${formatCompact(card.late)}`, null]);
  if (card.unsound) texts.push(...unsound, [` ${formatCompact(card.unsound)}`, null]);
  return texts;
}

/**
 * The sum of several counts by status code.
 *
 * @param {number[][]} all
 */
export const sumCounts = (all) => STATUSES.map((_, code) => all.reduce((sum, counts) => sum + counts[code], 0));

/** @param {CardJson} card */
export function describeCard(card) {
  const counts = card.counts.map((n, code) => (n ? `${formatCount(n)} ${STATUSES[code].name}` : '')).filter(Boolean);
  const kind = card.kind === 'group' ? `group of ${card.members.length}` : card.kind;
  const late = card.late ? `, ${formatCount(card.late)} late` : '';
  const unsound = card.unsound ? `, ${formatCount(card.unsound)} ${UNSOUND_WORDS}` : '';
  const own = card.reads_itself ? `; reads itself: ${card.reads_itself}` : '';
  return `${card.name} (${kind}): ${counts.join(', ') || 'no partitions'}${late}${unsound}${own}`;
}

/**
 * @param {[number, number][]} points
 * @param {number} width
 */
export function computeEdgePath(points, width) {
  let path = '';
  for (let i = 0; i + 1 < points.length; i += 1) {
    // out of the right side, into the left; straight past the cards of a column that it only passes
    const [x1, x2] = [points[i][0] + width, points[i + 1][0]];
    const [y1, y2] = [points[i][1], points[i + 1][1]];
    const middle = (x1 + x2) / 2;
    path += `${i ? 'L' : 'M'}${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
  }
  return path;
}

const MAX_LABEL_LENGTH = 24;

/**
 * The mappings of an edge that were chosen, beside its beginning; nothing where all follow from the partitions.
 *
 * @param {EdgeJson} edge
 * @param {number} width
 */
export function drawEdgeLabel({ points, label, reads }, width) {
  if (!label) return [];
  const [[x1, y1], [x2, y2]] = points;
  const title = svgElement('title', { text: reads.join('\n') });
  const text = svgElement('text', { x: (x1 + width + x2) / 2, y: (y1 + y2) / 2 - 4, 'text-anchor': 'middle', text: shorten(label, MAX_LABEL_LENGTH) });
  text.append(title);
  return [text];
}

/**
 * One card; `update(card, level)` draws its counts as much as the level of detail shows.
 *
 * @param {CardJson} card
 * @param {[width: number, height: number]} size
 * @returns {DrawnCard}
 */
export function drawCard(card, [width, height]) {
  const boxes = [svgElement('rect', { class: 'nbpart-box', width, height, rx: 6 })];
  if (card.kind === 'group') boxes.unshift(svgElement('rect', { class: 'nbpart-box', x: 5, y: 5, width, height, rx: 6 }));
  const name = svgElement('text', { class: 'nbpart-name', x: 10, y: 19 });
  const kind = svgElement('text', {
    class: 'nbpart-kind', x: 10, y: 36, text: (card.kind === 'group' ? plural(card.members.length, 'asset') : card.kind) + (card.reads_itself ? ' ↺' : ''),
  });
  const countText = svgElement('text', { class: 'nbpart-counts', x: width - 10, y: 36, 'text-anchor': 'end' });
  const bar = svgElement('g', { class: 'nbpart-stack' });
  const statusGlyph = svgElement('text', { class: 'nbpart-status-glyph', x: width / 2, y: height / 2, 'text-anchor': 'middle', 'dominant-baseline': 'central' });
  const node = svgElement('g', { class: 'nbpart-node', role: 'option', tabindex: '-1', transform: `translate(${card.x},${card.y})` },
    ...boxes, name, kind, countText, bar, statusGlyph);

  /**
   * @param {CardJson} now
   * @param {Level} level
   */
  function update(now, level) {
    node.setAttribute('aria-label', describeCard(now));
    name.textContent = shorten(now.name, level === 'middle' ? 14 : 26);
    countText.replaceChildren(...describeCounts(now).map(([words, status], i) =>
      svgElement('tspan', { class: status ? `nbpart-count s-${status}` : null, dx: i && status ? 6 : null, text: words })));
    // long counts take the space of the kind, which the tooltip has too
    kind.classList.toggle('nbpart-crowded', countText.textContent.length + kind.textContent.length > 24);
    const worst = NOTABLE.find((status) => now.counts[CODES[status]]);
    const isSource = now.kind === 'source';
    node.classList.toggle('nbpart-failed', worst === 'failed' && !isSource);
    node.classList.toggle('nbpart-running', now.counts[CODES.running] > 0);
    setAttributes(statusGlyph, level === 'middle' ? { x: width - 15, y: 18 } : { x: width / 2, y: height / 2 });
    statusGlyph.textContent = worst && !isSource ? STATUSES[CODES[worst]].glyph : '';
    // with a gap: two colours side by side may be hard to distinguish
    const at = { near: [10, 43, width - 20, 7, 4, 1], middle: [10, 34, width - 20, 15, 6, 1.5], far: [0, 0, width, height, 16, 4] }[level];
    bar.replaceChildren(...(isSource ? [] : computeBar(now.counts, at[2] + at[5], at[4]).map(([code, x, own]) =>
      svgElement('rect', { class: `s-${STATUSES[code].name}`, x: at[0] + x, y: at[1], width: own - at[5], height: at[3] }))));
  }
  return { node, update };
}
