// The field of a condition: it completes columns, and says how many partitions are chosen and by which line.

import { element } from '../shared/elements.js';
import { plural } from '../shared/format.js';
import { makeCodeLine } from '../shared/outcome.js';
import { complete, findColumns, findToken } from './completion.js';
import { makeNewest } from './newest.js';

/** @import { ExplorerContract } from '../generated/messages.js' */
/** @import { Link } from '../shared/types.js' */

/** The list stands between the field and what is below: it stays until a click there has landed. */
const CLOSE_MS = 250;
let fields = 0;

/**
 * A field for a condition on the partitions of what is selected. `onChange` is called where it has become another one, `onSubmit` where Enter ends it.
 *
 * @param {Link<ExplorerContract>} link
 * @param {{ onChange: () => void; onSubmit: () => void }} handlers
 */
export function makeFilterField(link, { onChange, onSubmit }) {
  const id = `nbpart-columns-${++fields}`;
  const box = element('input', {
    type: 'text', spellcheck: 'false', autocomplete: 'off', placeholder: 'lr < 0.1 and depth = 3',
    role: 'combobox', 'aria-label': 'where', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': id,
    oninput: () => { problem.textContent = ''; onChange(); offer(); countSoon(); }, onclick: () => offer(), onblur: () => setTimeout(close, CLOSE_MS),
  });
  const list = element('ul', { id, class: 'nbpart-choices', role: 'listbox', 'aria-label': 'Columns', hidden: true });
  const count = element('span', { class: 'nbpart-faint', 'aria-live': 'polite' });
  const problem = element('div', { class: 'nbpart-error', role: 'alert' });
  const line = element('div');
  const node = element('div', { class: 'nbpart-filter' },
    element('label', { class: 'nbpart-field', title: 'Only the partitions for which this is true; a column is completed as you type' }, element('span', { text: 'where' }), element('div', { class: 'nbpart-complete' }, box, list)),
    problem, count, line);

  /** @type {[name: string, values: string][]} */
  let columns = [];
  /** the selection whose columns these are */
  let known = -1;
  let at = -1;
  const counting = makeNewest();

  const number = () => link.state.panel.selection.number;
  const token = () => findToken(box.value, box.selectionStart ?? box.value.length);

  async function offer() {
    if (known !== number()) {
      known = number();
      try {
        ({ columns } = await link.request('list_columns', { selection_number: known }));
      } catch {
        columns = []; // what is selected has changed: it is asked again
        known = -1;
      }
    }
    const name = token();
    const found = name && (name.text || !box.value) ? findColumns(columns, name.text) : [];
    at = found.length && name?.text ? 0 : -1;
    list.replaceChildren(...found.map(([column, values], place) => element('li', {
      id: `${id}-${place}`, role: 'option', onpointerdown: (/** @type {Event} */ event) => { event.preventDefault(); take(column); },
    }, element('span', { text: column }), element('span', { class: 'nbpart-faint', text: values }))));
    open(found.length > 0 && box.getRootNode() instanceof Document ? document.activeElement === box : found.length > 0);
  }

  /** @param {boolean} yes */
  function open(yes) {
    list.hidden = !yes;
    box.setAttribute('aria-expanded', String(yes));
    problem.hidden = yes; // a name that is being completed is no mistake
    mark();
  }

  const close = () => open(false);

  function mark() {
    [...list.children].forEach((item, place) => item.setAttribute('aria-selected', String(place === at)));
    if (at >= 0 && !list.hidden) box.setAttribute('aria-activedescendant', `${id}-${at}`);
    else box.removeAttribute('aria-activedescendant');
  }

  /** @param {string} name */
  function take(name) {
    const typed = token();
    if (!typed) return;
    const { text, caret } = complete(box.value, typed, name);
    box.value = text;
    box.setSelectionRange(caret, caret);
    close();
    onChange();
    countSoon();
  }

  /** @param {number} step */
  function move(step) {
    if (list.hidden) return void offer();
    const n = list.children.length;
    at = (at + step + (at < 0 && step < 0 ? 1 : 0) + n) % n;
    mark();
  }

  box.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const isOpen = !list.hidden;
    if (event.key === 'ArrowDown') move(1);
    else if (event.key === 'ArrowUp') move(-1);
    else if (['Enter', 'Tab'].includes(event.key) && isOpen && at >= 0) take(list.children[at].firstElementChild?.textContent ?? '');
    else if (event.key === 'Escape' && isOpen) close();
    else if (event.key === 'Enter') onSubmit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const countSoon = () => counting.soon(describe);

  /** @param {() => boolean} isNewest */
  async function describe(isNewest) {
    const { number: selected, counts, kind } = link.state.panel.selection;
    const isAll = !box.value.trim();
    if (isAll && !['partition', 'partitions'].includes(kind)) return show('', null);
    try {
      const { count: n, code } = await link.request('describe_choice', { selection_number: selected, where: box.value });
      if (!isNewest()) return;
      const total = counts.reduce((sum, one) => sum + one, 0);
      show(isAll || n === null ? '' : total ? `${n.toLocaleString('en')} of ${plural(total, 'partition')}` : plural(n, 'partition'), code);
    } catch (error) {
      if (isNewest()) show('', null, `✕ ${error.message}`);
    }
  }

  /** @type {(text: string, code: string | null, error?: string) => void} */
  function show(text, code, error = '') {
    count.textContent = text;
    line.replaceChildren(code === null ? '' : makeCodeLine(code));
    problem.textContent = error;
  }

  return {
    node,
    get value() { return box.value; },
    /** Describe the choice of what is selected now. */
    refresh: countSoon,
    close: counting.close,
  };
}
