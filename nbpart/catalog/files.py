"""The files of a catalog: whether they are those that were opened, and what it means where they cannot be written."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from nbpart.errors import CatalogDiskError, CatalogError, WorkspaceError
from nbpart.storage.own_files import copy_permissions

DISK_FULL = "the disk is full; free some space and try again."
#: The logs that DuckDB keeps beside its file.
WAL_SUFFIXES = (".wal", ".wal.checkpoint", ".wal.recovery")


def identify(path: Path) -> tuple[int, int]:
    """What is the same for a file or folder as long as it is not replaced by another."""
    status = path.stat()
    return status.st_dev, status.st_ino


def check_folder(root: Path, identity: tuple[int, int]) -> None:
    """Raise `CatalogError` where a folder is gone or another one than it was."""
    try:
        found = identify(root)
    except OSError:
        found = None
    if found != identity:
        raise CatalogError(
            f"The workspace {root} is gone: its folder was moved, removed or replaced while it was open; put it "
            "back, or open the workspace again where it is now."
        )


def make_folder(folder: Path) -> None:
    """Make a folder where none is. Raises `WorkspaceError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"The folder {folder} cannot be made: {error.strerror}.") from error


def share_log(catalog: Path) -> None:
    """Give DuckDB's log, which a killed process leaves, the permissions of the catalog whatever the umask is."""
    log = catalog.with_name(catalog.name + WAL_SUFFIXES[0])
    with contextlib.suppress(OSError):
        model = os.stat(catalog)
        if os.lstat(log).st_mode != model.st_mode or os.lstat(log).st_gid != model.st_gid:
            copy_permissions(model, log)


def explain_failure(error: BaseException, catalog: Path) -> BaseException:
    """The error to raise where a batch on a catalog failed with this one, which may be the same."""
    import duckdb

    left = f"The catalog of {catalog.parent} was left as it was"
    if isinstance(error, duckdb.Error | OSError) and is_full(error):
        return CatalogDiskError(f"{left}: {DISK_FULL}")
    if isinstance(error, duckdb.IOException):
        return CatalogDiskError(f"{left}: {error}")
    if isinstance(error, duckdb.Error):
        return CatalogError(f"{left}, since a statement failed: {error}")
    return error


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk is full."""
    number = getattr(error, "errno", None)
    return number in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error)
