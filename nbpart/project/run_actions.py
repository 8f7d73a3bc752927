"""What widgets ask of single runs, on a project."""

from __future__ import annotations

from collections.abc import Sequence

from nbpart.partitions import PartitionRef
from nbpart.project.details import load_executed_notebook, load_run_details
from nbpart.project.project import Project
from nbpart.project.run_curves import CurveReader
from nbpart.project.runs import NOBODY_ASKS, get_run
from nbpart.widgets.actions import ExecutedNotebook, RunDetails
from nbpart.widgets.curve_lines import CurveSet


class ProjectRunActions:
    """Implements `nbpart.widgets.actions.RunActions`, whose docstrings say what each does."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._curves = CurveReader(project)

    def read_run(self, run_id: str) -> RunDetails:
        return load_run_details(self._project, run_id)

    def read_executed_notebook(self, run_id: str) -> ExecutedNotebook:
        return load_executed_notebook(self._project, run_id)

    def read_curves(self, run_ids: Sequence[str], metric: str, *, by_time: bool, smoothing: float) -> CurveSet:
        return self._curves.read(run_ids, metric, by_time=by_time, smoothing=smoothing)

    def stop_run(self, run_id: str) -> str:
        run = get_run(self._project, run_id)
        has_asked = run.ask_to_stop()
        label = PartitionRef(run.asset, run.partition_key).label
        return f"{label} was asked to end early." if has_asked else f"{label} {NOBODY_ASKS}."
