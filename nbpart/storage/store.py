"""Where a workspace's files are kept: verbs on relative paths. Today a folder of this machine keeps them.

No other module opens, writes, lists or removes a data file, and this is the one place that refuses paths which lead out
of the workspace.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn, Protocol

from nbpart.errors import OutsideWorkspaceError, WorkspaceError
from nbpart.storage.files import ABSENT, is_temporary, write_atomic
from nbpart.storage.own_files import explain_link, make_folder

Handles = list[int]
#: What is only passed through on the way to a file need not be readable.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Without O_NONBLOCK a pipe in place of a file would be waited for.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a store: its path, its size in bytes, and when it was published, in nanoseconds since 1970."""

    path: str
    bytes: int
    modified_ns: int


class Store(Protocol):
    """What every store promises; tests/storage/test_store.py holds an implementation to it.

    Paths are relative, with "/" between folders. Every method raises OutsideWorkspaceError for one that is absolute or
    leads out of the store, by its text or through a link. A folder is there as long as a file is in it.
    """

    def read(self, path: str) -> BinaryIO:
        """Open a file for reading from its beginning; it can be sought in.

        Raises FileNotFoundError where there is none, WorkspaceError for what is no ordinary file.
        """

    def publish(
        self, path: str, write: Callable[[Path], None], *, is_new: bool = False, is_durable: bool = True
    ) -> StoredFile:
        """Store a file whole, in place of what is there: nobody ever sees a part of it.

        `write` gets the path of an empty local file and fills it. Where it raises, the store is as it was before.
        With `is_new` nothing is replaced: FileExistsError where something has the path already; an empty file may
        hold it until `write` is done. It outlives every process, and with `is_durable` a loss of power too.
        """

    def list(self, folder: str, *, with_leftovers: bool = False) -> Iterator[StoredFile]:
        """Every file in a folder and the folders below it, in no order; nothing where there is no such folder.

        `with_leftovers`: also what else takes up room there and can be removed: files that a process which died has not
        finished, and what is no file of a store, as a link.
        """

    def remove(self, *paths: str) -> Sequence[str]:
        """Remove files, or what `list` gave as leftovers; returns those of the paths at which there was something.

        A path that is refused by its text is refused before anything is removed. Files of one folder cost least where
        they stand together, as `list` gives them.
        """

    def stat(self, path: str) -> StoredFile | None:
        """A file's size and time; None where there is none. Raises WorkspaceError for what is no ordinary file."""

    def local_path(self, path: str) -> Path:
        """A local file with what this one holds, for libraries that open files by their names; it is only to be read.

        Nothing is there where there is no such file.
        """

    def draft_path(self, path: str) -> Path:
        """Where a program may write this file by itself, in a folder that is there; `publish_file` then stores it."""


def publish_bytes(store: Store, path: str, content: bytes, *, is_durable: bool = True) -> StoredFile:
    """Store a file of these bytes; see `Store.publish`."""

    def write(place: Path) -> None:
        place.write_bytes(content)

    return store.publish(path, write, is_durable=is_durable)


def publish_file(store: Store, path: str, file: Path) -> StoredFile:
    """Store what a program wrote to a local file; where that is the file of the store itself, nothing is copied."""
    if store.local_path(path) == file and (found := store.stat(path)) is not None:
        return found
    return store.publish(path, lambda place: _copy(file, place))


def publish_again(store: Store, path: str, new_path: str) -> StoredFile:
    """Store a file under a second path, without a copy of its content where the file system has hard links."""

    def write(place: Path) -> None:
        source = store.local_path(path)
        place.unlink()
        try:
            os.link(source, place)
        except OSError:
            _copy(source, place)

    return store.publish(new_path, write)


