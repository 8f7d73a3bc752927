"""Hashes of files and folders that are remembered: each is read again only where its stat changed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: A file that changed so short a time before it was looked at may change once more within one tick of its clock.
UNSETTLED_NS = 2_500_000_000


@dataclass(frozen=True, slots=True)
class _FileStamp:
    """The stat of a file when it had a digest: size, times of modification and of change (ns), inode."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    digest: str

    def matches(self, found: os.stat_result) -> bool:
        return (self.size, self.mtime_ns, self.ctime_ns, self.inode) == _stat_of(found)


@dataclass
class SeenFiles:
    """Digests of files and folders as they are now, each computed once; ``now_ns`` is the time now.

    A file's time of modification alone proves little: editors and version control may give new content an old time. So
    the time of change and the inode count too, and the digest of a file that changed within the last seconds is not
    kept for later.
    """

    now_ns: int
    known: Mapping[str, Any] = field(default_factory=dict)
    _now: dict[str, _FileStamp | None] = field(default_factory=dict)

    def digest(self, path: str) -> str:
        """A hash of a file's bytes, or of the names of Python modules and folders in a folder; "" where nothing is.

        Raises OSError where it cannot be read.
        """
        if path not in self._now:
            self._now[path] = self._read(path)
        seen = self._now[path]
        return "" if seen is None else seen.digest

    def is_settled(self, path: str) -> bool:
        """Whether nothing that `digest` read there changed within the last seconds."""
        seen = self._now.get(path)
        return seen is None or max(seen.mtime_ns, seen.ctime_ns) < self.now_ns - UNSETTLED_NS

    def to_json(self) -> dict[str, list[Any]]:
        """The digests that can be used again, for the ``known`` of the next object."""
        return {
            path: [seen.size, seen.mtime_ns, seen.ctime_ns, seen.inode, seen.digest]
            for path, seen in self._now.items()
            if seen is not None and self.is_settled(path)
        }

    def _read(self, path: str) -> _FileStamp | None:
        try:
            found = os.stat(path)
            known = self._known(path)
            if known is not None and known.matches(found):
                return known
            digest = _digest_folder(path) if stat.S_ISDIR(found.st_mode) else _digest_file(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _FileStamp(*_stat_of(found), digest)

    def _known(self, path: str) -> _FileStamp | None:
        try:
            return _FileStamp(*self.known[path])
        except (KeyError, TypeError):
            return None


def _stat_of(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _digest_file(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:32]


def _digest_folder(path: str) -> str:
    with os.scandir(path) as entries:
        names = [e.name for e in entries if e.name.endswith(".py") or (e.is_dir() and _is_package_name(e.name))]
    return hashlib.sha256("/".join(sorted(names)).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _is_package_name(name: str) -> bool:
    return name.isidentifier() and name != "__pycache__"
