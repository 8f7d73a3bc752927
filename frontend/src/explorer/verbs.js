// What a person does to partitions without a run: accept, wipe, prune, adopt, remove keys. Each asks first, with the number.

import { element } from '../shared/elements.js';
import { onEnter } from '../shared/page.js';
import { plural } from '../shared/format.js';
import { SLOW } from '../shared/actions.js';
import { makeQuestion } from './question.js';

/** @import { ExplorerContract, PanelJson } from '../generated/messages.js' */
/** @import { Choice, Verb } from './types.js' */
/** @import { Link, Outcome } from '../shared/types.js' */

/** @type {Record<ExplorerContract['requests']['adopt']['version'], string>} */
const VERSIONS = { hash: 'what they hold (hash)', 'size+mtime': 'size and time, unread (size+mtime)' };

/**
 * A field with its name before it.
 *
 * @param {string} name
 * @param {string} title
 * @param {HTMLElement} box
 */
const makeField = (name, title, box) => element('label', { class: 'nbpart-field', title }, element('span', { text: name }), box);

/**
 * A box to tick, with what that means beside it.
 *
 * @param {string} text
 * @param {() => void} onChange
 */
function makeTick(text, onChange) {
  const box = element('input', { type: 'checkbox', onchange: onChange });
  return { box, node: element('label', { class: 'nbpart-tick' }, box, element('span', { text })) };
}

/** @typedef {(link: Link<ExplorerContract>, choice: Choice, onChange: () => void) => Verb} MakeVerb */

/** @type {MakeVerb} */
const makeAccept = (link, choice) => ({
  fields: [],
  isOpen: false,
  look: () => ({ word: 'Accept', isGrave: false }),
  run: (how) => link.request('accept', { ...choice, ...how }, SLOW),
});

/** @type {MakeVerb} */
function makeWipe(link, choice, onChange) {
  const data = makeTick('also delete the files of all their runs now; else these stay until a prune', onChange);
  return {
    fields: [data.node],
    isOpen: false,
    look: () => ({ word: data.box.checked ? 'Wipe and delete' : 'Wipe', isGrave: true }),
    run: (how) => link.request('wipe', { ...choice, data: data.box.checked, ...how }, SLOW),
  };
}

/** @type {MakeVerb} */
function makePrune(link, choice, onChange) {
  const keep = element('input', { type: 'number', min: 0, step: 1, value: 3, oninput: onChange });
  return {
    fields: [makeField('keep newest', 'So many of the newest data and runs of each partition stay. 0 deletes current data too, of the keys that are selected or for which the condition is true', keep)],
    isOpen: true,
    look: () => ({ word: 'Delete', isGrave: true }),
    run: (how) => link.request('prune', { ...choice, keep: keep.valueAsNumber, ...how }, SLOW),
  };
}

/** @type {MakeVerb} */
function makeAdopt(link, choice, onChange) {
  const path = element('input', { type: 'text', spellcheck: 'false', autocomplete: 'off', placeholder: 'results/{partition_key}.json', oninput: onChange });
  const version = element('select', { onchange: onChange }, ...Object.entries(VERSIONS).map(([value, text]) => element('option', { value, text })));
  onEnter(path, () => {});
  return {
    fields: [
      makeField('path', 'Where the files are; a column in braces says of which key each is', path),
      makeField('told apart by', 'By what a file is another one than was adopted', version),
    ],
    isOpen: true,
    look: () => ({ word: 'Adopt', isGrave: false }),
    run: (how) => link.request('adopt', { ...choice, path: path.value, version: version.value === 'hash' ? 'hash' : 'size+mtime', ...how }, SLOW),
  };
}

/** @type {[word: string, help: string, make: MakeVerb][]} */
const VERBS = [
  ['Accept', 'Count what they have as made by the code and of the inputs of now; nothing runs', makeAccept],
  ['Wipe', 'Make them missing, as if they had never run; their files stay until a prune', makeWipe],
  ['Prune', 'Delete old data, executed notebooks and logs; adopted files always stay', makePrune],
  ['Adopt', 'Make files that are there the data of the selected asset; they stay where they are', makeAdopt],
];

/**
 * Buttons for what can be done to what `choice` gives: what is selected, where the condition is true.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Outcome} result
 * @param {() => Choice} choice
 */
export function makeVerbForm(link, result, choice) {
  const bar = element('div', { class: 'nbpart-bar' }, ...VERBS.map(([word, title, make]) => {
    const button = element('button', { type: 'button', text: `${word} …`, title, onclick: () => question.ask(make(link, choice(), question.changed), button) });
    return button;
  }));
  const question = makeQuestion(bar, result);
  return { node: element('div', { class: 'nbpart-verbs' }, bar, question.node), close: () => question.close() };
}

/**
 * A button that removes the selected keys from their set.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Outcome} result
 */
export function makeRemoveForm(link, result) {
  const button = element('button', { type: 'button', onclick: () => question.ask(makeRemoval(), button) });
  const bar = element('div', { class: 'nbpart-bar' }, button);
  const question = makeQuestion(bar, result);
  const node = element('div', { class: 'nbpart-remove' }, bar, question.node);
  let n = 0;

  /** @returns {Verb} */
  function makeRemoval() {
    const about = { selection_number: link.state.panel.selection.number, n_keys: n };
    const data = makeTick('also delete all that runs left, in all assets: data, notebooks, logs, metrics, error texts', question.changed);
    return {
      fields: [data.node],
      isOpen: false,
      look: () => ({ word: data.box.checked ? 'Remove and delete' : 'Remove', isGrave: true }),
      run: (how) => link.request('remove_keys', { ...about, delete_data: data.box.checked, ...how }, SLOW),
    };
  }

  return {
    node,
    /** @param {PanelJson} panel */
    show({ selection, sets }) {
      const removable = sets.some(({ name, is_editable: isEditable }) => isEditable && name === selection.set) && ['partition', 'partitions'].includes(selection.kind);
      node.hidden = !removable;
      n = selection.n_keys;
      button.textContent = `Remove ${plural(n, 'key')} …`;
      question.close();
    },
  };
}
