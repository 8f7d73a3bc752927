// The curves of the run that is shown, and the button that asks it to end early.

import { runAction } from '../shared/actions.js';
import { makeCurves } from '../shared/curves.js';
import { element } from '../shared/elements.js';
import { makeOutcome } from '../shared/outcome.js';

/** @import { ExplorerContract, RunJson } from '../generated/messages.js' */
/** @import { Link, Section } from '../shared/types.js' */

/**
 * @param {Link<ExplorerContract>} link
 * @param {HTMLElement} root
 * @param {Section} section
 */
export function makeCurveView(link, root, section) {
  const curves = makeCurves(link, root, (hasAny) => section.show(hasAny));
  section.body.append(curves.node);
  section.node.addEventListener('toggle', curves.paint);
  section.show(false);
  return {
    close: curves.close,
    /** @param {RunJson | null} run */
    show(run) {
      if (!run) section.show(false);
      // what a run logged is read again when it has ended, or begins another attempt
      curves.show(run ? [{ id: run.id, label: run.id, live: run.is_live }] : [], run ? [run.status, run.attempt] : null);
    },
  };
}

/**
 * A button that asks the run that is shown to end early, with what came of that; hidden where nothing runs.
 *
 * @param {Link<ExplorerContract>} link
 */
export function makeStopButton(link) {
  const result = makeOutcome();
  let id = '';
  const button = element('button', { type: 'button', text: 'Stop early', title: 'Ask the run to end with what it has', onclick: () => runAction(link, node, result, 'stop_run', { run_id: id }) });
  const node = element('div', { class: 'nbpart-stop', hidden: true }, button, result.node);
  return {
    node,
    /** @param {RunJson | null} run */
    show(run) {
      if (run?.id !== id) result.clear();
      id = run?.id ?? '';
      button.hidden = run?.status !== 'running';
      node.hidden = !run?.is_live;
    },
  };
}
