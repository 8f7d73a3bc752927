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
var CODES = (
  /** @type {const} */
  { missing: 0, stale: 1, queued: 2, running: 3, failed: 4, materialized: 5 }
);
var DISPLAY_ORDER = (
  /** @type {const} */
  [0, 2, 3, 5, 4, 1]
);
var COLUMN_ORDER = (
  /** @type {const} */
  [4, 0, 1, 2, 3, 5]
);
var URGENCY = (
  /** @type {const} */
  [4, 3, 2, 1, 0, 5]
);
var LATE_BIT = 128;
var LATE_GLYPH = "◥";
var UNSOUND_BIT = 64;
var UNSOUND_GLYPH = "◣";
var UNSOUND_WORDS = "not passing a check";

// src/heatmap/state.js
function decodeView({ head, cells }) {
  const state = { head, bands: null, pending: [], ready: Promise.resolve() };
  state.ready = inflate(cells).then((bytes) => {
    state.bands = unpackView(head, bytes);
    for (const patch of state.pending) applyPatch(state.head, state.bands, ...patch);
    state.pending = [];
  });
  return state;
}
function reduceView(state, ...[kind, payload, buffers]) {
  if (kind === "view") return decodeView({ head: payload, cells: buffers[0] });
  if (kind === "cells") {
    if (state.bands) applyPatch(state.head, state.bands, payload, buffers);
    else state.pending.push([payload, buffers]);
  }
  if (kind === "selection") state.head.selection = payload.selection;
  return state;
}
async function inflate(view) {
  const stream = new Blob([
    /** @type {DataView<ArrayBuffer>} */
    view
  ]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
function unpackView(head, bytes) {
  let at = 0;
  const take = (n) => bytes.subarray(at, at += n);
  return head.bands.map((band) => {
    const rows = band.rows.map(() => take(band.shown));
    const late = rows.map((codes) => takeBit(codes, LATE_BIT));
    const unsound = rows.map((codes) => takeBit(codes, UNSOUND_BIT));
    const levels = head.color_by === "status" ? null : band.rows.map(() => take(band.shown));
    const size = band.grid ? band.grid.columns.length * band.grid.rows.length : 0;
    const grid = size ? unpackCells(new Uint32Array(take(4 * size).slice().buffer)) : { starts: null, cells: null };
    return { status: rows, late, unsound, levels, ...grid, versions: rows.map(() => 0) };
  });
}
function takeBit(codes, bit) {
  let found = null;
  for (let i = 0; i < codes.length; i++) {
    if (codes[i] < bit) continue;
    found ??= new Uint8Array(codes.length);
    found[i] = 1;
    codes[i] -= bit;
  }
  return found;
}
function unpackCells(counts) {
  const starts = new Uint32Array(counts.length + 1);
  counts.forEach((n, cell) => starts[cell + 1] = starts[cell] + n);
  const cells = new Uint32Array(starts[counts.length]);
  counts.forEach((_, cell) => cells.fill(cell, starts[cell], starts[cell + 1]));
  return { starts, cells };
}
function applyPatch(head, bands, payload, [places, status, levels]) {
  for (const [number, sizes] of Object.entries(payload.bands)) {
    const band = head.bands[Number(number)];
    const grown = sizes.shown > band.shown;
    Object.assign(band, sizes);
    if (!grown) continue;
    const own = bands[Number(number)];
    const extend = (codes2) => {
      const more = new Uint8Array(sizes.shown);
      more.set(codes2);
      return more;
    };
    own.status = own.status.map(extend);
    own.late = own.late.map((codes2) => codes2 && extend(codes2));
    own.unsound = own.unsound.map((codes2) => codes2 && extend(codes2));
    own.levels = own.levels && own.levels.map(extend);
    own.versions = own.versions.map((version) => version + 1);
  }
  const at = asUint32(places);
  const codes = asUint8(status);
  const values = asUint8(levels);
  let i = 0;
  for (const [number, row, n] of payload.parts) {
    const own = bands[number];
    own.versions[row] += 1;
    const rowCodes = own.status[row];
    const rowLevels = own.levels && own.levels[row];
    for (const end = i + n; i < end; i++) {
      rowCodes[at[i]] = codes[i] & ~(LATE_BIT | UNSOUND_BIT);
      setMark(own.late, row, at[i], codes[i] & LATE_BIT, rowCodes.length);
      setMark(own.unsound, row, at[i], codes[i] & UNSOUND_BIT, rowCodes.length);
      if (rowLevels) rowLevels[at[i]] = values[i];
    }
  }
  const { sequence, metrics, unsorted } = payload;
  Object.assign(head, { sequence, metrics, unsorted });
}
function setMark(marks, row, place, bit, length) {
  if (bit) marks[row] ??= new Uint8Array(length);
  const mark = marks[row];
  if (mark) mark[place] = Number(bit > 0);
}
var asUint8 = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
var asUint32 = (view) => new Uint32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

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
var colourOf = (root, status) => getComputedStyle(root).getPropertyValue(`--nbpart-${status}`).trim();
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
function onceAFrame(callback) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      callback();
    });
  };
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
function shorten(text, longest) {
  if (text.length <= longest) return text;
  const head = Math.ceil((longest - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (longest - 1 - head))}`;
}

// src/heatmap/controls.js
var RAMP_STOPS = ["#414487", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
function makeToolbar(on) {
  const colour = element("select", { "aria-label": "Colour by", onchange: () => on.setOptions({ color_by: colour.value }) });
  const order = element("select", { "aria-label": "Order by", onchange: () => on.setOptions({ sort_by: order.value || null }) });
  const across = element("select", { "aria-label": "Across", onchange: () => on.setOptions({ across: across.value || null }) });
  const down = element("select", { "aria-label": "Down", onchange: () => on.setOptions({ down: down.value || null }) });
  const sides = [element("label", { hidden: true }, "Across", across), element("label", { hidden: true }, "Down", down)];
  const again = element("button", { type: "button", hidden: true, "data-sort": "true", onclick: on.sort });
  let timer;
  const find = element("input", {
    type: "search",
    placeholder: "key contains…",
    "aria-label": "Show keys that contain",
    maxlength: 200,
    oninput: () => {
      clearTimeout(timer);
      timer = setTimeout(() => on.setOptions({ text: find.value }), 250);
    }
  });
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !find.value) return;
    event.stopPropagation();
    find.value = "";
    on.setOptions({ text: "" });
  });
  const next = element("button", { type: "button", text: "✕ Next failed", title: "Go to the next failed partition (n)", onclick: () => on.next(1) });
  const only = element("button", { type: "button", hidden: true, "data-focus": "true", onclick: on.unfocus });
  const node = element(
    "div",
    { class: "nbpart-bar" },
    only,
    element("label", {}, "Colour", colour),
    element("label", {}, "Order", order),
    ...sides,
    again,
    find,
    element("span", { class: "nbpart-spacer" }),
    next,
    element("button", { type: "button", text: "−", title: "Zoom out (−)", "aria-label": "Zoom out", onclick: () => on.zoom(2) }),
    element("button", { type: "button", text: "+", title: "Zoom in (+), or Ctrl and the wheel", "aria-label": "Zoom in", onclick: () => on.zoom(0.5) }),
    element("button", { type: "button", text: "All", title: "Show all (0)", "aria-label": "Show all partitions", onclick: on.showAll })
  );
  const fill = (select2, options, value) => {
    const wanted = options.some(([name]) => name === value) ? options : [...options, [value, value]];
    select2.replaceChildren(...wanted.map(([name, text]) => element("option", { value: name, text, selected: name === value })));
    select2.value = value;
  };
  const show = (head) => {
    const values = [["duration_s", "duration"], ["rows", "rows"], ["bytes", "bytes"], ...head.metrics.map((name) => [name, name])];
    fill(colour, [["status", "status"], ...values], head.color_by);
    fill(order, [["", "as added"], ["key", "key"], ["status", "status"], ...values], head.sort_by || "");
    const names = [...new Set(head.bands.flatMap(({ axes }) => axes))];
    for (const side of sides) side.hidden = !names.length;
    const options = [["", "automatic"], ...names.map((name) => [name, name])];
    fill(across, options, head.across || "");
    fill(down, options, head.down || "");
    if (document.activeElement !== find) find.value = head.text;
    again.hidden = !head.unsorted;
    again.textContent = `↻ Sort again (${formatCount(head.unsorted)})`;
    again.title = `${plural(head.unsorted, "key")} changed since they were put in this order`;
    only.hidden = !head.focus;
    only.textContent = head.focus ? `✕ only ${shorten(head.focus.join(", "), 40)}` : "";
    only.title = "Show all assets again";
    const failed = CODES.failed;
    next.disabled = !head.bands.some((band) => band.counts.some((counts) => counts[failed]));
  };
  return { node, show, find };
}
function makeLegend(on) {
  const node = element("div", { class: "nbpart-heat-keys", role: "group", "aria-label": "Show only partitions that are" });
  const buttons = DISPLAY_ORDER.map((code) => {
    const { name, glyph } = STATUSES[code];
    const number = element("span", {});
    const button = element(
      "button",
      { type: "button", title: `Show only ${name} partitions`, "data-status": name, onclick: () => on.toggle(code) },
      element("span", { class: `nbpart-swatch s-${name}`, "aria-hidden": "true" }),
      element("span", { class: `nbpart-glyph s-${name}`, "aria-hidden": "true", text: glyph }),
      name,
      number
    );
    node.append(button);
    return { code, button, number };
  });
  const lateNumber = element("span", {});
  const late = element("span", { class: "nbpart-heat-late", hidden: true }, element("span", { class: "nbpart-glyph s-late", "aria-hidden": "true", text: LATE_GLYPH }), " late ", lateNumber);
  const ramp = element("span", { class: "nbpart-heat-ramp" });
  const unsoundNumber = element("span", {});
  const unsound = element("span", { class: "nbpart-heat-late", hidden: true }, element("span", { class: "nbpart-glyph s-unsound", "aria-hidden": "true", text: UNSOUND_GLYPH }), ` ${UNSOUND_WORDS} `, unsoundNumber);
  node.append(late, unsound, ramp);
  const show = (head) => {
    for (const { code, button, number } of buttons) {
      const n = head.bands.reduce((sum, band) => sum + band.counts.reduce((own, counts) => own + counts[code], 0), 0);
      number.textContent = formatCount(n);
      button.setAttribute("aria-pressed", String(head.statuses.includes(code)));
      button.classList.toggle("is-none", n === 0);
    }
    const lates = head.bands.flatMap((band) => band.late).reduce((sum, n) => sum + n, 0);
    late.hidden = !lates;
    lateNumber.textContent = formatCount(lates);
    const bad = head.bands.flatMap((band) => band.unsound).reduce((sum, n) => sum + n, 0);
    unsound.hidden = !bad;
    unsoundNumber.textContent = formatCount(bad);
    ramp.replaceChildren(...head.color_by === "status" ? [] : describeScales(head));
  };
  return { node, show };
}
function describeScales(head) {
  const scales = head.bands.map((band) => band.scale).filter((scale) => scale !== null);
  if (!scales.length) return [element("span", { text: `No partition has a ${head.color_by} yet.` })];
  const same = scales.every((scale) => scale.low === scales[0].low && scale.high === scales[0].high);
  const bar = element("i", { style: `background: linear-gradient(to right, ${RAMP_STOPS.join(", ")})` });
  if (!same) return [`${head.color_by}: low`, bar, "high (each band its own)"];
  const { low, high, is_log: isLog } = scales[0];
  return [`${head.color_by} ${formatNumber(low)}`, bar, `${formatNumber(high)}${isLog ? " (log)" : ""}`];
}
function describePartition(found) {
  const lines = [];
  if (found.started_at) lines.push(`run ${found.run_id}, ${formatTime(found.started_at)}${found.attempt > 1 ? `, attempt ${found.attempt}` : ""}`);
  else if (found.materialized_at) lines.push(`made ${formatTime(found.materialized_at)}`);
  const facts = [];
  if (found.duration_s !== null) facts.push(`took ${formatDuration(found.duration_s)}`);
  if (found.rows !== null) facts.push(plural(found.rows, "row"));
  for (const [name, value] of found.metrics) facts.push(`${name} ${typeof value === "number" ? formatNumber(value) : value}`);
  if (facts.length) lines.push(facts.join(" · "));
  if (found.error) lines.push(`✕ ${shorten(found.error, 200)}`);
  for (const [name, said] of found.checks) lines.push(shorten(`check ${name}: ${said}`, 200));
  if (found.blocked) lines.push(`blocked: ${shorten(found.blocked, 200)}`);
  if (!lines.length && found.status === "missing") lines.push("never run");
  return lines;
}
function makeEmptyState(head) {
  if (!head.bands.length) {
    return element(
      "div",
      { class: "nbpart-heat-empty" },
      element("p", { text: "No assets yet. Register the first, then this fills itself:" }),
      element("code", { text: 'files = ws.dynamic_partitions("files")\n\n@ws.asset(partitions=files)\ndef report(partition_key: str) -> dict:\n    return {"length": len(partition_key)}' })
    );
  }
  return null;
}
function describeEmptyBand(band) {
  if (band.shown) return "";
  if (band.n_keys) return "No partition matches the filter. Press Escape to clear it.";
  return `No partitions yet. ${band.origin}`;
}

// src/heatmap/geometry.js
function placesOfColumn(x, width, from, to, n) {
  const step = (to - from) / width;
  const first = Math.min(n - 1, Math.floor(from + x * step));
  return [first, Math.max(first + 1, Math.min(n, Math.floor(from + (x + 1) * step)))];
}
function zoomWindow({ from, to }, n, centre, factor, least = 4) {
  const span = Math.min(n, Math.max(Math.min(n, least), (to - from) * factor));
  const start = centre - (centre - from) * span / (to - from);
  return panWindow({ from: start, to: start + span }, n, 0);
}
function panWindow({ from, to }, n, by) {
  const span = to - from;
  const start = Math.max(0, Math.min(n - span, from + by));
  return { from: start, to: start + span };
}
function computeLayout(bands, width) {
  const items = [];
  let y = 0;
  const put = (kind, band, row, height, cell) => {
    items.push({ kind, band, row, y, height, cell });
    y += height;
  };
  bands.forEach((band, bandIndex) => {
    if (bandIndex) y += 10;
    put("head", bandIndex, -1, 24);
    const grid = band.layout === "grid" ? band.grid : null;
    const cell = grid && {
      // narrower than a pixel where there is no room for all: none is cut off
      width: Math.min(40, Math.floor(width / grid.columns.length) || width / grid.columns.length),
      height: Math.max(3, Math.min(24, Math.floor(260 / grid.rows.length)))
    };
    band.rows.forEach((_, row) => {
      if (!grid || !cell) put("row", bandIndex, row, 22);
      else {
        put("row", bandIndex, row, cell.height * grid.rows.length, cell);
        y += 8;
      }
    });
    if (band.layout !== "cell" && band.shown) put("axis", bandIndex, -1, 22, cell);
  });
  return { items, height: y };
}
function computeTicks(from, to, most) {
  const n = Math.max(1, Math.floor(to) - Math.ceil(from));
  const step = Math.max(1, Math.ceil(n / Math.max(1, most)));
  const ticks = [];
  for (let place = Math.ceil(from); place < to; place += step) ticks.push(place);
  return ticks;
}
function findRuns(ranges, cells, starts, columns) {
  const held = [...ranges].sort(([x], [y]) => x - y).filter(([first, last]) => first < last);
  const runs = [];
  for (const [first, last] of held) {
    for (let cell = cells[first]; cell <= cells[last - 1]; cell++) {
      if (starts[cell] === starts[cell + 1]) continue;
      const run = runs[runs.length - 1];
      if (run && cell < run[1]) continue;
      if (run && cell === run[1] && cell % columns) run[1] = cell + 1;
      else runs.push([cell, cell + 1]);
    }
  }
  return runs;
}

// src/heatmap/text.js
var FONT = "12px system-ui, sans-serif";
var describeAxes = ({ across, down }) => `${across} → ${down} ↓`;
function describeCells({ grid, axes, shown }) {
  if (!grid) return "";
  const others = axes.filter((name) => name !== grid.across && name !== grid.down);
  if (others.length) return ` · a cell sums up ${others.join(", ")}`;
  return shown > grid.columns.length * grid.rows.length ? " · a cell sums up several" : "";
}
var shortenCount = (n) => n < 1e4 ? formatCount(n) : n < 1e6 ? `${Math.round(n / 1e3)}k` : `${(n / 1e6).toFixed(1)}M`;
function fitText(context, text, most) {
  if (context.measureText(text).width <= most) return text;
  const each = context.measureText(text).width / text.length;
  let n = Math.max(3, Math.floor(most / each));
  while (n > 3 && context.measureText(shorten(text, n)).width > most) n -= 1;
  return shorten(text, n);
}

// src/heatmap/places.js
var ROW_LABEL_WIDTH = 110;
function measure(view) {
  const width = Math.max(240, view.scroll.clientWidth);
  const left = Math.round(Math.min(Math.max(80, measureLabels(view)), 200, Math.max(120, width * 0.22)));
  const right = Math.round(measureTotals(view));
  const track = width - left - right;
  view.layout = computeLayout(view.state.head.bands, track);
  const height = Math.max(1, Math.min(560, view.layout.height));
  view.size = { width, height, left, track, right };
  view.spacer.style.height = `${view.layout.height}px`;
  view.stage.style.height = `${height}px`;
  view.top = view.scroll.scrollTop;
}
function measureLabels(view) {
  const context = getBaseContext(view);
  const widths = view.state.head.bands.flatMap((band) => [
    ...band.rows.map(({ name }) => context.measureText(name).width + measureRowLabels(view, context, band) + 14),
    band.grid ? context.measureText(describeAxes(band.grid)).width + 24 : 0
    // beside it half of the first label
  ]);
  return Math.max(0, ...widths);
}
function measureRowLabels(view, context, { grid }) {
  return grid ? Math.min(ROW_LABEL_WIDTH, Math.max(...grid.rows.map((name) => context.measureText(name).width))) + 8 : 0;
}
function measureTotals(view) {
  const most = Math.max(0, ...view.state.head.bands.flatMap((band) => band.counts.map((counts) => counts[CODES.failed])));
  const late = Math.max(0, ...view.state.head.bands.flatMap((band) => band.late));
  const unsound = Math.max(0, ...view.state.head.bands.flatMap((band) => band.unsound));
  const context = getBaseContext(view);
  const measureCount = (glyph, n) => n ? context.measureText(`${glyph} ${shortenCount(n)}`).width + 8 : 0;
  return 56 + measureCount("✕", most) + measureCount(LATE_GLYPH, late) + measureCount(UNSOUND_GLYPH, unsound);
}
function getContext(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("This browser draws on no canvas.");
  return context;
}
function getBaseContext(view) {
  const context = getContext(view.base, { willReadFrequently: true });
  context.font = FONT;
  return context;
}
function getWindow(view, bandIndex) {
  const n = view.state.head.bands[bandIndex].shown;
  const own = view.windows.get(bandIndex);
  if (!own || own.isWhole) return { from: 0, to: n };
  return own.to > n ? panWindow(own, n, 0) : own;
}
function setWindow(view, bandIndex, window2) {
  const n = view.state.head.bands[bandIndex].shown;
  view.windows.set(bandIndex, { ...window2, isWhole: window2.to - window2.from >= n });
  view.paint();
}
function findVisible(view) {
  return view.layout.items.filter((item) => item.y + item.height > view.top && item.y < view.top + view.size.height);
}
function findRow(view, bandIndex, row) {
  return view.layout.items.find((item) => item.kind === "row" && item.band === bandIndex && item.row === row);
}
function findHit(view, x, y) {
  const at = y + view.top;
  const item = view.layout.items.find((one) => at >= one.y && at < one.y + one.height);
  if (!item) return null;
  const { left, track } = view.size;
  const along = x - left;
  const band = view.state.head.bands[item.band];
  if (item.kind !== "row") return { item, band: item.band, row: -1, first: -1, last: -1, along };
  if (band.layout === "cell") return along >= 0 ? { item, band: item.band, row: item.row, first: 0, last: 1, along } : null;
  if (!band.shown || along < 0 || along >= track) return null;
  if (item.cell) {
    const column = Math.floor(along / item.cell.width);
    const line = Math.floor((at - item.y) / item.cell.height);
    const { columns } = getGrid(view, item.band);
    if (column >= columns.length) return null;
    const [first2, last2] = findPlaces(view, item.band, line * columns.length + column) || [-1, -1];
    return { item, band: item.band, row: item.row, first: first2, last: last2, cell: { column, line }, along };
  }
  const { from, to } = getWindow(view, item.band);
  const [first, last] = placesOfColumn(Math.floor(along), track, from, to, band.shown);
  return { item, band: item.band, row: item.row, first, last, along };
}
function findPlaces(view, bandIndex, cell) {
  const { starts } = getGrid(view, bandIndex);
  return starts[cell] < starts[cell + 1] ? [starts[cell], starts[cell + 1]] : null;
}
function getGrid(view, bandIndex) {
  const { grid } = view.state.head.bands[bandIndex];
  const { cells, starts } = view.state.bands[bandIndex];
  if (!grid || !cells || !starts) throw new Error(`Band ${bandIndex} has no grid.`);
  return { ...grid, cells, starts };
}
function findBox(view, bandIndex, row, first, last) {
  const item = findRow(view, bandIndex, row);
  if (!item) return null;
  const { left, track } = view.size;
  const y = item.y - view.top;
  const band = view.state.head.bands[bandIndex];
  if (band.layout === "cell") return { x: left, y: y + 2, width: 18, height: 18 };
  if (item.cell) {
    const grid = getGrid(view, bandIndex);
    const columns = grid.columns.length;
    const cell = grid.cells[first];
    return { x: left + cell % columns * item.cell.width, y: y + Math.floor(cell / columns) * item.cell.height, width: item.cell.width, height: item.cell.height };
  }
  const { from, to } = getWindow(view, bandIndex);
  const x = left + (first - from) / (to - from) * track;
  const end = left + (last - from) / (to - from) * track;
  if (end < left || x > left + track) return null;
  const start = Math.max(left, x);
  return { x: start, y: y + 1, width: Math.max(1, Math.min(left + track, end) - start), height: item.height - 2 };
}
function findBoxes(view, bandIndex, row, ranges) {
  const band = view.state.head.bands[bandIndex];
  const item = findRow(view, bandIndex, row);
  if (!item || !band.shown) return [];
  const { cell } = item;
  if (!cell) {
    return ranges.map(([first, last]) => findBox(view, bandIndex, row, first, last)).filter((box) => box !== null);
  }
  const { columns, cells, starts } = getGrid(view, bandIndex);
  return findRuns(ranges, cells, starts, columns.length).map(([from, to]) => {
    const line = Math.floor(from / columns.length);
    const x = view.size.left + from % columns.length * cell.width;
    return { x, y: item.y - view.top + line * cell.height, width: (to - from) * cell.width, height: cell.height };
  });
}

// src/heatmap/axis.js
function drawAxis(view, context, { band: bandIndex, y, cell }) {
  const { left } = view.size;
  const top = y - view.top;
  context.fillStyle = view.faint;
  if (cell) {
    const grid = getGrid(view, bandIndex);
    const widest = Math.max(...grid.columns.map((name) => context.measureText(name).width));
    const every = Math.ceil(Math.min(90, widest + 6) / cell.width);
    context.textAlign = "center";
    for (let column = 0; column < grid.columns.length; column += every) {
      context.fillText(fitText(context, grid.columns[column], every * cell.width - 4), left + (column + 0.5) * cell.width, top + 8);
    }
    context.textAlign = "left";
    context.fillText(fitText(context, describeAxes(grid), left - 22), 2, top + 8);
    return;
  }
  context.strokeStyle = view.line;
  let end = -Infinity;
  for (const { place, x, align, most } of findTicks(view, bandIndex)) {
    context.beginPath();
    context.moveTo(Math.round(x) + 0.5, top);
    context.lineTo(Math.round(x) + 0.5, top + 4);
    context.stroke();
    context.textAlign = align;
    const name = view.names.get(`${bandIndex}.${place}`);
    const text = fitText(context, name === void 0 ? `${formatCount(place + 1)}.` : name, most);
    const own = context.measureText(text).width;
    const start = align === "left" ? x : x - own / 2;
    if (start < end + 8) continue;
    context.fillText(text, x, top + 12);
    end = start + own;
  }
  context.textAlign = "left";
}
function findTicks(view, bandIndex) {
  const { left, track } = view.size;
  const { from, to } = getWindow(view, bandIndex);
  const most = Math.max(2, Math.floor(track / 150));
  const cell = track / (to - from);
  const ticks = computeTicks(from, to, most).map((place) => ({ place, x: left + (place + 0.5 - from) * cell, align: "center", most: Math.min(track / 2, Math.max(cell, track / most)) - 12 }));
  if (ticks.length) {
    const first = ticks[0];
    if (first.x - left < 70) Object.assign(first, { x: Math.max(left, first.x - cell / 2), align: "left" });
  }
  return ticks.filter((tick) => tick.align === "left" || tick.x + 60 < left + track || cell > 60);
}
function requestNames(view) {
  clearTimeout(view.namesTimer);
  view.namesTimer = setTimeout(async () => {
    const number = view.state.head.view;
    for (const item of findVisible(view)) {
      if (item.kind !== "axis" || item.cell) continue;
      const places = findTicks(view, item.band).map(({ place }) => place).filter((place) => !view.names.has(`${item.band}.${place}`));
      if (!places.length) continue;
      const answer = await view.link.request("keys", { view: number, band: item.band, places }).catch(() => null);
      if (!answer || answer.view !== view.state.head.view) return;
      places.forEach((place, i) => view.names.set(`${item.band}.${place}`, answer.keys[i] || ""));
      view.paint();
    }
  }, 60);
}

// src/heatmap/marks.js
function drawMarks(view) {
  if (!view.layout || !view.state.bands) return;
  const ratio = window.devicePixelRatio || 1;
  const context = getContext(view.overlay);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, view.size.width, view.size.height);
  for (const { band, row, role, ranges } of view.highlights) drawRanges(view, context, band, [row], ranges, role === "input" ? [5, 3] : [1, 2]);
  const { selection } = view.state.head;
  if (selection && !view.brush) drawRanges(view, context, selection.band, selection.rows, selection.ranges, [], 0.16);
  if (view.brush) drawRanges(view, context, view.brush.band, view.brush.rows, view.brush.ranges, [], 0.25);
  if (view.cursor && document.activeElement === view.stage) drawCursor(view, context, view.cursor);
}
function drawRanges(view, context, bandIndex, rows, ranges, dash, fill = 0) {
  const band = view.state.head.bands[bandIndex];
  if (!band) return;
  context.setLineDash(dash);
  context.lineWidth = dash.length ? 2 : 1.5;
  context.strokeStyle = dash.length ? view.text : view.brand;
  context.fillStyle = view.brand;
  for (const row of rows) {
    for (const box of findBoxes(view, bandIndex, row, ranges)) {
      if (box.y > view.size.height || box.y + box.height < 0) continue;
      if (fill) {
        context.globalAlpha = fill;
        context.fillRect(box.x, box.y, box.width, box.height);
        context.globalAlpha = 1;
      }
      const wide = Math.max(3, box.width);
      context.strokeRect(box.x - (wide - box.width) / 2, box.y, wide, box.height);
    }
  }
  context.setLineDash([]);
}
function drawCursor(view, context, { band, row, place }) {
  const box = findBox(view, band, row, place, place + 1);
  if (!box) return;
  const wide = Math.max(5, box.width);
  const x = box.x - (wide - box.width) / 2;
  context.lineWidth = 4;
  context.strokeStyle = view.ground;
  context.strokeRect(x - 1, box.y - 1, wide + 2, box.height + 2);
  context.lineWidth = 2;
  context.strokeStyle = view.text;
  context.strokeRect(x - 1, box.y - 1, wide + 2, box.height + 2);
}

// src/heatmap/statuses.js
function countStatuses(codes, first, last) {
  const counts = Array.from(STATUSES, () => 0);
  for (let i = first; i < last; i++) counts[codes[i]]++;
  return counts;
}
function findMostUrgent(codes, first, last, urgency) {
  let best = first;
  let rank = STATUSES.length;
  for (let i = first; i < last && rank > 0; i++) {
    const own = urgency.indexOf(codes[i]);
    if (own < rank) {
      rank = own;
      best = i;
    }
  }
  return best;
}
function findNext(rows, { row, place }, code, step) {
  for (let turn = 0; turn <= rows.length; turn++) {
    const at = ((row + turn * step) % rows.length + rows.length) % rows.length;
    const codes = rows[at];
    let found;
    if (turn === 0) found = step > 0 ? codes.indexOf(code, place + 1) : place > 0 ? codes.lastIndexOf(code, place - 1) : -1;
    else found = step > 0 ? codes.indexOf(code) : codes.lastIndexOf(code);
    if (found >= 0) return { row: at, place: found };
  }
  return null;
}

// src/heatmap/paint.js
function toPixel(colour) {
  const n = parseInt(colour.slice(1), 16);
  return (255 << 24 | (n & 255) << 16 | n & 65280 | n >> 16) >>> 0;
}
function makeRamp(stops, blank) {
  const parts = stops.map((s) => [1, 3, 5].map((i) => parseInt(s.slice(i, i + 2), 16)));
  const ramp = new Uint32Array(256);
  for (let level = 1; level < 256; level++) {
    const at = (level - 1) / 254 * (parts.length - 1);
    const low = Math.min(parts.length - 2, Math.floor(at));
    const [r, g, b] = parts[low].map((v, i) => Math.round(v + (parts[low + 1][i] - v) * (at - low)));
    ramp[level] = (255 << 24 | b << 16 | g << 8 | r) >>> 0;
  }
  ramp[0] = blank;
  return ramp;
}
function computeHeights(counts, total, height, least, out) {
  let used = 0;
  let largest = 0;
  for (let code = 0; code < STATUSES.length; code++) {
    out[code] = counts[code] ? Math.max(least[code], Math.round(counts[code] / total * height)) : 0;
    used += out[code];
    if (out[code] > out[largest]) largest = code;
  }
  out[largest] += height - used;
  return out;
}
function isGap(x, width, from, to, n, gap) {
  if (width / (to - from) < 4 * gap || x + gap >= width) return false;
  return placesOfColumn(x + gap, width, from, to, n)[0] !== placesOfColumn(x, width, from, to, n)[0];
}
function paintTicks(image, { width, top, height, codes, from, to, code, colour, least, gap }) {
  const n = codes.length;
  const aside = Math.max(0, Math.ceil((least - Math.max(1, width / (to - from))) / 2));
  for (let x = 0; x < width; x++) {
    const [first, last] = placesOfColumn(x, width, from, to, n);
    if (isGap(x, width, from, to, n, gap) || !codes.subarray(first, last).includes(code)) continue;
    const [left, right] = [Math.max(0, x - aside), Math.min(width, x + aside + 1)];
    for (let y = top; y < top + height; y++) image.fill(colour, y * width + left, y * width + right);
  }
}
function paintStatus(image, { width, top, height, codes, from, to, colours, order, least, gap }) {
  const counts = new Uint32Array(STATUSES.length);
  const heights = new Int32Array(STATUSES.length);
  const n = codes.length;
  for (let x = 0; x < width; x++) {
    const [first, last] = placesOfColumn(x, width, from, to, n);
    let at = top * width + x;
    if (last - first === 1) {
      if (isGap(x, width, from, to, n, gap)) continue;
      const colour = colours[codes[first]];
      for (let y = 0; y < height; y++, at += width) image[at] = colour;
      continue;
    }
    counts.fill(0);
    for (let i = first; i < last; i++) counts[codes[i]]++;
    computeHeights(counts, last - first, height, least, heights);
    for (let k = 0; k < STATUSES.length; k++) {
      const colour = colours[order[k]];
      for (let y = heights[order[k]]; y > 0; y--, at += width) image[at] = colour;
    }
  }
}
function paintValues(image, { width, top, height, codes, levels, from, to, ramp, failed, failedColour, least, gap }) {
  const n = codes.length;
  for (let x = 0; x < width; x++) {
    const [first, last] = placesOfColumn(x, width, from, to, n);
    if (last - first === 1 && isGap(x, width, from, to, n, gap)) continue;
    const { fails, known, sum } = sumLevels(codes, levels, first, last, failed);
    const total = last - first;
    const red = fails ? Math.min(height, Math.max(least, Math.round(fails / total * height))) : 0;
    const filled = known ? Math.max(1, Math.round(known / total * (height - red))) : 0;
    const colour = known ? ramp[Math.round(sum / known)] : ramp[0];
    let at = top * width + x;
    for (let y = 0; y < height; y++, at += width) {
      image[at] = y < red ? failedColour : y < height - filled ? ramp[0] : colour;
    }
  }
}
function paintGrid(image, { width, cell, columns, starts, stack, gap }) {
  const [w, h] = [Math.max(1, Math.round(cell.width) - gap), Math.max(1, cell.height - gap)];
  for (let at = 0; at + 1 < starts.length; at++) {
    if (starts[at] === starts[at + 1]) continue;
    const x = Math.floor(at % columns * cell.width);
    let y = Math.floor(at / columns) * cell.height;
    for (const [colour, height] of stack(starts[at], starts[at + 1], h)) {
      paintBox(image, width, x, y, w, height, colour);
      y += height;
    }
  }
}
function stackStatuses(codes, first, last, height, { colours, order, least }) {
  if (last - first === 1) return [[colours[codes[first]], height]];
  const heights = computeHeights(countStatuses(codes, first, last), last - first, height, least, new Int32Array(STATUSES.length));
  return order.filter((code) => heights[code] > 0).map((code) => [colours[code], heights[code]]);
}
function stackValues(codes, levels, first, last, height, { ramp, failed, failedColour, least }) {
  const { fails, known, sum } = sumLevels(codes, levels, first, last, failed);
  const total = last - first;
  const red = fails ? Math.min(height, Math.max(least, Math.round(fails / total * height))) : 0;
  const filled = known ? Math.min(height - red, Math.max(1, Math.round(known / total * (height - red)))) : 0;
  return [[failedColour, red], [ramp[0], height - red - filled], [known ? ramp[Math.round(sum / known)] : ramp[0], filled]];
}
function sumLevels(codes, levels, first, last, failed) {
  let [sum, known, fails] = [0, 0, 0];
  for (let i = first; i < last; i++) {
    if (levels[i]) {
      sum += levels[i];
      known++;
    }
    if (codes[i] === failed) fails++;
  }
  return { fails, known, sum };
}
function paintMarks(image, { width, cell, columns, starts, codes, code, colour, least, rim }) {
  for (let at = 0; at + 1 < starts.length; at++) {
    if (!codes.subarray(starts[at], starts[at + 1]).includes(code)) continue;
    const isOne = starts[at + 1] - starts[at] === 1;
    const [w, h] = [cell.width, cell.height].map((size) => isOne ? Math.max(least, Math.round(size) - 2 * rim) : least);
    const x = Math.round(at % columns * cell.width + (cell.width - w) / 2);
    const y = Math.round(Math.floor(at / columns) * cell.height + (cell.height - h) / 2);
    paintBox(image, width, x - rim, y - rim, w + 2 * rim, h + 2 * rim, 0);
    paintBox(image, width, x, y, w, h, colour);
  }
}
function paintBox(image, width, x, y, w, h, colour) {
  const [left, right] = [Math.max(0, x), Math.min(width, x + w)];
  const bottom = Math.min(image.length / width, y + h);
  if (left >= right) return;
  for (let line = Math.max(0, y); line < bottom; line++) image.fill(colour, line * width + left, line * width + right);
}
function paintLateCells(image, { width, cell, columns, starts, late, colour, least, rim }) {
  const w = Math.max(least, Math.round(cell.width) - rim);
  const h = Math.max(rim, Math.round(cell.height / 4));
  for (let at = 0; at + 1 < starts.length; at++) {
    if (!late.subarray(starts[at], starts[at + 1]).includes(1)) continue;
    const x = Math.floor(at % columns * cell.width);
    const y = Math.floor(Math.floor(at / columns) * cell.height + cell.height) - h - rim;
    paintBox(image, width, x, y - rim, w, rim, 0);
    paintBox(image, width, x, y, w, h, colour);
  }
}
var toHex = (pixel) => `#${[0, 8, 16].map((by) => (pixel >>> by & 255).toString(16).padStart(2, "0")).join("")}`;

// src/heatmap/drawing.js
var GLYPH_SIZE = { width: 16, height: 14 };
var FAILURE_LANE = 6;
var LATE_LANE = 5;
var CORNER = 8;
var hasGlyphs = ({ width, height }) => width >= GLYPH_SIZE.width && height >= GLYPH_SIZE.height;
function drawView(view) {
  if (!view.state || !view.state.bands || view.scroll.hidden || !view.root.isConnected) return;
  if (!view.root.clientWidth) {
    view.tries += 1;
    if (view.tries < 20) setTimeout(() => view.paint(), 100);
    return;
  }
  view.tries = 0;
  if (!view.colours) view.recolour();
  measure(view);
  const ratio = window.devicePixelRatio || 1;
  const { width, height } = view.size;
  for (const canvas of [view.base, view.overlay]) {
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = getBaseContext(view);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  context.textBaseline = "middle";
  const seen = findVisible(view);
  for (const item of seen) {
    if (item.kind === "row") drawRow(view, context, item, ratio);
    else if (item.kind === "head") drawHead(view, context, item);
    else drawAxis(view, context, item);
  }
  if (view.images.size > 2 * seen.length) view.images.clear();
  drawMarks(view);
  view.painted += 1;
  view.stage.dataset.painted = String(view.painted);
  view.stage.dataset.sequence = String(view.state.head.sequence);
  performance.clearMarks("nbpart-heat");
  performance.mark("nbpart-heat");
  requestNames(view);
}
function drawHead(view, context, { band: bandIndex, y, height }) {
  const band = view.state.head.bands[bandIndex];
  const middle = y - view.top + height / 2;
  context.textAlign = "left";
  context.fillStyle = view.text;
  context.font = `600 ${FONT}`;
  const name = fitText(context, band.layout === "cell" ? "without partitions" : band.set, view.size.width - 260);
  context.fillText(name, 2, middle);
  const after = 2 + context.measureText(name).width + 10;
  context.font = FONT;
  context.fillStyle = view.faint;
  if (band.layout === "cell") return;
  const { from, to } = getWindow(view, bandIndex);
  let text = plural(band.n_keys, "partition");
  if (band.shown !== band.n_keys) text = `${formatCount(band.shown)} of ${text} shown`;
  if (to - from < band.shown) text += ` · zoomed to ${formatCount(Math.ceil(to - from))}`;
  if (band.layout === "grid") text += describeCells(band);
  const { scale } = band;
  if (scale) text += ` · ${view.state.head.color_by} ${formatNumber(scale.low)} to ${formatNumber(scale.high)}`;
  context.fillText(fitText(context, describeEmptyBand(band) || text, view.size.width - after - 4), after, middle);
}
function drawRow(view, context, item, ratio) {
  const { left } = view.size;
  const band = view.state.head.bands[item.band];
  const y = item.y - view.top;
  const label = band.layout === "grid" ? y + 8 : y + item.height / 2;
  context.textAlign = "left";
  context.fillStyle = view.text;
  context.fillText(fitText(context, band.rows[item.row].name, left - measureRowLabels(view, context, band) - 12), 2, label);
  if (band.layout === "cell") drawCell(view, context, item, y);
  else if (band.shown) {
    drawTrack(view, context, item, y, ratio);
    if (item.cell) drawRowLabels(view, context, item, y, item.cell);
    drawTotals(view, context, item, label);
  }
}
function drawCell(view, context, item, y) {
  const own = view.state.bands[item.band];
  const code = own.status[item.row][0];
  const level = own.levels ? own.levels[item.row][0] : 0;
  context.fillStyle = level ? toHex(view.ramp[level]) : view.colours[code];
  context.fillRect(view.size.left, y + 2, 18, 18);
  context.strokeStyle = view.line;
  context.lineWidth = 1;
  context.strokeRect(view.size.left + 0.5, y + 2.5, 17, 17);
  const { name } = STATUSES[code];
  if (!level) drawGlyph(view, context, code, view.size.left + 9, y + 11);
  const [late, unsound] = [own.late[item.row], own.unsound[item.row]?.includes(1)];
  const box = { x: view.size.left, y: y + 2, width: 18, height: 18 };
  if (late) drawCorner(view, context, box, false);
  if (unsound) drawCorner(view, context, box, true);
  context.textAlign = "left";
  context.fillStyle = view.faint;
  context.fillText([name, late ? "late" : "", unsound ? UNSOUND_WORDS : ""].filter(Boolean).join(", "), view.size.left + 26, y + 11);
}
function drawTrack(view, context, item, y, ratio) {
  const { left, track } = view.size;
  const own = view.state.bands[item.band];
  const inset = item.cell ? 0 : 1;
  const { from, to } = getWindow(view, item.band);
  const [width, height] = [Math.round(track * ratio), Math.round((item.height - 2 * inset) * ratio)];
  const name = `${item.band}.${item.row}`;
  const key = [own.versions[item.row], width, height, from, to].join();
  let kept = view.images.get(name);
  if (!kept || kept.key !== key) {
    kept = { key, image: context.createImageData(width, height) };
    fillImage(view, kept.image, item, { from, to, ratio });
    view.images.set(name, kept);
  }
  context.putImageData(kept.image, Math.round(left * ratio), Math.round((y + inset) * ratio));
  if (!item.cell) {
    context.strokeStyle = view.line;
    context.lineWidth = 1;
    context.strokeRect(left - 0.5, y + 0.5, track + 1, item.height - 1);
  }
  drawGlyphs(view, context, item, y, own.status[item.row], own.levels && own.levels[item.row]);
  const [late, unsound] = [own.late[item.row], own.unsound[item.row]];
  if (late) drawCorners(view, context, item, late, false);
  if (unsound) drawCorners(view, context, item, unsound, true);
}
function drawCorners(view, context, item, marked, isUnsound) {
  const { from, to } = item.cell ? { from: 0, to: marked.length } : getWindow(view, item.band);
  if (item.cell ? !hasGlyphs(item.cell) : view.size.track / (to - from) < GLYPH_SIZE.width) return;
  for (let place = marked.indexOf(1, Math.floor(from)); place >= 0 && place < to; place = marked.indexOf(1, place + 1)) {
    const box = findBox(view, item.band, item.row, place, place + 1);
    if (box) drawCorner(view, context, box, isUnsound);
  }
}
function drawCorner(view, context, { x, y, width, height }, isUnsound) {
  const size = Math.min(CORNER, width / 3);
  const [side, end] = isUnsound ? [x, y + height - 1] : [x + width - 1, y];
  const [across, down] = isUnsound ? [1, -1] : [-1, 1];
  context.beginPath();
  context.moveTo(side + across * size, end);
  context.lineTo(side, end);
  context.lineTo(side, end + down * size);
  context.closePath();
  context.fillStyle = isUnsound ? view.unsoundColour : view.lateColour;
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = view.ground;
  context.beginPath();
  context.moveTo(side + across * (size + 1), end);
  context.lineTo(side, end + down * (size + 1));
  context.stroke();
}
function fillImage(view, image, item, { from, to, ratio }) {
  const { failed } = CODES;
  const own = view.state.bands[item.band];
  const codes = own.status[item.row];
  const levels = own.levels && own.levels[item.row];
  const [late, unsound] = [own.late[item.row], own.unsound[item.row]];
  const pixels = new Uint32Array(image.data.buffer);
  const gap = Math.max(1, Math.round(ratio));
  if (item.cell) {
    const across = item.cell.width * ratio;
    const cell = { width: item.cell.width < 1 ? across : Math.round(across), height: Math.round(item.cell.height * ratio) };
    const { columns, starts } = getGrid(view, item.band);
    const least = 2 * gap;
    const colours = { colours: view.pixels, order: COLUMN_ORDER, least: URGENCY.map(() => gap) };
    const values = { ramp: view.ramp, failed, failedColour: view.pixels[failed], least };
    const stack = (first, last, height) => levels ? stackValues(codes, levels, first, last, height, values) : stackStatuses(codes, first, last, height, colours);
    const grid = { width: image.width, cell, columns: columns.length, starts };
    paintGrid(pixels, { ...grid, stack, gap: cell.width > 3 * gap ? gap : 0 });
    const mark = { codes, code: failed, colour: view.pixels[failed], least: Math.round(4 * ratio), rim: gap };
    if (hasGlyphs(item.cell)) return;
    if (late) paintLateCells(pixels, { ...grid, late, colour: toPixel(view.lateColour), least, rim: gap });
    paintMarks(pixels, { ...grid, ...mark });
    return;
  }
  const common = { width: image.width, codes, from, to, gap };
  const narrow = view.size.track / (to - from) < GLYPH_SIZE.width;
  const lane = narrow && (codes.includes(failed) || unsound?.includes(1)) ? Math.round(FAILURE_LANE * ratio) : 0;
  const lateLane = narrow && late && late.includes(1) ? Math.round(LATE_LANE * ratio) : 0;
  const below = { ...common, top: lane, height: image.height - lane - lateLane };
  if (levels) paintValues(pixels, { ...below, levels, ramp: view.ramp, failed, failedColour: view.pixels[failed], least: gap });
  else paintStatus(pixels, { ...below, colours: view.pixels, order: COLUMN_ORDER, least: URGENCY.map(() => gap) });
  const above = { ...common, top: 0, height: lane, least: Math.round(3 * ratio) };
  if (lane && unsound) paintTicks(pixels, { ...above, codes: unsound, code: 1, colour: toPixel(view.unsoundColour) });
  if (lane) paintTicks(pixels, { ...above, code: failed, colour: view.pixels[failed] });
  if (late && lateLane) {
    const ticks = { top: image.height - lateLane + gap, height: lateLane - gap, least: Math.round(3 * ratio) };
    paintTicks(pixels, { ...common, ...ticks, codes: late, code: 1, colour: toPixel(view.lateColour) });
  }
}
function drawGlyphs(view, context, item, y, codes, levels) {
  const { left, track } = view.size;
  const has = (place) => !levels || !levels[place] || codes[place] === CODES.failed;
  if (item.cell) {
    if (!hasGlyphs(item.cell)) return;
    const { starts } = getGrid(view, item.band);
    for (let cell2 = 0; cell2 + 1 < starts.length; cell2++) {
      const [first, last] = [starts[cell2], starts[cell2 + 1]];
      if (first === last) continue;
      const place = findMostUrgent(codes, first, last, URGENCY);
      const isClear = codes[place] === CODES.failed || codes.subarray(first, last).every((code) => code === codes[place]);
      const box = isClear && has(place) ? findBox(view, item.band, item.row, place, place + 1) : null;
      if (box) drawGlyph(view, context, codes[place], box.x + box.width / 2, box.y + box.height / 2);
    }
    return;
  }
  const { from, to } = getWindow(view, item.band);
  const cell = track / (to - from);
  if (cell < GLYPH_SIZE.width) return;
  for (let place = Math.floor(from); place < to; place++) {
    const middle = left + (place + 0.5 - from) * cell;
    if (has(place) && middle > left + 6 && middle < left + track - 6) drawGlyph(view, context, codes[place], middle, y + item.height / 2);
  }
}
function drawGlyph(view, context, code, x, y) {
  context.textAlign = "center";
  const isValue = view.state.head.color_by !== "status" && code !== CODES.failed;
  context.fillStyle = code === CODES.missing || isValue ? view.faint : view.ground;
  context.font = "600 11px system-ui, sans-serif";
  context.fillText(STATUSES[code].glyph, x, y + 0.5);
  context.font = FONT;
}
function drawTotals(view, context, item, middle) {
  const { width } = view.size;
  const counts = view.state.head.bands[item.band].counts[item.row];
  const total = counts.reduce((sum, n) => sum + n, 0);
  const made = 100 * counts[CODES.materialized] / Math.max(1, total);
  context.textAlign = "right";
  context.fillStyle = view.faint;
  context.fillText(`${made > 0 && made < 1 ? "<1" : made > 99 && made < 100 ? ">99" : Math.round(made)} %`, width - 2, middle);
  const { late, unsound } = view.state.head.bands[item.band];
  let right = width - 48;
  const marks = [[LATE_GLYPH, late[item.row], view.lateColour], [UNSOUND_GLYPH, unsound[item.row], view.unsoundColour]];
  for (const [glyph, n, colour] of marks) {
    if (!n) continue;
    context.fillStyle = colour;
    const text = `${glyph} ${shortenCount(n)}`;
    context.fillText(text, right, middle);
    right -= context.measureText(text).width + 8;
  }
  if (!counts[CODES.failed]) return;
  context.fillStyle = view.colours[CODES.failed];
  context.fillText(`✕ ${shortenCount(counts[CODES.failed])}`, right, middle);
}
function drawRowLabels(view, context, item, y, cell) {
  const { left } = view.size;
  const { rows } = getGrid(view, item.band);
  const every = Math.ceil(13 / cell.height);
  context.textAlign = "right";
  context.fillStyle = view.faint;
  for (let line = 0; line < rows.length; line += every) {
    context.fillText(fitText(context, rows[line], ROW_LABEL_WIDTH), left - 6, y + (line + 0.5) * cell.height);
  }
}

// src/heatmap/selection.js
function findNearest(view, bandIndex, x, y) {
  const rows = view.layout.items.filter((item) => item.kind === "row" && item.band === bandIndex);
  const low = rows[0].y - view.top + 1;
  const high = rows[rows.length - 1].y + rows[rows.length - 1].height - view.top - 1;
  const { left, track } = view.size;
  const band = view.state.head.bands[bandIndex];
  const { cell } = rows[0];
  const right = band.grid && cell ? Math.min(track, band.grid.columns.length * cell.width) : track;
  const hit = findHit(view, Math.max(left, Math.min(left + right - 1, x)), Math.max(low, Math.min(high, y)));
  return hit && hit.row >= 0 && hit.first >= 0 ? hit : null;
}
function findBetween(view, start, end) {
  const [low, high] = [Math.min(start.row, end.row), Math.max(start.row, end.row)];
  const rows = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  if (!start.cell || !end.cell) return { rows, ranges: [[Math.min(start.first, end.first), Math.max(start.last, end.last)]] };
  const ranges = [];
  const { columns } = getGrid(view, start.band);
  const [from, to] = [start.cell, end.cell];
  const many = start.row !== end.row;
  for (let line = Math.min(from.line, to.line); line <= Math.max(from.line, to.line); line++) {
    for (let column = Math.min(from.column, to.column); column <= Math.max(from.column, to.column); column++) {
      const found = findPlaces(view, start.band, line * columns.length + column);
      if (!found) continue;
      const before = ranges[ranges.length - 1];
      if (before && before[1] === found[0]) before[1] = found[1];
      else ranges.push(found);
    }
  }
  return { rows: many ? rows : [start.row], ranges };
}
function onClick(view, hit, event) {
  const place = findMostUrgent(view.state.bands[hit.band].status[hit.row], hit.first, hit.last, URGENCY);
  const here = { band: hit.band, row: hit.row, place };
  if (event.shiftKey && view.anchor && view.anchor.band === hit.band) {
    view.cursor = here;
    extendSelection(view);
    return;
  }
  const { selection } = view.state.head;
  const adds = (event.ctrlKey || event.metaKey) && selection && selection.band === hit.band && selection.rows.includes(hit.row);
  view.cursor = view.anchor = here;
  select(view, hit.band, adds ? selection.rows : [hit.row], adds ? [...selection.ranges, [place, place + 1]] : [[place, place + 1]]);
}
function extendSelection(view) {
  const { anchor, cursor } = view;
  if (!anchor || !cursor) return;
  const where = ({ band, row, place }) => {
    const spot = { band, row, first: place, last: place + 1 };
    if (view.state.head.bands[band].layout !== "grid") return spot;
    const { columns, cells } = getGrid(view, band);
    return { ...spot, cell: { column: cells[place] % columns.length, line: Math.floor(cells[place] / columns.length) } };
  };
  const { rows, ranges } = findBetween(view, where(anchor), where(cursor));
  select(view, cursor.band, rows, ranges);
}
async function select(view, band, rows, ranges, { silent = false } = {}) {
  const number = view.state.head.view;
  view.highlights = [];
  const selection = { band, rows, ranges };
  view.state.head.selection = selection;
  view.mark();
  const answer = await view.ask("select", { view: number, band, rows, ranges });
  if (!answer) return;
  if (!silent) {
    view.footer.textContent = answer.message;
    view.announce(answer.message);
  }
  await highlight(view, number, selection, silent ? "" : answer.message);
}
async function highlight(view, number, selection, message) {
  const found = await view.ask("highlights", { view: number, ...selection });
  const now = view.state.head.selection;
  if (!found || !now || JSON.stringify(now) !== JSON.stringify(selection)) return;
  view.highlights = found.highlights;
  view.mark();
  const roles = new Set(found.highlights.map(({ role }) => role));
  const read = [roles.has("input") ? "dashed: what it reads" : "", roles.has("reader") ? "dotted: what reads it" : ""];
  if (message && roles.size) view.footer.textContent = [message, ...read.filter(Boolean)].join(" · ");
}
async function highlightSelection(view) {
  const { view: number, selection } = view.state.head;
  if (selection) await highlight(view, number, selection, "");
}
function unselect(view) {
  view.highlights = [];
  view.state.head.selection = null;
  view.footer.textContent = "";
  view.mark();
  return view.ask("clear", {});
}

// src/heatmap/pointer.js
function listenToPointer(view) {
  const { stage } = view;
  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !view.layout) return;
    stage.focus({ preventScroll: true });
    const hit = findHit(view, ...at(event));
    if (!hit) return;
    stage.setPointerCapture(event.pointerId);
    if (hit.item.kind === "axis") view.pan = { band: hit.band, x: event.clientX, window: getWindow(view, hit.band) };
    else if (hit.row >= 0 && hit.first >= 0) view.press = { hit, x: event.clientX, y: event.clientY };
  });
  stage.addEventListener("pointermove", (event) => {
    if (!view.layout) return;
    if (view.pan) onDrag(view, event, view.pan);
    else if (view.press) onBrush(view, event, at(event), view.press);
    else pointAt(view, findHit(view, ...at(event)), at(event));
  });
  stage.addEventListener("pointerup", (event) => {
    const { press, brush } = view;
    view.press = view.pan = null;
    if (brush) select(view, brush.band, brush.rows, brush.ranges);
    else if (press) onClick(view, press.hit, event);
    view.brush = null;
    view.mark();
  });
  stage.addEventListener("pointercancel", () => {
    view.press = view.pan = view.brush = null;
    view.mark();
  });
  stage.addEventListener("pointerleave", () => pointAt(view, null));
  stage.addEventListener("wheel", (event) => onWheel(view, event, at(event)), { passive: false });
  for (const kind of ["focus", "blur"]) stage.addEventListener(kind, () => view.mark());
}
function onWheel(view, event, at) {
  if (!view.layout) return;
  const hit = findHit(view, ...at);
  if (!hit || hit.row < 0 || hit.item.cell) return;
  const { from, to } = getWindow(view, hit.band);
  const n = view.state.head.bands[hit.band].shown;
  const across = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (event.ctrlKey || event.metaKey) {
    const centre = from + hit.along / view.size.track * (to - from);
    setWindow(view, hit.band, zoomWindow({ from, to }, n, centre, Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 150)));
  } else if (Math.abs(across) > Math.abs(event.shiftKey ? 0 : event.deltaY) && to - from < n) {
    setWindow(view, hit.band, panWindow({ from, to }, n, across / view.size.track * (to - from)));
  } else return;
  event.preventDefault();
}
function onDrag(view, event, { band, x, window: window2 }) {
  if (view.state.head.bands[band].layout !== "line") return;
  const by = (x - event.clientX) / view.size.track * (window2.to - window2.from);
  setWindow(view, band, panWindow(window2, view.state.head.bands[band].shown, by));
}
function onBrush(view, event, [x, y], { hit: start, ...from }) {
  const hit = findHit(view, x, y);
  if (!view.brush && Math.hypot(event.clientX - from.x, event.clientY - from.y) < 4) return;
  view.tooltip.hide();
  const end = hit && hit.band === start.band && hit.row >= 0 && hit.first >= 0 ? hit : findNearest(view, start.band, x, y);
  if (end) view.brush = { band: start.band, ...findBetween(view, start, end) };
  view.mark();
}
function pointAt(view, hit, [x, y] = [0, 0]) {
  clearTimeout(view.detailsTimer);
  if (!hit || hit.row < 0 || hit.first < 0) {
    view.hover = null;
    view.tooltip.hide();
    return;
  }
  const band = view.state.head.bands[hit.band];
  const codes = view.state.bands[hit.band].status[hit.row];
  const place = findMostUrgent(codes, hit.first, hit.last, URGENCY);
  const many = hit.last - hit.first;
  const here = { band: hit.band, row: hit.row, place };
  const { name, glyph } = STATUSES[codes[place]];
  const { late, unsound } = view.state.bands[hit.band];
  const count = (marks, sign, words) => {
    const n = marks ? marks.subarray(hit.first, hit.last).reduce((sum, one) => sum + one, 0) : 0;
    return n ? [`${sign} ${many > 1 ? `${formatCount(n)} ` : ""}${words}`] : [];
  };
  const marked = [...count(late[hit.row], LATE_GLYPH, "late"), ...count(unsound[hit.row], UNSOUND_GLYPH, UNSOUND_WORDS)];
  const box = view.stage.getBoundingClientRect();
  const outer = view.root.getBoundingClientRect();
  const show = (title2, lines2) => view.tooltip.show(x + box.left - outer.left, y + box.top - outer.top, outer, title2, lines2);
  const among = many > 1 ? [`${plural(many, "partition")} here: ${describeStatuses(countStatuses(codes, hit.first, hit.last))}`] : [];
  const { hover } = view;
  const isSame = hover && hover.place === place && hover.row === hit.row && hover.band === hit.band;
  const known = isSame ? hover.found : void 0;
  const row = band.rows[hit.row].name;
  const title = (found) => found ? `${row}${found.key === null ? "" : ` · ${found.key}`}` : row;
  const lines = (found) => [`${glyph} ${name}`, ...marked, ...found ? describePartition(found) : [], ...among];
  show(title(known), lines(known));
  if (known) return;
  view.hover = here;
  view.detailsTimer = setTimeout(async () => {
    const found = await requestDetails(view, here);
    if (view.hover !== here || !found) return;
    here.found = found;
    show(title(found), lines(found));
  }, 60);
}
function describeStatuses(counts) {
  return COLUMN_ORDER.filter((code) => counts[code]).map((code) => `${formatCount(counts[code])} ${STATUSES[code].name}`).join(", ");
}
async function requestDetails(view, { band, row, place }) {
  const number = view.state.head.view;
  return view.link.request("details", { view: number, band, row, place }).then((answer) => answer.partition, () => null);
}

