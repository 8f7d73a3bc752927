"""The files of sources: found in few listings, and what each is now."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from nbpart import DeclarationError, ExtraRequiredError, MissingInputError
from nbpart.storage import write_bytes_atomic
from nbpart.storage.source_files import FEW, MOST_LISTINGS, FoundFile, choose_folders, find_files
from nbpart.storage.source_versions import UNSETTLED_NS, Versioning, compute_version, prove, read_versioning
from nbpart.storage.url_template import WILDCARD

LATER = 10**19


def star(text: str) -> str:
    return text.replace("*", WILDCARD)


def version_of(location: str, versioning: Versioning = Versioning.HASH) -> str:
    return compute_version(location, find_files([location])[location], versioning)


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each call of a method by which a remote place is looked at."""
    made: list[str] = []
    for name in ("ls", "info", "exists"):
        real = getattr(MemoryFileSystem, name)

        def count(self: Any, path: str, *args: Any, _name: str = name, _real: Any = real, **kwargs: Any) -> Any:
            made.append(f"{_name} {path}")
            return _real(self, path, *args, **kwargs)

        monkeypatch.setattr(MemoryFileSystem, name, count)

    def find(self: Any, path: str, maxdepth: Any = None, withdirs: bool = False, detail: bool = False) -> Any:
        made.append(f"find {path}")
        prefix = f"{path.rstrip('/')}/"
        return {n: {"name": n, "size": f.size, "type": "file", "created": f.created}
                for n, f in self.store.items() if n.startswith(prefix)}  # fmt: skip

    monkeypatch.setattr(MemoryFileSystem, "find", find)
    return made


@pytest.mark.parametrize("count", [3, 100])
def test_local_files_that_are_there_are_found(tmp_path: Path, count: int) -> None:
    paths = [str(tmp_path / f"{number}.csv") for number in range(count)]
    for number, path in enumerate(paths):
        Path(path).write_bytes(b"x" * number)
    os.remove(paths[1])
    absent = [str(tmp_path / "no" / "a"), paths[0] + "/in-a-file", str(tmp_path / ("n" * 400))]
    found = find_files([*paths, *absent])
    sizes = {path: [file.size for file in files] for path, files in found.items()}
    assert sizes == {path: [n] for n, path in enumerate(paths) if n != 1}


@pytest.mark.parametrize("pattern", ["{}", "{}*"])
def test_a_local_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
    paths = [str(tmp_path / f"{number:03d}") for number in range(200)]
    for path in paths:
        Path(path).touch()
    listed: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (listed.append(str(path)), scandir(path))[1])
    assert len(find_files([star(pattern.format(path)) for path in paths])) == 200
    assert listed == [str(tmp_path)]


