"""The list of trusted workspaces: code of a workspace that somebody else made runs only after this user trusted it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart.errors import UntrustedWorkspaceError
from nbpart.project.trust import (
    find_state_folder,
    forget_workspace,
    is_trusted,
    load_trusted,
    require_trust,
    trust_workspace,
)
from nbpart.workspace.actions import WorkspaceActions
from nbpart.workspace.view import make_explorer
from tests.strangers import ROOT, make_strange


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of this user, empty."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "workspace"
    folder.mkdir(parents=True)
    return folder


def test_a_workspace_made_by_this_user_is_on_the_list(state: Path, tmp_path: Path) -> None:
    with nbpart.open(tmp_path / "workspace") as ws:
        assert ws.is_trusted
        [entry] = load_trusted()
        assert (entry.path, entry.workspace_id, entry.how) == (str(ws.root), ws.workspace_id, "made")
    assert (state / "nbpart" / "trusted").stat().st_mode & 0o077 == 0


def test_path_and_identity_must_both_match(state: Path, root: Path, tmp_path: Path) -> None:
    trust_workspace(root, "an-id")
    assert is_trusted(root, "an-id")
    for place, identity in ((root, "another"), (tmp_path / "copy", "an-id"), (root.parent, "an-id")):
        assert not is_trusted(place, identity)
    with pytest.raises(UntrustedWorkspaceError, match=f"at {root}: was it moved or copied here") as caught:
        require_trust(tmp_path / "copy", "an-id")
    assert f"nbpart.open({str(tmp_path / 'copy')!r}, trust=True)" in str(caught.value)
    assert "--trust" in str(caught.value)


def test_a_workspace_in_the_place_of_a_trusted_one_is_not_trusted(state: Path, root: Path) -> None:
    trust_workspace(root, "mine")
    trust_workspace(root, "theirs")
    assert [entry.workspace_id for entry in load_trusted()] == ["theirs"]


def test_a_link_is_trusted_as_its_target(state: Path, root: Path, tmp_path: Path) -> None:
    trust_workspace(root, "an-id")
    link = tmp_path / "link"
    link.symlink_to(root)
    assert is_trusted(link, "an-id")


def test_a_removed_workspace_is_no_longer_trusted(state: Path, root: Path) -> None:
    trust_workspace(root, "an-id")
    assert forget_workspace(root)
    assert not is_trusted(root, "an-id")
    assert not forget_workspace(root)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"path": 1}', "\udcff", '{"path": "/", "more": 1}'])
def test_a_damaged_entry_trusts_nothing(state: Path, root: Path, content: str) -> None:
    trust_workspace(root, "an-id")
    [file] = (state / "nbpart" / "trusted").iterdir()
    forget_workspace(root)
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert not is_trusted(root, "an-id")
    assert load_trusted() == []


def test_an_entry_under_another_name_and_one_that_is_a_link_trust_nothing(state: Path, root: Path) -> None:
    trust_workspace(root, "an-id")
    [file] = (state / "nbpart" / "trusted").iterdir()
    forgery = json.dumps({"path": str(root), "workspace_id": "an-id", "how": "made", "since": ""})
    forget_workspace(root)
    file.with_name("0" * 32 + ".json").write_text(forgery)
    (root / "forged.json").write_text(forgery)
    file.symlink_to(root / "forged.json")
    assert not is_trusted(root, "an-id")
    assert load_trusted() == []


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({"XDG_STATE_HOME": "/state"}, "/state/nbpart"), ({"XDG_STATE_HOME": "here"}, None), ({}, None)],
)
def test_the_list_is_in_the_state_folder_of_the_system(
    environ: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", "/people/ada")
    assert str(find_state_folder(environ)) == (expected or "/people/ada/.local/state/nbpart")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert str(find_state_folder(environ)) == (expected or "/people/ada/Library/Application Support/nbpart")


def test_a_home_that_is_no_folder_of_its_own_gives_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "relative")
    assert find_state_folder({}) is None


def test_without_a_writable_list_trust_lasts_for_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with nbpart.open(tmp_path / "made") as ws, caplog.at_level(logging.WARNING):
        assert ws.is_trusted
    shutil.copytree(tmp_path / "made", tmp_path / "copy")
    with nbpart.open(tmp_path / "copy") as ws:
        assert not ws.is_trusted
    with nbpart.open(tmp_path / "copy", trust=True) as ws:
        assert ws.is_trusted
    with nbpart.open(tmp_path / "copy") as ws:
        assert ws.is_trusted, "it was trusted for the life of this process"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_entries_of_deleted_workspaces_are_dropped(state: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    trust_workspace(tmp_path / "there", "an-id")
    for number in range(1001):
        trust_workspace(tmp_path / f"gone{number}", "an-id")
    assert len(load_trusted()) < 10
    assert is_trusted(tmp_path / "there", "an-id")


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A workspace that a stranger made, and the folder in which what runs leaves its mark."""
    folder = tmp_path_factory.mktemp("stranger")
    (folder / "file.csv").write_text("x")
    return make_strange(folder / "theirs", folder / "mark", folder / "file.csv"), folder / "mark"