class LocalStore:
    """A store in a folder of this machine, which has to be there. No link on the way to a file is followed."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> BinaryIO:
        """Open a file for reading from its beginning; see `Store.read`."""
        with self._open_folders(path) as (folders, name):
            try:
                handle = os.open(name, _FILE, dir_fd=folders[-1])
            except OSError as error:
                self._refuse(path, name, folders[-1], error)
        try:
            self._check_kind(path, os.fstat(handle))
        except BaseException:
            os.close(handle)
            raise
        return open(handle, "rb")

    def publish(
        self, path: str, write: Callable[[Path], None], *, is_new: bool = False, is_durable: bool = True
    ) -> StoredFile:
        """Store a file whole, in place of what is there, also of a link; see `Store.publish`.

        The first folder of the path has to be there.
        """
        place = self._root.joinpath(*self._split(path))
        while True:
            make_folder(self._root, place.parent)
            try:
                write_atomic(place, write, is_new=is_new, is_durable=is_durable)
            except FileNotFoundError:
                if place.parent.is_dir():
                    raise
                continue  # its last file was removed this moment, and the folder with it
            return _describe(path, os.lstat(place))

    def list(self, folder: str, *, with_leftovers: bool = False) -> Iterator[StoredFile]:
        """Every file in a folder and the folders below it; see `Store.list`. A link in place of it is refused here."""
        try:
            with self._open_folders(f"{folder}/x"):
                pass
        except FileNotFoundError:
            return iter(())
        return self._walk(folder, with_leftovers=with_leftovers)

    def remove(self, *paths: str) -> Sequence[str]:
        """Remove files, or links in their places, and the folders that are empty then; see `Store.remove`.

        The first folder of a path stays. Where the process dies in between, empty folders can be left.
        """
        for path in paths:
            self._split(path)
        removed: list[str] = []
        for _, together in itertools.groupby(paths, key=lambda path: path.rpartition("/")[0]):
            removed += self._remove_of_folder(list(together))
        return removed

    def stat(self, path: str) -> StoredFile | None:
        """A file's size and time; see `Store.stat`."""
        try:
            with self._open_folders(path) as (folders, name):
                found = os.stat(name, dir_fd=folders[-1], follow_symlinks=False)
        except OSError as error:
            if error.errno in ABSENT:
                return None
            raise
        self._check_kind(path, found)
        return _describe(path, found)

    def local_path(self, path: str) -> Path:
        """The file itself."""
        with contextlib.suppress(FileNotFoundError), self._open_folders(path) as (folders, name):
            if stat.S_ISLNK(os.stat(name, dir_fd=folders[-1], follow_symlinks=False).st_mode):
                raise OutsideWorkspaceError(explain_link(self._root / path))
        return self._root / path

    def draft_path(self, path: str) -> Path:
        """The file itself: what is in the workspace but was not recorded is nobody's data yet."""
        place = self.local_path(path)
        make_folder(self._root, place.parent)
        return place

    def _remove_of_folder(self, paths: Sequence[str]) -> Sequence[str]:
        """Remove files of one folder, then the folders on the way to it that are empty; the paths that were removed."""
        try:
            with self._open_folders(paths[0]) as (folders, _):
                removed = [path for path in paths if _unlink(path.rpartition("/")[2], folders[-1])]
                parts = paths[0].split("/")
                with contextlib.suppress(OSError):  # not empty
                    for depth in range(len(parts) - 2 if removed else 0, 0, -1):
                        os.rmdir(parts[depth], dir_fd=folders[depth - 1])
                return removed
        except FileNotFoundError:
            return []

    def _walk(self, folder: str, *, with_leftovers: bool) -> Iterator[StoredFile]:
        with self._open_folders(f"{folder}/x") as (folders, _):
            for place, inner, names, handle in os.fwalk(".", topdown=False, dir_fd=folders[-1]):
                where = folder + place[1:].replace(os.sep, "/")
                for name in (*names, *inner):  # a link to a folder counts among the folders
                    try:
                        found = os.stat(name, dir_fd=handle, follow_symlinks=False)
                    except FileNotFoundError:  # removed since it was listed
                        continue
                    is_whole = stat.S_ISREG(found.st_mode) and not is_temporary(name)
                    if is_whole or (with_leftovers and not stat.S_ISDIR(found.st_mode)):
                        yield _describe(f"{where}/{name}", found)

    @contextlib.contextmanager
    def _open_folders(self, path: str) -> Iterator[tuple[Sequence[int], str]]:
        """The open folders on the way to a file, of which no link is one, and the file's name in the last of them.

        Raises FileNotFoundError where they are not there.
        """
        *parts, name = self._split(path)
        handles: Handles = []
        try:
            for depth, part in enumerate(parts, 1):
                above = handles[-1] if handles else None
                place = self._root / part if above is None else part
                try:
                    handles.append(os.open(place, _FOLDER, dir_fd=above))
                except OSError as error:
                    self._refuse("/".join(parts[:depth]), place, above, error)
            if not parts:  # the workspace itself may be a link
                handles.append(os.open(self._root, _FOLDER & ~os.O_NOFOLLOW))
            yield handles, name
        finally:
            for handle in handles:
                os.close(handle)

    def _split(self, path: str) -> Sequence[str]:
        parts = path.split("/")
        if "\0" in path or not {"", ".", ".."}.isdisjoint(parts):
            raise OutsideWorkspaceError(
                f"{path!r} is not inside the workspace {self._root}: it is left alone; if a catalog or a report names "
                "it, look at where that comes from."
            )
        return parts

    def _refuse(self, path: str, place: str | Path, folder: int | None, error: OSError) -> NoReturn:
        """Raise what an error at a file or folder means: nothing is there, a link, no ordinary file, or the error.

        `place` is where it is, relative to the open `folder` where one is given.
        """
        found = None
        with contextlib.suppress(OSError):
            found = os.stat(place, dir_fd=folder, follow_symlinks=False)
        if found is not None and not stat.S_ISDIR(found.st_mode):
            self._check_kind(path, found)
        number = errno.ENOENT if error.errno in ABSENT else (error.errno or errno.EIO)
        raise OSError(number, os.strerror(number), str(self._root / path)) from error

    def _check_kind(self, path: str, found: os.stat_result) -> None:
        if stat.S_ISLNK(found.st_mode):
            raise OutsideWorkspaceError(explain_link(self._root / path))
        if not stat.S_ISREG(found.st_mode):
            raise WorkspaceError(
                f"{self._root / path} is no ordinary file, where nbpart keeps one of its own; move it away."
            )


def _describe(path: str, found: os.stat_result) -> StoredFile:
    return StoredFile(path, found.st_size, found.st_mtime_ns)


def _unlink(name: str, folder: int) -> bool:
    """Remove what is no folder from an open folder; whether it was there."""
    try:
        os.unlink(name, dir_fd=folder)
    except OSError as error:
        if error.errno in (*ABSENT, errno.EISDIR):
            return False
        raise
    return True


def _copy(file: Path, place: Path) -> None:
    shutil.copyfile(file, place)
