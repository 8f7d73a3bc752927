"""A piece of work in the queue of the catalog thread, with its result."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch
    from nbpart.catalog.searches import Found

T = TypeVar("T")


class WorkItem(Generic[T]):
    """Work that a caller hands to the catalog thread and waits for; the caller may withdraw it until it has begun.

    `found` is what was searched for it; `before` is called with the path of the catalog before that is opened;
    `deadline` is a time of `time.monotonic`; `obstacle` says why the work could not begin yet, `finds_ended_windows`
    that windows had ended by then which are no partitions yet. It is built on two C-level primitives and no Condition:
    a Ctrl-C that lands inside Condition.__enter__ leaves its lock taken for good, and the catalog thread would wait
    forever.
    """

    def __init__(
        self,
        work: Callable[[Batch], T],
        found: Found,
        *,
        writes: bool,
        deadline: float,
        before: Callable[[Path], object] | None = None,
    ) -> None:
        self.work = work
        self.found = found
        self.before = before
        self.writes = writes
        self.deadline = deadline
        self.obstacle: str | None = None
        self.finds_ended_windows = False
        self.result: T | None = None
        self.error: BaseException | None = None
        self._token = [None]  # popped once: by the thread, then the work begins, or by the caller, then it never does
        self._is_finished = False
        self._done = threading.Lock()
        self._done.acquire()

    def claim(self) -> bool:
        """Begin the work (the catalog thread) or withdraw it (the caller). Returns whether nobody did before."""
        try:
            self._token.pop()
        except IndexError:
            return False
        return True

    @property
    def is_claimed(self) -> bool:
        return not self._token

    def finish(self, error: BaseException | None = None) -> None:
        """Let the caller's `wait` return, with the result or an error. Only the first call has an effect."""
        if not self._is_finished:
            self._is_finished = True
            self.error = error
            self._done.release()

    def wait(self, timeout_s: float) -> bool:
        """Wait for `finish`, at most `timeout_s` seconds (-1: without limit). Returns whether it was called."""
        return self._done.acquire(timeout=timeout_s)
