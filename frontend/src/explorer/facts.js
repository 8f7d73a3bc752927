// The facts of a partition, and why it is what it is.

import { element } from '../shared/elements.js';
import { formatBytes, formatCount, formatDuration, formatNumber, formatTime } from '../shared/format.js';

/** @import { NamedPartitionJson, PartitionJson, RunJson } from '../generated/messages.js' */

/**
 * The sentence that says why a partition is what it is; each partition that it names is a button that goes there.
 *
 * @param {PartitionJson['why']} parts
 * @param {(named: NamedPartitionJson) => void} follow
 */
export function makeWhy(parts, follow) {
  return element('span', { class: 'nbpart-why' }, ...parts.map(([text, named]) =>
    named ? element('button', { type: 'button', class: 'nbpart-link', text, title: 'Go to this partition', onclick: () => follow(named) }) : text));
}

/**
 * Names with values; `rows` are [name, text or node].
 *
 * @param {[name: string, value: string | Node][]} rows
 */
export function makeFactList(rows) {
  return element('dl', { class: 'nbpart-facts-list' }, ...rows.flatMap(([name, value]) => [element('dt', { text: name }), element('dd', {}, value)]));
}

/**
 * @param {PartitionJson} partition
 * @param {RunJson | null} run
 * @param {string | null} opened
 * @returns {[name: string, value: string][]}
 */
export function collectFacts(partition, run, opened) {
  /** @type {[name: string, value: string][]} */
  const rows = [];
  if (partition.blocked) rows.push(['blocked', partition.blocked]);
  if (!opened) for (const [name, said] of partition.checks) rows.push([`check ${name}`, said]);
  rows.push(...partition.params);
  const made = opened ? run && run.materialization : partition.materialization;
  if (made) {
    rows.push(['made', formatTime(made.materialized_at)]);
    if (made.duration_s !== null) rows.push(['took', formatDuration(made.duration_s)]);
    if (made.rows !== null) rows.push(['rows', formatCount(made.rows)]);
    if (made.bytes !== null) rows.push(['size', formatBytes(made.bytes)]);
    for (const [name, value] of made.metrics) rows.push([name, typeof value === 'number' ? formatNumber(value) : value]);
  }
  if (run && !(made && made.run_id === run.id && run.status === 'succeeded')) {
    const attempt = run.attempt > 1 ? `attempt ${run.attempt}` : '';
    const began = run.started_at ? formatTime(run.started_at) : '';
    const took = run.duration_s === null ? '' : `took ${formatDuration(run.duration_s)}`;
    rows.push(['run', [run.status, attempt, began, took].filter(Boolean).join(', ')]);
  }
  return rows;
}
