"""Fixtures: a project whose assets another process registered, and `ask`, which runs a command in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

import nbpart
from nbpart.cli import main
from nbpart.cli.options import WORKSPACE_VARIABLE

ROOT = Path(__file__).parents[2]
FLOW = '''
import os
import time

import nbpart

files = nbpart.DynamicPartitions("files")
trials = nbpart.DynamicPartitions("trials", {"lr": float, "depth": nbpart.Param(int, default=3)})


@nbpart.asset(partitions=files)
def sizes(partition_key: str, run, factor: int = 2) -> dict:
    """How long a name is."""
    print("looking at", partition_key, "\\x1b[31mred\\x1b[0m\\x1b[2J")
    run.log(length=len(partition_key))
    if partition_key.startswith("bad") and not os.path.exists("mended"):
        raise ValueError("broken\\x1b]0;title\\x07 file\\nsecond line")
    return {"size": len(partition_key) * factor}


@nbpart.asset(partitions=files)
def report(sizes) -> str:
    return f"size {sizes['size']}"


@nbpart.asset(partitions=trials)
def model(lr: float, depth: int) -> dict:
    while not os.path.exists("go"):
        time.sleep(0.05)
    return {"lr": lr, "depth": depth}


@nbpart.sensor(every="30s", partitions=files)
def inbox(context):
    print("the sensor speaks")
    return [key for key in ("new.csv",) if key not in context.partitions("files")]


@nbpart.sensor(every="30s", partitions=files)
def broken(context):
    raise KeyError("no such\\x1b[2J bucket")
'''
REGISTER = """
import flow
import nbpart

with nbpart.open("workspace") as ws:
    ws.register(flow.sizes, flow.report, flow.model, flow.inbox, flow.broken)
    ws.dynamic_partitions("files").add("a.csv", "bad\\u202e.csv")
    ws.dynamic_partitions("trials").add({"lr": 0.1}, {"lr": 0.2, "depth": 5})
"""

Ask: TypeAlias = Callable[..., Result]


def environment() -> dict[str, str]:
    """The environment of a process that finds this nbpart wherever it starts."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@pytest.fixture(scope="session")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project for tests to copy, which saves each of them a process."""
    folder = tmp_path_factory.mktemp("registered")
    (folder / "flow.py").write_text(FLOW, encoding="utf-8")
    subprocess.run([sys.executable, "-c", REGISTER], cwd=folder, env=environment(), check=True, timeout=120)
    return folder


@pytest.fixture
def project(registered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(registered, tmp_path, dirs_exist_ok=True)
    nbpart.open(tmp_path / "workspace", trust=True).close()
    monkeypatch.delenv(WORKSPACE_VARIABLE, raising=False)
    monkeypatch.delitem(sys.modules, "flow", raising=False)  # of another test
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ask(project: Path) -> Ask:
    """Ask a command in the project, and check its exit code."""

    def ask(*words: str, code: int = 0, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(main, words, input=stdin, catch_exceptions=False)
        assert result.exit_code == code, result.output
        assert "\x1b" not in result.output
        return result

    return ask
