from __future__ import annotations

import datetime
import hashlib
import os
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.errors import DeclarationError, ExtraRequiredError, MissingInputError, PartitionKeyError
from nbpart.storage.files import (
    FileVersion,
    hash_file,
    hash_location,
    inside,
    resolve_source,
    scan_versions,
    write_atomic,
    write_bytes_atomic,
)


def test_a_write_leaves_one_file_and_makes_no_folder(tmp_path: Path) -> None:
    target = tmp_path / "a" / "x.bin"
    with pytest.raises(FileNotFoundError):
        write_bytes_atomic(target, b"one")
    assert os.listdir(tmp_path) == []
    target.parent.mkdir()
    write_bytes_atomic(target, b"one")
    write_bytes_atomic(target, b"two")
    assert target.read_bytes() == b"two"
    assert os.listdir(target.parent) == ["x.bin"]


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "x.bin"
    write_bytes_atomic(target, b"old")

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        write_atomic(target, fail)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.bin"]


def test_write_takes_the_longest_file_name(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)
    write_bytes_atomic(target, b"x")
    assert target.read_bytes() == b"x"


def test_hashes(tmp_path: Path) -> None:
    write_bytes_atomic(tmp_path / "x", b"abc")
    expected = hashlib.sha256(b"abc").hexdigest()
    assert hash_file(tmp_path / "x") == hash_location(str(tmp_path / "x")) == expected
    with pytest.raises(MissingInputError, match="there is no file"):
        hash_location(str(tmp_path / "gone"))


def test_hash_of_a_folder_sees_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    (folder / "a").mkdir(parents=True)
    write_bytes_atomic(folder / "a" / "x", b"1")
    first = hash_location(str(folder))
    os.rename(folder / "a" / "x", folder / "a" / "y")
    second = hash_location(str(folder))
    write_bytes_atomic(folder / "a" / "y", b"2")
    assert len({first, second, hash_location(str(folder))}) == 3


def test_inside(tmp_path: Path) -> None:
    assert inside(tmp_path, "a/b") == tmp_path.resolve() / "a" / "b"
    for path in ("..", "a/../../x", "/etc/passwd"):
        with pytest.raises(PartitionKeyError):
            inside(tmp_path, path)
    (tmp_path / "link").symlink_to("/")
    with pytest.raises(PartitionKeyError):
        inside(tmp_path, "link/etc")


@pytest.mark.parametrize(
    ("pattern", "key", "params", "expected"),
    [
        ("inbox/{partition_key}", "a.csv", {}, "/ws/inbox/a.csv"),
        ("inbox/{partition_key}", "sub/a.csv", {}, "/ws/inbox/sub/a.csv"),
        ("inbox/{partition_key}", "{partition_key}", {}, "/ws/inbox/{partition_key}"),
        ("{partition_key}.csv", "a", {}, "/ws/a.csv"),
        ("/abs/{partition_key}/x", "a", {}, "/abs/a/x"),
        ("../{partition_key}", "a", {}, "/a"),
        ("/{partition_key}", "a", {}, "/a"),
        (
            "d/{{x}}/{lr}-{on}-{day}",
            "k",
            {"lr": 0.1, "on": True, "day": datetime.date(2024, 5, 1)},
            "/ws/d/{x}/0.1-true-2024-05-01",
        ),
        ("whole.csv", None, {}, "/ws/whole.csv"),
        ("s3://bucket/in/{partition_key}", "a b.csv", {}, "s3://bucket/in/a b.csv"),
        ("s3://bucket/{partition_key}", "a", {}, "s3://bucket/a"),
        ("https://host/x.csv", None, {}, "https://host/x.csv"),
    ],
)
def test_resolve(pattern: str, key: str | None, params: dict[str, object], expected: str) -> None:
    assert resolve_source(pattern, "/ws", key, params) == expected


