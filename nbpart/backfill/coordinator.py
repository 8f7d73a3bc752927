"""Registering this process as one that runs backfills, and ending the runs of such processes that died."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from nbpart.backfill.coordinator_locks import HeldLock, LockFolder
from nbpart.catalog import Batch, Catalog, CoordinatorRecord, events, queries
from nbpart.errors import CatalogError
from nbpart.storage.locks import on_own_thread

log = logging.getLogger("nbpart")

#: The shortest time between two searches for dead processes by `Coordinator.reap_if_due`, in seconds.
REAP_EVERY_S = 2.0


class Coordinator:
    """This process as the catalog knows it: registered when it first runs something, until `close`.

    It holds a lock file in ``folder`` while it lives, by which other processes see that it does.
    """

    def __init__(
        self, catalog: Catalog, folder: Path, purpose: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._catalog, self._purpose, self._clock = catalog, purpose, clock
        self._reaped_at: float | None = None
        self._locks = LockFolder(folder, catalog.path)
        self._guard = threading.Lock()
        self._number: int | None = None
        self._lock: HeldLock | None = None
        self._postponed: list[Callable[[Batch], object]] = []

    @property
    def number(self) -> int:
        """The number of this process in the catalog; the first use registers it. Raises `CatalogError`."""
        number = self._number
        return on_own_thread(self._ensure_registered) if number is None else number

    def is_mine(self, coordinator: CoordinatorRecord) -> bool:
        """Whether ``coordinator`` is the record of this object."""
        return coordinator.coordinator_no == self._number

    def is_dead(self, coordinator: CoordinatorRecord) -> bool:
        """Whether a coordinator has died; False where that cannot be known."""
        return self._locks.is_dead(coordinator.host, coordinator.lock)

    def write_later(self, work: Callable[[Batch], object]) -> None:
        """Keep a write that failed now; `reap`, `reap_if_due` and `close` try it again."""
        with self._guard:
            self._postponed.append(work)

    def reap(self) -> int:
        """Mark the runs of coordinators that died as ``interrupted``. Returns how many coordinators had died."""
        self._reaped_at = self._clock()
        self._write_postponed()
        dead = self._find_dead()
        self._record_deaths(dead)
        return len(dead)

    def reap_if_due(self) -> None:
        """Call `reap`, unless that was done less than `REAP_EVERY_S` ago; for readers, who need no write to succeed.

        A death that cannot be recorded is logged, and tried again by the next call.
        """
        with self._guard:
            now, before = self._clock(), self._reaped_at
            if before is not None and now - before < REAP_EVERY_S:
                return
            self._reaped_at = now
        self._write_postponed()
        dead = self._find_dead()
        try:
            self._record_deaths(dead)
        except CatalogError as error:
            names = ", ".join(f"process {c.pid} on {c.host}" for c in dead)
            log.warning("%s died, which cannot be recorded, so that its runs look as if they went on: %s", names, error)

    def _find_dead(self) -> list[CoordinatorRecord]:
        alive = self._catalog.read(queries.live_coordinators)
        return [c for c in alive if c.coordinator_no != self._number and self.is_dead(c)]

    def _record_deaths(self, dead: Sequence[CoordinatorRecord]) -> None:
        if dead:
            numbers = [c.coordinator_no for c in dead]
            self._catalog.write(lambda batch: events.interrupt_coordinators(batch, numbers))
        for coordinator in dead:
            self._locks.remove(coordinator.lock)  # only now: a file that is gone means a process that is dead

    def close(self) -> None:
        """Record that this process runs nothing any more, and give up its lock file; can be called again."""
        with self._guard:
            if self._number is None or self._lock is None:
                return
            (number, self._number), (lock, self._lock) = (self._number, None), (self._lock, None)
        try:
            self._write_postponed()
            self._catalog.write(lambda batch: events.end_coordinator(batch, number))
        finally:
            # where the record failed, others see by the free lock that this process has ended
            lock.close()

    def abandon(self) -> None:
        """Give up the lock file without recording an end: others find this process dead, and its runs interrupted."""
        with self._guard:
            lock, self._number, self._lock = self._lock, None, None
        if lock is not None:
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

    def _write_postponed(self) -> None:
        with self._guard:
            postponed, self._postponed = self._postponed, []
        try:
            while postponed:
                self._catalog.write(postponed[0])
                del postponed[0]
        except Exception as error:  # noqa: BLE001 - it stays postponed; the caller's own work goes on
            log.warning("the end of a backfill could still not be recorded: %s", error)
        finally:
            with self._guard:
                self._postponed = [*postponed, *self._postponed]
