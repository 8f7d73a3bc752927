// What the explorer's panel shows of one partition: facts, log, data, executed notebook, history.

const LOG_EVERY_MS = 700;
const LONGEST_LOG = 60000;

const statusLook = (name) => NBPART.statuses.find((status) => status.name === name) || NBPART.steps[name] || { glyph: '' };
const lookLike = (name) => (NBPART.steps[name] ? NBPART.steps[name].like : name);
const statusGlyph = (name) => make('span', { class: `nbpart-glyph s-${lookLike(name)}`, 'aria-hidden': 'true', text: statusLook(name).glyph });

/** A part of the panel that folds; what a person folded stays so. */
function foldable(title, { open = true, onopen = () => {} } = {}) {
  const summary = make('summary', {}, make('span', { text: title }));
  const more = make('span', { class: 'nbpart-faint' });
  summary.append(more);
  const body = make('div', { class: 'nbpart-fold-body' });
  const node = make('details', { class: 'nbpart-fold', open }, summary, body);
  let touched = false;
  summary.addEventListener('click', () => (touched = true));
  node.addEventListener('toggle', () => node.open && onopen());
  return {
    node, body, isOpen: () => node.open && !node.hidden,
    show: (visible) => (node.hidden = !visible),
    tell: (text) => (more.textContent = text),
    suggest: (yes) => {
      if (!touched) node.open = yes;
    },
  };
}

/** Names with values; `rows` are [name, text or node]. */
function factList(rows) {
  return make('dl', { class: 'nbpart-facts-list' }, ...rows.flatMap(([name, value]) => [make('dt', { text: name }), make('dd', {}, value)]));
}

function partitionFacts(partition, run, opened) {
  const rows = [];
  if (partition.reason) rows.push(['why', partition.reason]);
  if (partition.blocked) rows.push(['blocked', partition.blocked]);
  rows.push(...partition.params);
  const made = opened ? run && run.made : partition.made;
  if (made) {
    rows.push(['made', when(made.at)]);
    if (made.duration_s !== null) rows.push(['took', span(made.duration_s)]);
    if (made.rows !== null) rows.push(['rows', count(made.rows)]);
    if (made.bytes !== null) rows.push(['size', sizeText(made.bytes)]);
    rows.push(...made.metrics.map(([name, value]) => [name, typeof value === 'number' ? numeral(value) : value]));
  }
  if (run && !(made && made.run === run.id && run.status === 'succeeded')) {
    const attempt = run.attempt > 1 ? `attempt ${run.attempt}` : '';
    const began = run.started_at ? when(run.started_at) : '';
    const took = run.duration_s === null ? '' : `took ${span(run.duration_s)}`;
    rows.push(['run', [run.status, attempt, began, took].filter(Boolean).join(', ')]);
  }
  return rows;
}

/** The tail of a run's log, followed while the run lives and somebody can see it. */
function logView(link, fold) {
  const text = make('pre', { class: 'nbpart-log', tabindex: '0', 'aria-label': 'Log' });
  const code = make('div');
  fold.body.append(text, code);
  let shown = { key: '', id: null, live: false, end: null };
  let timer = null;

  async function read() {
    clearTimeout(timer);
    timer = null;
    const own = shown;
    if (own.id === null || !fold.isOpen() || own.reading) return;
    own.reading = true;
    const wasLive = own.live;
    try {
      const answer = await link.request('log', { run_id: own.id, after: own.end });
      if (own !== shown) return;
      const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 30;
      if (answer.start !== own.end) text.textContent = answer.start ? `… (${sizeText(answer.start)} before this)\n` : '';
      text.append(answer.text);
      if (text.textContent.length > LONGEST_LOG) text.textContent = `…${text.textContent.slice(-LONGEST_LOG)}`;
      if (!text.textContent) text.dataset.empty = own.live ? 'nothing printed yet' : 'it printed nothing';
      if (atEnd) text.scrollTop = text.scrollHeight;
      own.end = answer.end;
      if (!code.firstChild) code.replaceChildren(codeLine(answer.code));
    } catch {
      // busy: the next reading tells what came meanwhile
    } finally {
      own.reading = false;
    }
    // what it wrote last may have come after the last look
    if (own === shown && (own.live || (wasLive && !own.live)) && text.isConnected) timer = setTimeout(read, LOG_EVERY_MS);
  }

  return {
    read,
    show(run) {
      const key = run ? `${run.id}.${run.attempt}` : '';
      if (key !== shown.key) {
        shown = { key, id: run && run.log ? run.id : null, live: false, end: null };
        text.replaceChildren();
        code.replaceChildren();
      }
      const ended = shown.live && !(run && run.live);
      shown.id = run && run.log ? run.id : null;
      shown.live = Boolean(run && run.live);
      fold.show(Boolean(run && run.log));
      fold.tell(shown.live ? 'live' : '');
      if (shown.end === null || ended || (shown.live && timer === null)) read();
    },
    close: () => {
      clearTimeout(timer);
      shown = { key: '', id: null, live: false, end: null };
    },
  };
}

