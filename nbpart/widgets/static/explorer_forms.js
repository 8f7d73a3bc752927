// What a person does in the explorer's panel: plan and run, add keys, remove them, stop a backfill.

/** Ask for an action, with the buttons of `node` out of reach meanwhile; the answer, or null after telling what went wrong. */
async function act(link, node, result, action, payload) {
  const buttons = [...node.querySelectorAll('button')].filter((button) => !button.disabled);
  buttons.forEach((button) => (button.disabled = true));
  try {
    const answer = await link.request(action, payload, { timeout: 120000 });
    result.show(answer);
    return answer;
  } catch (error) {
    result.fail(error);
    return null;
  } finally {
    buttons.forEach((button) => (button.disabled = false));
  }
}

/** Look at sources and code on disk now; says when that was last done, once it is longer than a minute ago. */
function refreshBar(link, result) {
  const seen = make('span', { class: 'nbpart-faint nbpart-seen' });
  const button = make('button', { type: 'button', class: 'nbpart-quiet', text: 'Refresh', title: 'Look now whether code or sources changed on disk; nothing runs', onclick: () => act(link, node, result, 'refresh', {}) });
  const node = make('div', { class: 'nbpart-refresh' }, make('div', { class: 'nbpart-bar' }, make('span', { class: 'nbpart-space' }), seen, button), result.node);
  const draw = () => { seen.textContent = seenText(link.state.panel.seen_at, new Date()); };
  const timer = setInterval(draw, 15000);
  return { node, show: draw, close: () => clearInterval(timer) };
}

/** "as seen 10:02" for a look that is older than a minute; the date too where it was another day. */
function seenText(iso, now) {
  if (!iso || now - new Date(iso) < 60000) return '';
  const at = new Date(iso);
  const time = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return at.toDateString() === now.toDateString() ? `as seen ${time}` : `as seen ${at.toLocaleDateString('en-CA')} ${time}`;
}

/** Plan and backfill what is selected. */
function runForm(link, result) {
  const status = make('select', { 'aria-label': 'Which partitions' },
    ...[['outdated', 'missing, stale or failed'], ['failed', 'failed only'], ['missing', 'missing only'], ['stale', 'stale only'], ['all', 'all, also what is up to date']]
      .map(([value, text]) => make('option', { value, text })));
  const tick = (label, title) => {
    const box = make('input', { type: 'checkbox' });
    return { box, node: make('label', { title }, box, label) };
  };
  const inputs = tick('with what it reads', 'Also everything above it: +name');
  const readers = tick('with what reads it', 'Also everything below it: name+');
  const number = ({ name, label, help, placeholder, default: value, least, most }) => {
    const box = make('input', { type: 'number', min: least, max: most, placeholder, value });
    return { name, value, box, node: make('label', { title: help }, label, box) };
  };
  let numbers = null; // the options of a backfill that are numbers: Python lists them
  const head = make('div', { class: 'nbpart-plan', hidden: true });
  const plan = make('button', { type: 'button', text: 'Plan', title: 'What would run, and why; nothing runs', onclick: () => look() });
  const go = make('button', { type: 'button', class: 'nbpart-main', text: 'Backfill', onclick: () => run() });
  const options = make('div', { class: 'nbpart-options' }, inputs.node, readers.node);
  const node = make('div', { class: 'nbpart-card', role: 'group', 'aria-label': 'Run' },
    make('div', { class: 'nbpart-bar' }, go, plan, status),
    options, head, result.node);

  const wanted = () => ({ number: link.state.panel.chosen.number, inputs: inputs.box.checked, readers: readers.box.checked, status: status.value });

  async function look() {
    const answer = await act(link, node, result, 'plan', wanted());
    if (!answer) return;
    head.hidden = !answer.steps;
    const more = answer.steps - answer.head.length;
    head.replaceChildren(make('table', {}, make('thead', {}, make('tr', {}, ...['asset', 'partition', 'why'].map((text) => make('th', { scope: 'col', text })))),
      make('tbody', {}, ...answer.head.map((row) => make('tr', {}, ...row.map((text) => make('td', { text: text === null ? '—' : text, title: text })))))),
      more > 0 ? make('p', { class: 'nbpart-faint', text: `and ${plural(more, 'more step')}` }) : '');
  }

  async function run() {
    head.hidden = true;
    await act(link, node, result, 'backfill', { ...wanted(), ...Object.fromEntries(numbers.map(({ name, value, box }) => [name, box.value === '' ? value : box.valueAsNumber])) });
  }

  return {
    node,
    /** Something else is selected: what was planned for the other says nothing of it. */
    turnTo: ({ kind }) => {
      if (!numbers) options.append(...(numbers = link.state.options.map(number)).map((each) => each.node));
      inputs.node.hidden = readers.node.hidden = kind === 'all';
      head.hidden = true;
      result.clear();
    },
  };
}

