"""Every command shows the runs of a killed process as interrupted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from nbpart.cli import main
from tests.killed import make_killed

#: Commands that look; RUN stands for the id of the run, which is read from its folder.
COMMANDS = (
    ("status", "--json"),
    ("status",),
    ("backfills",),
    ("runs",),
    ("runs", "raw", "a", "--json"),
    ("partitions", "raw"),
    ("show", "RUN"),
    ("show", "RUN", "--json"),
    ("logs", "RUN", "--follow"),
)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_killed(tmp_path_factory.mktemp("killed"))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_shows_runs_of_dead_processes_as_interrupted(
    scene: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(scene, workspace)
    [log] = (workspace / "runs").rglob("*.log")
    run_id = log.stem.rpartition("-")[0]
    chosen = [run_id if word == "RUN" else word for word in words]
    result = CliRunner().invoke(main, ["-w", str(workspace), *chosen], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    if words == ("status", "--json"):
        assert '"running": 0' in result.output
    elif words[0] == "logs":
        assert result.output == ""  # and it came to its end
    else:
        assert "interrupted" in result.output or "missing" in result.output
        assert words == ("status",) or "running" not in result.output
