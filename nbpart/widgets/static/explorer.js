// src/generated/constants.js
var VERSION = 1;
var STATUSES = (
  /** @type {const} */
  [
    { name: "missing", glyph: "○" },
    { name: "stale", glyph: "≠" },
    { name: "queued", glyph: "◷" },
    { name: "running", glyph: "▶" },
    { name: "failed", glyph: "✕" },
    { name: "materialized", glyph: "✓" }
  ]
);
var DISPLAY_ORDER = (
  /** @type {const} */
  [0, 2, 3, 5, 4, 1]
);
var RETRYABLE = (
  /** @type {const} */
  ["failed", "blocked"]
);
var STATUS_CHOICES = (
  /** @type {const} */
  [["outdated", "missing, stale or failed"], ["failed", "failed only"], ["missing", "missing only"], ["stale", "stale only"], ["all", "all, also what is up to date"]]
);
var MARKS = (
  /** @type {const} */
  {
    missing: { colour: "missing", glyph: "○" },
    queued: { colour: "queued", glyph: "◷" },
    running: { colour: "running", glyph: "▶" },
    materialized: { colour: "materialized", glyph: "✓" },
    failed: { colour: "failed", glyph: "✕" },
    stale: { colour: "stale", glyph: "≠" },
    planned: { colour: "missing", glyph: "○" },
    blocked: { colour: "stale", glyph: "⊘" },
    succeeded: { colour: "materialized", glyph: "✓" },
    skipped: { colour: "materialized", glyph: "=" },
    cancelled: { colour: "missing", glyph: "■" },
    interrupted: { colour: "stale", glyph: "↯" },
    requested: { colour: "queued", glyph: "◷" },
    cancelling: { colour: "running", glyph: "■" }
  }
);

// src/shared/elements.js
function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === void 0 || value === false) node.removeAttribute(name);
    else if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  return node;
}
function element(tag, attributes, ...children) {
  const node = setAttributes(document.createElement(tag), attributes);
  node.append(...children.filter((child) => child !== null && child !== void 0));
  return node;
}

// src/shared/outcome.js
function makeCodeLine(code) {
  const button = element("button", { class: "nbpart-copy", type: "button", text: "Copy", title: "Copy this line" });
  const line = element("code", { text: code });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code);
      button.textContent = "Copied";
    } catch {
      getSelection()?.selectAllChildren(line);
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => button.textContent = "Copy", 1500);
  });
  return element("div", { class: "nbpart-code" }, line, button);
}
function makeOutcome() {
  const node = element("div", { class: "nbpart-outcome", role: "status" });
  return {
    node,
    clear: () => node.replaceChildren(),
    show: ({ message, code }) => node.replaceChildren(element("span", { text: message || "" }), code ? makeCodeLine(code) : element("span")),
    fail: (error) => node.replaceChildren(element("span", { class: "nbpart-error", role: "alert", text: `✕ ${error.message}` }))
  };
}

// src/shared/files.js
function makeFileLink(path, home, text) {
  const inside = findServedPath(path, home);
  if (inside === null) {
    return element("span", { class: "nbpart-path", text: path, title: "Not below the folder that Jupyter serves" });
  }
  const href = `${pageConfig().baseUrl || "/"}lab/tree/${inside.split("/").map(encodeURIComponent).join("/")}`;
  return element("a", {
    class: "nbpart-link",
    href,
    text,
    title: path,
    target: "_blank",
    rel: "noopener",
    // JupyterLab itself opens what carries these
    "data-commandlinker-command": "docmanager:open",
    "data-commandlinker-args": JSON.stringify({ path: inside })
  });
}
function findServedPath(path, home) {
  const { serverRoot } = pageConfig();
  if (!serverRoot) return null;
  const root = (serverRoot === "~" || serverRoot.startsWith("~/") ? home + serverRoot.slice(1) : serverRoot).replace(/\/+$/, "");
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : null;
}
function pageConfig() {
  try {
    return JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "");
  } catch {
    return {};
  }
}

