// The data of a partition, and its history.

import { element } from '../shared/elements.js';
import { makeFileLink } from '../shared/files.js';
import { makeImages } from '../shared/images.js';
import { makeCodeLine } from '../shared/outcome.js';
import { makeGlyph } from '../shared/statuses.js';
import { formatBytes, formatDuration, formatTime, shorten } from '../shared/format.js';

/** @import { RunSummaryJson, DataJson, ExplorerContract, MaterializationJson, PanelJson } from '../generated/messages.js' */
/** @import { Link, Section } from '../shared/types.js' */

/** @param {DataJson} data */
function makeDataTable({ columns, types, rows }) {
  const head = element('tr', {}, ...columns.map((name, i) => element('th', { scope: 'col' }, name, element('small', { text: types[i] || '' }))));
  const lines = rows.map((row) => element('tr', {}, ...row.map((text) => element('td', { text }))));
  return element('div', { class: 'nbpart-table', tabindex: '0', role: 'region', 'aria-label': 'First rows' },
    element('table', {}, element('thead', {}, head), element('tbody', {}, ...lines)));
}

/**
 * The data of a partition, as it is now or as a run left it, and its files.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Section} section
 */
export function makeDataView(link, section) {
  const images = makeImages();
  let shown = '';

  /**
   * @param {PanelJson} panel
   * @param {string | null} file
   */
  async function preview(panel, file) {
    const { number } = panel.selection;
    const answer = await link.request('preview_data', { selection_number: number, run_id: panel.opened_run_id, file });
    if (answer.kind === 'image' && answer.buffers.length) return { answer, node: images.make(answer.buffers[0], file || 'The figure') };
    if (answer.kind === 'table') return { answer, node: makeDataTable(answer) };
    return { answer, node: element('pre', { class: 'nbpart-text', tabindex: '0', 'aria-label': 'Data', text: answer.text }) };
  }

  /**
   * @param {PanelJson} panel
   * @param {MaterializationJson} made
   */
  async function read(panel, made) {
    const own = shown;
    const parts = [];
    try {
      const { answer, node } = await preview(panel, null);
      parts.push(element('p', { class: 'nbpart-faint', text: answer.message }), node, panel.opened_run_id ? makeCodeLine(answer.code) : '');
      const figures = made.files.filter(({ name, format }) => name && format === 'figure').slice(0, 6);
      for (const { name } of figures) {
        const figure = await preview(panel, name);
        parts.push(element('figure', {}, figure.node, element('figcaption', { text: name })));
      }
    } catch (error) {
      parts.push(element('p', { class: 'nbpart-error', text: error.message }));
    }
    if (own !== shown) return;
    const others = made.files.filter(({ name, format }) => name && format !== 'figure');
    section.body.replaceChildren(...parts, ...others.map(({ name, bytes, path }) =>
      element('div', { class: 'nbpart-row' }, makeFileLink(path, link.state.home, name), element('span', { class: 'nbpart-faint', text: bytes === null ? '' : formatBytes(bytes) }))));
  }

  return {
    /** @param {PanelJson} panel */
    show(panel) {
      const { partition, run, opened_run_id: opened } = panel;
      const made = partition && (opened ? run && run.materialization : partition.materialization);
      section.show(Boolean(made));
      const key = made ? JSON.stringify([panel.selection.number, opened, made.materialized_at, made.run_id]) : '';
      if (key === shown || (key && !section.isOpen())) return;
      shown = key;
      images.release();
      section.body.replaceChildren(element('p', { class: 'nbpart-faint', text: 'Reading …' }));
      if (made) read(panel, made);
    },
    close: images.release,
  };
}

/**
 * The runs of a partition, newest first; each opens what it left.
 *
 * @param {Section} section
 * @param {(id: string) => void} open
 */
export function makeHistoryView(section, open) {
  const list = element('ul', { class: 'nbpart-list' });
  section.body.append(list);
  /** @type {(brief: RunSummaryJson, current: string | null, opened: string | null) => HTMLElement} */
  const line = (brief, current, opened) => {
    const took = brief.duration_s === null ? '' : ` · ${formatDuration(brief.duration_s)}`;
    const attempt = brief.attempt > 1 ? ` · attempt ${brief.attempt}` : '';
    const button = element('button', { type: 'button', class: 'nbpart-run', 'aria-pressed': String(brief.id === opened), title: brief.id, 'data-run': brief.id, onclick: () => open(brief.id) },
      makeGlyph(brief.status), `${brief.started_at ? formatTime(brief.started_at) : brief.status}${took}${attempt}`,
      brief.id === current ? element('span', { class: 'nbpart-faint', text: ' now' }) : null);
    return element('li', {}, button, brief.error ? element('div', { class: 'nbpart-error-text', text: shorten(brief.error.split('\n')[0], 120) }) : null);
  };
  return {
    /** @param {PanelJson} panel */
    show(panel) {
      const { partition, opened_run_id: opened } = panel;
      section.show(Boolean(partition && partition.runs.length));
      if (!partition) return;
      section.setNote(String(partition.runs.length));
      const { activeElement } = document;
      const focused = activeElement instanceof HTMLElement && list.contains(activeElement) ? activeElement.dataset.run : null;
      list.replaceChildren(...partition.runs.map((brief) => line(brief, partition.run_id, opened)));
      /** @type {HTMLElement | null} */
      const again = focused ? list.querySelector(`[data-run="${CSS.escape(focused)}"]`) : null;
      again?.focus();
    },
  };
}
