"""A workspace as its widgets see it: what they ask for, done, with the line of code that does the same."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.assets.selection import select
from nbpart.backfill.nodes import Node, spell_key
from nbpart.backfill.options import OPTIONS, Option
from nbpart.catalog import Batch, MaterializationRecord, RunRecord, queries
from nbpart.catalog.queries.cells import find_partition, metrics_of
from nbpart.errors import MissingInputError, UnknownNameError, nearest
from nbpart.project.data import find_key_id
from nbpart.project.partition_set import PartitionSet
from nbpart.project.preview import preview_file, preview_text, read_log, read_notebook
from nbpart.project.runs import Run
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

if TYPE_CHECKING:
    from nbpart.project.plans import Plan
    from nbpart.widgets.explorer import Explorer
    from nbpart.widgets.graph import AssetGraph
    from nbpart.widgets.heatmap import PartitionHeatmap
    from nbpart.widgets.monitor import BackfillMonitor
    from nbpart.workspace.workspace import Workspace

_HEAD_ROWS, _RUNS = 200, 20
#: Longer lists of keys are cut in the line of code that is shown.
_MOST_SPELLED = 20


def make_graph(ws: Workspace, **options: Any) -> AssetGraph:
    """The asset graph of a workspace; the options are those of `AssetGraph`."""
    from nbpart.widgets.graph import AssetGraph

    return AssetGraph(ws._catalog, look_for_dead=_look(ws).look_for_dead, **options)


def make_heatmap(ws: Workspace, assets: Any = None, **options: Any) -> PartitionHeatmap:
    """The partitions of a workspace, or of a selection of its assets; the options are those of `PartitionHeatmap`."""
    from nbpart.widgets.heatmap import PartitionHeatmap

    names = None if assets is None else select(ws.assets, assets)
    return PartitionHeatmap(ws._catalog, names, look_for_dead=_look(ws).look_for_dead, **options)


def make_monitor(ws: Workspace, backfill_id: str) -> BackfillMonitor:
    """The monitor of a backfill, wherever it runs. Raises `UnknownNameError`."""
    from nbpart.widgets.monitor import BackfillMonitor

    return BackfillMonitor(ws._catalog, _look(ws), backfill_id)


def make_explorer(ws: Workspace, **options: Any) -> Explorer:
    """Graph, heatmap and panel of a workspace; the options are those of `Explorer`."""
    from nbpart.widgets.explorer import Explorer

    return Explorer(ws._catalog, _look(ws), **options)


def _look(ws: Workspace) -> WorkspaceActions:
    """The actions of a workspace whose dead are known."""
    actions = WorkspaceActions(ws)
    actions.look_for_dead()
    return actions


class WorkspaceActions:
    """The `nbpart.widgets.actions.Actions` of a workspace."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws

    @property
    def root(self) -> Path:
        return self._ws.root

    # backfills

    @property
    def form_options(self) -> Sequence[Option]:
        return [option for option in OPTIONS.values() if option.label]

    def plan(self, selection: Sequence[str], keys: Sequence[KeyLike] | None, status: Sequence[str]) -> PlanShown:
        plan = self._plan(selection, keys, status)
        code = f"ws.plan({_call(selection, keys, status)})"
        return PlanShown(plan.selection, len(plan), plan.counts(), self._head(plan), code, plan.notice, plan.notes)

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
            return Done(told, f"ws.plan({_call(selection, keys, status)})")
        backfill = plan.run(**given)
        begun = f"Backfill {backfill.id} has begun: {len(plan):,} steps."
        told = " ".join(filter(None, [begun, _as_sentence(plan.notice)]))
        return Done(told, f"ws.backfill({_call(selection, keys, status, given)})", backfill.id)

    def cancel(self, backfill_id: str) -> Done:
        try:
            self._ws.backfills[backfill_id].cancel(timeout_s=0.0)
            told = "It has ended."
        except TimeoutError:
            told = "It was asked to end: running notebooks are stopped, nothing new starts."
        return Done(told, f"ws.backfills[{backfill_id!r}].cancel()", backfill_id)

    def retry_failed(self, backfill_id: str) -> Done:
        backfill = self._ws.backfills[backfill_id]
        again = backfill.retry_failed()
        if again is backfill:
            return Done(backfill.tell_nothing_failed(), f"ws.backfills[{backfill_id!r}].retry_failed()")
        return Done(f"Backfill {again.id} has begun.", f"ws.backfills[{backfill_id!r}].retry_failed()", again.id)

    def resume(self, backfill_id: str) -> Done:
        backfill = self._ws.backfills[backfill_id]
        told = backfill.tell_nothing_left()
        backfill.resume()
        return Done(told or "It goes on.", f"ws.backfills[{backfill_id!r}].resume()", backfill_id)

    @property
    def seen_at(self) -> datetime | None:
        return self._ws.seen_at

    def refresh(self) -> Done:
        look = self._ws.refresh()
        sentences = [_as_sentence(text) for text in (look.notice, *look.warnings) if text]
        return Done(" ".join(sentences) or "Nothing changed.", "ws.refresh()")

    def look_for_dead(self) -> None:
        self._ws._site.coordinator.reap_if_due()

    # keys

    def add_keys(self, partitions: str, keys: Sequence[KeyLike]) -> Done:
        new = self._set(partitions).add(list(keys))
        told = f"{_count(len(new), 'key')} added" + _already(len(keys) - len(new))
        return Done(told, f"{_set_code(partitions)}.add({_spell(keys)})", keys=tuple(new))

    def add_grid(self, partitions: str, axes: Mapping[str, Sequence[Any]]) -> Done:
        new = self._set(partitions).add_grid(**axes)
        asked = ", ".join(f"{name}={_spell_axis(values)}" for name, values in axes.items())
        return Done(
            f"{_count(len(new), 'key')} added.", f"{_set_code(partitions)}.add_grid({asked})", keys=tuple(new[:1000])
        )

    def remove_keys(self, partitions: str, keys: Sequence[KeyLike]) -> Done:
        gone = self._set(partitions).remove(*keys)
        told = f"{_count(len(gone), 'key')} removed; their history and data stay."
        spelled = ", ".join(repr(key) for key in keys[:_MOST_SPELLED]) + (", ..." if len(keys) > _MOST_SPELLED else "")
        return Done(told, f"{_set_code(partitions)}.remove({spelled})", keys=tuple(gone))

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

        found, made, runs, reasons = self._ws._site.read(work)
        return PartitionShown(
            asset=asset,
            partition_key=key,
            status=str(found.status),
            reason=reasons[0] if reasons else "",
            params=node.parameters.parse(key) if node.parameters and key is not None else {},
            made=self._show_made(made, found.metrics),
            run_id=found.run.run_id if found.run else None,
            runs=tuple(_brief(row) for row in runs.itertuples(index=False)),
            code=f"ws.load({_key_call(asset, key)})",
            blocked=found.blocked,
        )

    def run(self, run_id: str) -> RunShown:
        record = self._ws._find_run(run_id)
        node = self._ws._registry().nodes.get(record.asset)

        def work(batch: Batch) -> tuple[MaterializationRecord | None, Mapping[str, Any]]:
            if node is None:
                return None, {}
            key_id = queries.find_key(batch, record.partition_key) or 0
            made = queries.find_materialization(batch, node.asset_id, key_id, record.run_no)
            return made, metrics_of(batch, made.materialization_id if made else None)

        made, metrics = self._ws._site.read(work)
        return self._show_run(record, self._show_made(made, metrics))

    def log_tail(self, run_id: str, after: int | None = None, longest: int = 20_000) -> LogShown:
        path = self._ws.get_run(run_id).log_path
        code = f"print(ws.get_run({run_id!r}).log)"
        if path is None or not path.exists():
            return LogShown("", 0, 0, code)
        return LogShown(*read_log(path, after, longest), code)

    def executed(self, run_id: str) -> NotebookShown:
        path = self._ws.get_run(run_id).notebook
        if path is None:
            raise MissingInputError(f"run {run_id} has no executed notebook yet.")
        return read_notebook(path)

    def preview(
        self, asset: str, partition_key: str | None, run_id: str | None = None, file: str | None = None
    ) -> DataShown:
        node, key = self._place(asset, partition_key)
        more = "".join(f", {name}={value!r}" for name, value in (("run", run_id), ("file", file)) if value)
        code = f"ws.load({_key_call(asset, key)}{more})"
        if node.definition.is_source:
            return preview_text(str(self._ws.load(asset, key)), "where it lies", code)

        def work(batch: Batch) -> MaterializationRecord | None:
            run = queries.find_run(batch, run_id) if run_id else None
            if run_id and run is None:
                return None
            key_id = queries.find_key(batch, key) or 0
            return queries.find_materialization(batch, node.asset_id, key_id, run.run_no if run else None)

        made = self._ws._site.read(work)
        if made is None:
            label = asset if key is None else f"{asset}/{key}"
            raise MissingInputError(f"{label} has no data {f'of run {run_id}' if run_id else 'yet: run it'}.")
        chosen = next((f for f in made.files if f.name == (file or "")), None)
        if chosen is None:
            return preview_text("This run saved no value: its executed notebook is its data.", "no file", code)
        return preview_file(find_own(self.root, chosen.path, f"the data of {asset}"), chosen.format or "", code)

    def _head(self, plan: Plan) -> tuple[tuple[str, str | None, str], ...]:
        """The first steps of a plan, which may have a million."""
        wanted = _HEAD_ROWS
        rows: list[tuple[str, str | None, str]] = []
        for steps, reasons in zip(plan._steps.assets, plan._reasons, strict=True):
            ids = steps.key_ids[: wanted - len(rows)]
            keys = self._ws._catalog.read(lambda batch, ids=ids: queries.key_texts(batch, ids))  # type: ignore[misc]
            rows += [(steps.asset, key, str(why)) for key, why in zip(keys, reasons[: len(ids)], strict=True)]
            if len(rows) >= wanted:
                break
        return tuple(rows)

    def _plan(self, selection: Sequence[str], keys: Sequence[KeyLike] | None, status: Sequence[str]) -> Plan:
        return self._ws.plan(list(selection), None if keys is None else list(keys), list(status))

    def _set(self, name: str) -> PartitionSet:
        sets = self._ws.partition_sets
        if name not in sets:
            raise UnknownNameError(f"there are no dynamic partitions {name!r}; {nearest(name, sets)}")
        return sets[name]

    def _place(self, asset: str, partition_key: str | None) -> tuple[Node, str | None]:
        node = self._ws._registry()[asset]
        return node, spell_key(node, partition_key)

    def _show_run(self, record: RunRecord, made: MadeShown | None) -> RunShown:
        run = Run(self.root, record, self._ws._site.check_trust)
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


