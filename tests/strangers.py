"""A workspace that somebody else made, as it comes out of an archive: whatever of it runs leaves a mark."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOW = """
import pathlib

import nbpart

MARK = pathlib.Path({mark!r})
keys = nbpart.DynamicPartitions("keys", {{"lr": float}})


@nbpart.asset(partitions=keys, deps=["inbox"])
def leave(inbox, lr: float) -> dict:
    MARK.joinpath("asset").touch()
    return {{"lr": lr}}


@nbpart.asset
def fail() -> dict:
    MARK.joinpath("asset").touch()
    raise ValueError("on purpose")


@nbpart.sensor(every="30s", partitions=keys)
def look(context):
    MARK.joinpath("sensor").touch()
    return [{{"lr": 0.2}}]
"""
MAKE = """
import sys

import nbpart
import strange_flow as flow

with nbpart.open("workspace") as ws:
    keys = ws.dynamic_partitions("keys", params={"lr": float})
    keys.add({"lr": 0.1})
    ws.register(nbpart.source("inbox", sys.argv[1]), flow.leave, flow.fail, flow.look)
    ws.backfill("fail", keep_failed_kernels=1).wait(progress=False)
    ws.backfill("leave").wait(progress=False).raise_for_failures()
    ws.get_run(ws.runs("fail").run_id[0]).kernel()
    keys.add({"lr": 0.3})
"""


def make_strange(folder: Path, mark: Path, source: Path) -> Path:
    """Let another user, who has a home of his own, make the workspace `folder`/workspace."""
    folder.mkdir(parents=True, exist_ok=True)
    mark.mkdir(exist_ok=True)
    (folder / "strange_flow.py").write_text(FLOW.format(mark=str(mark)), encoding="utf-8")
    home = folder / "home"
    environ = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", MAKE, str(source)], cwd=folder, env=environ, check=True, timeout=300)
    assert [file.name for file in mark.iterdir()] == ["asset"], "what it holds does run"
    return folder / "workspace"
