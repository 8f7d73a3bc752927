"""The actions of a workspace's widgets on its triggers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from nbpart.automation.evaluators import choose_evaluation
from nbpart.automation.sensor_children import SensorChildren
from nbpart.automation.ticks import Tick, run_tick
from nbpart.automation.triggers import Triggers, describe_watching
from nbpart.catalog import Batch, queries
from nbpart.project.project import Project
from nbpart.widgets.trigger_actions import TickSummary, TriggerResult, TriggersSummary, TriggerSummary
from nbpart.workspace.automating import OPENER

#: So many looks of a trigger are shown, and so many keys of each.
_MAX_TICKS, _MAX_KEYS = 10, 20


class WorkspaceTriggerActions:
    """Implements `nbpart.widgets.trigger_actions.TriggerActions` on a project."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def read_triggers(self) -> TriggersSummary:
        rows = self._triggers.frame.to_dict("records")
        if not rows:
            return TriggersSummary()
        return TriggersSummary(describe_watching(self._project), tuple(_summarize(row) for row in rows))

    def read_ticks(self, trigger: str) -> Sequence[TickSummary]:
        rows = self._triggers[trigger].ticks(_MAX_TICKS).to_dict("records")

        def read_keys(batch: Batch) -> list[list[tuple[str, str, str]]]:
            frames = [queries.keys_of_tick(batch, int(row["tick_id"]), _MAX_KEYS) for row in rows]
            return [list(frame.itertuples(index=False, name=None)) for frame in frames]

        keys = self._project.catalog.read(read_keys)
        return [_summarize_tick(row, of_it) for row, of_it in zip(rows, keys, strict=True)]

    def tick(self, trigger: str) -> TriggerResult:
        done = self._triggers[trigger].tick()
        backfills = tuple(backfill.id for backfill in done.backfills)
        return TriggerResult(_describe(done), f"ws.tick({done.trigger!r}, wait=False)", backfills)

    def switch_trigger(self, trigger: str, is_on: bool) -> TriggerResult:
        found = self._triggers[trigger]
        if is_on:
            found.on()
        else:
            found.off()
        word = "on" if is_on else "off"
        return TriggerResult(f"{found.name} is {word}.", f"ws.triggers[{found.name!r}].{word}()")

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


def _describe(done: Tick) -> str:
    sentences = [
        f"{len(keys):,} key{'' if len(keys) == 1 else 's'} {word} {name}."
        for word, changed in (("added to", done.added), ("removed from", done.removed))
        for name, keys in changed.items()
        if keys
    ]
    sentences += [f"Backfill {backfill.id} goes on." for backfill in done.resumed]
    sentences += [f"Backfill {backfill.id} has begun." for backfill in done.requested]
    return "\n".join([*sentences, *done.message.splitlines()]) or "Nothing is asked for."


def _summarize_tick(row: dict[Any, Any], keys: Sequence[tuple[str, str, str]]) -> TickSummary:
    changed = int(row["added"]) + int(row["removed"])
    return TickSummary(
        happened_at=row["happened_at"].isoformat(),
        outcome=row["outcome"],
        message=row["message"] or "",
        error=row["error"] or "",
        keys=tuple(keys),
        other_keys=max(0, changed - len(keys)) if len(keys) == _MAX_KEYS else 0,
        backfills=tuple(row["backfills"]),
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
