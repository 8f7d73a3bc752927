import assert from 'node:assert/strict';
import { test } from 'node:test';

import { VERSION } from '../src/generated/constants.js';
import { createLink } from '../src/shared/link.js';

/** A model as anywidget gives it, whose messages a test sends and reads. */
class FakeModel {
  constructor(snapshot) {
    this.snapshot = snapshot;
    this.sent = [];
    this.listeners = new Map();
  }

  get = (name) => this[name];
  send = (message) => this.sent.push(message);
  on = (event, listener) => this.listeners.set(event, listener);
  off = (event) => this.listeners.delete(event);

  receive(message, buffers = []) {
    this.listeners.get('msg:custom')?.({ v: VERSION, ...message }, buffers);
  }

  replaceSnapshot(snapshot) {
    this.snapshot = snapshot;
    this.listeners.get('change:snapshot')?.();
  }

  asked(action) {
    return this.sent.filter((message) => message.action === action);
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

function open(snapshot = { seq: 3, state: { n: 0 } }) {
  const model = new FakeModel(snapshot);
  const seen = [];
  const link = createLink(model, { reduce: (state, kind, payload) => ({ ...state, [kind]: payload.n, n: state.n + 1 }) });
  link.listen((kind) => seen.push(kind));
  return { model, link, seen };
}

/** Answer the first sync, which every page asks for. */
async function answerSync(model) {
  model.receive({ id: model.asked('sync').at(-1).id, ok: true, payload: { current: true } });
  await settle();
}

test('it begins with the snapshot, and asks whether it missed a patch', () => {
  const { model, link } = open();
  assert.deepEqual(link.state, { n: 0 });
  assert.deepEqual(model.asked('sync').map(({ payload }) => payload), [{ seq: 3 }]);
  link.close();
});

test('patches are taken in turn, each once', () => {
  const { model, link, seen } = open();
  model.receive({ seq: 4, kind: 'a', payload: { n: 1 } });
  model.receive({ seq: 5, kind: 'b', payload: { n: 2 } });
  model.receive({ seq: 5, kind: 'b', payload: { n: 9 } });
  model.receive({ seq: 3, kind: 'a', payload: { n: 9 } });
  assert.deepEqual(link.state, { n: 2, a: 1, b: 2 });
  assert.deepEqual(seen, ['a', 'b']);
  assert.equal(link.seq, 5);
  link.close();
});

test('after a gap nothing is applied until the snapshot is there; it is asked for once', async () => {
  const { model, link, seen } = open();
  await answerSync(model);
  model.receive({ seq: 6, kind: 'b', payload: { n: 2 } });
  model.receive({ seq: 7, kind: 'b', payload: { n: 3 } });
  assert.deepEqual(link.state, { n: 0 });
  assert.equal(model.asked('sync').length, 2);
  model.replaceSnapshot({ seq: 7, state: { n: 70 } });
  assert.deepEqual(link.state, { n: 70 });
  model.receive({ seq: 8, kind: 'c', payload: { n: 8 } });
  assert.deepEqual(link.state, { n: 71, c: 8 });
  assert.deepEqual(seen, ['snapshot', 'c']);
  link.close();
});

test('an older snapshot does not undo what came after it', () => {
  const { model, link } = open();
  model.receive({ seq: 4, kind: 'a', payload: { n: 1 } });
  model.replaceSnapshot({ seq: 3, state: { n: 0 } });
  assert.deepEqual(link.state, { n: 1, a: 1 });
  link.close();
});

test('the state is a copy: what a page does to it does not reach the model', () => {
  const { model, link } = open();
  link.state.n = 99;
  assert.equal(model.snapshot.state.n, 0);
  link.close();
});

test('messages of another version are left alone', () => {
  const { model, link } = open();
  model.receive({ v: VERSION + 1, seq: 4, kind: 'a', payload: { n: 1 } });
  assert.equal(link.seq, 3);
  link.close();
});

test('a request gets its own answer and its buffers, whatever the order', async () => {
  const { model, link } = open();
  const first = link.request('one');
  const second = link.request('two', { x: 1 });
  const [one, two] = [model.asked('one')[0], model.asked('two')[0]];
  assert.notEqual(one.id, two.id);
  model.receive({ id: two.id, ok: true, payload: { message: 'two' } }, ['bytes']);
  model.receive({ id: one.id, ok: true, payload: { message: 'one' } });
  model.receive({ id: 'of another page', ok: true, payload: {} });
  assert.deepEqual(await second, { message: 'two', buffers: ['bytes'] });
  assert.deepEqual(await first, { message: 'one', buffers: [] });
  link.close();
});

test('a request fails with the sentence of what went wrong', async () => {
  const { model, link } = open();
  const asked = link.request('one');
  model.receive({ id: model.asked('one')[0].id, ok: false, error: { message: 'No such asset.' } });
  await assert.rejects(asked, { message: 'No such asset.' });
  link.close();
});

test('a request that nobody answers fails when its time is over', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { model, link } = open();
  const asked = link.request('one', {}, { timeout: 500 });
  context.mock.timers.tick(499);
  context.mock.timers.tick(1);
  await assert.rejects(asked, /does not answer/);
  model.receive({ id: model.asked('one')[0].id, ok: true, payload: {} }); // too late: nobody waits for it
  link.close();
});

test('no listener is called after it was closed or removed', () => {
  const { model, link, seen } = open();
  const stop = link.listen(() => assert.fail('it was removed'));
  stop();
  model.receive({ seq: 4, kind: 'a', payload: { n: 1 } });
  link.close();
  model.receive({ seq: 5, kind: 'b', payload: { n: 1 } });
  assert.deepEqual(seen, ['a']);
});
