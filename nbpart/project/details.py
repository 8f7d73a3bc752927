"""Details of a partition, run, log or data file for a widget, each with the line of Python that gets the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np

from nbpart.backfill.registry import spell_key
from nbpart.backfill.source_location import locate_now
from nbpart.catalog import Batch, MaterializationRecord, RunRecord, queries
from nbpart.catalog.causes import CauseKind
from nbpart.catalog.queries.cells import find_partition, metrics_of
from nbpart.errors import MissingInputError
from nbpart.partitions import PartitionRef
from nbpart.partitions.key_values import key_parameters
from nbpart.project.data import find_key_id
from nbpart.project.equivalent_code import spell_partition
from nbpart.project.preview import preview_file, preview_text, read_log, read_notebook
from nbpart.project.project import Project
from nbpart.project.runs import Run, find_run, get_run
from nbpart.project.why import explain_partition
from nbpart.storage.adopted import find_place
from nbpart.storage.url_template import show_location
from nbpart.widgets.actions import (
    DataPreview,
    ExecutedNotebook,
    LogPart,
    MaterializationDetails,
    PartitionDetails,
    RunDetails,
    RunSummary,
)

#: How many runs of a partition are listed.
_MAX_RUNS = 20


def load_partition_details(project: Project, asset: str, partition_key: str | None) -> PartitionDetails:
    """A partition's status, data and newest runs. Raises `UnknownNameError`."""
    registry = project.registry()
    node = registry[asset]
    key = spell_key(node, partition_key)

    def work(batch: Batch) -> tuple[Any, ...]:
        key_id = find_key_id(batch, node, key)
        found = find_partition(batch, node.asset_id, key_id)
        made = queries.find_materialization(batch, node.asset_id, key_id)
        runs = queries.runs_frame(batch, node.asset_id, np.array([key_id], np.int64), limit=_MAX_RUNS)
        return found, made, runs, explain_partition(batch, project.root, registry, node, key)

    found, made, runs, why = project.read(work)
    return PartitionDetails(
        asset=asset,
        partition_key=key,
        status=str(found.status),
        why=why.parts,
        params=key_parameters(node.partitions, key),
        materialization=_describe_materialization(project, made, found.metrics),
        run_id=found.run.run_id if found.run else None,
        runs=tuple(_summarize_run(row) for row in runs.itertuples(index=False)),
        code=f"ws.load({spell_partition(asset, key)})",
        blocked="" if why.causes[0].kind in (CauseKind.INPUT_FAILED, CauseKind.CHECK_FAILED) else found.blocked,
        checks=found.checks,
    )


def load_run_details(project: Project, run_id: str) -> RunDetails:
    """A run and the materialization that it made. Raises `UnknownNameError`."""
    record = find_run(project, run_id)
    node = project.registry().nodes.get(record.asset)

    def work(batch: Batch) -> tuple[MaterializationRecord | None, Mapping[str, Any]]:
        if node is None:
            return None, {}
        made = queries.find_materialization(batch, node.asset_id, None, record.run_no)
        return made, metrics_of(batch, made.materialization_id if made else None)

    made, metrics = project.read(work)
    return _describe_run(project, record, _describe_materialization(project, made, metrics))


def load_log_part(project: Project, run_id: str, after: int | None, max_bytes: int) -> LogPart:
    """The part of a run's log behind byte ``after``, at most its last ``max_bytes`` bytes; see `read_log`."""
    path = get_run(project, run_id).log_path
    code = f"print(ws.get_run({run_id!r}).log)"
    if path is None or not path.exists():
        return LogPart("", 0, 0, code)
    return LogPart(*read_log(path, after, max_bytes), code)


def load_executed_notebook(project: Project, run_id: str) -> ExecutedNotebook:
    """The executed notebook of a run. Raises `MissingInputError` where there is none yet."""
    path = get_run(project, run_id).notebook
    if path is None:
        raise MissingInputError(f"run {run_id} has no executed notebook yet.")
    return read_notebook(path)


def load_data_preview(
    project: Project, asset: str, partition_key: str | None, run_id: str | None, file: str | None
) -> DataPreview:
    """A preview of the data as it is now, or as a run left it; ``file`` names one of several files of a run.

    Raises `MissingInputError` where there is no data.
    """
    node = project.registry()[asset]
    key = spell_key(node, partition_key)
    more = "".join(f", {name}={value!r}" for name, value in (("run", run_id), ("file", file)) if value)
    code = f"ws.load({spell_partition(asset, key)}{more})"
    if node.definition.is_source and not node.definition.is_value:
        place = "what its functions say"
        if node.definition.path:
            place = show_location(project.catalog.read(partial(locate_now, node=node, key=key)))
        return preview_text(place, "where it lies", code)

    def work(batch: Batch) -> MaterializationRecord | None:
        run = queries.find_run(batch, run_id) if run_id else None
        if run_id and run is None:
            return None
        key_id = queries.find_key(batch, node.asset_id, key)
        return queries.find_materialization(batch, node.asset_id, key_id, run.run_no if run else None)

    made = project.read(work)
    if made is None:
        label = PartitionRef(asset, key).label
        raise MissingInputError(f"{label} has no data {f'of run {run_id}' if run_id else 'yet: run it'}.")
    chosen = next((f for f in made.files if f.name == (file or "")), None)
    if chosen is None:
        return preview_text("This run saved no value: its executed notebook is its data.", "no file", code)
    return preview_file(project.store, chosen.path, chosen.format or "", code, chosen.schema)


def _describe_run(project: Project, record: RunRecord, made: MaterializationDetails | None) -> RunDetails:
    run = Run(project, record)
    notebook = run.notebook if run.notebook and run.notebook.exists() else None
    return RunDetails(
        run_id=run.run_id,
        asset=run.asset,
        partition_key=run.partition_key,
        status=run.status,
        attempt=run.attempt,
        started_at=_to_iso(run.started_at),
        duration_s=run.duration_s,
        error=run.error,
        traceback=run.traceback,
        notebook=str(notebook) if notebook else None,
        has_log=bool(run.log_path and run.log_path.exists()),
        materialization=made,
        code=f"ws.get_run({run.run_id!r})",
    )


def _describe_materialization(
    project: Project, made: MaterializationRecord | None, metrics: Mapping[str, Any]
) -> MaterializationDetails | None:
    if made is None:
        return None
    files = tuple(
        {"name": f.name, "format": f.format, "path": str(find_place(f.path, project.root)), "bytes": f.bytes}
        for f in made.files
    )
    at = made.materialized_at.isoformat()
    return MaterializationDetails(at, made.run_id, made.duration_s, made.rows, made.bytes, files, dict(metrics))


def _summarize_run(row: Any) -> RunSummary:
    """A summary of a row of `queries.runs_frame`, in which unknown values are None or NaN."""
    known = (None if value is None or value != value else value for value in (row.started_at, row.duration_s))
    started_at, duration_s = known
    error = row.error if isinstance(row.error, str) else None
    return RunSummary(row.run_id, row.status, int(row.attempt), _to_iso(started_at), duration_s, error)


def _to_iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
