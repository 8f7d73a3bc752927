"""The lock files by which coordinators show that they are alive, one for each, in a folder beside the catalog.

A coordinator holds the lock on its file for as long as it lives: a process on the same host that can take the lock
knows that the coordinator is dead, at once and without a clock. For other hosts the coordinator touches the file from
time to time: one whose file has not been touched for a minute, by the clock of the file system that both see, is taken
to be dead.

A catalog may come from anybody, so the name of a file in it is not trusted: a name that is not of the form made here,
and a file that is not an ordinary one, belongs to no living process.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from nbpart.errors import WorkspaceError
from nbpart.storage.locks import LockFile, on_own_thread
from nbpart.storage.own_files import explain, open_own, open_own_folder

log = logging.getLogger("nbpart")

#: How often a coordinator touches its file, and after how long without it is dead for other hosts, in seconds.
TOUCH_EVERY_S = 10.0
DEAD_AFTER_S = 60.0
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}-\d{1,10}-[0-9a-f]{8}\.lock")
#: The errors of opening something that is no lock file of nbpart.
_NOT_OURS = {None, errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR}


class LockFolder:
    """The lock files of the coordinators of one catalog."""

    def __init__(self, path: Path, like: Path) -> None:
        """``like`` is the catalog, whose permissions the files get."""
        self.path, self._like = path, like

    def hold(self) -> HeldLock:
        """Make a lock file for this process and lock it. Raises `WorkspaceError`."""
        # no name twice: a process that died must not look alive because another has its number and its lock
        name = f"{_host()}-{os.getpid()}-{secrets.token_hex(4)}.lock"
        return HeldLock(self.path, name, self._like)

    def is_dead(self, host: str, name: str) -> bool:
        """Whether the coordinator on that host with that lock file has died; False where that cannot be known."""
        if not _NAME.fullmatch(name):
            return True
        check = self._is_free if host == socket.gethostname() else self._is_untouched
        return on_own_thread(lambda: check(name))

    def remove(self, name: str) -> None:
        """Remove the lock file of a coordinator that died, if it is there."""
        if _NAME.fullmatch(name):
            with contextlib.suppress(OSError), _opened(self.path) as folder:
                os.unlink(name, dir_fd=folder)

    def _is_free(self, name: str) -> bool:
        try:
            with _opened(self.path) as folder:
                lock = LockFile(self.path / name, create=False, folder=folder)
        except FileNotFoundError:
            return True
        except WorkspaceError as error:  # not of another user, whose process may well live
            return error.errno in _NOT_OURS
        try:
            return lock.try_lock()
        except OSError:
            return False
        finally:
            lock.close()

    def _is_untouched(self, name: str) -> bool:
        try:
            with _opened(self.path) as folder:
                now = self._read_clock(folder)
                return now - os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime > DEAD_AFTER_S
        except FileNotFoundError:
            return self.path.parent.exists()
        except OSError:
            return False

    def _read_clock(self, folder: int) -> float:
        clock = open_own(self.path / f"clock-{_host()}", writes=True, create=True, like=self._like, folder=folder)
        try:
            os.utime(clock)
            return os.fstat(clock).st_mtime
        finally:
            os.close(clock)


class HeldLock:
    """A lock file that this process holds until it is closed; a forked child does not.

    A thread of its own opens, touches and removes it: there no Ctrl-C can come in between.
    """

    def __init__(self, folder: Path, name: str, like: Path) -> None:
        self.name = name
        self._folder, self._like = folder, like
        self._pid = os.getpid()
        self._error: BaseException | None = None
        self._ready, self._stop = threading.Lock(), threading.Lock()
        self._ready.acquire()
        self._stop.acquire()
        self._thread = threading.Thread(target=self._hold_until_closed, name="nbpart heartbeat", daemon=True)
        self._thread.start()
        try:
            self._ready.acquire()
        except BaseException:
            self.close()
            raise
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Release the lock and remove the file; does nothing in a forked child, since the parent holds it."""
        if os.getpid() == self._pid:
            with contextlib.suppress(RuntimeError):  # it was closed before
                self._stop.release()
            self._thread.join()

    def _hold_until_closed(self) -> None:
        try:
            lock = self._take()
        except BaseException as error:  # noqa: BLE001 - __init__ raises it in the thread of the caller
            self._error = error
            self._ready.release()
            return
        self._ready.release()
        while not self._stop.acquire(timeout=TOUCH_EVERY_S):
            try:
                os.utime(lock.descriptor)
            except OSError as error:  # the next beat may come through
                log.debug("no heartbeat at %s: %s", self._folder / self.name, error)
        lock.close()
        with contextlib.suppress(OSError), _opened(self._folder) as folder:
            os.unlink(self.name, dir_fd=folder)

    def _take(self) -> LockFile:
        path = self._folder / self.name
        with _opened(self._folder, create=True) as folder:
            lock = LockFile(path, like=self._like, folder=folder)
        try:
            if not lock.try_lock():
                raise WorkspaceError(f"{path} is locked by another process; try again.")
        except OSError as error:
            lock.close()
            raise error if isinstance(error, WorkspaceError) else explain(error, path) from error
        return lock


@contextlib.contextmanager
def _opened(folder: Path, *, create: bool = False) -> Iterator[int]:
    handle = open_own_folder(folder, create=create)
    try:
        yield handle
    finally:
        os.close(handle)


def _host() -> str:
    """The name of this host, as the name of a file has it."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", socket.gethostname()).lstrip(".")[:100] or "_"
