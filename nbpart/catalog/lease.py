"""The lease: which process may have the catalog attached.

Readers share `catalog.lock`, a writer takes it alone, and everyone passes `catalog.gate` first, so that readers who
keep coming cannot starve a writer. Both are plain files beside the catalog, locked by flock and never removed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from pathlib import Path

from nbpart.errors import LocksUnsupportedError, WorkspaceError
from nbpart.storage.locks import LockFile
from nbpart.storage.own_files import explain, read_own

_RECORD_BYTES = 512
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}


class Lease:
    """The lock under which this process may open the catalog; used by one thread.

    Not by the main one, where a Ctrl-C could come between two steps.
    """

    def __init__(self, catalog: Path, purpose: str) -> None:
        self._catalog = catalog
        self._purpose = purpose
        self._lock_path = catalog.with_suffix(".lock")
        self._gate_path = catalog.with_suffix(".gate")
        self._lock: LockFile | None = None
        self._exclusive = False

    def acquire(self, *, exclusive: bool) -> None:
        """Wait for the lease, however long it takes."""
        gate: LockFile | None = None
        try:
            gate = self._open(self._gate_path)
            gate.lock(exclusive=True)
            self._lock = self._open(self._lock_path)
            self._lock.lock(exclusive=exclusive)
            self._exclusive = exclusive
            # still inside the gate, so that of several readers only one writes its name at a time
            self._write_holder(self._spell_holder())
        except OSError as error:
            self.release()
            raise _explain(error, self._catalog) from error
        finally:
            if gate is not None:
                gate.close()

    def release(self) -> None:
        if self._exclusive:
            self._write_holder(b" " * _RECORD_BYTES)
        if self._lock is not None:
            self._lock.close()
        self._lock = None
        self._exclusive = False

    def describe_holder(self) -> str:
        """The part of an error's sentence that says which process has the catalog."""
        try:
            record = json.loads(read_own(self._lock_path))
            held_s = max(0.0, time.time() - float(record["since"]))
            purpose = f" ({record['purpose']})" if record["purpose"] else ""
            place = "" if record["host"] == socket.gethostname() else f" on {record['host']}"
            verb = "held" if record["exclusive"] else "read"
            return f"is {verb} by process {record['pid']}{purpose}{place} since {held_s:.0f} s"
        except (OSError, ValueError, KeyError, TypeError):  # no holder wrote its name, or was just writing it
            return "is held by another process"

    def probe(self) -> None:
        """Check that file locks work in this folder.

        Raises LocksUnsupportedError where the file system refuses them or grants one twice, WorkspaceError where the
        files cannot be written.
        """
        opened: list[LockFile] = []
        try:
            opened.append(self._open(self._lock_path))
            opened.append(self._open(self._gate_path))
            opened.append(self._open(self._gate_path))
            if opened[1].try_lock() and opened[2].try_lock():
                raise OSError(errno.ENOLCK, "the same lock was granted twice")
        except OSError as error:
            raise _explain(error, self._catalog) from error
        finally:
            for lock_file in opened:
                lock_file.close()

    def _open(self, path: Path) -> LockFile:
        return LockFile(path, like=self._catalog)

    def _write_holder(self, record: bytes) -> None:
        if self._lock is not None and self._lock.is_open:
            with contextlib.suppress(OSError):  # a full disk: then a time-out cannot say who has it
                os.pwrite(self._lock.descriptor, record, 0)

    def _spell_holder(self) -> bytes:
        record = {"pid": os.getpid(), "host": socket.gethostname(), "since": round(time.time(), 3)}
        record |= {"purpose": self._purpose[:80], "exclusive": self._exclusive}
        return json.dumps(record).encode("ascii").ljust(_RECORD_BYTES)[:_RECORD_BYTES]


def _explain(error: OSError, catalog: Path) -> WorkspaceError:
    if isinstance(error, WorkspaceError):
        return error
    if error.errno in _NO_LOCKS:
        return LocksUnsupportedError(
            f"The file system of {catalog.parent} has no working file locks ({error.strerror}); keep the catalog on a "
            'local disk instead: nbpart.open(path, catalog="/a/local/folder").'
        )
    if isinstance(error, FileNotFoundError):
        return WorkspaceError(f"The folder {catalog.parent} is gone: was it moved? Open the workspace where it is now.")
    return explain(error, catalog)
