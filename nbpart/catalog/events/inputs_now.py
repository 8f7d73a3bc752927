"""Recording what partitions read, as their inputs are now, for materializations that no run made."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbpart.catalog.bound_columns import load_bound_columns, record_columns
from nbpart.catalog.dependencies import StoredDependency, load_dependencies
from nbpart.catalog.expressions import element_hash, quote
from nbpart.catalog.join_search import find_inputs
from nbpart.catalog.joins import relate
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.partitions.mapping import AllKeys, Same, Whole
from nbpart.partitions.relation_folds import count_inputs, xor_inputs

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


def record_inputs_of_now(batch: Batch, made: str) -> None:
    """Record for each row of the temporary table `made` (asset_id, key_id, materialization_id) what it reads now."""
    for each in load_dependencies(batch, f"d.asset_id IN (SELECT DISTINCT asset_id FROM {quote(made)})"):
        if isinstance(each.mapping, Same | Whole):
            _record_one(batch, made, each)
        else:
            _record_many(batch, made, each)
    for bound in load_bound_columns(batch, f"a.asset_id IN (SELECT asset_id FROM {quote(made)})"):
        record_columns(batch, bound, made)


def _record_one(batch: Batch, made: str, dependency: StoredDependency) -> None:
    """Of an input that is read by one key: what data it has, none where it has none."""
    key = "p.key_id" if isinstance(dependency.mapping, Same) else "0"
    batch.execute(
        f"""INSERT INTO inputs (materialization_id, input_id, key_id, n, data_hash, position, argument)
        SELECT p.materialization_id, ?::INTEGER, {key}, (f.data_hash IS NOT NULL)::BIGINT, f.data_hash, NULL, ?
        FROM {quote(made)} AS p
        LEFT JOIN (SELECT key_id, data_hash FROM partition_facts WHERE asset_id = ?) AS f ON f.key_id = {key}
        WHERE p.asset_id = ?""",
        *(dependency.input_id, dependency.argument, dependency.input_id, dependency.asset_id),
    )


def _record_many(batch: Batch, made: str, dependency: StoredDependency) -> None:
    """Of an input that is read by many keys: the order-free hash over those that have data, and their number."""
    import pyarrow as pa

    rows = batch.numpy(f"SELECT key_id, materialization_id FROM {quote(made)} WHERE asset_id = ?", dependency.asset_id)
    join = dependency.join(batch)
    inputs = find_inputs(batch, join, rows["key_id"])
    stage_numbers(batch, "inputs_now", inputs)
    found = batch.numpy(
        f"""SELECT f.key_id IS NOT NULL AS is_there,
            CASE WHEN f.key_id IS NULL THEN 0 ELSE {element_hash("f.key_id", "f.data_hash")} END::UBIGINT AS element
        FROM inputs_now AS s
        LEFT JOIN (SELECT key_id, data_hash FROM partition_facts WHERE asset_id = ? AND data_hash IS NOT NULL) AS f
            ON f.key_id = s.id ORDER BY s.n""",
        dependency.input_id,
    )
    relation = relate(batch, join, rows["key_id"], inputs)
    is_there, many = found["is_there"], len(rows["key_id"])
    read = (relation.inputs_of(place) for place in range(many))
    ignores_new = isinstance(dependency.mapping, AllKeys) and dependency.mapping.new == "ignore"
    lists = (
        [(inputs[one[~is_there[one]]], inputs[one[is_there[one]]]) for one in read]
        if (dependency.skips_missing or ignores_new)
        else []
    )
    lacking = [one.tolist() or None for one, _ in lists] if dependency.skips_missing else [None] * many
    taken = [one.tolist() for _, one in lists] if ignores_new else [None] * many
    columns = {
        "lacking": pa.array(lacking, pa.list_(pa.int64())),
        "taken": pa.array(taken, pa.list_(pa.int64())),
        "materialization_id": rows["materialization_id"],
        "n": count_inputs(relation, is_there),
        "data_hash": xor_inputs(relation, found["element"].astype(np.uint64)),
    }
    batch.stage("inputs_read", pa.table(columns))
    batch.execute(
        """INSERT INTO inputs (materialization_id, input_id, key_id, n, data_hash, position, argument, lacking, taken)
        SELECT materialization_id, ?::INTEGER, NULL, n, data_hash, ?, ?, lacking, taken FROM inputs_read""",
        *(dependency.input_id, batch.sequence, dependency.argument),
    )
