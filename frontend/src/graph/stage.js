// The viewport of the graph: the visible part of the picture, changed by wheel and drag.

import { centreView, computeHeight, fitView, isInside, levelOf, zoomView } from './viewport.js';

/** @import { CardJson, GraphJson } from '../generated/messages.js' */
/** @import { Level, View } from './types.js' */

/**
 * `picture` is what is drawn now, `most` the greatest height in pixels; `onLevel` hears of every other level of detail.
 *
 * @param {SVGSVGElement} svg
 * @param {HTMLElement} root
 * @param {{ picture: () => GraphJson, most: () => number, onLevel: (level: Level) => void }} graph
 */
export function makeStage(svg, root, { picture, most, onLevel }) {
  /** @type {View} */
  let view = [0, 0, 1, 1];
  /** @type {Level} */
  let level = 'near';
  /** @type {{ x: number, y: number, view: View } | null} */
  let drag = null;

  const scale = () => Math.min(svg.clientWidth / view[2], svg.clientHeight / view[3]) || 1;

  /** @param {View} next */
  function show(next) {
    view = next;
    svg.setAttribute('viewBox', view.map((n) => n.toFixed(2)).join(' '));
    const now = levelOf(scale());
    root.dataset.level = now;
    if (now === level) return;
    level = now;
    onLevel(now);
  }

  function fit() {
    if (!picture().cards.length) return;
    const wide = Math.max(240, root.clientWidth || 800);
    const high = computeHeight(picture(), wide, most());
    svg.style.height = `${high}px`;
    show(fitView(picture(), wide, high));
  }

  /**
   * @param {number} factor
   * @param {number[]} [at]
   */
  function zoom(factor, at) {
    if (picture().cards.length) show(zoomView(view, scale(), factor, at));
  }

  /**
   * Show a card; `closer` also in its full detail, and in the middle.
   *
   * @param {CardJson} card
   * @param {boolean} [closer]
   */
  function bringIntoView(card, closer = false) {
    const size = picture().card;
    if (closer && level !== 'near') zoom(scale() / 0.9);
    if (closer || !isInside(view, card, size)) show(centreView(view, card, size));
  }

  /** @param {MouseEvent} event */
  function pointOf(event) {
    const box = svg.getBoundingClientRect();
    const k = scale();
    const [left, top] = [(box.width - view[2] * k) / 2, (box.height - view[3] * k) / 2];
    return [view[0] + (event.clientX - box.left - left) / k, view[1] + (event.clientY - box.top - top) / k];
  }

  svg.addEventListener('wheel', (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey) return; // the page scrolls
    event.preventDefault();
    zoom((event.deltaY || event.deltaX) > 0 ? 1.15 : 1 / 1.15, pointOf(event));
  }, { passive: false });
  svg.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || (event.target instanceof Element && event.target.closest('.nbpart-node'))) return;
    drag = { x: event.clientX, y: event.clientY, view: [...view] };
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener('pointermove', (event) => {
    if (!drag) return;
    const k = scale();
    show([drag.view[0] - (event.clientX - drag.x) / k, drag.view[1] - (event.clientY - drag.y) / k, view[2], view[3]]);
  });
  for (const end of ['pointerup', 'pointercancel']) svg.addEventListener(end, () => void (drag = null));

  return { fit, zoom, bringIntoView, level: () => level };
}
