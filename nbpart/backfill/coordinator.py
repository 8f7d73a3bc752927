"""This process as one that runs backfills, and the end of those that died.

A coordinator holds a lock on a file of its own for as long as it lives: whoever can take the lock knows that it is
dead, at once and without a clock.
"""

from __future__ import annotations

import fcntl
import os
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

from nbpart.catalog import Catalog, CoordinatorRecord, events, queries


class Coordinator:
    """Registers this process when it first runs something, and ends it by `close`."""

    def __init__(self, catalog: Catalog, folder: Path, purpose: str) -> None:
        self._catalog, self._folder, self._purpose = catalog, folder, purpose
        self._guard = threading.Lock()
        self._number: int | None = None
        self._file: int | None = None

    @property
    def number(self) -> int:
        """The number under which the catalog knows this process; asks for it at first use."""
        with self._guard:
            if self._number is None:
                self._number = self._register()
            return self._number

    def reap(self) -> int:
        """Mark the runs of coordinators that died on this host ``interrupted``; how many coordinators those were."""
        alive = self._catalog.read(queries.live_coordinators)
        dead = [c.coordinator_no for c in alive if c.coordinator_no != self._number and is_dead(c)]
        if dead:
            self._catalog.write(lambda batch: events.interrupt_coordinators(batch, dead))
        return len(dead)

    def close(self) -> None:
        """Say that this process runs nothing any more."""
        with self._guard:
            if self._number is None or self._file is None:
                return
            number, self._number = self._number, None
            self._catalog.write(lambda batch: events.end_coordinator(batch, number))
            os.close(self._file)
            _lock_path(self._folder, os.getpid(), id(self)).unlink(missing_ok=True)
            self._file = None

    def _register(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = _lock_path(self._folder, os.getpid(), id(self))
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        host, pid = socket.gethostname(), os.getpid()
        return self._catalog.write(lambda batch: events.start_coordinator(batch, host, pid, str(path), self._purpose))


def is_dead(coordinator: CoordinatorRecord) -> bool:
    """Whether a coordinator of this host has died; of another host nothing can be said from here."""
    if coordinator.host != socket.gethostname():
        return False
    try:
        handle = os.open(coordinator.lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def live(coordinators: Sequence[CoordinatorRecord]) -> list[CoordinatorRecord]:
    """Those of ``coordinators`` that have not ended and are not known to be dead."""
    return [c for c in coordinators if c.ended_at is None and not is_dead(c)]


def _lock_path(folder: Path, pid: int, token: int) -> Path:
    return folder / f"{socket.gethostname()}-{pid}-{token:x}.lock"
