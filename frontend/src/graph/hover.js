// The tooltip of a card: its counts at once, and why partitions of it are not up to date as soon as Python says so.

import { setAttributes } from '../shared/elements.js';
import { makeTooltip } from '../shared/tooltip.js';
import { describeCard } from './cards.js';

/** @import { CardJson, GraphContract } from '../generated/messages.js' */
/** @import { Link } from '../shared/types.js' */

/** A card that the pointer only passes asks nothing. */
const WAIT_MS = 100;

/**
 * @param {Link<GraphContract>} link
 * @param {HTMLElement} root
 */
export function makeHover(link, root) {
  const tooltip = makeTooltip();
  root.append(tooltip.node);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {string | null} the card that is shown */
  let shown = null;

  /**
   * Show the tooltip of a card, beside its node.
   *
   * @param {CardJson} card
   * @param {SVGGElement} node
   */
  function show(card, node) {
    clearTimeout(timer);
    shown = card.name;
    draw(card, node, []);
    timer = setTimeout(async () => {
      const causes = await link.request('explain', { name: card.name, is_group: card.kind === 'group' }).then((answer) => answer.causes, () => []);
      if (shown !== card.name || !node.isConnected) return;
      draw(card, node, causes);
      setAttributes(node, { 'aria-description': causes.join('; ') || null });
    }, WAIT_MS);
  }

  /**
   * @param {CardJson} card
   * @param {SVGGElement} node
   * @param {string[]} causes
   */
  function draw(card, node, causes) {
    const [at, own] = [node.getBoundingClientRect(), root.getBoundingClientRect()];
    const within = (root.closest('.nbpart-explorer') ?? root).getBoundingClientRect();
    const box = { width: own.width, height: within.bottom - own.top };
    tooltip.show(at.left - own.left - 14, at.bottom - own.top - 10, box, describeCard(card), [...causes, card.description].filter(Boolean), at.height);
  }

  function hide() {
    clearTimeout(timer);
    shown = null;
    tooltip.hide();
  }

  return { show, hide, shown: () => shown };
}
