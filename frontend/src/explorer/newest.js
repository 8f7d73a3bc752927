// Asking something again as a person types: only the newest question is asked, and only its answer counts.

const WAIT_MS = 250;

/**
 * `soon(ask)` calls `ask` when nothing newer came for a moment; `ask` is given a function that says whether it is still
 * the newest, for when its answer is there.
 *
 * @param {number} [waitMs]
 */
export function makeNewest(waitMs = WAIT_MS) {
  let number = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function close() {
    clearTimeout(timer);
    number += 1;
  }

  return {
    /** @param {(isNewest: () => boolean) => unknown} ask */
    now(ask) {
      close();
      const own = number;
      return ask(() => own === number);
    },
    /** @param {(isNewest: () => boolean) => unknown} ask */
    soon(ask) {
      close();
      const own = number;
      timer = setTimeout(() => ask(() => own === number), waitMs);
    },
    /** Whatever was asked counts no more. */
    close,
  };
}
