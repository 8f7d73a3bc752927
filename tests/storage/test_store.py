"""What every store promises: each implementation is listed in STORES and goes through all of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nbpart.errors import WorkspaceError
from nbpart.storage.store import LocalStore, Store, publish_bytes


def make_local(folder: Path) -> LocalStore:
    for name in ("data", "runs"):
        (folder / name).mkdir()
    return LocalStore(folder)


STORES: dict[str, Callable[[Path], Store]] = {"local": make_local}


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return STORES[request.param](tmp_path)


def read(store: Store, path: str) -> bytes:
    with store.read(path) as file:
        return file.read()


def test_what_is_published_is_read(store: Store) -> None:
    made = publish_bytes(store, "data/a/b/x.txt", b"one")
    assert read(store, "data/a/b/x.txt") == b"one"
    assert (made.path, made.bytes) == ("data/a/b/x.txt", 3)
    assert store.stat("data/a/b/x.txt") == made


def test_publishing_again_replaces(store: Store) -> None:
    publish_bytes(store, "data/x", b"one")
    with store.read("data/x") as before:
        publish_bytes(store, "data/x", b"three")
        assert before.read() == b"one"
    assert read(store, "data/x") == b"three"


def test_what_fails_while_it_is_written_leaves_the_store_as_it_was(store: Store) -> None:
    publish_bytes(store, "data/x", b"one")
    for path in ("data/x", "data/new/y"):
        with pytest.raises(ZeroDivisionError):
            store.publish(path, lambda place: place.write_bytes(b"half") / 0)
    assert [file.path for file in store.list("data")] == ["data/x"]
    assert read(store, "data/x") == b"one"


def test_nothing_is_seen_of_a_file_before_it_is_whole(store: Store) -> None:
    def write(place: Path) -> None:
        place.write_bytes(b"half")
        assert store.stat("data/x") is None
        assert list(store.list("data")) == []

    store.publish("data/x", write)
    assert store.stat("data/x") is not None


def test_a_list_has_every_file_below_a_folder(store: Store) -> None:
    paths = ["data/a/1", "data/a/b/2", "data/c/3", "data/4", "runs/5"]
    for path in paths:
        publish_bytes(store, path, path.encode())
    assert sorted(file.path for file in store.list("data")) == sorted(paths[:4])
    assert {file.path: file for file in store.list("data/a")} == {path: store.stat(path) for path in paths[:2]}
    assert list(store.list("data/none")) == []


def test_what_is_removed_is_gone(store: Store) -> None:
    publish_bytes(store, "data/a/x", b"one")
    assert store.remove("data/a/x")
    assert not store.remove("data/a/x")
    assert not store.remove("data/a/x/y")
    assert store.stat("data/a/x") is None
    with pytest.raises(FileNotFoundError):
        store.read("data/a/x")


@pytest.mark.parametrize("name", ["a b", "ü", "50%", "a.tmp", "CON", "x" * 200])
def test_a_name_is_any_that_a_file_can_have(store: Store, name: str) -> None:
    publish_bytes(store, f"data/{name}", b"one")
    assert [file.path for file in store.list("data")] == [f"data/{name}"]
    assert read(store, f"data/{name}") == b"one"


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "data/../../x", "data//x", "./data", "data/a\0b"])
def test_a_path_that_leads_elsewhere_is_refused(store: Store, path: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.read(path),
        lambda: publish_bytes(store, path, b""),
        lambda: list(store.list(path)),
        lambda: store.remove(path),
        lambda: store.stat(path),
    ]
    for call in calls:
        with pytest.raises(WorkspaceError):
            call()


def test_a_local_store_goes_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    local = make_local(tmp_path / "store")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_bytes(b"theirs")
    os.symlink(tmp_path / "outside", tmp_path / "store" / "data" / "way")
    for call in (
        lambda: local.read("data/way/x"),
        lambda: publish_bytes(local, "data/way/x", b""),
        lambda: local.remove("data/way/x"),
    ):
        with pytest.raises(WorkspaceError, match="is a link"):
            call()
    assert list(local.list("data")) == []
    assert (tmp_path / "outside" / "x").read_bytes() == b"theirs"


def test_a_local_store_replaces_a_link_that_stands_in_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    local = make_local(tmp_path / "store")
    (tmp_path / "theirs").write_bytes(b"theirs")
    os.symlink(tmp_path / "theirs", tmp_path / "store" / "data" / "x")
    publish_bytes(local, "data/x", b"mine")
    assert read(local, "data/x") == b"mine"
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


def test_what_is_no_file_is_refused_by_a_local_store(tmp_path: Path) -> None:
    local = make_local(tmp_path)
    os.mkfifo(tmp_path / "data" / "pipe")
    for call in (local.read, local.stat):
        with pytest.raises(WorkspaceError, match="no ordinary file"):
            call("data/pipe")
    assert list(local.list("data")) == []
