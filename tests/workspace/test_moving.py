"""Projects that are moved or copied with their workspace run in the new place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

import nbpart
from nbpart.errors import CatalogError
from nbpart.project.details import load_partition_details
from tests.backfill.pools import Stage
from tests.cli.conftest import environment
from tests.processes import wait_for
from tests.projects import import_written
from tests.recording import write_notebook

FLOW = """
import os

import nbpart
from parts import shared

inbox = nbpart.source("inbox", "inbox/a.txt")


@nbpart.asset
def where(inbox) -> dict:
    return {"folder": os.getcwd(), "module": shared.__file__, "read": open(inbox).read()}


@nbpart.sensor(every="1h", partitions=nbpart.DynamicPartitions("files"))
def find_files(context):
    return os.listdir("inbox")
"""
REGISTER = """
import flow
import nbpart

with nbpart.open("workspace", catalog={catalog!r}) as ws:
    ws.register(flow.where, flow.inbox, flow.find_files, nbpart.DynamicPartitions("files"))
    ws.notebook("notebooks/book.ipynb")
"""


def make_project(folder: Path, catalog: str | None) -> None:
    for name in ("inbox", "parts", "notebooks"):
        (folder / name).mkdir(parents=True)
    (folder / "flow.py").write_text(FLOW)
    (folder / "parts" / "__init__.py").touch()
    (folder / "parts" / "shared.py").touch()
    (folder / "inbox" / "a.txt").write_text("original")
    write_notebook(
        folder / "notebooks" / "book.ipynb",
        "import os, nbpart\nnbpart.current_run().save({'folder': os.getcwd()})",
    )
    call(folder, sys.executable, "-c", REGISTER.format(catalog=catalog))


def call(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.kernel
@pytest.mark.timeout(600)
@pytest.mark.parametrize("catalog", [None, "catalog"])
def test_a_moved_project_runs_in_its_new_place(tmp_path: Path, catalog: str | None) -> None:
    first, copied, moved = tmp_path / "first", tmp_path / "copied", tmp_path / "moved"
    make_project(first, catalog)
    with nbpart.open(first / "workspace") as ws:
        versions = {d.name: d.code_version for d in ws.assets.definitions}
    shutil.copytree(first, copied)
    (copied / "inbox" / "a.txt").write_text("copied")
    first.rename(moved)
    for folder, read in ((copied, "copied"), (moved, "original")):
        call(folder, sys.executable, "-m", "nbpart.cli", "backfill", "--trust")
        call(folder, sys.executable, "-m", "nbpart.cli", "tick", "find_files")
        with nbpart.open(folder / "workspace") as ws:
            there = {"folder": str(folder), "module": str(folder / "parts" / "shared.py"), "read": read}
            assert ws.load("where") == there
            assert ws.load("book") == {"folder": str(folder / "notebooks")}
            assert list(ws.dynamic_partitions("files")) == ["a.txt"]
            assert {d.name: d.code_version for d in ws.assets.definitions} == versions
        call(folder, sys.executable, "-c", REGISTER.format(catalog=catalog))
        with nbpart.open(folder / "workspace") as ws:
            assert not len(ws.plan()), "registered again from its new place nothing is stale"
    assert not first.exists()


@pytest.mark.kernel
@pytest.mark.timeout(300)
@pytest.mark.parametrize("catalog", [None, "catalog"])
def test_a_workspace_moved_during_a_backfill_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalog: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    root, moved = tmp_path / "workspace", tmp_path / "moved"
    ws = nbpart.open(root, catalog=None if catalog is None else tmp_path / catalog)

    @ws.asset(partitions=["a", "b", "c", "d"])
    def waits(partition_key: str) -> str:
        while partition_key != "a" and not os.path.exists("moved"):
            time.sleep(0.02)
        return partition_key

    backfill = ws.backfill("waits", max_workers=2)
    wait_for(lambda: backfill.counts()["succeeded"] == 1 and backfill.counts()["running"] == 2, 60, "two are at work")
    root.rename(moved)
    with pytest.raises(CatalogError, match=r"is gone: .* open the workspace again where it is now"):
        backfill.wait(60, progress=False)
    with pytest.raises(CatalogError, match="is gone"):
        ws.dynamic_partitions("files").add("e")
    with pytest.raises(CatalogError, match="is gone"):
        ws.close()
    assert not root.exists()
    with nbpart.open(moved, trust=True) as ws:
        again = ws.backfills[backfill.id]
        assert (again.status, again.counts()["succeeded"]) == ("interrupted", 1)
        assert again.resume().wait(60, progress=False).status == "succeeded"
        assert [ws.load("waits", key) for key in "abcd"] == list("abcd")


@pytest.mark.parametrize("catalog", [None, "catalog"])
def test_another_folder_at_the_path_of_an_open_workspace_is_left_alone(tmp_path: Path, catalog: str | None) -> None:
    root = tmp_path / "workspace"
    ws = nbpart.open(root, catalog=None if catalog is None else tmp_path / catalog)
    root.rename(tmp_path / "moved")
    for name in ("data", "runs", "code"):
        (root / name).mkdir(parents=True)
    with pytest.raises(CatalogError, match="is gone"):
        ws.dynamic_partitions("files").add("a")
    with pytest.raises(CatalogError, match="is gone"):
        ws.status()
    ws.close()
    assert sorted(path.name for path in root.rglob("*")) == ["code", "data", "runs"]


UNFINISHED = """
import nbpart

