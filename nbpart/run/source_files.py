"""The files of sources as a run gets them: a local one as its path, a remote one as an object that stands for it."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from nbpart.errors import MissingInputError, ParameterError
from nbpart.run.kernels.folders import make_folder
from nbpart.storage.filesystems import name_in, open_filesystem, reading, scheme_of
from nbpart.storage.source_files import describe_remote, find_files
from nbpart.storage.url_template import WILDCARD, is_url, show_location

#: So often a file that changes while it is fetched is fetched again.
_ATTEMPTS = 3
#: Of a long name its end is kept, with the suffix by which readers know what it is.
_LONGEST_NAME = 100


class RemoteFile(os.PathLike[str]):
    """A file of a source at a URL.

    ``str()`` is the URL; `open` reads it where it is; ``os.fspath()``, and so whatever takes a path, fetches it once a
    run into a folder of this machine that the run removes.
    """

    def __init__(self, url: str, options: Mapping[str, Any], fetched: FetchedFiles) -> None:
        self._url = url
        self._options = options
        self._fetched = fetched

    @property
    def url(self) -> str:
        return self._url

    @property
    def name(self) -> str:
        """The last part of its URL."""
        path = self._url.partition("?")[0] if scheme_of(self._url) in ("http", "https") else self._url
        return path.rpartition("/")[2]

    def open(self, mode: str = "rb", **options: Any) -> IO[Any]:
        """Open it for reading without fetching it whole; ``options`` are those of text, as ``encoding``.

        Raises FileNotFoundError where it is gone, OSError where it cannot be reached.
        """
        if mode not in ("r", "rt", "rb"):
            raise ParameterError(f"{self._url} is a source and only read: open it with 'r' or 'rb', not {mode!r}.")
        with reading(self._url, self._options):
            filesystem = open_filesystem(self._url, self._options)
            opened: IO[Any] = filesystem.open(name_in(filesystem, self._url), mode, **options)
            return opened

    def __fspath__(self) -> str:
        return self._fetched.fetch(self._url, self.name, self._options)

    def __str__(self) -> str:
        return self._url

    def __repr__(self) -> str:
        return f"<remote file {self._url}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteFile) and other._url == self._url

    def __hash__(self) -> int:
        return hash(self._url)

    def __reduce__(self) -> tuple[Callable[[str], Path], tuple[str]]:
        # to another process goes the file, not the options by which it was fetched
        return Path, (os.fspath(self),)


class FetchedFiles:
    """The remote files that a run has fetched: each once, into a folder that is removed when this process ends."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._paths: dict[str, str] = {}

    def fetch(self, url: str, name: str, options: Mapping[str, Any]) -> str:
        """The local path of a file, fetched by the first call. Raises OSError where that cannot be done."""
        if url not in self._paths:
            folder = Path(self._make_folder(), hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:16])
            folder.mkdir(exist_ok=True)
            path = str(folder / (name[-_LONGEST_NAME:] or "file"))
            with reading(url, options):
                _fetch(url, path, options)
            self._paths[url] = path
        return self._paths[url]

    def _make_folder(self) -> str:
        if self._folder is None:
            self._folder = make_folder()
            atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder


def load_source(location: str, options: Mapping[str, Any], fetched: FetchedFiles) -> Any:
    """What a run gets for a location: a path as text or a `RemoteFile`; where it has a ``*``, a list of them, sorted.

    Raises MissingInputError where a location with a ``*`` has no file any more, OSError where it cannot be reached.
    """
    if WILDCARD not in location:
        return RemoteFile(location, options, fetched) if is_url(location) else location
    files = find_files([location], options).get(location, [])
    if not files:
        raise MissingInputError(f"there is no file at {show_location(location)!r} any more; plan again.")
    return [RemoteFile(file.name, options, fetched) if is_url(file.name) else file.name for file in files]


def _fetch(url: str, path: str, options: Mapping[str, Any]) -> None:
    filesystem = open_filesystem(url, options)
    name = name_in(filesystem, url)
    before = describe_remote(url, filesystem.info(name))
    for _ in range(_ATTEMPTS):
        filesystem.get_file(name, path)
        filesystem.invalidate_cache()
        after = describe_remote(url, filesystem.info(name))
        if after == before:
            return
        before = after
    os.remove(path)
    raise OSError(f"{url} changes while it is fetched; run this again when it is whole.")
