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

// src/generated/constants.js
var VERSION = 1;

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

// src/shared/format.js
var formatCount = (n) => n.toLocaleString("en-US");
var plural = (n, word) => `${formatCount(n)} ${word}${n === 1 ? "" : "s"}`;
function formatTime(iso) {
  const at = new Date(iso);
  const today = at.toDateString() === (/* @__PURE__ */ new Date()).toDateString();
  const time = at.toLocaleTimeString("en-GB");
  return today ? `today ${time}` : `${at.toLocaleDateString("en-CA")} ${time}`;
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
      list.replaceChildren(...ticks.length ? ticks.map(makeTick) : [element("span", { class: "nbpart-faint", text: "none yet" })]);
    } catch (error) {
      result.fail(error);
    }
  }
  async function follow(id) {
    if (await runAction(link, list, result, "show_backfill", { backfill_id: id })) onShown?.();
  }
  const makeTick = (tick) => element(
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

// src/triggers/view.js
function drawTriggers(link, root) {
  const says = element("span", { class: "nbpart-watching" });
  const note = element("span", { class: "nbpart-faint" });
  const failed = element("button", { type: "button", class: "nbpart-link", title: "Go to the next one", onclick: () => list.goToError() });
  const watch = makeWatchButton(link);
  const list = makeTriggerList(link);
  const empty = element("p", { class: "nbpart-faint" }, "No triggers yet: ", element("code", { text: "@ws.sensor" }), " or ", element("code", { text: "source.watch()" }), " declares one; it appears here at once.");
  root.classList.add("nbpart-trigger-table");
  const bar = element("div", { class: "nbpart-bar" }, says, note, failed, element("span", { class: "nbpart-spacer" }), watch.node);
  root.append(bar, watch.result, empty, list.node);
  const announce = makeAnnouncer(root, 5e3);
  function drawAll() {
    const { shown } = link.state;
    const counts = countStates(shown.triggers);
    says.textContent = shown.watch.says;
    note.textContent = counts.off;
    failed.textContent = counts.failed;
    failed.hidden = !counts.failed;
    watch.show(shown.watch);
    empty.hidden = shown.triggers.length > 0;
    bar.hidden = !shown.watch.says && !empty.hidden;
    list.show(shown);
    announce([shown.watch.says, counts.off, counts.failed].filter(Boolean).join(", "));
  }
  const stopListening = link.listen(drawAll);
  drawAll();
  return () => {
    stopListening();
    list.close();
  };
}

// src/triggers.js
var reduceTriggers = (state, ...[, payload]) => ({ ...state, shown: payload });
var triggers_default = defineWidget({ reduce: reduceTriggers, draw: drawTriggers });
export {
  triggers_default as default
};