@pytest.fixture
def strange(pattern: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    made, mark = pattern
    for file in mark.iterdir():
        file.unlink()
    shutil.copytree(made, tmp_path / "workspace")
    shutil.copy(made.parent / "strange_flow.py", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path / "workspace", mark


def _first(ws: nbpart.Workspace) -> nbpart.Backfill:
    return next(iter(ws.backfills.values()))


RUNS_CODE: dict[str, Callable[[nbpart.Workspace], Any]] = {
    "backfill": lambda ws: ws.backfill(),
    "plan.run": lambda ws: ws.plan().run(),
    "detach": lambda ws: ws.backfill(detach=True),
    "materialize": lambda ws: ws.materialize("leave", lr=7.0),
    "tick": lambda ws: ws.tick("look"),
    "resume": lambda ws: _first(ws).resume(),
    "retry_failed": lambda ws: _first(ws).retry_failed(),
    "kernel": lambda ws: ws.get_run(ws.runs("fail").run_id[0]).kernel(),
    "widget backfill": lambda ws: WorkspaceActions(ws.project).backfill(["*"], None, ["outdated"], {}),
    "widget retry": lambda ws: WorkspaceActions(ws.project).retry_failed(_first(ws).id),
    "widget resume": lambda ws: WorkspaceActions(ws.project).resume(_first(ws).id),
}


@pytest.mark.kernel
def test_running_code_is_refused_with_the_command_that_trusts(strange: tuple[Path, Path]) -> None:
    root, mark = strange
    with nbpart.open(root) as ws:
        before = len(ws.backfills), len(ws.runs()), list(ws.partition_sets["keys"])
        for door in RUNS_CODE.values():
            with pytest.raises(UntrustedWorkspaceError, match=r"nbpart\.open\(.*, trust=True\)"):
                door(ws)
        assert (len(ws.backfills), len(ws.runs()), list(ws.partition_sets["keys"])) == before
    assert not list(mark.iterdir())


@pytest.mark.kernel
def test_reading_an_untrusted_workspace_runs_nothing(
    strange: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    root, mark = strange
    (mark.parent / "file.csv").write_text("changed since")
    with nbpart.open(root) as ws:
        assert ws.status().loc["leave", "materialized"] == 1
        assert "last seen" in caplog.text
        assert len(ws.plan()) == 2
        assert ws.load("leave", lr=0.1) == {"lr": 0.1}
        assert len(ws.sql("from leave").df()) == 1
        run_id = ws.runs("leave").run_id[0]
        assert ws.get_run(run_id).log is not None
        actions = WorkspaceActions(ws.project)
        for shown in (ws, ws.graph(), ws.heatmap(), make_explorer(ws.project), ws.plan(), ws.backfills):
            repr(shown)
        actions.read_partition("leave", "lr=0.1"), actions.read_run(run_id), actions.read_executed_notebook(run_id)
        actions.preview_data("leave", "lr=0.1"), actions.read_log(run_id), actions.interrupt_dead_runs()
        actions.plan(["*"], None, ["outdated"])
        ws.prune(dry_run=True)
    assert not list(mark.iterdir())


@pytest.mark.kernel
def test_a_workspace_is_trusted_once_and_for_all(strange: tuple[Path, Path], state: Path) -> None:
    root, mark = strange
    with nbpart.open(root, trust=True) as ws:
        ws.backfill("leave", detach=True).wait(progress=False).raise_for_failures()
    assert [file.name for file in mark.iterdir()] == ["asset"]
    code = f"import nbpart; ws = nbpart.open({str(root)!r}); ws.tick('look', progress=False); ws.close()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert sorted(file.name for file in mark.iterdir()) == ["asset", "sensor"]
