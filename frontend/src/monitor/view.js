// A view of the monitor of a backfill: bar, counts, rate, time left, running steps, failures.

import { UNSOUND_GLYPH, UNSOUND_WORDS } from '../generated/constants.js';
import { element, setAttributes } from '../shared/elements.js';
import { makeFileLink } from '../shared/files.js';
import { makeCodeLine, makeOutcome } from '../shared/outcome.js';
import { makeAnnouncer } from '../shared/page.js';
import { isRetryable, makeGlyph, markOf } from '../shared/statuses.js';
import { formatCount, formatDuration, plural, shorten } from '../shared/format.js';
import { computeStepWidths, formatRate } from './numbers.js';

/** @import { FailureJson, MonitorContract, MonitorJson, MonitorViewJson, RunningJson } from '../generated/messages.js' */
/** @import { Change, Link } from '../shared/types.js' */

const MAX_RUNNING = 8;

/** @param {RunningJson | FailureJson} step */
const placeOf = (step) => (step.key === null ? step.asset : `${step.asset} / ${step.key}`);

/**
 * @param {Link<MonitorContract>} link
 * @param {HTMLElement} root
 */
export function drawMonitor(link, root) {
  let updatedAt = performance.now();
  let isAsking = false;

  const statusGlyph = element('span', { class: 'nbpart-glyph' });
  const status = element('b');
  const title = element('span', { class: 'nbpart-title' });
  const place = element('span', { class: 'nbpart-faint' });
  const bar = element('div', { class: 'nbpart-steps', role: 'progressbar', 'aria-label': 'Steps with an outcome', 'aria-valuemin': '0' });
  const legend = element('div', { class: 'nbpart-legend' });
  const facts = element('div', { class: 'nbpart-facts' });
  const result = makeOutcome();
  /** @type {(text: string, action: 'cancel' | 'retry_failed' | 'resume') => HTMLElement} */
  const button = (text, action) => element('button', { type: 'button', text, onclick: () => runAction(action, {}) });
  const buttons = { cancel: button('Cancel', 'cancel'), retry_failed: button('Retry failed', 'retry_failed'), resume: button('Resume', 'resume') };
  const backButton = element('button', { type: 'button', onclick: () => runAction('show', { backfill_id: link.state.backfill.previous_backfill_id ?? '' }) });
  const running = element('ul', { class: 'nbpart-list' });
  const failures = element('ul', { class: 'nbpart-list', tabindex: '0', 'aria-label': 'Failures, the newest first' });
  const [runningTitle, failureTitle] = [element('h4'), element('h4')];
  const runningBox = element('section', null, runningTitle, running);
  const failureBox = element('section', null, failureTitle, failures);
  root.classList.add('nbpart-monitor');
  root.append(
    element('div', { class: 'nbpart-bar' }, statusGlyph, status, title, element('span', { class: 'nbpart-spacer' }), backButton, ...Object.values(buttons)),
    bar, legend, facts, result.node, element('div', { class: 'nbpart-columns' }, runningBox, failureBox), place);
  const announce = makeAnnouncer(root, 5000);

  /**
   * @template {keyof MonitorContract['requests']} A
   * @param {A} action
   * @param {MonitorContract['requests'][A]} payload
   */
  async function runAction(action, payload) {
    isAsking = true;
    drawButtons();
    try {
      result.show(await link.request(action, payload, { timeout: 60000 }));
    } catch (error) {
      result.fail(error);
    } finally {
      isAsking = false;
      drawButtons();
    }
  }

  function drawButtons() {
    const { allowed, previous_backfill_id: previous, waiting_for: waitingFor } = link.state.backfill;
    setAttributes(buttons.cancel, { disabled: isAsking, hidden: !allowed.cancel });
    setAttributes(buttons.retry_failed, { disabled: isAsking, hidden: !allowed.retry_failed });
    setAttributes(buttons.resume, { disabled: isAsking, hidden: !allowed.resume });
    if (waitingFor) buttons.resume.hidden = false;
    buttons.retry_failed.textContent = `Retry failed (${plural(allowed.retry_failed, 'step')})`;
    buttons.resume.textContent = waitingFor ? 'Begin' : `Resume (${plural(allowed.resume, 'step')})`;
    backButton.hidden = !previous;
    backButton.textContent = `← ${previous || ''}`;
  }

  /** @param {MonitorJson} now */
  function drawHead(now) {
    const mark = markOf(now.status);
    statusGlyph.className = `nbpart-glyph s-${mark.colour}`;
    statusGlyph.textContent = mark.glyph;
    status.textContent = now.status;
    title.replaceChildren(element('code', { text: now.id }), ` ${now.selection}`);
    place.textContent = now.process ? `${now.is_active ? 'Runs' : 'Ran'} in ${now.process}` : '';
  }

  /** @param {MonitorJson} now */
  function drawBar(now) {
    const total = now.counts.reduce((sum, [, n]) => sum + n, 0);
    bar.replaceChildren(...computeStepWidths(now.counts, total || 1).map(([name, n, percent]) => {
      const part = element('i', { class: `s-${markOf(name).colour} nbpart-step-${name}`, title: `${formatCount(n)} ${name}` });
      part.style.width = `${percent}%`;
      return part;
    }));
    setAttributes(bar, { 'aria-valuemax': total, 'aria-valuenow': now.done, 'aria-valuetext': `${formatCount(now.done)} of ${formatCount(total)}` });
    legend.replaceChildren(...now.counts.filter(([, n]) => n).map(([name, n]) => {
      const { colour, glyph } = markOf(name);
      return element('span', { class: `s-${colour}` }, element('span', { class: `nbpart-glyph s-${colour}`, text: glyph }), `${formatCount(n)} ${name}`);
    }));
    if (now.unsound) legend.append(element('span', {}, element('span', { class: 'nbpart-glyph s-unsound', text: UNSOUND_GLYPH }), `${formatCount(now.unsound)} ${UNSOUND_WORDS}`));
  }

  /** The times go on by themselves between two patches. */
  function drawTimes() {
    const now = link.state.backfill;
    const since = now.is_active ? (performance.now() - updatedAt) / 1000 : 0;
    if (now.waiting_for) return void (facts.textContent = now.waiting_for);
    const parts = [`${formatCount(now.done)} of ${formatCount(now.steps)} steps`, now.is_active ? `${formatDuration(now.elapsed_s + since)} so far` : `took ${formatDuration(now.elapsed_s)}`];
    const goesOn = now.is_active && now.status !== 'cancelling';
    if (goesOn && now.steps_per_s) parts.push(formatRate(now.steps_per_s));
    if (goesOn) parts.push(now.remaining_s === null ? 'time left unknown yet' : `about ${formatDuration(Math.max(0, now.remaining_s - since))} left`);
    facts.textContent = parts.join(' · ');
    /** @type {NodeListOf<HTMLElement>} */
    const times = running.querySelectorAll('[data-for]');
    times.forEach((node) => (node.textContent = formatDuration(Number(node.dataset.for) + since)));
  }

  /** @param {MonitorJson} now */
  function drawRunning(now) {
    const n = (now.counts.find(([name]) => name === 'running') || [0, 0])[1];
    runningBox.hidden = !now.running.length;
    runningTitle.textContent = `Running (${formatCount(n)})`;
    running.replaceChildren(...now.running.slice(0, MAX_RUNNING).map((step) => element('li', { class: 'nbpart-row s-running' },
      makeGlyph('running'), element('span', { class: 'nbpart-step-name', text: shorten(placeOf(step), 60), title: `${placeOf(step)}${step.run_id ? `\nrun ${step.run_id}` : ''}` }),
      step.running_s === null ? null : element('span', { class: 'nbpart-faint', 'data-for': step.running_s, text: formatDuration(step.running_s) }))));
    if (n > MAX_RUNNING) running.append(element('li', { class: 'nbpart-faint', text: `and ${formatCount(n - MAX_RUNNING)} more` }));
  }

  /** @param {MonitorJson} now */
  function drawFailures(now) {
    const n = (now.counts.find(([name]) => name === 'failed') || [0, 0])[1];
    failureBox.hidden = !now.failures.length;
    failureTitle.textContent = `Failed (${formatCount(n)})${n > now.failures.length ? `, the newest ${now.failures.length}` : ''}`;
    failures.replaceChildren(...now.failures.map((step) => element('li', { class: 's-failed' },
      element('div', { class: 'nbpart-row' }, makeGlyph('failed'),
        element('span', { class: 'nbpart-step-name', text: shorten(placeOf(step), 60), title: `${placeOf(step)}${step.run_id ? `\nrun ${step.run_id}` : ''}` }),
        step.notebook ? makeFileLink(step.notebook, link.state.home, 'executed notebook') : null),
      element('div', { class: 'nbpart-error-text', text: step.error || 'no error was recorded' }),
      step.code ? makeCodeLine(step.code) : null)));
  }

  /** @param {Change<MonitorContract>} change */
  function drawAll(...[, changed]) {
    updatedAt = performance.now();
    const now = link.state.backfill;
    /** @param {(keyof MonitorViewJson)[]} names */
    const hasChanged = (...names) => !changed || names.some((name) => name in changed);
    drawHead(now);
    drawBar(now);
    if (hasChanged('running', 'counts')) drawRunning(now);
    if (hasChanged('failures', 'counts')) drawFailures(now);
    drawButtons();
    drawTimes();
    const failed = now.counts.filter(([name, n]) => n && isRetryable(name)).map(([name, n]) => `${formatCount(n)} ${name}`);
    announce([`Backfill ${now.status}: ${formatCount(now.done)} of ${formatCount(now.steps)} steps`, ...failed].join(', '));
  }

  const timer = setInterval(() => link.state.backfill.is_active && root.isConnected && drawTimes(), 1000);
  const stopListening = link.listen(drawAll);
  drawAll('snapshot', null);
  return () => {
    clearInterval(timer);
    stopListening();
  };
}
