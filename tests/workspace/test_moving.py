"""Projects that are moved and copied with their workspace, and run where they are."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nbpart
from tests.cli.conftest import environment
from tests.workspace.recording import write_notebook

FLOW = """
import os

import nbpart
from parts import shared

inbox = nbpart.source("inbox", "inbox/a.txt")


@nbpart.asset
def where(inbox) -> dict:
    return {"folder": os.getcwd(), "module": shared.__file__, "read": open(inbox).read()}


@nbpart.sensor(every="1h", partitions=nbpart.DynamicPartitions("files"))
def look(context):
    return os.listdir("inbox")
"""
REGISTER = """
import flow
import nbpart

with nbpart.open("workspace", catalog={catalog!r}) as ws:
    ws.register(flow.where, flow.inbox, flow.look, nbpart.DynamicPartitions("files"))
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
def test_a_project_runs_where_it_is(tmp_path: Path, catalog: str | None) -> None:
    first, copied, moved = tmp_path / "first", tmp_path / "copied", tmp_path / "moved"
    make_project(first, catalog)
    with nbpart.open(first / "workspace") as ws:
        versions = {d.name: d.code_version for d in ws.assets.definitions}
    shutil.copytree(first, copied)
    (copied / "inbox" / "a.txt").write_text("copied")
    first.rename(moved)
    for folder, read in ((copied, "copied"), (moved, "original")):
        call(folder, sys.executable, "-m", "nbpart.cli", "backfill", "--trust")
        call(folder, sys.executable, "-m", "nbpart.cli", "tick", "look")
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
