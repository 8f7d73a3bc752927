import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { makeNewest } from '../src/explorer/newest.js';

test('of what is asked quickly only the newest is asked, after a moment', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const asked = [];
  const newest = makeNewest(250);
  newest.soon(() => asked.push('a'));
  mock.timers.tick(200);
  newest.soon(() => asked.push('b'));
  mock.timers.tick(249);
  assert.deepEqual(asked, []);
  mock.timers.tick(1);
  assert.deepEqual(asked, ['b']);
  newest.soon(() => asked.push('c'));
  newest.close();
  mock.timers.tick(1000);
  assert.deepEqual(asked, ['b']);
  mock.timers.reset();
});

test('an answer that was overtaken does not count', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const newest = makeNewest(10);
  /** @type {(() => boolean)[]} */
  const isNewest = [];
  newest.now((yes) => isNewest.push(yes));
  assert.deepEqual(isNewest.map((yes) => yes()), [true]);
  newest.soon((yes) => isNewest.push(yes));
  assert.deepEqual(isNewest.map((yes) => yes()), [false], 'from the first key on, not only when it is asked');
  mock.timers.tick(10);
  assert.deepEqual(isNewest.map((yes) => yes()), [false, true]);
  newest.close();
  assert.deepEqual(isNewest.map((yes) => yes()), [false, false]);
  mock.timers.reset();
});