@pytest.mark.parametrize("key", ["..", ".", "../x", "a/../../x", "../inbox-2/x", "../inbox"])
@pytest.mark.parametrize(
    "pattern", ["inbox/{partition_key}", "s3://bucket/inbox/{partition_key}", "/{partition_key}/../../x/y/../.."]
)
def test_a_key_cannot_escape(pattern: str, key: str) -> None:
    with pytest.raises(PartitionKeyError, match="leads out"):
        resolve_source(pattern, "/ws", key)


@given(st.text(st.characters(exclude_categories=["C"]), min_size=1))
def test_every_key_stays_in_its_folder(key: str) -> None:
    try:
        path = resolve_source("inbox/{partition_key}", "/ws", key)
    except PartitionKeyError:
        return
    assert path.startswith("/ws/inbox/")
    assert ".." not in path.split("/")


def test_pattern_errors() -> None:
    with pytest.raises(DeclarationError, match="did you mean 'partition_key'"):
        resolve_source("inbox/{partitionkey}", "/ws", "a")
    with pytest.raises(DeclarationError, match="lone brace"):
        resolve_source("inbox/{partition_key", "/ws", "a")
    with pytest.raises(DeclarationError):
        resolve_source("inbox/{partition_key.__class__}", "/ws", "a")


@pytest.mark.parametrize("count", [3, 100])
def test_scan_finds_what_is_there(tmp_path: Path, count: int) -> None:
    paths = [str(tmp_path / f"{number}.csv") for number in range(count)]
    for number, path in enumerate(paths):
        Path(path).write_bytes(b"x" * number)
        os.utime(path, ns=(0, 1_000 + number))
    os.remove(paths[1])
    absent = [str(tmp_path / "no" / "a"), paths[0] + "/in-a-file", str(tmp_path / ("n" * 400))]
    found = scan_versions([*paths, *absent])
    assert found == {p: FileVersion(n, 1_000 + n) for n, p in enumerate(paths) if n != 1}


def test_scan_lists_a_folder_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(tmp_path / f"{number}") for number in range(200)]
    for path in paths:
        Path(path).touch()
    listed: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (listed.append(str(path)), scandir(path))[1])
    assert len(scan_versions(paths)) == 200
    assert listed == [str(tmp_path)]


def test_scan_follows_links_and_counts_folders(tmp_path: Path) -> None:
    write_bytes_atomic(tmp_path / "real", b"12345")
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    write_bytes_atomic(tmp_path / "folder" / "deep" / "x", b"123")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "broken").symlink_to("nowhere")
    names = ["link", "broken", "folder"] + [f"none{n}" for n in range(40)]
    for some in (names[:3], names):
        found = scan_versions([str(tmp_path / name) for name in some])
        assert {Path(path).name: version.size for path, version in found.items()} == {"link": 5, "folder": 3}


@pytest.mark.parametrize("count", [2, 50])
def test_scan_urls(count: int) -> None:
    filesystem = fsspec.filesystem("memory")
    urls = [f"memory://scan{count}/{number}.csv" for number in range(count)]
    for url in urls[1:]:
        filesystem.pipe_file(url.removeprefix("memory:/"), b"abc")
    first = scan_versions(urls)
    assert set(first) == set(urls[1:])
    assert {version.size for version in first.values()} == {3}
    filesystem.pipe_file(urls[1].removeprefix("memory:/"), b"abd")
    assert scan_versions(urls)[urls[1]] != first[urls[1]]
    assert hash_location(urls[1]) == hashlib.sha256(b"abd").hexdigest()
    with pytest.raises(MissingInputError):
        hash_location(urls[0])


def test_an_unknown_protocol_is_an_error_that_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingInputError, match="nosuch"):
        scan_versions(["nosuch://a/b"])

    def refuse(url: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    with pytest.raises(ExtraRequiredError, match="Install s3fs"):
        scan_versions(["s3://a/b"])


@pytest.mark.parametrize("name", ["x" * 255, "ä" * 127, "名" * 85, os.fsdecode(b"\xe9" * 255)])
def test_the_longest_names_are_written(tmp_path: Path, name: str) -> None:
    write_bytes_atomic(tmp_path / name, b"one")
    assert os.listdir(tmp_path) == [name]
