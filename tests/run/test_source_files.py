"""Remote files of sources as a run gets them: whole, and once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from nbpart.run.source_files import FetchedFiles, load_source


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


def overwrite_while_fetching(monkeypatch: pytest.MonkeyPatch, memory: MemoryFileSystem, times: int) -> list[str]:
    fetched: list[str] = []
    real = MemoryFileSystem.get_file

    def get_file(self: Any, name: str, path: str, **options: Any) -> None:
        real(self, name, path, **options)
        fetched.append(name)
        if len(fetched) <= times:
            memory.pipe_file("/b/x.csv", b"new" * len(fetched))

    monkeypatch.setattr(MemoryFileSystem, "get_file", get_file)
    return fetched


def test_a_file_that_is_replaced_while_it_is_fetched_is_fetched_again(
    memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe_file("/b/x.csv", b"old")
    file = load_source("memory://b/x.csv", {}, FetchedFiles())
    fetched = overwrite_while_fetching(monkeypatch, memory, 1)
    assert Path(file).read_bytes() == b"new"
    assert Path(file).name == "x.csv"
    assert fetched == ["/b/x.csv"] * 2, "and never again"


def test_one_that_does_not_come_to_rest_is_an_error_and_leaves_nothing(
    memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe_file("/b/x.csv", b"old")
    fetched_files = FetchedFiles()
    file = load_source("memory://b/x.csv", {}, fetched_files)
    overwrite_while_fetching(monkeypatch, memory, 100)
    with pytest.raises(OSError, match=r"memory://b/x\.csv changes while it is fetched"):
        os.fspath(file)
    monkeypatch.undo()
    assert Path(file).read_bytes().startswith(b"new")


def test_a_local_location_is_its_path(tmp_path: Path) -> None:
    assert load_source(str(tmp_path / "x"), {}, FetchedFiles()) == str(tmp_path / "x")
