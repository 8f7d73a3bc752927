"""This process as one that runs backfills, and the end of those that died."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from nbpart.backfill.signs_of_life import HeldLock, LockFolder
from nbpart.catalog import Batch, Catalog, CoordinatorRecord, events, queries
from nbpart.errors import CatalogError
from nbpart.storage.locks import on_own_thread

log = logging.getLogger("nbpart")

#: Who only reads looks for the dead at most so often, in seconds.
REAP_EVERY_S = 2.0


class Coordinator:
    """Registers this process when it first runs something, and ends it by `close`."""

    def __init__(
        self, catalog: Catalog, folder: Path, purpose: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._catalog, self._purpose, self._clock = catalog, purpose, clock
        self._reaped_at: float | None = None
        self._locks = LockFolder(folder, catalog.path)
        self._guard = threading.Lock()
        self._number: int | None = None
        self._lock: HeldLock | None = None
        self._owed: list[Callable[[Batch], object]] = []

    @property
    def number(self) -> int:
        """The number under which the catalog knows this process; asks for it at first use."""
        number = self._number
        return on_own_thread(self._ensure_registered) if number is None else number

    def is_mine(self, coordinator: CoordinatorRecord) -> bool:
        """Whether that is this process, or rather this object."""
        return coordinator.coordinator_no == self._number

    def is_dead(self, coordinator: CoordinatorRecord) -> bool:
        """Whether a coordinator has died; False where nothing can be said."""
        return self._locks.is_dead(coordinator.host, coordinator.lock)

    def owe(self, work: Callable[[Batch], object]) -> None:
        """Let `reap` write what could not be written now."""
        with self._guard:
            self._owed.append(work)

    def reap(self) -> int:
        """Mark the runs of coordinators that died on this host ``interrupted``; how many coordinators those were."""
        self._reaped_at = self._clock()
        self._pay()
        dead = self._find_dead()
        self._bury(dead)
        return len(dead)

    def reap_if_due(self) -> None:
        """`reap` for who only reads: at the first call, then where the last look is over two seconds old.

        A death that cannot be recorded is told and left to the next look: what there is can be read all the same.
        """
        with self._guard:
            now, before = self._clock(), self._reaped_at
            if before is not None and now - before < REAP_EVERY_S:
                return
            self._reaped_at = now
        self._pay()
        dead = self._find_dead()
        try:
            self._bury(dead)
        except CatalogError as error:
            told = ", ".join(f"process {c.pid} on {c.host}" for c in dead)
            log.warning("%s died, which cannot be recorded, so that its runs look as if they went on: %s", told, error)

    def _find_dead(self) -> list[CoordinatorRecord]:
        alive = self._catalog.read(queries.live_coordinators)
        return [c for c in alive if c.coordinator_no != self._number and self.is_dead(c)]

    def _bury(self, dead: Sequence[CoordinatorRecord]) -> None:
        if dead:
            numbers = [c.coordinator_no for c in dead]
            self._catalog.write(lambda batch: events.interrupt_coordinators(batch, numbers))
        for coordinator in dead:
            self._locks.remove(coordinator.lock)  # only now: a file that is gone means a process that is dead

    def close(self) -> None:
        """Say that this process runs nothing any more."""
        with self._guard:
            if self._number is None or self._lock is None:
                return
            (number, self._number), (lock, self._lock) = (self._number, None), (self._lock, None)
        try:
            self._pay()
            self._catalog.write(lambda batch: events.end_coordinator(batch, number))
        finally:
            # without the record the free lock says the same
            lock.close()

    def _ensure_registered(self) -> int:
        with self._guard:
            if self._number is None:
                lock = self._locks.hold()
                host, pid = socket.gethostname(), os.getpid()
                try:
                    self._number = self._catalog.write(
                        lambda batch: events.start_coordinator(batch, host, pid, lock.name, self._purpose)
                    )
                except BaseException:
                    lock.close()
                    raise
                self._lock = lock
            return self._number

    def _pay(self) -> None:
        with self._guard:
            owed, self._owed = self._owed, []
        try:
            while owed:
                self._catalog.write(owed[0])
                del owed[0]
        except Exception as error:  # noqa: BLE001 - it stays owed; who asked wants something else
            log.warning("the end of a backfill could still not be recorded: %s", error)
        finally:
            with self._guard:
                self._owed = [*owed, *self._owed]
