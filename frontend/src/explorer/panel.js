// The explorer's panel: what is selected in the graph or the heatmap beside it.

import { DISPLAY_ORDER, STATUSES } from '../generated/constants.js';
import { element, setAttributes } from '../shared/elements.js';
import { makeCodeLine, makeOutcome } from '../shared/outcome.js';
import { makeNotebookView } from '../shared/notebook.js';
import { makeAnnouncer } from '../shared/page.js';
import { makeSection } from '../shared/sections.js';
import { makeGlyph } from '../shared/statuses.js';
import { countStates, makeTriggerList, makeWatchButton } from '../shared/triggers.js';
import { formatCount, formatTime, plural, shorten } from '../shared/format.js';
import { makeAddForm } from './adding.js';
import { makeBackfillList } from './backfills.js';
import { makeCurveView, makeStopButton } from './curves.js';
import { makeDataView, makeHistoryView } from './data.js';
import { collectFacts, makeFactList, makeWhy } from './facts.js';
import { makeRefreshBar, makeRunForm } from './forms.js';
import { makeLogView } from './log.js';
import { makeRemoveForm } from './verbs.js';

/** @import { ExplorerContract, NamedPartitionJson, PanelJson } from '../generated/messages.js' */
/** @import { Link } from '../shared/types.js' */

/**
 * @param {Link<ExplorerContract>} link
 * @param {HTMLElement} root
 */
