"""Sets of partition keys and their members."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbpart.catalog.batch import Batch
from nbpart.catalog.id_arrays import find_places
from nbpart.catalog.key_lookup import KEY_SQL, key_ids, stage_numbers
from nbpart.catalog.queries.shared_sql import nulls_to_none
from nbpart.catalog.records import SetRecord
from nbpart.catalog.set_tables import (
    StoredSet,
    asset_set_id,
    keys_owner,
    load_definition,
    load_order,
    load_stored_sets,
    ordered_members,
    set_sql,
)
from nbpart.partitions.dynamic import DynamicPartitions
from nbpart.partitions.key_values import is_attribute
from nbpart.partitions.keys import escape
from nbpart.partitions.product import MultiPartitions

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

#: So many texts are looked up by the ids of their keys; for more all texts of the set are fetched.
_PAGE = 10_000
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
    keys: list[str] = _load_texts(batch, set_id, offset, limit).to_pylist()
    return keys


def _load_texts(batch: Batch, set_id: int, offset: int, limit: int | None) -> pa.Array | pa.ChunkedArray:
    stored = load_stored_sets(batch).get(set_id)
    if stored is not None and isinstance(stored.definition, MultiPartitions):
        return _spell_product(batch, stored, offset, limit)
    if limit is not None and limit < _PAGE and (stored is None or not stored.is_derived):
        return batch.arrow(
            "WITH page AS (SELECT key_id, position FROM members WHERE set_id = ? ORDER BY position LIMIT ? OFFSET ?)"
            " SELECT k.key FROM page JOIN keys k USING (key_id) ORDER BY page.position",
            *(set_id, limit, offset),
        ).column(0)
    ids = load_order(batch, set_id)[offset : None if limit is None else offset + limit]
    if len(ids) < _PAGE:
        stage_numbers(batch, "requested_ids", ids)
        return batch.arrow("SELECT k.key FROM requested_ids a JOIN keys k ON k.key_id = a.id ORDER BY a.n").column(0)
    known = batch.arrow("SELECT key_id, key FROM keys WHERE set_id = ?", keys_owner(batch, set_id))
    return known.column(1).take(find_places(known.column(0).to_numpy(), ids))


def _spell_product(batch: Batch, product: StoredSet, offset: int, limit: int | None) -> pa.Array:
    """Keys of a product, which are all combinations of those of its dimensions: made of these, and not looked up."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    sizes = [count_members(batch, part.set_id) for part in product.parts]
    total = math.prod(sizes)
    wanted = np.arange(offset, total if limit is None else min(offset + limit, total))
    if not len(wanted):
        return pa.array([], pa.string())
    columns = []
    for (name, _), part, places in zip(
        product.definition.parts, product.parts, np.unravel_index(wanted, sizes), strict=True
    ):
        first = int(places.min())
        texts = _load_texts(batch, part.set_id, first, int(places.max()) - first + 1)
        spelled = pa.array([f"{name}={escape(text)}" for text in texts.to_pylist()], pa.string())
        columns.append(spelled.take(pa.array(places - first)))
    return pc.binary_join_element_wise(*columns, ",")


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


def set_frame(
    batch: Batch, set_id: int, limit: int | None = None, key_ids: NDArray[np.int64] | None = None
) -> pd.DataFrame:
    """The members of a set in its order, those of ``key_ids``, or the first ``limit``: partition_key, then all columns
    of the set, typed; of keys that are added also added_at and added_by, when they came last and by whom."""
    sql = set_sql(batch, set_id)
    columns, members = sql.named_values(sql.columns), ordered_members(batch, set_id)
    came = ""
    if isinstance(load_definition(batch, set_id), DynamicPartitions):
        columns += ", came.added_at, came.added_by"
        came = f""" LEFT JOIN (
            SELECT key_id, arg_max(happened_at, rowid) AS added_at, arg_max(author, rowid) AS added_by
            FROM member_events WHERE set_id = {int(set_id)} AND action = 'added' GROUP BY key_id
        ) AS came ON came.key_id = m.key_id"""
    if key_ids is not None:
        stage_numbers(batch, "members_shown", key_ids)
        members = f"(FROM {members} WHERE key_id IN (SELECT id FROM members_shown))"
    if limit is not None:  # before anything is joined to them
        members = f"(FROM {members} ORDER BY position LIMIT {int(limit)})"
    rows = f"{members} m JOIN keys k ON k.key_id = m.key_id{sql.joins}{came}"
    return nulls_to_none(batch.frame(f"SELECT {KEY_SQL} AS partition_key{columns} FROM {rows} ORDER BY m.position"))


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


def find_key(batch: Batch, asset_id: int, key: str | None) -> int | None:
    """The id of a key of an asset's set, whether or not the set has it now; None for one that it never had."""
    owner = keys_owner(batch, asset_set_id(batch, asset_id))
    found: int | None = batch.value("SELECT key_id FROM keys WHERE set_id = ? AND key = ?", owner, key or "")
    return found
