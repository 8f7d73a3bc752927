// A view of the table of triggers: who watches, and each trigger.

import { element } from '../shared/elements.js';
import { makeAnnouncer } from '../shared/page.js';
import { countStates, makeTriggerList, makeWatchButton } from '../shared/triggers.js';

/** @import { TriggersContract } from '../generated/messages.js' */
/** @import { Link } from '../shared/types.js' */

/**
 * @param {Link<TriggersContract>} link
 * @param {HTMLElement} root
 */
export function drawTriggers(link, root) {
  const says = element('span', { class: 'nbpart-watching' });
  const note = element('span', { class: 'nbpart-faint' });
  const failed = element('button', { type: 'button', class: 'nbpart-link', title: 'Go to the next one', onclick: () => list.goToError() });
  const watch = makeWatchButton(link);
  const list = makeTriggerList(link);
  const empty = element('p', { class: 'nbpart-faint' }, 'No triggers yet: ', element('code', { text: '@ws.sensor' }), ' or ', element('code', { text: 'source.watch()' }), ' declares one; it appears here at once.');
  root.classList.add('nbpart-trigger-table');
  const bar = element('div', { class: 'nbpart-bar' }, says, note, failed, element('span', { class: 'nbpart-spacer' }), watch.node);
  root.append(bar, watch.result, empty, list.node);
  const announce = makeAnnouncer(root, 5000);

  function drawAll() {
    const { shown } = link.state;
    const counts = countStates(shown.triggers);
    says.textContent = shown.watch.says;
    note.textContent = counts.off;
    failed.textContent = counts.failed;
    failed.hidden = !counts.failed;
    watch.show(shown.watch);
    empty.hidden = shown.triggers.length > 0;
    bar.hidden = !shown.watch.says && !empty.hidden;
    list.show(shown);
    announce([shown.watch.says, counts.off, counts.failed].filter(Boolean).join(', '));
  }

  const stopListening = link.listen(drawAll);
  drawAll();
  return () => {
    stopListening();
    list.close();
  };
}