files = nbpart.DynamicPartitions("files")


@nbpart.asset(partitions=files)
def raw(partition_key: str) -> str:
    return partition_key


@nbpart.asset(partitions=files)
def clean(raw) -> str:
    return raw
"""


def list_files(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with what a write to it, or a new one, would change."""
    found = ((path, path.stat()) for path in folder.rglob("*"))
    return {str(path.relative_to(folder)): (status.st_size, status.st_mtime_ns) for path, status in found}


def leave_work_unfinished(project: Path, copied: Path, flow: ModuleType) -> tuple[str, str]:
    """Make a workspace with stale, pruned and lost data and a failed backfill, and copy it while another one goes on.

    The ids of the failed and of the other backfill.
    """
    stage = Stage()
    with nbpart.open(project / "workspace") as ws:
        ws.project.make_pool = stage.make_pool
        ws.register(flow.raw, flow.clean)
        ws.dynamic_partitions("files").add("a", "b", "c", "d")
        ws.backfill("*").wait(progress=False)
        stage.answer = lambda spec: ValueError("on purpose") if spec.partition_key == "b" else "made again"
        failed = ws.backfill("raw", keys=["a", "b"], status="all").wait(progress=False)
        assert not ws.prune(1, stray_after_s=0).empty
        [lost] = (ws.root / "data" / "clean" / "d").iterdir()
        lost.unlink()
        stage.answer = lambda spec: None
        going = ws.backfill("raw", keys=["c"], status="all")
        wait_for(lambda: going.counts()["running"] == 1, 60, "a run goes on")
        shutil.copytree(project, copied)
        going.cancel()
        going.wait(60, progress=False)
    return failed.id, going.id


@pytest.mark.timeout(300)
def test_a_copy_goes_on_in_its_own_folder_with_what_was_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, copied, hidden = tmp_path / "first", tmp_path / "copied", tmp_path / "hidden"
    first.mkdir()
    monkeypatch.chdir(first)
    flow = import_written(first, "unfinished_flow", UNFINISHED, monkeypatch)
    failed, going = leave_work_unfinished(first, copied, flow)
    monkeypatch.chdir(tmp_path)
    first.rename(hidden)
    before, root, stage = list_files(hidden), copied / "workspace", Stage()
    with nbpart.open(root, trust=True) as ws:
        ws.project.make_pool = stage.make_pool
        assert ws.backfills[going].status == "interrupted"
        assert ws.check_data()["problem"].tolist() == ["deleted"]
        stale = {(row.asset, row.partition_key) for row in ws.plan().frame.itertuples()}
        assert {("raw", "b"), ("clean", "a"), ("clean", "d")} <= stale
        assert ws.backfills[going].resume().wait(60, progress=False).status == "succeeded"
        assert ws.backfills[failed].retry_failed().wait(60, progress=False).status == "succeeded"
        assert ws.backfill("*").wait(60, progress=False).status == "succeeded"
        assert not len(ws.plan())
        assert [ws.load("raw", key) for key in "abcd"] == ["made again", "raw of b", "raw of c", "raw of d"]
        assert ws.table("clean").fetchall()
        assert {spec.workspace for spec in stage.started} == {str(root)}
        assert all(spec.locate(spec.folder).startswith(str(copied)) for spec in stage.started)
        for run_id in ws.runs()["run_id"]:
            assert str(ws.get_run(run_id).notebook).startswith(str(root))
        for asset in ("raw", "clean"):
            made = load_partition_details(ws.project, asset, "a").materialization
            assert made is not None
            assert [file["path"].startswith(str(root)) for file in made.files] == [True]
        assert set(ws.prune(1, stray_after_s=0)["reason"]) == {"old"}
        assert ws.check_data().empty
    assert list_files(hidden) == before
    assert not first.exists()
