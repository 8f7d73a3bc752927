import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CODES } from '../src/generated/constants.js';
import { computeEdgePath, describeCard, sumCounts } from '../src/graph/cards.js';
import { reduceGraph } from '../src/graph/state.js';
import { centreView, computeHeight, findNearestCard, fitView, isInside, levelOf, zoomView } from '../src/graph/viewport.js';

const CARD = [200, 58];

test('what fits stands at its own size at the left; what does not is shown whole, in the middle', () => {
  assert.deepEqual(fitView({ width: 400, height: 58 }, 800, 110), [-14, -26, 800, 110]);
  const [x, y, width, height] = fitView({ width: 3000, height: 2000 }, 800, 460);
  assert.ok(x < 0 && y < 0 && x + width > 3000 && y + height > 2000);
  assert.ok(Math.abs(x + width / 2 - 1500) < 1e-9, 'it is in the middle');
  assert.ok(Math.abs(width / height - 800 / 460) < 1e-9);
});

test('the stage is as high as the picture, within limits', () => {
  assert.equal(computeHeight({ width: 400, height: 58 }, 800, 460), 110);
  assert.equal(computeHeight({ width: 400, height: 300 }, 800, 460), 328);
  assert.equal(computeHeight({ width: 400, height: 3000 }, 800, 460), 460);
});

test('zooming keeps the point under the pointer, and stops at both ends', () => {
  assert.deepEqual(zoomView([0, 0, 100, 50], 1, 0.5, [100, 50]), [50, 25, 50, 25]);
  assert.deepEqual(zoomView([0, 0, 100, 50], 1, 2), [-50, -25, 200, 100]);
  assert.deepEqual(zoomView([0, 0, 100, 50], 2.9, 0.5), [0, 0, 100, 50]);
  assert.deepEqual(zoomView([0, 0, 100, 50], 0.04, 2), [0, 0, 100, 50]);
});

test('a card is in sight when all of it is; brought into sight it is in the middle', () => {
  const view = [0, 0, 400, 200];
  assert.ok(isInside(view, { x: 200, y: 142 }, CARD));
  assert.ok(!isInside(view, { x: 201, y: 0 }, CARD));
  assert.deepEqual(centreView(view, { x: 1000, y: 500 }, CARD), [900, 429, 400, 200]);
});

test('less is drawn of what is farther away', () => {
  assert.deepEqual([1, 0.62, 0.61, 0.3, 0.29].map(levelOf), ['near', 'near', 'middle', 'middle', 'far']);
});

test('an arrow goes to the nearest card in its direction, if there is one', () => {
  const cards = [{ x: 0, y: 0 }, { x: 256, y: 0 }, { x: 256, y: 76 }, { x: 512, y: 0 }];
  assert.equal(findNearestCard(cards, 0, 1, 0), 1);
  assert.equal(findNearestCard(cards, 1, 0, 1), 2);
  assert.equal(findNearestCard(cards, 2, -1, 0), 0);
  assert.equal(findNearestCard(cards, 0, -1, 0), -1);
  assert.equal(findNearestCard(cards, 0, 0, -1), -1);
});

test('an edge is straight past the cards of a column that it only passes', () => {
  assert.equal(computeEdgePath([[0, 10], [300, 30]], 200), 'M200 10C250 10 250 30 300 30');
  assert.match(computeEdgePath([[0, 0], [300, 0], [600, 50]], 200), /^M200 0C.*300 0L500 0C.*600 50$/);
});

test('a card is described by its counts', () => {
  const card = { name: 'raw', kind: 'function', members: ['raw'], counts: [1200, 0, 0, 0, 3, 0] };
  assert.equal(describeCard(card), 'raw (function): 1,200 missing, 3 failed');
  assert.equal(describeCard({ ...card, unsound: 1 }), 'raw (function): 1,200 missing, 3 failed, 1 not passing a check');
  assert.equal(describeCard({ ...card, late: 2 }), 'raw (function): 1,200 missing, 3 failed, 2 late');
  assert.equal(describeCard({ ...card, kind: 'group', members: ['a', 'b'], counts: [0, 0, 0, 0, 0, 0] }), 'raw (group of 2): no partitions');
});

test('a patch of counts changes its cards, summed over their members; another graph takes the place of all', () => {
  const state = { first: 'lines', graph: { cards: [{ counts: [1] }, { counts: [2] }] } };
  const memberCounts = [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 2]];
  reduceGraph(state, 'counts', { changed: [[1, memberCounts, 4, 2]] }, []);
  assert.deepEqual(state.graph.cards[0], { counts: [1] });
  assert.deepEqual(state.graph.cards[1], { counts: sumCounts(memberCounts), member_counts: memberCounts, late: 4, unsound: 2 });
  assert.equal(state.graph.cards[1].counts[CODES.materialized], 2);
  const other = reduceGraph(state, 'graph', { graph: { cards: [] } }, []);
  assert.deepEqual(other, { first: 'lines', graph: { cards: [] } });
});
