"""A backup of the catalog file, made before a repair changes it."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
from datetime import datetime
from pathlib import Path

from nbpart.errors import CatalogError
from nbpart.storage.own_files import open_own, rename_new, take_permissions

#: How much of the disk a backup leaves free, in bytes, for the work that goes on.
_SPARE = 16 << 20


class CatalogBackup:
    """A copy of the catalog in the same folder, named after the time `now`. `path` is None until it was made."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.path: Path | None = None

    def make(self, path: Path) -> None:
        """Copy the catalog at `path`, which no process has open, with the log that a killed writer may have left.

        The copy has the mode and group of the catalog, and replaces no file. Raises CatalogError where it cannot be
        made; nothing is left of it then.
        """
        parts = [(path, "")]
        if (log := path.with_name(f"{path.name}.wal")).exists():
            parts.append((log, ".wal"))
        self._check_room(path, sum(os.stat(part).st_size for part, _ in parts))
        target = self._name(path)
        made: list[Path] = []
        try:
            for part, suffix in reversed(parts):  # the catalog comes last: where it is there, the copy is complete
                made.append(_copy(part, target.with_name(target.name + suffix), like=path))
        except OSError as error:
            for one in made:
                with contextlib.suppress(OSError):
                    one.unlink()
            raise _refuse(path, error.strerror or str(error)) from error
        self.path = target

    def _name(self, path: Path) -> Path:
        stem = f"{path.name}.{self._now:%Y%m%dT%H%M%SZ}"
        names = itertools.chain([f"{stem}.bak"], (f"{stem}-{n}.bak" for n in itertools.count(2)))
        return next(there for name in names if not os.path.lexists(there := path.with_name(name)))

    def _check_room(self, path: Path, size: int) -> None:
        free = shutil.disk_usage(path.parent).free
        if free < size + _SPARE:
            raise _refuse(path, f"it takes {size / 1e6:,.1f} MB and {free / 1e6:,.1f} MB are free")


def _copy(source: Path, target: Path, like: Path) -> Path:
    """Copy a file, whole or not at all, to the path `target`, which must not exist. Returns `target`."""
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.new")
    reading = open_own(source)
    try:
        writing = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            take_permissions(writing, like, target.parent)
            with open(reading, "rb", closefd=False) as old, open(writing, "wb", closefd=False) as new:
                shutil.copyfileobj(old, new, 1 << 20)
            os.fsync(writing)
        finally:
            os.close(writing)
        rename_new(unfinished, target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        os.close(reading)
    return target


def _refuse(path: Path, reason: str) -> CatalogError:
    if reason == os.strerror(errno.ENOSPC):
        reason = "the disk is full"
    return CatalogError(
        f"No copy of the catalog {path} can be kept beside it: {reason}. It was left as it is; free some space (or "
        "let this user write there) and try again."
    )
