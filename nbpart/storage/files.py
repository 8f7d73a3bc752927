"""Files and URLs: atomic writes, content hashes, and where a source's partition is.

A location is an absolute path or a URL that fsspec understands.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import hashlib
import os
import posixpath
import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nbpart.errors import DeclarationError, ExtraRequiredError, MissingInputError, PartitionKeyError, nearest
from nbpart.storage.own_files import share

_CHUNK = 1 << 20
_TEMPORARY = re.compile(r"\.[0-9a-f]{12}\.tmp$")
#: So many bytes of a name stand in that of the file that becomes it.
_TEMPORARY_STEM = 200
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
#: So many files of one directory are cheaper to find by listing it than one by one.
_LIST_FROM = 32
#: The numbers of the errors that say that there is nothing at a path.
ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}


@dataclass(frozen=True, slots=True)
class FileVersion:
    """The size of a file in bytes and its time of modification in nanoseconds; another one means that it changed."""

    size: int
    mtime_ns: int


def write_atomic(path: str | os.PathLike[str], writer: Callable[[Path], None], *, is_new: bool = False) -> None:
    """Write a file so that no reader ever sees a part of it.

    `writer` gets a temporary path beside `path` and fills it; the file is flushed to disk and renamed. The directory
    has to be there: FileNotFoundError. When `writer` raises, `path` is as it was and the temporary file is gone.

    With `is_new` nothing is written over: FileExistsError where something is there already. The name is taken, by an
    empty file, before `writer` is called.
    """
    path = Path(path)
    if is_new:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    temporary: Path | None = None
    try:
        temporary = _make_temporary(path)
        writer(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        share(os.stat(path.parent), temporary)
        os.replace(temporary, path)
    except BaseException:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if is_new:
            path.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def write_bytes_atomic(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` as `write_atomic` does."""
    write_atomic(path, lambda temporary: _write_bytes(temporary, content))


def is_temporary(name: str) -> bool:
    """Whether a file's name is that of one that `write_atomic` has not finished."""
    return _TEMPORARY.search(name) is not None


def hash_file(path: str | os.PathLike[str]) -> str:
    """The sha256 of a file's content, as hex text."""
    with open(path, "rb") as file:
        return hash_stream(file)


def hash_stream(file: IO[bytes]) -> str:
    """The sha256 of the rest of an open file, as hex text."""
    total = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        total.update(chunk)
    return total.hexdigest()


def hash_location(location: str) -> str:
    """The sha256 of the file at a path or URL, as hex text; of a directory, over its files' names and contents.

    Raises MissingInputError where there is nothing.
    """
    if is_url(location):
        filesystem, path = _open_filesystem(location)
        try:
            with filesystem.open(path, "rb") as file:
                return hash_stream(file)
        except FileNotFoundError as error:
            raise MissingInputError(f"there is no file at {location!r}; put it there or remove its key.") from error
    try:
        if not os.path.isdir(location):
            return hash_file(location)
        total = hashlib.sha256()
        for name, path in sorted(_walk(location)):
            total.update(f"{name}\0{hash_file(path)}\n".encode("utf-8", "surrogateescape"))
        return total.hexdigest()
    except FileNotFoundError as error:
        raise MissingInputError(f"there is no file at {location!r}; put it there or remove its key.") from error


def inside(root: str | os.PathLike[str], path: str | os.PathLike[str]) -> Path:
    """The absolute path of `path` under `root`, links followed; PartitionKeyError where it would lead out of it."""
    base = Path(root).resolve()
    resolved = (base / path).resolve()
    if not resolved.is_relative_to(base):
        raise PartitionKeyError(f"{str(path)!r} leads out of {str(base)!r}; give a path inside it.")
    return resolved


def is_url(location: str) -> bool:
    """Whether a location is a URL rather than a path."""
    return _URL.match(location) is not None


def resolve_source(
    pattern: str, folder: str | os.PathLike[str], key: str | None, params: Mapping[str, Any] | None = None
) -> str:
    """Where a source's partition is: an absolute path or a URL.

    `pattern` may hold `{partition_key}` and `{name}` of a parameter (`{{` and `}}` stand for braces) and is relative to
    `folder` if it is a relative path. Raises DeclarationError for a name that is not known and PartitionKeyError for a
    key that leads out of the directory before the first placeholder. The file need not exist.
    """
    values: dict[str, Any] = {name: _spell(value) for name, value in (params or {}).items()}
    if key is not None:
        values["partition_key"] = key
    pattern = os.fspath(pattern).removeprefix("file://")
    location, fixed = _fill(pattern, values)
    if is_url(pattern):
        scheme, _, rest = location.partition("://")
        fixed_rest = fixed.partition("://")[2]
        normal = posixpath.normpath(rest) if fixed != location else rest
        _check_within(
            normal, posixpath.dirname(fixed_rest) or fixed_rest, pattern, key, posixpath.sep, fixed != location
        )
        return f"{scheme}://{normal}"
    base = os.path.normpath(os.path.join(os.path.abspath(folder), os.path.dirname(fixed)))
    normal = os.path.normpath(os.path.join(os.path.abspath(folder), location))
    _check_within(normal, base, pattern, key, os.sep, fixed != location)
    return normal


