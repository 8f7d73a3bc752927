"""BackfillSummary a backfill cleanly when a signal comes."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbpart.workspace import Backfill

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class CancelOnSignal:
    """Handles Ctrl-C, SIGTERM and SIGHUP while it is entered: cancels the backfill that `wait_for` waits for.

    Before `enable` was called, a signal raises KeyboardInterrupt. After it nothing is ever raised into the code that
    waits: a handler only puts the signal into a queue, and a thread cancels the backfill. So no lock is left taken and
    no kernel is left behind, however often Ctrl-C is pressed. Signals that were ignored before, as under nohup, stay
    ignored.
    """

    def __init__(self) -> None:
        self._received: SimpleQueue[int | None] = SimpleQueue()  # may be put into from within a signal handler
        self._before: dict[int, Any] = {}
        self._is_enabled = False
        self.was_signalled = False

    def __enter__(self) -> CancelOnSignal:
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def enable(self) -> None:
        """From here on a signal cancels the backfill that is or will be given to `wait_for`."""
        self._is_enabled = True

    def wait_for(self, backfill: Backfill) -> None:
        """Wait until the backfill has ended, by itself or because a signal came."""
        watcher = threading.Thread(target=self._watch, args=(backfill,), name="nbpart signals", daemon=True)
        watcher.start()
        try:
            backfill.wait(progress=sys.stderr.isatty())
        finally:
            self._received.put(None)
            watcher.join()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if not self._is_enabled:
            raise KeyboardInterrupt
        self._received.put(number)

    def _watch(self, backfill: Backfill) -> None:
        if self._received.get() is None:
            return
        self.was_signalled = True
        with contextlib.suppress(OSError):  # the terminal may be closed
            _print_above_progress_bar("Stopping: the notebooks that run are being ended ...")
        backfill.cancel()


def _print_above_progress_bar(text: str) -> None:
    """Print a line to stderr while a progress bar stands on its last line."""
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)
