// src/shared/buffers.js
var readNumbers = ({ buffer, byteOffset, byteLength }) => new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength));

// src/board/state.js
var decodeBoard = ({ board, values, chosen, home }) => ({ board, columns: readColumns(board, values), chosen, home });
var reduceBoard = (page, ...[kind, payload, buffers]) => kind === "chosen" ? { ...page, chosen: payload.chosen } : { ...page, board: payload.board, columns: readColumns(payload.board, buffers[0]) };
function readColumns(board, values) {
  const numbers = readNumbers(values);
  const n = board.keys.length;
  return board.columns.map((column, place) => ({ ...column, values: numbers.subarray(place * n, (place + 1) * n) }));
}
var chooseNothing = () => ({ keys: [], ranges: {}, labels: {} });
var hasBrush = ({ ranges, labels }) => Object.keys(ranges).length + Object.keys(labels).length > 0;
function findInside(columns, { ranges, labels }, n) {
  const inside = new Uint8Array(n).fill(1);
  const named = new Map(columns.map((column) => [column.name, column]));
  for (const [name, [low, high]] of Object.entries(ranges)) {
    const values = named.get(name)?.values;
    const [least, most] = [low ?? -Infinity, high ?? Infinity];
    for (let row = 0; row < n; row += 1) if (!values || !(values[row] >= least && values[row] <= most)) inside[row] = 0;
  }
  for (const [name, wanted] of Object.entries(labels)) {
    const column = named.get(name);
    const places = new Set(wanted.map((label) => column ? column.labels.indexOf(label) : -1));
    for (let row = 0; row < n; row += 1) if (!column || !places.has(column.values[row])) inside[row] = 0;
  }
  return inside;
}
function findPicked(all, { keys }) {
  const picked = new Uint8Array(all.length);
  if (!keys.length) return picked;
  const wanted = new Set(keys);
  all.forEach((key, row) => picked[row] = wanted.has(key) ? 1 : 0);
  return picked;
}
function orderRows(inside, column, falls) {
  const rows = [];
  inside.forEach((is, row) => is && rows.push(row));
  if (!column) return falls ? rows.toReversed() : rows;
  const { values } = column;
  return rows.sort((a, b) => {
    const [x, y] = [values[a], values[b]];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
    return (x === y ? 0 : (x < y ? -1 : 1) * (falls ? -1 : 1)) || a - b;
  });
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
function shorten(text, longest) {
  if (text.length <= longest) return text;
  const head = Math.ceil((longest - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (longest - 1 - head))}`;
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

// src/shared/plot.js
var RAMP = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
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
function rampColours(root, n) {
  const [from, to] = isDark(root) ? [0.3, 1] : [0, 0.8];
  return Array.from({ length: n }, (_, i) => mixRamp(from + (to - from) * i / Math.max(1, n - 1)));
}
function mixRamp(at) {
  const place = at * (RAMP.length - 1);
  const [low, share] = [Math.min(Math.floor(place), RAMP.length - 2), place - Math.min(Math.floor(place), RAMP.length - 2)];
  const part = (text, i) => parseInt(text.slice(1 + 2 * i, 3 + 2 * i), 16);
  return `rgb(${[0, 1, 2].map((i) => Math.round(part(RAMP[low], i) * (1 - share) + part(RAMP[low + 1], i) * share)).join(" ")})`;
}
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
  const fields = element("span", { class: "nbpart-curve-fields" }, metric, by, element("label", { class: "nbpart-check" }, "smooth ", smoothing), element("label", { class: "nbpart-check" }, log, " log"));
  const controls = element("div", { class: "nbpart-bar" }, fields, note);
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
    for (const each of [fields, plot, legend]) each.hidden = isEmpty;
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

// src/board/scale.js
var DAY_MS = 864e5;
function makeScale(column, zoom = null) {
  if (column.kind === "category") return makeCategoryScale(column.labels);
  let [low, high] = [Infinity, -Infinity];
  for (let row = 0; row < column.values.length; row += 1) {
    const value = column.values[row];
    if (!Number.isFinite(value) || zoom && !zoom.rows[row]) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) [low, high] = [0, 1];
  const scale = column.kind === "time" ? makeTimeScale(low, high) : makeNumberScale(low, high, column);
  return zoom ? { ...scale, ends: zoom.ranges[column.name] ?? [null, null] } : scale;
}
function makeNumberScale(low, high, { log, whole }) {
  const [go, back] = log ? [Math.log10, (value) => 10 ** value] : [(value) => value, (value) => value];
  const [from, to] = [go(low), go(high)];
  const unitStep = log ? 0 : 10 ** (Math.floor(Math.log10(to - from || 1)) - 2);
  const fromUnit = (unit) => back(from + unit * (to - from));
  return {
    fromUnit,
    toUnit: (value) => toUnit(Number.isNaN(value) || !log ? value : value > 0 ? go(value) : -Infinity, from, to),
    roundAt: (unit) => {
      const value = fromUnit(unit);
      if (whole) return Math.round(value);
      return log ? Number(value.toPrecision(3)) : Number((Math.round(value / unitStep) * unitStep).toPrecision(12));
    },
    ticks: (most) => (log ? logTicks : linearTicks)(low, high, most).filter((value) => !whole || Number.isInteger(value)).map((value) => ({ unit: toUnit(go(value), from, to), label: formatTick(value) })),
    format: formatValue,
    step: whole && !log && to > from ? Math.max(0.02, 1 / (to - from)) : 0.02,
    ends: [null, null]
  };
}
function makeTimeScale(low, high) {
  const grain = high - low > 3 * DAY_MS ? DAY_MS : 1e3;
  const format = (value) => Number.isFinite(value) ? new Date(value).toISOString().slice(0, grain === DAY_MS && value % DAY_MS === 0 ? 10 : 16).replace("T", " ") : "—";
  const fromUnit = (unit) => low + unit * (high - low);
  return {
    fromUnit,
    format,
    toUnit: (value) => toUnit(value, low, high),
    roundAt: (unit) => Math.round(fromUnit(unit) / grain) * grain,
    ticks: (most) => (high > low ? Array.from({ length: Math.min(most, 4) }, (_, i, n = Math.min(most, 4)) => i / (n - 1)) : [0.5]).map((unit) => ({ unit, label: format(Math.round(fromUnit(unit) / grain) * grain) })),
    step: 0.02,
    ends: [null, null]
  };
}
function makeCategoryScale(labels) {
  const n = Math.max(1, labels.length);
  return {
    toUnit: (value) => (value + 0.5) / n,
    fromUnit: (unit) => unit * n - 0.5,
    roundAt: (unit) => Math.round(unit * n - 0.5),
    ticks: (most) => {
      const every = Math.ceil(labels.length / most);
      return labels.map((label, i) => ({ unit: (i + 0.5) / n, label })).filter((_, i) => i % every === 0);
    },
    format: (value) => labels[value] ?? "—",
    step: 1 / n,
    ends: [null, null]
  };
}
var toUnit = (value, low, high) => Number.isNaN(value) ? NaN : high > low ? Math.max(0, Math.min(1, (value - low) / (high - low))) : 0.5;
function formatValue(value) {
  if (Number.isNaN(value)) return "—";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  return Math.abs(value) >= 1e-5 && Math.abs(value) < 1e-3 ? String(Number(value.toPrecision(4))) : formatNumber(value);
}
function readBrush(column, scale, { ranges, labels }) {
  const range = ranges[column.name];
  if (range) return [range[0] === null ? 0 : scale.toUnit(range[0]), range[1] === null ? 1 : scale.toUnit(range[1])];
  const wanted = labels[column.name]?.map((label) => column.labels.indexOf(label)).filter((place) => place >= 0);
  if (!wanted) return null;
  const n = Math.max(1, column.labels.length);
  return wanted.length ? [Math.min(...wanted) / n, (Math.max(...wanted) + 1) / n] : [0, 0];
}
function setBrush(choice, column, scale, brush) {
  const { [column.name]: _range, ...ranges } = choice.ranges;
  const { [column.name]: _labels, ...labels } = choice.labels;
  if (!brush) return { keys: [], ranges, labels };
  const [low, high] = brush;
  if (column.kind === "category") {
    const n = column.labels.length;
    labels[column.name] = column.labels.filter((_, i) => (i + 0.5) / n >= low && (i + 0.5) / n <= high);
  } else {
    ranges[column.name] = [low <= 2e-3 ? scale.ends[0] : scale.roundAt(low), high >= 0.998 ? scale.ends[1] : scale.roundAt(high)];
  }
  return { keys: [], ranges, labels };
}

// src/board/colouring.js
var SHADES = 24;
var MOST_CATEGORIES = 8;
function makeColouring(root, column, zoom) {
  const none = cssColour(root, "--nbpart-faint");
  if (!column) return { column, none, shades: [cssColour(root, "--nbpart-brand")], shadeOf: () => 0, legend: [], isRamp: false };
  const { values } = column;
  if (column.kind === "category") {
    const shades2 = column.name === "status" && column.role === "fact" ? column.labels.map((label) => colourOf(root, label)) : categoryColours(root).slice(0, MOST_CATEGORIES);
    const legend = column.labels.slice(0, shades2.length).map((label, i) => ({ label, colour: shades2[i] }));
    if (column.labels.length > shades2.length) legend.push({ label: `${column.labels.length - shades2.length} others`, colour: none });
    return { column, none, shades: shades2, legend, isRamp: false, shadeOf: (row) => values[row] < shades2.length ? values[row] : -1 };
  }
  const scale = makeScale(column, zoom);
  const shades = rampColours(root, SHADES);
  return {
    column,
    none,
    shades,
    isRamp: true,
    shadeOf: (row) => {
      const unit = scale.toUnit(values[row]);
      return Number.isNaN(unit) ? -1 : Math.min(SHADES - 1, Math.floor(unit * SHADES));
    },
    legend: [0, 1].map((unit) => ({ label: scale.format(scale.fromUnit(unit)), colour: shades[unit * (SHADES - 1)] }))
  };
}

// src/board/brush.js
var GRAB_PX = 7;
var PAGE_STEPS = 5;
function makeBrush(name, firstScale, height, onChange) {
  let scale = firstScale;
  let brush = null;
  const area = element("div", { class: "nbpart-brush", hidden: true });
  const ends = [0, 1].map((end) => element("div", { class: `nbpart-brush-end is-${end ? "high" : "low"}`, role: "slider", tabindex: "0", "aria-orientation": "vertical", "aria-label": `${name}: ${end ? "at most" : "at least"}`, "aria-valuemin": "0", "aria-valuemax": "100", title: "Arrow keys choose from here, Escape clears" }));
  const node = element("div", { class: "nbpart-track" }, area, ...ends);
  node.style.height = `${height}px`;
  const clamp = (value) => Math.max(0, Math.min(1, value));
  const unitAt = (event) => clamp(1 - (event.clientY - node.getBoundingClientRect().top) / height);
  function change(next) {
    show(next);
    onChange(next);
  }
  function show(next) {
    brush = next;
    area.hidden = !brush;
    const [low, high] = brush ?? [0, 1];
    area.style.bottom = `${low * height}px`;
    area.style.height = `${Math.max(2, (high - low) * height)}px`;
    ends.forEach((handle, end) => {
      const unit = end ? high : low;
      handle.style.bottom = `${unit * height}px`;
      handle.classList.toggle("is-set", Boolean(brush));
      const isOpen = end ? unit >= 0.998 : unit <= 2e-3;
      const text = brush ? isOpen ? `any, ${end ? "highest" : "lowest"}` : scale.format(scale.roundAt(unit)) : "not set";
      setAttributes(handle, { "aria-valuenow": String(Math.round(unit * 100)), "aria-valuetext": text });
    });
  }
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    node.setPointerCapture(event.pointerId);
    const at = unitAt(event);
    const before = brush;
    const grab = GRAB_PX / height;
    let fixed = at;
    let isMoved = false;
    let wasDragged = false;
    if (before && Math.abs(at - before[0]) <= grab) fixed = before[1];
    else if (before && Math.abs(at - before[1]) <= grab) fixed = before[0];
    else if (before && at > before[0] && at < before[1]) isMoved = true;
    const drag = (moved) => {
      const to = unitAt(moved);
      if (!wasDragged && Math.abs(to - at) * height < 3) return;
      wasDragged = true;
      if (isMoved && before) {
        const by = Math.max(-before[0], Math.min(1 - before[1], to - at));
        change([before[0] + by, before[1] + by]);
      } else change([Math.min(fixed, to), Math.max(fixed, to)]);
    };
    const end = () => {
      node.removeEventListener("pointermove", drag);
      node.removeEventListener("pointerup", end);
      node.removeEventListener("pointercancel", end);
      if (!wasDragged && before) change(null);
    };
    node.addEventListener("pointermove", drag);
    node.addEventListener("pointerup", end);
    node.addEventListener("pointercancel", end);
  });
  ends.forEach((handle, end) => {
    const move = (steps) => {
      const [low, high] = brush ?? [0, 1];
      const by = steps * scale.step;
      change(end ? [low, Math.max(low, clamp(high + by))] : [Math.min(high, clamp(low + by)), high]);
    };
    const clear = () => brush ? change(null) : false;
    onKeys(handle, {
      ArrowUp: () => move(1),
      ArrowRight: () => move(1),
      ArrowDown: () => move(-1),
      ArrowLeft: () => move(-1),
      PageUp: () => move(PAGE_STEPS),
      PageDown: () => move(-PAGE_STEPS),
      Home: () => move(-1 / scale.step),
      End: () => move(1 / scale.step),
      Enter: () => change(brush ? null : [0, 1]),
      " ": () => change(brush ? null : [0, 1]),
      Escape: clear,
      Delete: clear,
      Backspace: clear
    });
  });
  show(null);
  return {
    node,
    show,
    /** @param {Scale} next */
    setScale: (next) => void (scale = next)
  };
}

// src/board/parallel.js
var HEIGHT2 = 264;
var [TOP, BOTTOM] = [40, 14];
var LEAST_DISTANCE = 92;
var CHAR_PX = 6.2;
function makeParallel(root, onBrush) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const overlay = element("div", { class: "nbpart-axes" });
  const node = element("div", { class: "nbpart-parallel", role: "group", "aria-label": "Parallel coordinates: a brush on an axis chooses" }, canvas, overlay);
  const brushes = /* @__PURE__ */ new Map();
  let built = "";
  let axes = [];
  function layOut(columns, width, zoom) {
    const [left, right] = [52, 60];
    axes = columns.map((column, i) => ({ column, scale: makeScale(column, zoom), x: columns.length < 2 ? width / 2 : left + i * (width - left - right) / (columns.length - 1) }));
    const text = JSON.stringify([width, columns.map(({ name, kind, log, labels }) => [name, kind, log, labels.length])]);
    const isSame = text === built;
    built = text;
    if (!isSame) brushes.clear();
    for (const { column, scale } of axes) {
      const known = brushes.get(column.name);
      if (known) known.setScale(scale);
      else brushes.set(column.name, makeBrush(column.name, scale, HEIGHT2 - TOP - BOTTOM, (brush) => {
        const axis = axes.find((each) => each.column.name === column.name);
        if (axis) onBrush(axis.column, axis.scale, brush);
      }));
    }
    if (isSame) return;
    const distance = columns.length < 2 ? width : (width - left - right) / (columns.length - 1);
    overlay.replaceChildren(...axes.map(({ column, x }) => {
      const brush = brushes.get(column.name);
      const better = { max: " ↑", min: " ↓" }[column.better] ?? "";
      const label = element("div", { class: "nbpart-axis-name", text: shorten(column.name, Math.max(6, Math.floor(distance / CHAR_PX) - 2)) + better, title: `${column.name}${column.log ? ", logarithmic" : ""}${column.better ? `, ${column.better} is better` : ""}` });
      label.style.maxWidth = `${distance - 4}px`;
      const axis = element("div", { class: `nbpart-axis is-${column.role}` }, label, brush ? brush.node : null);
      axis.style.left = `${x}px`;
      if (brush) brush.node.style.top = `${TOP}px`;
      return axis;
    }));
  }
  function paint({ page, inside, picked, colouring, zoom }) {
    const width = node.clientWidth;
    const context = fitCanvas(canvas, width, HEIGHT2);
    if (!context) return;
    const [faint, line, text] = ["--nbpart-faint", "--nbpart-line", "--nbpart-text"].map((name) => cssColour(root, name));
    const n = page.board.keys.length;
    const hasPicked = picked.includes(1);
    const groups = Array.from({ length: colouring.shades.length + 1 }, () => []);
    const [others, chosen] = [
      /** @type {number[]} */
      [],
      /** @type {number[]} */
      []
    ];
    for (let row = 0; row < n; row += 1) {
      if (zoom && !zoom.rows[row]) continue;
      if (picked[row]) chosen.push(row);
      else if (inside[row] && !hasPicked) groups[colouring.shadeOf(row) + 1].push(row);
      else others.push(row);
    }
    const units = axes.map(({ column, scale }) => Float32Array.from(column.values, scale.toUnit));
    strokeRows(context, others, units, faint, Math.max(0.04, Math.min(0.18, 60 / others.length)), 1);
    const alpha = Math.max(0.14, Math.min(0.8, 200 / Math.max(1, n - others.length)));
    const shades = groups.map((_, i) => i);
    for (const shade of colouring.column?.better === "min" ? shades.toReversed() : shades) strokeRows(context, groups[shade], units, shade ? colouring.shades[shade - 1] : colouring.none, alpha, n > 300 ? 1 : 1.4);
    for (const row of chosen) {
      const shade = colouring.shadeOf(row);
      strokeRows(context, [row], units, shade < 0 ? colouring.none : colouring.shades[shade], 1, 2.6);
    }
    paintAxes(context, line, text);
  }
  function strokeRows(context, rows, units, colour, alpha, width) {
    if (!rows.length) return;
    Object.assign(context, { strokeStyle: colour, fillStyle: colour, globalAlpha: alpha, lineWidth: width });
    context.beginPath();
    const span = HEIGHT2 - TOP - BOTTOM;
    for (const row of rows) {
      let isOpen = false;
      for (let i = 0; i < axes.length; i += 1) {
        const unit = units[i][row];
        if (Number.isNaN(unit)) {
          isOpen = false;
          continue;
        }
        const y = TOP + (1 - unit) * span;
        if (isOpen) context.lineTo(axes[i].x, y);
        else context.moveTo(axes[i].x, y);
        if (!isOpen && !(units[i + 1]?.[row] >= 0)) context.lineTo(axes[i].x + 3, y);
        isOpen = true;
      }
    }
    context.stroke();
    context.globalAlpha = 1;
  }
  function paintAxes(context, line, text) {
    const span = HEIGHT2 - TOP - BOTTOM;
    const ground = cssColour(root, "--nbpart-card");
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "left";
    for (const { scale, x } of axes) {
      context.strokeStyle = line;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x, TOP);
      context.lineTo(x, TOP + span);
      const ticks = scale.ticks(6);
      for (const { unit } of ticks) {
        context.moveTo(x, TOP + (1 - unit) * span);
        context.lineTo(x + 4, TOP + (1 - unit) * span);
      }
      context.stroke();
      Object.assign(context, { fillStyle: text, strokeStyle: ground, lineWidth: 3 });
      for (const { unit, label } of ticks) {
        const [short, y] = [shorten(label, 14), TOP + (1 - unit) * span];
        context.strokeText(short, x + 7, y);
        context.fillText(short, x + 7, y);
      }
    }
  }
  return {
    node,
    /**
     * @param {Column[]} columns
     * @param {Choice} choice
     * @param {Drawn} drawn
     */
    show(columns, choice, drawn) {
      layOut(columns, node.clientWidth, drawn.zoom);
      setAttributes(node, { "aria-label": `Parallel coordinates of ${columns.map(({ name }) => name).join(", ")}: a brush on an axis chooses` });
      for (const { column, scale } of axes) brushes.get(column.name)?.show(readBrush(column, scale, choice));
      paint(drawn);
    }
  };
}

// src/board/scatter.js
var HEIGHT3 = 240;
var FRAME2 = { left: 58, right: 14, top: 10, bottom: 36 };
var NEAR_PX2 = 9;
function makeScatter(root, onPick) {
  const canvas = element("canvas", { role: "img" });
  const tooltip = makeTooltip();
  const node = element("div", { class: "nbpart-plot" }, canvas, tooltip.node);
  let shown = null;
  let columns = null;
  let places = new Float32Array(0);
  const along = (column, scale, unit, from, to) => from + (column.kind === "category" ? unit : 0.05 + unit * 0.9) * (to - from);
  function paint() {
    const width = node.clientWidth;
    const context = fitCanvas(canvas, width, HEIGHT3);
    if (!context || !shown || !columns) return;
    const [x, y] = columns;
    const { inside, picked, colouring, zoom } = shown;
    const [xs, ys] = [makeScale(x, zoom), makeScale(y, zoom)];
    const box = { left: FRAME2.left, right: width - FRAME2.right, top: FRAME2.top, bottom: HEIGHT3 - FRAME2.bottom };
    const toX = (unit) => along(x, xs, unit, box.left, box.right);
    const toY = (unit) => along(y, ys, unit, box.bottom, box.top);
    paintFrame(context, root, box, { name: x.name, ticks: xs.ticks(Math.max(2, Math.floor(width / 90))).map(({ unit, label }) => ({ at: toX(unit), label })) }, { name: y.name, ticks: ys.ticks(6).map(({ unit, label }) => ({ at: toY(unit), label })) });
    const n = shown.page.board.keys.length;
    places = new Float32Array(2 * n).fill(NaN);
    const ground = cssColour(root, "--nbpart-text");
    const hasPicked = picked.includes(1);
    const radius = n > 500 ? 2.6 : 3.6;
    const marked = [];
    for (const isFront of [false, true]) {
      for (let row = n - 1; row >= 0; row -= 1) {
        const isIn = picked[row] || inside[row] && !hasPicked;
        if (Boolean(isIn) !== isFront || zoom && !zoom.rows[row]) continue;
        const [px, py] = [toX(xs.toUnit(x.values[row])), toY(ys.toUnit(y.values[row]))];
        if (Number.isNaN(px) || Number.isNaN(py)) continue;
        places[2 * row] = px;
        places[2 * row + 1] = py;
        const shade = colouring.shadeOf(row);
        context.globalAlpha = isFront ? 0.85 : 0.18;
        context.fillStyle = isFront && shade >= 0 ? colouring.shades[shade] : colouring.none;
        context.beginPath();
        context.arc(px, py, picked[row] ? radius + 1.5 : radius, 0, 2 * Math.PI);
        context.fill();
        if (picked[row]) marked.push([px, py]);
      }
    }
    context.globalAlpha = 1;
    Object.assign(context, { strokeStyle: ground, lineWidth: 1.5 });
    for (const [px, py] of marked) {
      context.beginPath();
      context.arc(px, py, radius + 2.5, 0, 2 * Math.PI);
      context.stroke();
    }
    if (shown.page.board.best !== null) paintStar(context, root, places[2 * shown.page.board.best], places[2 * shown.page.board.best + 1]);
  }
  function findRow({ offsetX, offsetY }) {
    let [best, distance] = [-1, NEAR_PX2 ** 2];
    for (let row = 0; row < places.length / 2; row += 1) {
      const d = (places[2 * row] - offsetX) ** 2 + (places[2 * row + 1] - offsetY) ** 2;
      if (d < distance) [best, distance] = [row, d];
    }
    return best;
  }
  canvas.addEventListener("pointermove", (event) => {
    const row = findRow(event);
    canvas.style.cursor = row < 0 ? "" : "pointer";
    if (row < 0 || !shown || !columns) return tooltip.hide();
    const told = [...columns, ...shown.colouring.column ? [shown.colouring.column] : []];
    const lines = [...new Map(told.map((column) => [column.name, `${column.name} ${makeScale(column).format(column.values[row])}`])).values()];
    return tooltip.show(event.offsetX, event.offsetY, { width: node.clientWidth, height: HEIGHT3 }, shorten(shown.page.board.keys[row] ?? shown.page.board.asset, 80), lines);
  });
  canvas.addEventListener("pointerleave", () => tooltip.hide());
  canvas.addEventListener("click", (event) => {
    const row = findRow(event);
    if (row >= 0) onPick(row, event.ctrlKey || event.metaKey || event.shiftKey);
  });
  return {
    node,
    /**
     * @param {Column} x
     * @param {Column} y
     * @param {Drawn} drawn
     */
    show(x, y, drawn) {
      columns = [x, y];
      shown = drawn;
      const by = drawn.colouring.column ? `, coloured by ${drawn.colouring.column.name}` : "";
      canvas.setAttribute("aria-label", `${y.name} over ${x.name}${by}; the table has the numbers`);
      paint();
    }
  };
}
function paintStar(context, root, x, y) {
  if (Number.isNaN(x) || Number.isNaN(y)) return;
  context.font = "17px system-ui, sans-serif";
  Object.assign(context, { textAlign: "center", textBaseline: "middle", lineWidth: 3, strokeStyle: cssColour(root, "--nbpart-card"), fillStyle: cssColour(root, "--nbpart-text") });
  context.strokeText("★", x, y);
  context.fillText("★", x, y);
}

// src/generated/constants.js
var VERSION = 1;
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

// src/shared/statuses.js
var markOf = (name) => name in MARKS ? MARKS[
  /** @type {keyof typeof MARKS} */
  name
] : MARKS.missing;
var makeGlyph = (name) => element("span", { class: `nbpart-glyph s-${markOf(name).colour}`, "aria-hidden": "true", text: markOf(name).glyph });

// src/board/table.js
var ROW_PX = 27;
var SPARE_ROWS = 6;
var [LEAST_PX, MOST_PX, CHAR_PX2] = [64, 260, 7.2];
var MEASURED = 60;
var tables = 0;
function makeTable(on) {
  tables += 1;
  const own = `nbpart-board-${tables}`;
  const head = element("div", { role: "row", class: "nbpart-grid-row is-head" });
  const body = element("div", { role: "rowgroup", class: "nbpart-grid-body" });
  const node = element("div", { role: "grid", class: "nbpart-grid", tabindex: "0", "aria-multiselectable": "true", "aria-label": "Partitions, best first" }, element("div", { role: "rowgroup" }, head), body);
  let drawn = null;
  let order = [];
  let sorted = { name: null, falls: false };
  let active = 0;
  let anchor = 0;
  let columns = [];
  let template = "";
  function layOut() {
    if (!drawn) return;
    const { board, columns: all } = drawn.page;
    columns = all.map((column) => {
      const { format } = makeScale(column);
      const longest = Math.max(column.name.length + 3, ...Array.from(column.values.subarray(0, MEASURED), (value) => format(value).length + (column.name === "status" ? 5 : 0)));
      return { column, format, width: Math.max(LEAST_PX, Math.min(MOST_PX, longest * CHAR_PX2 + 18)) };
    });
    const key = Math.max(LEAST_PX, Math.min(MOST_PX, Math.max(13, ...board.keys.slice(0, MEASURED).map((text) => (text ?? "").length)) * CHAR_PX2 + 12));
    const stop = hasLive() ? " 96px" : "";
    template = `26px ${key}px ${columns.map(({ width }, i) => i < columns.length - 1 ? `${width}px` : `minmax(${width}px, 1fr)`).join(" ")}${stop}`;
    const total = 26 + key + columns.reduce((sum, { width }) => sum + width, 0) + (stop ? 96 : 0) + 16;
    node.style.setProperty("--nbpart-grid-columns", template);
    head.style.minWidth = `${total}px`;
    body.style.minWidth = `${total}px`;
  }
  const hasLive = () => Boolean(drawn && findStatus()?.labels.some((label) => label === "running"));
  const findStatus = () => drawn?.page.columns.find(({ name, role }) => name === "status" && role === "fact");
  function showHead() {
    if (!drawn) return;
    const cells = [
      element("div", { role: "columnheader", class: "nbpart-star nbpart-faint", "aria-label": "best", title: "The best has a star", text: "★" }),
      makeHeader(null, "key", "Best first", false),
      ...columns.map(({ column }) => makeHeader(column, column.name, column.better ? `${column.better} is better` : "", column.kind !== "category")),
      ...hasLive() ? [element("div", { role: "columnheader", class: "nbpart-faint", text: "while it runs" })] : []
    ];
    const focused = head.contains(document.activeElement) ? (
      /** @type {HTMLElement} */
      document.activeElement.dataset.column
    ) : null;
    head.replaceChildren(...cells);
    if (focused !== null && focused !== void 0) [...head.querySelectorAll("button")].find(({ dataset }) => dataset.column === focused)?.focus();
  }
  function makeHeader(column, text, title, isNumber) {
    const name = column ? column.name : null;
    const is = sorted.name === name;
    const better = column ? { max: "↑", min: "↓" }[column.better] ?? "" : "";
    const arrow = is && (name !== null || sorted.falls) ? sorted.falls ? " ▾" : " ▴" : "";
    const button = element("button", { type: "button", class: "nbpart-plain", "data-column": name ?? "", title: `Sort by ${text}${title ? `; ${title}` : ""}`, onclick: () => sortBy(name) }, text + arrow, better ? element("span", { class: "nbpart-faint", text: ` ${better}` }) : null);
    return element("div", { role: "columnheader", class: isNumber ? "is-number" : "", "aria-sort": is ? sorted.falls ? "descending" : "ascending" : "none" }, button);
  }
  function sortBy(name) {
    const column = drawn?.page.columns.find((each) => each.name === name);
    const isFalling = column?.better === "max";
    if (sorted.name === name) sorted = sorted.falls === isFalling ? { name, falls: !isFalling } : { name: null, falls: false };
    else sorted = { name, falls: isFalling };
    node.scrollTop = 0;
    active = 0;
    showAll();
  }
  function showRows() {
    if (!drawn) return;
    const seen = Math.ceil(node.clientHeight / ROW_PX) || 12;
    const first = Math.max(0, Math.floor(node.scrollTop / ROW_PX) - SPARE_ROWS);
    const last = Math.min(order.length, first + seen + 2 * SPARE_ROWS);
    body.style.height = `${order.length * ROW_PX}px`;
    const focused = body.contains(document.activeElement) ? document.activeElement?.closest("[role=row]")?.id : null;
    body.replaceChildren(...Array.from({ length: last - first }, (_, i) => makeRow(first + i)));
    if (focused) body.querySelector(`#${focused} button`)?.focus();
    showActive();
  }
  function makeRow(place) {
    const { page: page2, picked } = (
      /** @type {Drawn} */
      drawn
    );
    const row = order[place];
    const isBest = page2.board.best === row;
    const early = page2.board.early.includes(row);
    const label = page2.board.keys[row] ?? page2.board.asset;
    const status = findStatus();
    const cells = columns.map(({ column, format }) => {
      const value = column.values[row];
      const text = format(value);
      const isStatus = column === status;
      return element(
        "div",
        { role: "gridcell", class: [column.kind === "category" ? "" : "is-number", Number.isNaN(value) ? "nbpart-faint" : ""].join(" ").trim(), title: column.kind === "number" && !Number.isNaN(value) ? String(value) : text },
        isStatus ? makeGlyph(text) : null,
        isStatus && early ? "stopped early" : text
      );
    });
    const isLive = status && status.labels[status.values[row]] === "running" && page2.board.run_ids[row];
    const stop = isLive ? element("button", { type: "button", text: "Stop early", "aria-label": `Stop ${label} early`, title: "Ask the run to end with what it has", onclick: (event) => {
      event.stopPropagation();
      on.stop(row);
    } }) : null;
    const line = element(
      "div",
      { role: "row", id: `${own}-${row}`, class: "nbpart-grid-row", "aria-rowindex": place + 2, "aria-selected": String(Boolean(picked[row])), "data-place": place },
      element("div", { role: "gridcell", class: "nbpart-star", title: isBest ? "best" : "", text: isBest ? "★" : "", "aria-label": isBest ? "best" : null }),
      element("div", { role: "gridcell", class: "nbpart-grid-key", title: label, text: label }),
      ...cells,
      hasLive() ? element("div", { role: "gridcell" }, stop) : null
    );
    line.style.transform = `translateY(${place * ROW_PX}px)`;
    return line;
  }
  function showActive() {
    body.querySelectorAll(".is-active").forEach((each) => each.classList.remove("is-active"));
    const shown = order.length ? body.querySelector(`#${own}-${order[active]}`) : null;
    shown?.classList.add("is-active");
    setAttributes(node, { "aria-activedescendant": shown ? shown.id : null });
  }
  function showAll() {
    if (!drawn) return;
    const column = drawn.page.columns.find(({ name }) => name === sorted.name) ?? null;
    order = orderRows(drawn.inside, column, sorted.falls);
    active = Math.max(0, Math.min(active, order.length - 1));
    anchor = Math.max(0, Math.min(anchor, order.length - 1));
    const across = node.scrollWidth > node.clientWidth ? 16 : 0;
    node.style.height = `${Math.min(drawn.inside.length, 9.5) * ROW_PX + 32 + across}px`;
    setAttributes(node, { "aria-rowcount": order.length + 1, "aria-colcount": columns.length + 2 });
    showHead();
    showRows();
  }
  function move(to, isRange) {
    active = Math.max(0, Math.min(order.length - 1, to));
    const top = active * ROW_PX;
    const room = node.clientHeight - 30 - ROW_PX;
    if (top < node.scrollTop) node.scrollTop = top;
    else if (top > node.scrollTop + room) node.scrollTop = top - room;
    showRows();
    if (isRange) on.pick(between(anchor, active), "range");
    else anchor = active;
  }
  const between = (a, b) => order.slice(Math.min(a, b), Math.max(a, b) + 1);
  node.addEventListener("scroll", showRows);
  body.addEventListener("click", (event) => {
    const found = (
      /** @type {Element} */
      event.target.closest("[data-place]")
    );
    if (!(found instanceof HTMLElement)) return;
    active = Number(found.dataset.place);
    if (event.shiftKey) on.pick(between(anchor, active), "range");
    else {
      anchor = active;
      const row = order[active];
      on.pick([row], event.ctrlKey || event.metaKey ? "toggle" : "only");
      if (!event.ctrlKey && !event.metaKey) on.open(row);
    }
    showActive();
  });
  const page = () => Math.max(1, Math.floor(node.clientHeight / ROW_PX) - 2);
  const onGrid = (action) => (event) => event.target === node && order.length ? action(event) : false;
  onKeys(node, {
    ArrowDown: onGrid((event) => move(active + 1, event.shiftKey)),
    ArrowUp: onGrid((event) => move(active - 1, event.shiftKey)),
    PageDown: onGrid((event) => move(active + page(), event.shiftKey)),
    PageUp: onGrid((event) => move(active - page(), event.shiftKey)),
    Home: onGrid((event) => move(0, event.shiftKey)),
    End: onGrid((event) => move(order.length - 1, event.shiftKey)),
    " ": onGrid(() => on.pick([order[active]], "toggle")),
    Escape: onGrid(() => on.clear()),
    Enter: onGrid(() => {
      on.pick([order[active]], "only");
      on.open(order[active]);
    })
  });
  return {
    node,
    /** @param {Drawn} next */
    show(next) {
      const isNew = drawn?.page.columns !== next.page.columns;
      drawn = next;
      if (isNew) layOut();
      showAll();
    },
    /** How many rows there are, for a person. */
    count: () => formatCount(order.length)
  };
}

