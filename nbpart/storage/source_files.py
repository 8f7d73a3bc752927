"""The files of sources as they are now: found in few listings, and their versions.

A location is what `UrlTemplate.fill` gives. `find_files` never looks once a key: local folders are listed once each,
and of a remote place at most `MOST_LISTINGS` folders, each with all that lies below it.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import posixpath
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from nbpart.storage.files import ABSENT
from nbpart.storage.filesystems import address_of, name_in, open_filesystem, reading, scheme_of, url_of
from nbpart.storage.url_template import WILDCARD, is_url, spell_pattern

#: So many files of one directory are cheaper to find by listing it than one by one.
_LIST_FROM = 32
#: So few remote files are looked up one by one: a listing can have thousands of pages.
FEW = 4
MOST_LISTINGS = 16
_HTTP_CONNECTIONS = 16
#: Where file systems tell what another content would change, and when it was written.
_ETAGS = ("ETag", "etag", "Content-MD5", "md5Hash", "generation")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "Last-Modified", "created")


class FoundFile(NamedTuple):
    """A file, or a local folder as one thing, as a look found it.

    `name` is its path or URL. `proof` changes whenever the file was written, as far as a look can tell. `etag` is None
    where the store gives none, `modified` where it gives no time: text that only ever is compared.
    """

    name: str
    size: int
    proof: str
    etag: str | None = None
    modified: str | None = None
    changed_ns: int = 0


def find_files(locations: Iterable[str], options: Mapping[str, Any] | None = None) -> dict[str, list[FoundFile]]:
    """The files at each location, sorted by name; locations with none are left out.

    Raises OSError for what cannot be reached, and what `open_filesystem` raises.
    """
    found: dict[str, list[FoundFile]] = {}
    local, remote = [], defaultdict[str, list[str]](list)
    for location in dict.fromkeys(locations):
        if is_url(location):
            remote[address_of(location)].append(location)
        else:
            local.append(location)
    found.update(_find_local(local))
    for address, group in remote.items():
        with reading(address, options):
            found.update(_find_remote(address, group, options))
    return found


def _find_local(locations: Sequence[str]) -> Iterator[tuple[str, list[FoundFile]]]:
    by_folder: dict[str, list[str]] = defaultdict(list)
    for location in locations:
        by_folder[os.path.dirname(location.partition(WILDCARD)[0])].append(location)
    for folder, group in by_folder.items():
        single = [location for location in group if WILDCARD not in location]
        if len(single) >= _LIST_FROM:
            yield from _pick_listed(folder, single)
        else:
            yield from ((path, [file]) for path in single if (file := _look_at(path)) is not None)
        if starred := [location for location in group if WILDCARD in location]:
            listing = _list_local(folder, _count_levels(folder, starred))
            if listing.faults:
                raise listing.faults[0]
            yield from match_files(starred, listing.files)


def _pick_listed(folder: str, paths: Iterable[str]) -> Iterator[tuple[str, list[FoundFile]]]:
    wanted = {os.path.basename(path): path for path in paths}
    for entry in _scan(folder):
        path = wanted.get(entry.name)
        if path is not None and (file := _look_at_entry(path, entry)) is not None:
            yield path, [file]


class Listing(NamedTuple):
    """All files below a folder by path or URL, as far down as asked; `faults` are why some could not be looked at.

    `is_there` is False where there is no such folder.
    """

    files: dict[str, FoundFile]
    faults: Sequence[OSError] = ()
    is_there: bool = True


def list_files(location: str, options: Mapping[str, Any] | None = None) -> Listing:
    """All files that may be those of a location with a ``*``, in one listing; some others are among them.

    Of a local folder below that cannot be read the others are listed all the same. Raises OSError for what cannot be
    reached, and what `open_filesystem` raises.
    """
    if not is_url(location):
        folder = os.path.dirname(location.partition(WILDCARD)[0])
        return _list_local(folder, _count_levels(folder, [location]))
    address = address_of(location)
    with reading(address, options):
        filesystem = open_filesystem(address, options)
        [(folder, is_deep)] = choose_folders([name_in(filesystem, location)])
        files = {
            (url := url_of(filesystem, address, name)): describe_remote(url, info)
            for name, info in _list_remote(filesystem, folder, is_deep=is_deep)
        }
    return Listing(files)


def _count_levels(folder: str, locations: Iterable[str]) -> int:
    """How many folders below a folder these locations lie."""
    return max(location.count("/") for location in locations) - f"{folder.rstrip('/')}/".count("/")


def _list_local(folder: str, levels: int) -> Listing:
    """What is in a folder and in the folders so many levels below; a folder too, as one thing, at the last."""
    files: dict[str, FoundFile] = {}
    faults: list[OSError] = []
    folders = [(folder, levels)]
    while folders:
        above, left = folders.pop()
        start = above if above.endswith("/") else f"{above}/"
        try:
            for entry in _scan(above):
                path = start + entry.name
                if left > 0 and entry.is_dir():
                    folders.append((path, left - 1))
                elif (file := _look_at_entry(path, entry)) is not None:
                    files[path] = file
        except OSError as error:
            faults.append(error)
    return Listing(files, faults, bool(files) or os.path.isdir(folder))


def _scan(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        entries = os.scandir(folder)
    except OSError as error:
        if error.errno in ABSENT:
            return
        raise
    with entries:
        yield from entries


def _look_at_entry(path: str, entry: os.DirEntry[str]) -> FoundFile | None:
    if not entry.is_file(follow_symlinks=False):
        return _look_at(path)
    try:
        return _describe_file(path, entry.stat())
    except FileNotFoundError:  # removed between the listing and the look
        return None


def _look_at(path: str) -> FoundFile | None:
    try:
        status = os.stat(path)
        if not os.path.isdir(path):
            return _describe_file(path, status)
        inner = [(name, os.stat(file)) for name, file in sorted(walk_folder(path))]
        return _describe_folder(path, [name for name, _ in inner], [found for _, found in inner])
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise


def _describe_file(path: str, found: os.stat_result) -> FoundFile:
    """A file. Size and time of modification can be set back: so ctime and inode count too."""
    modified, changed = found.st_mtime_ns, found.st_ctime_ns
    proof = f"{found.st_size}-{modified}-{changed}-{found.st_ino}"
    return FoundFile(path, found.st_size, proof, None, str(modified), modified if modified > changed else changed)


def _describe_folder(path: str, names: Sequence[str], stats: Sequence[os.stat_result]) -> FoundFile:
    """A folder, by the names of its files and what each of them is."""
    files = [_describe_file(path, found) for found in stats]
    proof = _hash_texts(["".join(names), *(file.proof for file in files)])
    modified = max((found.st_mtime_ns for found in stats), default=0)
    changed = max((file.changed_ns for file in files), default=0)
    return FoundFile(path, sum(file.size for file in files), proof, None, str(modified), changed)


def walk_folder(folder: str) -> Iterator[tuple[str, str]]:
    """Each file below a local folder: its name in there, with "/" between folders, and its path."""
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in files:
            path = os.path.join(parent, name)
            yield os.path.relpath(path, folder).replace(os.sep, "/"), path


def _find_remote(address: str, urls: Sequence[str], options: Mapping[str, Any] | None) -> dict[str, list[FoundFile]]:
    filesystem = open_filesystem(address, options)
    names = {url: name_in(filesystem, url) for url in urls}
    if scheme_of(address) in ("http", "https"):  # a web server has no listings
        with ThreadPoolExecutor(_HTTP_CONNECTIONS) as threads:
            infos = dict(zip(urls, threads.map(lambda url: _info(filesystem, names[url]), urls), strict=True))
    elif len(urls) <= FEW and not any(WILDCARD in url for url in urls):
        infos = {url: _info(filesystem, names[url]) for url in urls}
    else:
        listed: dict[str, FoundFile] = {}
        for folder, is_deep in choose_folders(list(names.values())):
            for name, info in _list_remote(filesystem, folder, is_deep=is_deep):
                listed[name] = describe_remote(url_of(filesystem, address, name), info)
        matched = dict(match_files(names.values(), listed))
        return {url: matched[name] for url, name in names.items() if name in matched}
    return {url: [describe_remote(url, info)] for url, info in infos.items() if info is not None}


def choose_folders(names: Sequence[str]) -> list[tuple[str, bool]]:
    """The remote folders to list for these locations, and whether with the folders below: at most `MOST_LISTINGS`.

    The deepest ones are given up for the folder above them until so few are left, so that a few hours of one day do
    not list the whole bucket, and a year of hours is not a listing an hour.
    """
    deep: dict[str, bool] = {}
    for name in names:
        head, star, rest = name.partition(WILDCARD)
        folder = posixpath.dirname(head)
        deep[folder] = deep.get(folder, False) or bool(star and "/" in rest)
    while len(deep) > MOST_LISTINGS and (deepest := max(folder.count("/") for folder in deep)) > 0:
        for folder in [folder for folder in deep if folder.count("/") == deepest]:
            del deep[folder]
            deep[posixpath.dirname(folder)] = True
    kept = [folder for folder in deep if not any(above in deep and deep[above] for above in _folders_above(folder))]
    return [(folder, deep[folder]) for folder in kept]


def _folders_above(folder: str) -> Iterator[str]:
    while (above := posixpath.dirname(folder)) != folder:
        yield above
        folder = above


def _list_remote(filesystem: Any, folder: str, *, is_deep: bool) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        if is_deep:
            infos: Iterable[Mapping[str, Any]] = filesystem.find(folder, detail=True).values()
        else:
            infos = filesystem.ls(folder, detail=True)
    except FileNotFoundError:
        return
    for info in infos:
        if info.get("type") != "directory":
            yield str(info["name"]), info


def _info(filesystem: Any, name: str) -> Mapping[str, Any] | None:
    try:
        info: Mapping[str, Any] = filesystem.info(name)
    except FileNotFoundError:
        return None
    return None if info.get("type") == "directory" else info


def match_files(locations: Iterable[str], listed: Mapping[str, FoundFile]) -> Iterator[tuple[str, list[FoundFile]]]:
    """The listed files that each location stands for: found by what stands before its first star, not one by one."""
    order = sorted(listed)
    for location in locations:
        if WILDCARD not in location:
            if location in listed:
                yield location, [listed[location]]
            continue
        start, matches = location.partition(WILDCARD)[0], _make_matcher(location)
        files = []
        for place in range(bisect_left(order, start), len(order)):
            if not order[place].startswith(start):
                break
            if matches(order[place]):
                files.append(listed[order[place]])
        if files:
            yield location, files


def _make_matcher(location: str) -> Callable[[str], object]:
    """Whether a name that begins as the location does is one that it stands for."""
    start, *rest = location.split(WILDCARD)
    if len(rest) > 1:
        return re.compile(spell_pattern(location), re.DOTALL).fullmatch
    [end] = rest  # to compile a pattern takes longer than to match a few names

    def matches(name: str) -> bool:
        stop = len(name) - len(end)
        return stop >= len(start) and name.endswith(end) and "/" not in name[len(start) : stop]

    return matches


def describe_remote(url: str, info: Mapping[str, Any]) -> FoundFile:
    """A remote file, by what its file system says of it."""
    size = int(info.get("size") or 0)
    etag = next((str(value) for name in _ETAGS if (value := info.get(name))), None)
    modified = next((_spell_time(value) for name in _TIMES if (value := info.get(name))), None)
    return FoundFile(url, size, f"{size}-{etag}-{modified}" if etag or modified else "", etag, modified)


def _spell_time(value: Any) -> str:
    return value.astimezone(datetime.UTC).isoformat() if isinstance(value, datetime.datetime) else str(value)


def _hash_texts(texts: Iterable[str]) -> str:
    total = hashlib.sha256()
    for text in texts:
        total.update(f"{text}\0".encode("utf-8", "surrogateescape"))
    return total.hexdigest()
