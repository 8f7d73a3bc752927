// The triggers in the panel: who looks when, what came of it, on and off, and a look now.

import { element, setAttributes } from '../shared/elements.js';
import { formatTime, plural } from '../shared/format.js';
import { makeOutcome } from '../shared/outcome.js';
import { runAction, SLOW } from './actions.js';

/** @import { ExplorerContract, PanelJson, TickJson, TriggerJson } from '../generated/messages.js' */
/** @import { Link } from '../shared/types.js' */
/** @import { Section, TriggerRow } from './types.js' */

/** How often times are told anew, in milliseconds. */
const TELL_EVERY_MS = 5000;

/**
 * When a trigger looked and when it looks next, as a sentence.
 *
 * @param {Pick<TriggerJson, 'is_on' | 'last_look' | 'next_look' | 'outcome'>} trigger
 * @param {Date} now
 */
export function describeLooks({ is_on: isOn, last_look: last, next_look: next, outcome }, now) {
  const before = last ? `${outcome || 'looked'} ${formatTime(last)}` : 'has not looked yet';
  if (!isOn) return `${before}; off`;
  if (!next) return `${before}; nobody watches`;
  return new Date(next).getTime() <= now.getTime() ? `${before}; next look due now` : `${before}; next ${formatTime(next)}`;
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
 * All triggers, each with its switch, a button that looks now, and its newest looks.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Section} section
 * @param {() => void} onShown a backfill that was followed is listed now
 */
export function makeTriggerList(link, section, onShown) {
  const list = element('div', { class: 'nbpart-triggers', role: 'list' });
  section.body.append(list);
  /** @type {Map<string, TriggerRow>} */
  const rows = new Map();
  const timer = setInterval(() => rows.forEach((row) => row.tell()), TELL_EVERY_MS);

  return {
    close: () => clearInterval(timer),
    /** @param {PanelJson} panel */
    show({ triggers }) {
      section.show(triggers.length > 0);
      const failed = triggers.filter(({ error }) => error).length;
      section.setNote([plural(triggers.length, 'trigger'), failed ? `${failed} failed` : ''].filter(Boolean).join(', '));
      const names = new Set(triggers.map(({ name }) => name));
      for (const name of rows.keys()) if (!names.has(name)) rows.delete(name);
      const nodes = triggers.map((trigger) => {
        const row = rows.get(trigger.name) ?? makeRow(link, trigger.name, onShown);
        rows.set(trigger.name, row);
        row.update(trigger);
        return row.node;
      });
      // what has the focus keeps it
      if (nodes.some((node, i) => list.children[i] !== node) || list.children.length !== nodes.length) list.replaceChildren(...nodes);
    },
  };
}

/**
 * @param {Link<ExplorerContract>} link
 * @param {string} name
 * @param {() => void} onShown
 * @returns {TriggerRow}
 */
function makeRow(link, name, onShown) {
  /** @type {TriggerJson | null} */
  let shown = null;
  const result = makeOutcome();
  const toggle = element('button', { type: 'button', class: 'nbpart-switch', role: 'switch', 'aria-label': `Watchers look with ${name}`, onclick: () => runAction(link, node, result, 'switch_trigger', { trigger: name, is_on: !shown?.is_on }) });
  const kind = element('span', { class: 'nbpart-faint' });
  const look = element('button', { type: 'button', text: 'Look now', title: 'Look once; what it asks for runs in this kernel', 'aria-label': `Look now with ${name}`, onclick: () => runAction(link, node, result, 'tick', { trigger: name }) });
  const looks = element('div', { class: 'nbpart-faint' });
  const said = element('div', { class: 'nbpart-said' });
  const error = element('div', { class: 'nbpart-said nbpart-error' });
  const history = makeTickList(link, name, onShown);
  const node = element('div', { class: 'nbpart-trigger', role: 'listitem' },
    element('div', { class: 'nbpart-row' }, toggle, element('span', { class: 'nbpart-trigger-name', text: name }), kind, element('span', { class: 'nbpart-spacer' }), look),
    looks, said, error, result.node, history.node);
  const tell = () => {
    if (shown) looks.textContent = describeLooks(shown, new Date());
  };
  return {
    node, tell,
    update(trigger) {
      const isNew = shown?.last_look !== trigger.last_look;
      shown = trigger;
      setAttributes(toggle, { 'aria-checked': String(trigger.is_on), title: trigger.is_on ? 'On: turn it off' : 'Off: turn it on' });
      node.classList.toggle('nbpart-trigger-off', !trigger.is_on);
      kind.textContent = trigger.kind;
      said.textContent = trigger.said;
      error.textContent = trigger.error ? `✕ ${trigger.error}` : '';
      tell();
      if (isNew) history.refresh();
    },
  };
}

/**
 * The newest looks of a trigger, read while they are unfolded.
 *
 * @param {Link<ExplorerContract>} link
 * @param {string} trigger
 * @param {() => void} onShown
 */
function makeTickList(link, trigger, onShown) {
  const list = element('div', { class: 'nbpart-tick-list', tabindex: '0', role: 'group', 'aria-label': `Looks of ${trigger}` });
  const result = makeOutcome();
  const node = element('details', {}, element('summary', { text: 'Looks' }), list, result.node);
  node.addEventListener('toggle', () => refresh());

  async function refresh() {
    if (!node.open) return;
    try {
      const { ticks } = await link.request('read_ticks', { trigger }, SLOW);
      list.replaceChildren(...(ticks.length ? ticks.map(makeTick) : [element('span', { class: 'nbpart-faint', text: 'none yet' })]));
    } catch (error) {
      result.fail(error);
    }
  }

  /** @param {string} id */
  async function follow(id) {
    if (await runAction(link, list, result, 'show_backfill', { backfill_id: id })) onShown();
  }

  /** @param {TickJson} tick */
  const makeTick = (tick) => element('div', {},
    element('div', { text: `${formatTime(tick.happened_at)} ${tick.outcome}` }),
    ...listKeys(tick).map((text) => element('div', { text })),
    element('div', { class: 'nbpart-said', text: tick.said }),
    element('div', { class: 'nbpart-said nbpart-error', text: tick.error ? `✕ ${tick.error}` : '' }),
    ...tick.backfills.map((id) => element('div', {}, 'backfill ', element('button', { type: 'button', class: 'nbpart-link', text: id, title: 'List it above', onclick: () => follow(id) }))));

  return { node, refresh };
}
