"""Data files that are not what was saved, and which fault is named for each."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nbpart.storage import FileFault, LocalStore, SavedFile, Store, find_fault, find_size_fault, save_value
from nbpart.storage.store import publish_bytes
from tests.storage.stores import make_local

VALUES = {
    "frame": pd.DataFrame({"n": [1, 2]}),
    "json": {"b": [1.5, -0.0, float("nan"), 10**40], "a": {"é": None}},
    "text": "some text\n",
    "bytes": bytes(range(256)),
}


def fault_of(store: Store, saved: SavedFile, **more: Any) -> FileFault | None:
    return find_fault(store, saved.path, saved.format, saved.bytes, saved.data_version, **more)


@pytest.fixture(params=VALUES)
def saved(request: pytest.FixtureRequest, store: Store) -> SavedFile:
    return save_value(store, VALUES[request.param], "data/value")


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return make_local(tmp_path)


def test_what_was_saved_is_without_fault(store: Store, saved: SavedFile) -> None:
    assert fault_of(store, saved) is None
    assert fault_of(store, saved, hashed_up_to=0) is None
    assert find_size_fault(store, saved.path, saved.bytes) is None


def test_a_byte_that_changed_is_other_content_and_one_more_another_size(store: Store, saved: SavedFile) -> None:
    with store.read(saved.path) as file:
        content = file.read()
    middle = len(content) // 2
    publish_bytes(store, saved.path, content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    assert fault_of(store, saved) is FileFault.CONTENT
    assert fault_of(store, saved, hashed_up_to=saved.bytes) is FileFault.CONTENT
    assert fault_of(store, saved, hashed_up_to=saved.bytes - 1) is None
    publish_bytes(store, saved.path, content + b"\n")
    assert fault_of(store, saved, hashed_up_to=0) is FileFault.SIZE
    assert find_size_fault(store, saved.path, saved.bytes) is FileFault.SIZE
    publish_bytes(store, saved.path, content)
    assert fault_of(store, saved) is None


def test_json_of_equal_dicts_is_equal_whatever_their_order(store: Store) -> None:
    saved = save_value(store, {"a": 1, "b": 2}, "data/value")
    publish_bytes(store, saved.path, json.dumps({"b": 2, "a": 1}, indent=1).encode())
    assert fault_of(store, saved) is None
    publish_bytes(store, saved.path, json.dumps({"b": 2, "a": 3}, indent=1).encode())
    assert fault_of(store, saved) is FileFault.CONTENT
    publish_bytes(store, saved.path, b"[" * saved.bytes)
    assert fault_of(store, saved) is FileFault.CONTENT


@pytest.mark.parametrize("name", ["gone", "value.txt/below", "n" * 300])
def test_nothing_there_is_deleted(name: str, store: Store) -> None:
    saved = save_value(store, "text", "data/value")
    assert find_fault(store, f"data/{name}", "text", 4, saved.data_version) is FileFault.DELETED
    assert find_size_fault(store, f"data/{name}", 4) is FileFault.DELETED


@pytest.mark.parametrize("path", ["data/../../x", "/etc/hostname", "nul\0"])
def test_what_is_outside_is_not_ours(path: str, store: Store) -> None:
    assert find_fault(store, path, "text", None, None) is FileFault.NOT_OURS
    assert find_size_fault(store, path, None) is FileFault.NOT_OURS


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket"])
def test_what_is_no_file_is_a_fault_and_is_not_waited_for(kind: str, local: Store, tmp_path: Path) -> None:
    path = tmp_path / "data" / "value"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert find_fault(local, "data/value", "bytes", None, None) is FileFault.NOT_A_FILE
    assert find_size_fault(local, "data/value", None) is FileFault.NOT_A_FILE
    assert before == (len(os.listdir("/proc/self/fd")) if before else 0)


@pytest.mark.parametrize("target", ["moved", "nowhere", "/dev/null"])
def test_a_link_is_not_ours_whatever_it_leads_to(local: Store, tmp_path: Path, target: str) -> None:
    saved = save_value(local, "text", "data/value")
    place = local.local_path(saved.path)
    place.rename(tmp_path / "moved")
    place.symlink_to(tmp_path / target)
    assert fault_of(local, saved) is FileFault.NOT_OURS
    assert find_size_fault(local, saved.path, saved.bytes) is FileFault.NOT_OURS


@pytest.mark.parametrize(
    ("number", "fault"),
    [(errno.EACCES, FileFault.FORBIDDEN), (errno.EPERM, FileFault.FORBIDDEN), (errno.EIO, FileFault.UNREADABLE)],
)
def test_what_cannot_be_read_is_not_called_deleted(
    number: int, fault: FileFault, local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save_value(local, "text", "data/value")

    theirs = os.open

    def refuse(path: Any, *args: Any, **options: Any) -> int:
        if str(path).endswith("value.txt"):
            raise OSError(number, os.strerror(number))
        return theirs(path, *args, **options)

    monkeypatch.setattr(os, "open", refuse)
    assert fault_of(local, saved) is fault
    assert fault.is_inconclusive


NOBODY = 65534


@pytest.fixture
def nobody() -> Iterator[None]:
    """Where the tests run as root, who may read everything: the user nobody, for the length of a test."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def forbidden(local: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SavedFile:
    """A data file that only root may read, in a store that anybody reaches from the current folder."""
    saved = save_value(local, "text", "data/value")
    place = local.local_path(saved.path)
    for folder in (tmp_path, place.parent):
        folder.chmod(0o755)
    place.chmod(0)
    monkeypatch.chdir(tmp_path)
    return saved


def test_a_file_without_permission_cannot_be_read(forbidden: SavedFile, nobody: None) -> None:
    here = LocalStore(Path())
    assert fault_of(here, forbidden) is FileFault.FORBIDDEN
    assert find_size_fault(here, forbidden.path, forbidden.bytes) is None
