"""Locks on files that neither a fork nor a Ctrl-C can leave behind.

A forked child shares the locks of its parent (they belong to the open file, not to the process) and would keep them for
as long as it lives. So every open lock file is noted, and a child closes what is noted. Opening and noting, closing and
forgetting are one step to a fork, which waits for it; taking a lock, which may last, is not part of any. Ctrl-C reaches
only the main thread: there, use these through `on_own_thread`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from nbpart.storage.own_files import open_own

T = TypeVar("T")

#: Held around each step that a fork must not split; reentrant, since a fork may come out of anything.
_STEP = threading.RLock()
_OPEN: dict[int, LockFile] = {}


class LockFile:
    """An open lock file; closing it lets go of its lock."""

    def __init__(self, path: Path, *, create: bool = True, like: Path | None = None, folder: int | None = None) -> None:
        """Open the file, or make it; see `open_own` for the arguments and what is raised."""
        with _STEP:
            self._file: int | None = open_own(path, writes=True, create=create, like=like, folder=folder)
            found = os.fstat(self._file)
            self._identity = (found.st_dev, found.st_ino)
            _OPEN[id(self)] = self

    def lock(self, *, exclusive: bool) -> None:
        """Wait for the lock, however long it takes. Raises OSError where the file system has none."""
        fcntl.flock(self.descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)

    def try_lock(self) -> bool:
        """Take the lock exclusively if it is free. Returns whether it was taken."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    @property
    def descriptor(self) -> int:
        """The open file. Raises ValueError where it was closed, as it is in a forked child."""
        if self._file is None:
            raise ValueError("the lock file is closed")
        return self._file

    @property
    def is_open(self) -> bool:
        return self._file is not None

    def close(self) -> None:
        """Release the lock; can be called again. In a forked child the parent keeps the lock."""
        with _STEP:
            _OPEN.pop(id(self), None)
            file, self._file = self._file, None
            if file is not None:
                # said aloud, since a child that was forked without Python's knowledge may have the file open too
                with contextlib.suppress(OSError):
                    fcntl.flock(file, fcntl.LOCK_UN)
                os.close(file)

    def drop(self) -> None:
        """Close the file in a forked child without releasing the lock, which is the parent's."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # what ran in this child before may have closed it
                found = os.fstat(file)
                if (found.st_dev, found.st_ino) == self._identity:
                    os.close(file)


def on_own_thread(work: Callable[[], T]) -> T:
    """Run `work` on a thread of its own, where no Ctrl-C interrupts it. Returns its result, or raises its error."""
    task = _Task(work)
    threading.Thread(target=task.run, name="nbpart lock", daemon=True).start()
    return task.wait()


class _Task(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def run(self) -> None:
        try:
            self._result.append(self._work())
        except BaseException as error:  # noqa: BLE001  it is raised in the caller
            self._error = error
        self._done.release()

    def wait(self) -> T:
        self._done.acquire()
        if self._error is not None:
            raise self._error
        return self._result[0]


def _before_fork() -> None:
    _STEP.acquire()


def _after_fork_in_parent() -> None:
    with contextlib.suppress(RuntimeError):  # a Ctrl-C ended the wait for it
        _STEP.release()


def _after_fork_in_child() -> None:
    global _STEP
    _STEP = threading.RLock()
    for lock_file in list(_OPEN.values()):
        lock_file.drop()
    _OPEN.clear()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
