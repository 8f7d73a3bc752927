"""A piece of work on its way to the catalog thread, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch

T = TypeVar("T")


class Request(Generic[T]):
    """What a caller asks for; it waits, and may give up as long as nobody began.

    It is built on two C-level primitives and no Condition: a Ctrl-C that lands inside Condition.__enter__ leaves its
    lock taken for good, and the catalog thread would wait for it ever after.
    """

    def __init__(
        self,
        work: Callable[[Batch], T],
        *,
        writes: bool,
        deadline: float,
        before: Callable[[Path], object] | None = None,
    ) -> None:
        self.work = work
        self.before = before
        self.writes = writes
        self.deadline = deadline
        self.obstacle: str | None = None
        self.result: T | None = None
        self.error: BaseException | None = None
        self._token = [None]  # whoever pops it decides: the thread that the work begins, the caller that it never will
        self._is_finished = False
        self._done = threading.Lock()
        self._done.acquire()

    def claim(self) -> bool:
        try:
            self._token.pop()
        except IndexError:
            return False
        return True

    @property
    def is_claimed(self) -> bool:
        return not self._token

    def finish(self, error: BaseException | None = None) -> None:
        """Let the caller go on; what is told after the first time is not heard."""
        if not self._is_finished:
            self._is_finished = True
            self.error = error
            self._done.release()

    def wait(self, timeout_s: float) -> bool:
        return self._done.acquire(timeout=timeout_s)