/** Pictures of PNG bytes; their addresses are let go of when others are shown. */
function pictures() {
  let urls = [];
  return {
    make: (bytes, label) => {
      const url = URL.createObjectURL(new Blob([bytes], { type: 'image/png' }));
      urls.push(url);
      return make('img', { class: 'nbpart-figure', src: url, alt: label });
    },
    drop: () => {
      urls.forEach((url) => URL.revokeObjectURL(url));
      urls = [];
    },
  };
}

function dataTable({ columns, types, rows }) {
  const head = make('tr', {}, ...columns.map((name, i) => make('th', { scope: 'col' }, name, make('small', { text: types[i] || '' }))));
  const lines = rows.map((row) => make('tr', {}, ...row.map((text) => make('td', { text }))));
  return make('div', { class: 'nbpart-table', tabindex: '0', role: 'region', 'aria-label': 'First rows' },
    make('table', {}, make('thead', {}, head), make('tbody', {}, ...lines)));
}

/** The data of a partition, as it is now or as a run left it, and its files. */
function dataView(link, fold) {
  const images = pictures();
  let shown = '';

  async function preview(panel, file) {
    const { number } = panel.chosen;
    const answer = await link.request('preview', { number, run_id: panel.opened, file });
    if (answer.kind === 'image' && answer.buffers.length) return { answer, node: images.make(answer.buffers[0], file || 'The figure') };
    if (answer.kind === 'table') return { answer, node: dataTable(answer) };
    return { answer, node: make('pre', { class: 'nbpart-text', tabindex: '0', 'aria-label': 'Data', text: answer.text }) };
  }

  async function read(panel, made) {
    const own = shown;
    const parts = [];
    try {
      const { answer, node } = await preview(panel, null);
      parts.push(make('p', { class: 'nbpart-faint', text: answer.told }), node, panel.opened ? codeLine(answer.code) : '');
      const figures = made ? made.files.filter(({ name, format }) => name && format === 'figure').slice(0, 6) : [];
      for (const { name } of figures) {
        const figure = await preview(panel, name);
        parts.push(make('figure', {}, figure.node, make('figcaption', { text: name })));
      }
    } catch (error) {
      parts.push(make('p', { class: 'nbpart-error', text: error.message }));
    }
    if (own !== shown) return;
    const others = made ? made.files.filter(({ name, format }) => name && format !== 'figure') : [];
    fold.body.replaceChildren(...parts, ...others.map(({ name, bytes, path }) =>
      make('div', { class: 'nbpart-row' }, fileLink(path, link.state.home, name), make('span', { class: 'nbpart-faint', text: bytes === null ? '' : sizeText(bytes) }))));
  }

  return {
    show(panel) {
      const { partition, run, opened } = panel;
      const made = partition && (opened ? run && run.made : partition.made);
      fold.show(Boolean(made));
      const key = made ? JSON.stringify([panel.chosen.number, opened, made.at, made.run]) : '';
      if (key === shown || (key && !fold.isOpen())) return;
      shown = key;
      images.drop();
      fold.body.replaceChildren(make('p', { class: 'nbpart-faint', text: 'Reading …' }));
      if (key) read(panel, made);
    },
    close: images.drop,
  };
}

