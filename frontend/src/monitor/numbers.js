// Widths and rates.

/**
 * Widths of the steps in percent: whatever there is can be seen.
 *
 * @param {[status: string, n: number][]} counts
 * @param {number} total
 * @returns {[status: string, n: number, percent: number][]}
 */
export function computeStepWidths(counts, total) {
  const there = counts.filter(([, n]) => n > 0);
  /** @type {[status: string, n: number, part: number][]} */
  const raised = there.map(([status, n]) => [status, n, Math.max(n / total, 0.006)]);
  const sum = raised.reduce((all, [, , part]) => all + part, 0);
  return raised.map(([status, n, part]) => [status, n, (part / sum) * 100]);
}

/**
 * "12.5 a second", or "4 a minute" where it is slow.
 *
 * @param {number} rate
 */
export function formatRate(rate) {
  if (rate >= 1) return `${rate.toFixed(1)} a second`;
  const aMinute = rate * 60;
  return aMinute >= 1 ? `${aMinute.toFixed(aMinute < 10 ? 1 : 0)} a minute` : `${(aMinute * 60).toFixed(1)} an hour`;
}
