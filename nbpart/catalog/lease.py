"""The lease: which process may have the catalog attached.

Readers share `catalog.lock`, a writer takes it alone, and everyone passes `catalog.gate` first, so that readers who
keep coming cannot starve a writer. Both are plain files beside the catalog, locked by flock and never removed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from pathlib import Path

from nbpart.errors import LocksUnsupportedError, WorkspaceError

_RECORD_BYTES = 512
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}


class Lease:
    """One process's turn at the catalog; used by one thread."""

    def __init__(self, catalog: Path, purpose: str) -> None:
        self._catalog = catalog
        self._purpose = purpose
        self._lock_path = catalog.with_suffix(".lock")
        self._gate_path = catalog.with_suffix(".gate")
        self._lock: int | None = None
        self._gate: int | None = None
        self._exclusive = False

    def acquire(self, *, exclusive: bool) -> None:
        """Wait for the turn, however long it takes."""
        try:
            self._gate = _open_lock_file(self._gate_path)
            fcntl.flock(self._gate, fcntl.LOCK_EX)
            self._lock = _open_lock_file(self._lock_path)
            fcntl.flock(self._lock, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            self._exclusive = exclusive
            # still inside the gate, so that of several readers only one writes its name at a time
            self._write_holder(self._spell_holder())
        except OSError as error:
            self.release()
            raise _explain(error, self._catalog) from error
        finally:
            _close(self._gate)
            self._gate = None

    def release(self) -> None:
        if self._exclusive:
            self._write_holder(b" " * _RECORD_BYTES)
        _close(self._lock)
        self._lock = None
        self._exclusive = False

    def forget_after_fork(self) -> None:
        """Close the files in a forked child: it shares the parent's locks, and would keep them."""
        _close(self._lock)
        _close(self._gate)
        self._lock = self._gate = None

    def describe_holder(self) -> str:
        """Who has the catalog, for the sentence of a time-out."""
        try:
            record = json.loads(self._lock_path.read_text("utf-8"))
            held_s = max(0.0, time.time() - float(record["since"]))
            purpose = f" ({record['purpose']})" if record["purpose"] else ""
            place = "" if record["host"] == socket.gethostname() else f" on {record['host']}"
            verb = "held" if record["exclusive"] else "read"
            return f"is {verb} by process {record['pid']}{purpose}{place} since {held_s:.0f} s"
        except (OSError, ValueError, KeyError, TypeError):  # no holder wrote its name, or was just writing it
            return "is held by another process"

    def probe(self) -> None:
        """Check that locks work here, and exclude.

        Raises LocksUnsupportedError where the file system refuses them or grants one twice, WorkspaceError where the
        files cannot be written.
        """
        first = second = None
        try:
            _close(_open_lock_file(self._lock_path))
            first, second = _open_lock_file(self._gate_path), _open_lock_file(self._gate_path)
            if _try_lock(first) and _try_lock(second):
                raise OSError(errno.ENOLCK, "the same lock was granted twice")
        except OSError as error:
            raise _explain(error, self._catalog) from error
        finally:
            _close(first)
            _close(second)

    def _write_holder(self, record: bytes) -> None:
        if self._lock is not None:
            with contextlib.suppress(OSError):  # a full disk: then a time-out cannot say who has it
                os.pwrite(self._lock, record, 0)

    def _spell_holder(self) -> bytes:
        record = {"pid": os.getpid(), "host": socket.gethostname(), "since": round(time.time(), 3)}
        record |= {"purpose": self._purpose[:80], "exclusive": self._exclusive}
        return json.dumps(record).encode("ascii").ljust(_RECORD_BYTES)[:_RECORD_BYTES]


def _open_lock_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _close(file: int | None) -> None:
    if file is not None:
        os.close(file)


def _explain(error: OSError, catalog: Path) -> WorkspaceError:
    if error.errno in _NO_LOCKS:
        return LocksUnsupportedError(
            f"The file system of {catalog.parent} has no working file locks ({error.strerror}); keep the catalog on a "
            'local disk instead: nbpart.open(path, catalog="/a/local/folder").'
        )
    return WorkspaceError(
        f"The catalog in {catalog.parent} cannot be used: {error.strerror}; nbpart has to write there."
    )
