"""Sets of partition keys and their members."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbpart.catalog.batch import Batch
from nbpart.catalog.queries.shared_sql import KEY_SQL, nulls_to_none, stage_numbers, stage_texts
from nbpart.catalog.records import SetRecord
from nbpart.catalog.set_tables import (
    asset_set_id,
    keys_owner,
    load_definition,
    load_stored_sets,
    ordered_members,
    set_sql,
)
from nbpart.partitions.key_values import is_attribute

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

_SETS = "SELECT set_id, name, kind, version, created_at FROM partition_sets"


def load_sets(batch: Batch) -> list[SetRecord]:
    """Every set of keys; the first is that of unpartitioned assets."""
    stored = load_stored_sets(batch)
    return [
        SetRecord(set_id, name, kind, stored[set_id].definition if set_id in stored else None, version, created_at)
        for set_id, name, kind, version, created_at in batch.rows(f"{_SETS} ORDER BY set_id")
    ]


def find_set(batch: Batch, name: str) -> SetRecord | None:
    """The set of that name, if there is one."""
    row = batch.row(f"{_SETS} WHERE name = ? AND set_id <> 0", name)
    if row is None:
        return None
    set_id, its_name, kind, version, created_at = row
    return SetRecord(set_id, its_name, kind, load_definition(batch, set_id), version, created_at)


def set_version(batch: Batch, set_id: int) -> int:
    """The sequence of the last change of the set's membership."""
    return int(batch.value("SELECT version FROM partition_sets WHERE set_id = ?", set_id) or 0)


def count_members(batch: Batch, set_id: int) -> int:
    """How many keys the set has."""
    return int(batch.value("SELECT count(*) FROM members WHERE set_id = ?", set_id))


def member_count_by_asset(batch: Batch, set_id: int) -> dict[str, int]:
    """How many members of a set each asset has data of, by the asset's name; those without any are left out."""
    rows = batch.rows(
        """SELECT a.name, count(*) FROM members m JOIN partition_facts f USING (key_id)
        JOIN assets a ON a.asset_id = f.asset_id AND a.set_id = m.set_id
        WHERE m.set_id = ? AND f.materialization_id IS NOT NULL GROUP BY a.name ORDER BY a.name""",
        set_id,
    )
    return {str(name): int(n) for name, n in rows}


def load_members(batch: Batch, set_id: int, offset: int = 0, limit: int | None = None) -> list[str]:
    """The keys of the set in their order, or a part of them."""
    table = batch.arrow(
        f"WITH page AS (SELECT key_id, position FROM {ordered_members(batch, set_id)} ORDER BY position"
        "  LIMIT ? OFFSET ?)"
        " SELECT k.key FROM page JOIN keys k USING (key_id) ORDER BY page.position",
        2**62 if limit is None else limit,
        offset,
    )
    keys: list[str] = table.column(0).to_pylist()
    return keys


def key_ids(batch: Batch, set_id: int, keys: Sequence[str | None]) -> NDArray[np.int64]:
    """The ids of keys, in their order; -1 for one that is not in the set. None is the key of an unpartitioned asset."""
    stage_texts(batch, "requested_keys", keys)
    ids: NDArray[np.int64] = batch.numpy(
        "WITH found AS (SELECT k.key, m.key_id FROM keys k JOIN members m ON m.key_id = k.key_id AND m.set_id = ?"
        "               WHERE k.key IN (SELECT text FROM requested_keys))"
        " SELECT coalesce(found.key_id, -1) AS key_id"
        " FROM requested_keys a LEFT JOIN found ON found.key = a.text ORDER BY a.n",
        set_id,
    )["key_id"]
    return ids


def contains(batch: Batch, set_id: int, keys: Sequence[str | None]) -> list[bool]:
    """Whether each key is in the set."""
    found: list[bool] = (key_ids(batch, set_id, keys) >= 0).tolist()
    return found


def member_hashes(batch: Batch, set_id: int) -> NDArray[np.uint64]:
    """The `hash_key` of every member, sorted."""
    hashes: NDArray[np.uint64] = batch.numpy(
        "SELECT md5_number_lower(k.key) AS hash FROM members m JOIN keys k USING (key_id)"
        " WHERE m.set_id = ? ORDER BY hash",
        set_id,
    )["hash"]
    return hashes


def hash_key(key: str) -> int:
    """64 bits of a key's MD5, as DuckDB's md5_number_lower gives them."""
    return int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest()[8:], "little")


def set_frame(batch: Batch, set_id: int, limit: int | None = None) -> pd.DataFrame:
    """The members of a set in its order, or the first ``limit``: partition_key, then all columns of the set, typed."""
    sql = set_sql(batch, set_id)
    columns, order = sql.named_values(sql.columns), sql.order
    rows = f"{sql.rows} m JOIN keys k ON k.key_id = m.key_id{sql.joins}"
    query = f"SELECT {KEY_SQL} AS partition_key{columns} FROM {rows} ORDER BY {order}"
    return nulls_to_none(batch.frame(query if limit is None else f"{query} LIMIT {int(limit)}"))


def set_row(batch: Batch, set_id: int, key: str) -> dict[str, Any] | None:
    """The values of all columns of one member of a set; None where it has no such key."""
    sql = set_sql(batch, set_id)
    columns = sql.named_values(sql.columns)
    rows = batch.rows(
        f"SELECT k.key{columns} FROM {sql.rows} m JOIN keys k ON k.key_id = m.key_id{sql.joins} WHERE k.key = ?", key
    )
    return dict(zip((column.name for column in sql.columns), rows[0][1:], strict=True)) if rows else None


def load_attributes(batch: Batch, set_id: int, key_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The columns of keys that the keys do not spell, by id and name; empty for a set without such columns."""
    sql = set_sql(batch, set_id)
    wanted = [column for column in sql.columns if is_attribute(column)]
    if not wanted:
        return {}
    stage_numbers(batch, "requested_ids", key_ids)
    columns = sql.named_values(wanted)
    rows = batch.rows(f"SELECT m.key_id{columns} FROM (SELECT id AS key_id FROM requested_ids) m{sql.joins}")
    return {row[0]: dict(zip((column.name for column in wanted), row[1:], strict=True)) for row in rows}


def key_texts(batch: Batch, key_ids: NDArray[np.int64] | Sequence[int]) -> NDArray[Any]:
    """The keys of ids, in their order, as an array of objects: text, or None for that of an unpartitioned asset."""
    stage_numbers(batch, "requested_ids", key_ids)
    table = batch.arrow(f"SELECT {KEY_SQL} AS key FROM requested_ids a JOIN keys k ON k.key_id = a.id ORDER BY a.n")
    texts: NDArray[Any] = table.column(0).to_numpy()
    return texts


def find_key(batch: Batch, asset_id: int, key: str | None) -> int | None:
    """The id of a key of an asset's set, whether or not the set has it now; None for one that it never had."""
    owner = keys_owner(batch, asset_set_id(batch, asset_id))
    found: int | None = batch.value("SELECT key_id FROM keys WHERE set_id = ? AND key = ?", owner, key or "")
    return found