/** Take the selected keys off their set, after a question. */
function removeForm(link, result) {
  const ask = make('button', { type: 'button', onclick: () => set(true) });
  const told = make('span');
  const yes = make('button', { type: 'button', class: 'nbpart-danger', text: 'Remove', onclick: () => remove() });
  const no = make('button', { type: 'button', text: 'Keep', onclick: () => set(false) });
  const question = make('div', { class: 'nbpart-question', role: 'alertdialog', 'aria-label': 'Remove these keys?', hidden: true }, told, yes, no);
  const node = make('div', { class: 'nbpart-remove' }, ask, question);
  onKeys(question, { Escape: () => set(false) });
  let n = 0;

  function set(asking) {
    question.hidden = !asking;
    ask.hidden = asking;
    (asking ? no : ask).focus();
  }

  async function remove() {
    const { number } = link.state.panel.chosen;
    await act(link, node, result, 'remove', { number, n });
    question.hidden = true;
    ask.hidden = false;
  }

  return {
    node,
    show({ chosen, sets }) {
      const removable = sets.some(({ name }) => name === chosen.set) && ['partition', 'partitions'].includes(chosen.kind);
      node.hidden = !removable;
      n = chosen.n;
      ask.textContent = `Remove ${plural(n, 'key')} …`;
      told.textContent = `Remove ${n === 1 ? chosen.keys[0] ?? '1 key' : plural(n, 'key')} from ${chosen.set}? The history and the data stay.`;
      question.hidden = true;
      ask.hidden = false;
    },
  };
}

const AXIS_HINTS = { int: '3 or 3, 5 or 1..10', float: '0.1 or 0.01, 0.1 or 0..1:0.25', date: '2026-01-01..2026-01-31', datetime: '2026-01-01T06:00', bool: 'true, false', str: 'a, b' };

/** Add keys to a set: as text, or by a field for each declared parameter. */
function addForm(link, fold, result) {
  const which = make('select', { 'aria-label': 'Partitions', onchange: () => draw() });
  const about = make('p', { class: 'nbpart-faint' });
  const form = make('form', { class: 'nbpart-form', onsubmit: (event) => { event.preventDefault(); add(); } });
  fold.body.append(make('label', { class: 'nbpart-field' }, make('span', { text: 'partitions' }), which), about, form, result.node);
  let sets = [];
  let fields = null; // by parameter, or null where keys are text
  let text = null;
  let measured = null;
  let timer = null;
  let number = null;

  const current = () => sets.find(({ name }) => name === which.value);

  function draw(asText = false) {
    const set = current();
    form.replaceChildren();
    if (!set) return;
    result.clear();
    const parameters = set.params.length > 0;
    fields = parameters && !asText ? set.params.map((parameter) => ({ ...parameter, box: axisBox(parameter) })) : null;
    text = fields ? null : make('textarea', { rows: 3, spellcheck: 'false', 'aria-label': 'Keys, one a line', placeholder: parameters ? set.params.map(({ name }) => `${name}=…`).join(',') : 'one key a line' });
    if (text) onEnter(text);
    measured = make('span', { class: 'nbpart-faint', 'aria-live': 'polite' });
    const way = parameters ? make('button', { type: 'button', class: 'nbpart-quiet', text: asText ? 'by parameters' : 'as text', onclick: () => draw(!asText) }) : null;
    form.append(...(fields ? fields.map(({ name, takes, box }) => make('label', { class: 'nbpart-field', title: takes }, make('span', { text: name }), box)) : [text]),
      make('div', { class: 'nbpart-bar' }, make('button', { type: 'submit', class: 'nbpart-main', text: 'Add' }), measured, make('span', { class: 'nbpart-space' }), way));
  }

  function axisBox({ kind, choices, default: fallback }) {
    const hint = choices.length ? choices.join(', ') : AXIS_HINTS[kind];
    const box = make('input', { type: 'text', spellcheck: 'false', autocomplete: 'off', placeholder: fallback ? `${fallback} (default)` : hint, oninput: () => measureSoon() });
    onEnter(box, () => form.requestSubmit());
    return box;
  }

  const axes = () => Object.fromEntries(fields.map(({ name, box }) => [name, box.value]));

  function measureSoon() {
    clearTimeout(timer);
    timer = setTimeout(measure, 250);
  }

  async function measure() {
    const own = measured;
    if (!fields || fields.some(({ required, box }) => required && !box.value.trim())) {
      own.textContent = '';
      return;
    }
    try {
      const { n, first } = await link.request('measure_grid', { partitions: which.value, axes: axes() });
      own.textContent = `${plural(n, 'key')}: ${shorten(first, 40)}${n > 1 ? ' …' : ''}`;
    } catch (error) {
      own.textContent = error.message;
    }
  }

  async function add() {
    const [action, payload] = fields ? ['add_grid', { axes: axes() }] : ['add_keys', { text: text.value }];
    const answer = await act(link, form, result, action, { partitions: which.value, ...payload });
    if (!answer) return;
    if (text) text.value = '';
    (text || fields[0].box).focus();
  }

  return {
    show(panel) {
      const { chosen } = panel;
      fold.show(panel.sets.length > 0);
      const before = JSON.stringify(sets);
      const chosenBefore = which.dataset.chosen;
      sets = panel.sets;
      if (JSON.stringify(sets) !== before) {
        const kept = which.value;
        which.replaceChildren(...sets.map(({ name }) => make('option', { value: name, text: name })));
        if (sets.some(({ name }) => name === kept)) which.value = kept;
        draw();
      }
      if (chosen.set !== chosenBefore && sets.some(({ name }) => name === chosen.set) && chosen.set !== which.value) {
        which.value = chosen.set;
        draw();
      }
      which.dataset.chosen = chosen.set;
      const none = ['all', 'assets'].includes(chosen.kind) && chosen.counts.every((n) => !n);
      about.textContent = none && sets.length ? 'There are no partitions yet: add the first keys here.' : '';
      about.hidden = !about.textContent;
      // it does not fold away from who is adding
      if (none || chosen.number !== number) fold.suggest(none);
      number = chosen.number;
    },
    close: () => clearTimeout(timer),
  };
}

