"""Partitions by the million, as arrays of a byte or a number each: what a heatmap draws.

Results are by key id, in no order: the caller holds the members of a set once, in their order, and puts each value in
its place. That is several times faster than a join and a sort for each asset.
"""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch
from nbpart.catalog.events.staging import join_metric
from nbpart.catalog.expressions import ACTIVE_NONE, OUTCOME_FAILED, status_code_sql, status_sql
from nbpart.catalog.key_lookup import KEY_SQL
from nbpart.catalog.queries.checks import describe_checks
from nbpart.catalog.queries.runs import find_run
from nbpart.catalog.records import CellFacts, PartitionRecord
from nbpart.catalog.set_tables import load_order, ordered_members, own_columns, set_sql
from nbpart.partitions.columns import ColumnSource
from nbpart.partitions.mapping import Mapping, mapping_from_json
from nbpart.partitions.names import metric_column, metric_of_column
from nbpart.states import OUTDATED, PartitionStatus, RunStatus, StepStatus

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

#: What of a materialization can be asked for by name; any other is a metric, see `metric_column`.
MATERIALIZATION_COLUMNS = ("duration_s", "rows", "bytes")


def member_ids(batch: Batch, set_id: int) -> NDArray[np.int64]:
    """The ids of a set's keys in member order."""
    return load_order(batch, set_id)


def load_asset_rows(batch: Batch) -> list[tuple[int, str, str, int]]:
    """(asset id, name, kind, set id) of the active assets and sources, in the order of their first registration."""
    rows = batch.rows("SELECT asset_id, name, kind, set_id FROM assets WHERE active ORDER BY asset_id")
    return [(int(row[0]), str(row[1]), str(row[2]), int(row[3])) for row in rows]


def load_dependencies(batch: Batch) -> list[tuple[int, int, Mapping]]:
    """(asset, what it reads, mapping) of all active assets, by id; an asset may read another in several ways."""
    rows = batch.rows(
        "SELECT d.asset_id, d.input_id, d.mapping FROM dependencies d JOIN assets a USING (asset_id)"
        " WHERE a.active ORDER BY d.asset_id, d.input_id, d.argument"
    )
    return [(int(row[0]), int(row[1]), mapping_from_json(json.loads(row[2]))) for row in rows]


def cell_facts(batch: Batch, asset_id: int, column: str | None = None) -> CellFacts:
    """The status of each partition of an asset that has facts, with the value of `column`.

    `column` is one of `MATERIALIZATION_COLUMNS` or a metric; without it the values are empty, and one that is not known
    is nan. Keys that left the set are included.
    """
    return _cell_facts(batch, f"f.asset_id = {int(asset_id)}", column, 0)


def cells_changed_since(
    batch: Batch, asset_ids: Sequence[int], sequence: int, column: str | None = None
) -> dict[int, CellFacts]:
    """`cell_facts` of the partitions alone that changed after the commit `sequence`, by asset id."""
    import numpy as np

    if not asset_ids:
        return {}
    listed = ", ".join(str(int(asset_id)) for asset_id in asset_ids)
    found = _cell_facts(batch, f"f.asset_id IN ({listed})", column, sequence)
    changed: dict[int, CellFacts] = {}
    for asset_id in np.unique(found.asset_ids).tolist():
        own = found.asset_ids == asset_id
        values = found.values[own] if len(found.values) else found.values
        changed[asset_id] = CellFacts(found.asset_ids[own], found.key_ids[own], found.status[own], values)
    return changed


def _cell_facts(batch: Batch, whose: str, column: str | None, sequence: int) -> CellFacts:
    import numpy as np

    facts = (
        f"SELECT f.asset_id, f.key_id, {status_code_sql()} AS status, f.materialization_id FROM partition_facts f"
        f" WHERE {whose}{f' AND f.changed > {int(sequence)}' if sequence else ''}"
    )
    if column is None:
        columns = batch.numpy(f"SELECT asset_id, key_id, status FROM ({facts})")
        return CellFacts(columns["asset_id"], columns["key_id"], columns["status"], np.empty(0))
    if column in MATERIALIZATION_COLUMNS:
        # source and column are constants of this file
        source, value, bound = "materializations", f"v.{column}", []
    else:
        name = metric_of_column(column).lower()
        source, value, bound = "(FROM metrics WHERE lower(name) = ?)", "v.number", [name]
    columns = batch.numpy(
        f"SELECT f.asset_id, f.key_id, f.status, coalesce({value}, 'nan')::DOUBLE AS value"
        f" FROM ({facts}) f LEFT JOIN {source} v USING (materialization_id)",
        *bound,
    )
    return CellFacts(columns["asset_id"], columns["key_id"], columns["status"], columns["value"])


