// The link of one widget to its Python object, by the messages of nbpart/widgets/schema.py.

import { VERSION } from '../generated/constants.js';

/** @import { Contract, Link, Model, Reducer } from './types.js' */

/** @typedef {{ resolve: (answer: any) => void, reject: (error: Error) => void, timer: ReturnType<typeof setTimeout> }} Waiting */

/**
 * The state of one widget in this page, shared by all its views. `reduce(state, kind, payload, buffers)` applies a
 * patch and returns the state; `decode(state)` makes it from a snapshot. Call this in initialize(), not in render().
 *
 * @template {Contract} C
 * @template [State=C['state']]
 * @param {Model} model
 * @param {Reducer<C, State>} reducer
 * @returns {Link<C, State>}
 */
export function createLink(model, { decode = (state) => /** @type {any} */ (state), reduce }) {
  const client = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('');
  /** @type {Map<string, Waiting>} */
  const waiting = new Map();
  /** @type {Set<(kind: any, payload: any) => void>} */
  const listeners = new Set();
  let count = 0;
  let syncing = false;
  /** @type {Link<C, State>} */
  const link = { model, client, seq: -1, state: /** @type {any} */ (null), request, listen, close };

  /** @type {(kind: string, payload: unknown) => void} */
  const notify = (kind, payload) => listeners.forEach((listener) => listener(kind, payload));

  function takeSnapshot() {
    const snapshot = model.get('snapshot') || {};
    if (snapshot.seq === undefined || snapshot.seq < link.seq) return;
    link.seq = snapshot.seq;
    link.state = decode(structuredClone(snapshot.state));
    notify('snapshot', null);
  }

  async function sync() {
    if (syncing) return;
    syncing = true;
    try {
      await request('sync', { seq: Math.max(0, link.seq) });
    } catch {
      // there is no kernel, or it is busy: the page stays as it is, and the next patch causes another request
    } finally {
      syncing = false;
    }
  }

  /**
   * @param {any} message
   * @param {DataView[]} [buffers]
   */
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
      notify(message.kind, message.payload);
      return;
    }
    const asked = waiting.get(message.id);
    if (!asked) return; // the answer to another page
    waiting.delete(message.id);
    clearTimeout(asked.timer);
    if (message.ok) asked.resolve({ ...message.payload, buffers: buffers || [] });
    else asked.reject(new Error(message.error.message));
  }

  /**
   * @param {string | number | symbol} action
   * @param {unknown} [payload]
   * @param {{ timeout?: number }} [options]
   * @returns {Promise<any>}
   */
  function request(action, payload = {}, { timeout = 20000 } = {}) {
    return new Promise((resolve, reject) => {
      count += 1;
      const id = `${client}.${count}`;
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(new Error('The kernel does not answer: it is busy, or no longer there.'));
      }, timeout);
      waiting.set(id, { resolve, reject, timer });
      model.send({ v: VERSION, id, action, payload });
    });
  }

  /** @param {(kind: any, payload: any) => void} listener */
  function listen(listener) {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  function close() {
    model.off('msg:custom', receive);
    model.off('change:snapshot', takeSnapshot);
    waiting.forEach((asked) => clearTimeout(asked.timer));
  }

  model.on('msg:custom', receive);
  model.on('change:snapshot', takeSnapshot);
  takeSnapshot();
  sync(); // a patch that was sent before this page listened is lost
  return link;
}
