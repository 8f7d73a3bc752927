"""Reading again what is shown, on a thread of its own, as often as it changes but not without a pause."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from nbpart.widgets.change_feed import IDLE_POLL_S, MAX_BUSY_SHARE

log = logging.getLogger("nbpart")


class Reloading:
    """Calls ``work`` on another thread when it is asked to; one call serves all who ask before it begins.

    After each call it pauses in proportion to what that took: who changes the catalog many times a second needs it too.
    The thread ends when nobody asks.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._is_asked = self._is_running = False
        self._is_urgent = threading.Event()

    def ask(self, *, urgent: bool = False) -> None:
        """Have ``work`` called; what is ``urgent`` waits for no pause."""
        if urgent:
            self._is_urgent.set()
        with self._lock:
            self._is_asked = True
            if self._is_running:
                return
            self._is_running = True
        threading.Thread(target=self._run, name="nbpart-explorer", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._is_asked:
                    self._is_running = False
                    return
                self._is_asked = False
                self._is_urgent.clear()
            began = time.monotonic()
            try:
                self._work()
            except Exception:
                log.exception("what is shown could not be read again")
            self._is_urgent.wait(min((time.monotonic() - began) / MAX_BUSY_SHARE, IDLE_POLL_S))
