// The log of a run.

import { element } from '../shared/elements.js';
import { makeCodeLine } from '../shared/outcome.js';
import { formatBytes } from '../shared/words.js';

/** @import { Fold } from './types.js' */
/** @import { ExplorerContract, RunJson } from '../generated/messages.js' */
/** @import { Link } from '../shared/types.js' */

const LOG_EVERY_MS = 700;
const LONGEST_LOG = 60000;

/**
 * What is shown of a log before anything was read; `end` is the byte up to which it was.
 *
 * @returns {{ key: string, id: string | null, live: boolean, end: number | null, reading: boolean }}
 */
const nothingShown = (key = '') => ({ key, id: null, live: false, end: null, reading: false });

/**
 * The tail of a run's log, followed while the run lives and somebody can see it.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Fold} fold
 */
export function makeLogView(link, fold) {
  const text = element('pre', { class: 'nbpart-log', tabindex: '0', 'aria-label': 'Log' });
  const code = element('div');
  fold.body.append(text, code);
  let shown = nothingShown();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function read() {
    clearTimeout(timer);
    timer = undefined;
    const own = shown;
    if (own.id === null || !fold.isOpen() || own.reading) return;
    own.reading = true;
    const wasLive = own.live;
    try {
      const answer = await link.request('log', { run_id: own.id, after: own.end });
      if (own !== shown) return;
      const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 30;
      if (answer.start !== own.end) text.textContent = answer.start ? `… (${formatBytes(answer.start)} before this)\n` : '';
      text.append(answer.text);
      if (text.textContent.length > LONGEST_LOG) text.textContent = `…${text.textContent.slice(-LONGEST_LOG)}`;
      if (!text.textContent) text.dataset.empty = own.live ? 'nothing printed yet' : 'it printed nothing';
      if (atEnd) text.scrollTop = text.scrollHeight;
      own.end = answer.end;
      if (!code.firstChild) code.replaceChildren(makeCodeLine(answer.code));
    } catch {
      // busy: the next reading tells what came meanwhile
    } finally {
      own.reading = false;
    }
    // what it wrote last may have come after the last look
    if (own === shown && (own.live || (wasLive && !own.live)) && text.isConnected) timer = setTimeout(read, LOG_EVERY_MS);
  }

  return {
    read,
    /** @param {RunJson | null} run */
    show(run) {
      const key = run ? `${run.id}.${run.attempt}` : '';
      if (key !== shown.key) {
        shown = nothingShown(key);
        text.replaceChildren();
        code.replaceChildren();
      }
      const ended = shown.live && !(run && run.live);
      shown.id = run && run.log ? run.id : null;
      shown.live = Boolean(run && run.live);
      fold.show(Boolean(run && run.log));
      fold.tell(shown.live ? 'live' : '');
      if (shown.end === null || ended || (shown.live && timer === undefined)) read();
    },
    close: () => {
      clearTimeout(timer);
      shown = nothingShown();
    },
  };
}
