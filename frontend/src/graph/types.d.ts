// What the graph's view is made of.

import type { CardJson } from '../generated/messages.js';

/** How much of a card is drawn. */
export type Level = 'near' | 'middle' | 'far';

/** What of the picture is in sight, in the picture's own units. */
export type View = [x: number, y: number, width: number, height: number];

/** A card in the page; `update` draws its counts as much as the level shows. */
export interface DrawnCard {
  node: SVGGElement;
  update(card: CardJson, level: Level): void;
}