/** The executed notebook: a link where JupyterLab can open it, and its cells as text and pictures. */
function notebookView(link, fold) {
  const images = pictures();
  const place = make('span');
  const show = make('button', { type: 'button', text: 'Show it here', onclick: () => read() });
  const cells = make('div', { class: 'nbpart-cells' });
  fold.body.append(make('div', { class: 'nbpart-row' }, place, show), cells);
  let shown = null;

  async function read() {
    const own = shown;
    show.disabled = true;
    try {
      const answer = await link.request('executed', { run_id: own.id });
      if (own !== shown) return;
      images.drop();
      cells.replaceChildren(...answer.cells.map((cell) => executedCell(cell, answer.buffers, images)));
      if (answer.left_out) cells.append(make('p', { class: 'nbpart-faint', text: `and ${plural(answer.left_out, 'more cell')}` }));
      show.hidden = true;
    } catch (error) {
      if (own === shown) cells.replaceChildren(make('p', { class: 'nbpart-error', text: error.message }));
    } finally {
      show.disabled = false;
    }
  }

  return {
    show(run) {
      const there = Boolean(run && run.notebook);
      fold.show(there);
      const same = there && shown && shown.id === run.id && shown.attempt === run.attempt && shown.status === run.status;
      shown = there ? run : null;
      if (same || !there) return;
      images.drop();
      cells.replaceChildren();
      show.hidden = false;
      place.replaceChildren(fileLink(run.notebook, link.state.home, 'Open in a tab'));
      if (servedPath(run.notebook, link.state.home) === null && !run.live) read();
    },
    close: images.drop,
  };
}

function executedCell({ kind, source, outputs }, buffers, images) {
  const shown = outputs.map((output) => (output.image === undefined
    ? make('pre', { class: 'nbpart-text', text: output.text }) : images.make(buffers[output.image], 'Output')));
  return make('div', { class: `nbpart-cell is-${kind === 'code' ? 'code' : 'text'}` }, make('pre', { class: 'nbpart-source', text: source }), ...shown);
}

/** The runs of a partition, newest first; each opens what it left. */
function historyView(fold, open) {
  const list = make('ul', { class: 'nbpart-list' });
  fold.body.append(list);
  const line = (brief, current, opened) => {
    const took = brief.duration_s === null ? '' : ` · ${span(brief.duration_s)}`;
    const attempt = brief.attempt > 1 ? ` · attempt ${brief.attempt}` : '';
    const button = make('button', { type: 'button', class: 'nbpart-run', 'aria-pressed': String(brief.id === opened), title: brief.id, 'data-run': brief.id, onclick: () => open(brief.id) },
      statusGlyph(brief.status), `${brief.started_at ? when(brief.started_at) : brief.status}${took}${attempt}`,
      brief.id === current ? make('span', { class: 'nbpart-faint', text: ' now' }) : null);
    return make('li', {}, button, brief.error ? make('div', { class: 'nbpart-why', text: shorten(brief.error.split('\n')[0], 120) }) : null);
  };
  return {
    show(panel) {
      const { partition, opened } = panel;
      fold.show(Boolean(partition && partition.runs.length));
      if (!partition) return;
      fold.tell(String(partition.runs.length));
      const focused = list.contains(document.activeElement) ? document.activeElement.dataset.run : null;
      list.replaceChildren(...partition.runs.map((brief) => line(brief, partition.run, opened)));
      if (focused) list.querySelector(`[data-run="${CSS.escape(focused)}"]`)?.focus();
    },
  };
}
