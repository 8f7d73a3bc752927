"""This process as one that runs backfills, and the end of those that died.

A coordinator holds a lock on a file of its own for as long as it lives: whoever can take the lock on the same host
knows that it is dead, at once and without a clock. For other hosts it touches the file from time to time: one whose
file has not been touched for a minute, by the clock of the file system that both see, is taken to be dead.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import socket
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

from nbpart.catalog import Batch, Catalog, CoordinatorRecord, events, queries

log = logging.getLogger("nbpart")

#: How often a coordinator touches its file, and after how long without it is dead for other hosts, in seconds.
BEAT_S = 10.0
SILENT_S = 60.0


class Coordinator:
    """Registers this process when it first runs something, and ends it by `close`."""

    def __init__(self, catalog: Catalog, folder: Path, purpose: str) -> None:
        self._catalog, self._folder, self._purpose = catalog, folder, purpose
        self._guard = threading.Lock()
        self._number: int | None = None
        self._lock: _HeldFile | None = None
        self._owed: list[Callable[[Batch], object]] = []

    @property
    def number(self) -> int:
        """The number under which the catalog knows this process; asks for it at first use."""
        with self._guard:
            if self._number is None:
                self._number = self._register()
            return self._number

    def is_mine(self, coordinator: CoordinatorRecord) -> bool:
        """Whether that is this process, or rather this object."""
        return coordinator.coordinator_no == self._number

    def owe(self, work: Callable[[Batch], object]) -> None:
        """Let `reap` write what could not be written now."""
        with self._guard:
            self._owed.append(work)

    def reap(self) -> int:
        """Mark the runs of coordinators that died on this host ``interrupted``; how many coordinators those were."""
        self._pay()
        alive = self._catalog.read(queries.live_coordinators)
        dead = [c for c in alive if c.coordinator_no != self._number and is_dead(c)]
        if dead:
            numbers = [c.coordinator_no for c in dead]
            self._catalog.write(lambda batch: events.interrupt_coordinators(batch, numbers))
        for coordinator in dead:
            with contextlib.suppress(OSError):  # only now: a file that is gone means a process that is dead
                os.unlink(coordinator.lock)
        return len(dead)

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

    def _register(self) -> int:
        host, pid = socket.gethostname(), os.getpid()
        # no name twice: a process that died must not look alive because another has its number and its lock
        lock = _HeldFile(self._folder / f"{host}-{pid}-{secrets.token_hex(4)}.lock")
        try:
            number = self._catalog.write(
                lambda batch: events.start_coordinator(batch, host, pid, str(lock.path), self._purpose)
            )
        except BaseException:
            lock.close()
            raise
        self._lock = lock
        return number

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


class _HeldFile:
    """A file that this process holds a lock on; a forked child does not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _HELD.add(self)
        self._stop = threading.Event()
        threading.Thread(target=self._beat, name="nbpart heartbeat", daemon=True).start()

    def close(self) -> None:
        self._stop.set()
        self.let_go()
        self.path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                os.utime(self.path)
            except OSError as error:  # the next beat may come through
                log.debug("no heartbeat at %s: %s", self.path, error)

    def let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


_HELD: weakref.WeakSet[_HeldFile] = weakref.WeakSet()


def _let_go_after_fork() -> None:
    for held in list(_HELD):
        held.let_go()


# a forked child shares its parent's lock, and would make it look alive
os.register_at_fork(after_in_child=_let_go_after_fork)


def is_dead(coordinator: CoordinatorRecord) -> bool:
    """Whether a coordinator has died; False where nothing can be said."""
    if coordinator.host != socket.gethostname():
        return _is_silent(Path(coordinator.lock))
    try:
        handle = os.open(coordinator.lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except PermissionError:  # of another user
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _is_silent(lock: Path) -> bool:
    clock = lock.with_name(f"clock-{socket.gethostname()}")
    try:
        clock.touch()
        return clock.stat().st_mtime - lock.stat().st_mtime > SILENT_S
    except FileNotFoundError:
        return clock.exists()
    except OSError:
        return False
