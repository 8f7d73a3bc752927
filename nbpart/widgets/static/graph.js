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
var BAR_ORDER = (
  /** @type {const} */
  [5, 3, 2, 1, 4, 0]
);
var NOTABLE = (
  /** @type {const} */
  ["failed", "running"]
);
var LATE_GLYPH = "◥";
var UNSOUND_GLYPH = "◣";
var UNSOUND_WORDS = "not passing a check";

// src/shared/bars.js
function computeBar(counts, width, least = 2) {
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (!total) return [];
  const shown = BAR_ORDER.filter((code) => counts[code] > 0);
  const isSmall = (code) => counts[code] / total * width < least;
  const left = width - shown.filter(isSmall).length * least;
  const rest = shown.reduce((sum, code) => sum + (isSmall(code) ? 0 : counts[code]), 0);
  let x = 0;
  return shown.map((code) => {
    const own = isSmall(code) ? least : counts[code] / rest * left;
    x += own;
    return [code, x - own, own];
  });
}

// src/shared/elements.js
var SVG_NS = "http://www.w3.org/2000/svg";
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
function svgElement(tag, attributes, ...children) {
  const node = setAttributes(document.createElementNS(SVG_NS, tag), attributes);
  node.append(...children.filter((child) => child !== null && child !== void 0));
  return node;
}