export function drawPanel(link, root) {
  root.classList.add('nbpart-panel');
  setAttributes(root, { role: 'region', 'aria-label': 'Selected partitions' });
  const announce = makeAnnouncer(root, 1500);

  const title = element('h3', { tabindex: '-1' });
  const clear = element('button', { type: 'button', text: '✕', title: 'Select nothing', 'aria-label': 'Select nothing', onclick: () => link.request('clear').catch(() => {}) });
  const key = element('div', { class: 'nbpart-key' });
  const status = element('div', { class: 'nbpart-status' });
  const pastNotice = element('div', { class: 'nbpart-past-run', hidden: true });
  const errorLine = element('div', { class: 'nbpart-error', role: 'alert' });
  const legend = element('div', { class: 'nbpart-legend' });
  const facts = element('div');
  const code = element('div');
  const empty = element('p', { class: 'nbpart-faint', text: 'Nothing to look at yet. Register an asset with the lines beside this; it appears here at once.' });
  const errorSection = makeSection('Error');
  const traceback = element('pre', { class: 'nbpart-log', tabindex: '0', 'aria-label': 'Traceback' });
  errorSection.body.append(traceback);
  const runForm = makeRunForm(link, makeOutcome());
  const refresh = makeRefreshBar(link, makeOutcome());
  const removeResult = makeOutcome();
  const removeForm = makeRemoveForm(link, removeResult);
  const backfills = makeBackfillList(link);

  const logSection = makeSection('Log', { onopen: () => log.read() });
  const log = makeLogView(link, logSection);
  const curveSection = makeSection('Curves');
  const curves = makeCurveView(link, root, curveSection);
  const stop = makeStopButton(link);
  const dataSection = makeSection('Data', { onopen: () => data.show(link.state.panel) });
  const data = makeDataView(link, dataSection);
  const notebookSection = makeSection('Executed notebook');
  const notebookView = makeNotebookView(link, notebookSection);
  const historySection = makeSection('History');
  const history = makeHistoryView(historySection, (id) => open(id));
  const triggerSection = makeSection('Triggers');
  const triggers = makeTriggerList(link, () => backfills.node.scrollIntoView({ block: 'nearest' }));
  const watch = makeWatchButton(link);
  triggerSection.body.append(watch.node, watch.result, triggers.node);
  const addSection = makeSection('Add partitions', { open: false });
  const adding = makeAddForm(link, addSection, makeOutcome());

  root.append(refresh.node, backfills.node, element('div', { class: 'nbpart-head' }, element('div', { class: 'nbpart-bar' }, title, element('span', { class: 'nbpart-spacer' }), clear), key, status, stop.node, pastNotice, errorLine),
    empty, legend, facts, code, errorSection.node, runForm.node, removeForm.node, removeResult.node, logSection.node, curveSection.node, dataSection.node, notebookSection.node, historySection.node, triggerSection.node, addSection.node);

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
      const { message } = await link.request('open_run', { run_id: id === link.state.panel.opened_run_id ? null : id });
      announce(message);
    } catch (error) {
      errorLine.textContent = `✕ ${error.message}`;
    }
  }

  /** @param {NamedPartitionJson} named */
  async function follow({ asset, key: partitionKey }) {
    try {
      await link.request('show_partition', { asset, partition_key: partitionKey });
      title.focus(); // the name that was followed is not there any more
    } catch (error) {
      errorLine.textContent = `✕ ${error.message}`;
    }
  }

  /** @param {PanelJson} panel */
  function drawHead({ selection, partition, run, opened_run_id: opened, loading, assets }) {
    title.textContent = selection.title;
    clear.hidden = selection.kind === 'all';
    key.textContent = selection.key ?? '';
    key.hidden = selection.key === null;
    status.hidden = !partition;
    if (partition) status.replaceChildren(makeGlyph(partition.status), partition.status);
    pastNotice.hidden = !opened;
    if (opened) pastNotice.replaceChildren(`As run ${opened} left it${run && run.started_at ? `, ${formatTime(run.started_at)}` : ''}. `, element('button', { type: 'button', text: 'Back to now', onclick: () => open(opened) }));
    empty.hidden = assets > 0;
    facts.hidden = !partition;
    root.toggleAttribute('data-loading', loading);
    root.dataset.number = String(selection.number);
  }

  /** @param {PanelJson} panel */
  function drawCounts({ selection }) {
    legend.hidden = selection.kind === 'partition';
    const there = DISPLAY_ORDER.filter((place) => selection.counts[place]);
    legend.replaceChildren(...there.map((place) => {
      const { name } = STATUSES[place];
      return element('span', { class: `s-${name}` }, makeGlyph(name), `${formatCount(selection.counts[place])} ${name}`);
    }));
    // of some keys that were selected there are some
    const isWhole = ['all', 'assets'].includes(selection.kind);
    if (!there.length && isWhole && link.state.panel.assets) legend.textContent = selection.set ? `${selection.set} has no keys yet.` : 'No partitions yet.';
  }

  /** @param {PanelJson} panel */
  function drawTriggers({ triggers: view }) {
    triggerSection.show(view.triggers.length > 0);
    const { off, failed } = countStates(view.triggers);
    triggerSection.setNote([plural(view.triggers.length, 'trigger'), off, failed].filter(Boolean).join(', '));
    watch.show(view.watch);
    triggers.show(view);
  }

  /** @param {PanelJson} panel */
  function drawPartition({ partition, run, opened_run_id: opened }) {
    if (!partition) {
      facts.replaceChildren();
      code.replaceChildren();
      errorSection.show(false);
      return;
    }
    const rows = collectFacts(partition, run, opened);
    facts.replaceChildren(makeFactList(opened ? rows : [['why', makeWhy(partition.why, follow)], ...rows]));
    const line = opened && run ? run.code : partition.materialization ? partition.code : run ? run.code : '';
    code.replaceChildren(line ? makeCodeLine(line) : '');
    const text = run && run.status !== 'succeeded' ? run.traceback || run.error : '';
    errorSection.show(Boolean(text));
    errorSection.setNote(run && run.error && run.traceback ? shorten(run.error.split('\n')[0], 60) : '');
    traceback.textContent = text || '';
    traceback.scrollTop = traceback.scrollHeight;
  }

  function drawAll() {
    const { panel } = link.state;
    const { selection, partition, run, opened_run_id: opened, sets } = panel;
    const another = isNew('number', selection.number);
    if (another) runForm.onSelectionChange(selection);
    if (another && selection.number) removeResult.clear();
    drawHead(panel);
    if (isNew('counts', selection, panel.assets)) drawCounts(panel);
    if (isNew('partition', partition, run, opened)) drawPartition(panel);
    errorLine.textContent = panel.error ? `✕ ${panel.error}` : '';
    runForm.node.hidden = !panel.assets;
    refresh.node.hidden = !panel.assets;
    refresh.show();
    if (isNew('removeForm', selection.number, selection.set, sets)) removeForm.show(panel);
    backfills.show(panel);
    // what a person reads is not folded when the run ends
    if (isNew('section', selection.number, run && run.id)) logSection.suggestOpen(Boolean(run && (run.is_live || (run.status !== 'succeeded' && !run.traceback))));
    log.show(partition ? run : null);
    stop.show(partition ? run : null);
    if (isNew('curves', partition && run)) curves.show(partition ? run : null);
    data.show(panel);
    if (isNew('notebookView', run)) notebookView.show(partition ? run : null);
    if (isNew('history', partition && partition.runs, partition && partition.run_id, opened)) history.show(panel);
    if (isNew('triggers', panel.triggers)) drawTriggers(panel);
    adding.show(panel);
    if (isNew('announced', selection.number, partition && partition.status)) {
      announce([selection.title, selection.key, partition ? partition.status : legend.textContent].filter(Boolean).join(' · '));
    }
  }

  const stopListening = link.listen(drawAll);
  drawAll();
  return () => {
    stopListening();
    [log, curves, data, notebookView, adding, refresh, runForm, triggers].forEach((part) => part.close());
  };
}
