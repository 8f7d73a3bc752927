// The executed notebook of a run.

import { element } from './elements.js';
import { findServedPath, makeFileLink } from './files.js';
import { plural } from './format.js';
import { makeImages } from './images.js';

/** @import { CellJson } from '../generated/messages.js' */
/** @import { ImageUrls, NotebookRun, RunLink, Section } from './types.js' */

/**
 * The executed notebook: a link where JupyterLab can open it, and its cells as text and pictures.
 *
 * @param {RunLink} link
 * @param {Section} section
 * @param {{ isEager?: boolean }} [options] whether the cells are shown without a click
 */
export function makeNotebookView(link, section, { isEager = false } = {}) {
  const images = makeImages();
  const place = element('span');
  const show = element('button', { type: 'button', text: 'Show it here', onclick: () => read() });
  const cells = element('div', { class: 'nbpart-cells', tabindex: '0', role: 'group', 'aria-label': 'Cells of the executed notebook' });
  section.body.append(element('div', { class: 'nbpart-row' }, place, show), cells);
  /** @type {NotebookRun | null} */
  let shown = null;

  async function read() {
    const own = shown;
    if (!own) return;
    show.disabled = true;
    try {
      const answer = await link.request('read_executed_notebook', { run_id: own.id });
      if (own !== shown) return;
      images.release();
      cells.replaceChildren(...answer.cells.map((cell) => makeExecutedCell(cell, answer.buffers, images)));
      if (answer.omitted_cells) cells.append(element('p', { class: 'nbpart-faint', text: `and ${plural(answer.omitted_cells, 'more cell')}` }));
      show.hidden = true;
    } catch (error) {
      if (own === shown) cells.replaceChildren(element('p', { class: 'nbpart-error', text: error.message }));
    } finally {
      show.disabled = false;
    }
  }

  return {
    /** @param {NotebookRun | null} run */
    show(run) {
      const notebook = run && run.notebook;
      section.show(Boolean(notebook));
      const before = shown;
      shown = notebook ? run : null;
      if (!run || !notebook) return;
      if (before && before.id === run.id && before.attempt === run.attempt && before.status === run.status) return;
      images.release();
      cells.replaceChildren();
      show.hidden = false;
      place.replaceChildren(makeFileLink(notebook, link.state.home, 'Open in a tab'));
      if ((isEager || findServedPath(notebook, link.state.home) === null) && !run.is_live) read();
    },
    close: images.release,
  };
}

/**
 * @param {CellJson} cell
 * @param {DataView[]} buffers
 * @param {ImageUrls} images
 */
function makeExecutedCell({ kind, source, outputs }, buffers, images) {
  const shown = outputs.map((output) => (output.image === undefined
    ? element('pre', { class: 'nbpart-text', text: output.text }) : images.make(buffers[output.image], 'Output')));
  return element('div', { class: `nbpart-cell is-${kind === 'code' ? 'code' : 'text'}` }, element('pre', { class: 'nbpart-source', text: source }), ...shown);
}
