"""What the widgets of a workspace ask for, done, with the line of code that does the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from nbpart.backfill.nodes import Node, spell_key
from nbpart.backfill.options import OPTIONS, Option
from nbpart.catalog import Batch, MaterializationRecord, RunRecord, queries
from nbpart.catalog.queries.cells import find_partition, metrics_of
from nbpart.errors import MissingInputError
from nbpart.project.backfills import Backfill, Backfills
from nbpart.project.data import find_key_id, load
from nbpart.project.partition_set import PartitionSet
from nbpart.project.partition_sets import load_sets
from nbpart.project.plans import Plan, make_plan
from nbpart.project.preview import preview_file, preview_text, read_log, read_notebook
from nbpart.project.project import Project
from nbpart.project.refresh import refresh, seen_at
from nbpart.project.runs import Run, find_run, get_run
from nbpart.storage.own_files import find_own
from nbpart.widgets.actions import (
    DataShown,
    Done,
    KeyLike,
    LogShown,
    MadeShown,
    NotebookShown,
    PartitionShown,
    PlanShown,
    RunBrief,
    RunShown,
)
from nbpart.workspace.spelled_calls import MOST_SPELLED, spell_axis, spell_call, spell_keys, spell_partition, spell_set

_HEAD_ROWS, _RUNS = 200, 20


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
        node, key = self._place(asset, partition_key)

        def work(batch: Batch) -> tuple[Any, ...]:
            key_id = find_key_id(batch, node, key)
            found = find_partition(batch, node.asset_id, key_id)
            made = queries.find_materialization(batch, node.asset_id, key_id)
            runs = queries.runs_frame(batch, node.asset_id, key_id, limit=_RUNS)
            stale = queries.stale_reasons(batch, node.asset_id, [key_id])
            deleted = queries.deleted_reasons(batch, node.asset_id).query("key_id == @key_id")
            return found, made, runs, [*stale["reason"], *deleted["reason"]]

        found, made, runs, reasons = self._project.read(work)
        return PartitionShown(
            asset=asset,
            partition_key=key,
            status=str(found.status),
            reason=reasons[0] if reasons else "",
            params=node.parameters.parse(key) if node.parameters and key is not None else {},
            made=self._show_made(made, found.metrics),
            run_id=found.run.run_id if found.run else None,
            runs=tuple(_brief(row) for row in runs.itertuples(index=False)),
            code=f"ws.load({spell_partition(asset, key)})",
            blocked=found.blocked,
        )

    def run(self, run_id: str) -> RunShown:
        record = find_run(self._project, run_id)
        node = self._project.registry().nodes.get(record.asset)

        def work(batch: Batch) -> tuple[MaterializationRecord | None, Mapping[str, Any]]:
            if node is None:
                return None, {}
            key_id = queries.find_key(batch, record.partition_key) or 0
            made = queries.find_materialization(batch, node.asset_id, key_id, record.run_no)
            return made, metrics_of(batch, made.materialization_id if made else None)

        made, metrics = self._project.read(work)
        return self._show_run(record, self._show_made(made, metrics))

    def log_tail(self, run_id: str, after: int | None = None, longest: int = 20_000) -> LogShown:
        path = get_run(self._project, run_id).log_path
        code = f"print(ws.get_run({run_id!r}).log)"
        if path is None or not path.exists():
            return LogShown("", 0, 0, code)
        return LogShown(*read_log(path, after, longest), code)

    def executed(self, run_id: str) -> NotebookShown:
        path = get_run(self._project, run_id).notebook
        if path is None:
            raise MissingInputError(f"run {run_id} has no executed notebook yet.")
        return read_notebook(path)

    def preview(
        self, asset: str, partition_key: str | None, run_id: str | None = None, file: str | None = None
    ) -> DataShown:
        node, key = self._place(asset, partition_key)
        more = "".join(f", {name}={value!r}" for name, value in (("run", run_id), ("file", file)) if value)
        code = f"ws.load({spell_partition(asset, key)}{more})"
        if node.definition.is_source:
            return preview_text(str(load(self._project, asset, key, None, None)), "where it lies", code)

        def work(batch: Batch) -> MaterializationRecord | None:
            run = queries.find_run(batch, run_id) if run_id else None
            if run_id and run is None:
                return None
            key_id = queries.find_key(batch, key) or 0
            return queries.find_materialization(batch, node.asset_id, key_id, run.run_no if run else None)

        made = self._project.read(work)
        if made is None:
            label = asset if key is None else f"{asset}/{key}"
            raise MissingInputError(f"{label} has no data {f'of run {run_id}' if run_id else 'yet: run it'}.")
        chosen = next((f for f in made.files if f.name == (file or "")), None)
        if chosen is None:
            return preview_text("This run saved no value: its executed notebook is its data.", "no file", code)
        return preview_file(find_own(self.root, chosen.path, f"the data of {asset}"), chosen.format or "", code)

    def _plan(self, selection: Sequence[str], keys: Sequence[KeyLike] | None, status: Sequence[str]) -> Plan:
        return make_plan(self._project, list(selection), None if keys is None else list(keys), list(status))

    def _backfill(self, backfill_id: str) -> Backfill:
        self._project.coordinator.reap()
        return Backfills(self._project)[backfill_id]

    def _set(self, name: str) -> PartitionSet:
        return load_sets(self._project.catalog)[name]

    def _place(self, asset: str, partition_key: str | None) -> tuple[Node, str | None]:
        node = self._project.registry()[asset]
        return node, spell_key(node, partition_key)

    def _show_run(self, record: RunRecord, made: MadeShown | None) -> RunShown:
        run = Run(self.root, record, self._project.check_trust)
        notebook = run.notebook if run.notebook and run.notebook.exists() else None
        return RunShown(
            run_id=run.run_id,
            asset=run.asset,
            partition_key=run.partition_key,
            status=run.status,
            attempt=run.attempt,
            started_at=_plain(run.started_at),
            duration_s=run.duration_s,
            error=run.error,
            traceback=run.traceback,
            notebook=str(notebook) if notebook else None,
            has_log=bool(run.log_path and run.log_path.exists()),
            made=made,
            code=f"ws.get_run({run.run_id!r})",
        )

    def _show_made(self, made: MaterializationRecord | None, metrics: Mapping[str, Any]) -> MadeShown | None:
        if made is None:
            return None
        files = tuple(
            {"name": f.name, "format": f.format, "path": str(self.root / f.path), "bytes": f.bytes} for f in made.files
        )
        at = made.materialized_at.isoformat()
        return MadeShown(at, made.run_id, made.duration_s, made.rows, made.bytes, files, dict(metrics))


def _list_steps(plan: Plan) -> tuple[tuple[str, str | None, str], ...]:
    """The first steps of a plan, which may have a million."""
    return tuple(
        (row.asset, row.partition_key if isinstance(row.partition_key, str) else None, str(row.reason))
        for row in plan.head(_HEAD_ROWS).itertuples(index=False)
    )


def _brief(row: Any) -> RunBrief:
    """A row of `queries.runs_frame`, in which what is not known is None or nan."""
    started_at, duration_s = (None if value is None or value != value else value for value in row[6:8])
    error = row.error if isinstance(row.error, str) else None
    return RunBrief(row.run_id, row.status, int(row.attempt), _plain(started_at), duration_s, error)


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def _already(n: int) -> str:
    return f"; {n:,} {'was' if n == 1 else 'were'} there already." if n > 0 else "."


def _as_sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