// src/shared/format.js
var formatCount = (n) => n.toLocaleString("en-US");
var plural = (n, word) => `${formatCount(n)} ${word}${n === 1 ? "" : "s"}`;
function shorten(text, longest) {
  if (text.length <= longest) return text;
  const head = Math.ceil((longest - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (longest - 1 - head))}`;
}

// src/graph/cards.js
function formatCompact(n) {
  if (n < 1e4) return formatCount(n);
  return n < 1e6 ? `${+(n / 1e3).toPrecision(3)}k` : `${+(n / 1e6).toPrecision(3)}M`;
}
function describeCounts(card) {
  const total = card.counts.reduce((sum, n) => sum + n, 0);
  const late = card.late ? [[LATE_GLYPH, "late"]] : [];
  const unsound = card.unsound ? [[UNSOUND_GLYPH, "unsound"]] : [];
  if (card.kind === "source") return [[card.set ? plural(total, "key") : "one", null]];
  if (total === 1 && !card.set && card.kind !== "group") {
    const { name, glyph } = STATUSES[card.counts.indexOf(1)];
    return [[glyph, name], [` ${name}`, null], ...late, ...unsound];
  }
  const texts = [[`${formatCompact(card.counts[CODES.materialized])} / ${formatCompact(total)}`, null]];
  for (const name of NOTABLE) {
    const code = CODES[name];
    if (card.counts[code]) texts.push([STATUSES[code].glyph, name], [formatCompact(card.counts[code]), null]);
  }
  if (card.late) texts.push(...late, [` ${formatCompact(card.late)}`, null]);
  if (card.unsound) texts.push(...unsound, [` ${formatCompact(card.unsound)}`, null]);
  return texts;
}
var sumCounts = (all) => STATUSES.map((_, code) => all.reduce((sum, counts) => sum + counts[code], 0));
function describeCard(card) {
  const counts = card.counts.map((n, code) => n ? `${formatCount(n)} ${STATUSES[code].name}` : "").filter(Boolean);
  const kind = card.kind === "group" ? `group of ${card.members.length}` : card.kind;
  const late = card.late ? `, ${formatCount(card.late)} late` : "";
  const unsound = card.unsound ? `, ${formatCount(card.unsound)} ${UNSOUND_WORDS}` : "";
  const own = card.reads_itself ? `; reads itself: ${card.reads_itself}` : "";
  return `${card.name} (${kind}): ${counts.join(", ") || "no partitions"}${late}${unsound}${own}`;
}
function computeEdgePath(points, width) {
  let path = "";
  for (let i = 0; i + 1 < points.length; i += 1) {
    const [x1, x2] = [points[i][0] + width, points[i + 1][0]];
    const [y1, y2] = [points[i][1], points[i + 1][1]];
    const middle = (x1 + x2) / 2;
    path += `${i ? "L" : "M"}${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
  }
  return path;
}
var MAX_LABEL_LENGTH = 24;
function drawEdgeLabel({ points, label, reads }, width) {
  if (!label) return [];
  const [[x1, y1], [x2, y2]] = points;
  const title = svgElement("title", { text: reads.join("\n") });
  const text = svgElement("text", { x: (x1 + width + x2) / 2, y: (y1 + y2) / 2 - 4, "text-anchor": "middle", text: shorten(label, MAX_LABEL_LENGTH) });
  text.append(title);
  return [text];
}
function drawCard(card, [width, height]) {
  const boxes = [svgElement("rect", { class: "nbpart-box", width, height, rx: 6 })];
  if (card.kind === "group") boxes.unshift(svgElement("rect", { class: "nbpart-box", x: 5, y: 5, width, height, rx: 6 }));
  const name = svgElement("text", { class: "nbpart-name", x: 10, y: 19 });
  const kind = svgElement("text", {
    class: "nbpart-kind",
    x: 10,
    y: 36,
    text: (card.kind === "group" ? plural(card.members.length, "asset") : card.kind) + (card.reads_itself ? " ↺" : "")
  });
  const countText = svgElement("text", { class: "nbpart-counts", x: width - 10, y: 36, "text-anchor": "end" });
  const bar = svgElement("g", { class: "nbpart-stack" });
  const statusGlyph = svgElement("text", { class: "nbpart-status-glyph", x: width / 2, y: height / 2, "text-anchor": "middle", "dominant-baseline": "central" });
  const node = svgElement(
    "g",
    { class: "nbpart-node", role: "option", tabindex: "-1", transform: `translate(${card.x},${card.y})` },
    ...boxes,
    name,
    kind,
    countText,
    bar,
    statusGlyph
  );
  function update(now, level) {
    node.setAttribute("aria-label", describeCard(now));
    name.textContent = shorten(now.name, level === "middle" ? 14 : 26);
    countText.replaceChildren(...describeCounts(now).map(([words, status], i) => svgElement("tspan", { class: status ? `nbpart-count s-${status}` : null, dx: i && status ? 6 : null, text: words })));
    kind.classList.toggle("nbpart-crowded", countText.textContent.length + kind.textContent.length > 24);
    const worst = NOTABLE.find((status) => now.counts[CODES[status]]);
    const isSource = now.kind === "source";
    node.classList.toggle("nbpart-failed", worst === "failed" && !isSource);
    node.classList.toggle("nbpart-running", now.counts[CODES.running] > 0);
    setAttributes(statusGlyph, level === "middle" ? { x: width - 15, y: 18 } : { x: width / 2, y: height / 2 });
    statusGlyph.textContent = worst && !isSource ? STATUSES[CODES[worst]].glyph : "";
    const at = { near: [10, 43, width - 20, 7, 4, 1], middle: [10, 34, width - 20, 15, 6, 1.5], far: [0, 0, width, height, 16, 4] }[level];
    bar.replaceChildren(...isSource ? [] : computeBar(now.counts, at[2] + at[5], at[4]).map(([code, x, own]) => svgElement("rect", { class: `s-${STATUSES[code].name}`, x: at[0] + x, y: at[1], width: own - at[5], height: at[3] })));
  }
  return { node, update };
}

