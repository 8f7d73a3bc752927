"""Commands that look after what is there, with real kernels where they need them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import nbpart
from tests.cli.conftest import Ask, environment
from tests.processes import wait_for

pytestmark = pytest.mark.kernel


def test_a_detached_backfill_is_followed_and_cancelled(project: Path, ask: Ask) -> None:
    started = json.loads(ask("backfill", "model", "-j", "1", "--limit", "model=1", "--detach", "--json").stdout)
    backfill_id = started["backfill_id"]
    assert started["counts"]["planned"] + started["counts"]["queued"] + started["counts"]["running"] == 2
    assert f"backfill {backfill_id} (model, 2 steps) is running" in ask("status").stderr
    with nbpart.open("workspace") as workspace:
        wait_for(lambda: workspace.backfills[backfill_id].counts()["running"], 60, "a step runs")
    assert ask("cancel", backfill_id).stdout == f"backfill {backfill_id} cancelled\n"
    assert "is over, cancelled" in ask("cancel", backfill_id).stderr
    (project / "go").touch()
    assert json.loads(ask("resume", backfill_id, "--json").stdout)["status"] == "succeeded"


def test_a_kept_kernel_is_listed_and_ended(project: Path, ask: Ask) -> None:
    ask("backfill", "sizes", "--keep-failed-kernels", "1", code=1)
    [kept] = json.loads(ask("kernels", "--json").stdout)
    assert kept["asset"] == "sizes"
    assert kept["connect"].startswith("jupyter console --existing ")
    assert "is ended" in ask("kernels", "--shutdown", kept["run_id"]).stderr
    assert ask("kernels").stderr == "No run left its kernel.\n"
    assert "no kernel is kept" in ask("kernels", "--shutdown", kept["run_id"], code=1).stderr


def test_a_log_is_followed_while_it_grows(project: Path, ask: Ask) -> None:
    with nbpart.open("workspace") as workspace:
        backfill = workspace.backfill("model", max_workers=1, keys={"lr": 0.1})
        wait_for(lambda: backfill.counts()["running"], 60, "it runs")
        run_id = workspace.runs("model")["run_id"].iloc[0]
        command = [sys.executable, "-m", "nbpart.cli", "logs", "-f", run_id]
        with subprocess.Popen(command, cwd=project, env=environment(), stdout=subprocess.PIPE, text=True) as process:
            log = workspace.get_run(run_id).log_path
            assert log is not None
            wait_for(log.exists, 60, "the log is there")
            (project / "go").touch()
            out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "succeeded after" in out
        assert backfill.wait(progress=False).status == "succeeded"


def test_prune_says_what_it_would_do_and_does_it(project: Path, ask: Ask) -> None:
    for _ in range(2):
        ask("backfill", "sizes", "-k", "a.csv", "-s", "all")
    assert "3 files would be removed" in ask("prune", "--keep", "1", "--dry-run").stdout
    assert "3 files removed" in ask("prune", "--keep", "1").stdout
    assert ask("prune", "--keep", "1").stdout == "Nothing to remove.\n"
    assert json.loads(ask("prune", "--json").stdout) == []


def test_a_kernelspec_is_installed_and_removed(project: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(project / "jupyter"))
    told = ask("kernelspec", "install", "--name", "warm", "--preload", "json").stdout
    assert "kernel warm is installed in" in told
    spec = json.loads(Path(told.strip().rpartition(" in ")[2], "kernel.json").read_text())
    assert spec["display_name"] == "Python (nbpart, pre-warmed)"
    assert os.path.exists(spec["argv"][0])
    assert ask("kernelspec", "remove", "--name", "warm").stdout == "kernel warm is removed\n"
    assert "There is no kernel" in ask("kernelspec", "remove", "--name", "warm").stderr


@pytest.mark.parametrize("limit", ["model", "model=", "=2", "model=x", "model=-1"])
def test_a_limit_that_is_none_is_refused(ask: Ask, limit: str) -> None:
    assert "is not NAME=N" in ask("backfill", "--limit", limit, code=2).stderr