def test_links_are_followed_and_a_folder_is_one_thing(tmp_path: Path) -> None:
    write_bytes_atomic(tmp_path / "real", b"12345")
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    write_bytes_atomic(tmp_path / "folder" / "deep" / "x", b"123")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "broken").symlink_to("nowhere")
    names = ["link", "broken", "folder"] + [f"none{n}" for n in range(40)]
    for some in (names[:3], names):
        found = find_files([str(tmp_path / name) for name in some])
        assert {Path(path).name: file.size for path, [file] in found.items()} == {"link": 5, "folder": 3}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("s1_L*_R1.gz", ["s1_L001_R1.gz", "s1_L002_R1.gz"]),
        ("s1*", ["s1", "s11", "s1_L001_R1.gz", "s1_L002_R1.gz"]),
        ("[s1]_L*", ["[s1]_L001"]),
        ("d*/a/*.json", ["d1/a/1.json", "d1/a/2.json", "d2/a/1.json"]),
        ("d1/*", ["d1/a", "d1/x.json"]),
        ("none/*", None),
    ],
)
def test_a_star_stands_for_several_files_in_sorted_order(tmp_path: Path, pattern: str, names: list[str] | None) -> None:
    for name in ("s1_L002_R1.gz", "s1_L001_R1.gz", "s1", "s11", "[s1]_L001", "d1/a/1.json", "d1/a/2.json",
                 "d2/a/1.json", "d1/x.json", "d2/b/3.json"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    location = star(f"{tmp_path}/{pattern}")
    found = find_files([location])
    assert [f.name.removeprefix(f"{tmp_path}/") for f in found.get(location, [])] == (names or [])
    assert (location in found) is (names is not None)


def test_the_version_of_several_files_changes_with_contents_and_names_and_not_with_their_place(tmp_path: Path) -> None:
    versions = []
    for place, names in (("a", "12"), ("b", "12"), ("c", "13")):
        (tmp_path / place).mkdir()
        for number, name in enumerate(names):
            (tmp_path / place / f"{name}.csv").write_text(str(number))
        versions.append(version_of(star(f"{tmp_path}/{place}/*.csv")))
    assert versions[0] == versions[1] != versions[2]
    (tmp_path / "a" / "1.csv").write_text("x")
    assert version_of(star(f"{tmp_path}/a/*.csv")) != versions[0]


def test_the_version_of_a_folder_sees_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    (folder / "a").mkdir(parents=True)
    write_bytes_atomic(folder / "a" / "x", b"1")
    first = version_of(str(folder))
    os.rename(folder / "a" / "x", folder / "a" / "y")
    second = version_of(str(folder))
    write_bytes_atomic(folder / "a" / "y", b"2")
    assert len({first, second, version_of(str(folder))}) == 3


def test_the_version_of_one_file_is_the_hash_of_its_content(tmp_path: Path, memory: MemoryFileSystem) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    memory.pipe_file("/b/x", b"abc")
    assert version_of(str(tmp_path / "x")) == version_of("memory://b/x") == hashlib.sha256(b"abc").hexdigest()


def test_what_proves_that_a_file_is_the_same_is_not_its_size_and_time_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1\n")
    os.utime(path, ns=(5, 5))
    first = prove(find_files([str(path)])[str(path)], Versioning.HASH, LATER)
    assert prove(find_files([str(path)])[str(path)], Versioning.HASH, LATER) == first != ""
    path.write_text("2\n")
    os.utime(path, ns=(5, 5))
    assert prove(find_files([str(path)])[str(path)], Versioning.HASH, LATER) != first


def test_a_file_that_may_change_again_within_one_tick_of_its_clock_proves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.touch()
    files = find_files([str(path)])[str(path)]
    assert prove(files, Versioning.HASH, time.time_ns()) == ""
    assert prove(files, Versioning.HASH, path.stat().st_ctime_ns + UNSETTLED_NS + 1) != ""


def test_an_etag_a_hash_and_a_size_never_are_equal() -> None:
    file = FoundFile("s3://b/x", 3, "p", hashlib.sha256(b"abc").hexdigest(), "2024-05-01")
    assert compute_version("s3://b/x", [file], Versioning.ETAG) == f"etag:{file.etag}"
    assert compute_version("s3://b/x", [file], Versioning.SIZE_AND_TIME) == "size+mtime:3-2024-05-01"
    no_etag = FoundFile("http://h/x", 3, "p", None, "Wed, 01 May 2024 00:00:00 GMT")
    assert compute_version("http://h/x", [no_etag], Versioning.ETAG) == f"modified:3-{no_etag.modified}"
    nothing = FoundFile("http://h/x", 3, "")
    with pytest.raises(MissingInputError, match=r"comes without an etag .* version='hash'"):
        compute_version("http://h/x", [nothing], Versioning.ETAG)
    with pytest.raises(MissingInputError, match="has no time of modification"):
        compute_version("http://h/x", [nothing], Versioning.SIZE_AND_TIME)
    assert prove([nothing], Versioning.HASH, LATER) == ""


def test_the_default_is_by_the_place() -> None:
    assert read_versioning(None, "inbox/{partition_key}") is Versioning.HASH
    assert read_versioning(None, "file:///x/{partition_key}") is Versioning.HASH
    assert read_versioning(None, "s3://b/{partition_key}") is Versioning.ETAG
    with pytest.raises(DeclarationError, match=r"version='md5' is no way .* there is 'etag', 'hash', 'size\+mtime'"):
        read_versioning("md5", "s3://b/x")


@pytest.mark.parametrize("count", [2, 50])
def test_remote_files_are_found(memory: MemoryFileSystem, count: int) -> None:
    urls = [f"memory://scan/{number}.csv" for number in range(count)]
    for url in urls[1:]:
        memory.pipe_file(url.removeprefix("memory:/"), b"abc")
    first = find_files(urls)
    assert set(first) == set(urls[1:])
    assert {file.size for [file] in first.values()} == {3}
    memory.pipe_file(urls[1].removeprefix("memory:/"), b"abd")
    assert find_files(urls)[urls[1]] != first[urls[1]]


def test_remote_names_are_no_patterns_and_no_chains(memory: MemoryFileSystem) -> None:
    names = ["plate[A1].csv", "plateA.csv", "100%#?.csv", "a::b.csv", "a*b.csv", "{x}.csv"]
    for name in names:
        memory.pipe_file(f"/b/in/{name}", name.encode())
    for some in (names, names[:1], names[3:4]):
        found = find_files([f"memory://b/in/{name}" for name in some])
        assert [file.name.rpartition("/")[2] for [file] in found.values()] == some
    for name in names:
        assert version_of(f"memory://b/in/{name}") == hashlib.sha256(name.encode()).hexdigest()


def test_a_day_of_hours_is_one_listing_and_so_is_a_month(memory: MemoryFileSystem, calls: list[str]) -> None:
    def location(day: int, hour: int) -> str:
        return star(f"memory://lake/raw/2013/01/{day:02d}/{hour:02d}-0500/*.json.gz")

    month = [location(day, hour) for day in range(1, 32) for hour in range(24)]
    for place in month:
        memory.pipe_file(place.removeprefix("memory:/").replace(WILDCARD, "b"), b"2")
        memory.pipe_file(place.removeprefix("memory:/").replace(WILDCARD, "a"), b"1")
    memory.pipe_file("/lake/raw/2013/02/01/00-0500/x.json.gz", b"3")
    found = find_files(month)
    assert len(found) == 31 * 24
    assert [file.name.rpartition("/")[2] for file in found[month[5]]] == ["a.json.gz", "b.json.gz"]
    assert calls == ["find /lake/raw/2013/01"]
    calls.clear()
    assert len(find_files(month[:24])) == 24
    assert calls == ["find /lake/raw/2013/01/01"]
    calls.clear()
    assert len(find_files([month[0], month[-1]])) == 2  # far apart: not all that lies between them
    assert calls == ["ls /lake/raw/2013/01/01/00-0500", "ls /lake/raw/2013/01/31/23-0500"]


def test_few_files_are_looked_up_and_many_are_listed(memory: MemoryFileSystem, calls: list[str]) -> None:
    urls = [f"memory://b/in/{number}.csv" for number in range(1000)]
    for url in urls:
        memory.pipe_file(url.removeprefix("memory:/"), b"x")
    assert len(find_files(urls[:FEW])) == FEW
    assert calls == [f"info /b/in/{number}.csv" for number in range(FEW)]
    calls.clear()
    assert len(find_files(urls)) == 1000
    assert calls == ["ls /b/in"]


def test_never_more_listings_than_some() -> None:
    far = [f"b/{year}/{day}/x" for year in range(1900, 2000) for day in range(300)]
    assert choose_folders(far) == [("b", True)]
    assert len(choose_folders(far[: 300 * MOST_LISTINGS])) == MOST_LISTINGS
    assert choose_folders(["b/x/1", "b/x/2", star("b/y/*/z")]) == [("b/x", False), ("b/y", True)]
    assert choose_folders([star("b/*/z"), "b/x/1"]) == [("b", True)]


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingInputError, match="nosuch"):
        find_files(["nosuch://a/b"])

    def refuse(url: str, **_: Any) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    for scheme, extra in {"s3": "s3", "gs": "gcs", "abfs": "azure", "https": "http"}.items():
        with pytest.raises(ExtraRequiredError, match=rf"install nbpart\[{extra}\]"):
            find_files([f"{scheme}://a/b"])
    with pytest.raises(ExtraRequiredError, match="install what fsspec needs for it"):
        find_files(["hdfs://a/b"])


def test_errors_of_packages_are_errors_of_reading(memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoCredentialsError(Exception):
        pass

    def refuse(*_: Any, **__: Any) -> None:
        raise NoCredentialsError("Unable to locate credentials")

    monkeypatch.setattr(MemoryFileSystem, "info", refuse)
    with pytest.raises(OSError, match="memory://b: NoCredentialsError: Unable to locate credentials"):
        find_files(["memory://b/x"])