def metric_names(batch: Batch, asset_ids: Sequence[int], since: int = 0) -> list[str]:
    """The columns of numeric metrics in the current data of these assets; names that differ in case only are one.

    Only of partitions that changed after the commit `since`.
    """
    if not asset_ids:
        return []
    listed = ", ".join(str(int(asset_id)) for asset_id in asset_ids)
    rows = batch.rows(
        "SELECT min(x.name) FROM metrics x JOIN partition_facts f USING (materialization_id)"
        f" WHERE f.asset_id IN ({listed}) AND f.changed > ? AND x.number IS NOT NULL"
        " GROUP BY lower(x.name) ORDER BY lower(min(x.name))",
        since,
    )
    return [metric_column(str(row[0])) for row in rows]


def ids_matching(batch: Batch, set_id: int, text: str) -> NDArray[np.int64]:
    """The ids of the keys of a set that hold `text`, regardless of case."""
    ids: NDArray[np.int64] = batch.numpy(
        "SELECT m.key_id FROM members m JOIN keys k USING (key_id)"
        " WHERE m.set_id = ? AND contains(lower(k.key), lower(?))",
        set_id,
        text,
    )["key_id"]
    return ids


def keys_in_order(batch: Batch, set_id: int) -> NDArray[np.int64]:
    """The ids of a set's keys in the alphabetical order of the keys."""
    ids: NDArray[np.int64] = batch.numpy(
        "SELECT m.key_id FROM members m JOIN keys k USING (key_id) WHERE m.set_id = ? ORDER BY k.key", set_id
    )["key_id"]
    return ids


def member_parameters(batch: Batch, set_id: int) -> pa.Table:
    """The parameters of a set's keys, typed, a column each in the order of their names, in member order.

    A set without parameters gives a table without columns.
    """
    sql = set_sql(batch, set_id)
    parameters = [column for column in own_columns(sql.definition) if column.source is ColumnSource.PARAMETER]
    named, members = sql.named_values(parameters), ordered_members(batch, set_id)
    table = batch.arrow(f"SELECT m.position{named} FROM {members} m{sql.joins} ORDER BY m.position")
    return table.drop_columns(["position"])


def find_partition(batch: Batch, asset_id: int, key_id: int) -> PartitionRecord | None:
    """The status, run and data of one partition; None for a key that no set ever had.

    The run is the one that the status is about; see `partition_status`.
    """
    row = batch.row(
        f"""WITH f AS (SELECT * FROM partition_facts WHERE asset_id = {int(asset_id)} AND key_id = {int(key_id)}),
        made AS (SELECT * FROM materializations WHERE materialization_id = (SELECT materialization_id FROM f)),
        failed AS (
            SELECT max(r.run_no) AS run_no FROM runs r JOIN outcomes o USING (run_no)
            WHERE r.asset_id = {int(asset_id)} AND r.key_id = {int(key_id)}
              AND o.final AND o.status = '{RunStatus.FAILED.value}'
        )
        SELECT {KEY_SQL}, {status_sql()}, CASE WHEN f.active <> {ACTIVE_NONE} THEN f.active_run
            WHEN f.outcome = {OUTCOME_FAILED} THEN failed.run_no ELSE made.run_no END,
            made.materialized_at, made.duration_s, made.rows, made.bytes, made.materialization_id
        FROM (SELECT * FROM keys WHERE key_id = {int(key_id)}) k LEFT JOIN f ON true LEFT JOIN made ON true
        LEFT JOIN failed ON true"""
    )
    if row is None:
        return None
    key, status, run_no, materialized_at, duration_s, rows, size, materialization_id = row
    run_id = None if run_no is None else batch.value("SELECT run_id FROM runs WHERE run_no = ?", run_no)
    run = None if run_id is None else find_run(batch, run_id)
    metrics = metrics_of(batch, materialization_id)
    blocked = _find_block(batch, asset_id, key_id) if PartitionStatus(status) in OUTDATED else ""
    checks = describe_checks(batch, asset_id, key_id)
    return PartitionRecord(
        key, PartitionStatus(status), run, materialized_at, duration_s, rows, size, metrics, blocked, checks
    )


def _find_block(batch: Batch, asset_id: int, key_id: int) -> str:
    """The cause, where the last result of a step of the partition is blocked; "" otherwise."""
    row = batch.row(
        "SELECT r.status, r.cause FROM step_results r JOIN steps s USING (backfill_no, step_no)"
        " WHERE s.asset_id = ? AND s.key_id = ? ORDER BY r.rowid DESC LIMIT 1",
        asset_id,
        key_id,
    )
    return str(row[1] or "an input") if row and row[0] == StepStatus.BLOCKED else ""


def metrics_of(batch: Batch, materialization_id: int | None) -> dict[str, int | float | bool | str]:
    """The metrics of one materialization by their columns' names, exactly as they were logged."""
    rows = batch.rows(
        "SELECT name, number, text, whole FROM metrics WHERE materialization_id = ? ORDER BY name", materialization_id
    )
    return {metric_column(str(name)): join_metric(number, text, whole) for name, number, text, whole in rows}