def _brief(row: Any) -> RunBrief:
    """A row of `queries.runs_frame`, in which what is not known is None or nan."""
    started_at, duration_s = (None if value is None or value != value else value for value in row[6:8])
    error = row.error if isinstance(row.error, str) else None
    return RunBrief(row.run_id, row.status, int(row.attempt), _plain(started_at), duration_s, error)


def _call(
    selection: Sequence[str],
    keys: Sequence[KeyLike] | None,
    status: Sequence[str],
    options: Mapping[str, Any] | None = None,
) -> str:
    """The arguments of ``ws.plan`` and ``ws.backfill``; what is the default is left out."""
    parts = [repr(selection[0]) if len(selection) == 1 else repr(list(selection))]
    if keys is not None:
        parts.append(f"keys={_spell(keys)}")
    if list(status) != ["outdated"]:
        parts.append(f"status={status[0]!r}" if len(status) == 1 else f"status={list(status)!r}")
    parts += [f"{name}={value!r}" for name, value in (options or {}).items()]
    return ", ".join(parts)


def _spell(keys: Sequence[KeyLike]) -> str:
    if len(keys) == 1:
        return repr(keys[0])
    if len(keys) <= _MOST_SPELLED:
        return repr(list(keys))
    shown = ", ".join(repr(key) for key in keys[:_MOST_SPELLED])
    return f"[{shown}, ...]  # {len(keys):,} keys"


def _spell_axis(values: Sequence[Any]) -> str:
    """Values of a parameter; whole numbers in equal steps are a range."""
    steps = {b - a for a, b in itertools.pairwise(values) if type(a) is type(b) is int}
    if (
        len(values) > 3
        and all(type(value) is int for value in values)
        and len(steps) == 1
        and (step := steps.pop()) > 0
    ):
        return f"range({values[0]}, {values[-1] + 1}{f', {step}' if step != 1 else ''})"
    return _spell(values)


def _key_call(asset: str, key: str | None) -> str:
    return repr(asset) if key is None else f"{asset!r}, {key!r}"


def _set_code(name: str) -> str:
    return f"ws.partition_sets[{name!r}]"


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def _already(n: int) -> str:
    return f"; {n:,} {'was' if n == 1 else 'were'} there already." if n > 0 else "."


def _as_sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
