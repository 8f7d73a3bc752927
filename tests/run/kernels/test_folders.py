"""Folders in the system's temporary folder: each bears the name of who removes it, and no other is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbpart.run.kernels import folders, processes, zygotes

pytestmark = pytest.mark.skipif(not zygotes.is_supported(), reason="processes are told apart on Linux only")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


def dead_process() -> str:
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        name = processes.identify(process.pid)
        assert not processes.is_gone(name)
    assert processes.is_gone(name)
    return name


def test_only_what_a_dead_process_made_is_removed(scratch: Path) -> None:
    own, dead = Path(folders.make_folder()), Path(folders.make_folder(dead_process()))
    assert dead.stat().st_mode & 0o777 == 0o700
    (dead / "kernel.json").touch()
    elsewhere = scratch / dead.name.replace(dead.name.split("-")[1], "0" * 8)  # made on another machine
    again = scratch / f"{dead.name}-of-mine"
    for kept in (elsewhere, again, scratch / "nbpart-12-abcdefgh"):
        kept.mkdir()
    before = set(os.listdir(scratch))
    folders.remove_abandoned()
    assert before - set(os.listdir(scratch)) == {dead.name}
    assert own.exists()


def test_a_link_is_neither_followed_nor_removed(scratch: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").touch()
    name = Path(folders.make_folder(dead_process()))
    inner = name / "inner"
    inner.symlink_to(precious)
    link = scratch / (name.name[:-8] + "abcdefgh")
    link.symlink_to(precious)
    folders.remove_abandoned()
    assert not name.exists()
    assert link.is_symlink()
    assert (precious / "data").exists()


def test_what_another_process_is_to_remove_is_removed_by_its_name(scratch: Path) -> None:
    one, other = Path(folders.make_folder("12.34")), Path(folders.make_folder("12.35"))
    folders.remove_folders("12.34")
    assert (one.exists(), other.exists()) == (False, True)
