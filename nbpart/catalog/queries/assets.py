"""Registered assets, and the data that their partitions have."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch
from nbpart.catalog.events.staging import join_metric
from nbpart.catalog.expressions import DATA_STATES, STALE_DATA, element_hash
from nbpart.catalog.judged import has_blocking, select_blocking
from nbpart.catalog.key_lookup import KEY_SQL, stage_numbers, stage_texts
from nbpart.catalog.queries.shared_sql import create_metrics_table, list_metrics, nulls_to_none
from nbpart.catalog.records import AssetRecord, MaterializationRecord
from nbpart.catalog.relations import AssetSnapshot
from nbpart.catalog.set_tables import asset_set_id, ordered_members, set_sql
from nbpart.states import DataState
from nbpart.storage.file_record import FileRecord

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

_FILE_COLUMNS = "name, kind, format, path, rows, bytes, data_version, schema"


def load_assets(batch: Batch, active_only: bool = True) -> list[AssetRecord]:
    """The registered assets and sources, in the order of their first registration."""
    rows = batch.rows(
        "SELECT a.asset_id, a.name, a.kind, a.active, a.set_id, s.name, a.code_version, a.definition, a.registered_at"
        " FROM assets a JOIN partition_sets s USING (set_id) WHERE a.active OR NOT ? ORDER BY a.asset_id",
        active_only,
    )
    return [AssetRecord(*(*row[:7], json.loads(row[7]), row[8])) for row in rows]


def current_inputs(
    batch: Batch, asset_id: int, key_ids: NDArray[np.int64] | Sequence[int] | None = None
) -> pd.DataFrame:
    """The current data of partitions of an asset or source, in the order of `key_ids`, or of all in member order.

    Columns: key_id, key, materialization_id, data_hash, path, format, kind, data_version, bytes, file_version (these
    two of the main file), is_damaged (it was seen since that a file is not what was saved), pruned (when its data was
    deleted, "" where it was not), failed_check (the first blocking check that it fails, "" where it fails none),
    element (what it gives to the order-free hash over what is read). One row a key; without data materialization_id is
    null and element 0, and of a run that saved no main value path, format and kind are null.
    """
    if key_ids is None:
        members = ordered_members(batch, asset_set_id(batch, asset_id))
        requested = f"SELECT m.key_id AS id, m.position AS n FROM {members} m"
    else:
        stage_numbers(batch, "requested_ids", key_ids)
        requested = "SELECT id, n FROM requested_ids"
    pruned, failed_check, joins = "''", "''", ""
    # most workspaces have none of either, and each of these joins takes as long as all the rest
    if has_data_states(batch):
        lost = f"SELECT materialization_id, reason FROM ({DATA_STATES}) WHERE state = '{DataState.PRUNED}'"
        pruned, joins = "coalesce(pruned.reason, '')", f" LEFT JOIN ({lost}) AS pruned USING (materialization_id)"
    if has_blocking(batch, asset_id):
        failing = select_blocking(asset_id, "j.key_id IN (SELECT id FROM requested)")
        failed_check = "coalesce(failing.check_name, '')"
        joins += f" LEFT JOIN ({failing}) AS failing ON failing.key_id = requested.id"
    frame = batch.frame(
        f"WITH requested AS ({requested}),"
        f" facts AS (SELECT key_id, materialization_id, stale & {STALE_DATA} <> 0 AS is_damaged FROM partition_facts"
        "           WHERE asset_id = ? AND materialization_id IS NOT NULL),"
        " made AS (SELECT materialization_id, data_hash, data_version FROM materializations WHERE asset_id = ?),"
        " files AS (SELECT * FROM data_files WHERE name = '')"
        f" SELECT k.key_id, {KEY_SQL} AS key, made.materialization_id, made.data_hash, files.path, files.format,"
        "        files.kind, made.data_version, files.bytes, files.data_version AS file_version, files.schema,"
        f"       coalesce(facts.is_damaged, false) AS is_damaged, {pruned} AS pruned, {failed_check} AS failed_check,"
        f"       CASE WHEN made.data_hash IS NULL THEN 0::UBIGINT ELSE {element_hash('k.key_id', 'made.data_hash')} END"
        "        AS element"
        " FROM requested JOIN keys k ON k.key_id = requested.id LEFT JOIN facts ON facts.key_id = requested.id"
        " LEFT JOIN made USING (materialization_id) LEFT JOIN files USING (materialization_id)"
        f"{joins} ORDER BY requested.n",
        asset_id,
        asset_id,
    )
    return nulls_to_none(frame)


def has_data_states(batch: Batch) -> bool:
    """Whether anybody saw of any data that they are not what was saved."""
    return batch.keep("has data states", lambda: bool(batch.value("SELECT count(*) FROM data_seen")))


def data_files_of(
    batch: Batch, materialization_ids: NDArray[np.int64] | Sequence[int]
) -> dict[int, tuple[FileRecord, ...]]:
    """The files of materializations by their ids, the main one ('') first; one without files is left out."""
    stage_numbers(batch, "requested_ids", materialization_ids)
    found: dict[int, tuple[FileRecord, ...]] = {}
    for owner, *file in batch.rows(
        f"SELECT materialization_id, {_FILE_COLUMNS} FROM data_files"
        " WHERE materialization_id IN (SELECT id FROM requested_ids) ORDER BY materialization_id, name"
    ):
        found[owner] = (*found.get(owner, ()), FileRecord(*file))
    return found


def logged_by(
    batch: Batch, materialization_ids: NDArray[np.int64]
) -> tuple[dict[int, dict[str, int | float | bool | str]], frozenset[int]]:
    """The metrics of materializations by their ids, by name, and the ids of those that were told to end early."""
    stage_numbers(batch, "requested_ids", materialization_ids)
    logged: dict[int, dict[str, int | float | bool | str]] = {}
    chosen = "WHERE materialization_id IN (SELECT id FROM requested_ids)"
    for owner, name, *value in batch.rows(
        f"SELECT materialization_id, name, number, text, whole FROM metrics {chosen}"
    ):
        logged.setdefault(owner, {})[name] = join_metric(*value)
    stopped = batch.rows(f"SELECT materialization_id FROM materializations {chosen} AND stopped_early")
    return logged, frozenset(owner for (owner,) in stopped)


def find_materialization(
    batch: Batch, asset_id: int, key_id: int | None, run_no: int | None = None
) -> MaterializationRecord | None:
    """The materialization of a partition with its files: the current one, or that of the run `run_no` of any key."""
    if run_no is None:
        chosen = "SELECT materialization_id FROM partition_facts WHERE asset_id = ? AND key_id = ?"
        values = (asset_id, key_id)
    else:
        chosen = "SELECT max(materialization_id) FROM materializations WHERE asset_id = ? AND run_no = ?"
        values = (asset_id, run_no)
    row = batch.row(
        "SELECT mt.materialization_id, mt.asset_id, mt.key_id, mt.run_no, r.run_id, mt.code_version, mt.data_version,"
        " mt.materialized_at, mt.duration_s, mt.rows, mt.bytes"
        " FROM materializations mt LEFT JOIN runs r ON r.run_no = mt.run_no WHERE mt.materialization_id = ?",
        batch.value(chosen, *values),
    )
    if row is None:
        return None
    files = batch.rows(f"SELECT {_FILE_COLUMNS} FROM data_files WHERE materialization_id = ? ORDER BY name", row[0])
    return MaterializationRecord(*(*row, tuple(FileRecord(*file) for file in files)))


def find_pruning(batch: Batch, materialization_id: int) -> str:
    """When and by whom the data of a materialization was pruned, as words; "" where it was not."""
    sql = f"SELECT reason FROM ({DATA_STATES}) WHERE materialization_id = ? AND state = '{DataState.PRUNED}'"
    return str(batch.value(sql, materialization_id) or "")


def observed_files(batch: Batch, asset_id: int, keys: Sequence[str | None] | None = None) -> pa.Table:
    """The files of a source as they were last observed, of all its keys or of `keys`.

    Columns: key_id, key, size, proof, version. A key that was never observed, or whose file is gone, has no row.
    """
    if keys is not None:
        stage_texts(batch, "requested_keys", keys)
    requested = "" if keys is None else " AND k.key IN (SELECT text FROM requested_keys)"
    return batch.arrow(
        f"SELECT o.key_id, {KEY_SQL} AS key, o.size, o.proof, mt.data_version AS version"
        " FROM observed o JOIN keys k USING (key_id) LEFT JOIN materializations mt USING (materialization_id)"
        f" WHERE o.asset_id = ?{requested} ORDER BY o.key_id",
        asset_id,
    )


def observed_since(batch: Batch, asset_id: int, after: int, without: int) -> dict[str | None, bool]:
    """The keys of a source of which a file was recorded after a transaction, and whether one had been there before.

    ``after`` is the number of that transaction; what the one of number ``without`` recorded is left out.
    """
    rows = batch.rows(
        f"SELECT {KEY_SQL} AS key, bool_or(m.sequence <= $2) FROM materializations m JOIN keys k USING (key_id)"
        " WHERE m.asset_id = $1 AND m.data_version IS NOT NULL GROUP BY m.key_id, key"
        " HAVING bool_or(m.sequence > $2 AND m.sequence <> $3) ORDER BY m.key_id",
        *(asset_id, after, without),
    )
    return dict(rows)


def last_observed(batch: Batch, asset_id: int, key_ids: NDArray[np.int64]) -> int:
    """The number of the last transaction in which a file of one of some keys of a source was recorded, of those that
    are there; 0 where there is none."""
    stage_numbers(batch, "observed_ids", key_ids)
    return int(
        batch.value(
            """SELECT coalesce(max(m.sequence), 0) FROM materializations AS m
            JOIN observed AS o USING (materialization_id)
            WHERE o.asset_id = ? AND o.key_id IN (SELECT id FROM observed_ids)""",
            asset_id,
        )
    )


def gone_files(batch: Batch, asset_id: int) -> list[str | None]:
    """The keys of a source that had a file once and have none now."""
    rows = batch.rows(
        f"SELECT {KEY_SQL} AS key FROM (SELECT DISTINCT key_id FROM materializations WHERE asset_id = $1"
        " EXCEPT SELECT key_id FROM observed WHERE asset_id = $1) JOIN keys k USING (key_id) ORDER BY key_id",
        asset_id,
    )
    return [key for (key,) in rows]


def partition_files(batch: Batch, asset_id: int) -> tuple[pa.Table, tuple[str, ...], tuple[str, ...]]:
    """The main files of all members with data, in member order, with the names of the set's columns and of metrics.

    Columns: key_id, materialization_id, partition_key, path, format, schema, kind, bytes, then `param_<n>` and
    `metric_<n>`, typed, in the order of the names.
    """
    sql = set_sql(batch, asset_set_id(batch, asset_id))
    names = tuple(column.name for column in sql.columns)
    metrics = list_metrics(batch, asset_id, {name.lower() for name in names})
    create_metrics_table(batch, asset_id, "file_metrics", metrics)
    columns = [f"{sql.value(column)} AS param_{place}" for place, column in enumerate(sql.columns)]
    columns += [f"x.metric_{place}" for place in range(len(metrics))]
    table = batch.arrow(
        "WITH files AS (SELECT * FROM data_files WHERE name = '')"
        f" SELECT m.key_id, f.materialization_id, {KEY_SQL} AS partition_key, files.path, files.format, files.schema,"
        f" files.kind, files.bytes{''.join(f', {column}' for column in columns)}"
        f" FROM {ordered_members(batch, sql.set_id)} m JOIN keys k ON k.key_id = m.key_id"
        f" JOIN partition_facts f ON f.asset_id = {int(asset_id)} AND f.key_id = m.key_id"
        " LEFT JOIN files ON files.materialization_id = f.materialization_id"
        f"{sql.joins}"
        " LEFT JOIN file_metrics x ON x.materialization_id = f.materialization_id"
        " WHERE f.materialization_id IS NOT NULL AND f.materialization_id NOT IN"
        f" (SELECT materialization_id FROM ({DATA_STATES}) WHERE state = '{DataState.PRUNED}') ORDER BY m.position"
    )
    return table, names, tuple(metric.column for metric in metrics)


def load_snapshots(batch: Batch, names: Sequence[str]) -> dict[str, AssetSnapshot]:
    """The snapshots of those names that are active assets, regardless of case, under the names given.

    Their paths are as they were recorded; `Relations` wants those of local files.
    """
    by_name = {asset.name.lower(): asset for asset in load_assets(batch)}
    found = {name: by_name[name.lower()] for name in names if name.lower() in by_name}
    return {name: _load_snapshot(batch, asset) for name, asset in found.items()}


def _load_snapshot(batch: Batch, asset: AssetRecord) -> AssetSnapshot:
    rows, params, metrics = partition_files(batch, asset.asset_id)
    return AssetSnapshot(asset.name, asset.set_id != 0, params, metrics, rows)
