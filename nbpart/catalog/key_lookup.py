"""Looking keys up: the ids of texts, the texts of ids, and the tables in which both are handed to a query."""

# ruff: noqa: S608  what is put into SQL is constants of this package

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbpart.catalog.set_tables import keys_owner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

#: The key of a partition as Python has it.
KEY_SQL = "nullif(k.key, '')"


def stage_numbers(batch: Batch, name: str, numbers: NDArray[Any] | Sequence[int]) -> None:
    """Stage a table (n, id) of numbers, where n is the place of each, from 0."""
    import numpy as np
    import pyarrow as pa

    ids = np.asarray(numbers, dtype=np.int64)
    batch.stage(name, pa.table({"n": np.arange(len(ids)), "id": ids}))


def stage_texts(batch: Batch, name: str, texts: Sequence[str | None]) -> None:
    """Stage a table (n, text) of keys, where n is the place of each, from 0. None is an unpartitioned asset's key."""
    import numpy as np
    import pyarrow as pa

    values = pa.array([text or "" for text in texts], type=pa.string())
    batch.stage(name, pa.table({"n": np.arange(len(values)), "text": values}))


def key_ids(batch: Batch, set_id: int, keys: Sequence[str | None]) -> NDArray[np.int64]:
    """The ids of keys, in their order; -1 for one that is not in the set. None is the key of an unpartitioned asset."""
    import numpy as np

    owner, ids = keys_owner(batch, set_id), np.full(len(keys), -1, np.int64)
    if not keys:
        return ids
    if len(keys) == 1:  # a comparison with one text takes a fifth of a join of a million
        known_id = batch.value("SELECT key_id FROM keys WHERE set_id = ? AND key = ?", owner, keys[0] or "")
        is_member = "SELECT count(*) FROM members WHERE set_id = ? AND key_id = ?"
        ids[0] = known_id if known_id is not None and batch.value(is_member, set_id, known_id) else -1
        return ids
    stage_texts(batch, "requested_keys", keys)
    known = batch.numpy(
        "SELECT a.n, k.key_id FROM keys k JOIN requested_keys a ON a.text = k.key WHERE k.set_id = ?", owner
    )
    stage_numbers(batch, "requested_ids", known["key_id"])
    there = "SELECT a.n FROM members m JOIN requested_ids a ON a.id = m.key_id WHERE m.set_id = ?"
    members = batch.numpy(there, set_id)["n"]
    ids[known["n"][members]] = known["key_id"][members]
    return ids


def key_texts(batch: Batch, key_ids: NDArray[np.int64] | Sequence[int]) -> NDArray[Any]:
    """The keys of ids, in their order, as an array of objects: text, or None for that of an unpartitioned asset."""
    stage_numbers(batch, "requested_ids", key_ids)
    table = batch.arrow(f"SELECT {KEY_SQL} AS key FROM requested_ids a JOIN keys k ON k.key_id = a.id ORDER BY a.n")
    texts: NDArray[Any] = table.column(0).to_numpy()
    return texts
