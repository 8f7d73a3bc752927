// Computing the visible part of the picture and its scale. A view is [x, y, width, height].

/** @import { CardJson } from '../generated/messages.js' */
/** @import { Level, View } from './types.js' */

const FAR = 0.3; // below this scale a card is its bar, and a glyph
const MIDDLE = 0.62; // below this it is its name and its bar
const MARGIN = 14; // around the whole picture
const CLOSEST = 3;
const FARTHEST = 0.03;

/**
 * How much of a card is drawn at a scale.
 *
 * @param {number} scale
 * @returns {Level}
 */
export const levelOf = (scale) => (scale < FAR ? 'far' : scale < MIDDLE ? 'middle' : 'near');

/**
 * The height of the stage for a picture, in pixels: as high as the picture is at the width that there is.
 *
 * @param {{ width: number, height: number }} picture
 * @param {number} wide
 * @param {number} most
 */
export function computeHeight({ width, height }, wide, most) {
  const scale = Math.min(1, wide / (width + 2 * MARGIN));
  return Math.min(most, Math.max(110, (height + 2 * MARGIN) * scale));
}

/**
 * The view of everything on a stage: at its own size, at the left, where there is room; else all of it.
 *
 * @param {{ width: number, height: number }} picture
 * @param {number} wide
 * @param {number} high
 * @returns {View}
 */
export function fitView({ width, height }, wide, high) {
  const scale = Math.min(1, wide / (width + 2 * MARGIN), high / (height + 2 * MARGIN));
  const isNarrow = scale < 1 && (width + 2 * MARGIN) * scale < wide;
  return [isNarrow ? (width - wide / scale) / 2 : -MARGIN, (height - high / scale) / 2, wide / scale, high / scale];
}

/**
 * The view after its size became `factor` times as much about a point; the same where that is too close or too far.
 *
 * @param {View} view
 * @param {number} scale the scale that it has
 * @param {number} factor
 * @param {readonly number[]} at
 * @returns {View}
 */
export function zoomView(view, scale, factor, [x, y] = centreOf(view)) {
  const then = scale / factor;
  if ((then > CLOSEST && factor < 1) || (then < FARTHEST && factor > 1)) return view;
  return [x - (x - view[0]) * factor, y - (y - view[1]) * factor, view[2] * factor, view[3] * factor];
}

/** @param {View} view */
const centreOf = ([x, y, width, height]) => [x + width / 2, y + height / 2];

/**
 * Whether all of a card is visible.
 *
 * @param {View} view
 * @param {{ x: number, y: number }} card
 * @param {readonly [number, number]} size
 */
export const isInside = (view, { x, y }, [width, height]) =>
  x >= view[0] && y >= view[1] && x + width <= view[0] + view[2] && y + height <= view[1] + view[3];

/**
 * The view of the same size with a card in its middle.
 *
 * @param {View} view
 * @param {{ x: number, y: number }} card
 * @param {readonly [number, number]} size
 * @returns {View}
 */
export const centreView = (view, { x, y }, [width, height]) =>
  [x + width / 2 - view[2] / 2, y + height / 2 - view[3] / 2, view[2], view[3]];

/**
 * The place of the nearest card in a direction; -1 where there is none.
 *
 * @param {Pick<CardJson, 'x' | 'y'>[]} cards
 * @param {number} from
 * @param {number} dx
 * @param {number} dy
 */
export function findNearestCard(cards, from, dx, dy) {
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
