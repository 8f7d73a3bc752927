"""Where a workspace's files are kept: five verbs on relative paths. Today a folder of this machine keeps them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from nbpart.errors import WorkspaceError
from nbpart.storage.files import is_temporary, write_atomic
from nbpart.storage.own_files import explain_link, make_folder, walk_own


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a store: its path, its size in bytes, and when it was published, in nanoseconds since 1970."""

    path: str
    bytes: int
    modified_ns: int


class Store(Protocol):
    """What every store promises; tests/storage/test_store.py holds an implementation to it.

    Paths are relative, with "/" between folders: WorkspaceError for one that is absolute or leads out of the store.
    """

    def read(self, path: str) -> BinaryIO:
        """Open a file for reading from its beginning. Raises FileNotFoundError where there is none."""

    def publish(self, path: str, write: Callable[[Path], None]) -> StoredFile:
        """Store a file whole, in place of what is there: nobody ever sees a part of it.

        `write` gets the path of an empty local file and fills it. Where it raises, the store is as it was before.
        """

    def list(self, folder: str) -> Iterator[StoredFile]:
        """Every file in a folder and the folders below it, in no order; nothing where there is no such folder."""

    def remove(self, path: str) -> bool:
        """Remove a file; whether there was one."""

    def stat(self, path: str) -> StoredFile | None:
        """A file's size and time; None where there is none."""


def publish_bytes(store: Store, path: str, content: bytes) -> StoredFile:
    """Store a file of these bytes; see `Store.publish`."""

    def write(place: Path) -> None:
        place.write_bytes(content)

    return store.publish(path, write)


class LocalStore:
    """A store in a folder of this machine, which has to be there. No link on the way to a file is followed."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> BinaryIO:
        """Open a file for reading from its beginning. Raises FileNotFoundError where there is none."""
        if self.stat(path) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._root / path))
        return open(self._root / path, "rb")

    def publish(self, path: str, write: Callable[[Path], None]) -> StoredFile:
        """Store a file whole, in place of what is there, also of a link; see `Store.publish`.

        The first folder of the path has to be there.
        """
        place = self._find(path, is_replaced=True)
        make_folder(self._root, place.parent)
        write_atomic(place, write)
        return _describe(path, os.lstat(place))

    def list(self, folder: str) -> Iterator[StoredFile]:
        """Every file in a folder and the folders below it, in no order; nothing where there is no such folder."""
        self._find(folder)
        for place, names, handle in walk_own(self._root, folder):
            for name in names:
                found = os.stat(name, dir_fd=handle, follow_symlinks=False)
                if stat.S_ISREG(found.st_mode) and not is_temporary(name):
                    yield _describe(f"{place}/{name}".replace(os.sep, "/"), found)

    def remove(self, path: str) -> bool:
        """Remove a file; whether there was one."""
        try:
            os.unlink(self._find(path))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def stat(self, path: str) -> StoredFile | None:
        """A file's size and time; None where there is none."""
        place = self._find(path)
        try:
            found = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(found.st_mode):
            raise WorkspaceError(f"{place} is no ordinary file, where nbpart keeps one of its own; move it away.")
        return _describe(path, found)

    def _find(self, path: str, *, is_replaced: bool = False) -> Path:
        parts = path.split("/")
        if "\0" in path or os.path.isabs(path) or any(part in ("", ".", "..") for part in parts):
            raise WorkspaceError(f"{path!r} is no path in {self._root}; give one from there on, as 'data/a.txt'.")
        place = self._root
        for depth, part in enumerate(parts, 1):
            place = place / part
            if place.is_symlink() and not (is_replaced and depth == len(parts)):
                raise WorkspaceError(explain_link(place))
        return place


def _describe(path: str, found: os.stat_result) -> StoredFile:
    return StoredFile(path, found.st_size, found.st_mtime_ns)
