"""Another store than the one of this machine: what goes through it needs no local path but where it asks for one."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from nbpart.errors import OutsideWorkspaceError
from nbpart.storage.store import LocalStore, StoredFile


def make_local(folder: Path) -> LocalStore:
    """A store of this machine, with the first folders of a workspace."""
    for name in ("data", "runs"):
        (folder / name).mkdir(exist_ok=True)
    return LocalStore(folder)


class MemoryStore:
    """A store that keeps its files in memory, as a bucket keeps them elsewhere; `scratch` is for local copies."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._files: dict[str, tuple[bytes, int]] = {}
        self._times = itertools.count(1)
        self._copies = itertools.count()

    def read(self, path: str) -> BinaryIO:
        if _check(path) not in self._files:
            raise FileNotFoundError(path)
        return io.BytesIO(self._files[path][0])

    def publish(
        self, path: str, write: Callable[[Path], None], *, is_new: bool = False, is_durable: bool = True
    ) -> StoredFile:
        if _check(path) in self._files and is_new:
            raise FileExistsError(path)
        place = self._copy_to(path)
        place.touch()
        write(place)
        self._files[path] = place.read_bytes(), next(self._times)
        place.unlink()
        return self._describe(path)

    def list(self, folder: str, *, with_leftovers: bool = False) -> Iterator[StoredFile]:
        below = f"{_check(folder)}/"
        return (self._describe(path) for path in list(self._files) if path.startswith(below))

    def remove(self, *paths: str) -> Sequence[str]:
        checked = [_check(path) for path in paths]
        return [path for path in checked if self._files.pop(path, None) is not None]

    def stat(self, path: str) -> StoredFile | None:
        return self._describe(path) if _check(path) in self._files else None

    def local_path(self, path: str) -> Path:
        place = self._copy_to(_check(path))
        if path in self._files:
            place.write_bytes(self._files[path][0])
        return place

    def draft_path(self, path: str) -> Path:
        place = self._scratch / "drafts" / _check(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _copy_to(self, path: str) -> Path:
        place = self._scratch / "copies" / str(next(self._copies)) / path.rpartition("/")[2]
        place.parent.mkdir(parents=True)
        return place

    def _describe(self, path: str) -> StoredFile:
        content, published = self._files[path]
        return StoredFile(path, len(content), published)


def make_in_memory(folder: Path) -> MemoryStore:
    return MemoryStore(folder / "scratch")


def _check(path: str) -> str:
    if "\0" in path or not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise OutsideWorkspaceError(f"{path!r} is not inside the store.")
    return path
