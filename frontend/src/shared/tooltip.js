// A tooltip beside the pointer, or beside what has the focus.

import { element } from './elements.js';

/**
 * `show` places it near (x, y) within a box of that size: below, or above where it does not fit; `above` is the height
 * in pixels that stays free there. `hide()` hides it.
 */
export function makeTooltip() {
  const node = element('div', { class: 'nbpart-tooltip', hidden: true });
  /** @type {(x: number, y: number, box: { width: number, height: number }, title: string, lines: string[], above?: number) => void} */
  const show = (x, y, { width, height }, title, lines, above = 0) => {
    node.replaceChildren(element('b', { text: title }), ...lines.map((text) => element('div', { text })));
    node.hidden = false;
    const fits = y + 16 + node.offsetHeight <= height;
    node.style.left = `${Math.max(0, Math.min(x + 14, width - node.offsetWidth - 4))}px`;
    node.style.top = `${fits ? y + 16 : Math.max(0, y - above - node.offsetHeight - 10)}px`;
  };
  return { node, show, hide: () => void (node.hidden = true) };
}
