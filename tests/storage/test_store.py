"""What every store promises: each implementation is listed in STORES of conftest and goes through all of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nbpart.errors import OutsideWorkspaceError, WorkspaceError
from nbpart.storage.adopted import AdoptingStore, mark_adopted
from nbpart.storage.store import Store, publish_again, publish_bytes, publish_file
from tests.storage.stores import make_local


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


def test_many_files_are_removed_at_once(store: Store) -> None:
    paths = ["data/a/b/1", "data/a/b/2", "data/a/3", "data/c/4", "data/5"]
    for path in [*paths, "data/a/b/stays"]:
        publish_bytes(store, path, b"one")
    asked = [paths[0], "data/none/0", *paths[1:], "data/a/b/none", paths[0]]
    assert store.remove(*asked) == paths
    assert [file.path for file in store.list("data")] == ["data/a/b/stays"]
    assert store.remove() == []


def test_nothing_is_removed_where_one_of_the_paths_is_refused(store: Store) -> None:
    publish_bytes(store, "data/a/x", b"one")
    with pytest.raises(OutsideWorkspaceError):
        store.remove("data/a/x", "data/../y")
    assert read(store, "data/a/x") == b"one"


def test_a_new_file_replaces_nothing(store: Store) -> None:
    store.publish("data/x", lambda place: place.write_text("one") and None, is_new=True)
    with pytest.raises(FileExistsError):
        store.publish("data/x", lambda place: place.write_text("two") and None, is_new=True)
    assert read(store, "data/x") == b"one"
    with pytest.raises(ZeroDivisionError):
        store.publish("data/y", lambda place: place.write_bytes(b"half") / 0, is_new=True)
    assert store.stat("data/y") is None


def test_what_is_read_can_be_sought_in(store: Store) -> None:
    publish_bytes(store, "data/x", b"abcdef")
    with store.read("data/x") as file:
        assert (file.seek(0, os.SEEK_END), file.seek(2), file.read(2)) == (6, 2, b"cd")


def test_a_local_file_holds_what_the_store_does(store: Store) -> None:
    publish_bytes(store, "data/a/x.txt", b"one")
    place = store.local_path("data/a/x.txt")
    assert (place.name, place.read_bytes()) == ("x.txt", b"one")
    assert not store.local_path("data/a/none.txt").exists()


def test_a_draft_is_stored_when_it_is_whole(store: Store) -> None:
    for content in (b"one", b"three"):
        draft = store.draft_path("data/a/x.bin")
        draft.write_bytes(content)
        assert publish_file(store, "data/a/x.bin", draft).bytes == len(content)
        assert read(store, "data/a/x.bin") == content


def test_a_file_of_somebody_is_stored_as_a_copy(store: Store, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"one")
    publish_file(store, "data/a/x", theirs)
    theirs.write_bytes(b"other")
    assert read(store, "data/a/x") == b"one"


def test_a_file_has_two_paths_until_both_are_removed(store: Store) -> None:
    publish_bytes(store, "data/a/x", b"one")
    publish_again(store, "data/a/x", "data/b/y")
    assert store.remove("data/a/x")
    assert read(store, "data/b/y") == b"one"
    publish_again(store, "data/b/y", "data/a/x")
    publish_bytes(store, "data/b/y", b"two")
    assert read(store, "data/a/x") == b"one"


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
        lambda: store.local_path(path),
        lambda: store.draft_path(path),
    ]
    for call in calls:
        with pytest.raises(OutsideWorkspaceError):
            call()


@pytest.fixture
def local(tmp_path: Path) -> Store:
    (tmp_path / "store").mkdir()
    return make_local(tmp_path / "store")


def all_calls(local: Store, path: str) -> list[Callable[[], object]]:
    return [
        lambda: local.read(path),
        lambda: local.stat(path),
        lambda: local.local_path(path),
        lambda: local.draft_path(path),
        lambda: local.list(path),
    ]


def test_a_local_store_goes_through_no_link(local: Store, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_bytes(b"theirs")
    os.symlink(tmp_path / "outside", tmp_path / "store" / "data" / "way")
    os.symlink(tmp_path / "outside" / "x", tmp_path / "store" / "data" / "x")
    for call in (
        *all_calls(local, "data/way/x"),
        *all_calls(local, "data/x"),
        *all_calls(local, "data/way"),
        lambda: publish_bytes(local, "data/way/x", b""),
        lambda: local.remove("data/way/x"),
    ):
        with pytest.raises(WorkspaceError, match="is a link"):
            call()
    assert list(local.list("data")) == []
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["x"]
    assert (tmp_path / "outside" / "x").read_bytes() == b"theirs"


def test_the_folder_of_a_local_store_may_be_a_link_itself(local: Store, tmp_path: Path) -> None:
    os.symlink(tmp_path / "store", tmp_path / "other")
    publish_bytes(make_local(tmp_path / "other"), "data/x", b"one")
    assert read(local, "data/x") == b"one"


def test_a_local_store_replaces_a_link_that_stands_in_place_of_a_file(local: Store, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"theirs")
    os.symlink(tmp_path / "theirs", tmp_path / "store" / "data" / "x")
    publish_bytes(local, "data/x", b"mine")
    assert read(local, "data/x") == b"mine"
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_is_refused_by_a_local_store(local: Store, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "store" / "data" / "it"
    if kind == "pipe":
        os.mkfifo(place)
    else:
        place.mkdir()
    for call in (local.read, local.stat):
        with pytest.raises(WorkspaceError, match="no ordinary file"):
            call("data/it")
    assert not (kind == "folder" and local.remove("data/it"))
    assert list(local.list("data")) == []


def test_leftovers_are_listed_on_demand_and_can_be_removed(local: Store, tmp_path: Path) -> None:
    publish_bytes(local, "data/a/x", b"one")
    folder = tmp_path / "store" / "data" / "a"
    (folder / "x.0123456789ab.tmp").write_bytes(b"half")
    os.symlink(tmp_path, folder / "way")
    os.symlink(tmp_path / "nowhere", folder / "dangling")
    os.mkfifo(folder / "pipe")
    assert [file.path for file in local.list("data")] == ["data/a/x"]
    left = {file.path for file in local.list("data", with_leftovers=True)} - {"data/a/x"}
    assert left == {f"data/a/{name}" for name in ("x.0123456789ab.tmp", "way", "dangling", "pipe")}
    assert sorted(local.remove(*left)) == sorted(left)
    assert [file.path for file in local.list("data", with_leftovers=True)] == ["data/a/x"]
    assert tmp_path.exists()


def test_a_local_store_keeps_no_empty_folder_but_the_first(local: Store, tmp_path: Path) -> None:
    for path in ("data/a/b/x", "data/a/y"):
        publish_bytes(local, path, b"one")
    top = tmp_path / "store" / "data"
    assert local.remove("data/a/b/x")
    assert [path.name for path in (top / "a").iterdir()] == ["y"]
    assert local.remove("data/a/y")
    assert list(top.iterdir()) == []
    paths = ["data/a/x", "data/a/b/y", "data/a/b/z", "data/c/x"]
    for path in [*paths, "data/c/stays"]:
        publish_bytes(local, path, b"one")
    assert local.remove(*paths) == paths
    assert [path.name for path in top.iterdir()] == ["c"]


def test_a_file_is_published_though_its_folder_goes_at_the_same_moment(
    local: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_bytes(local, "data/a/x", b"one")
    made: list[str] = []
    theirs = os.open

    def open_late(path: object, *args: object, **more: object) -> int:
        if str(path).endswith(".tmp") and not made:
            made.extend(local.remove("data/a/x"))
        return theirs(path, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", open_late)
    publish_bytes(local, "data/a/y", b"two")
    assert made == ["data/a/x"]
    assert read(local, "data/a/y") == b"two"


def test_nothing_is_published_where_the_first_folder_is_gone(tmp_path: Path) -> None:
    local = make_local(tmp_path)
    (tmp_path / "data").rename(tmp_path / "moved")
    with pytest.raises(WorkspaceError, match="is gone"):
        publish_bytes(local, "data/a/x", b"one")
    assert not (tmp_path / "data").exists()


def test_adopted_files_are_read_and_never_changed(tmp_path: Path) -> None:
    outside = tmp_path / "old" / "x.txt"
    outside.parent.mkdir()
    outside.write_bytes(b"one")
    (tmp_path / "w").mkdir()
    asked: list[bool] = []
    store = AdoptingStore(make_local(tmp_path / "w"), tmp_path / "w", lambda: asked.append(True))
    path = mark_adopted(str(outside), tmp_path / "w")
    assert (read(store, path), store.local_path(path), asked) == (b"one", outside, [True, True])
    found = store.stat(path)
    assert found is not None
    assert (found.path, found.bytes) == (path, 3)
    for change in (store.remove, store.draft_path, lambda path: publish_bytes(store, path, b"two")):
        with pytest.raises(OutsideWorkspaceError, match="was adopted: it is only ever read"):
            change(path)
    assert outside.read_bytes() == b"one"
    outside.unlink()
    os.mkfifo(outside)
    with pytest.raises(WorkspaceError, match="no ordinary file"):
        store.read(path)
    outside.unlink()
    assert store.stat(path) is None
