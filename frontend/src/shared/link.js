// The link of one widget with its Python: the messages of nbpart/widgets/schema.py.

import { VERSION } from '../generated/constants.js';

/**
 * The state of one widget in this page, shared by all its views. `reduce(state, kind, payload, buffers)` applies a
 * patch and returns the state; `decode(state)` makes it of a whole. Make it in initialize(), not in render().
 */
export function createLink(model, { decode = (state) => state, reduce }) {
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
    if (!message || message.v !== VERSION) return;
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
      model.send({ v: VERSION, id, action, payload });
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
