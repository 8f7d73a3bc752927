// What all of nbpart's widgets share. Text that came from a person goes into the page by textContent or setAttribute
// only: nothing in these files makes HTML of data. `NBPART` holds Python's constants (statuses, glyphs, version).

const SVG_NS = 'http://www.w3.org/2000/svg';

// --- the link with Python: the messages of schema.py -----------------------------------------------------------

/**
 * The state of one widget in this page, shared by all its views. `reduce(state, kind, payload, buffers)` applies a
 * patch and returns the state; `decode(state)` makes it of a whole. Make it in initialize(), not in render().
 */
function createLink(model, { decode = (state) => state, reduce }) {
  const client = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");
  const waiting = new Map();
  const listeners = new Set();
  let count = 0;
  let syncing = false;
  const link = { model, client, seq: -1, state: null };

  const tell = (kind, payload) => listeners.forEach((listener) => listener(kind, payload));

  function takeWhole() {
    const whole = model.get('whole') || {};
    if (whole.seq === undefined || whole.seq < link.seq) return;
    link.seq = whole.seq;
    link.state = decode(structuredClone(whole.state));
    tell('whole', null);
  }

  async function sync() {
    if (syncing) return;
    syncing = true;
    try {
      await link.request('sync', { seq: Math.max(0, link.seq) });
    } catch {
      // no kernel, or a busy one: what is drawn stays, and the next patch asks again
    } finally {
      syncing = false;
    }
  }

  function receive(message, buffers) {
    if (!message || message.v !== NBPART.version) return;
    if (message.seq !== undefined) {
      if (message.seq <= link.seq) return;
      if (message.seq !== link.seq + 1) {
        sync();
        return;
      }
      link.seq = message.seq;
      link.state = reduce(link.state, message.kind, message.payload, buffers || []);
      tell(message.kind, message.payload);
      return;
    }
    const asked = waiting.get(message.id);
    if (!asked) return; // another page's
    waiting.delete(message.id);
    clearTimeout(asked.timer);
    if (message.ok) asked.resolve({ ...message.payload, buffers: buffers || [] });
    else asked.reject(new Error(message.error.sentence));
  }

  /** Ask Python for a named action: a promise of its payload, rejected with the sentence of what went wrong. */
  link.request = (action, payload = {}, { timeout = 20000 } = {}) =>
    new Promise((resolve, reject) => {
      count += 1;
      const id = `${client}.${count}`;
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(new Error('The kernel does not answer: it is busy, or no longer there.'));
      }, timeout);
      waiting.set(id, { resolve, reject, timer });
      model.send({ v: NBPART.version, id, action, payload });
    });

  /** Be told of every change as (kind, payload); kind is 'whole' after everything was taken anew. */
  link.listen = (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };

  link.close = () => {
    model.off('msg:custom', receive);
    model.off('change:whole', takeWhole);
    waiting.forEach((asked) => clearTimeout(asked.timer));
  };

  model.on('msg:custom', receive);
  model.on('change:whole', takeWhole);
  takeWhole();
  sync(); // a patch that was sent before this page listened is lost
  return link;
}

/** The module of a widget: one link a model, and `draw(link, root, model)` for each view; it may return a cleanup. */
function widget({ decode, reduce, draw }) {
  return () => {
    let link = null;
    return {
      initialize({ model }) {
        link = createLink(model, { decode, reduce });
        return () => link.close();
      },
      render({ model, el }) {
        const root = make('div', { class: 'nbpart', 'data-lm-suppress-shortcuts': 'true' });
        el.appendChild(root);
        const show = hideStatic(model.get('token'));
        const cleanup = draw(link, root, model);
        const leave = tellPresence(link);
        return () => {
          leave();
          show();
          if (cleanup) cleanup();
        };
      },
    };
  };
}

