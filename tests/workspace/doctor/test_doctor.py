"""The doctor: what it says of an installation and of a workspace, whatever state they are in."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import nbpart
from nbpart.catalog.migrations import newest
from nbpart.workspace.doctor import diagnose as diagnosing
from nbpart.workspace.doctor import environment, place
from nbpart.workspace.doctor.diagnose import diagnose
from nbpart.workspace.doctor.findings import Diagnosis, Finding, Level, collect
from tests.processes import wait_for
from tests.projects import show_to_processes
from tests.recording import record, write_notebook

DYING = """
import os, time
import nbpart
ws = nbpart.open("workspace", purpose="a notebook that dies")
ws.project.coordinator.number
open("registered", "w").close()
time.sleep(600)
"""


def lines(found: Diagnosis, topic: str) -> list[str]:
    return [f"{one.level}: {one}" for one in found.findings if one.topic == topic]


def test_a_workspace_that_is_well(ws: nbpart.Workspace) -> None:
    found = ws.doctor()
    assert found.is_well, found
    assert found.summary in ("all is well", "1 warning"), "other tests may leave folders"
    assert lines(found, "catalog")[0].startswith(f"ok: {ws.root}/catalog.duckdb can be read: schema {newest()}, ")
    assert lines(found, "trust") == ["ok: you made or trust this workspace: its code may run"]
    assert lines(found, "locks") == ["ok: files can be locked"]
    assert lines(found, "clock") == ["ok: the file system has the time of this machine"]
    assert any("python3" in line for line in lines(found, "kernels"))
    assert any("duckdb" in line for line in lines(found, "versions"))
    assert "✓ ok" in found._repr_html_()
    assert repr(found).splitlines()[-1] == found.summary
    assert {"level", "topic", "text", "advice"} == set(found.to_records()[0])


def test_without_a_workspace_it_looks_at_the_installation(tmp_path: Path) -> None:
    for root in (None, tmp_path / "nothing"):
        found = diagnose(root)
        assert found.is_well
        [said] = lines(found, "workspace")
        assert "`nbpart init` makes one" in said
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("content", [b"no catalog", b"", os.urandom(50_000)], ids=["text", "empty", "noise"])
def test_a_broken_catalog_is_a_problem_and_stops_no_other_look(tmp_path: Path, content: bytes) -> None:
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "catalog.duckdb").write_bytes(content)
    found = diagnose(root)
    assert not found.is_well
    [said] = lines(found, "catalog")
    assert said.startswith("problem: ")
    assert "\n" not in said
    assert lines(found, "disk")
    assert lines(found, "locks")


def test_what_is_in_the_place_of_files_is_told(tmp_path: Path, ws: nbpart.Workspace) -> None:
    ws.close()
    (ws.root / "catalog.lock").unlink(missing_ok=True)
    (ws.root / "catalog.lock").symlink_to(tmp_path / "elsewhere")
    found = diagnose(ws.root)
    assert "is a link" in lines(found, "locks")[0]
    assert not (tmp_path / "elsewhere").exists()


def test_no_code_of_the_workspace_runs_and_nothing_of_it_changes(
    ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_notebook(project / "report.ipynb", "open('ran', 'w')")
    ws.notebook("report.ipynb")

    def version() -> str:
        open("asked", "w").close()
        return "1"

    ws.source("table", version=version)
    monkeypatch.setattr(type(ws.project), "is_trusted", False)
    before = {path: path.stat().st_mtime_ns for path in ws.root.rglob("*") if path.is_file()}
    sequence = ws.project.catalog.sequence()
    found = ws.doctor()
    assert lines(found, "trust")[0].startswith("warning: this is no workspace that you made or trust")
    assert found.is_well, "a warning is no problem"
    assert ws.project.catalog.sequence() == sequence
    assert set(before) >= {path for path in ws.root.rglob("*") if path.is_file() and path.suffix != ".wal"}
    assert not (project / "ran").exists()
    assert not (project / "asked").exists()


def test_a_process_that_died_is_said(ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    show_to_processes(project, monkeypatch)
    with subprocess.Popen([sys.executable, "-c", DYING], cwd=project) as process:
        try:
            wait_for((project / "registered").exists, 60, "it is registered")
            [said] = [line for line in lines(ws.doctor(), "processes") if str(process.pid) in line]
            assert said.startswith(f"ok: process {process.pid} on this machine (a notebook that dies), since ")
            assert said.endswith("is alive")
        finally:
            process.kill()
            process.wait()
        [said] = [line for line in lines(ws.doctor(), "processes") if str(process.pid) in line]
    assert said.startswith("warning: ")
    assert "died; any command, as `nbpart status`, marks its runs as interrupted" in said


def test_a_kernel_that_an_asset_names_and_nobody_has_is_a_problem(ws: nbpart.Workspace, project: Path) -> None:
    ws.notebook(write_notebook(project / "report.ipynb", "1"), kernel_name="julia-9")
    record(ws, "report", None, {"x": 1})
    found = ws.doctor()
    assert not found.is_well
    assert any("the kernel 'julia-9' of report is not installed" in line for line in lines(found, "kernels"))


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(("free", "level"), [(50 << 30, Level.OK), (1 << 30, Level.WARNING), (10 << 20, Level.PROBLEM)])
def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 << 30, 0, free))
    [found] = place.look_at_disk(tmp_path)
    assert found.level is level
    assert ("nbpart prune" in found.advice) is (level is not Level.OK)


@pytest.mark.parametrize(
    ("kind", "level"), [("nfs4", Level.WARNING), ("fuse.sshfs", Level.WARNING), ("ext4", Level.OK)]
)
def test_a_network_file_system_says_what_that_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, level: Level
) -> None:
    monkeypatch.setattr(place, "find_file_system", lambda _: kind)
    [found] = place.look_at_file_system(tmp_path, "the catalog")
    assert found.level is level
    assert ("catalog=" in found.advice) is (level is Level.WARNING)


@pytest.mark.parametrize("skew", [-100.0, 100.0])
def test_a_clock_that_differs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skew: float) -> None:
    monkeypatch.setattr(place, "probe_clock", lambda _: time.time() + skew)
    [found] = place.look_at_clock(tmp_path)
    assert found.level is Level.WARNING
    assert f"100 s {'ahead of' if skew > 0 else 'behind'} this machine" in found.text
    assert list(tmp_path.iterdir()) == []


def test_file_systems_without_locks_are_a_problem(ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("nbpart.storage.locks.LockFile.try_lock", refuse)
    [found] = collect("locks", lambda: place.look_at_locks(ws.root / "catalog.duckdb"))
    assert found.level is Level.PROBLEM
    assert "no working file locks" in found.text


def test_a_version_that_does_not_fit_and_a_lacking_extra_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = ["duckdb>=99", "click>=8", 'optuna<0.1; extra == "optuna"', 'click>=8; extra == "text"']
    monkeypatch.setattr(environment.importlib.metadata, "requires", lambda _: needs)
    monkeypatch.setattr(
        environment.importlib.metadata,
        "metadata",
        lambda _: type("M", (), {"get_all": lambda *_: ["optuna", "text"]})(),
    )
    wrong = [one for one in environment.look_at_versions() if one.level is Level.PROBLEM]
    assert "duckdb" in wrong[0].text
    assert "(needs >=99)" in wrong[0].text
    assert "click" not in wrong[0].text
    installed, lacking = environment.look_at_extras()
    assert installed.text.startswith("installed: text (click ")
    assert lacking.text == "not installed: optuna"


def test_a_look_that_fails_is_a_problem_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise ValueError("torn\nsecond line")
        yield

    assert list(collect("kernels", fail)) == [Finding("kernels", "torn", Level.PROBLEM)]
    monkeypatch.setattr(diagnosing, "look_at_kernels", fail)
    found = diagnose(None)
    assert not found.is_well
    assert lines(found, "versions")


def test_a_file_system_that_is_read_only_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> float:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(place, "probe_clock", refuse)
    with contextlib.suppress(FileExistsError):
        (tmp_path / "workspace").mkdir()
    assert any("Read-only file system" in line for line in lines(diagnose(tmp_path / "workspace"), "clock"))
