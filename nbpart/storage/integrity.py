"""Whether a data file is still what was saved."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import IO

from nbpart.errors import OutsideWorkspaceError, WorkspaceError
from nbpart.storage.formats import hash_saved
from nbpart.storage.named_format import runs_code
from nbpart.storage.store import Store, StoredFile

#: Up to this size, in bytes, the content of a file is compared whenever a run loads it; of a larger one the size is,
#: unless loading it runs what it says.
HASHED_AT_LOAD = 16 << 20
#: What a version by size and time begins with.
_STAMP = "size+mtime:"


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
    def is_inconclusive(self) -> bool:
        """Whether the fault leaves open what the file holds."""
        return self in (FileFault.FORBIDDEN, FileFault.UNREADABLE)


def find_fault_at_load(
    store: Store, path: str, format: str | None, size: int | None, data_version: str | None
) -> FileFault | None:
    """What differs in a file that is about to be loaded; see `find_fault`."""
    limit = float("inf") if runs_code(format) else HASHED_AT_LOAD
    return find_fault(store, path, format, size, data_version, hashed_up_to=limit)


def find_fault(
    store: Store,
    path: str,
    format: str | None,
    size: int | None,
    data_version: str | None,
    *,
    hashed_up_to: float = float("inf"),
) -> FileFault | None:
    """What of a file of a store differs from what was saved; None where nothing does.

    `size` in bytes and `data_version` are those of its `SavedFile`, None where they are not known and not compared.
    Only of files of at most `hashed_up_to` bytes is the content compared.
    """
    if data_version is not None and data_version.startswith(_STAMP):
        return _stamp_fault(store, path, size, data_version)
    # its stat would do for a size; but only who opens a file knows that it can be read
    try:
        file = store.read(path)
    except OSError as error:
        return _name_fault(error)
    with file:
        found = file.seek(0, os.SEEK_END)
        if size is not None and found != size:
            return FileFault.SIZE
        if data_version is None or found > hashed_up_to:
            return None
        file.seek(0)
        return _content_fault(file, format or "", data_version)


def stamp_version(file: StoredFile) -> str:
    """The version of a file that is not read: its size, and its time of modification in nanoseconds."""
    return f"{_STAMP}{file.bytes}-{file.modified_ns}"


def find_size_fault(store: Store, path: str, size: int | None) -> FileFault | None:
    """As `find_fault`, for many files: none is opened, so that only presence, kind and size count."""
    try:
        found = store.stat(path)
    except OSError as error:
        return _name_fault(error)
    if found is None:
        return FileFault.DELETED
    return FileFault.SIZE if size is not None and found.bytes != size else None


def _stamp_fault(store: Store, path: str, size: int | None, data_version: str) -> FileFault | None:
    fault = find_size_fault(store, path, size)
    if fault is not None:
        return fault
    found = store.stat(path)
    return None if found is not None and stamp_version(found) == data_version else FileFault.CONTENT


def _name_fault(error: OSError) -> FileFault:
    """What is wrong with a file that a store does not open."""
    if isinstance(error, FileNotFoundError):
        return FileFault.DELETED
    if isinstance(error, OutsideWorkspaceError):
        return FileFault.NOT_OURS
    if isinstance(error, PermissionError):  # of the system, or since the workspace is not trusted
        return FileFault.FORBIDDEN
    return FileFault.NOT_A_FILE if isinstance(error, WorkspaceError) else FileFault.UNREADABLE


def _content_fault(file: IO[bytes], format: str, data_version: str) -> FileFault | None:
    try:
        version = hash_saved(file, format)
    except ValueError:
        return FileFault.CONTENT
    except OSError:  # a bad sector, a share that went away
        return FileFault.UNREADABLE
    return None if version == data_version else FileFault.CONTENT
