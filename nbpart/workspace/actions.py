"""What the widgets of a workspace ask for, done, with the line of code that does the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from nbpart.backfill.options import OPTIONS, Option
from nbpart.project.backfills import Backfill, Backfills
from nbpart.project.partition_set import PartitionSet
from nbpart.project.partition_sets import load_sets
from nbpart.project.plans import Plan, make_plan
from nbpart.project.project import Project
from nbpart.project.refresh import refresh, seen_at
from nbpart.project.shown import show_data, show_executed, show_log, show_partition, show_run
from nbpart.project.spelled_calls import MOST_SPELLED, spell_axis, spell_call, spell_keys, spell_set
from nbpart.widgets.actions import (
    DataShown,
    Done,
    KeyLike,
    LogShown,
    NotebookShown,
    PartitionShown,
    PlanShown,
    RunShown,
)

#: So many steps of a plan are shown.
_HEAD_ROWS = 200


class WorkspaceActions:
    """The `nbpart.widgets.actions.Actions` of a workspace."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @property
    def root(self) -> Path:
        return self._project.root

    # backfills

    @property
    def form_options(self) -> Sequence[Option]:
        return [option for option in OPTIONS.values() if option.label]

    def plan(self, selection: Sequence[str], keys: Sequence[KeyLike] | None, status: Sequence[str]) -> PlanShown:
        plan = self._plan(selection, keys, status)
        code = f"ws.plan({spell_call(selection, keys, status)})"
        return PlanShown(plan.selection, len(plan), plan.counts(), _list_steps(plan), code, plan.notice, plan.notes)

    def backfill(
        self,
        selection: Sequence[str],
        keys: Sequence[KeyLike] | None,
        status: Sequence[str],
        options: Mapping[str, Any],
    ) -> Done:
        given = {name: value for name, value in options.items() if value != OPTIONS[name].default}
        plan = self._plan(selection, keys, status)
        if not len(plan):
            told = " ".join(
                filter(None, ["Nothing to do: everything chosen is up to date.", _as_sentence(plan.notice)])
            )
            return Done(told, f"ws.plan({spell_call(selection, keys, status)})")
        backfill = plan.run(**given)
        begun = f"Backfill {backfill.id} has begun: {len(plan):,} steps."
        told = " ".join(filter(None, [begun, _as_sentence(plan.notice)]))
        return Done(told, f"ws.backfill({spell_call(selection, keys, status, given)})", backfill.id)

    def cancel(self, backfill_id: str) -> Done:
        try:
            self._backfill(backfill_id).cancel(timeout_s=0.0)
            told = "It has ended."
        except TimeoutError:
            told = "It was asked to end: running notebooks are stopped, nothing new starts."
        return Done(told, f"ws.backfills[{backfill_id!r}].cancel()", backfill_id)

    def retry_failed(self, backfill_id: str) -> Done:
        backfill = self._backfill(backfill_id)
        again = backfill.retry_failed()
        if again is backfill:
            return Done(backfill.tell_nothing_failed(), f"ws.backfills[{backfill_id!r}].retry_failed()")
        return Done(f"Backfill {again.id} has begun.", f"ws.backfills[{backfill_id!r}].retry_failed()", again.id)

    def resume(self, backfill_id: str) -> Done:
        backfill = self._backfill(backfill_id)
        told = backfill.tell_nothing_left()
        backfill.resume()
        return Done(told or "It goes on.", f"ws.backfills[{backfill_id!r}].resume()", backfill_id)

    @property
    def seen_at(self) -> datetime | None:
        return seen_at(self._project)

    def refresh(self) -> Done:
        look = refresh(self._project)
        sentences = [_as_sentence(text) for text in (look.notice, *look.warnings) if text]
        return Done(" ".join(sentences) or "Nothing changed.", "ws.refresh()")

    def look_for_dead(self) -> None:
        self._project.coordinator.reap_if_due()

    # keys

    def add_keys(self, partitions: str, keys: Sequence[KeyLike]) -> Done:
        new = self._set(partitions).add(list(keys))
        told = f"{_count(len(new), 'key')} added" + _already(len(keys) - len(new))
        return Done(told, f"{spell_set(partitions)}.add({spell_keys(keys)})", keys=tuple(new))

    def add_grid(self, partitions: str, axes: Mapping[str, Sequence[Any]]) -> Done:
        new = self._set(partitions).add_grid(**axes)
        asked = ", ".join(f"{name}={spell_axis(values)}" for name, values in axes.items())
        return Done(
            f"{_count(len(new), 'key')} added.", f"{spell_set(partitions)}.add_grid({asked})", keys=tuple(new[:1000])
        )

    def remove_keys(self, partitions: str, keys: Sequence[KeyLike]) -> Done:
        gone = self._set(partitions).remove(*keys)
        told = f"{_count(len(gone), 'key')} removed; their history and data stay."
        spelled = ", ".join(repr(key) for key in keys[:MOST_SPELLED]) + (", ..." if len(keys) > MOST_SPELLED else "")
        return Done(told, f"{spell_set(partitions)}.remove({spelled})", keys=tuple(gone))

    # looking

    def partition(self, asset: str, partition_key: str | None) -> PartitionShown:
        return show_partition(self._project, asset, partition_key)

    def run(self, run_id: str) -> RunShown:
        return show_run(self._project, run_id)

    def log_tail(self, run_id: str, after: int | None = None, longest: int = 20_000) -> LogShown:
        return show_log(self._project, run_id, after, longest)

    def executed(self, run_id: str) -> NotebookShown:
        return show_executed(self._project, run_id)

    def preview(
        self, asset: str, partition_key: str | None, run_id: str | None = None, file: str | None = None
    ) -> DataShown:
        return show_data(self._project, asset, partition_key, run_id, file)

    def _plan(self, selection: Sequence[str], keys: Sequence[KeyLike] | None, status: Sequence[str]) -> Plan:
        return make_plan(self._project, list(selection), None if keys is None else list(keys), list(status))

    def _backfill(self, backfill_id: str) -> Backfill:
        self._project.coordinator.reap()
        return Backfills(self._project)[backfill_id]

    def _set(self, name: str) -> PartitionSet:
        return load_sets(self._project.catalog)[name]


def _list_steps(plan: Plan) -> tuple[tuple[str, str | None, str], ...]:
    """The first steps of a plan, which may have a million."""
    return tuple(
        (row.asset, row.partition_key if isinstance(row.partition_key, str) else None, str(row.reason))
        for row in plan.head(_HEAD_ROWS).itertuples(index=False)
    )


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def _already(n: int) -> str:
    return f"; {n:,} {'was' if n == 1 else 'were'} there already." if n > 0 else "."


def _as_sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
