// A live backfill: bar, counts, rate, time left, what runs, what failed. Drawn from MonitorModel.to_json().

const MOST_RUNNING = 8;

const stepLook = (status) => NBPART.steps[status] || { like: 'missing', glyph: '○' };
const placeOf = (step) => (step.key === null ? step.asset : `${step.asset} / ${step.key}`);

/** Widths of the steps in percent: whatever there is can be seen. */
function stepParts(counts, total) {
  const there = counts.filter(([, n]) => n > 0);
  const raised = there.map(([status, n]) => [status, n, Math.max(n / total, 0.006)]);
  const sum = raised.reduce((all, [, , part]) => all + part, 0);
  return raised.map(([status, n, part]) => [status, n, (part / sum) * 100]);
}

/** "12.5 a second", or "4 a minute" where it is slow. */
function rateText(rate) {
  if (rate >= 1) return `${rate.toFixed(1)} a second`;
  const aMinute = rate * 60;
  return aMinute >= 1 ? `${aMinute.toFixed(aMinute < 10 ? 1 : 0)} a minute` : `${(aMinute * 60).toFixed(1)} an hour`;
}

function drawMonitor(link, root) {
  let takenAt = performance.now();
  let asking = false;

  const sign = make('span', { class: 'nbpart-glyph' });
  const status = make('b');
  const title = make('span', { class: 'nbpart-title' });
  const place = make('span', { class: 'nbpart-faint' });
  const bar = make('div', { class: 'nbpart-steps', role: 'progressbar', 'aria-label': 'Steps with an outcome', 'aria-valuemin': '0' });
  const legend = make('div', { class: 'nbpart-legend' });
  const facts = make('div', { class: 'nbpart-facts' });
  const result = outcome();
  const button = (text, action) => make('button', { type: 'button', text, onclick: () => ask(action) });
  const buttons = { cancel: button('Cancel', 'cancel'), retry_failed: button('Retry failed', 'retry_failed'), resume: button('Resume', 'resume') };
  const back = make('button', { type: 'button', onclick: () => ask('show', { backfill_id: link.state.backfill.earlier }) });
  const running = make('ul', { class: 'nbpart-list' });
  const failures = make('ul', { class: 'nbpart-list', tabindex: '0', 'aria-label': 'Failures, the newest first' });
  const runningBox = make('section', null, make('h4'), running);
  const failureBox = make('section', null, make('h4'), failures);
  root.classList.add('nbpart-monitor');
  root.append(
    make('div', { class: 'nbpart-bar' }, sign, status, title, make('span', { class: 'nbpart-space' }), back, ...Object.values(buttons)),
    bar, legend, facts, result.node, make('div', { class: 'nbpart-columns' }, runningBox, failureBox), place);
  const say = announcer(root, 5000);

  async function ask(action, payload = {}) {
    asking = true;
    drawButtons();
    try {
      result.show(await link.request(action, payload, { timeout: 60000 }));
    } catch (error) {
      result.fail(error);
    } finally {
      asking = false;
      drawButtons();
    }
  }

  function drawButtons() {
    const { may, earlier, waiting } = link.state.backfill;
    for (const [action, node] of Object.entries(buttons)) setAll(node, { disabled: asking, hidden: !may[action] });
    if (waiting) buttons.resume.hidden = false;
    buttons.retry_failed.textContent = `Retry failed (${plural(may.retry_failed, 'step')})`;
    buttons.resume.textContent = waiting ? 'Begin' : `Resume (${plural(may.resume, 'step')})`;
    back.hidden = !earlier;
    back.textContent = `← ${earlier || ''}`;
  }

  function drawHead(now) {
    const look = stepLook(now.status);
    sign.className = `nbpart-glyph s-${look.like}`;
    sign.textContent = look.glyph;
    status.textContent = now.status;
    title.replaceChildren(make('code', { text: now.id }), ` ${now.selection}`);
    place.textContent = now.where ? `${now.going ? 'Runs' : 'Ran'} in ${now.where}` : '';
  }

  function drawBar(now) {
    const total = now.counts.reduce((sum, [, n]) => sum + n, 0);
    bar.replaceChildren(...stepParts(now.counts, total || 1).map(([name, n, percent]) => {
      const part = make('i', { class: `s-${stepLook(name).like} nbpart-step-${name}`, title: `${count(n)} ${name}` });
      part.style.width = `${percent}%`;
      return part;
    }));
    setAll(bar, { 'aria-valuemax': total, 'aria-valuenow': now.done, 'aria-valuetext': `${count(now.done)} of ${count(total)}` });
    legend.replaceChildren(...now.counts.filter(([, n]) => n).map(([name, n]) => {
      const { like, glyph } = stepLook(name);
      return make('span', { class: `s-${like}` }, make('span', { class: `nbpart-glyph s-${like}`, text: glyph }), `${count(n)} ${name}`);
    }));
  }

  /** The times go on by themselves between two patches. */
  function drawTimes() {
    const now = link.state.backfill;
    const since = now.going ? (performance.now() - takenAt) / 1000 : 0;
    if (now.waiting) return void (facts.textContent = now.waiting);
    const parts = [`${count(now.done)} of ${count(now.steps)} steps`, now.going ? `${span(now.elapsed_s + since)} so far` : `took ${span(now.elapsed_s)}`];
    const goesOn = now.going && now.status !== 'cancelling';
    if (goesOn && now.rate) parts.push(rateText(now.rate));
    if (goesOn) parts.push(now.left_s === null ? 'time left unknown yet' : `about ${span(Math.max(0, now.left_s - since))} left`);
    facts.textContent = parts.join(' · ');
    running.querySelectorAll('[data-for]').forEach((node) => (node.textContent = span(Number(node.dataset.for) + since)));
  }

  function drawRunning(now) {
    const n = (now.counts.find(([name]) => name === 'running') || [0, 0])[1];
    runningBox.hidden = !now.running.length;
    runningBox.firstChild.textContent = `Running (${count(n)})`;
    running.replaceChildren(...now.running.slice(0, MOST_RUNNING).map((step) => make('li', { class: 'nbpart-row s-running' },
      make('span', { class: 'nbpart-glyph s-running', text: '▶' }), make('span', { class: 'nbpart-where', text: shorten(placeOf(step), 60), title: `${placeOf(step)}${step.run ? `\nrun ${step.run}` : ''}` }),
      step.for_s === null ? null : make('span', { class: 'nbpart-faint', 'data-for': step.for_s, text: span(step.for_s) }))));
    if (n > MOST_RUNNING) running.append(make('li', { class: 'nbpart-faint', text: `and ${count(n - MOST_RUNNING)} more` }));
  }

  function drawFailures(now) {
    const n = (now.counts.find(([name]) => name === 'failed') || [0, 0])[1];
    failureBox.hidden = !now.failures.length;
    failureBox.firstChild.textContent = `Failed (${count(n)})${n > now.failures.length ? `, the newest ${now.failures.length}` : ''}`;
    failures.replaceChildren(...now.failures.map((step) => make('li', { class: 's-failed' },
      make('div', { class: 'nbpart-row' }, make('span', { class: 'nbpart-glyph s-failed', text: '✕' }),
        make('span', { class: 'nbpart-where', text: shorten(placeOf(step), 60), title: `${placeOf(step)}${step.run ? `\nrun ${step.run}` : ''}` }),
        step.notebook ? fileLink(step.notebook, link.state.home, 'executed notebook') : null),
      make('div', { class: 'nbpart-why', text: step.error || 'no error was recorded' }),
      step.code ? codeLine(step.code) : null)));
  }

  function drawAll(kind, changed) {
    takenAt = performance.now();
    const now = link.state.backfill;
    const has = (...names) => !changed || names.some((name) => name in changed);
    drawHead(now);
    drawBar(now);
    if (has('running', 'counts')) drawRunning(now);
    if (has('failures', 'counts')) drawFailures(now);
    drawButtons();
    drawTimes();
    const failed = now.counts.filter(([name, n]) => n && ['failed', 'blocked'].includes(name)).map(([name, n]) => `${count(n)} ${name}`);
    say([`Backfill ${now.status}: ${count(now.done)} of ${count(now.steps)} steps`, ...failed].join(', '));
  }

  const timer = setInterval(() => link.state.backfill.going && root.isConnected && drawTimes(), 1000);
  const stopListening = link.listen(drawAll);
  drawAll('whole', null);
  return () => {
    clearInterval(timer);
    stopListening();
  };
}

export default widget({
  reduce: (state, kind, payload) => ({ ...state, backfill: { ...state.backfill, ...payload } }),
  draw: drawMonitor,
});
