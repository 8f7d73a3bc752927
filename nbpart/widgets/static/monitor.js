// src/generated/constants.js
var VERSION = 1;
var RETRYABLE = (
  /** @type {const} */
  ["failed", "blocked"]
);
var UNSOUND_GLYPH = "◣";
var UNSOUND_WORDS = "not passing a check";
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

// src/shared/page.js
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

// src/shared/statuses.js
var markOf = (name) => name in MARKS ? MARKS[
  /** @type {keyof typeof MARKS} */
  name
] : MARKS.missing;
var makeGlyph = (name) => element("span", { class: `nbpart-glyph s-${markOf(name).colour}`, "aria-hidden": "true", text: markOf(name).glyph });
var isRetryable = (status) => RETRYABLE.some((each) => each === status);

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
function shorten(text, longest) {
  if (text.length <= longest) return text;
  const head = Math.ceil((longest - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (longest - 1 - head))}`;
}

// src/monitor/numbers.js
function computeStepWidths(counts, total) {
  const there = counts.filter(([, n]) => n > 0);
  const raised = there.map(([status, n]) => [status, n, Math.max(n / total, 6e-3)]);
  const sum = raised.reduce((all, [, , part]) => all + part, 0);
  return raised.map(([status, n, part]) => [status, n, part / sum * 100]);
}
function formatRate(rate) {
  if (rate >= 1) return `${rate.toFixed(1)} a second`;
  const aMinute = rate * 60;
  return aMinute >= 1 ? `${aMinute.toFixed(aMinute < 10 ? 1 : 0)} a minute` : `${(aMinute * 60).toFixed(1)} an hour`;
}

// src/monitor/view.js
var MAX_RUNNING = 8;
var placeOf = (step) => step.key === null ? step.asset : `${step.asset} / ${step.key}`;
function drawMonitor(link, root) {
  let updatedAt = performance.now();
  let isAsking = false;
  const statusGlyph = element("span", { class: "nbpart-glyph" });
  const status = element("b");
  const title = element("span", { class: "nbpart-title" });
  const place = element("span", { class: "nbpart-faint" });
  const bar = element("div", { class: "nbpart-steps", role: "progressbar", "aria-label": "Steps with an outcome", "aria-valuemin": "0" });
  const legend = element("div", { class: "nbpart-legend" });
  const facts = element("div", { class: "nbpart-facts" });
  const result = makeOutcome();
  const button = (text, action) => element("button", { type: "button", text, onclick: () => runAction(action, {}) });
  const buttons = { cancel: button("Cancel", "cancel"), retry_failed: button("Retry failed", "retry_failed"), resume: button("Resume", "resume") };
  const backButton = element("button", { type: "button", onclick: () => runAction("show", { backfill_id: link.state.backfill.previous_backfill_id ?? "" }) });
  const running = element("ul", { class: "nbpart-list" });
  const failures = element("ul", { class: "nbpart-list", tabindex: "0", "aria-label": "Failures, the newest first" });
  const [runningTitle, failureTitle] = [element("h4"), element("h4")];
  const runningBox = element("section", null, runningTitle, running);
  const failureBox = element("section", null, failureTitle, failures);
  root.classList.add("nbpart-monitor");
  root.append(
    element("div", { class: "nbpart-bar" }, statusGlyph, status, title, element("span", { class: "nbpart-spacer" }), backButton, ...Object.values(buttons)),
    bar,
    legend,
    facts,
    result.node,
    element("div", { class: "nbpart-columns" }, runningBox, failureBox),
    place
  );
  const announce = makeAnnouncer(root, 5e3);
  async function runAction(action, payload) {
    isAsking = true;
    drawButtons();
    try {
      result.show(await link.request(action, payload, { timeout: 6e4 }));
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
    buttons.retry_failed.textContent = `Retry failed (${plural(allowed.retry_failed, "step")})`;
    buttons.resume.textContent = waitingFor ? "Begin" : `Resume (${plural(allowed.resume, "step")})`;
    backButton.hidden = !previous;
    backButton.textContent = `← ${previous || ""}`;
  }
  function drawHead(now) {
    const mark = markOf(now.status);
    statusGlyph.className = `nbpart-glyph s-${mark.colour}`;
    statusGlyph.textContent = mark.glyph;
    status.textContent = now.status;
    title.replaceChildren(element("code", { text: now.id }), ` ${now.selection}`);
    place.textContent = now.process ? `${now.is_active ? "Runs" : "Ran"} in ${now.process}` : "";
  }
  function drawBar(now) {
    const total = now.counts.reduce((sum, [, n]) => sum + n, 0);
    bar.replaceChildren(...computeStepWidths(now.counts, total || 1).map(([name, n, percent]) => {
      const part = element("i", { class: `s-${markOf(name).colour} nbpart-step-${name}`, title: `${formatCount(n)} ${name}` });
      part.style.width = `${percent}%`;
      return part;
    }));
    setAttributes(bar, { "aria-valuemax": total, "aria-valuenow": now.done, "aria-valuetext": `${formatCount(now.done)} of ${formatCount(total)}` });
    legend.replaceChildren(...now.counts.filter(([, n]) => n).map(([name, n]) => {
      const { colour, glyph } = markOf(name);
      return element("span", { class: `s-${colour}` }, element("span", { class: `nbpart-glyph s-${colour}`, text: glyph }), `${formatCount(n)} ${name}`);
    }));
    if (now.unsound) legend.append(element("span", {}, element("span", { class: "nbpart-glyph s-unsound", text: UNSOUND_GLYPH }), `${formatCount(now.unsound)} ${UNSOUND_WORDS}`));
  }
  function drawTimes() {
    const now = link.state.backfill;
    const since = now.is_active ? (performance.now() - updatedAt) / 1e3 : 0;
    if (now.waiting_for) return void (facts.textContent = now.waiting_for);
    const parts = [`${formatCount(now.done)} of ${formatCount(now.steps)} steps`, now.is_active ? `${formatDuration(now.elapsed_s + since)} so far` : `took ${formatDuration(now.elapsed_s)}`];
    const goesOn = now.is_active && now.status !== "cancelling";
    if (goesOn && now.steps_per_s) parts.push(formatRate(now.steps_per_s));
    if (goesOn) parts.push(now.remaining_s === null ? "time left unknown yet" : `about ${formatDuration(Math.max(0, now.remaining_s - since))} left`);
    facts.textContent = parts.join(" · ");
    const times = running.querySelectorAll("[data-for]");
    times.forEach((node) => node.textContent = formatDuration(Number(node.dataset.for) + since));
  }
  function drawRunning(now) {
    const n = (now.counts.find(([name]) => name === "running") || [0, 0])[1];
    runningBox.hidden = !now.running.length;
    runningTitle.textContent = `Running (${formatCount(n)})`;
    running.replaceChildren(...now.running.slice(0, MAX_RUNNING).map((step) => element(
      "li",
      { class: "nbpart-row s-running" },
      makeGlyph("running"),
      element("span", { class: "nbpart-step-name", text: shorten(placeOf(step), 60), title: `${placeOf(step)}${step.run_id ? `
run ${step.run_id}` : ""}` }),
      step.running_s === null ? null : element("span", { class: "nbpart-faint", "data-for": step.running_s, text: formatDuration(step.running_s) })
    )));
    if (n > MAX_RUNNING) running.append(element("li", { class: "nbpart-faint", text: `and ${formatCount(n - MAX_RUNNING)} more` }));
  }
  function drawFailures(now) {
    const n = (now.counts.find(([name]) => name === "failed") || [0, 0])[1];
    failureBox.hidden = !now.failures.length;
    failureTitle.textContent = `Failed (${formatCount(n)})${n > now.failures.length ? `, the newest ${now.failures.length}` : ""}`;
    failures.replaceChildren(...now.failures.map((step) => element(
      "li",
      { class: "s-failed" },
      element(
        "div",
        { class: "nbpart-row" },
        makeGlyph("failed"),
        element("span", { class: "nbpart-step-name", text: shorten(placeOf(step), 60), title: `${placeOf(step)}${step.run_id ? `
run ${step.run_id}` : ""}` }),
        step.notebook ? makeFileLink(step.notebook, link.state.home, "executed notebook") : null
      ),
      element("div", { class: "nbpart-error-text", text: step.error || "no error was recorded" }),
      step.code ? makeCodeLine(step.code) : null
    )));
  }
  function drawAll(...[, changed]) {
    updatedAt = performance.now();
    const now = link.state.backfill;
    const hasChanged = (...names) => !changed || names.some((name) => name in changed);
    drawHead(now);
    drawBar(now);
    if (hasChanged("running", "counts")) drawRunning(now);
    if (hasChanged("failures", "counts")) drawFailures(now);
    drawButtons();
    drawTimes();
    const failed = now.counts.filter(([name, n]) => n && isRetryable(name)).map(([name, n]) => `${formatCount(n)} ${name}`);
    announce([`Backfill ${now.status}: ${formatCount(now.done)} of ${formatCount(now.steps)} steps`, ...failed].join(", "));
  }
  const timer = setInterval(() => link.state.backfill.is_active && root.isConnected && drawTimes(), 1e3);
  const stopListening = link.listen(drawAll);
  drawAll("snapshot", null);
  return () => {
    clearInterval(timer);
    stopListening();
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

// src/monitor.js
var reduceMonitor = (state, ...[, payload]) => ({ ...state, backfill: { ...state.backfill, ...payload } });
var monitor_default = defineWidget({ reduce: reduceMonitor, draw: drawMonitor });
export {
  monitor_default as default
};
