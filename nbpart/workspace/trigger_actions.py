"""The actions of a workspace's widgets on its triggers."""

from __future__ import annotations

from functools import partial
from typing import Any

from nbpart.automation.evaluators import choose_evaluation
from nbpart.automation.sensor_children import SensorChildren
from nbpart.automation.ticks import Tick, run_tick
from nbpart.automation.triggers import Triggers, describe_watching
from nbpart.project.project import Project
from nbpart.widgets.trigger_actions import TriggersSummary, TriggerSummary
from nbpart.workspace.automating import OPENER


class WorkspaceTriggerActions:
    """Implements `nbpart.widgets.trigger_actions.TriggerActions` on a project."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def read_triggers(self) -> TriggersSummary:
        rows = self._triggers.frame.to_dict("records")
        if not rows:
            return TriggersSummary()
        return TriggersSummary(describe_watching(self._project), tuple(_summarize(row) for row in rows))

    @property
    def _triggers(self) -> Triggers:
        return Triggers(self._project, partial(_look_now, self._project))


def _look_now(project: Project, name: str) -> Tick:
    """Look once with a trigger as `Workspace.tick` does; the backfills that it asks for run in this process."""
    return run_tick(
        project,
        name,
        evaluate=lambda record: choose_evaluation(record, SensorChildren(OPENER, forks=False)),
        options={},
        wait=False,
        progress=False,
        detach=False,
    )


def _summarize(row: dict[Any, Any]) -> TriggerSummary:
    return TriggerSummary(
        name=row["trigger"],
        kind=row["kind"],
        is_on=bool(row["on"]),
        last_look=_to_iso(row["last_look"]),
        next_look=_to_iso(row["next_look"]),
        outcome=row["outcome"] or "",
        message=row["message"] or "",
        error=row["error"] or "",
    )


def _to_iso(at: Any) -> str | None:
    import pandas as pd

    return None if pd.isna(at) else str(at.isoformat())
