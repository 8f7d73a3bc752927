"""A workspace's own files: what is no ordinary file of one name is refused, and permissions follow the folder."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from nbpart.errors import WorkspaceError
from nbpart.storage.own_files import (
    check_own,
    make_folder,
    open_own,
    open_own_folder,
    read_own,
    rename_new,
    share,
)


def link(place: Path, victim: Path) -> None:
    place.symlink_to(victim)


def hard_link(place: Path, victim: Path) -> None:
    os.link(victim, place)


def pipe(place: Path, victim: Path) -> None:
    os.mkfifo(place)


def unix_socket(place: Path, victim: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))


def folder(place: Path, victim: Path) -> None:
    place.mkdir()


STRANGE = {
    "a link": link,
    "hard link": hard_link,
    "a named pipe": pipe,
    "a socket": unix_socket,
    "a folder": folder,
}


@pytest.mark.parametrize("kind", STRANGE)
def test_what_is_no_ordinary_file_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    victim, place = tmp_path / "victim", tmp_path / "own"
    victim.write_text("precious")
    STRANGE[kind](place, victim)
    attempts: list[Callable[[], object]] = [
        lambda: open_own(place, writes=True, create=True),
        lambda: open_own(place),
        lambda: read_own(place),
        lambda: check_own(place),
    ]
    for attempt in attempts:
        with pytest.raises(WorkspaceError) as caught:
            attempt()
        assert str(place) in str(caught.value)
        assert kind in str(caught.value).replace("a symbolic link", "a link")
        assert "\n" not in str(caught.value)
    assert victim.read_text() == "precious"


def test_a_dangling_link_makes_nothing(tmp_path: Path) -> None:
    place = tmp_path / "own"
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match="is a link to"):
        open_own(place, writes=True, create=True)
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_not_there_is_refused_or_made(tmp_path: Path) -> None:
    place = tmp_path / "own"
    assert not check_own(place)
    with pytest.raises(FileNotFoundError):
        open_own(place)
    file = open_own(place, writes=True, create=True)
    os.write(file, b"text")
    os.close(file)
    assert check_own(place)
    assert read_own(place) == b"text"


def test_a_new_file_takes_the_permissions_of_its_model(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.touch()
    model.chmod(0o664)
    before = os.umask(0o077)
    try:
        os.close(open_own(tmp_path / "own", writes=True, create=True, like=model))
        os.close(open_own(tmp_path / "alone", writes=True, create=True, like=tmp_path / "absent"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o664
    assert stat.S_IMODE((tmp_path / "alone").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("mode", "wanted_file", "wanted_folder"),
    [(0o755, 0o600, 0o700), (0o775, 0o660, 0o770), (0o777, 0o666, 0o777), (0o1777, 0o660, 0o770)],
)
def test_a_shared_folder_shares_what_is_made_in_it(
    tmp_path: Path, mode: int, wanted_file: int, wanted_folder: int
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(mode)
    before = os.umask(0o077)
    try:
        make_folder(tmp_path, tmp_path / "data" / "asset")
        os.close(open_own(tmp_path / "data" / "file", writes=True, create=True))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "data" / "asset").stat().st_mode) == wanted_folder
    assert stat.S_IMODE((tmp_path / "data" / "file").stat().st_mode) == wanted_file


def test_a_file_takes_the_group_of_its_folder(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give a folder to any group")
    place = tmp_path / "shared"
    place.mkdir()
    os.chown(place, -1, 4242)
    file = open_own(place / "own", writes=True, create=True)
    assert os.fstat(file).st_gid == 4242
    os.close(file)
    (place / "made").touch()
    os.chown(place / "made", -1, 0)
    share(place.stat(), place / "made")
    assert (place / "made").stat().st_gid == 4242


def test_folders_are_made_below_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    make_folder(tmp_path, tmp_path / "data" / "a" / "b")
    make_folder(tmp_path, tmp_path / "data" / "a" / "b")
    assert (tmp_path / "data" / "a" / "b").is_dir()
    with pytest.raises(WorkspaceError, match="moved or replaced"):
        make_folder(tmp_path, tmp_path / "runs" / "a")
    with pytest.raises(WorkspaceError, match="moved or replaced"):
        make_folder(tmp_path / "gone", tmp_path / "gone" / "data" / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_no_folder_is_made_behind_a_link(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "ws"
    outside.mkdir()
    (root / "runs").mkdir(parents=True)
    (root / "data").symlink_to(outside)
    (root / "runs" / "asset").symlink_to(outside)
    (root / "runs" / "file").touch()
    for place, message in (
        ("data/x", "is a link to"),
        ("runs/asset/x", "is a link to"),
        ("runs/file/x", "is an ordinary"),
    ):
        with pytest.raises(WorkspaceError, match=message):
            make_folder(root, root / place)
    with pytest.raises(WorkspaceError, match="is a link to"):
        open_own_folder(root / "data")
    assert list(outside.iterdir()) == []


def test_a_rename_replaces_nothing(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("old")
    new.write_text("new")
    with pytest.raises(FileExistsError):
        rename_new(old, new)
    assert (old.read_text(), new.read_text()) == ("old", "new")
    new.unlink()
    rename_new(old, new)
    assert (old.exists(), new.read_text()) == (False, "old")
