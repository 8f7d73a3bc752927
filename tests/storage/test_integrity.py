"""A data file that is another than was saved is told by what is wrong with it."""

from __future__ import annotations

import errno
import json
import os
import socket
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nbpart.storage import FileFault, SavedFile, find_fault, save_value

VALUES = {
    "frame": pd.DataFrame({"n": [1, 2]}),
    "json": {"b": [1.5, -0.0, float("nan"), 10**40], "a": {"é": None}},
    "text": "some text\n",
    "bytes": bytes(range(256)),
}


def fault_of(saved: SavedFile, **more: Any) -> FileFault | None:
    return find_fault(saved.path, saved.format, saved.bytes, saved.data_version, **more)


@pytest.fixture(params=VALUES)
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> SavedFile:
    return save_value(VALUES[request.param], tmp_path / "value")


def test_what_was_saved_is_without_fault(saved: SavedFile) -> None:
    assert fault_of(saved) is None
    assert fault_of(saved, hashed_up_to=0) is None


def test_a_byte_that_changed_is_other_content_and_one_more_another_size(saved: SavedFile) -> None:
    content = saved.path.read_bytes()
    middle = len(content) // 2
    saved.path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    assert fault_of(saved) is FileFault.CONTENT
    assert fault_of(saved, hashed_up_to=saved.bytes) is FileFault.CONTENT
    assert fault_of(saved, hashed_up_to=saved.bytes - 1) is None
    saved.path.write_bytes(content + b"\n")
    assert fault_of(saved, hashed_up_to=0) is FileFault.SIZE
    saved.path.write_bytes(content)
    assert fault_of(saved) is None


def test_json_of_equal_dicts_is_equal_whatever_their_order(tmp_path: Path) -> None:
    saved = save_value({"a": 1, "b": 2}, tmp_path / "value")
    saved.path.write_text(json.dumps({"b": 2, "a": 1}, indent=1))
    assert fault_of(saved) is None
    saved.path.write_text(json.dumps({"b": 2, "a": 3}, indent=1))
    assert fault_of(saved) is FileFault.CONTENT
    saved.path.write_text("[" * saved.bytes)
    assert fault_of(saved) is FileFault.CONTENT


@pytest.mark.parametrize("name", ["gone", "value.txt/below", "n" * 300, "nul\0"])
def test_nothing_there_is_deleted(name: str, tmp_path: Path) -> None:
    saved = save_value("text", tmp_path / "value")
    assert find_fault(saved.path.parent / name, "text", 4, saved.data_version) is FileFault.DELETED
    os.symlink(tmp_path / "nowhere", tmp_path / "dangling")
    assert find_fault(tmp_path / "dangling", "text", 4, saved.data_version) is FileFault.DELETED


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "device"])
def test_what_is_no_file_is_a_fault_and_is_not_waited_for(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "value"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    else:
        path.symlink_to("/dev/null")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert find_fault(path, "bytes", None, None) is FileFault.NOT_A_FILE
    assert before == (len(os.listdir("/proc/self/fd")) if before else 0)


def test_a_link_to_the_same_bytes_is_as_good_as_they_are(tmp_path: Path) -> None:
    saved = save_value("text", tmp_path / "value")
    saved.path.rename(tmp_path / "moved")
    saved.path.symlink_to(tmp_path / "moved")
    assert fault_of(saved) is None


@pytest.mark.parametrize(
    ("number", "fault"),
    [(errno.EACCES, FileFault.FORBIDDEN), (errno.EPERM, FileFault.FORBIDDEN), (errno.EIO, FileFault.UNREADABLE)],
)
def test_what_cannot_be_read_is_not_called_deleted(
    number: int, fault: FileFault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save_value("text", tmp_path / "value")

    def refuse(*args: Any, **options: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    assert fault_of(saved) is fault
    assert fault.says_nothing


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_cannot_be_read(tmp_path: Path) -> None:
    saved = save_value("text", tmp_path / "value")
    saved.path.chmod(0)
    assert fault_of(saved) is FileFault.FORBIDDEN
