"""Commands that show runs, with real kernels."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import nbpart
from tests.cli.conftest import Ask, environment
from tests.processes import wait_for

pytestmark = pytest.mark.kernel


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
