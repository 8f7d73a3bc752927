"""Whether a data file is still what was saved."""

from __future__ import annotations

import os
import stat
from enum import StrEnum
from typing import IO

from nbpart.storage.files import ABSENT
from nbpart.storage.formats import hash_saved

#: Up to this size, in bytes, the content of a file is compared whenever a run loads it; of a larger one the size is.
HASHED_AT_LOAD = 16 << 20


class FileFault(StrEnum):
    """What is wrong with a data file."""

    DELETED = "deleted"
    NOT_A_FILE = "not an ordinary file"
    NOT_OURS = "a link, or outside the workspace"
    SIZE = "other size"
    CONTENT = "other content"
    FORBIDDEN = "no permission to read it"
    UNREADABLE = "cannot be read"

    @property
    def says_nothing(self) -> bool:
        """Whether nothing is known of what the file holds."""
        return self in (FileFault.FORBIDDEN, FileFault.UNREADABLE)


def find_fault(
    path: str | os.PathLike[str],
    format: str | None,
    size: int | None,
    data_version: str | None,
    *,
    hashed_up_to: float = float("inf"),
) -> FileFault | None:
    """What of a file differs from what was saved; None where nothing does.

    `size` in bytes and `data_version` are those of its `SavedFile`, None where they are not known and not compared.
    Only of files of at most `hashed_up_to` bytes is the content compared. Links are followed.
    """
    # os.stat would do for a size; but only who opens a file knows that it can be read
    try:
        # without O_NONBLOCK a pipe in its place would be waited for
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        return _closed_fault(path, error)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return FileFault.NOT_A_FILE
        if size is not None and status.st_size != size:
            return FileFault.SIZE
        if data_version is None or status.st_size > hashed_up_to:
            return None
        with open(handle, "rb", buffering=0, closefd=False) as file:
            return _content_fault(file, format or "", data_version)
    finally:
        os.close(handle)


def find_size_fault(path: str | os.PathLike[str], size: int | None) -> FileFault | None:
    """As `find_fault`, for many files: none is opened, so that only presence, kind and size count."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        return _closed_fault(path, error)
    if not stat.S_ISREG(status.st_mode):
        return FileFault.NOT_A_FILE
    return FileFault.SIZE if size is not None and status.st_size != size else None


def _closed_fault(path: str | os.PathLike[str], error: OSError | ValueError) -> FileFault:
    """What is at a path that cannot be opened: nothing, a socket or device, or what may not or cannot be read."""
    if isinstance(error, ValueError) or error.errno in ABSENT:
        return FileFault.DELETED
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return FileFault.NOT_A_FILE
    except OSError:  # its state is not known: a folder above it is closed, or the share went away
        pass
    return FileFault.FORBIDDEN if isinstance(error, PermissionError) else FileFault.UNREADABLE


def _content_fault(file: IO[bytes], format: str, data_version: str) -> FileFault | None:
    try:
        version = hash_saved(file, format)
    except ValueError:
        return FileFault.CONTENT
    except OSError:  # a bad sector, a share that went away
        return FileFault.UNREADABLE
    return None if version == data_version else FileFault.CONTENT
