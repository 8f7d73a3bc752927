from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from nbpart.errors import PartitionKeyError
from nbpart.storage.files import (
    hash_file,
    inside,
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


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "x.bin"
    write_bytes_atomic(target, b"old")

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        write_atomic(target, fail)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.bin"]


def test_a_file_with_the_longest_name_is_written(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)
    write_bytes_atomic(target, b"x")
    assert target.read_bytes() == b"x"


def test_the_hash_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    write_bytes_atomic(tmp_path / "x", b"abc")
    expected = hashlib.sha256(b"abc").hexdigest()
    assert hash_file(tmp_path / "x") == expected


def test_a_path_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    assert inside(tmp_path, "a/b") == tmp_path.resolve() / "a" / "b"
    for path in ("..", "a/../../x", "/etc/passwd"):
        with pytest.raises(PartitionKeyError):
            inside(tmp_path, path)
    (tmp_path / "link").symlink_to("/")
    with pytest.raises(PartitionKeyError):
        inside(tmp_path, "link/etc")


@pytest.mark.parametrize("name", ["x" * 255, "ä" * 127, "名" * 85, os.fsdecode(b"\xe9" * 255)])
def test_the_longest_names_are_written(tmp_path: Path, name: str) -> None:
    write_bytes_atomic(tmp_path / name, b"one")
    assert os.listdir(tmp_path) == [name]
