"""Columns of keys that the code of an asset binds: what they were when a partition was made, and what they are now.

They are recorded as an input of their own, with the id 0 and their names as its argument.
"""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbpart.catalog.expressions import quote
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.catalog.records import InputRead
from nbpart.catalog.set_tables import literal, set_sql

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

#: Stands for the id of an input.
COLUMNS_ID = 0


@dataclass(frozen=True)
class BoundColumns:
    """The columns beside the key that an asset binds, and its set."""

    asset_id: int
    set_id: int
    names: tuple[str, ...]

    @property
    def argument(self) -> str:
        return ",".join(self.names)


def load_bound_columns(batch: Batch, condition: str = "true") -> list[BoundColumns]:
    """What assets bind, of those `a` for which an SQL condition holds; none of those that bind nothing."""
    every = batch.keep("bound columns", lambda: _load(batch, "true"))
    return list(every) if condition == "true" or not every else _load(batch, condition)


def _load(batch: Batch, condition: str) -> list[BoundColumns]:
    rows = batch.rows(
        f"""SELECT a.asset_id, a.set_id, a.definition->>'$.bound' FROM assets AS a
        WHERE a.active AND json_array_length(a.definition, '$.bound') > 0 AND {condition}"""
    )
    return [BoundColumns(asset_id, set_id, tuple(json.loads(names))) for asset_id, set_id, names in rows]


def read_columns(batch: Batch, bound: BoundColumns, key_ids: Sequence[int]) -> list[InputRead]:
    """What is recorded as read of these columns by a run of each of some keys, in their order."""
    stage_numbers(batch, "bound_ids", key_ids)
    now = _select_hashes(batch, bound, "SELECT id AS key_id FROM bound_ids")
    hashes: NDArray[np.uint64] = batch.numpy(
        f"SELECT h.hash FROM bound_ids AS b JOIN ({now}) AS h ON h.key_id = b.id ORDER BY b.n"
    )["hash"]
    return [InputRead(COLUMNS_ID, bound.argument, None, len(bound.names), int(one)) for one in hashes]


def record_columns(batch: Batch, bound: BoundColumns, made: str) -> None:
    """Record the columns of now as read by rows of the table `made` (asset_id, key_id, materialization_id)."""
    own = f"SELECT key_id, materialization_id FROM {quote(made)} WHERE asset_id = {bound.asset_id}"
    batch.execute(
        f"""INSERT INTO inputs (materialization_id, input_id, n, data_hash, argument)
        SELECT m.materialization_id, {COLUMNS_ID}, {len(bound.names)}, h.hash, ? FROM ({own}) AS m
        JOIN ({_select_hashes(batch, bound, f"SELECT key_id FROM ({own})")}) AS h USING (key_id)""",
        bound.argument,
    )


def select_changed(batch: Batch, partitions: str) -> str:
    """A query (asset_id, key_id, input_id) of partitions of which a bound column is another one; "" if none binds one.

    `partitions` names a temporary table (asset_id, key_id, materialization_id).
    """
    selects = []
    for bound in load_bound_columns(batch, f"a.asset_id IN (SELECT asset_id FROM {quote(partitions)})"):
        own = f"SELECT key_id, materialization_id FROM {quote(partitions)} WHERE asset_id = {bound.asset_id}"
        selects.append(
            f"""SELECT {bound.asset_id} AS asset_id, p.key_id, {COLUMNS_ID} AS input_id FROM ({own}) AS p
            JOIN inputs AS i ON i.materialization_id = p.materialization_id AND i.input_id = {COLUMNS_ID}
                AND i.argument = {literal(bound.argument)}
            JOIN ({_select_hashes(batch, bound, f"SELECT key_id FROM ({own})")}) AS h ON h.key_id = p.key_id
            WHERE h.hash IS DISTINCT FROM i.data_hash"""
        )
    return " UNION ALL ".join(selects)


def _select_hashes(batch: Batch, bound: BoundColumns, keys: str) -> str:
    """A query (key_id, hash) of the columns of the keys of a query (key_id)."""
    sql = set_sql(batch, bound.set_id)
    columns = {column.name: column for column in sql.columns}
    texts = [f"({sql.value(columns[name])})::VARCHAR" for name in bound.names if name in columns]
    parts = [f"coalesce(length({text}) || ':' || {text}, '-')" for text in texts]
    hashed = f"md5_number_lower(concat_ws(',', {', '.join(parts)}))" if parts else "0::UBIGINT"
    return f"SELECT m.key_id, {hashed} AS hash FROM ({keys}) AS m{sql.joins}"
