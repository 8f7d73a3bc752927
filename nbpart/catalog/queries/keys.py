"""Sets of partition keys and their members."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbpart.catalog.batch import Batch
from nbpart.catalog.queries.shared_sql import KEY_SQL, nulls_to_none, stage_numbers, stage_texts
from nbpart.catalog.records import SetRecord

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

_SETS = "SELECT set_id, name, kind, params, version, created_at FROM partition_sets"


def load_sets(batch: Batch) -> list[SetRecord]:
    """Every set of keys; the first is that of unpartitioned assets."""
    return [SetRecord(*row) for row in batch.rows(f"{_SETS} ORDER BY set_id")]


def find_set(batch: Batch, name: str) -> SetRecord | None:
    """The set of that name, if there is one."""
    row = batch.row(f"{_SETS} WHERE name = ? AND set_id <> 0", name)
    return SetRecord(*row) if row else None


def set_version(batch: Batch, set_id: int) -> int:
    """The sequence of the last change of the set's membership."""
    return int(batch.value("SELECT version FROM partition_sets WHERE set_id = ?", set_id) or 0)


def count_members(batch: Batch, set_id: int) -> int:
    """How many keys the set has."""
    return int(batch.value("SELECT count(*) FROM members WHERE set_id = ?", set_id))


def load_members(batch: Batch, set_id: int, offset: int = 0, limit: int | None = None) -> list[str]:
    """The keys of the set in the order in which they were added, or a part of them."""
    table = batch.arrow(
        "WITH page AS (SELECT key_id, position FROM members WHERE set_id = ? ORDER BY position LIMIT ? OFFSET ?)"
        " SELECT k.key FROM page JOIN keys k USING (key_id) ORDER BY page.position",
        set_id,
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


def member_frame(batch: Batch, set_id: int) -> pd.DataFrame:
    """The members in order: key_id, key, params (JSON text or None)."""
    return nulls_to_none(
        batch.frame(
            f"SELECT m.key_id, {KEY_SQL} AS key, m.params FROM members m JOIN keys k USING (key_id)"
            " WHERE m.set_id = ? ORDER BY m.position",
            set_id,
        )
    )


def key_texts(batch: Batch, key_ids: NDArray[np.int64] | Sequence[int]) -> NDArray[Any]:
    """The keys of ids, in their order, as an array of objects: text, or None for that of an unpartitioned asset."""
    stage_numbers(batch, "requested_ids", key_ids)
    table = batch.arrow(f"SELECT {KEY_SQL} AS key FROM requested_ids a JOIN keys k ON k.key_id = a.id ORDER BY a.n")
    texts: NDArray[Any] = table.column(0).to_numpy()
    return texts


def find_key(batch: Batch, key: str | None) -> int | None:
    """The id of a key, whether or not a set has it now; None for one that no set ever had."""
    found: int | None = batch.value("SELECT key_id FROM keys WHERE key = ?", key or "")
    return found
