// Parts of a page that fold.

import { element } from './elements.js';

/** @import { Section } from './types.js' */

/**
 * A part of the page that folds; what a person folded stays so.
 *
 * @param {string} title
 * @param {{ open?: boolean; onopen?: () => void }} [options]
 * @returns {Section}
 */
export function makeSection(title, { open = true, onopen = () => {} } = {}) {
  const summary = element('summary', {}, element('span', { text: title }));
  const more = element('span', { class: 'nbpart-faint' });
  summary.append(more);
  const body = element('div', { class: 'nbpart-section-body' });
  const node = element('details', { class: 'nbpart-section', open }, summary, body);
  let touched = false;
  summary.addEventListener('click', () => (touched = true));
  node.addEventListener('toggle', () => node.open && onopen());
  return {
    node, body, isOpen: () => node.open && !node.hidden,
    show: (visible) => void (node.hidden = !visible),
    setNote: (text) => void (more.textContent = text),
    suggestOpen: (yes) => {
      if (!touched) node.open = yes;
    },
  };
}
