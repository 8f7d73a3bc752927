// The types of the graph's view.

import type { CardJson } from '../generated/messages.js';

/** How much of a card is drawn. */
export type Level = 'near' | 'middle' | 'far';

/** The visible part of the picture, in its own units. */
export type View = [x: number, y: number, width: number, height: number];

/** A card in the page; `update` draws its counts as much as the level shows. */
export interface DrawnCard {
  node: SVGGElement;
  update(card: CardJson, level: Level): void;
}