def scan_versions(locations: Sequence[str]) -> dict[str, FileVersion]:
    """The versions of the files at these locations; those where there is no file are left out.

    Many files of one local directory cost one listing of it. A directory counts as one thing: the size of all its
    files and the latest modification. Raises OSError for what cannot be reached (no permission, no network).
    """
    found: dict[str, FileVersion] = {}
    by_parent: dict[str, list[str]] = defaultdict(list)
    for location in dict.fromkeys(locations):
        by_parent[location.rpartition("/")[0] if is_url(location) else os.path.dirname(location)].append(location)
    for parent, group in by_parent.items():
        if is_url(group[0]):
            found.update(_scan_urls(parent, group))
        elif len(group) >= _LIST_FROM:
            found.update(_scan_directory(parent, group))
        else:
            found.update((path, version) for path in group if (version := _stat(path)) is not None)
    return {location: found[location] for location in locations if location in found}


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _sync_directory(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # network and FUSE file systems may not sync directories; the rename itself has happened
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _spell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)


def _fill(pattern: str, values: Mapping[str, str]) -> tuple[str, str]:
    """The pattern with its placeholders filled, and the text before the first of them."""
    parts: list[str] = []
    fixed: str | None = None
    end = 0
    for match in _FIELD.finditer(pattern):
        parts.append(pattern[end : match.start()])
        end = match.end()
        name = match.group(1)
        if name is None:
            if match.group() not in ("{{", "}}"):
                raise DeclarationError(
                    f"the source pattern {pattern!r} has a lone brace; write '{{{{' or '}}}}' for one."
                )
            parts.append(match.group()[0])
            continue
        if name not in values:
            hint = nearest(name, values)
            raise DeclarationError(f"the source pattern {pattern!r} names {name!r}, which its partitions lack: {hint}")
        if fixed is None:
            fixed = "".join(parts)
        parts.append(values[name])
    parts.append(pattern[end:])
    text = "".join(parts)
    return text, text if fixed is None else fixed


def _make_temporary(path: Path) -> Path:
    """Create a new empty file beside `path`, with a random name that no other file has."""
    stem = os.fsdecode(os.fsencode(path.name)[:_TEMPORARY_STEM])
    while True:
        temporary = path.with_name(f"{stem}.{secrets.token_hex(6)}.tmp")
        with contextlib.suppress(FileExistsError):
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
            return temporary


def _check_within(path: str, base: str, pattern: str, key: str | None, separator: str, has_fields: bool) -> None:
    if not has_fields:
        return
    prefix = base if base.endswith(separator) or base in ("", ".") else base + separator
    prefix = "" if prefix == "." else prefix
    if not path.startswith(prefix) or path == prefix or path.split(separator)[0] == ".." or path == ".":
        raise PartitionKeyError(
            f"partition key {key!r} leads out of the folder {base!r} of the source {pattern!r}; choose another key."
        )


def _stat(path: str) -> FileVersion | None:
    try:
        status = os.stat(path)
        if not os.path.isdir(path):
            return FileVersion(status.st_size, status.st_mtime_ns)
        sizes, latest = 0, status.st_mtime_ns
        for _, file in _walk(path):
            inner = os.stat(file)
            sizes, latest = sizes + inner.st_size, max(latest, inner.st_mtime_ns)
        return FileVersion(sizes, latest)
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise


def _walk(folder: str) -> Iterator[tuple[str, str]]:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in files:
            path = os.path.join(parent, name)
            yield os.path.relpath(path, folder).replace(os.sep, "/"), path


def _scan_directory(parent: str, paths: Iterable[str]) -> Iterator[tuple[str, FileVersion]]:
    wanted = {os.path.basename(path): path for path in paths}
    try:
        entries = os.scandir(parent)
    except OSError as error:
        if error.errno in ABSENT:
            return
        raise
    with entries:
        for entry in entries:
            path = wanted.get(entry.name)
            if path is None:
                continue
            if entry.is_symlink() or entry.is_dir():
                version = _stat(path)
            else:
                try:
                    status = entry.stat()
                except FileNotFoundError:  # removed between the listing and the look
                    continue
                version = FileVersion(status.st_size, status.st_mtime_ns)
            if version is not None:
                yield path, version


def _scan_urls(parent: str, urls: Sequence[str]) -> Iterator[tuple[str, FileVersion]]:
    filesystem, _ = _open_filesystem(urls[0])
    filesystem.invalidate_cache()
    if len(urls) >= _LIST_FROM:
        paths = {str(filesystem._strip_protocol(url)): url for url in urls}
        try:
            listing = filesystem.ls(filesystem._strip_protocol(parent), detail=True)
        except FileNotFoundError:
            return
        for info in listing:
            url = paths.get(str(info["name"]))
            if url is not None:
                yield url, _remote_version(info)
        return
    for url in urls:
        try:
            yield url, _remote_version(filesystem.info(filesystem._strip_protocol(url)))
        except FileNotFoundError:
            continue


def _remote_version(info: Mapping[str, Any]) -> FileVersion:
    size = int(info.get("size") or 0)
    for name in ("mtime", "LastModified", "last_modified", "updated", "modified", "ETag", "etag", "created"):
        stamp = info.get(name)
        if stamp:
            return FileVersion(size, _stamp_ns(stamp))
    return FileVersion(size, 0)


def _stamp_ns(stamp: Any) -> int:
    if isinstance(stamp, datetime.datetime):
        return int(stamp.timestamp() * 1_000_000) * 1000
    if isinstance(stamp, int | float):
        return int(stamp * 1_000_000_000)
    # not a time but a tag (HTTP): any number that changes with it will do
    return int.from_bytes(hashlib.sha256(str(stamp).encode()).digest()[:7], "big")


def _open_filesystem(url: str) -> tuple[Any, str]:
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        scheme = url.partition("://")[0]
        raise ExtraRequiredError(f"reading {url!r} needs the fsspec package for {scheme!r}: {error}") from error
    except ValueError as error:
        raise MissingInputError(f"{url!r} cannot be read: {error}.") from error
    return filesystem, path
