"""What the files of a source are now, as a version: by their content, by a store's etag, or by size and time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from nbpart.errors import DeclarationError, MissingInputError, nearest
from nbpart.storage.files import hash_file, hash_stream
from nbpart.storage.filesystems import name_in, open_filesystem, reading
from nbpart.storage.source_files import FoundFile, walk_folder
from nbpart.storage.url_template import WILDCARD, is_url

#: A file that changed so short a time before it was looked at may change once more within one tick of its clock.
UNSETTLED_NS = 2_500_000_000


class Versioning(StrEnum):
    """By what a source's file is taken to be another one."""

    HASH = "hash"
    ETAG = "etag"
    SIZE_AND_TIME = "size+mtime"


def read_versioning(name: Any, path: str) -> Versioning:
    """The `Versioning` of this name; None is the default for the path or URL. Raises `DeclarationError`."""
    is_remote = is_url(path) and not path.startswith("file://")
    if name is None:
        return Versioning.ETAG if is_remote else Versioning.HASH
    if name not in list(Versioning):
        raise DeclarationError(
            f"version={name!r} is no way to tell what a file is, and no function: {nearest(str(name), Versioning)}"
        )
    if name == Versioning.ETAG and not is_remote:
        raise DeclarationError("version='etag' is for URLs, local files have none: leave it out, or give 'size+mtime'.")
    return Versioning(name)


def prove(files: Sequence[FoundFile], versioning: Versioning, now_ns: int) -> str:
    """A short text that is another one where any of these files was written since; "" where that cannot be told yet.

    `now_ns` is the time now: a file that changed within the last seconds may change again unseen.
    """
    settled, texts = now_ns - UNSETTLED_NS, [str(versioning)]
    for file in files:
        if not file.proof or file.changed_ns >= settled:
            return ""
        texts += "\0", file.name, "\0", file.proof
    text = "".join(texts)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def compute_version(
    location: str, files: Sequence[FoundFile], versioning: Versioning, options: Mapping[str, Any] | None = None
) -> str:
    """The version of the files at a location, of one or, where it has a ``*``, of several with their names.

    Only `Versioning.HASH` reads them. Versions of different kinds never are equal. Raises FileNotFoundError where a
    file is gone, MissingInputError where a store does not tell what the kind needs.
    """
    of_one = _OF_ONE[versioning]
    if location == files[0].name:
        return of_one(files[0], options)
    total = hashlib.sha256()
    folder = location.partition(WILDCARD)[0].rpartition("/")[0]
    for file in files:
        name = file.name.removeprefix(folder)
        total.update(f"{name}\0{of_one(file, options)}\n".encode("utf-8", "surrogateescape"))
    prefix = "" if versioning is Versioning.HASH else f"{versioning}:"
    return f"{prefix}{total.hexdigest()}"


def _hash(file: FoundFile, options: Mapping[str, Any] | None) -> str:
    if is_url(file.name):
        with reading(file.name, options):
            filesystem = open_filesystem(file.name, options)
            with filesystem.open(name_in(filesystem, file.name), "rb") as stream:
                return hash_stream(stream)
    try:
        return hash_file(file.name)
    except IsADirectoryError:
        total = hashlib.sha256()
        for name, path in sorted(walk_folder(file.name)):
            total.update(f"{name}\0{hash_file(path)}\n".encode("utf-8", "surrogateescape"))
        return total.hexdigest()


def _etag(file: FoundFile, options: Mapping[str, Any] | None) -> str:
    if file.etag is not None:
        return f"etag:{file.etag}"
    if file.modified is not None and is_url(file.name):
        return f"modified:{file.size}-{file.modified}"
    raise MissingInputError(
        f"{file.name!r} comes without an etag and a time of modification; declare its source with version='hash', "
        "which reads it."
    )


def _size_and_time(file: FoundFile, options: Mapping[str, Any] | None) -> str:
    if file.modified is None:
        raise MissingInputError(
            f"{file.name!r} has no time of modification; declare its source with version='etag' or 'hash'."
        )
    return f"size+mtime:{file.size}-{file.modified}"


_OF_ONE: Mapping[Versioning, Callable[[FoundFile, Mapping[str, Any] | None], str]] = {
    Versioning.HASH: _hash,
    Versioning.ETAG: _etag,
    Versioning.SIZE_AND_TIME: _size_and_time,
}
