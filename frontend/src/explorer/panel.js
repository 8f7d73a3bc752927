// The explorer's panel: what is selected in the graph or the heatmap beside it.

import { DISPLAY_ORDER, STATUSES } from '../generated/constants.js';
import { element, setAttributes } from '../shared/elements.js';
import { makeCodeLine, makeOutcome } from '../shared/outcome.js';
import { makeAnnouncer } from '../shared/page.js';
import { makeGlyph } from '../shared/statuses.js';
import { formatCount, formatTime, shorten } from '../shared/words.js';
import { makeAddForm } from './adding.js';
import { makeBackfillList } from './backfills.js';
import { makeDataView, makeHistoryView, makeNotebookView } from './data.js';
import { collectFacts, makeFactList, makeFoldable } from './facts.js';
import { makeRefreshBar, makeRemoveForm, makeRunForm } from './forms.js';
import { makeLogView } from './log.js';

/** @import { ExplorerContract, PanelJson } from '../generated/messages.js' */
/** @import { Link } from '../shared/types.js' */

/**
 * @param {Link<ExplorerContract>} link
 * @param {HTMLElement} root
 */
export function drawPanel(link, root) {
  root.classList.add('nbpart-panel');
  setAttributes(root, { role: 'region', 'aria-label': 'Selected partitions' });
  const say = makeAnnouncer(root, 1500);

  const title = element('h3');
  const clear = element('button', { type: 'button', text: '✕', title: 'Select nothing', 'aria-label': 'Select nothing', onclick: () => link.request('clear').catch(() => {}) });
  const key = element('div', { class: 'nbpart-key' });
  const status = element('div', { class: 'nbpart-status' });
  const then = element('div', { class: 'nbpart-then', hidden: true });
  const trouble = element('div', { class: 'nbpart-error', role: 'alert' });
  const legend = element('div', { class: 'nbpart-legend' });
  const facts = element('div');
  const code = element('div');
  const empty = element('p', { class: 'nbpart-faint', text: 'Nothing to look at yet. Register an asset with the lines beside this; it appears here at once.' });
  const reason = makeFoldable('Error');
  const trace = element('pre', { class: 'nbpart-log', tabindex: '0', 'aria-label': 'Traceback' });
  reason.body.append(trace);
  const runs = makeRunForm(link, makeOutcome());
  const refresh = makeRefreshBar(link, makeOutcome());
  const gone = makeOutcome();
  const removal = makeRemoveForm(link, gone);
  const backfills = makeBackfillList(link);

  const logFold = makeFoldable('Log', { onopen: () => log.read() });
  const log = makeLogView(link, logFold);
  const dataFold = makeFoldable('Data', { onopen: () => data.show(link.state.panel) });
  const data = makeDataView(link, dataFold);
  const bookFold = makeFoldable('Executed notebook');
  const book = makeNotebookView(link, bookFold);
  const historyFold = makeFoldable('History');
  const history = makeHistoryView(historyFold, (id) => open(id));
  const addFold = makeFoldable('Add partitions', { open: false });
  const adding = makeAddForm(link, addFold, makeOutcome());

  root.append(refresh.node, backfills.node, element('div', { class: 'nbpart-head' }, element('div', { class: 'nbpart-bar' }, title, element('span', { class: 'nbpart-space' }), clear), key, status, then, trouble),
    empty, legend, facts, code, reason.node, runs.node, removal.node, gone.node, logFold.node, dataFold.node, bookFold.node, historyFold.node, addFold.node);

  /** @type {Map<string, string>} */
  const shown = new Map();

  /**
   * Whether a part of the state is not what was drawn last.
   *
   * @param {string} name
   * @param {...unknown} parts
   */
  function isNew(name, ...parts) {
    const text = JSON.stringify(parts);
    if (shown.get(name) === text) return false;
    shown.set(name, text);
    return true;
  }

  /** @param {string | null} id */
  async function open(id) {
    try {
      const { message } = await link.request('open_run', { run_id: id === link.state.panel.opened ? null : id });
      say(message);
    } catch (error) {
      trouble.textContent = `✕ ${error.message}`;
    }
  }

  /** @param {PanelJson} panel */
  function drawHead({ chosen, partition, run, opened, loading, assets }) {
    title.textContent = chosen.title;
    clear.hidden = chosen.kind === 'all';
    key.textContent = chosen.key ?? '';
    key.hidden = chosen.key === null;
    status.hidden = !partition;
    if (partition) status.replaceChildren(makeGlyph(partition.status), partition.status);
    then.hidden = !opened;
    if (opened) then.replaceChildren(`As run ${opened} left it${run && run.started_at ? `, ${formatTime(run.started_at)}` : ''}. `, element('button', { type: 'button', text: 'Back to now', onclick: () => open(opened) }));
    empty.hidden = assets > 0;
    facts.hidden = !partition;
    root.toggleAttribute('data-loading', loading);
    root.dataset.number = String(chosen.number);
  }

  /** @param {PanelJson} panel */
  function drawCounts({ chosen }) {
    legend.hidden = chosen.kind === 'partition';
    const there = DISPLAY_ORDER.filter((place) => chosen.counts[place]);
    legend.replaceChildren(...there.map((place) => {
      const { name } = STATUSES[place];
      return element('span', { class: `s-${name}` }, makeGlyph(name), `${formatCount(chosen.counts[place])} ${name}`);
    }));
    // of some keys that were selected there are some
    const isWhole = ['all', 'assets'].includes(chosen.kind);
    if (!there.length && isWhole && link.state.panel.assets) legend.textContent = chosen.set ? `${chosen.set} has no keys yet.` : 'No partitions yet.';
  }

  /** @param {PanelJson} panel */
  function drawPartition({ partition, run, opened }) {
    if (!partition) {
      facts.replaceChildren();
      code.replaceChildren();
      reason.show(false);
      return;
    }
    const rows = collectFacts(partition, run, opened);
    facts.replaceChildren(rows.length ? makeFactList(rows) : element('p', { class: 'nbpart-faint', text: 'It was never run.' }));
    const line = opened && run ? run.code : partition.made ? partition.code : run ? run.code : '';
    code.replaceChildren(line ? makeCodeLine(line) : '');
    const text = run && run.status !== 'succeeded' ? run.traceback || run.error : '';
    reason.show(Boolean(text));
    reason.tell(run && run.error && run.traceback ? shorten(run.error.split('\n')[0], 60) : '');
    trace.textContent = text || '';
    trace.scrollTop = trace.scrollHeight;
  }

  function drawAll() {
    const { panel } = link.state;
    const { chosen, partition, run, opened, sets } = panel;
    const another = isNew('number', chosen.number);
    if (another) runs.turnTo(chosen);
    if (another && chosen.number) gone.clear();
    drawHead(panel);
    if (isNew('counts', chosen, panel.assets)) drawCounts(panel);
    if (isNew('partition', partition, run, opened)) drawPartition(panel);
    trouble.textContent = panel.trouble ? `✕ ${panel.trouble}` : '';
    runs.node.hidden = !panel.assets;
    refresh.node.hidden = !panel.assets;
    refresh.show();
    if (isNew('removal', chosen.number, chosen.set, sets)) removal.show(panel);
    backfills.show(panel);
    // what a person reads is not folded when the run ends
    if (isNew('fold', chosen.number, run && run.id)) logFold.suggest(Boolean(run && (run.live || (run.status !== 'succeeded' && !run.traceback))));
    log.show(partition ? run : null);
    data.show(panel);
    if (isNew('book', run)) book.show(partition ? run : null);
    if (isNew('history', partition && partition.runs, partition && partition.run, opened)) history.show(panel);
    adding.show(panel);
    if (isNew('told', chosen.number, partition && partition.status)) {
      say([chosen.title, chosen.key, partition ? partition.status : legend.textContent].filter(Boolean).join(' · '));
    }
  }

  const stopListening = link.listen(drawAll);
  drawAll();
  return () => {
    stopListening();
    [log, data, book, adding, refresh].forEach((part) => part.close());
  };
}