/** Tell Python that a view of it lives, until the returned function is called or the page is left. */
let views = 0;
function tellPresence(link) {
  views += 1;
  const view = `${link.client}.v${views}`;
  const tell = (action) => link.request(action, { view }).catch(() => {}); // no kernel: nobody to tell
  const come = () => tell('seen');
  const leave = () => tell('gone');
  addEventListener('pagehide', leave);
  addEventListener('pageshow', come);
  come();
  return () => {
    removeEventListener('pagehide', leave);
    removeEventListener('pageshow', come);
    leave();
  };
}

// --- the page --------------------------------------------------------------------------------------------------

const setAll = (node, attributes) => {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else if (name === 'text') node.textContent = value;
    else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  return node;
};

/** An element; `text` is its text, `on…` its listeners, everything else an attribute. Children may be texts. */
function make(tag, attributes, ...children) {
  const node = setAll(document.createElement(tag), attributes);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** The same for SVG. */
function draw(tag, attributes, ...children) {
  const node = setAll(document.createElementNS(SVG_NS, tag), attributes);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Hide the static picture beside the widget while a view lives; the rule also meets what is drawn later. */
const hidden = new Map();
function hideStatic(token) {
  if (!/^[0-9a-f]+$/.test(token || '')) return () => {};
  const found = hidden.get(token) || { views: 0, style: make('style') };
  hidden.set(token, found);
  found.views += 1;
  const own = `.nbpart-static-${token}`;
  found.style.textContent = `${own}, .jp-OutputArea-child:has(${own}) { display: none !important; }`;
  document.head.appendChild(found.style);
  return () => {
    found.views -= 1;
    if (found.views > 0) return;
    found.style.remove();
    hidden.delete(token);
  };
}

/** Call when the theme changes; for what cannot be coloured by CSS alone. */
function onTheme(callback) {
  const observer = new MutationObserver(callback);
  observer.observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-light', 'data-jp-theme-name'] });
  const media = window.matchMedia('(prefers-color-scheme: dark)');
  media.addEventListener('change', callback);
  return () => {
    observer.disconnect();
    media.removeEventListener('change', callback);
  };
}

/** The colour of a status in this theme, for a canvas; SVG and HTML use var(--nbpart-<status>). */
const colourOf = (root, status) => getComputedStyle(root).getPropertyValue(`--nbpart-${status}`).trim();

/** Handlers by key name (`Enter`, `ArrowLeft`, `+` …); a handled key goes no further. */
function onKeys(node, handlers) {
  node.addEventListener('keydown', (event) => {
    const handler = event.ctrlKey || event.metaKey || event.altKey ? null : handlers[event.key];
    if (!handler || handler(event) === false) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** Let Enter do what it does in a field: JupyterLab's notebook refuses the line break of every field in an output. */
function onEnter(field, submit) {
  const newLine = () => field.setRangeText('\n', field.selectionStart, field.selectionEnd, 'end');
  onKeys(field, { Enter: (event) => (event.isComposing ? false : (submit || newLine)()) });
}

/** A live region: `say(text)` is read out, at most every few seconds, the newest text last. */
function announcer(root, everyMs = 4000) {
  const region = make('div', { class: 'nbpart-live', role: 'status', 'aria-live': 'polite' });
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

/** Draw at most once a frame, however often it is asked for. */
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

/** A line of Python with a button that copies it. */
function codeLine(code) {
  const button = make('button', { class: 'nbpart-copy', type: 'button', text: 'Copy', title: 'Copy this line' });
  const line = make('code', { text: code });
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(code);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(line); // no right to the clipboard: Ctrl+C does the rest
      button.textContent = 'Press Ctrl+C';
    }
    setTimeout(() => (button.textContent = 'Copy'), 1500);
  });
  return make('div', { class: 'nbpart-code' }, line, button);
}

/** A place for what an action came to: `show({told, code})`, `fail(error)`, `clear()`. */
function outcome() {
  const node = make('div', { class: 'nbpart-outcome', role: 'status' });
  return {
    node,
    clear: () => node.replaceChildren(),
    show: ({ told, code }) =>
      node.replaceChildren(make('span', { text: told || '' }), code ? codeLine(code) : make('span')),
    fail: (error) => node.replaceChildren(make('span', { class: 'nbpart-error', role: 'alert', text: `✕ ${error.message}` })),
  };
}

/**
 * A link that opens a file of the kernel's machine in JupyterLab, where it lies below the server's folder; else its
 * path as text. `home` is the kernel's home folder: the server tells its own root with "~" for it.
 */
function fileLink(path, home, text) {
  const inside = servedPath(path, home);
  if (inside === null) {
    return make('span', { class: 'nbpart-path', text: path, title: 'Not below the folder that Jupyter serves' });
  }
  const href = `${pageConfig().baseUrl || '/'}lab/tree/${inside.split('/').map(encodeURIComponent).join('/')}`;
  return make('a', {
    class: 'nbpart-link', href, text, title: path, target: '_blank', rel: 'noopener',
    // JupyterLab itself opens what carries these
    'data-commandlinker-command': 'docmanager:open', 'data-commandlinker-args': JSON.stringify({ path: inside }),
  });
}

/** The path below the folder that this page's server serves; null for a file that lies elsewhere. */
function servedPath(path, home) {
  const { serverRoot } = pageConfig();
  if (!serverRoot) return null;
  const root = (serverRoot === '~' || serverRoot.startsWith('~/') ? home + serverRoot.slice(1) : serverRoot).replace(/\/+$/, '');
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : null;
}

function pageConfig() {
  try {
    return JSON.parse(document.getElementById('jupyter-config-data').textContent);
  } catch {
    return {};
  }
}

// --- numbers and words -------------------------------------------------------------------------------------------

const count = (n) => n.toLocaleString('en-US');
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? '' : 's'}`;

/** Seconds as a person says them: 0.4 s, 42 s, 3 min 20 s, 2 h 05 min. */
function span(seconds) {
  if (seconds === null || seconds === undefined || !isFinite(seconds)) return '—';
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

/** A number with as many digits as a person reads. */
function numeral(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2);
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 });
}

/** When something was, for a person: the time today, else the date too. */
function when(iso) {
  const at = new Date(iso);
  const today = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleTimeString('en-GB');
  return today ? `today ${time}` : `${at.toLocaleDateString('en-CA')} ${time}`;
}

/** 512 bytes, 3.4 kB, 12 MB */
function sizeText(bytes) {
  if (bytes < 1000) return plural(bytes, 'byte');
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${+(bytes / 1000 ** power).toPrecision(3)} ${['', 'kB', 'MB', 'GB', 'TB'][power]}`;
}

/** A long text with its middle left out. */
function shorten(text, longest) {
  if (text.length <= longest) return text;
  const head = Math.ceil((longest - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (longest - 1 - head))}`;
}

/**
 * Widths of a stacked bar: of `counts` (by code) along `width` in display order, as [code, x, width]. What is there is
 * seen, at least `least` wide, but one failure does not paint the whole.
 */
function stack(counts, width, least = 2) {
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (!total) return [];
  const shown = stackOrder().filter((code) => counts[code] > 0);
  const small = shown.filter((code) => (counts[code] / total) * width < least);
  const left = width - small.length * least;
  const rest = shown.filter((code) => !small.includes(code)).reduce((sum, code) => sum + counts[code], 0);
  let x = 0;
  return shown.map((code) => {
    const own = small.includes(code) ? least : (counts[code] / rest) * left;
    x += own;
    return [code, x - own, own];
  });
}

/** Codes in the order of a bar: what is made first, what is missing last. */
function stackOrder() {
  const place = { materialized: 0, running: 1, queued: 2, stale: 3, failed: 4, missing: 5 };
  return NBPART.statuses.map((_, code) => code).sort((a, b) => place[NBPART.statuses[a].name] - place[NBPART.statuses[b].name]);
}
