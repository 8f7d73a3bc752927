"""Scanning the code on disk: what counts as changed, what is read again, and what two processes do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart.project.code_scan import CodeScanner, describe_scan_time
from tests.recording import write_notebook


def _ahead() -> int:
    """A time at which what was written just now is long ago."""
    return time.time_ns() + 3_600_000_000_000


def _replace_by_rename(path: Path, text: str) -> None:
    beside = path.with_name(".save")
    beside.write_text(text)
    os.replace(beside, path)


def _keep_time(path: Path, text: str) -> None:
    found = path.stat()
    path.write_text(text)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.mark.parametrize("save", [Path.write_text, _replace_by_rename, _keep_time])
def test_every_way_of_saving_is_noticed_even_with_equal_size_and_time(
    ws: nbpart.Workspace, project: Path, save: Callable[[Path, str], Any]
) -> None:
    path = write_notebook(project / "train.ipynb", "x = 1")
    ws.notebook("train.ipynb")
    scanner = CodeScanner(ws.project.catalog, ws.root, _ahead)
    for _ in range(2):
        assert scanner.scan(ws.project.registry()).edited == {}
    time.sleep(0.02)  # of a file system whose clock ticks seldom
    save(path, path.read_text().replace("x = 1", "x = 3"))
    assert scanner.scan(ws.project.registry()).edited == {"train": ("train.ipynb",)}


def test_unchanged_files_are_not_read_again(
    ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        write_notebook(project / f"train{n}.ipynb", f"x = {n}")
        ws.notebook(f"train{n}.ipynb")
    scanner = CodeScanner(ws.project.catalog, ws.root, _ahead)
    scanner.scan(ws.project.registry())
    read: list[str] = []
    original = nbpart.project.code_scan.read_code_on_disk  # type: ignore[attr-defined]

    def note(node: Any, *rest: Any) -> Any:
        read.append(node.name)
        return original(node, *rest)

    monkeypatch.setattr("nbpart.project.code_scan.read_code_on_disk", note)
    scanner.scan(ws.project.registry())
    assert read == []
    write_notebook(project / "train1.ipynb", "x = 7")
    os.utime(project / "train2.ipynb")
    scanner.scan(ws.project.registry())
    assert read == ["train1"]


def test_a_damaged_scan_file_is_replaced(ws: nbpart.Workspace, project: Path) -> None:
    path = write_notebook(project / "train.ipynb", "x = 1")
    ws.notebook("train.ipynb")
    scanner = CodeScanner(ws.project.catalog, ws.root, _ahead)
    scanner.scan(ws.project.registry())
    for damaged in ("{", "[]", '{"files": 1, "assets": {}}', '{"files": {"x": 1}, "assets": {"train": 3}}'):
        (ws.root / "code_seen.json").write_text(damaged)
        write_notebook(path, f"y = {len(damaged)}")
        assert list(scanner.scan(ws.project.registry()).edited) == ["train"]


def test_an_edit_is_registered_once_and_a_newer_registration_is_kept(ws: nbpart.Workspace, project: Path) -> None:
    path = write_notebook(project / "train.ipynb", "x = 1")
    ws.notebook("train.ipynb")
    with nbpart.open(ws.root) as other:
        registry = other.project.registry()
        write_notebook(path, "x = 2")
        assert list(ws.refresh().edited) == ["train"]
        late = CodeScanner(other.project.catalog, other.root, _ahead)
        assert late.scan(registry).edited == {}, "it looked with what was registered before"
        assert other.refresh().edited == {}
        registry = other.project.registry()
        write_notebook(path, "x = 3")
        ws.notebook("train.ipynb", description="newer")
        assert late.scan(registry).edited == {}
        assert other.assets["train"].description == "newer"


def test_status_says_when_code_was_last_scanned(ws: nbpart.Workspace, project: Path) -> None:
    write_notebook(project / "train.ipynb", "x = 1")
    ws.notebook("train.ipynb")
    assert ws.code_checked_at is None
    ws.plan()
    assert ws.code_checked_at is not None
    assert ws.status().columns.name is None
    assert "as seen" not in ws._repr_html_()
    long_ago = datetime.now(UTC) - timedelta(days=2)
    os.utime(ws.root / "code_seen.json", (long_ago.timestamp(),) * 2)
    expected = f"as seen {long_ago.astimezone():%Y-%m-%d %H:%M}"
    assert ws.status().columns.name == expected
    assert expected in ws._repr_html_()
    ws.refresh()
    assert ws.status().columns.name is None


def test_a_scan_of_today_is_described_by_its_time() -> None:
    noon = datetime(2026, 11, 26, 12, tzinfo=UTC).astimezone().replace(hour=12)
    assert describe_scan_time(None, noon) == ""
    assert describe_scan_time(noon - timedelta(seconds=59), noon) == ""
    assert describe_scan_time(noon - timedelta(minutes=61), noon) == "as seen 10:59"
    assert (
        describe_scan_time(noon - timedelta(hours=13), noon) == f"as seen {noon - timedelta(hours=13):%Y-%m-%d} 23:00"
    )
