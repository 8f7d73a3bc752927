// The explorer's panel: what is selected in the graph or the heatmap beside it. Drawn from PanelModel.to_json().

function drawPanel(link, root) {
  root.classList.add('nbpart-panel');
  setAll(root, { role: 'region', 'aria-label': 'Selected partitions' });
  const say = announcer(root, 1500);

  const title = make('h3');
  const clear = make('button', { type: 'button', text: '✕', title: 'Select nothing', 'aria-label': 'Select nothing', onclick: () => link.request('clear').catch(() => {}) });
  const key = make('div', { class: 'nbpart-key' });
  const status = make('div', { class: 'nbpart-status' });
  const then = make('div', { class: 'nbpart-then', hidden: true });
  const trouble = make('div', { class: 'nbpart-error', role: 'alert' });
  const legend = make('div', { class: 'nbpart-legend' });
  const facts = make('div');
  const code = make('div');
  const empty = make('p', { class: 'nbpart-faint', text: 'Nothing to look at yet. Register an asset with the lines beside this; it appears here at once.' });
  const reason = foldable('Error');
  const trace = make('pre', { class: 'nbpart-log', tabindex: '0', 'aria-label': 'Traceback' });
  reason.body.append(trace);
  const runs = runForm(link, outcome());
  const refresh = refreshBar(link, outcome());
  const gone = outcome();
  const removal = removeForm(link, gone);
  const backfills = backfillList(link);

  const logFold = foldable('Log', { onopen: () => log.read() });
  const log = logView(link, logFold);
  const dataFold = foldable('Data', { onopen: () => data.show(link.state.panel) });
  const data = dataView(link, dataFold);
  const bookFold = foldable('Executed notebook');
  const book = notebookView(link, bookFold);
  const historyFold = foldable('History');
  const history = historyView(historyFold, (id) => open(id));
  const addFold = foldable('Add partitions', { open: false });
  const adding = addForm(link, addFold, outcome());

  root.append(refresh.node, backfills.node, make('div', { class: 'nbpart-head' }, make('div', { class: 'nbpart-bar' }, title, make('span', { class: 'nbpart-space' }), clear), key, status, then, trouble),
    empty, legend, facts, code, reason.node, runs.node, removal.node, gone.node, logFold.node, dataFold.node, bookFold.node, historyFold.node, addFold.node);

  const shown = {};
  /** Whether a part of the state is not what was drawn last. */
  function isNew(name, ...parts) {
    const text = JSON.stringify(parts);
    if (shown[name] === text) return false;
    shown[name] = text;
    return true;
  }

  async function open(id) {
    try {
      const { told } = await link.request('open_run', { run_id: id === link.state.panel.opened ? null : id });
      say(told);
    } catch (error) {
      trouble.textContent = `✕ ${error.message}`;
    }
  }

  function drawHead({ chosen, partition, run, opened, loading, assets }) {
    title.textContent = chosen.title;
    clear.hidden = chosen.kind === 'all';
    key.textContent = chosen.key ?? '';
    key.hidden = chosen.key === null;
    status.hidden = !partition;
    if (partition) status.replaceChildren(statusGlyph(partition.status), partition.status);
    then.hidden = !opened;
    if (opened) then.replaceChildren(`As run ${opened} left it${run && run.started_at ? `, ${when(run.started_at)}` : ''}. `, make('button', { type: 'button', text: 'Back to now', onclick: () => open(opened) }));
    empty.hidden = assets > 0;
    facts.hidden = !partition;
    root.toggleAttribute('data-loading', loading);
    root.dataset.number = chosen.number;
  }

  function drawCounts({ chosen }) {
    legend.hidden = chosen.kind === 'partition';
    const there = NBPART.display.filter((place) => chosen.counts[place]);
    legend.replaceChildren(...there.map((place) => {
      const { name } = NBPART.statuses[place];
      return make('span', { class: `s-${name}` }, statusGlyph(name), `${count(chosen.counts[place])} ${name}`);
    }));
    // of some keys that were selected there are some
    const isWhole = ['all', 'assets'].includes(chosen.kind);
    if (!there.length && isWhole && link.state.panel.assets) legend.textContent = chosen.set ? `${chosen.set} has no keys yet.` : 'No partitions yet.';
  }

  function drawPartition({ partition, run, opened }) {
    if (!partition) {
      facts.replaceChildren();
      code.replaceChildren();
      reason.show(false);
      return;
    }
    const rows = partitionFacts(partition, run, opened);
    facts.replaceChildren(rows.length ? factList(rows) : make('p', { class: 'nbpart-faint', text: 'It was never run.' }));
    const line = opened && run ? run.code : partition.made ? partition.code : run ? run.code : '';
    code.replaceChildren(line ? codeLine(line) : '');
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

export default widget({
  reduce: (state, kind, payload) => ({ ...state, panel: { ...state.panel, ...payload } }),
  draw: drawPanel,
});
