// The backfills in the panel.

import { element, setAttributes } from '../shared/elements.js';
import { makeOutcome } from '../shared/outcome.js';
import { isRetryable, makeGlyph, markOf } from '../shared/statuses.js';
import { formatCount, formatDuration, plural, shorten } from '../shared/format.js';
import { runAction } from '../shared/actions.js';

/** @import { Row } from './types.js' */
/** @import { BackfillJson, ExplorerContract, PanelJson } from '../generated/messages.js' */
/** @import { Link } from '../shared/types.js' */

/**
 * The backfills that backfillButton on, wait to be begun or were cut off, and those that ended since; each with its bar.
 *
 * @param {Link<ExplorerContract>} link
 */
export function makeBackfillList(link) {
  const list = element('div', { class: 'nbpart-backfills' });
  const result = makeOutcome();
  const node = element('div', { hidden: true, role: 'group', 'aria-label': 'Backfills' }, list, result.node);
  /** @type {Map<string, Row>} */
  const rows = new Map();

  /**
   * @param {string} id
   * @returns {Row}
   */
  function row(id) {
    const glyph = element('span');
    const summary = element('span', { class: 'nbpart-step-name' });
    const bar = element('div', { class: 'nbpart-steps', role: 'progressbar', 'aria-valuemin': '0' });
    /** @type {(text: string, action: 'cancel' | 'retry_failed' | 'resume') => HTMLButtonElement} */
    const button = (text, action) => element('button', { type: 'button', text, onclick: () => runAction(link, node, result, action, { backfill_id: id }) });
    const cancel = button('Cancel', 'cancel');
    const retry = button('Retry failed', 'retry_failed');
    const resume = button('Resume', 'resume');
    const box = element('div', { class: 'nbpart-backfill', title: id }, element('div', { class: 'nbpart-row' }, glyph, summary, element('span', { class: 'nbpart-spacer' }), resume, cancel, retry), bar);
    return { box, glyph, summary, bar, cancel, retry, resume };
  }

  /**
   * @param {BackfillJson} one
   * @param {Row} row
   */
  function update(one, { glyph, summary, bar, cancel, retry, resume }) {
    glyph.replaceChildren(makeGlyph(one.status));
    const bad = one.counts.filter(([name, n]) => n && isRetryable(name)).map(([name, n]) => `${formatCount(n)} ${name}`);
    const left = one.is_active && one.remaining_s !== null ? `about ${formatDuration(one.remaining_s)} left` : '';
    const stands = one.waiting_for || `${formatCount(one.done)} of ${formatCount(one.steps)}`;
    summary.textContent = [`${shorten(one.selection, 40)} ${one.status}: ${stands}`, ...bad, left].filter(Boolean).join(', ');
    const total = one.counts.reduce((sum, [, n]) => sum + n, 0) || 1;
    bar.replaceChildren(...one.counts.filter(([, n]) => n).map(([name, n]) => {
      const part = element('i', { class: `s-${markOf(name).colour} nbpart-step-${name}`, title: `${formatCount(n)} ${name}` });
      part.style.flex = `${n / total} 0 5px`;
      return part;
    }));
    setAttributes(bar, { 'aria-valuemax': one.steps, 'aria-valuenow': one.done, 'aria-label': `Steps of ${one.selection} with an outcome` });
    bar.hidden = Boolean(one.waiting_for);
    cancel.hidden = !one.allowed.cancel;
    retry.hidden = !one.allowed.retry_failed;
    resume.hidden = !(one.waiting_for || one.allowed.resume);
    resume.textContent = one.waiting_for ? 'Begin' : 'Resume';
    resume.title = one.waiting_for ? 'Plan it and run it in this process' : `Go on with ${plural(one.allowed.resume, 'step')}`;
  }

  return {
    node,
    /** @param {PanelJson} panel */
    show({ backfills }) {
      node.hidden = !backfills.length;
      const ids = new Set(backfills.map(({ id }) => id));
      for (const id of rows.keys()) if (!ids.has(id)) rows.delete(id);
      const boxes = backfills.map((one) => {
        const drawn = rows.get(one.id) ?? row(one.id);
        rows.set(one.id, drawn);
        update(one, drawn);
        return drawn.box;
      });
      if (boxes.some((box, i) => list.children[i] !== box) || list.children.length !== boxes.length) list.replaceChildren(...boxes);
    },
  };
}
