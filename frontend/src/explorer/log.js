// The log of a run.

import { element } from '../shared/elements.js';
import { makeCodeLine } from '../shared/outcome.js';
import { formatBytes } from '../shared/format.js';

/** @import { Section } from '../shared/types.js' */
/** @import { ExplorerContract, RunJson } from '../generated/messages.js' */
/** @import { Link } from '../shared/types.js' */

const POLL_LOG_MS = 700;
const MAX_LOG_LENGTH = 60000;

/**
 * What is shown of a log before anything was read; `end` is the byte up to which it was.
 *
 * @returns {{ key: string, id: string | null, isLive: boolean, end: number | null, reading: boolean }}
 */
const nothingShown = (key = '') => ({ key, id: null, isLive: false, end: null, reading: false });

/**
 * The end of a run's log, read again and again while the run is live and the section is open.
 *
 * @param {Link<ExplorerContract>} link
 * @param {Section} section
 */
export function makeLogView(link, section) {
  const text = element('pre', { class: 'nbpart-log', tabindex: '0', 'aria-label': 'Log' });
  const code = element('div');
  section.body.append(text, code);
  let shown = nothingShown();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function read() {
    clearTimeout(timer);
    timer = undefined;
    const own = shown;
    if (own.id === null || !section.isOpen() || own.reading) return;
    own.reading = true;
    const wasLive = own.isLive;
    try {
      const answer = await link.request('read_log', { run_id: own.id, after: own.end });
      if (own !== shown) return;
      const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 30;
      if (answer.start !== own.end) text.textContent = answer.start ? `… (${formatBytes(answer.start)} before this)\n` : '';
      text.append(answer.text);
      if (text.textContent.length > MAX_LOG_LENGTH) text.textContent = `…${text.textContent.slice(-MAX_LOG_LENGTH)}`;
      if (!text.textContent) text.dataset.empty = own.isLive ? 'nothing printed yet' : 'it printed nothing';
      if (atEnd) text.scrollTop = text.scrollHeight;
      own.end = answer.end;
      if (!code.firstChild) code.replaceChildren(makeCodeLine(answer.code));
    } catch {
      // the kernel is busy: the next reading gets what came meanwhile
    } finally {
      own.reading = false;
    }
    // the last lines may have come after the last reading
    if (own === shown && (own.isLive || (wasLive && !own.isLive)) && text.isConnected) timer = setTimeout(read, POLL_LOG_MS);
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
      const ended = shown.isLive && !(run && run.is_live);
      shown.id = run && run.has_log ? run.id : null;
      shown.isLive = Boolean(run && run.is_live);
      section.show(Boolean(run && run.has_log));
      section.setNote(shown.isLive ? 'live' : '');
      if (shown.end === null || ended || (shown.isLive && timer === undefined)) read();
    },
    close: () => {
      clearTimeout(timer);
      shown = nothingShown();
    },
  };
}
