// The module that anywidget loads: one link a model, and as many views of it as the page shows.

import { element } from './elements.js';
import { createLink } from './link.js';

/** @import { Contract, Link, Model, Reducer } from './types.js' */

/**
 * The module of a widget: one link a model, and `draw(link, root, model)` for each view; it returns a cleanup.
 *
 * @template {Contract} C
 * @template [State=C['state']]
 * @param {Reducer<C, State> & { draw: (link: Link<C, State>, root: HTMLElement, model: Model) => () => void }} widget
 */
export function defineWidget({ decode, reduce, draw }) {
  return () => {
    /** @type {Link<C, State>} */
    let link;
    return {
      /** @param {{ model: Model }} context */
      initialize({ model }) {
        link = createLink(model, { decode, reduce });
        return () => link.close();
      },
      /** @param {{ model: Model, el: HTMLElement }} context */
      render({ model, el }) {
        const root = element('div', { class: 'nbpart', 'data-lm-suppress-shortcuts': 'true' });
        el.appendChild(root);
        const showStatic = hideStatic(model.get('static_id'));
        const cleanup = draw(link, root, model);
        const reportClosed = reportView(link);
        return () => {
          reportClosed();
          showStatic();
          cleanup();
        };
      },
    };
  };
}

let views = 0;

/**
 * Tell Python that a view is open, and that it is closed when the returned function is called or the page is left.
 *
 * @param {Link<any, any>} link
 */
function reportView(link) {
  views += 1;
  const view = `${link.client}.v${views}`;
  /** @param {string} action */
  const send = (action) => link.request(action, { view }).catch(() => {}); // there may be no kernel any more
  const open = () => send('view_opened');
  const close = () => send('view_closed');
  addEventListener('pagehide', close);
  addEventListener('pageshow', open);
  open();
  return () => {
    removeEventListener('pagehide', close);
    removeEventListener('pageshow', open);
    close();
  };
}

/** @type {Map<string, { views: number, style: HTMLStyleElement }>} */
const hidden = new Map();

/**
 * Hide the static HTML beside the widget while a view is open; the rule also applies to elements that are added later.
 *
 * @param {string} staticId
 */
function hideStatic(staticId) {
  if (!/^[0-9a-f]+$/.test(staticId || '')) return () => {};
  const found = hidden.get(staticId) || { views: 0, style: element('style') };
  hidden.set(staticId, found);
  found.views += 1;
  const own = `.nbpart-static-${staticId}`;
  found.style.textContent = `${own}, .jp-OutputArea-child:has(${own}) { display: none !important; }`;
  document.head.appendChild(found.style);
  return () => {
    found.views -= 1;
    if (found.views > 0) return;
    found.style.remove();
    hidden.delete(staticId);
  };
}
