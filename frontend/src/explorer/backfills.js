// The backfills in the panel.

import { RETRYABLE } from '../generated/constants.js';
import { element, setAttributes } from '../shared/elements.js';
import { makeOutcome } from '../shared/outcome.js';
import { makeGlyph, markOf } from '../shared/statuses.js';
import { formatCount, formatDuration, plural, shorten } from '../shared/words.js';
import { act } from './forms.js';

/** The backfills that go on, wait to be begun or were cut off, and those that ended since; each with its bar. */
export function makeBackfillList(link) {
  const list = element('div', { class: 'nbpart-backfills' });
  const result = makeOutcome();
  const node = element('div', { hidden: true, role: 'group', 'aria-label': 'Backfills' }, list, result.node);
  const rows = new Map();

  function row(id) {
    const sign = element('span');
    const told = element('span', { class: 'nbpart-where' });
    const bar = element('div', { class: 'nbpart-steps', role: 'progressbar', 'aria-valuemin': '0' });
    const button = (text, action) => element('button', { type: 'button', text, onclick: () => act(link, node, result, action, { backfill_id: id }) });
    const cancel = button('Cancel', 'cancel');
    const retry = button('Retry failed', 'retry_failed');
    const resume = button('Resume', 'resume');
    const box = element('div', { class: 'nbpart-backfill', title: id }, element('div', { class: 'nbpart-row' }, sign, told, element('span', { class: 'nbpart-space' }), resume, cancel, retry), bar);
    return { box, update: (one) => update(one, { sign, told, bar, cancel, retry, resume }) };
  }

  function update(one, { sign, told, bar, cancel, retry, resume }) {
    sign.replaceChildren(makeGlyph(one.status));
    const bad = one.counts.filter(([name, n]) => n && RETRYABLE.includes(name)).map(([name, n]) => `${formatCount(n)} ${name}`);
    const left = one.going && one.left_s !== null ? `about ${formatDuration(one.left_s)} left` : '';
    const stands = one.waiting || `${formatCount(one.done)} of ${formatCount(one.steps)}`;
    told.textContent = [`${shorten(one.selection, 40)} ${one.status}: ${stands}`, ...bad, left].filter(Boolean).join(', ');
    const total = one.counts.reduce((sum, [, n]) => sum + n, 0) || 1;
    bar.replaceChildren(...one.counts.filter(([, n]) => n).map(([name, n]) => {
      const part = element('i', { class: `s-${markOf(name).like} nbpart-step-${name}`, title: `${formatCount(n)} ${name}` });
      part.style.flex = `${n / total} 0 5px`;
      return part;
    }));
    setAttributes(bar, { 'aria-valuemax': one.steps, 'aria-valuenow': one.done, 'aria-label': `Steps of ${one.selection} with an makeOutcome` });
    bar.hidden = Boolean(one.waiting);
    cancel.hidden = !one.may.cancel;
    retry.hidden = !one.may.retry_failed;
    resume.hidden = !(one.waiting || one.may.resume);
    resume.textContent = one.waiting ? 'Begin' : 'Resume';
    resume.title = one.waiting ? 'Plan it and run it in this process' : `Go on with ${plural(one.may.resume, 'step')}`;
  }

  return {
    node,
    show({ backfills }) {
      node.hidden = !backfills.length;
      const ids = backfills.map(({ id }) => id);
      for (const id of rows.keys()) if (!ids.includes(id)) rows.delete(id);
      for (const one of backfills) {
        if (!rows.has(one.id)) rows.set(one.id, row(one.id));
        rows.get(one.id).update(one);
      }
      const boxes = ids.map((id) => rows.get(id).box);
      if (boxes.some((box, i) => list.children[i] !== box) || list.children.length !== boxes.length) list.replaceChildren(...boxes);
    },
  };
}
