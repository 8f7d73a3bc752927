// What concerns the whole page: themes, keys, frames, and announcements to screen readers.

import { element } from './elements.js';

/**
 * Call when the theme changes; for what cannot be coloured by CSS alone.
 *
 * @param {() => void} callback
 */
export function onThemeChange(callback) {
  const observer = new MutationObserver(callback);
  observer.observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-light', 'data-jp-theme-name'] });
  const media = window.matchMedia('(prefers-color-scheme: dark)');
  media.addEventListener('change', callback);
  return () => {
    observer.disconnect();
    media.removeEventListener('change', callback);
  };
}

/**
 * The colour of a status in this theme, for a canvas; SVG and HTML use var(--nbpart-<status>).
 *
 * @param {Element} root
 * @param {string} status
 */
export const colourOf = (root, status) => getComputedStyle(root).getPropertyValue(`--nbpart-${status}`).trim();

/**
 * Handlers by key name (`Enter`, `ArrowLeft`, `+` …); a handled key goes no further.
 *
 * @param {HTMLElement | SVGSVGElement} node
 * @param {Record<string, (event: KeyboardEvent) => unknown>} handlers
 */
export function onKeys(node, handlers) {
  /** @param {KeyboardEvent} event */
  const listener = (event) => {
    const handler = event.ctrlKey || event.metaKey || event.altKey ? null : handlers[event.key];
    if (!handler || handler(event) === false) return;
    event.preventDefault();
    event.stopPropagation();
  };
  node.addEventListener('keydown', /** @type {EventListener} */ (listener));
}

/**
 * Let Enter do what it does in a field: JupyterLab's notebook refuses the line break of every field in an output.
 *
 * @param {HTMLInputElement | HTMLTextAreaElement} field
 * @param {() => void} [submit]
 */
export function onEnter(field, submit) {
  const newLine = () => field.setRangeText('\n', field.selectionStart ?? 0, field.selectionEnd ?? 0, 'end');
  onKeys(field, { Enter: (event) => (event.isComposing ? false : (submit || newLine)()) });
}

/**
 * A live region: returns a function that has a text read out, at most one every few seconds; of several only the newest.
 *
 * @param {Element} root
 * @param {number} [everyMs]
 * @returns {(text: string) => void}
 */
export function makeAnnouncer(root, everyMs = 4000) {
  const region = element('div', { class: 'nbpart-announcer', role: 'status', 'aria-live': 'polite' });
  root.appendChild(region);
  /** @type {string | null} */
  let next = null;
  /** @type {ReturnType<typeof setTimeout> | null} */
  let timer = null;
  const flush = () => {
    timer = null;
    if (next === null) return;
    region.textContent = next;
    next = null;
    timer = setTimeout(flush, everyMs);
  };
  return (text) => {
    next = text === region.textContent ? null : text;
    if (timer === null) flush();
  };
}

/**
 * Draw at most once a frame, however often it is asked for.
 *
 * @param {() => void} callback
 * @returns {() => void}
 */
export function onceAFrame(callback) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      callback();
    });
  };
}
