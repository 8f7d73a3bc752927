"""Files of this machine: atomic writes, content hashes, and paths that stay inside a folder."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO

from nbpart.errors import PartitionKeyError
from nbpart.storage.own_files import share

_CHUNK = 1 << 20
_TEMPORARY = re.compile(r"\.[0-9a-f]{12}\.tmp$")
#: So many bytes of a name stand in that of the file that becomes it.
_TEMPORARY_STEM = 200
#: The numbers of the errors that say that there is nothing at a path.
ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}


def write_atomic(
    path: str | os.PathLike[str], writer: Callable[[Path], None], *, is_new: bool = False, is_durable: bool = True
) -> None:
    """Write a file so that no reader ever sees a part of it.

    `writer` gets a temporary path beside `path` and fills it; the file is flushed to disk and renamed. The directory
    has to be there: FileNotFoundError. When `writer` raises, `path` is as it was and the temporary file is gone.

    Without `is_durable` it is not flushed: a loss of power may leave an empty file, the end of a process does not.
    With `is_new` nothing is written over: FileExistsError where something is there already. The name is taken, by an
    empty file, before `writer` is called.
    """
    path = Path(path)
    if is_new:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    temporary: Path | None = None
    try:
        temporary = _make_temporary(path)
        writer(temporary)
        if is_durable:
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
        share(os.stat(path.parent), temporary)
        os.replace(temporary, path)
    except BaseException:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if is_new:
            path.unlink(missing_ok=True)
        raise
    if is_durable:
        _sync_directory(path.parent)


def write_bytes_atomic(path: str | os.PathLike[str], content: bytes, *, is_durable: bool = True) -> None:
    """Write `content` as `write_atomic` does."""
    write_atomic(path, lambda temporary: _write_bytes(temporary, content), is_durable=is_durable)


def probe_clock(folder: Path) -> float:
    """The time that the file system of a folder gives a new file, in seconds since 1970; the file is gone again."""
    probe = _make_temporary(folder / "clock")
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def is_temporary(name: str) -> bool:
    """Whether a file's name is that of one that `write_atomic` has not finished."""
    return _TEMPORARY.search(name) is not None


def hash_file(path: str | os.PathLike[str]) -> str:
    """The sha256 of a file's content, as hex text."""
    with open(path, "rb") as file:
        return hash_stream(file)


def hash_stream(file: IO[bytes]) -> str:
    """The sha256 of the rest of an open file, as hex text."""
    total = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        total.update(chunk)
    return total.hexdigest()


def inside(root: str | os.PathLike[str], path: str | os.PathLike[str]) -> Path:
    """The absolute path of `path` under `root`, links followed; PartitionKeyError where it would lead out of it."""
    base = Path(root).resolve()
    resolved = (base / path).resolve()
    if not resolved.is_relative_to(base):
        raise PartitionKeyError(f"{str(path)!r} leads out of {str(base)!r}; give a path inside it.")
    return resolved


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _sync_directory(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # network and FUSE file systems may not sync directories; the rename itself has happened
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _make_temporary(path: Path) -> Path:
    """Create a new empty file beside `path`, with a random name that no other file has."""
    stem = os.fsdecode(os.fsencode(path.name)[:_TEMPORARY_STEM])
    while True:
        temporary = path.with_name(f"{stem}.{secrets.token_hex(6)}.tmp")
        with contextlib.suppress(FileExistsError):
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
            return temporary