/** The backfills that go on, wait to be begun or were cut off, and those that ended since; each with its bar. */
function backfillList(link) {
  const list = make('div', { class: 'nbpart-backfills' });
  const result = outcome();
  const node = make('div', { hidden: true, role: 'group', 'aria-label': 'Backfills' }, list, result.node);
  const rows = new Map();

  function row(id) {
    const sign = make('span');
    const told = make('span', { class: 'nbpart-where' });
    const bar = make('div', { class: 'nbpart-steps', role: 'progressbar', 'aria-valuemin': '0' });
    const button = (text, action) => make('button', { type: 'button', text, onclick: () => act(link, node, result, action, { backfill_id: id }) });
    const cancel = button('Cancel', 'cancel');
    const retry = button('Retry failed', 'retry_failed');
    const resume = button('Resume', 'resume');
    const box = make('div', { class: 'nbpart-backfill', title: id }, make('div', { class: 'nbpart-row' }, sign, told, make('span', { class: 'nbpart-space' }), resume, cancel, retry), bar);
    return { box, update: (one) => update(one, { sign, told, bar, cancel, retry, resume }) };
  }

  function update(one, { sign, told, bar, cancel, retry, resume }) {
    sign.replaceChildren(statusGlyph(one.status));
    const bad = one.counts.filter(([name, n]) => n && ['failed', 'blocked'].includes(name)).map(([name, n]) => `${count(n)} ${name}`);
    const left = one.going && one.left_s !== null ? `about ${span(one.left_s)} left` : '';
    const stands = one.waiting || `${count(one.done)} of ${count(one.steps)}`;
    told.textContent = [`${shorten(one.selection, 40)} ${one.status}: ${stands}`, ...bad, left].filter(Boolean).join(', ');
    const total = one.counts.reduce((sum, [, n]) => sum + n, 0) || 1;
    bar.replaceChildren(...one.counts.filter(([, n]) => n).map(([name, n]) => {
      const part = make('i', { class: `s-${lookLike(name)} nbpart-step-${name}`, title: `${count(n)} ${name}` });
      part.style.flex = `${n / total} 0 5px`;
      return part;
    }));
    setAll(bar, { 'aria-valuemax': one.steps, 'aria-valuenow': one.done, 'aria-label': `Steps of ${one.selection} with an outcome` });
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
