// Triggers: who looks when, what came of it, on and off, a look now, and who watches.

import { runAction, SLOW } from './actions.js';
import { element, setAttributes } from './elements.js';
import { formatTime, plural } from './format.js';
import { makeOutcome } from './outcome.js';

/** @import { TickJson, TriggerJson, TriggersViewJson, WatchJson } from '../generated/messages.js' */
/** @import { TriggerLink, TriggerRow } from './types.js' */

/** How often times are told anew, in milliseconds. */
const TELL_EVERY_MS = 1000;

/**
 * When a trigger looked last, and what came of it.
 *
 * @param {Pick<TriggerJson, 'last_look' | 'outcome'>} trigger
 */
export const describeLast = ({ last_look: last, outcome }) => (last ? `${outcome || 'looked'} ${formatTime(last)}` : 'has not looked yet');

/**
 * When a trigger looks next, or why it does not.
 *
 * @param {Pick<TriggerJson, 'is_on' | 'next_look'>} trigger
 * @param {Date} now
 */
export function describeNext({ is_on: isOn, next_look: next }, now) {
  if (!isOn) return 'off';
  if (!next) return 'nobody watches';
  return new Date(next).getTime() <= now.getTime() ? 'next look due now' : `next ${formatTime(next)}`;
}

/**
 * When looks of one kind were, and what came of them: several that found nothing are told as one.
 *
 * @param {Pick<TickJson, 'happened_at' | 'first_at' | 'looks' | 'outcome'>} tick
 */
export function describeTick({ happened_at: at, first_at: first, looks, outcome }) {
  if (looks <= 1) return `${formatTime(at)} ${outcome}`;
  const begin = formatTime(first);
  // what is today begins and ends today
  const end = begin.startsWith('today ') ? formatTime(at).replace('today ', '') : formatTime(at);
  return `${begin} to ${end}: ${plural(looks, 'look')} ${outcome}`;
}

/**
 * How many triggers are off and how many failed, as "3 off" and "2 failed"; "" for none.
 *
 * @param {Pick<TriggerJson, 'is_on' | 'error'>[]} triggers
 */
export function countStates(triggers) {
  /** @type {(n: number, word: string) => string} */
  const say = (n, word) => (n ? `${n} ${word}` : '');
  return { off: say(triggers.filter(({ is_on: isOn }) => !isOn).length, 'off'), failed: say(triggers.filter(({ error }) => error).length, 'failed') };
}

/**
 * The keys of a look, as a line for each set and what became of them.
 *
 * @param {Pick<TickJson, 'keys' | 'other_keys'>} tick
 */
export function listKeys({ keys, other_keys: others }) {
  /** @type {Map<string, string[]>} */
  const lines = new Map();
  for (const [set, key, became] of keys) {
    const head = `${set}, ${became}: `;
    lines.set(head, [...(lines.get(head) ?? []), key]);
  }
  const found = [...lines].map(([head, names]) => head + names.join(', '));
  return others ? [...found, `and ${plural(others, 'key')} more`] : found;
}

/**
 * A button that begins to watch, or ends it, with what came of that; hidden where neither can be done here.
 *
 * @param {TriggerLink} link
 */
export function makeWatchButton(link) {
  const result = makeOutcome();
  /** @type {'watch' | 'stop_watching'} */
  let action = 'watch';
  const node = element('span', {});
  const button = element('button', { type: 'button', onclick: () => runAction(link, node, result, action, {}) });
  node.append(button);
  return {
    node, result: result.node,
    /** @param {WatchJson} watch */
    show({ can_watch: canWatch, can_stop: canStop }) {
      action = canStop ? 'stop_watching' : 'watch';
      node.hidden = !canWatch && !canStop;
      setAttributes(button, canStop ? { text: 'Stop watching', title: 'End the watcher after the steps that run' } : { text: 'Watch', title: 'Start a process that looks with each trigger when it is due, also when this kernel ends' });
    },
  };
}

/**
 * All triggers, each with its switch, a button that looks now, and its newest looks.
 *
 * @param {TriggerLink} link
 * @param {() => void} [onShown] a backfill that was followed is listed now
 */
export function makeTriggerList(link, onShown) {
  const node = element('div', { class: 'nbpart-triggers', role: 'list', 'aria-label': 'Triggers' });
  /** @type {Map<string, TriggerRow>} */
  const rows = new Map();
  const timer = setInterval(() => rows.forEach((row) => row.tell()), TELL_EVERY_MS);

  return {
    node,
    close: () => clearInterval(timer),
    /** @param {TriggersViewJson} view */
    show({ triggers }) {
      const names = new Set(triggers.map(({ name }) => name));
      for (const name of rows.keys()) if (!names.has(name)) rows.delete(name);
      const nodes = triggers.map((trigger) => {
        const row = rows.get(trigger.name) ?? makeRow(link, trigger.name, onShown);
        rows.set(trigger.name, row);
        row.update(trigger);
        return row.node;
      });
      // what has the focus keeps it
      if (nodes.some((each, i) => node.children[i] !== each) || node.children.length !== nodes.length) node.replaceChildren(...nodes);
    },
    /** Go to the next error after what has the focus, or to the first. */
    goToError() {
      const errors = [...rows.values()].map(({ error }) => error).filter((each) => each.parentElement && !each.parentElement.hidden);
      const at = errors.findIndex((each) => each === document.activeElement);
      errors[(at + 1) % errors.length]?.focus();
    },
  };
}