// src/heatmap/keyboard.js
function listenToKeys(view) {
  const move = (across, down) => (event) => moveCursor(view, across, down, event.shiftKey);
  onKeys(view.stage, {
    ArrowLeft: move(-1, 0),
    ArrowRight: move(1, 0),
    ArrowUp: move(0, -1),
    ArrowDown: move(0, 1),
    Home: () => jumpToEnd(view, 0),
    End: () => jumpToEnd(view, 1),
    Enter: () => selectAtCursor(view),
    " ": () => selectAtCursor(view),
    Escape: () => onEscape(view),
    "+": () => zoom(view, 0.5),
    "=": () => zoom(view, 0.5),
    "-": () => zoom(view, 2),
    0: () => showAll(view),
    n: () => goToNext(view, 1),
    N: () => goToNext(view, -1),
    "/": () => view.toolbar.find.focus()
  });
}
function listRows(view) {
  return view.state.head.bands.flatMap((band, bandIndex) => band.shown ? band.rows.map((_, row) => [bandIndex, row]) : []);
}
function startCursor(view) {
  if (!view.cursor) {
    const [first] = listRows(view);
    if (!first) return null;
    view.cursor = { band: first[0], row: first[1], place: Math.floor(getWindow(view, first[0]).from) };
    view.anchor = view.anchor || view.cursor;
  }
  return view.cursor;
}
function moveCursor(view, across, down, isExtending) {
  if (!view.state.bands) return;
  const isNew = !view.cursor;
  const before = startCursor(view);
  if (!before) return;
  const here = isNew ? before : findNextPlace(view, before, across, down);
  view.cursor = here;
  if (isExtending && view.anchor && view.anchor.band === here.band) extendSelection(view);
  else view.anchor = here;
  revealCursor(view, here);
}
function findNextPlace(view, from, across, down) {
  const { band: bandIndex, row, place } = from;
  const band = view.state.head.bands[bandIndex];
  if (band.layout === "grid") {
    const inside = findNextPlaceInGrid(view, from, across, down);
    if (inside) return inside;
    if (across) return from;
  } else if (across) {
    const window2 = getWindow(view, bandIndex);
    const by = band.layout === "cell" ? 0 : Math.max(1, Math.round((window2.to - window2.from) / view.size.track));
    return { band: bandIndex, row, place: Math.max(0, Math.min(band.shown - 1, place + across * by)) };
  }
  const rows = listRows(view);
  const at = rows.findIndex(([x, y]) => x === bandIndex && y === row);
  const [nextBand, nextRow] = rows[Math.max(0, Math.min(rows.length - 1, at + down))];
  if (nextBand === bandIndex) return { band: bandIndex, row: nextRow, place };
  return { band: nextBand, row: nextRow, place: Math.floor(getWindow(view, nextBand).from) };
}
function findNextPlaceInGrid(view, { band: bandIndex, row, place }, across, down) {
  const { columns, rows, cells } = getGrid(view, bandIndex);
  let [column, line] = [cells[place] % columns.length, Math.floor(cells[place] / columns.length)];
  for (; ; ) {
    column += across;
    line += down;
    if (column < 0 || line < 0 || column >= columns.length || line >= rows.length) return null;
    const found = findPlaces(view, bandIndex, line * columns.length + column);
    if (found) return { band: bandIndex, row, place: findMostUrgent(view.state.bands[bandIndex].status[row], ...found, URGENCY) };
  }
}
function jumpToEnd(view, end) {
  const before = startCursor(view);
  if (!before) return;
  const { band, row } = before;
  const here = { band, row, place: end ? view.state.head.bands[band].shown - 1 : 0 };
  view.cursor = view.anchor = here;
  revealCursor(view, here);
}
function selectAtCursor(view, how) {
  const here = startCursor(view);
  if (!here) return;
  view.anchor = here;
  select(view, here.band, [here.row], [[here.place, here.place + 1]], how);
  revealCursor(view, here);
}
function onEscape(view) {
  const { head } = view.state;
  if (head.selection) unselect(view);
  else if (head.text || head.statuses.length) view.setOptions({ text: "", statuses: [] });
  else return false;
  return true;
}
function goToNext(view, step) {
  if (!view.state || !view.state.bands) return;
  const rows = listRows(view);
  if (!rows.length) return;
  const { cursor } = view;
  const at = cursor ? rows.findIndex(([bandIndex, row2]) => bandIndex === cursor.band && row2 === cursor.row) : 0;
  const place = cursor ? cursor.place : -1;
  const failed = findNext(rows.map(([bandIndex, row2]) => view.state.bands[bandIndex].status[row2]), { row: Math.max(0, at), place }, CODES.failed, step);
  if (!failed) {
    view.announce("Nothing failed.");
    return;
  }
  const [band, row] = rows[failed.row];
  view.stage.focus({ preventScroll: true });
  view.cursor = { band, row, place: failed.place };
  selectAtCursor(view, { silent: true });
}
function isSelected(view, { band, row, place }) {
  const { selection } = view.state.head;
  if (!selection || selection.band !== band || !selection.rows.includes(row)) return false;
  return selection.ranges.some(([first, last]) => first <= place && place < last);
}
function zoom(view, factor) {
  if (!view.state || !view.state.bands) return;
  const first = listRows(view).find(([bandIndex2]) => view.state.head.bands[bandIndex2].layout === "line");
  const bandIndex = view.cursor && view.state.head.bands[view.cursor.band].layout === "line" ? view.cursor.band : first && first[0];
  if (bandIndex === void 0) return;
  const window2 = getWindow(view, bandIndex);
  const centre = view.cursor && view.cursor.band === bandIndex ? view.cursor.place + 0.5 : (window2.from + window2.to) / 2;
  setWindow(view, bandIndex, zoomWindow(window2, view.state.head.bands[bandIndex].shown, centre, factor));
}
function showAll(view) {
  view.windows.clear();
  view.paint();
}
function revealCursor(view, here) {
  const { band: bandIndex, row, place } = here;
  const band = view.state.head.bands[bandIndex];
  const window2 = getWindow(view, bandIndex);
  if (band.layout === "line" && (place < window2.from || place >= window2.to)) {
    setWindow(view, bandIndex, panWindow(window2, band.shown, place + 0.5 - (window2.from + window2.to) / 2));
  }
  const item = findRow(view, bandIndex, row);
  if (item && item.y < view.scroll.scrollTop) view.scroll.scrollTop = item.y - 4;
  else if (item && item.y + Math.min(item.height, 200) > view.scroll.scrollTop + view.size.height) view.scroll.scrollTop = item.y + item.height - view.size.height + 4;
  view.mark();
  clearTimeout(view.detailsTimer);
  view.tooltip.hide();
  view.detailsTimer = setTimeout(async () => {
    const found = await requestDetails(view, here);
    if (view.cursor !== here || !found) return;
    const { name, glyph } = STATUSES[view.state.bands[bandIndex].status[row][place]];
    const where = found.key === null ? band.rows[row].name : `${band.rows[row].name} · ${found.key}`;
    const late = view.state.bands[bandIndex].late[row]?.[place] ? [`${LATE_GLYPH} late`] : [];
    const unsound = view.state.bands[bandIndex].unsound[row]?.[place] ? [`${UNSOUND_GLYPH} ${UNSOUND_WORDS}`] : [];
    const text = [where, `${glyph} ${name}`, ...late, ...unsound, ...describePartition(found)].join(" · ");
    view.footer.textContent = isSelected(view, here) ? text : `${text} · Enter selects it`;
    view.announce(text);
  }, 80);
}

