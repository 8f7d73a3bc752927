// How statuses look.

import { MARKS } from '../generated/constants.js';
import { element } from './elements.js';

/** The glyph of a status, and the status of partitions whose colour it has. */
export const markOf = (name) => MARKS[name] || { like: 'missing', glyph: '○' };

/** The glyph in its colour. */
export const makeGlyph = (name) => element('span', { class: `nbpart-glyph s-${markOf(name).like}`, 'aria-hidden': 'true', text: markOf(name).glyph });
