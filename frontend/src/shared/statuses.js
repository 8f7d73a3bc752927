// The glyphs and colours of statuses.

import { MARKS, RETRYABLE } from '../generated/constants.js';
import { element } from './elements.js';

/** @import { PartitionStatus } from '../generated/messages.js' */

/**
 * The glyph of a status, and the status of partitions whose colour it has.
 *
 * @param {string} name
 * @returns {{ colour: PartitionStatus; glyph: string }}
 */
export const markOf = (name) => (name in MARKS ? MARKS[/** @type {keyof typeof MARKS} */ (name)] : MARKS.missing);

/**
 * The glyph in its colour.
 *
 * @param {string} name
 */
export const makeGlyph = (name) => element('span', { class: `nbpart-glyph s-${markOf(name).colour}`, 'aria-hidden': 'true', text: markOf(name).glyph });

/**
 * Whether a retry runs steps of this status again.
 *
 * @param {string} status
 */
export const isRetryable = (status) => RETRYABLE.some((each) => each === status);