// src/heatmap/view.js
var HeatmapView = class {
  // elements of the page
  /** @type {HTMLElement} */
  root;
  /** @type {HTMLCanvasElement} */
  base;
  /** @type {HTMLCanvasElement} */
  overlay;
  /** @type {HTMLElement} */
  stage;
  /** @type {HTMLElement} */
  spacer;
  /** @type {HTMLElement} */
  scroll;
  /** @type {HTMLElement} */
  footer;
  /** @type {HTMLElement} */
  emptyState;
  /** @type {ReturnType<typeof makeToolbar>} */
  toolbar;
  /** @type {ReturnType<typeof makeLegend>} */
  legend;
  /** @type {ReturnType<typeof makeTooltip>} */
  tooltip;
  /** @type {Outcome} */
  outcome;
  /** @type {(text: string) => void} */
  announce;
  // what is shown; nothing until the bytes of the first snapshot are inflated
  /** @type {LoadedState} */
  state;
  /** @type {Size} */
  size;
  /** @type {Layout} */
  layout;
  top = 0;
  /** @type {Map<number, Window>} */
  windows = /* @__PURE__ */ new Map();
  /** @type {Map<string, string>} */
  names = /* @__PURE__ */ new Map();
  /** @type {HighlightJson[]} */
  highlights = [];
  // cursor, pointer and brush
  /** @type {Place | null} */
  cursor = null;
  /** @type {Place | null} */
  anchor = null;
  /** @type {Place | null} */
  hover = null;
  /** @type {SelectedPlacesJson | null} */
  brush = null;
  /** @type {Pan | null} */
  pan = null;
  /** @type {Press | null} */
  press = null;
  // colours, known once the view stands in the page
  /** @type {string[]} */
  colours;
  /** @type {Uint32Array} */
  pixels;
  /** @type {Uint32Array} */
  ramp;
  lateColour = "";
  unsoundColour = "";
  ground = "";
  text = "";
  faint = "";
  line = "";
  brand = "";
  painted = 0;
  tries = 0;
  /** @type {Map<string, { key: string, image: ImageData }>} The painted rows: a patch touches few of them. */
  images = /* @__PURE__ */ new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  detailsTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  namesTimer;
  /**
   * @param {Link<HeatmapContract, State>} link
   * @param {HTMLElement} root
   */
  constructor(link, root) {
    this.link = link;
    this.build(root);
    this.paint = onceAFrame(() => drawView(this));
    this.mark = onceAFrame(() => drawMarks(this));
    this.cleanups = [link.listen((...[kind]) => this.onChange(kind)), onThemeChange(() => this.recolour())];
    const observer = new ResizeObserver(() => this.paint());
    observer.observe(root);
    this.cleanups.push(() => observer.disconnect());
    this.onChange("snapshot");
  }
  /** @param {HTMLElement} root */
  build(root) {
    root.classList.add("nbpart-heat");
    this.root = root;
    this.toolbar = makeToolbar({
      setOptions: (change) => this.setOptions(change),
      zoom: (factor) => zoom(this, factor),
      showAll: () => showAll(this),
      next: (step) => goToNext(this, step),
      sort: () => this.ask("sort", {}),
      unfocus: () => this.ask("unfocus", {})
    });
    this.legend = makeLegend({ toggle: (code) => this.toggle(code) });
    this.base = element("canvas", { "aria-hidden": "true" });
    this.overlay = element("canvas", { "aria-hidden": "true" });
    this.stage = element("div", {
      class: "nbpart-heat-stage",
      tabindex: "0",
      role: "application",
      "aria-label": "Partition heatmap",
      "aria-roledescription": "heatmap",
      "aria-keyshortcuts": "ArrowLeft ArrowRight ArrowUp ArrowDown Enter Escape + - 0 n"
    }, this.base, this.overlay);
    this.spacer = element("div", {}, this.stage);
    this.scroll = element("div", { class: "nbpart-heat-scroll", onscroll: () => this.paint() }, this.spacer);
    this.tooltip = makeTooltip();
    this.footer = element("div", { class: "nbpart-heat-footer" });
    this.outcome = makeOutcome();
    this.emptyState = element("div", { hidden: true });
    root.append(this.toolbar.node, this.legend.node, this.emptyState, this.scroll, this.footer, this.outcome.node, this.tooltip.node);
    this.announce = makeAnnouncer(root, 700);
    listenToPointer(this);
    listenToKeys(this);
  }
  // --- the state ---------------------------------------------------------------------------------------------
  /**
   * Show the state after a change. A new view is shown once its bytes are inflated; until then the old one stays.
   *
   * @param {Change<HeatmapContract>[0]} kind
   */
  onChange(kind) {
    const state = this.link.state;
    if (!state) return;
    if (kind === "selection") {
      this.highlights = [];
      this.footer.textContent = "";
      this.mark();
      highlightSelection(this);
      return;
    }
    const show = () => state === this.link.state && this.show(
      /** @type {LoadedState} */
      state
    );
    if (state.bands) show();
    else state.ready.then(show, (error) => this.outcome.fail(error));
  }
  /** @param {LoadedState} state */
  show(state) {
    const before = this.state ? this.state.head : null;
    if (state !== this.state) this.images.clear();
    this.state = state;
    const { head } = state;
    if (!before || before.view !== head.view) this.discardOutdated(before, head);
    this.toolbar.show(head);
    this.legend.show(head);
    const empty = makeEmptyState(head);
    this.emptyState.replaceChildren(...empty ? [empty] : []);
    this.emptyState.hidden = !empty;
    this.scroll.hidden = this.toolbar.node.hidden = this.legend.node.hidden = this.footer.hidden = Boolean(empty);
    if (!this.footer.textContent) this.footer.textContent = "Drag to select, Ctrl + wheel to zoom, arrows to move, n for the next failed.";
    this.paint();
  }
  /**
   * Discard what refers to places of the old view, and keep the rest.
   *
   * @param {HeatmapHeadJson | null} before
   * @param {HeatmapHeadJson} head
   */
  discardOutdated(before, head) {
    const same = (bandIndex) => before && before.bands[bandIndex] && before.bands[bandIndex].set === head.bands[bandIndex].set && before.bands[bandIndex].shown === head.bands[bandIndex].shown;
    head.bands.forEach((band, bandIndex) => same(bandIndex) || this.windows.delete(bandIndex));
    this.names.clear();
    this.hover = null;
    this.brush = null;
    this.tooltip.hide();
    this.highlights = [];
    if (this.cursor && !(head.bands[this.cursor.band] && this.cursor.row < head.bands[this.cursor.band].rows.length && this.cursor.place < head.bands[this.cursor.band].shown)) this.cursor = null;
  }
  /** @param {Partial<HeatmapContract['requests']['set_options']>} change */
  async setOptions(change) {
    const { head } = this.link.state;
    const now = { color_by: head.color_by, sort_by: head.sort_by, statuses: head.statuses, text: head.text, across: head.across, down: head.down, ...change };
    await this.ask("set_options", now);
  }
  /** @param {number} code */
  toggle(code) {
    const { statuses } = this.link.state.head;
    return this.setOptions({ statuses: statuses.includes(code) ? statuses.filter((other) => other !== code) : [...statuses, code] });
  }
  /**
   * @template {keyof HeatmapContract['requests']} A
   * @param {A} action
   * @param {HeatmapContract['requests'][A]} payload
   */
  async ask(action, payload) {
    try {
      const answer = await this.link.request(action, payload);
      this.outcome.clear();
      return answer;
    } catch (error) {
      this.outcome.fail(error);
      return null;
    }
  }
  /** Colours are known once the view stands in the page. */
  recolour() {
    const style = getComputedStyle(this.root);
    this.images.clear();
    this.colours = STATUSES.map(({ name }) => colourOf(this.root, name));
    this.pixels = Uint32Array.from(this.colours, toPixel);
    this.lateColour = colourOf(this.root, "late");
    this.unsoundColour = colourOf(this.root, "unsound");
    this.ramp = makeRamp(RAMP_STOPS, this.pixels[CODES.missing]);
    this.ground = style.getPropertyValue("--nbpart-background").trim() || "#ffffff";
    this.text = style.getPropertyValue("--nbpart-text").trim() || style.color;
    this.faint = style.getPropertyValue("--nbpart-faint").trim() || style.color;
    this.line = style.getPropertyValue("--nbpart-line").trim() || "#888";
    this.brand = style.getPropertyValue("--nbpart-brand").trim() || "#1976d2";
    this.paint();
  }
  close() {
    this.cleanups.forEach((cleanup) => cleanup());
    clearTimeout(this.detailsTimer);
    clearTimeout(this.namesTimer);
  }
};

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

// src/heatmap.js
var heatmap_default = defineWidget({
  decode: decodeView,
  reduce: reduceView,
  draw: (link, root) => {
    const view = new HeatmapView(link, root);
    return () => view.close();
  }
});
export {
  heatmap_default as default
};