// src/graph/state.js
function reduceGraph(state, ...[kind, payload]) {
  if (kind === "graph") return { ...state, graph: payload.graph };
  for (const [place, memberCounts, late, unsound] of payload.changed) Object.assign(state.graph.cards[place], { member_counts: memberCounts, counts: sumCounts(memberCounts), late, unsound });
  return state;
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

// src/graph/hover.js
var WAIT_MS = 100;
function makeHover(link, root) {
  const tooltip = makeTooltip();
  root.append(tooltip.node);
  let timer;
  let shown = null;
  function show(card, node) {
    clearTimeout(timer);
    shown = card.name;
    draw(card, node, []);
    timer = setTimeout(async () => {
      const causes = await link.request("explain", { name: card.name, is_group: card.kind === "group" }).then((answer) => answer.causes, () => []);
      if (shown !== card.name || !node.isConnected) return;
      draw(card, node, causes);
      setAttributes(node, { "aria-description": causes.join("; ") || null });
    }, WAIT_MS);
  }
  function draw(card, node, causes) {
    const [at, own] = [node.getBoundingClientRect(), root.getBoundingClientRect()];
    const within = (root.closest(".nbpart-explorer") ?? root).getBoundingClientRect();
    const box = { width: own.width, height: within.bottom - own.top };
    tooltip.show(at.left - own.left - 14, at.bottom - own.top - 10, box, describeCard(card), [...causes, card.description].filter(Boolean), at.height);
  }
  function hide() {
    clearTimeout(timer);
    shown = null;
    tooltip.hide();
  }
  return { show, hide, shown: () => shown };
}

// src/graph/viewport.js
var FAR = 0.3;
var MIDDLE = 0.62;
var MARGIN = 14;
var CLOSEST = 3;
var FARTHEST = 0.03;
var levelOf = (scale) => scale < FAR ? "far" : scale < MIDDLE ? "middle" : "near";
function computeHeight({ width, height }, wide, most) {
  const scale = Math.min(1, wide / (width + 2 * MARGIN));
  return Math.min(most, Math.max(110, (height + 2 * MARGIN) * scale));
}
function fitView({ width, height }, wide, high) {
  const scale = Math.min(1, wide / (width + 2 * MARGIN), high / (height + 2 * MARGIN));
  const isNarrow = scale < 1 && (width + 2 * MARGIN) * scale < wide;
  return [isNarrow ? (width - wide / scale) / 2 : -MARGIN, (height - high / scale) / 2, wide / scale, high / scale];
}
function zoomView(view, scale, factor, [x, y] = centreOf(view)) {
  const then = scale / factor;
  if (then > CLOSEST && factor < 1 || then < FARTHEST && factor > 1) return view;
  return [x - (x - view[0]) * factor, y - (y - view[1]) * factor, view[2] * factor, view[3] * factor];
}
var centreOf = ([x, y, width, height]) => [x + width / 2, y + height / 2];
var isInside = (view, { x, y }, [width, height]) => x >= view[0] && y >= view[1] && x + width <= view[0] + view[2] && y + height <= view[1] + view[3];
var centreView = (view, { x, y }, [width, height]) => [x + width / 2 - view[2] / 2, y + height / 2 - view[3] / 2, view[2], view[3]];
function findNearestCard(cards, from, dx, dy) {
  let best = -1;
  let least = Infinity;
  cards.forEach((card, place) => {
    const [right, down] = [card.x - cards[from].x, card.y - cards[from].y];
    const [ahead, aside] = dx ? [right * dx, Math.abs(down)] : [down * dy, Math.abs(right)];
    if (ahead <= 1) return;
    const far = ahead + aside * (dx ? 1.5 : 4);
    if (far < least) [best, least] = [place, far];
  });
  return best;
}

// src/graph/stage.js
function makeStage(svg, root, { picture, most, onLevel }) {
  let view = [0, 0, 1, 1];
  let level = "near";
  let drag = null;
  const scale = () => Math.min(svg.clientWidth / view[2], svg.clientHeight / view[3]) || 1;
  function show(next) {
    view = next;
    svg.setAttribute("viewBox", view.map((n) => n.toFixed(2)).join(" "));
    const now = levelOf(scale());
    root.dataset.level = now;
    if (now === level) return;
    level = now;
    onLevel(now);
  }
  function fit() {
    if (!picture().cards.length) return;
    const wide = Math.max(240, root.clientWidth || 800);
    const high = computeHeight(picture(), wide, most());
    svg.style.height = `${high}px`;
    show(fitView(picture(), wide, high));
  }
  function zoom(factor, at) {
    if (picture().cards.length) show(zoomView(view, scale(), factor, at));
  }
  function bringIntoView(card, closer = false) {
    const size = picture().card;
    if (closer && level !== "near") zoom(scale() / 0.9);
    if (closer || !isInside(view, card, size)) show(centreView(view, card, size));
  }
  function pointOf(event) {
    const box = svg.getBoundingClientRect();
    const k = scale();
    const [left, top] = [(box.width - view[2] * k) / 2, (box.height - view[3] * k) / 2];
    return [view[0] + (event.clientX - box.left - left) / k, view[1] + (event.clientY - box.top - top) / k];
  }
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey) return;
    event.preventDefault();
    zoom((event.deltaY || event.deltaX) > 0 ? 1.15 : 1 / 1.15, pointOf(event));
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target instanceof Element && event.target.closest(".nbpart-node")) return;
    drag = { x: event.clientX, y: event.clientY, view: [...view] };
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const k = scale();
    show([drag.view[0] - (event.clientX - drag.x) / k, drag.view[1] - (event.clientY - drag.y) / k, view[2], view[3]]);
  });
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => void (drag = null));
  return { fit, zoom, bringIntoView, level: () => level };
}

