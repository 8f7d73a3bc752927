"""Files that somebody adopted as data: they stay where they are, in the workspace or not, and are only ever read."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from nbpart.errors import OutsideWorkspaceError, WorkspaceError
from nbpart.storage.files import ABSENT
from nbpart.storage.relative import to_absolute, to_relative
from nbpart.storage.store import Store, StoredFile

#: What stands before the path of an adopted file, where paths of data files are written down.
ADOPTED_MARK = "adopted:"


def mark_adopted(place: str, root: Path) -> str:
    """How the absolute path of an adopted file is written down: as `to_relative` spells it, behind a mark.

    What lies in the workspace is named by where it is, whatever links led there: so those who remove files of the
    workspace know it.
    """
    real, inside = os.path.realpath(place), os.path.realpath(root)
    if real.startswith(f"{inside}{os.sep}"):
        place = os.path.join(root, os.path.relpath(real, inside))
    return f"{ADOPTED_MARK}{to_relative(place, str(root))}"


def is_adopted(path: str) -> bool:
    return path.startswith(ADOPTED_MARK)


def find_place(path: str, root: Path) -> Path:
    """Where a data file is on this machine, an adopted one or one of the workspace."""
    return Path(to_absolute(path.removeprefix(ADOPTED_MARK), str(root)))


class AdoptingStore:
    """A store whose files are those of another one, and in which adopted files can be read too.

    ``check`` is called before an adopted file is opened; it raises where that may not be. Writing or removing one
    raises `OutsideWorkspaceError`.
    """

    def __init__(self, store: Store, root: Path, check: Callable[[], object] | None = None) -> None:
        self._store, self._root, self._check = store, root, check

    def read(self, path: str) -> BinaryIO:
        """Open a file for reading from its beginning; see `Store.read`."""
        if not is_adopted(path):
            return self._store.read(path)
        place = self._find(path)
        # without O_NONBLOCK a pipe in its place would be waited for
        handle = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check_kind(place, os.fstat(handle))
        except BaseException:
            os.close(handle)
            raise
        return open(handle, "rb")

    def publish(
        self, path: str, write: Callable[[Path], None], *, is_new: bool = False, is_durable: bool = True
    ) -> StoredFile:
        """Store a file whole; see `Store.publish`."""
        return self._store.publish(_own(path), write, is_new=is_new, is_durable=is_durable)

    def list(self, folder: str, *, with_leftovers: bool = False) -> Iterator[StoredFile]:
        """Every file of the store in a folder; see `Store.list`."""
        return self._store.list(folder, with_leftovers=with_leftovers)

    def remove(self, *paths: str) -> Sequence[str]:
        """Remove files of the store; see `Store.remove`."""
        return self._store.remove(*map(_own, paths))

    def stat(self, path: str) -> StoredFile | None:
        """A file's size and time; see `Store.stat`."""
        if not is_adopted(path):
            return self._store.stat(path)
        place = find_place(path, self._root)
        try:
            found = os.stat(place)
        except OSError as error:
            if error.errno in ABSENT:
                return None
            raise
        _check_kind(place, found)
        return StoredFile(path, found.st_size, found.st_mtime_ns)

    def local_path(self, path: str) -> Path:
        """A local file with what this one holds, which is only to be read."""
        return self._find(path) if is_adopted(path) else self._store.local_path(path)

    def draft_path(self, path: str) -> Path:
        """Where a program may write a file of the store; see `Store.draft_path`."""
        return self._store.draft_path(_own(path))

    def _find(self, path: str) -> Path:
        if self._check is not None:
            self._check()
        return find_place(path, self._root)


def _own(path: str) -> str:
    if is_adopted(path):
        raise OutsideWorkspaceError(
            f"{path.removeprefix(ADOPTED_MARK)!r} was adopted: it is only ever read. Write or remove it yourself."
        )
    return path


def _check_kind(place: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise WorkspaceError(f"{place}, which was adopted, is no ordinary file any more.")