/**
 * @param {TriggerLink} link
 * @param {string} name
 * @param {() => void} [onShown]
 * @returns {TriggerRow}
 */
function makeRow(link, name, onShown) {
  /** @type {TriggerJson | null} */
  let shown = null;
  const result = makeOutcome();
  const toggle = element('button', { type: 'button', class: 'nbpart-switch', role: 'switch', 'aria-label': `Watchers look with ${name}`, onclick: () => runAction(link, node, result, 'switch_trigger', { trigger: name, is_on: !shown?.is_on }) });
  const kind = element('span', { class: 'nbpart-faint' });
  const look = element('button', { type: 'button', text: 'Look now', title: 'Look once; what it asks for runs in this kernel', 'aria-label': `Look now with ${name}`, onclick: () => runAction(link, node, result, 'tick', { trigger: name }) });
  const [last, next] = [element('span'), element('span')];
  const said = element('div', { class: 'nbpart-said' });
  const error = makeErrorFold(link, name);
  const history = makeTickList(link, name, onShown);
  const node = element('div', { class: 'nbpart-trigger', role: 'listitem' },
    element('div', { class: 'nbpart-trigger-head' }, toggle, element('div', {}, element('span', { class: 'nbpart-trigger-name', text: name }), ' ', kind)),
    element('div', { class: 'nbpart-looks nbpart-faint' }, last, next), said,
    element('div', { class: 'nbpart-trigger-buttons' }, history.button, look), error.node, result.node, history.node);
  const tell = () => {
    const text = shown ? describeNext(shown, new Date()) : '';
    if (next.textContent !== text) next.textContent = text;
  };
  return {
    node, tell, error: error.summary,
    update(trigger) {
      const isNew = shown?.last_look !== trigger.last_look;
      shown = trigger;
      setAttributes(toggle, { 'aria-checked': String(trigger.is_on), title: trigger.is_on ? 'On: turn it off' : 'Off: turn it on' });
      node.classList.toggle('nbpart-trigger-off', !trigger.is_on);
      kind.textContent = trigger.kind;
      last.textContent = describeLast(trigger);
      said.textContent = trigger.said;
      error.show(trigger.error, isNew);
      tell();
      if (isNew) history.refresh();
    },
  };
}

/**
 * What the last look raised: its first line, and unfolded all of it with where it was raised.
 *
 * @param {TriggerLink} link
 * @param {string} trigger
 */
function makeErrorFold(link, trigger) {
  const summary = element('summary', { class: 'nbpart-error' });
  const trace = element('pre', { class: 'nbpart-trace', tabindex: '0', 'aria-label': `Traceback of ${trigger}` });
  const node = element('details', { class: 'nbpart-trigger-error', hidden: true }, summary, trace);
  node.addEventListener('toggle', () => read());

  async function read() {
    if (!node.open || node.hidden) return;
    try {
      const { ticks } = await link.request('read_ticks', { trigger }, SLOW);
      trace.textContent = ticks.find(({ error }) => error)?.traceback ?? '';
    } catch (error) {
      trace.textContent = `✕ ${error.message}`;
    }
    trace.scrollTop = trace.scrollHeight;
  }

  return {
    node, summary,
    /** @type {(error: string, isNew: boolean) => void} */
    show(error, isNew) {
      node.hidden = !error;
      summary.textContent = error ? `✕ ${error}` : '';
      if (isNew) read();
    },
  };
}

/**
 * The newest looks of a trigger, read while they are unfolded.
 *
 * @param {TriggerLink} link
 * @param {string} trigger
 * @param {() => void} [onShown]
 */
function makeTickList(link, trigger, onShown) {
  const list = element('div', { class: 'nbpart-tick-list', tabindex: '0', role: 'group', 'aria-label': `Looks of ${trigger}` });
  const result = makeOutcome();
  const node = element('div', { hidden: true }, list, result.node);
  const button = element('button', { type: 'button', class: 'nbpart-plain nbpart-fold', text: 'Looks', title: 'The newest looks, with their keys and backfills', 'aria-label': `Newest looks of ${trigger}`, 'aria-expanded': 'false', onclick: () => {
    node.hidden = !node.hidden;
    button.setAttribute('aria-expanded', String(!node.hidden));
    refresh();
  } });

  async function refresh() {
    if (node.hidden) return;
    try {
      const { ticks } = await link.request('read_ticks', { trigger }, SLOW);
      list.replaceChildren(...(ticks.length ? ticks.map(makeTick) : [element('span', { class: 'nbpart-faint', text: 'none yet' })]));
    } catch (error) {
      result.fail(error);
    }
  }

  /** @param {string} id */
  async function follow(id) {
    if (await runAction(link, list, result, 'show_backfill', { backfill_id: id })) onShown?.();
  }

  /** @param {TickJson} tick */
  const makeTick = (tick) => element('div', {},
    element('div', { class: 'nbpart-faint', text: describeTick(tick) }),
    ...listKeys(tick).map((text) => element('div', { text })),
    element('div', { class: 'nbpart-said', text: tick.said }),
    element('div', { class: 'nbpart-said nbpart-error', text: tick.error ? `✕ ${tick.error}` : '' }),
    element('pre', { class: 'nbpart-trace', text: tick.printed, title: 'What it printed', tabindex: tick.printed ? '0' : null }),
    ...tick.backfills.map((id) => element('div', {}, 'backfill ', element('button', { type: 'button', class: 'nbpart-link', text: id, title: 'Show what has become of it', onclick: () => follow(id) }))));

  return { node, button, refresh };
}