// src/board/view.js
var TELL_AFTER_MS = 150;
var [MOST_CURVES, BEST_CURVES] = [100, 8];
function drawBoard(link, root) {
  root.classList.add("nbpart-board");
  const announce = makeAnnouncer(root, 1500);
  const result = makeOutcome();
  const by = `${link.client}.${Math.random().toString(36).slice(2)}`;
  let choice = pickChoice(link.state.chosen);
  let drawn;
  let timer;
  let opened = "";
  let zoomed = null;
  const title = element("b");
  const summary = element("span", { class: "nbpart-faint" });
  const chosenText = element("span", { class: "nbpart-chosen" });
  const clear = element("button", { type: "button", text: "Choose nothing", onclick: () => choose(chooseNothing()) });
  const code = element("div", { class: "nbpart-board-code" });
  const constant = element("div", { class: "nbpart-faint nbpart-constant" });
  const empty = element("div", { class: "nbpart-empty" });
  const table = makeTable({
    pick,
    clear: () => choose(chooseNothing()),
    open: (row) => open(row),
    stop: (row) => runAction(link, table.node, result, "stop_run", { run_id: drawn.page.board.run_ids[row] ?? "" })
  });
  const notebookSection = makeSection("Executed notebook");
  const notebook = makeNotebookView(link, notebookSection, { isEager: true });
  const parallel = makeParallel(root, (column, scale, brush) => choose(setBrush(choice, column, scale, brush)));
  const scatter = makeScatter(root, (row, add) => pick([row], add ? "toggle" : "only"));
  const curves = makeCurves(link, root);
  const zoomButton = element("button", { type: "button", text: "Zoom to the brush", title: "Axes as long as what is brushed needs; again: all of it", "aria-pressed": "false", onclick: () => {
    zoomed = zoomed ? null : choice;
    draw();
  } });
  const axes = makeAxisMenu(() => draw());
  const [colour, x, y] = ["Colour", "Across", "Up"].map((label) => element("select", { "aria-label": label, onchange: () => draw() }));
  const labelled = (text, select) => element("label", { class: "nbpart-check" }, `${text} `, select);
  const charts = element(
    "div",
    { class: "nbpart-charts" },
    element("div", { class: "nbpart-bar" }, axes.node, labelled("colour", colour), makeLegendPlace(), element("span", { class: "nbpart-spacer" }), zoomButton),
    parallel.node,
    element(
      "div",
      { class: "nbpart-pair" },
      element("section", { "aria-label": "Scatter" }, element("div", { class: "nbpart-bar" }, labelled("across", x), labelled("up", y)), scatter.node),
      element("section", { "aria-label": "Curves" }, curves.node)
    )
  );
  root.append(element("div", { class: "nbpart-bar" }, title, summary, element("span", { class: "nbpart-spacer" }), chosenText, clear), code, empty, table.node, constant, result.node, notebookSection.node, charts);
  notebookSection.show(false);
  function makeLegendPlace() {
    return element("span", { class: "nbpart-colour-legend" });
  }
  function choose(next) {
    choice = next;
    redraw();
    clearTimeout(timer);
    timer = setTimeout(() => link.request("choose", { ...choice, by }).catch((error) => result.fail(error)), TELL_AFTER_MS);
  }
  function pick(rows, how) {
    const keys = rows.map((row) => drawn.page.board.keys[row]);
    const isThere = how === "toggle" && choice.keys.includes(keys[0]);
    const next = how === "toggle" ? isThere ? choice.keys.filter((key) => key !== keys[0]) : [...choice.keys, ...keys] : keys;
    choose({ ...choice, keys: next });
  }
  async function open(row) {
    const id = drawn.page.board.run_ids[row];
    const label = drawn.page.board.keys[row] ?? drawn.page.board.asset;
    opened = id ?? "";
    notebookSection.setNote(shorten(label, 80));
    if (!id) {
      notebookSection.show(false);
      result.show({ message: `${label} has no run yet.`, code: "" });
      return;
    }
    try {
      const run = await link.request("read_run", { run_id: id });
      if (opened !== id) return;
      result.clear();
      notebook.show(run);
      if (!run.notebook) result.show({ message: `${label} is ${run.status} and has no executed notebook.`, code: "" });
      if (run.error) result.fail(new Error(run.error));
    } catch (error) {
      if (opened === id) result.fail(error);
    }
  }
  function draw() {
    const page = link.state;
    const { board, columns } = page;
    const inside = findInside(columns, choice, board.keys.length);
    const picked = findPicked(board.keys, choice);
    fillSelects(columns);
    const zoom = zoomed ? { rows: findInside(columns, zoomed, board.keys.length), ranges: zoomed.ranges } : null;
    const colouring = makeColouring(root, columns.find(({ name }) => name === colour.value) ?? null, zoom);
    drawn = { page, inside, picked, colouring, zoom };
    zoomButton.hidden = !zoomed && !hasBrush(choice);
    zoomButton.setAttribute("aria-pressed", String(Boolean(zoomed)));
    const isEmpty = board.keys.length === 0;
    drawHead();
    root.classList.toggle("nbpart-is-empty", isEmpty);
    for (const part of [table.node, charts]) part.hidden = isEmpty;
    if (isEmpty) return;
    table.show(drawn);
    parallel.show(axes.choose(columns, parallel.node.clientWidth), choice, drawn);
    drawLegend();
    const [across, up] = [x, y].map((select) => columns.find(({ name }) => name === select.value));
    if (across && up) scatter.show(across, up, drawn);
    curves.show(listRuns(drawn, choice), board);
  }
  const redraw = onceAFrame(draw);
  function drawHead() {
    const { board, columns } = drawn.page;
    const status = columns.find(({ name, role }) => name === "status" && role === "fact");
    const made = status ? status.values.reduce((sum, place) => sum + Number(["materialized", "stale"].includes(status.labels[place])), 0) : 0;
    title.textContent = board.asset;
    const failed = status ? status.values.reduce((sum, place) => sum + Number(status.labels[place] === "failed"), 0) : 0;
    const fails = failed ? `, ${formatCount(failed)} failed` : "";
    const more = board.more ? `, the first ${formatCount(board.keys.length)} are shown` : "";
    const why = board.early.length === made ? "all ended early" : "no metric has a value, or nobody said which is better";
    const best = board.best === null && made ? `, none is best: ${why}` : "";
    summary.textContent = board.keys.length ? `${formatCount(made)} of ${plural(board.keys.length + board.more, "partition")} made${fails}${more}${best}` : "";
    empty.replaceChildren(element("p", { text: `${board.asset} has no partitions yet. They appear here as they are added and run:` }), element("pre", { text: `trials.add_sample(20)
ws.backfill(${JSON.stringify(board.asset)})` }));
    constant.textContent = board.constant ? `equal in all: ${board.constant}` : "";
    constant.hidden = !board.constant;
    const isChosen = choice.keys.length > 0 || hasBrush(choice);
    const count = choice.keys.length || drawn.inside.reduce((sum, is) => sum + is, 0);
    chosenText.textContent = isChosen ? `${formatCount(count)} of ${formatCount(board.keys.length)} chosen` : "";
    clear.hidden = !isChosen;
    const line = isChosen ? drawn.page.chosen.code : "";
    if (code.dataset.line !== line) {
      code.dataset.line = line;
      code.replaceChildren(line ? makeCodeLine(line) : element("span", { class: "nbpart-faint", text: "Choose rows, or drag along an axis: the condition stands here." }));
    }
    announce(isChosen ? chosenText.textContent : summary.textContent ?? "");
  }
  function drawLegend() {
    const { legend, isRamp, shades } = drawn.colouring;
    const place = (
      /** @type {HTMLElement} */
      charts.querySelector(".nbpart-colour-legend")
    );
    if (isRamp) {
      const bar = element("i", { class: "nbpart-ramp", "aria-hidden": "true" });
      bar.style.background = `linear-gradient(to right, ${shades.join(", ")})`;
      place.replaceChildren(legend[0]?.label ?? "", bar, legend[1]?.label ?? "");
      return;
    }
    place.replaceChildren(...legend.map(({ label, colour: shade }) => {
      const swatch = element("i", { class: "nbpart-swatch", "aria-hidden": "true" });
      swatch.style.background = shade;
      return element("span", {}, swatch, shorten(label, 24));
    }));
  }
  function fillSelects(columns) {
    const drawable = columns.filter(({ kind, labels }) => kind !== "category" || labels.length > 0);
    const names = drawable.map(({ name }) => name);
    const metrics = drawable.filter(({ role }) => role === "metric").map(({ name }) => name);
    const inputs = drawable.filter(({ role, kind }) => (role === "parameter" || role === "setting") && kind !== "category").map(({ name }) => name);
    const fact = ["duration_s", "status"].find((name) => names.includes(name));
    const first = [metrics[0] ?? "status", inputs[0] ?? metrics[1] ?? names[0], metrics[0] ?? fact];
    [colour, x, y].forEach((select, i) => {
      const text = JSON.stringify(names);
      if (select.dataset.names === text) return;
      const kept = select.dataset.first !== select.value && names.includes(select.value) ? select.value : first[i];
      select.dataset.names = text;
      select.dataset.first = first[i] ?? "";
      select.replaceChildren(...names.map((value) => element("option", { value, text: value })));
      select.value = kept ?? names[0] ?? "";
    });
  }
  function onChange(kind) {
    const { chosen } = link.state;
    if ((kind === "chosen" || kind === "snapshot") && chosen.by !== by) choice = chosen.by ? pickChoice(chosen) : choice;
    redraw();
  }
  const stopListening = link.listen(onChange);
  const stopTheme = onThemeChange(() => setTimeout(redraw, 50));
  const resized = new ResizeObserver(redraw);
  resized.observe(root);
  draw();
  return () => {
    stopListening();
    stopTheme();
    resized.disconnect();
    clearTimeout(timer);
    curves.close();
    notebook.close();
  };
}
var pickChoice = ({ keys, ranges, labels }) => ({ keys, ranges, labels });
function listRuns({ page, inside, picked, colouring }, choice) {
  const { keys, run_ids: ids, asset } = page.board;
  const status = page.columns.find(({ name, role }) => name === "status" && role === "fact");
  const wanted = choice.keys.length ? picked : inside;
  const most = choice.keys.length ? MOST_CURVES : BEST_CURVES;
  const runs = [];
  for (let row = 0; row < keys.length && runs.length < most; row += 1) {
    const id = ids[row];
    if (!wanted[row] || !id) continue;
    const shade = colouring.shadeOf(row);
    runs.push({ id, label: keys[row] ?? asset, live: status?.labels[status.values[row]] === "running", colour: shade < 0 ? colouring.none : colouring.shades[shade] });
  }
  return runs;
}
function makeAxisMenu(onChange) {
  const list = element("div", { class: "nbpart-menu" });
  const node = element("details", { class: "nbpart-axis-menu" }, element("summary", { text: "Axes" }), list);
  let wanted = null;
  let built = "";
  return {
    node,
    /** @type {(columns: Column[], width: number) => Column[]} */
    choose(columns, width) {
      const able = columns.filter(({ kind, labels }) => kind !== "category" || labels.length > 0 && labels.length <= 40);
      const rank = { parameter: 0, setting: 1, metric: 2, fact: 3 };
      const first = [...able].sort((a, b) => rank[
        /** @type {keyof typeof rank} */
        a.role
      ] - rank[
        /** @type {keyof typeof rank} */
        b.role
      ]);
      const most = Math.max(2, Math.floor((width - 110) / LEAST_DISTANCE) + 1);
      const inner = first.filter(({ role }) => role !== "fact");
      const wished = inner.length > 1 ? inner : first;
      const metrics = wished.filter(({ role }) => role === "metric").slice(0, 1);
      const fits = new Set([...metrics, ...wished].slice(0, most).map(({ name }) => name));
      const shown = able.filter(({ name }) => (wanted ?? fits).has(name));
      const text = JSON.stringify([able.map(({ name }) => name), shown.map(({ name }) => name)]);
      if (text !== built) {
        built = text;
        list.replaceChildren(...able.map(({ name }) => element("label", { class: "nbpart-check" }, element("input", { type: "checkbox", checked: shown.some((each) => each.name === name), onchange: (event) => {
          wanted = new Set(shown.map((each) => each.name));
          if (
            /** @type {HTMLInputElement} */
            event.target.checked
          ) wanted.add(name);
          else wanted.delete(name);
          onChange();
        } }), ` ${shorten(name, 40)}`)));
      }
      return shown;
    }
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

// src/board.js
var board_default = defineWidget({ decode: decodeBoard, reduce: reduceBoard, draw: drawBoard });
export {
  board_default as default
};