// src/shared/format.js
var formatCount = (n) => n.toLocaleString("en-US");
var plural = (n, word) => `${formatCount(n)} ${word}${n === 1 ? "" : "s"}`;
function formatDuration(seconds) {
  if (seconds === null || seconds === void 0 || !isFinite(seconds)) return "—";
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor(whole % 3600 / 60)).padStart(2, "0")} min`;
}
function formatNumber(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2);
  return value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
}
function formatTime(iso) {
  const at = new Date(iso);
  const today = at.toDateString() === (/* @__PURE__ */ new Date()).toDateString();
  const time = at.toLocaleTimeString("en-GB");
  return today ? `today ${time}` : `${at.toLocaleDateString("en-CA")} ${time}`;
}
function formatBytes(bytes) {
  if (bytes < 1e3) return plural(bytes, "byte");
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${+(bytes / 1e3 ** power).toPrecision(3)} ${["", "kB", "MB", "GB", "TB"][power]}`;
}
function shorten(text, longest) {
  if (text.length <= longest) return text;
  const head = Math.ceil((longest - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (longest - 1 - head))}`;
}

// src/shared/images.js
function makeImages() {
  let urls = [];
  return {
    make: (bytes, label) => {
      const url = URL.createObjectURL(new Blob([
        /** @type {DataView<ArrayBuffer>} */
        bytes
      ], { type: "image/png" }));
      urls.push(url);
      return element("img", { class: "nbpart-figure", src: url, alt: label });
    },
    release: () => {
      urls.forEach((url) => URL.revokeObjectURL(url));
      urls = [];
    }
  };
}

// src/shared/notebook.js
function makeNotebookView(link, section, { isEager = false } = {}) {
  const images = makeImages();
  const place = element("span");
  const show = element("button", { type: "button", text: "Show it here", onclick: () => read() });
  const cells = element("div", { class: "nbpart-cells", tabindex: "0", role: "group", "aria-label": "Cells of the executed notebook" });
  section.body.append(element("div", { class: "nbpart-row" }, place, show), cells);
  let shown = null;
  async function read() {
    const own = shown;
    if (!own) return;
    show.disabled = true;
    try {
      const answer = await link.request("read_executed_notebook", { run_id: own.id });
      if (own !== shown) return;
      images.release();
      cells.replaceChildren(...answer.cells.map((cell) => makeExecutedCell(cell, answer.buffers, images)));
      if (answer.omitted_cells) cells.append(element("p", { class: "nbpart-faint", text: `and ${plural(answer.omitted_cells, "more cell")}` }));
      show.hidden = true;
    } catch (error) {
      if (own === shown) cells.replaceChildren(element("p", { class: "nbpart-error", text: error.message }));
    } finally {
      show.disabled = false;
    }
  }
  return {
    /** @param {NotebookRun | null} run */
    show(run) {
      const notebook = run && run.notebook;
      section.show(Boolean(notebook));
      const before = shown;
      shown = notebook ? run : null;
      if (!run || !notebook) return;
      if (before && before.id === run.id && before.attempt === run.attempt && before.status === run.status) return;
      images.release();
      cells.replaceChildren();
      show.hidden = false;
      place.replaceChildren(makeFileLink(notebook, link.state.home, "Open in a tab"));
      if ((isEager || findServedPath(notebook, link.state.home) === null) && !run.is_live) read();
    },
    close: images.release
  };
}
function makeExecutedCell({ kind, source, outputs }, buffers, images) {
  const shown = outputs.map((output) => output.image === void 0 ? element("pre", { class: "nbpart-text", text: output.text }) : images.make(buffers[output.image], "Output"));
  return element("div", { class: `nbpart-cell is-${kind === "code" ? "code" : "text"}` }, element("pre", { class: "nbpart-source", text: source }), ...shown);
}

// src/shared/page.js
function onThemeChange(callback) {
  const observer = new MutationObserver(callback);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", callback);
  };
}
function onKeys(node, handlers) {
  const listener = (event) => {
    const handler = event.ctrlKey || event.metaKey || event.altKey ? null : handlers[event.key];
    if (!handler || handler(event) === false) return;
    event.preventDefault();
    event.stopPropagation();
  };
  node.addEventListener(
    "keydown",
    /** @type {EventListener} */
    listener
  );
}
function onEnter(field, submit) {
  const newLine = () => field.setRangeText("\n", field.selectionStart ?? 0, field.selectionEnd ?? 0, "end");
  onKeys(field, { Enter: (event) => event.isComposing ? false : (submit || newLine)() });
}
function makeAnnouncer(root, everyMs = 4e3) {
  const region = element("div", { class: "nbpart-announcer", role: "status", "aria-live": "polite" });
  root.appendChild(region);
  let next = null;
  let timer = null;
  const flush = () => {
    timer = null;
    if (next === null) return;
    region.textContent = next;
    next = null;
    timer = setTimeout(flush, everyMs);
  };
  return (text) => {
    next = text === region.textContent ? null : text;
    if (timer === null) flush();
  };
}

// src/shared/sections.js
function makeSection(title, { open = true, onopen = () => {
} } = {}) {
  const summary = element("summary", {}, element("span", { text: title }));
  const more = element("span", { class: "nbpart-faint" });
  summary.append(more);
  const body = element("div", { class: "nbpart-section-body" });
  const node = element("details", { class: "nbpart-section", open }, summary, body);
  let touched = false;
  summary.addEventListener("click", () => touched = true);
  node.addEventListener("toggle", () => node.open && onopen());
  return {
    node,
    body,
    isOpen: () => node.open && !node.hidden,
    show: (visible) => void (node.hidden = !visible),
    setNote: (text) => void (more.textContent = text),
    suggestOpen: (yes) => {
      if (!touched) node.open = yes;
    }
  };
}

// src/shared/statuses.js
var markOf = (name) => name in MARKS ? MARKS[
  /** @type {keyof typeof MARKS} */
  name
] : MARKS.missing;
var makeGlyph = (name) => element("span", { class: `nbpart-glyph s-${markOf(name).colour}`, "aria-hidden": "true", text: markOf(name).glyph });
var isRetryable = (status) => RETRYABLE.some((each) => each === status);

// src/shared/actions.js
var SLOW = { timeout: 12e4 };
function runAction(link, node, result, action, payload) {
  return runAndShow(node, result, () => link.request(action, payload, SLOW));
}
async function runAndShow(node, result, run) {
  const buttons = [...node.querySelectorAll("button")].filter((button) => !button.disabled);
  const focused = buttons.find((button) => button === document.activeElement);
  buttons.forEach((button) => button.disabled = true);
  try {
    const answer = await run();
    result.show(answer);
    return answer;
  } catch (error) {
    result.fail(error);
    return null;
  } finally {
    buttons.forEach((button) => button.disabled = false);
    if (document.activeElement === document.body) focused?.focus({ preventScroll: true });
  }
}

// src/shared/triggers.js
var TELL_EVERY_MS = 1e3;
var describeLast = ({ last_look: last, outcome }) => last ? `${outcome || "looked"} ${formatTime(last)}` : "has not looked yet";
function describeNext({ is_on: isOn, next_look: next }, now) {
  if (!isOn) return "off";
  if (!next) return "nobody watches";
  return new Date(next).getTime() <= now.getTime() ? "next look due now" : `next ${formatTime(next)}`;
}
function describeTick({ happened_at: at, first_at: first, looks, outcome }) {
  if (looks <= 1) return `${formatTime(at)} ${outcome}`;
  const begin = formatTime(first);
  const end = begin.startsWith("today ") ? formatTime(at).replace("today ", "") : formatTime(at);
  return `${begin} to ${end}: ${plural(looks, "look")} ${outcome}`;
}
function countStates(triggers) {
  const say = (n, word) => n ? `${n} ${word}` : "";
  return { off: say(triggers.filter(({ is_on: isOn }) => !isOn).length, "off"), failed: say(triggers.filter(({ error }) => error).length, "failed") };
}
function listKeys({ keys, other_keys: others }) {
  const lines = /* @__PURE__ */ new Map();
  for (const [set, key, became] of keys) {
    const head = `${set}, ${became}: `;
    lines.set(head, [...lines.get(head) ?? [], key]);
  }
  const found = [...lines].map(([head, names]) => head + names.join(", "));
  return others ? [...found, `and ${plural(others, "key")} more`] : found;
}
function makeWatchButton(link) {
  const result = makeOutcome();
  let action = "watch";
  const node = element("span", {});
  const button = element("button", { type: "button", onclick: () => runAction(link, node, result, action, {}) });
  node.append(button);
  return {
    node,
    result: result.node,
    /** @param {WatchJson} watch */
    show({ can_watch: canWatch, can_stop: canStop }) {
      action = canStop ? "stop_watching" : "watch";
      node.hidden = !canWatch && !canStop;
      setAttributes(button, canStop ? { text: "Stop watching", title: "End the watcher after the steps that run" } : { text: "Watch", title: "Start a process that looks with each trigger when it is due, also when this kernel ends" });
    }
  };
}
function makeTriggerList(link, onShown) {
  const node = element("div", { class: "nbpart-triggers", role: "list", "aria-label": "Triggers" });
  const rows = /* @__PURE__ */ new Map();
  const timer = setInterval(() => rows.forEach((row) => row.tell()), TELL_EVERY_MS);
  return {
    node,
    close: () => clearInterval(timer),
    /** @param {TriggersViewJson} view */
    show({ triggers }) {
      const names = new Set(triggers.map(({ name }) => name));
      for (const name of rows.keys()) if (!names.has(name)) rows.delete(name);
      const nodes = triggers.map((trigger) => {
        const row = rows.get(trigger.name) ?? makeRow(link, trigger.name, onShown);
        rows.set(trigger.name, row);
        row.update(trigger);
        return row.node;
      });
      if (nodes.some((each, i) => node.children[i] !== each) || node.children.length !== nodes.length) node.replaceChildren(...nodes);
    },
    /** Go to the next error after what has the focus, or to the first. */
    goToError() {
      const errors = [...rows.values()].map(({ error }) => error).filter((each) => each.parentElement && !each.parentElement.hidden);
      const at = errors.findIndex((each) => each === document.activeElement);
      errors[(at + 1) % errors.length]?.focus();
    }
  };
}
function makeRow(link, name, onShown) {
  let shown = null;
  const result = makeOutcome();
  const toggle = element("button", { type: "button", class: "nbpart-switch", role: "switch", "aria-label": `Watchers look with ${name}`, onclick: () => runAction(link, node, result, "switch_trigger", { trigger: name, is_on: !shown?.is_on }) });
  const kind = element("span", { class: "nbpart-faint" });
  const look = element("button", { type: "button", text: "Look now", title: "Look once; what it asks for runs in this kernel", "aria-label": `Look now with ${name}`, onclick: () => runAction(link, node, result, "tick", { trigger: name }) });
  const [last, next] = [element("span"), element("span")];
  const said = element("div", { class: "nbpart-said" });
  const error = makeErrorFold(link, name);
  const history = makeTickList(link, name, onShown);
  const node = element(
    "div",
    { class: "nbpart-trigger", role: "listitem" },
    element("div", { class: "nbpart-trigger-head" }, toggle, element("div", {}, element("span", { class: "nbpart-trigger-name", text: name }), " ", kind)),
    element("div", { class: "nbpart-looks nbpart-faint" }, last, next),
    said,
    element("div", { class: "nbpart-trigger-buttons" }, history.button, look),
    error.node,
    result.node,
    history.node
  );
  const tell = () => {
    const text = shown ? describeNext(shown, /* @__PURE__ */ new Date()) : "";
    if (next.textContent !== text) next.textContent = text;
  };
  return {
    node,
    tell,
    error: error.summary,
    update(trigger) {
      const isNew = shown?.last_look !== trigger.last_look;
      shown = trigger;
      setAttributes(toggle, { "aria-checked": String(trigger.is_on), title: trigger.is_on ? "On: turn it off" : "Off: turn it on" });
      node.classList.toggle("nbpart-trigger-off", !trigger.is_on);
      kind.textContent = trigger.kind;
      last.textContent = describeLast(trigger);
      said.textContent = trigger.said;
      error.show(trigger.error, isNew);
      tell();
      if (isNew) history.refresh();
    }
  };
}
function makeErrorFold(link, trigger) {
  const summary = element("summary", { class: "nbpart-error" });
  const trace = element("pre", { class: "nbpart-trace", tabindex: "0", "aria-label": `Traceback of ${trigger}` });
  const node = element("details", { class: "nbpart-trigger-error", hidden: true }, summary, trace);
  node.addEventListener("toggle", () => read());
  async function read() {
    if (!node.open || node.hidden) return;
    try {
      const { ticks } = await link.request("read_ticks", { trigger }, SLOW);
      trace.textContent = ticks.find(({ error }) => error)?.traceback ?? "";
    } catch (error) {
      trace.textContent = `✕ ${error.message}`;
    }
    trace.scrollTop = trace.scrollHeight;
  }
  return {
    node,
    summary,
    /** @type {(error: string, isNew: boolean) => void} */
    show(error, isNew) {
      node.hidden = !error;
      summary.textContent = error ? `✕ ${error}` : "";
      if (isNew) read();
    }
  };
}
function makeTickList(link, trigger, onShown) {
  const list = element("div", { class: "nbpart-tick-list", tabindex: "0", role: "group", "aria-label": `Looks of ${trigger}` });
  const result = makeOutcome();
  const node = element("div", { hidden: true }, list, result.node);
  const button = element("button", { type: "button", class: "nbpart-plain nbpart-fold", text: "Looks", title: "The newest looks, with their keys and backfills", "aria-label": `Newest looks of ${trigger}`, "aria-expanded": "false", onclick: () => {
    node.hidden = !node.hidden;
    button.setAttribute("aria-expanded", String(!node.hidden));
    refresh();
  } });
  async function refresh() {
    if (node.hidden) return;
    try {
      const { ticks } = await link.request("read_ticks", { trigger }, SLOW);
      list.replaceChildren(...ticks.length ? ticks.map(makeTick2) : [element("span", { class: "nbpart-faint", text: "none yet" })]);
    } catch (error) {
      result.fail(error);
    }
  }
  async function follow(id) {
    if (await runAction(link, list, result, "show_backfill", { backfill_id: id })) onShown?.();
  }
  const makeTick2 = (tick) => element(
    "div",
    {},
    element("div", { class: "nbpart-faint", text: describeTick(tick) }),
    ...listKeys(tick).map((text) => element("div", { text })),
    element("div", { class: "nbpart-said", text: tick.said }),
    element("div", { class: "nbpart-said nbpart-error", text: tick.error ? `✕ ${tick.error}` : "" }),
    element("pre", { class: "nbpart-trace", text: tick.printed, title: "What it printed", tabindex: tick.printed ? "0" : null }),
    ...tick.backfills.map((id) => element("div", {}, "backfill ", element("button", { type: "button", class: "nbpart-link", text: id, title: "Show what has become of it", onclick: () => follow(id) })))
  );
  return { node, button, refresh };
}

// src/explorer/newest.js
var WAIT_MS = 250;
function makeNewest(waitMs = WAIT_MS) {
  let number = 0;
  let timer;
  function close() {
    clearTimeout(timer);
    number += 1;
  }
  return {
    /** @param {(isNewest: () => boolean) => unknown} ask */
    now(ask) {
      close();
      const own = number;
      return ask(() => own === number);
    },
    /** @param {(isNewest: () => boolean) => unknown} ask */
    soon(ask) {
      close();
      const own = number;
      timer = setTimeout(() => ask(() => own === number), waitMs);
    },
    /** Whatever was asked counts no more. */
    close
  };
}

// src/explorer/adding.js
var VALUE_HINTS = { int: "3 or 3, 5 or 1..10", float: "0.1 or 0.01, 0.1 or 0..1:0.25", date: "2026-01-01..2026-01-31", datetime: "2026-01-01T06:00", bool: "true, false", str: "a, b" };
var WAYS = { parameters: "by parameters", sample: "as a sample", text: "as text" };
function makeAddForm(link, section, result) {
  const setSelect = element("select", { "aria-label": "Partitions", onchange: () => draw() });
  const about = element("p", { class: "nbpart-faint" });
  const form = element("form", { class: "nbpart-form", onsubmit: (event) => {
    event.preventDefault();
    add();
  } });
  section.body.append(element("label", { class: "nbpart-field" }, element("span", { text: "partitions" }), setSelect), about, form, result.node);
  let sets = [];
  let fields2 = null;
  let columns = [];
  const parent = element("input", { type: "text", spellcheck: "false", autocomplete: "off", oninput: () => countSoon() });
  const text = element("textarea", { rows: 3, spellcheck: "false", "aria-label": "Keys, one a line" });
  onEnter(text);
  let countLabel = element("span");
  const counting = makeNewest();
  let way = "parameters";
  const points = element("input", { type: "number", min: "1", value: "10", required: true });
  const seed = element("input", { type: "number", min: "0", placeholder: "none: points that are not there" });
  for (const box of [points, seed]) onEnter(box, () => form.requestSubmit());
  let number = null;
  const current = () => sets.find(({ name }) => name === setSelect.value);
  const isWhole = () => !fields2 && !current()?.own;
  function draw(chosen = "parameters") {
    way = chosen;
    const set = current();
    form.replaceChildren();
    if (!set) return;
    result.clear();
    if (!set.is_editable) {
      form.append(element("p", { text: set.origin }));
      return;
    }
    const parameters = set.params.length > 0;
    fields2 = parameters && way !== "text" ? set.params.map((parameter) => ({ ...parameter, box: makeValueField(parameter, way !== "sample") })) : null;
    text.value = "";
    columns = way === "sample" ? [] : set.columns.map((column) => ({ ...column, box: makeValueField(column, false) }));
    const own = set.own ? `${set.own}: one a line` : "one key a line";
    text.placeholder = parameters ? `${set.parent ? `${set.parent.column}/` : ""}${set.params.map(({ name }) => `${name}=…`).join(",")}` : own;
    parent.placeholder = set.parent ? `a key of ${set.parent.set}` : "";
    const above = set.parent && (fields2 || set.own) ? [makeLabel(set.parent.column, `the key of ${set.parent.set} below which to add`, parent)] : [];
    countLabel = element("span", { class: "nbpart-faint", "aria-live": "polite" });
    const ways = (
      /** @type {Way[]} */
      ["parameters", ...set.params.some(({ drawn }) => drawn) ? ["sample"] : [], "text"]
    );
    const others = parameters ? ways.filter((other) => other !== way) : [];
    const switches = others.map((other) => element("button", { type: "button", class: "nbpart-plain", text: WAYS[other], onclick: () => draw(other) }));
    const inner = fields2 ? fields2.map(({ name, accepts, drawn, box }) => makeLabel(name, drawn ? `${accepts}; samples: ${drawn}` : accepts, box)) : [text];
    const sample = way === "sample" ? [makeLabel("points", "how many to draw", points), makeLabel("sampler_seed", "the same points each time; without one others", seed)] : [];
    form.append(
      ...above,
      ...sample,
      ...inner,
      ...columns.map(({ name, accepts, box }) => makeLabel(name, `${accepts}; of all keys that are added, empty: none`, box)),
      element("div", { class: "nbpart-bar" }, element("button", { type: "submit", class: "nbpart-primary", text: "Add" }), countLabel, element("span", { class: "nbpart-spacer" }), ...switches)
    );
  }
  const makeLabel = (name, title, box) => element("label", { class: "nbpart-field", title }, element("span", { text: name }), box);
  function makeValueField({ kind, choices, default: fallback, accepts, drawn }, isMany = true) {
    const hint = choices.length ? choices.join(", ") : isMany ? VALUE_HINTS[kind] : accepts;
    const isOfSample = way === "sample" && !isMany;
    const placeholder = isOfSample && drawn ? `drawn: ${drawn}` : fallback && (isMany || isOfSample) ? `${fallback} (default)` : hint;
    const box = element("input", { type: "text", spellcheck: "false", autocomplete: "off", placeholder, oninput: () => countSoon() });
    onEnter(box, () => form.requestSubmit());
    return box;
  }
  const axes = () => Object.fromEntries((fields2 ?? []).map(({ name, box }) => [name, box.value]));
  const columnTexts = () => Object.fromEntries(columns.map(({ name, box }) => [name, box.value]));
  const countSoon = () => counting.soon(countGrid);
  async function countGrid(isNewest) {
    const own = countLabel;
    if (!fields2 || way === "sample" || fields2.some(({ required, box }) => required && !box.value.trim())) {
      own.textContent = "";
      return;
    }
    try {
      const { n_keys: n, first } = await link.request("count_grid", { partitions: setSelect.value, parent: parent.value, axes: axes() });
      if (isNewest()) own.textContent = `${plural(n, "key")}: ${shorten(first, 40)}${n > 1 ? " …" : ""}`;
    } catch (error) {
      if (isNewest()) own.textContent = error.message;
    }
  }
  async function add() {
    const partitions = setSelect.value;
    const below = { partitions, parent: parent.value };
    const answer = await (way === "sample" ? runAction(link, form, result, "add_sample", { ...below, n_points: points.valueAsNumber, seed: seed.value ? seed.valueAsNumber : null, values: axes() }) : fields2 ? runAction(link, form, result, "add_grid", { ...below, axes: axes(), columns: columnTexts() }) : runAction(link, form, result, "add_keys", { partitions, parent: isWhole() ? "" : parent.value, text: text.value, columns: columnTexts() }));
    if (!answer) return;
    text.value = "";
    (way === "sample" ? points : fields2 ? fields2[0].box : text).focus();
  }
  return {
    /** @param {PanelJson} panel */
    show(panel) {
      const { selection } = panel;
      section.show(panel.sets.length > 0);
      const before = JSON.stringify(sets);
      const selectedBefore = setSelect.dataset.selection;
      sets = panel.sets;
      if (JSON.stringify(sets) !== before) {
        const kept = setSelect.value;
        setSelect.replaceChildren(...sets.map(({ name }) => element("option", { value: name, text: name })));
        if (sets.some(({ name }) => name === kept)) setSelect.value = kept;
        draw();
      }
      if (selection.set !== selectedBefore && sets.some(({ name }) => name === selection.set) && selection.set !== setSelect.value) {
        setSelect.value = selection.set;
        draw();
      }
      setSelect.dataset.selection = selection.set;
      const set = current();
      if (set && set.parent && selection.set === set.parent.set && selection.key !== null) parent.value = selection.key;
      const none = ["all", "assets"].includes(selection.kind) && selection.counts.every((n) => !n);
      about.textContent = none && sets.some((one) => one.is_editable) ? "There are no partitions yet: add the first keys here." : "";
      about.hidden = !about.textContent;
      if (none || selection.number !== number) section.suggestOpen(none);
      number = selection.number;
    },
    close: counting.close
  };
}

// src/explorer/backfills.js
function makeBackfillList(link) {
  const list = element("div", { class: "nbpart-backfills" });
  const result = makeOutcome();
  const node = element("div", { hidden: true, role: "group", "aria-label": "Backfills" }, list, result.node);
  const rows = /* @__PURE__ */ new Map();
  function row(id) {
    const glyph = element("span");
    const summary = element("span", { class: "nbpart-step-name" });
    const bar = element("div", { class: "nbpart-steps", role: "progressbar", "aria-valuemin": "0" });
    const button = (text, action) => element("button", { type: "button", text, onclick: () => runAction(link, node, result, action, { backfill_id: id }) });
    const cancel = button("Cancel", "cancel");
    const retry = button("Retry failed", "retry_failed");
    const resume = button("Resume", "resume");
    const box = element("div", { class: "nbpart-backfill", title: id }, element("div", { class: "nbpart-row" }, glyph, summary, element("span", { class: "nbpart-spacer" }), resume, cancel, retry), bar);
    return { box, glyph, summary, bar, cancel, retry, resume };
  }
  function update(one, { glyph, summary, bar, cancel, retry, resume }) {
    glyph.replaceChildren(makeGlyph(one.status));
    const bad = one.counts.filter(([name, n]) => n && isRetryable(name)).map(([name, n]) => `${formatCount(n)} ${name}`);
    const left = one.is_active && one.remaining_s !== null ? `about ${formatDuration(one.remaining_s)} left` : "";
    const stands = one.waiting_for || `${formatCount(one.done)} of ${formatCount(one.steps)}`;
    summary.textContent = [`${shorten(one.selection, 40)} ${one.status}: ${stands}`, ...bad, left].filter(Boolean).join(", ");
    const total = one.counts.reduce((sum, [, n]) => sum + n, 0) || 1;
    bar.replaceChildren(...one.counts.filter(([, n]) => n).map(([name, n]) => {
      const part = element("i", { class: `s-${markOf(name).colour} nbpart-step-${name}`, title: `${formatCount(n)} ${name}` });
      part.style.flex = `${n / total} 0 5px`;
      return part;
    }));
    setAttributes(bar, { "aria-valuemax": one.steps, "aria-valuenow": one.done, "aria-label": `Steps of ${one.selection} with an outcome` });
    bar.hidden = Boolean(one.waiting_for);
    cancel.hidden = !one.allowed.cancel;
    retry.hidden = !one.allowed.retry_failed;
    resume.hidden = !(one.waiting_for || one.allowed.resume);
    resume.textContent = one.waiting_for ? "Begin" : "Resume";
    resume.title = one.waiting_for ? "Plan it and run it in this process" : `Go on with ${plural(one.allowed.resume, "step")}`;
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
    }
  };
}

// src/shared/buffers.js
var readNumbers = ({ buffer, byteOffset, byteLength }) => new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength));

// src/shared/plot.js
var CATEGORIES = {
  light: ["#0072b2", "#b34700", "#007a5a", "#a3447a", "#7a6a00", "#2e2e2e", "#1f8fc4", "#777777"],
  dark: ["#56b4e9", "#ff9a56", "#3fd0a4", "#e88cc0", "#f0e442", "#e8e8e8", "#8fd0ff", "#a8a8a8"]
};
var DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
var isDark = (root) => {
  const light = document.body.dataset.jpThemeLight;
  if (light !== void 0) return light === "false";
  return root.ownerDocument.defaultView?.matchMedia("(prefers-color-scheme: dark)").matches ?? false;
};
var categoryColours = (root) => CATEGORIES[isDark(root) ? "dark" : "light"];
var cssColour = (root, name) => getComputedStyle(root).getPropertyValue(name).trim();
function fitCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}
function linearTicks(low, high, most) {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, most - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999) ?? rough;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
function logTicks(low, high, most) {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const every = Math.max(1, Math.ceil((to - from + 1) / most));
  const within = to - from <= 2 ? [1, 2, 5] : to - from <= 4 ? [1, 3] : [1];
  const found = [];
  for (let power = from; power <= to; power += every) found.push(...within.map((each) => Number((each * 10 ** power).toPrecision(6))));
  const inside = found.filter((each) => each >= low * 0.999 && each <= high * 1.001);
  return inside.length ? inside : [low];
}
function formatTick(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}
function paintFrame(context, root, box, x, y) {
  const [line, soft, text, faint] = ["--nbpart-line", "--nbpart-line-soft", "--nbpart-text", "--nbpart-faint"].map((name) => cssColour(root, name));
  Object.assign(context, { strokeStyle: soft, lineWidth: 1, font: "11px system-ui, sans-serif", fillStyle: text, textBaseline: "middle", textAlign: "right" });
  context.beginPath();
  for (const { at, label } of y.ticks) {
    context.moveTo(box.left, Math.round(at) + 0.5);
    context.lineTo(box.right, Math.round(at) + 0.5);
    context.fillText(shorten(label, 9), box.left - 5, at);
  }
  context.stroke();
  context.textAlign = "center";
  context.textBaseline = "top";
  let free = -Infinity;
  for (const { at, label } of x.ticks) {
    const short = shorten(label, 16);
    const half = context.measureText(short).width / 2;
    if (at - half < free || at + half > box.right + 14) continue;
    free = at + half + 6;
    context.fillText(short, at, box.bottom + 5);
  }
  context.strokeStyle = line;
  context.strokeRect(box.left + 0.5, box.top + 0.5, box.right - box.left - 1, box.bottom - box.top - 1);
  context.fillStyle = faint;
  context.fillText(shorten(x.name, 60), (box.left + box.right) / 2, box.bottom + 20);
  context.save();
  context.translate(10, (box.top + box.bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.textBaseline = "middle";
  context.fillText(shorten(y.name, 30), 0, 0);
  context.restore();
}

// src/shared/tooltip.js
function makeTooltip() {
  const node = element("div", { class: "nbpart-tooltip", hidden: true });
  const show = (x, y, { width, height }, title, lines, above = 0) => {
    node.replaceChildren(element("b", { text: title }), ...lines.map((text) => element("div", { text })));
    node.hidden = false;
    const fits = y + 16 + node.offsetHeight <= height;
    node.style.left = `${Math.max(0, Math.min(x + 14, width - node.offsetWidth - 4))}px`;
    node.style.top = `${fits ? y + 16 : Math.max(0, y - above - node.offsetHeight - 10)}px`;
  };
  return { node, show, hide: () => void (node.hidden = true) };
}

// src/shared/curves.js
var HEIGHT = 240;
var FRAME = { left: 58, right: 14, top: 10, bottom: 36 };
var RENEW_MS = 1e3;
var MOST_NAMED = 8;
var NEAR_PX = 12;
function readCurves({ lines }, bytes) {
  const numbers = readNumbers(bytes);
  let at = 0;
  return lines.map((line) => {
    const [x, y] = [numbers.subarray(at, at + line.points), numbers.subarray(at + line.points, at + 2 * line.points)];
    at += 2 * line.points;
    return { ...line, x, y };
  });
}
function findExtent(curves, isLog) {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { x, y } of curves) {
    for (let i = 0; i < x.length; i += 1) {
      if (!Number.isFinite(y[i]) || isLog && y[i] <= 0) continue;
      left = Math.min(left, x[i]);
      right = Math.max(right, x[i]);
      low = Math.min(low, y[i]);
      high = Math.max(high, y[i]);
    }
  }
  if (left > right) return null;
  return { left, right: right > left ? right : left + 1, low, high: high > low ? high : isLog ? low * 1.1 : low + (Math.abs(low) * 0.1 || 1) };
}
function makeCurves(link, root, onRead = () => {
}) {
  const canvas = element("canvas", { role: "img", "aria-label": "Curves" });
  const tooltip = makeTooltip();
  const plot = element("div", { class: "nbpart-plot" }, canvas, tooltip.node);
  const metric = element("select", { "aria-label": "Metric of the curves", onchange: () => read() });
  const by = element("select", { "aria-label": "Curves by", onchange: () => read() }, element("option", { value: "step", text: "by step" }), element("option", { value: "time", text: "by time" }));
  const smoothing = element("input", { type: "range", min: "0", max: "0.99", step: "0.01", value: "0", "aria-label": "Smoothing", title: "Smoothing: an exponential moving average", oninput: () => read() });
  const log = element("input", { type: "checkbox", onchange: () => paint() });
  const note = element("span", { class: "nbpart-faint", role: "status" });
  const legend = element("div", { class: "nbpart-legend nbpart-curve-legend" });
  const fields2 = element("span", { class: "nbpart-curve-fields" }, metric, by, element("label", { class: "nbpart-check" }, "smooth ", smoothing), element("label", { class: "nbpart-check" }, log, " log"));
  const controls = element("div", { class: "nbpart-bar" }, fields2, note);
  const node = element("div", { class: "nbpart-curves" }, controls, plot, legend);
  let runs = [];
  let curves = [];
  let asked = "";
  let isReading = false;
  let isAgain = false;
  let isClosed = false;
  let timer;
  let find = () => null;
  async function read() {
    clearTimeout(timer);
    if (isReading) {
      isAgain = true;
      return;
    }
    isReading = true;
    isAgain = false;
    try {
      if (runs.length) {
        const answer = await link.request("read_curves", { run_ids: runs.map(({ id }) => id), metric: metric.value, by_time: by.value === "time", smoothing: Number(smoothing.value) });
        curves = readCurves(answer, answer.buffers[0]);
        showNames(answer);
      } else {
        curves = [];
        showNames({ metric: "", names: [] });
      }
      showNote();
    } catch (error) {
      note.textContent = `✕ ${error.message}`;
    } finally {
      isReading = false;
    }
    if (isClosed) return;
    onRead(metric.options.length > 0);
    paint();
    if (isAgain) read();
    else if (curves.some(({ live }) => live) || runs.some(({ live }) => live)) timer = setTimeout(() => document.hidden || !node.isConnected ? paint() : read(), RENEW_MS);
  }
  function showNames({ metric: drawn, names }) {
    if (JSON.stringify([...metric.options].map(({ value }) => value)) !== JSON.stringify(names)) metric.replaceChildren(...names.map((value) => element("option", { value, text: value })));
    metric.value = drawn;
    const isEmpty = names.length === 0;
    for (const each of [fields2, plot, legend]) each.hidden = isEmpty;
  }
  function showNote() {
    const [total, drawn] = [curves.reduce((sum, each) => sum + each.total, 0), curves.reduce((sum, each) => sum + each.points, 0)];
    if (!runs.length) note.textContent = "no run to draw";
    else if (!curves.length) note.textContent = "no curves: run.log(loss=…, step=…) logs a point of one";
    else note.textContent = `${plural(new Set(curves.map(({ run_id: id }) => id)).size, "run")}, ${plural(total, "point")}${drawn < total ? `, ${formatCount(drawn)} drawn` : ""}${curves.some(({ live }) => live) ? ", live" : ""}`;
  }
  function paint() {
    const width = plot.clientWidth;
    if (!width) return;
    const context = fitCanvas(canvas, width, HEIGHT);
    const extent = findExtent(curves, log.checked);
    find = () => null;
    if (!context || !extent) return;
    const box = { left: FRAME.left, right: width - FRAME.right, top: FRAME.top, bottom: HEIGHT - FRAME.bottom };
    const go = log.checked ? Math.log10 : (value) => value;
    const [from, to] = [go(extent.low), go(extent.high)];
    const toX = (x) => box.left + 4 + (x - extent.left) / (extent.right - extent.left) * (box.right - box.left - 8);
    const toY = (y) => box.bottom - 4 - (go(y) - from) / (to - from) * (box.bottom - box.top - 8);
    const isTime = by.value === "time";
    paintFrame(
      context,
      root,
      box,
      { name: isTime ? "seconds since the first point" : "step", ticks: linearTicks(extent.left, extent.right, Math.max(2, Math.floor(width / 80))).map((value) => ({ at: toX(value), label: formatTick(value) })) },
      { name: metric.value, ticks: (log.checked ? logTicks : linearTicks)(extent.low, extent.high, 7).map((value) => ({ at: toY(value), label: formatTick(value) })) }
    );
    const named = runs.length <= MOST_NAMED;
    const colours = categoryColours(root);
    const places = new Map(runs.map(({ id }, i) => [id, i]));
    const plain = cssColour(root, "--nbpart-faint");
    for (const curve of curves) {
      const place = places.get(curve.run_id) ?? 0;
      const own = runs[place]?.colour;
      context.strokeStyle = named ? colours[place % colours.length] : own ?? plain;
      context.fillStyle = context.strokeStyle;
      context.setLineDash(named ? DASHES[Math.floor(place / 4) % DASHES.length] : []);
      context.lineWidth = named ? 1.7 : 1.1;
      context.globalAlpha = named ? 1 : 0.7;
      strokeCurve(context, curve, toX, toY, log.checked);
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
    showLegend(named ? colours : []);
    canvas.setAttribute("aria-label", `${metric.value} ${by.value === "time" ? "by time" : "by step"} of ${plural(runs.length, "run")}`);
    find = (px, py) => findNearest(curves, px, py, toX, toY);
  }
  function showLegend(colours) {
    legend.replaceChildren(...(colours.length && runs.length > 1 ? runs.filter(({ id }) => curves.some(({ run_id: other }) => other === id)) : []).map(({ id, label }) => {
      const last = curves.findLast(({ run_id: other }) => other === id);
      const place = runs.findIndex((run) => run.id === id);
      const swatch = element("i", { class: "nbpart-line-swatch", "aria-hidden": "true" });
      swatch.style.borderTop = `2px ${place >= 4 ? "dashed" : "solid"} ${colours[place % colours.length]}`;
      return element("span", { title: label }, swatch, shorten(label, 48), element("span", { class: "nbpart-faint", text: last ? formatNumber(last.y[last.y.length - 1]) : "" }));
    }));
  }
  canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    const found = find(offsetX, offsetY);
    if (!found) return tooltip.hide();
    const [curve, i] = found;
    const label = runs.find(({ id }) => id === curve.run_id)?.label ?? curve.run_id;
    const at = by.value === "time" ? `after ${formatDuration(curve.x[i])}` : `step ${formatCount(curve.x[i])}`;
    return tooltip.show(offsetX, offsetY, { width: plot.clientWidth, height: HEIGHT }, shorten(label, 80), [at, `${metric.value} ${formatNumber(curve.y[i])}`]);
  });
  canvas.addEventListener("pointerleave", () => tooltip.hide());
  const stopTheme = onThemeChange(() => setTimeout(paint, 50));
  return {
    node,
    paint,
    /**
     * Draw the curves of these runs; what is drawn already is not read again, unless something is new.
     *
     * @param {ShownRun[]} next
     * @param {unknown} [version] what the runs depend on beside their ids
     */
    show(next, version = "") {
      const text = JSON.stringify([next.map(({ id, live }) => [id, live]), version]);
      runs = next;
      if (text === asked) return paint();
      asked = text;
      setAttributes(node, { "aria-label": `Curves of ${plural(next.length, "run")}` });
      return void read();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      stopTheme();
    }
  };
}
function strokeCurve(context, { x, y }, toX, toY, isLog) {
  context.beginPath();
  let isOpen = false;
  for (let i = 0; i < x.length; i += 1) {
    if (!Number.isFinite(y[i]) || isLog && y[i] <= 0) {
      isOpen = false;
      continue;
    }
    const [px, py] = [toX(x[i]), toY(y[i])];
    if (isOpen) context.lineTo(px, py);
    else context.moveTo(px, py);
    isOpen = true;
  }
  context.stroke();
  if (x.length === 1 && isOpen) context.fillRect(toX(x[0]) - 2, toY(y[0]) - 2, 4, 4);
}
function findNearest(curves, px, py, toX, toY) {
  let best = null;
  let distance = NEAR_PX ** 2;
  for (const curve of curves) {
    for (let i = 0; i < curve.x.length; i += 1) {
      const d = (toX(curve.x[i]) - px) ** 2 + (toY(curve.y[i]) - py) ** 2;
      if (d < distance) [best, distance] = [[curve, i], d];
    }
  }
  return best;
}

// src/explorer/curves.js
function makeCurveView(link, root, section) {
  const curves = makeCurves(link, root, (hasAny) => section.show(hasAny));
  section.body.append(curves.node);
  section.node.addEventListener("toggle", curves.paint);
  section.show(false);
  return {
    close: curves.close,
    /** @param {RunJson | null} run */
    show(run) {
      if (!run) section.show(false);
      curves.show(run ? [{ id: run.id, label: run.id, live: run.is_live }] : [], run ? [run.status, run.attempt] : null);
    }
  };
}
function makeStopButton(link) {
  const result = makeOutcome();
  let id = "";
  const button = element("button", { type: "button", text: "Stop early", title: "Ask the run to end with what it has", onclick: () => runAction(link, node, result, "stop_run", { run_id: id }) });
  const node = element("div", { class: "nbpart-stop", hidden: true }, button, result.node);
  return {
    node,
    /** @param {RunJson | null} run */
    show(run) {
      if (run?.id !== id) result.clear();
      id = run?.id ?? "";
      button.hidden = run?.status !== "running";
      node.hidden = !run?.is_live;
    }
  };
}

// src/explorer/data.js
function makeDataTable({ columns, types, rows }) {
  const head = element("tr", {}, ...columns.map((name, i) => element("th", { scope: "col" }, name, element("small", { text: types[i] || "" }))));
  const lines = rows.map((row) => element("tr", {}, ...row.map((text) => element("td", { text }))));
  return element(
    "div",
    { class: "nbpart-table", tabindex: "0", role: "region", "aria-label": "First rows" },
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines))
  );
}
function makeDataView(link, section) {
  const images = makeImages();
  let shown = "";
  async function preview(panel, file) {
    const { number } = panel.selection;
    const answer = await link.request("preview_data", { selection_number: number, run_id: panel.opened_run_id, file });
    if (answer.kind === "image" && answer.buffers.length) return { answer, node: images.make(answer.buffers[0], file || "The figure") };
    if (answer.kind === "table") return { answer, node: makeDataTable(answer) };
    return { answer, node: element("pre", { class: "nbpart-text", tabindex: "0", "aria-label": "Data", text: answer.text }) };
  }
  async function read(panel, made) {
    const own = shown;
    const parts = [];
    try {
      const { answer, node } = await preview(panel, null);
      parts.push(element("p", { class: "nbpart-faint", text: answer.message }), node, panel.opened_run_id ? makeCodeLine(answer.code) : "");
      const figures = made.files.filter(({ name, format }) => name && format === "figure").slice(0, 6);
      for (const { name } of figures) {
        const figure = await preview(panel, name);
        parts.push(element("figure", {}, figure.node, element("figcaption", { text: name })));
      }
    } catch (error) {
      parts.push(element("p", { class: "nbpart-error", text: error.message }));
    }
    if (own !== shown) return;
    const others = made.files.filter(({ name, format }) => name && format !== "figure");
    section.body.replaceChildren(...parts, ...others.map(({ name, bytes, path }) => element("div", { class: "nbpart-row" }, makeFileLink(path, link.state.home, name), element("span", { class: "nbpart-faint", text: bytes === null ? "" : formatBytes(bytes) }))));
  }
  return {
    /** @param {PanelJson} panel */
    show(panel) {
      const { partition, run, opened_run_id: opened } = panel;
      const made = partition && (opened ? run && run.materialization : partition.materialization);
      section.show(Boolean(made));
      const key = made ? JSON.stringify([panel.selection.number, opened, made.materialized_at, made.run_id]) : "";
      if (key === shown || key && !section.isOpen()) return;
      shown = key;
      images.release();
      section.body.replaceChildren(element("p", { class: "nbpart-faint", text: "Reading …" }));
      if (made) read(panel, made);
    },
    close: images.release
  };
}
function makeHistoryView(section, open) {
  const list = element("ul", { class: "nbpart-list" });
  section.body.append(list);
  const line = (brief, current, opened) => {
    const took = brief.duration_s === null ? "" : ` · ${formatDuration(brief.duration_s)}`;
    const attempt = brief.attempt > 1 ? ` · attempt ${brief.attempt}` : "";
    const button = element(
      "button",
      { type: "button", class: "nbpart-run", "aria-pressed": String(brief.id === opened), title: brief.id, "data-run": brief.id, onclick: () => open(brief.id) },
      makeGlyph(brief.status),
      `${brief.started_at ? formatTime(brief.started_at) : brief.status}${took}${attempt}`,
      brief.id === current ? element("span", { class: "nbpart-faint", text: " now" }) : null
    );
    return element("li", {}, button, brief.error ? element("div", { class: "nbpart-error-text", text: shorten(brief.error.split("\n")[0], 120) }) : null);
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
      const again = focused ? list.querySelector(`[data-run="${CSS.escape(focused)}"]`) : null;
      again?.focus();
    }
  };
}

// src/explorer/facts.js
function makeWhy(parts, follow) {
  return element("span", { class: "nbpart-why" }, ...parts.map(([text, named]) => named ? element("button", { type: "button", class: "nbpart-link", text, title: "Go to this partition", onclick: () => follow(named) }) : text));
}
function makeFactList(rows) {
  return element("dl", { class: "nbpart-facts-list" }, ...rows.flatMap(([name, value]) => [element("dt", { text: name }), element("dd", {}, value)]));
}
function collectFacts(partition, run, opened) {
  const rows = [];
  if (partition.blocked) rows.push(["blocked", partition.blocked]);
  if (!opened) for (const [name, said] of partition.checks) rows.push([`check ${name}`, said]);
  rows.push(...partition.params);
  const made = opened ? run && run.materialization : partition.materialization;
  if (made) {
    rows.push(["made", formatTime(made.materialized_at)]);
    if (made.duration_s !== null) rows.push(["took", formatDuration(made.duration_s)]);
    if (made.rows !== null) rows.push(["rows", formatCount(made.rows)]);
    if (made.bytes !== null) rows.push(["size", formatBytes(made.bytes)]);
    for (const [name, value] of made.metrics) rows.push([name, typeof value === "number" ? formatNumber(value) : value]);
  }
  if (run && !(made && made.run_id === run.id && run.status === "succeeded")) {
    const attempt = run.attempt > 1 ? `attempt ${run.attempt}` : "";
    const began = run.started_at ? formatTime(run.started_at) : "";
    const took = run.duration_s === null ? "" : `took ${formatDuration(run.duration_s)}`;
    rows.push(["run", [run.status, attempt, began, took].filter(Boolean).join(", ")]);
  }
  return rows;
}

// src/explorer/completion.js
var NAME = /[\p{L}\p{N}_.]/u;
function findToken(text, caret) {
  const before = text.slice(0, caret);
  if (before.split("'").length % 2 === 0) return null;
  let start = caret;
  while (start > 0 && NAME.test(text[start - 1])) start--;
  let end = caret;
  while (end < text.length && NAME.test(text[end])) end++;
  const token = text.slice(start, caret);
  return /^\p{N}/u.test(token) ? null : { start, end, text: token };
}
function findColumns(columns, token, most = 8) {
  const wanted = token.toLowerCase();
  const named = columns.filter(([name]) => name.toLowerCase() !== wanted);
  const begins = named.filter(([name]) => name.toLowerCase().startsWith(wanted));
  const holds = named.filter(([name]) => !name.toLowerCase().startsWith(wanted) && name.toLowerCase().includes(wanted));
  return [...begins, ...holds].slice(0, most);
}
function complete(text, token, name) {
  const after = text.slice(token.end);
  const space = after.startsWith(" ") ? "" : " ";
  return { text: text.slice(0, token.start) + name + space + after, caret: token.start + name.length + 1 };
}

// src/explorer/filter.js
var CLOSE_MS = 250;
var fields = 0;
function makeFilterField(link, { onChange, onSubmit }) {
  const id = `nbpart-columns-${++fields}`;
  const box = element("input", {
    type: "text",
    spellcheck: "false",
    autocomplete: "off",
    placeholder: "lr < 0.1 and depth = 3",
    role: "combobox",
    "aria-label": "where",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": id,
    oninput: () => {
      problem.textContent = "";
      onChange();
      offer();
      countSoon();
    },
    onclick: () => offer(),
    onblur: () => setTimeout(close, CLOSE_MS)
  });
  const list = element("ul", { id, class: "nbpart-choices", role: "listbox", "aria-label": "Columns", hidden: true });
  const count = element("span", { class: "nbpart-faint", "aria-live": "polite" });
  const problem = element("div", { class: "nbpart-error", role: "alert" });
  const line = element("div");
  const node = element(
    "div",
    { class: "nbpart-filter" },
    element("label", { class: "nbpart-field", title: "Only the partitions for which this is true; a column is completed as you type" }, element("span", { text: "where" }), element("div", { class: "nbpart-complete" }, box, list)),
    problem,
    count,
    line
  );
  let columns = [];
  let known = -1;
  let at = -1;
  const counting = makeNewest();
  const number = () => link.state.panel.selection.number;
  const token = () => findToken(box.value, box.selectionStart ?? box.value.length);
  async function offer() {
    if (known !== number()) {
      known = number();
      try {
        ({ columns } = await link.request("list_columns", { selection_number: known }));
      } catch {
        columns = [];
        known = -1;
      }
    }
    const name = token();
    const found = name && (name.text || !box.value) ? findColumns(columns, name.text) : [];
    at = found.length && name?.text ? 0 : -1;
    list.replaceChildren(...found.map(([column, values], place) => element("li", {
      id: `${id}-${place}`,
      role: "option",
      onpointerdown: (event) => {
        event.preventDefault();
        take(column);
      }
    }, element("span", { text: column }), element("span", { class: "nbpart-faint", text: values }))));
    open(found.length > 0 && box.getRootNode() instanceof Document ? document.activeElement === box : found.length > 0);
  }
  function open(yes) {
    list.hidden = !yes;
    box.setAttribute("aria-expanded", String(yes));
    problem.hidden = yes;
    mark();
  }
  const close = () => open(false);
  function mark() {
    [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === at)));
    if (at >= 0 && !list.hidden) box.setAttribute("aria-activedescendant", `${id}-${at}`);
    else box.removeAttribute("aria-activedescendant");
  }
  function take(name) {
    const typed = token();
    if (!typed) return;
    const { text, caret } = complete(box.value, typed, name);
    box.value = text;
    box.setSelectionRange(caret, caret);
    close();
    onChange();
    countSoon();
  }
  function move(step) {
    if (list.hidden) return void offer();
    const n = list.children.length;
    at = (at + step + (at < 0 && step < 0 ? 1 : 0) + n) % n;
    mark();
  }
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const isOpen = !list.hidden;
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (["Enter", "Tab"].includes(event.key) && isOpen && at >= 0) take(list.children[at].firstElementChild?.textContent ?? "");
    else if (event.key === "Escape" && isOpen) close();
    else if (event.key === "Enter") onSubmit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const countSoon = () => counting.soon(describe);
  async function describe(isNewest) {
    const { number: selected, counts, kind } = link.state.panel.selection;
    const isAll = !box.value.trim();
    if (isAll && !["partition", "partitions"].includes(kind)) return show("", null);
    try {
      const { count: n, code } = await link.request("describe_choice", { selection_number: selected, where: box.value });
      if (!isNewest()) return;
      const total = counts.reduce((sum, one) => sum + one, 0);
      show(isAll || n === null ? "" : total ? `${n.toLocaleString("en")} of ${plural(total, "partition")}` : plural(n, "partition"), code);
    } catch (error) {
      if (isNewest()) show("", null, `✕ ${error.message}`);
    }
  }
  function show(text, code, error = "") {
    count.textContent = text;
    line.replaceChildren(code === null ? "" : makeCodeLine(code));
    problem.textContent = error;
  }
  return {
    node,
    get value() {
      return box.value;
    },
    /** Describe the choice of what is selected now. */
    refresh: countSoon,
    close: counting.close
  };
}

// src/explorer/question.js
function makeQuestion(buttons, result) {
  const summary = element("span", { "aria-live": "polite" });
  const fields2 = element("div", { class: "nbpart-form" });
  const reason = element("input", { type: "text", placeholder: "why: it stands in their history", "aria-label": "why", maxlength: 1e3 });
  const yes = element("button", { type: "button", onclick: () => act() });
  const no = element("button", { type: "button", text: "Cancel", onclick: () => close(true) });
  const node = element("div", { class: "nbpart-question", role: "alertdialog", hidden: true }, fields2, summary, reason, yes, no);
  const counting = makeNewest();
  let verb = null;
  let asker = null;
  onKeys(node, { Escape: () => close(true) });
  onEnter(reason, () => act());
  function close(isBack = false) {
    counting.close();
    verb = null;
    node.hidden = true;
    buttons.hidden = false;
    if (isBack) asker?.focus();
  }
  function tell(text, canDo, isWrong = false) {
    summary.textContent = text;
    summary.className = isWrong ? "nbpart-error" : "";
    node.setAttribute("aria-label", text);
    yes.disabled = !canDo;
  }
  async function count(isNewest) {
    if (!verb) return;
    try {
      const { message, count: n } = await verb.run({ reason: "", dry_run: true });
      if (isNewest()) tell(message, n > 0);
    } catch (error) {
      if (isNewest()) tell(`✕ ${error.message}`, false, true);
    }
  }
  function draw() {
    if (!verb) return;
    const { word, isGrave } = verb.look();
    yes.textContent = word;
    yes.className = isGrave ? "nbpart-danger" : "nbpart-primary";
    node.classList.toggle("nbpart-grave", isGrave);
  }
  async function act() {
    const asked = verb;
    if (!asked || yes.disabled) return;
    counting.close();
    await runAndShow(node, result, () => asked.run({ reason: reason.value, dry_run: false }));
    close(true);
  }
  return {
    node,
    close,
    changed() {
      yes.disabled = true;
      draw();
      counting.soon(count);
    },
    async ask(asked, from) {
      result.clear();
      const isBlank = asked.fields.length > 0 && asked.isOpen;
      const found = isBlank ? null : await runAndShow(buttons, result, () => asked.run({ reason: "", dry_run: true }));
      if (!isBlank && !found?.count) return;
      result.clear();
      [verb, asker] = [asked, from];
      fields2.replaceChildren(...asked.fields);
      fields2.hidden = !asked.fields.length;
      if (isBlank) node.prepend(fields2);
      else summary.after(fields2);
      reason.value = "";
      draw();
      if (found) tell(found.message, true);
      else tell("", false);
      node.hidden = false;
      buttons.hidden = true;
      if (isBlank) counting.now(count);
      const first = isBlank ? fields2.querySelector("input") : null;
      (first ?? no).focus();
    }
  };
}

// src/explorer/verbs.js
var VERSIONS = { hash: "what they hold (hash)", "size+mtime": "size and time, unread (size+mtime)" };
var makeField = (name, title, box) => element("label", { class: "nbpart-field", title }, element("span", { text: name }), box);
function makeTick(text, onChange) {
  const box = element("input", { type: "checkbox", onchange: onChange });
  return { box, node: element("label", { class: "nbpart-tick" }, box, element("span", { text })) };
}
var makeAccept = (link, choice) => ({
  fields: [],
  isOpen: false,
  look: () => ({ word: "Accept", isGrave: false }),
  run: (how) => link.request("accept", { ...choice, ...how }, SLOW)
});
function makeWipe(link, choice, onChange) {
  const data = makeTick("also delete the files of all their runs now; else these stay until a prune", onChange);
  return {
    fields: [data.node],
    isOpen: false,
    look: () => ({ word: data.box.checked ? "Wipe and delete" : "Wipe", isGrave: true }),
    run: (how) => link.request("wipe", { ...choice, data: data.box.checked, ...how }, SLOW)
  };
}
function makePrune(link, choice, onChange) {
  const keep = element("input", { type: "number", min: 0, step: 1, value: 3, oninput: onChange });
  return {
    fields: [makeField("keep newest", "So many of the newest data and runs of each partition stay. 0 deletes current data too, of the keys that are selected or for which the condition is true", keep)],
    isOpen: true,
    look: () => ({ word: "Delete", isGrave: true }),
    run: (how) => link.request("prune", { ...choice, keep: keep.valueAsNumber, ...how }, SLOW)
  };
}
function makeAdopt(link, choice, onChange) {
  const path = element("input", { type: "text", spellcheck: "false", autocomplete: "off", placeholder: "results/{partition_key}.json", oninput: onChange });
  const version = element("select", { onchange: onChange }, ...Object.entries(VERSIONS).map(([value, text]) => element("option", { value, text })));
  onEnter(path, () => {
  });
  return {
    fields: [
      makeField("path", "Where the files are; a column in braces says of which key each is", path),
      makeField("told apart by", "By what a file is another one than was adopted", version)
    ],
    isOpen: true,
    look: () => ({ word: "Adopt", isGrave: false }),
    run: (how) => link.request("adopt", { ...choice, path: path.value, version: version.value === "hash" ? "hash" : "size+mtime", ...how }, SLOW)
  };
}
var VERBS = [
  ["Accept", "Count what they have as made by the code and of the inputs of now; nothing runs", makeAccept],
  ["Wipe", "Make them missing, as if they had never run; their files stay until a prune", makeWipe],
  ["Prune", "Delete old data, executed notebooks and logs; adopted files always stay", makePrune],
  ["Adopt", "Make files that are there the data of the selected asset; they stay where they are", makeAdopt]
];
function makeVerbForm(link, result, choice) {
  const bar = element("div", { class: "nbpart-bar" }, ...VERBS.map(([word, title, make]) => {
    const button = element("button", { type: "button", text: `${word} …`, title, onclick: () => question.ask(make(link, choice(), question.changed), button) });
    return button;
  }));
  const question = makeQuestion(bar, result);
  return { node: element("div", { class: "nbpart-verbs" }, bar, question.node), close: () => question.close() };
}
function makeRemoveForm(link, result) {
  const button = element("button", { type: "button", onclick: () => question.ask(makeRemoval(), button) });
  const bar = element("div", { class: "nbpart-bar" }, button);
  const question = makeQuestion(bar, result);
  const node = element("div", { class: "nbpart-remove" }, bar, question.node);
  let n = 0;
  function makeRemoval() {
    const about = { selection_number: link.state.panel.selection.number, n_keys: n };
    const data = makeTick("also delete all that runs left, in all assets: data, notebooks, logs, metrics, error texts", question.changed);
    return {
      fields: [data.node],
      isOpen: false,
      look: () => ({ word: data.box.checked ? "Remove and delete" : "Remove", isGrave: true }),
      run: (how) => link.request("remove_keys", { ...about, delete_data: data.box.checked, ...how }, SLOW)
    };
  }
  return {
    node,
    /** @param {PanelJson} panel */
    show({ selection, sets }) {
      const removable = sets.some(({ name, is_editable: isEditable }) => isEditable && name === selection.set) && ["partition", "partitions"].includes(selection.kind);
      node.hidden = !removable;
      n = selection.n_keys;
      button.textContent = `Remove ${plural(n, "key")} …`;
      question.close();
    }
  };
}

// src/explorer/forms.js
function makeRefreshBar(link, result) {
  const codeAge = element("span", { class: "nbpart-faint nbpart-code-age" });
  const watching = element("span", { class: "nbpart-faint nbpart-watching" });
  const button = element("button", { type: "button", class: "nbpart-plain", text: "Refresh", title: "Look now whether code or sources changed on disk; nothing runs", onclick: () => runAction(link, node, result, "refresh", {}) });
  const node = element("div", { class: "nbpart-refresh" }, element("div", { class: "nbpart-bar" }, watching, element("span", { class: "nbpart-spacer" }), codeAge, button), result.node);
  const draw = () => {
    codeAge.textContent = describeCheck(link.state.panel.code_checked_at, /* @__PURE__ */ new Date());
    watching.textContent = link.state.panel.triggers.watch.says;
  };
  const timer = setInterval(draw, 15e3);
  return { node, show: draw, close: () => clearInterval(timer) };
}
function describeCheck(iso, now) {
  if (!iso || now.getTime() - new Date(iso).getTime() < 6e4) return "";
  const at = new Date(iso);
  const time = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return at.toDateString() === now.toDateString() ? `as seen ${time}` : `as seen ${at.toLocaleDateString("en-CA")} ${time}`;
}
function makeRunForm(link, result) {
  const status = element(
    "select",
    { "aria-label": "Which partitions" },
    ...STATUS_CHOICES.map(([value, text]) => element("option", { value, text }))
  );
  const makeCheckbox = (label, title) => {
    const box = element("input", { type: "checkbox" });
    return { box, node: element("label", { title }, box, label) };
  };
  const inputs = makeCheckbox("with what it reads", "Also everything above it: +name");
  const readers = makeCheckbox("with what reads it", "Also everything below it: name+");
  const number = ({ name, label, help, placeholder, default: value, least, most }) => {
    const box = element("input", { type: "number", min: least, max: most, placeholder, value });
    return { name, value, box, node: element("label", { title: help }, label, box) };
  };
  const numbers = link.state.options.map(number);
  const head = element("div", { class: "nbpart-plan", hidden: true });
  const plan = element("button", { type: "button", text: "Plan", title: "What would run, and why; nothing runs", onclick: () => showPlan() });
  const backfillButton = element("button", { type: "button", class: "nbpart-primary", text: "Backfill", onclick: () => run() });
  const filter = makeFilterField(link, { onChange: clear, onSubmit: () => showPlan() });
  const verbs = makeVerbForm(link, result, () => getChoice());
  const options = element("div", { class: "nbpart-options" }, inputs.node, readers.node, ...numbers.map((each) => each.node));
  const node = element(
    "div",
    { class: "nbpart-card", role: "group", "aria-label": "Run" },
    element("div", { class: "nbpart-bar" }, backfillButton, plan, status),
    filter.node,
    options,
    verbs.node,
    head,
    result.node
  );
  const getChoice = () => ({ selection_number: link.state.panel.selection.number, inputs: inputs.box.checked, readers: readers.box.checked, where: filter.value });
  const getPlanRequest = () => ({ ...getChoice(), status: STATUS_CHOICES[status.selectedIndex][0] });
  function clear() {
    head.hidden = true;
    result.clear();
    verbs.close();
  }
  async function showPlan() {
    const answer = await runAction(link, node, result, "plan", getPlanRequest());
    if (!answer) return;
    head.hidden = !answer.steps;
    const more = answer.steps - answer.head.length;
    head.replaceChildren(
      element(
        "table",
        {},
        element("thead", {}, element("tr", {}, ...["asset", "partition", "why"].map((text) => element("th", { scope: "col", text })))),
        element("tbody", {}, ...answer.head.map((row) => element("tr", {}, ...row.map((text) => element("td", { text: text === null ? "—" : text, title: text })))))
      ),
      more > 0 ? element("p", { class: "nbpart-faint", text: `and ${plural(more, "more step")}` }) : ""
    );
  }
  async function run() {
    head.hidden = true;
    await runAction(link, node, result, "backfill", { ...getPlanRequest(), ...Object.fromEntries(numbers.map(({ name, value, box }) => [name, box.value === "" ? value : box.valueAsNumber])) });
  }
  return {
    node,
    /**
     * Clear the plan and the result, which were for the selection before.
     *
     * @param {PanelSelectionJson} selection
     */
    onSelectionChange: ({ kind }) => {
      inputs.node.hidden = readers.node.hidden = kind === "all";
      clear();
      filter.refresh();
    },
    close: () => {
      filter.close();
      verbs.close();
    }
  };
}

// src/explorer/log.js
var POLL_LOG_MS = 700;
var MAX_LOG_LENGTH = 6e4;
var nothingShown = (key = "") => ({ key, id: null, isLive: false, end: null, reading: false });
function makeLogView(link, section) {
  const text = element("pre", { class: "nbpart-log", tabindex: "0", "aria-label": "Log" });
  const code = element("div");
  section.body.append(text, code);
  let shown = nothingShown();
  let timer;
  async function read() {
    clearTimeout(timer);
    timer = void 0;
    const own = shown;
    if (own.id === null || !section.isOpen() || own.reading) return;
    own.reading = true;
    const wasLive = own.isLive;
    try {
      const answer = await link.request("read_log", { run_id: own.id, after: own.end });
      if (own !== shown) return;
      const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 30;
      if (answer.start !== own.end) text.textContent = answer.start ? `… (${formatBytes(answer.start)} before this)
` : "";
      text.append(answer.text);
      if (text.textContent.length > MAX_LOG_LENGTH) text.textContent = `…${text.textContent.slice(-MAX_LOG_LENGTH)}`;
      if (!text.textContent) text.dataset.empty = own.isLive ? "nothing printed yet" : "it printed nothing";
      if (atEnd) text.scrollTop = text.scrollHeight;
      own.end = answer.end;
      if (!code.firstChild) code.replaceChildren(makeCodeLine(answer.code));
    } catch {
    } finally {
      own.reading = false;
    }
    if (own === shown && (own.isLive || wasLive && !own.isLive) && text.isConnected) timer = setTimeout(read, POLL_LOG_MS);
  }
  return {
    read,
    /** @param {RunJson | null} run */
    show(run) {
      const key = run ? `${run.id}.${run.attempt}` : "";
      if (key !== shown.key) {
        shown = nothingShown(key);
        text.replaceChildren();
        code.replaceChildren();
      }
      const ended = shown.isLive && !(run && run.is_live);
      shown.id = run && run.has_log ? run.id : null;
      shown.isLive = Boolean(run && run.is_live);
      section.show(Boolean(run && run.has_log));
      section.setNote(shown.isLive ? "live" : "");
      if (shown.end === null || ended || shown.isLive && timer === void 0) read();
    },
    close: () => {
      clearTimeout(timer);
      shown = nothingShown();
    }
  };
}

// src/explorer/panel.js
function drawPanel(link, root) {
  root.classList.add("nbpart-panel");
  setAttributes(root, { role: "region", "aria-label": "Selected partitions" });
  const announce = makeAnnouncer(root, 1500);
  const title = element("h3", { tabindex: "-1" });
  const clear = element("button", { type: "button", text: "✕", title: "Select nothing", "aria-label": "Select nothing", onclick: () => link.request("clear").catch(() => {
  }) });
  const key = element("div", { class: "nbpart-key" });
  const status = element("div", { class: "nbpart-status" });
  const pastNotice = element("div", { class: "nbpart-past-run", hidden: true });
  const errorLine = element("div", { class: "nbpart-error", role: "alert" });
  const legend = element("div", { class: "nbpart-legend" });
  const facts = element("div");
  const code = element("div");
  const empty = element("p", { class: "nbpart-faint", text: "Nothing to look at yet. Register an asset with the lines beside this; it appears here at once." });
  const errorSection = makeSection("Error");
  const traceback = element("pre", { class: "nbpart-log", tabindex: "0", "aria-label": "Traceback" });
  errorSection.body.append(traceback);
  const runForm = makeRunForm(link, makeOutcome());
  const refresh = makeRefreshBar(link, makeOutcome());
  const removeResult = makeOutcome();
  const removeForm = makeRemoveForm(link, removeResult);
  const backfills = makeBackfillList(link);
  const logSection = makeSection("Log", { onopen: () => log.read() });
  const log = makeLogView(link, logSection);
  const curveSection = makeSection("Curves");
  const curves = makeCurveView(link, root, curveSection);
  const stop = makeStopButton(link);
  const dataSection = makeSection("Data", { onopen: () => data.show(link.state.panel) });
  const data = makeDataView(link, dataSection);
  const notebookSection = makeSection("Executed notebook");
  const notebookView = makeNotebookView(link, notebookSection);
  const historySection = makeSection("History");
  const history = makeHistoryView(historySection, (id) => open(id));
  const triggerSection = makeSection("Triggers");
  const triggers = makeTriggerList(link, () => backfills.node.scrollIntoView({ block: "nearest" }));
  const watch = makeWatchButton(link);
  triggerSection.body.append(watch.node, watch.result, triggers.node);
  const addSection = makeSection("Add partitions", { open: false });
  const adding = makeAddForm(link, addSection, makeOutcome());
  root.append(
    refresh.node,
    backfills.node,
    element("div", { class: "nbpart-head" }, element("div", { class: "nbpart-bar" }, title, element("span", { class: "nbpart-spacer" }), clear), key, status, stop.node, pastNotice, errorLine),
    empty,
    legend,
    facts,
    code,
    errorSection.node,
    runForm.node,
    removeForm.node,
    removeResult.node,
    logSection.node,
    curveSection.node,
    dataSection.node,
    notebookSection.node,
    historySection.node,
    triggerSection.node,
    addSection.node
  );
  const shown = /* @__PURE__ */ new Map();
  function isNew(name, ...parts) {
    const text = JSON.stringify(parts);
    if (shown.get(name) === text) return false;
    shown.set(name, text);
    return true;
  }
  async function open(id) {
    try {
      const { message } = await link.request("open_run", { run_id: id === link.state.panel.opened_run_id ? null : id });
      announce(message);
    } catch (error) {
      errorLine.textContent = `✕ ${error.message}`;
    }
  }
  async function follow({ asset, key: partitionKey }) {
    try {
      await link.request("show_partition", { asset, partition_key: partitionKey });
      title.focus();
    } catch (error) {
      errorLine.textContent = `✕ ${error.message}`;
    }
  }
  function drawHead({ selection, partition, run, opened_run_id: opened, loading, assets }) {
    title.textContent = selection.title;
    clear.hidden = selection.kind === "all";
    key.textContent = selection.key ?? "";
    key.hidden = selection.key === null;
    status.hidden = !partition;
    if (partition) status.replaceChildren(makeGlyph(partition.status), partition.status);
    pastNotice.hidden = !opened;
    if (opened) pastNotice.replaceChildren(`As run ${opened} left it${run && run.started_at ? `, ${formatTime(run.started_at)}` : ""}. `, element("button", { type: "button", text: "Back to now", onclick: () => open(opened) }));
    empty.hidden = assets > 0;
    facts.hidden = !partition;
    root.toggleAttribute("data-loading", loading);
    root.dataset.number = String(selection.number);
  }
  function drawCounts({ selection }) {
    legend.hidden = selection.kind === "partition";
    const there = DISPLAY_ORDER.filter((place) => selection.counts[place]);
    legend.replaceChildren(...there.map((place) => {
      const { name } = STATUSES[place];
      return element("span", { class: `s-${name}` }, makeGlyph(name), `${formatCount(selection.counts[place])} ${name}`);
    }));
    const isWhole = ["all", "assets"].includes(selection.kind);
    if (!there.length && isWhole && link.state.panel.assets) legend.textContent = selection.set ? `${selection.set} has no keys yet.` : "No partitions yet.";
  }
  function drawTriggers({ triggers: view }) {
    triggerSection.show(view.triggers.length > 0);
    const { off, failed } = countStates(view.triggers);
    triggerSection.setNote([plural(view.triggers.length, "trigger"), off, failed].filter(Boolean).join(", "));
    watch.show(view.watch);
    triggers.show(view);
  }
  function drawPartition({ partition, run, opened_run_id: opened }) {
    if (!partition) {
      facts.replaceChildren();
      code.replaceChildren();
      errorSection.show(false);
      return;
    }
    const rows = collectFacts(partition, run, opened);
    facts.replaceChildren(makeFactList(opened ? rows : [["why", makeWhy(partition.why, follow)], ...rows]));
    const line = opened && run ? run.code : partition.materialization ? partition.code : run ? run.code : "";
    code.replaceChildren(line ? makeCodeLine(line) : "");
    const text = run && run.status !== "succeeded" ? run.traceback || run.error : "";
    errorSection.show(Boolean(text));
    errorSection.setNote(run && run.error && run.traceback ? shorten(run.error.split("\n")[0], 60) : "");
    traceback.textContent = text || "";
    traceback.scrollTop = traceback.scrollHeight;
  }
  function drawAll() {
    const { panel } = link.state;
    const { selection, partition, run, opened_run_id: opened, sets } = panel;
    const another = isNew("number", selection.number);
    if (another) runForm.onSelectionChange(selection);
    if (another && selection.number) removeResult.clear();
    drawHead(panel);
    if (isNew("counts", selection, panel.assets)) drawCounts(panel);
    if (isNew("partition", partition, run, opened)) drawPartition(panel);
    errorLine.textContent = panel.error ? `✕ ${panel.error}` : "";
    runForm.node.hidden = !panel.assets;
    refresh.node.hidden = !panel.assets;
    refresh.show();
    if (isNew("removeForm", selection.number, selection.set, sets)) removeForm.show(panel);
    backfills.show(panel);
    if (isNew("section", selection.number, run && run.id)) logSection.suggestOpen(Boolean(run && (run.is_live || run.status !== "succeeded" && !run.traceback)));
    log.show(partition ? run : null);
    stop.show(partition ? run : null);
    if (isNew("curves", partition && run)) curves.show(partition ? run : null);
    data.show(panel);
    if (isNew("notebookView", run)) notebookView.show(partition ? run : null);
    if (isNew("history", partition && partition.runs, partition && partition.run_id, opened)) history.show(panel);
    if (isNew("triggers", panel.triggers)) drawTriggers(panel);
    adding.show(panel);
    if (isNew("announced", selection.number, partition && partition.status)) {
      announce([selection.title, selection.key, partition ? partition.status : legend.textContent].filter(Boolean).join(" · "));
    }
  }
  const stopListening = link.listen(drawAll);
  drawAll();
  return () => {
    stopListening();
    [log, curves, data, notebookView, adding, refresh, runForm, triggers].forEach((part) => part.close());
  };
}

// src/shared/link.js
function createLink(model, { decode = (state) => (
  /** @type {any} */
  state
), reduce }) {
  const client = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");
  const waiting = /* @__PURE__ */ new Map();
  const listeners = /* @__PURE__ */ new Set();
  let count = 0;
  let syncing = false;
  const link = { model, client, seq: -1, state: (
    /** @type {any} */
    null
  ), request, listen, close };
  const notify = (kind, payload) => listeners.forEach((listener) => listener(kind, payload));
  function takeSnapshot() {
    const snapshot = model.get("snapshot") || {};
    if (snapshot.seq === void 0 || snapshot.seq < link.seq) return;
    link.seq = snapshot.seq;
    link.state = decode(structuredClone(snapshot.state));
    notify("snapshot", null);
  }
  async function sync() {
    if (syncing) return;
    syncing = true;
    try {
      await request("sync", { seq: Math.max(0, link.seq) });
    } catch {
    } finally {
      syncing = false;
    }
  }
  function receive(message, buffers) {
    if (!message || message.v !== VERSION) return;
    if (message.seq !== void 0) {
      if (message.seq <= link.seq) return;
      if (message.seq !== link.seq + 1) {
        sync();
        return;
      }
      link.seq = message.seq;
      link.state = reduce(link.state, message.kind, message.payload, buffers || []);
      notify(message.kind, message.payload);
      return;
    }
    const asked = waiting.get(message.id);
    if (!asked) return;
    waiting.delete(message.id);
    clearTimeout(asked.timer);
    if (message.ok) asked.resolve({ ...message.payload, buffers: buffers || [] });
    else asked.reject(new Error(message.error.message));
  }
  function request(action, payload = {}, { timeout = 2e4 } = {}) {
    return new Promise((resolve, reject) => {
      count += 1;
      const id = `${client}.${count}`;
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(new Error("The kernel does not answer: it is busy, or no longer there."));
      }, timeout);
      waiting.set(id, { resolve, reject, timer });
      model.send({ v: VERSION, id, action, payload });
    });
  }
  function listen(listener) {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }
  function close() {
    model.off("msg:custom", receive);
    model.off("change:snapshot", takeSnapshot);
    waiting.forEach((asked) => clearTimeout(asked.timer));
  }
  model.on("msg:custom", receive);
  model.on("change:snapshot", takeSnapshot);
  takeSnapshot();
  sync();
  return link;
}

// src/shared/widget.js
function defineWidget({ decode, reduce, draw }) {
  return () => {
    let link;
    return {
      /** @param {{ model: Model }} context */
      initialize({ model }) {
        link = createLink(model, { decode, reduce });
        return () => link.close();
      },
      /** @param {{ model: Model, el: HTMLElement }} context */
      render({ model, el }) {
        const root = element("div", { class: "nbpart", "data-lm-suppress-shortcuts": "true" });
        el.appendChild(root);
        const showStatic = hideStatic(model.get("static_id"));
        const cleanup = draw(link, root, model);
        const reportClosed = reportView(link);
        return () => {
          reportClosed();
          showStatic();
          cleanup();
        };
      }
    };
  };
}
var views = 0;
function reportView(link) {
  views += 1;
  const view = `${link.client}.v${views}`;
  const send = (action) => link.request(action, { view }).catch(() => {
  });
  const open = () => send("view_opened");
  const close = () => send("view_closed");
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
  return () => {
    removeEventListener("pagehide", close);
    removeEventListener("pageshow", open);
    close();
  };
}
var hidden = /* @__PURE__ */ new Map();
function hideStatic(staticId) {
  if (!/^[0-9a-f]+$/.test(staticId || "")) return () => {
  };
  const found = hidden.get(staticId) || { views: 0, style: element("style") };
  hidden.set(staticId, found);
  found.views += 1;
  const own = `.nbpart-static-${staticId}`;
  found.style.textContent = `${own}, .jp-OutputArea-child:has(${own}) { display: none !important; }`;
  document.head.appendChild(found.style);
  return () => {
    found.views -= 1;
    if (found.views > 0) return;
    found.style.remove();
    hidden.delete(staticId);
  };
}

// src/explorer.js
var reducePanel = (state, ...[, payload]) => ({ ...state, panel: { ...state.panel, ...payload } });
var explorer_default = defineWidget({ reduce: reducePanel, draw: drawPanel });
export {
  explorer_default as default
};
