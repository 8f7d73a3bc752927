// Made of Python's records by `make bundle`; edit those.

/** The version of the messages. */
export const VERSION = 1;

/** The statuses of partitions, in the order of their codes. */
export const STATUSES = /** @type {const} */ ([
  { name: 'missing', glyph: '○' },
  { name: 'stale', glyph: '≠' },
  { name: 'queued', glyph: '◷' },
  { name: 'running', glyph: '▶' },
  { name: 'failed', glyph: '✕' },
  { name: 'materialized', glyph: '✓' },
]);

/** The code of each status of a partition. */
export const CODES = /** @type {const} */ ({ missing: 0, stale: 1, queued: 2, running: 3, failed: 4, materialized: 5 });

/** The order in which statuses are shown everywhere; codes. */
export const DISPLAY_ORDER = /** @type {const} */ ([0, 2, 3, 5, 4, 1]);

/** From left to right in a bar; codes. */
export const BAR_ORDER = /** @type {const} */ ([5, 3, 2, 1, 4, 0]);

/** From top to bottom in a column of pixels; codes. */
export const COLUMN_ORDER = /** @type {const} */ ([4, 0, 1, 2, 3, 5]);

/** From the most to the least urgent; codes. */
export const URGENCY = /** @type {const} */ ([4, 3, 2, 1, 0, 5]);

/** Statuses that a summary lists besides materialized, the gravest first. */
export const NOTABLE = /** @type {const} */ (['failed', 'running']);

/** Statuses of steps that a retry runs again. */
export const RETRYABLE = /** @type {const} */ (['failed', 'blocked']);

/** Which of the selected partitions a backfill runs, with labels. */
export const STATUS_CHOICES = /** @type {const} */ ([['outdated', 'missing, stale or failed'], ['failed', 'failed only'], ['missing', 'missing only'], ['stale', 'stale only'], ['all', 'all, also what is up to date']]);

/** The bit of a status that is sent which says that the partition is late. */
export const LATE_BIT = 128;

/** The glyph of what is late beside its status. */
export const LATE_GLYPH = '◥';

/** The bit that says that the data do not pass a check. */
export const UNSOUND_BIT = 64;

/** The glyph of such data, and what is said of them beside a number. */
export const UNSOUND_GLYPH = '◣';

/** What is said of such data beside a number. */
export const UNSOUND_WORDS = 'not passing a check';

/** Of every status: the status of partitions whose colour it has, and its glyph. */
export const MARKS = /** @type {const} */ ({
  missing: { colour: 'missing', glyph: '○' },
  queued: { colour: 'queued', glyph: '◷' },
  running: { colour: 'running', glyph: '▶' },
  materialized: { colour: 'materialized', glyph: '✓' },
  failed: { colour: 'failed', glyph: '✕' },
  stale: { colour: 'stale', glyph: '≠' },
  planned: { colour: 'missing', glyph: '○' },
  blocked: { colour: 'stale', glyph: '⊘' },
  succeeded: { colour: 'materialized', glyph: '✓' },
  skipped: { colour: 'materialized', glyph: '=' },
  cancelled: { colour: 'missing', glyph: '■' },
  interrupted: { colour: 'stale', glyph: '↯' },
  requested: { colour: 'queued', glyph: '◷' },
  cancelling: { colour: 'running', glyph: '■' },
});
