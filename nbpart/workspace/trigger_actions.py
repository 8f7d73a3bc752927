"""The actions of a workspace's widgets on its triggers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from nbpart.automation.evaluators import choose_evaluation
from nbpart.automation.latest_looks import MOST_SAID, LatestLook, read_latest_looks
from nbpart.automation.recording import describe_error
from nbpart.automation.sensor_children import SensorChildren
from nbpart.automation.ticks import Tick, find_trigger, list_ticks, run_tick
from nbpart.automation.trigger_rows import RecordedTriggers, load_triggers, summarize
from nbpart.automation.triggers import Triggers
from nbpart.automation.watch_process import WatchProcess, start_watching
from nbpart.automation.watching import find_watch
from nbpart.catalog import Batch, queries
from nbpart.project.backfills import Backfills
from nbpart.project.project import Project
from nbpart.states import TickOutcome
from nbpart.widgets.trigger_actions import TickSummary, TriggerResult, TriggersSummary
from nbpart.workspace.automating import OPENER

#: Of the newest looks of a trigger so many are read, and so many shown, with so many keys of each.
_MAX_READ, _MAX_TICKS, _MAX_KEYS = 200, 10, 20
#: So long a watcher may take to end before it is said that it ends later, in seconds.
_STOP_LIMIT_S = 3.0


@dataclass(frozen=True)
class _RecordedTicks:
    """The newest recorded looks of a trigger, as of a commit."""

    sequence: int
    trigger_id: int
    ticks: list[TickSummary]


class WorkspaceTriggerActions:
    """Implements `nbpart.widgets.trigger_actions.TriggerActions` on a project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._recorded: RecordedTriggers | None = None
        self._ticks: dict[str, _RecordedTicks] = {}

    def read_triggers(self) -> TriggersSummary:
        catalog, recorded = self._project.catalog, self._recorded
        if recorded is None or recorded.sequence != catalog.sequence():
            recorded = self._recorded = catalog.read(load_triggers)
        return summarize(recorded, self._project)

    def read_ticks(self, trigger: str) -> Sequence[TickSummary]:
        catalog = self._project.catalog
        sequence, found = catalog.sequence(), self._ticks.get(trigger)
        if found is None or found.sequence != sequence:
            found = self._ticks[trigger] = self._load_ticks(trigger, sequence)
        latest = read_latest_looks(catalog.path, find_watch(catalog.path, catalog.clock())).get(found.trigger_id)
        return found.ticks if latest is None else _add_latest(found.ticks, latest)

    def _load_ticks(self, trigger: str, sequence: int) -> _RecordedTicks:
        record = find_trigger(self._project, trigger)
        runs = _join_idle(list_ticks(self._project, record.name, _MAX_READ).to_dict("records"))[:_MAX_TICKS]

        def read_keys(batch: Batch) -> list[list[tuple[str, str, str]]]:
            frames = [queries.keys_of_tick(batch, int(run[0]["tick_id"]), _MAX_KEYS) for run in runs]
            return [list(frame.itertuples(index=False, name=None)) for frame in frames]

        keys = self._project.catalog.read(read_keys)
        ticks = [_summarize_tick(run, of_it) for run, of_it in zip(runs, keys, strict=True)]
        return _RecordedTicks(sequence, record.trigger_id, ticks)

    def tick(self, trigger: str) -> TriggerResult:
        found = self._triggers[trigger]
        code = f"ws.tick({found.name!r}, wait=False)"
        try:
            done = found.tick()
        except Exception as error:
            # what was recorded stands in the row of the trigger, and need not be said twice
            last = found.ticks(1).to_dict("records")
            if last and last[0]["error"] == describe_error(error):
                return TriggerResult("The look failed.", code)
            raise
        backfills = tuple(backfill.id for backfill in done.backfills)
        return TriggerResult(_describe(done), code, backfills)

    def switch_trigger(self, trigger: str, is_on: bool) -> TriggerResult:
        found = self._triggers[trigger]
        if is_on:
            found.on()
        else:
            found.off()
        word = "on" if is_on else "off"
        return TriggerResult(f"{found.name} is {word}.", f"ws.triggers[{found.name!r}].{word}()")

    def watch(self) -> TriggerResult:
        watcher = start_watching(self._project, self._triggers, {})
        log = f"; its log is {watcher.log}" if watcher.log else ""
        return TriggerResult(
            f"Process {watcher.pid} has begun to watch, and goes on when this kernel ends{log}.", "ws.watch()"
        )

    def stop_watching(self) -> TriggerResult:
        has_ended = self._watcher.stop(_STOP_LIMIT_S)
        message = "The watcher has ended." if has_ended else "The watcher was told to end after the steps that run."
        return TriggerResult(message, "ws.watch().stop()")

    def describe_backfill(self, backfill_id: str) -> TriggerResult:
        backfill = Backfills(self._project)[backfill_id]
        counts = ", ".join(f"{n:,} {status}" for status, n in backfill.counts().items() if n)
        message = f"Backfill {backfill.id} {backfill.status}: {counts or 'no steps'}"
        return TriggerResult(message, f"ws.backfills[{backfill.id!r}]")

    @property
    def _watcher(self) -> WatchProcess:
        return WatchProcess(self._project, self._triggers)

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


def _join_idle(rows: Iterable[dict[Any, Any]]) -> list[list[dict[Any, Any]]]:
    """Looks, the newest first, with those in a row that found nothing and said the same together."""
    runs: list[list[dict[Any, Any]]] = []
    for row in rows:
        before = runs[-1][-1] if runs else None
        is_idle = row["outcome"] == TickOutcome.SKIPPED
        if before is not None and is_idle and _of_idle(before) == _of_idle(row):
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def _of_idle(row: dict[Any, Any]) -> tuple[str, str]:
    return row["outcome"], row["message"] or ""


def _add_latest(ticks: list[TickSummary], latest: LatestLook) -> list[TickSummary]:
    """The newest looks with those that asked for nothing and are not recorded yet."""
    at, newest = latest.looked_at, ticks[0] if ticks else None
    if at is None or (newest is not None and at <= datetime.fromisoformat(newest.happened_at)):
        return ticks
    if newest is not None and (newest.outcome, newest.message[:MOST_SAID]) == (TickOutcome.SKIPPED, latest.message):
        return [replace(newest, happened_at=at.isoformat(), looks=newest.looks + latest.looks), *ticks[1:]]
    idle = TickSummary(
        happened_at=at.isoformat(),
        outcome=TickOutcome.SKIPPED,
        message=latest.message,
        first_at=(latest.first_at or at).isoformat(),
        looks=latest.looks,
    )
    return [idle, *ticks][:_MAX_TICKS]


def _summarize_tick(run: Sequence[dict[Any, Any]], keys: Sequence[tuple[str, str, str]]) -> TickSummary:
    row = run[0]
    changed = int(row["added"]) + int(row["removed"])
    return TickSummary(
        happened_at=row["happened_at"].isoformat(),
        outcome=row["outcome"],
        message=row["message"] or "",
        error=row["error"] or "",
        keys=tuple(keys),
        other_keys=max(0, changed - len(keys)) if len(keys) == _MAX_KEYS else 0,
        backfills=tuple(row["backfills"]),
        traceback=row["traceback"] or "",
        printed=row["printed"] or "",
        first_at=run[-1]["happened_at"].isoformat(),
        looks=len(run),
    )