// src/graph/view.js
function drawGraph(link, root, model) {
  let { cards, edges } = link.state.graph;
  let drawn = [];
  let lines = [];
  let neighbours = [];
  let current = 0;
  let searched = "";
  let total = "";
  const search = element("input", { type: "search", placeholder: "Find an asset", "aria-label": "Find an asset" });
  const size = element("span", { class: "nbpart-faint" });
  const groupBox = element("div", { class: "nbpart-groups", role: "group", "aria-label": "Groups" });
  const zoomButton = (text, label, action) => element("button", { type: "button", text, title: label, "aria-label": label, onclick: action });
  const bar = element(
    "div",
    { class: "nbpart-bar" },
    search,
    size,
    element("span", { class: "nbpart-spacer" }),
    zoomButton("−", "Zoom out (-)", () => stage.zoom(1.35)),
    zoomButton("+", "Zoom in (+)", () => stage.zoom(1 / 1.35)),
    zoomButton("Fit", "Show everything (0)", () => stage.fit()),
    groupBox
  );
  const lineLayer = svgElement("g", { class: "nbpart-edges" });
  const labelLayer = svgElement("g", { class: "nbpart-edge-labels" });
  const cardLayer = svgElement("g");
  const svg = svgElement("svg", { class: "nbpart-graph", role: "listbox", "aria-multiselectable": "true", "aria-label": "Asset graph" }, lineLayer, labelLayer, cardLayer);
  const legend = element("div", { class: "nbpart-legend" }, ...DISPLAY_ORDER.map((code) => {
    const { name, glyph } = STATUSES[code];
    return element("span", { class: `s-${name}` }, element("span", { class: "nbpart-swatch" }), `${glyph} ${name}`);
  }), element("span", { text: `${LATE_GLYPH} late` }), element("span", { text: `${UNSOUND_GLYPH} ${UNSOUND_WORDS}` }));
  const details = element("div", { class: "nbpart-details" });
  const result = makeOutcome();
  const empty = element("div", { class: "nbpart-empty" });
  root.append(bar, empty, svg, element("div", { class: "nbpart-foot" }, legend, details, result.node));
  const hover = makeHover(link, root);
  const announce = makeAnnouncer(root, 1500);
  const stage = makeStage(svg, root, { picture: () => link.state.graph, most: () => model.get("height"), onLevel: drawCards });
  function drawAll() {
    const graph = link.state.graph;
    const kept = cards[current]?.name;
    ({ cards, edges } = graph);
    root.classList.toggle("nbpart-is-empty", !cards.length);
    empty.replaceChildren(element("p", { text: "No assets yet. These three lines register the first:" }), element("pre", { text: link.state.example }));
    hover.hide();
    drawn = cards.map((card) => drawCard(card, graph.card));
    lines = edges.map((edge) => svgElement("path", { d: computeEdgePath(edge.points, graph.card[0]) }, svgElement("title", { text: edge.reads.join("\n") })));
    labelLayer.replaceChildren(...edges.flatMap((edge) => drawEdgeLabel(edge, graph.card[0])));
    neighbours = cards.map(() => /* @__PURE__ */ new Set());
    edges.forEach(({ source, target }) => neighbours[source].add(target) && neighbours[target].add(source));
    lineLayer.replaceChildren(...lines);
    cardLayer.replaceChildren(...drawn.map(({ node }) => node));
    drawn.forEach(({ node }, place) => addListeners(node, place));
    current = Math.max(0, cards.findIndex((card) => card.name === kept));
    drawn[current]?.node.setAttribute("tabindex", "0");
    const assets = cards.flatMap((card) => card.kind === "source" ? [] : card.members).length;
    const sources = cards.filter((card) => card.kind === "source").length;
    total = plural(assets, "asset") + (sources ? `, ${plural(sources, "source")}` : "");
    drawGroups(graph.groups);
    stage.fit();
    drawCards(stage.level());
    showSelection();
    find();
  }
  function drawCards(level) {
    drawn.forEach((each, place) => each.update(cards[place], level));
  }
  function drawGroups(groups) {
    groupBox.replaceChildren(...groups.map(({ name, size: n, folded }) => element("button", {
      type: "button",
      "aria-pressed": String(folded),
      text: `${folded ? "▸" : "▾"} ${shorten(name, 24)} (${n})`,
      title: folded ? `Show the assets of ${name}` : `Fold ${name} into one card`,
      onclick: () => fold(name, !folded)
    })));
  }
  function drawCounts(changed) {
    for (const [place] of changed) {
      drawn[place].update(cards[place], stage.level());
      if (cards[place].name === hover.shown()) hover.show(cards[place], drawn[place].node);
    }
    showDetails();
  }
  function highlight(place) {
    root.classList.toggle("nbpart-has-highlight", place !== null);
    if (place === null) hover.hide();
    else hover.show(cards[place], drawn[place].node);
    drawn.forEach(({ node }, i) => node.classList.toggle("nbpart-neighbour", place !== null && (i === place || neighbours[place].has(i))));
    lines.forEach((line, i) => line.classList.toggle("nbpart-highlighted", place !== null && (edges[i].source === place || edges[i].target === place)));
  }
  function addListeners(node, place) {
    node.addEventListener("pointerenter", () => highlight(place));
    node.addEventListener("pointerleave", () => highlight(null));
    node.addEventListener("focus", () => {
      setCurrent(place);
      if (node.matches(":focus-visible")) highlight(place);
    });
    node.addEventListener("blur", () => highlight(null));
    node.addEventListener("click", (event) => {
      setCurrent(place);
      node.focus({ preventScroll: true });
      select(place, event.shiftKey || event.ctrlKey || event.metaKey);
    });
    node.addEventListener("dblclick", () => open(place));
  }
  function setCurrent(place) {
    drawn[current]?.node.setAttribute("tabindex", "-1");
    current = place;
    drawn[current].node.setAttribute("tabindex", "0");
  }
  const selection = () => model.get("selection") || [];
  const isSelected = (card) => card.members.every((name) => selection().includes(name));
  function select(place, more) {
    const { members } = cards[place];
    const before = more ? selection() : [];
    const names = more && isSelected(cards[place]) ? before.filter((name) => !members.includes(name)) : [.../* @__PURE__ */ new Set([...before, ...members])];
    setSelection(names);
    announce(`${describeCard(cards[place])}${names.length ? ", selected" : ""}`);
  }
  function setSelection(names) {
    model.set("selection", names);
    model.save_changes();
    showSelection();
  }
  function showSelection() {
    drawn.forEach(({ node }, place) => {
      const yes = isSelected(cards[place]);
      node.classList.toggle("nbpart-selected", yes);
      node.setAttribute("aria-selected", String(yes));
    });
    showDetails();
  }
  function showDetails() {
    const names = selection();
    const chosen = cards.filter((card) => card.members.some((name) => names.includes(name)));
    if (!chosen.length) {
      details.replaceChildren(element("span", { class: "nbpart-faint", text: "Click an asset to select it, double-click for its heatmap; drag to move, Ctrl + wheel to zoom." }));
      return;
    }
    const quoted = names.map((name) => JSON.stringify(name));
    const own = chosen.flatMap((card) => card.member_counts.filter((_, place) => names.includes(card.members[place])));
    const counts = sumCounts(own);
    const countParts = DISPLAY_ORDER.filter((code) => counts[code]).map((code) => {
      const { name, glyph } = STATUSES[code];
      return element("span", { class: `s-${name}` }, element("span", { class: `nbpart-glyph s-${name}`, text: glyph }), `${formatCount(counts[code])} ${name}`);
    });
    details.replaceChildren(
      element("b", { text: names.length === 1 ? names[0] : plural(names.length, "asset") }),
      ...countParts,
      makeCodeLine(names.length === 1 ? `ws.partition_status(${quoted[0]})` : `ws.heatmap([${quoted.join(", ")}])`)
    );
  }
  async function fold(name, folded) {
    try {
      result.show(await link.request("fold", { group: name, folded }));
    } catch (error) {
      result.fail(error);
    }
  }
  async function open(place) {
    const card = cards[place];
    if (card.kind === "group") return fold(card.name, false);
    try {
      await link.request("focus", { name: card.name });
    } catch (error) {
      result.fail(error);
    }
  }
  const hits = () => cards.map((card, place) => place).filter((place) => [cards[place].name, ...cards[place].members].some((name) => name.toLowerCase().includes(searched)));
  function find() {
    searched = search.value.trim().toLowerCase();
    const found = new Set(searched ? hits() : []);
    root.classList.toggle("nbpart-searching", Boolean(searched));
    drawn.forEach(({ node }, place) => node.classList.toggle("nbpart-hit", found.has(place)));
    const summary = found.size ? `${formatCount(found.size)} of ${total}: Enter goes to the next` : `none of ${total}`;
    size.textContent = searched ? summary : total;
    if (searched) announce(summary);
  }
  search.addEventListener("input", find);
  onKeys(search, {
    Enter: () => {
      const found = searched ? hits() : [];
      if (!found.length) return;
      const next = found.find((place) => place > current) ?? found[0];
      setCurrent(next);
      stage.bringIntoView(cards[next], true);
      select(next, false);
    },
    Escape: () => {
      search.value = "";
      find();
    }
  });
  function move(dx, dy) {
    const best = findNearestCard(cards, current, dx, dy);
    if (best < 0) return;
    setCurrent(best);
    stage.bringIntoView(cards[best]);
    drawn[best].node.focus({ preventScroll: true });
    highlight(best);
  }
  onKeys(svg, {
    ArrowRight: () => move(1, 0),
    ArrowLeft: () => move(-1, 0),
    ArrowDown: () => move(0, 1),
    ArrowUp: () => move(0, -1),
    Enter: (event) => {
      const only = isSelected(cards[current]) && selection().length === cards[current].members.length;
      if (only && !event.shiftKey) open(current);
      else select(current, event.shiftKey);
    },
    " ": () => select(current, true),
    Escape: () => {
      hover.hide();
      setSelection([]);
    },
    "+": () => stage.zoom(1 / 1.35),
    "=": () => stage.zoom(1 / 1.35),
    "-": () => stage.zoom(1.35),
    0: () => stage.fit(),
    "/": () => search.focus(),
    f: () => {
      const { group, kind } = cards[current];
      if (group) fold(group, kind !== "group");
    }
  });
  let width = 0;
  const observer = new ResizeObserver(onceAFrame(() => {
    if (!root.clientWidth || root.clientWidth === width) return;
    width = root.clientWidth;
    stage.fit();
  }));
  observer.observe(root);
  const stopListening = link.listen((...[kind, payload]) => kind === "counts" ? drawCounts(payload.changed) : drawAll());
  model.on("change:selection", showSelection);
  drawAll();
  return () => {
    hover.hide();
    observer.disconnect();
    stopListening();
    model.off("change:selection", showSelection);
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

// src/graph.js
var graph_default = defineWidget({ reduce: reduceGraph, draw: drawGraph });
export {
  graph_default as default
};
