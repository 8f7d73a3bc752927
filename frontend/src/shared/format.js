// Numbers, times and sizes as text.

/** @param {number} n */
export const formatCount = (n) => n.toLocaleString('en-US');
/**
 * @param {number} n
 * @param {string} word
 */
export const plural = (n, word) => `${formatCount(n)} ${word}${n === 1 ? '' : 's'}`;

/**
 * Seconds as a person says them: 0.4 s, 42 s, 3 min 20 s, 2 h 05 min.
 *
 * @param {number | null | undefined} seconds
 */
export function formatDuration(seconds) {
  if (seconds === null || seconds === undefined || !isFinite(seconds)) return '—';
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

/**
 * A number with as many digits as a person reads.
 *
 * @param {number} value
 */
export function formatNumber(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2);
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 });
}

/**
 * When something was, for a person: the time today, else the date too.
 *
 * @param {string} iso
 */
export function formatTime(iso) {
  const at = new Date(iso);
  const today = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleTimeString('en-GB');
  return today ? `today ${time}` : `${at.toLocaleDateString('en-CA')} ${time}`;
}

/**
 * 512 bytes, 3.4 kB, 12 MB
 *
 * @param {number} bytes
 */
export function formatBytes(bytes) {
  if (bytes < 1000) return plural(bytes, 'byte');
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${+(bytes / 1000 ** power).toPrecision(3)} ${['', 'kB', 'MB', 'GB', 'TB'][power]}`;
}

/**
 * A long text with its middle left out.
 *
 * @param {string} text
 * @param {number} longest
 */
export function shorten(text, longest) {
  if (text.length <= longest) return text;
  const head = Math.ceil((longest - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (longest - 1 - head))}`;
}
