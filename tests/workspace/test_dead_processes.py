"""Everything that reads runs shows those of a killed process as interrupted, without being asked to refresh."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart.states import RunStatus
from nbpart.workspace.actions import WorkspaceActions
from nbpart.workspace.view import make_monitor
from tests.killed import DIES, make_killed
from tests.processes import wait_for


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose only process was killed while it ran something."""
    return make_killed(tmp_path_factory.mktemp("killed"))


@pytest.fixture
def ws(scene: Path, tmp_path: Path) -> Iterator[nbpart.Workspace]:
    """The same, opened by a process that knows nothing of it."""
    shutil.copytree(scene, tmp_path / "workspace")
    with nbpart.open(tmp_path / "workspace") as workspace:
        yield workspace


def run_id(ws: nbpart.Workspace) -> str:
    return str(ws.project.catalog.read(lambda b: b.value("SELECT run_id FROM runs")))


def backfill_id(ws: nbpart.Workspace) -> str:
    return str(ws.project.catalog.read(lambda b: b.value("SELECT backfill_id FROM backfills")))


def backfill(ws: nbpart.Workspace) -> Any:
    """The backfill, without the list of them, which would mark dead runs itself."""
    return nbpart.project.backfills.Backfill(ws.project, backfill_id(ws))


def backfills(ws: nbpart.Workspace) -> Any:
    return nbpart.project.backfills.Backfills(ws.project)


def shown(widget: Any) -> str:
    try:
        return f"{widget.static_html()} {widget.state() if hasattr(widget, 'state') else ''}"
    finally:
        widget.close()


READS: dict[str, Callable[[nbpart.Workspace], object]] = {
    "status": lambda ws: ws.status()["running"].sum(),
    "partition_status": lambda ws: ws.partition_status("raw")["status"].tolist(),
    "runs": lambda ws: ws.runs()["status"].tolist(),
    "runs of a partition": lambda ws: ws.runs("raw", "a")["status"].tolist(),
    "runs of a backfill": lambda ws: ws.runs(backfill=backfill_id(ws))["status"].tolist(),
    "get_run": lambda ws: ws.get_run(run_id(ws)),
    "load of a run": lambda ws: load_of_run(ws),
    "backfills.frame": lambda ws: backfills(ws).frame["status"].tolist(),
    "repr of backfills": lambda ws: backfills(ws)._repr_html_(),
    "backfill.status": lambda ws: backfill(ws).status,
    "backfill.is_running": lambda ws: backfill(ws).is_running,
    "backfill.counts": lambda ws: {status: n for status, n in backfill(ws).counts().items() if n},
    "backfill.steps": lambda ws: backfill(ws).steps()["status"].tolist(),
    "repr of a backfill": lambda ws: (repr(backfill(ws)), backfill(ws)._repr_html_()),
    "backfill.wait": lambda ws: repr(backfill(ws).wait(60, progress=False)),
    "repr of a workspace": lambda ws: ws._repr_html_().count("▶</span>"),
    "a plan's steps": lambda ws: ws.plan("raw").frame["reason"].tolist(),
    "a widget's partition": lambda ws: WorkspaceActions(ws.project).read_partition("raw", "a"),
    "a widget's run": lambda ws: WorkspaceActions(ws.project).read_run(run_id(ws)).status,
    "graph": lambda ws: ws.graph().model.cards[0].counts[3],
    "heatmap": lambda ws: ws.heatmap()._view_state.bands[0].counts[0, 3],
    "monitor": lambda ws: make_monitor(ws.project, backfill_id(ws)).model.status,
    "explorer": lambda ws: [one["status"] for one in ws.explore().panel.state()["panel"]["backfills"]],
}


def load_of_run(ws: nbpart.Workspace) -> str:
    with pytest.raises(nbpart.NbpartError) as error:
        ws.load("raw", "a", run=run_id(ws))
    return str(error.value)


@pytest.mark.parametrize("read", READS)
def test_the_first_read_shows_runs_of_dead_processes_as_interrupted(ws: nbpart.Workspace, read: str) -> None:
    result = READS[read](ws)
    if isinstance(result, str | list | tuple | dict) or hasattr(result, "status"):
        text = re.sub(r"<style>.*?</style>", "", str(result), flags=re.S)
        assert "running" not in text
        # the step of an interrupted backfill is to do again
        assert any(word in text for word in ("interrupted", "missing", "never run", "planned"))
    else:
        assert not result
    assert ws.project.catalog.read(lambda b: b.value("SELECT status FROM outcomes")) == RunStatus.INTERRUPTED


def test_a_process_that_dies_later_is_noticed_within_two_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dies.py").write_text(DIES.replace("os.kill(os.getpid(), 9)", "print('runs', flush=True); input()"))
    with nbpart.open(tmp_path / "workspace") as ws:
        command = [sys.executable, "dies.py"]
        with subprocess.Popen(
            command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "runs"
            assert ws.runs()["status"].tolist() == ["running"]
            graph, heat = ws.graph(), ws.heatmap()
            process.kill()
        # nothing is refreshed here: the reads do it, and the widgets though nobody reads
        wait_for(lambda: graph.model.cards[0].counts[3] == 0, 30, "the graph shows that nothing runs")
        wait_for(lambda: heat._view_state.bands[0].counts[0, 3] == 0, 30, "the heatmap shows that nothing runs")
        assert ws.runs()["status"].tolist() == ["interrupted"]
        graph.close()
        heat.close()
