"""Sets of partition keys: adding to them and removing from them."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.records import KeysAdded
from nbpart.catalog.staleness import mark_readers_of_set

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch


def ensure_set(batch: Batch, name: str, kind: str, params: str | None = None) -> int:
    """Create a set of keys, or bring its kind and parameters up to date. Returns its id."""
    row = batch.row("SELECT set_id, kind, params FROM partition_sets WHERE name = ?", name)
    if row is None:
        set_id = batch.take_ids("next_set_id", 1)
        batch.execute(
            "INSERT INTO partition_sets VALUES (?, ?, ?, ?, ?, ?)",
            set_id,
            name,
            kind,
            params,
            batch.sequence,
            batch.now,
        )
        return set_id
    if row[1:] != (kind, params):
        batch.execute("UPDATE partition_sets SET kind = ?, params = ? WHERE set_id = ?", kind, params, row[0])
    return int(row[0])


def add_keys(batch: Batch, set_id: int, keys: Sequence[str], params: Sequence[str] | None = None) -> KeysAdded:
    """Add keys to the end of a set, in their order; those that are there already stay where they are.

    `params` holds the encoded parameters of each key, for a set that has them.
    """
    import numpy as np
    import pyarrow as pa

    once, texts = _stage_keys(batch, keys)
    if params is not None:
        first = dict(zip(reversed(keys), reversed(params), strict=True))
        params = [first[key] for key in once]
    key_ids, is_member = _find_keys(batch, set_id, len(once))
    missing = np.flatnonzero(~is_member)
    if not len(missing):
        return KeysAdded([], [])
    unknown = key_ids[missing] < 0
    added = pa.table(
        {
            "key_id": _give_ids(batch, key_ids[missing], unknown),
            "key": texts.take(missing),
            "params": pa.nulls(len(missing), pa.string()) if params is None else pa.array(params).take(missing),
        }
    )
    _insert_members(batch, set_id, added, unknown)
    returned = [] if unknown.all() else _find_returned(batch, set_id)
    _record_change(batch, set_id, "keys_new", "added")
    return KeysAdded(once if len(missing) == len(once) else [once[place] for place in missing.tolist()], returned)


def remove_keys(batch: Batch, set_id: int, keys: Sequence[str]) -> list[str]:
    """Take keys out of a set; their runs and data stay recorded. Returns the keys that were in it."""
    import pyarrow as pa

    once, _ = _stage_keys(batch, keys)
    key_ids, is_member = _find_keys(batch, set_id, len(once))
    if not is_member.any():
        return []
    batch.stage("keys_gone", pa.table({"key_id": key_ids[is_member]}))
    batch.execute("DELETE FROM members WHERE set_id = ? AND key_id IN (SELECT key_id FROM keys_gone)", set_id)
    _record_change(batch, set_id, "keys_gone", "removed")
    return [once[place] for place in is_member.nonzero()[0].tolist()]


def set_static_keys(batch: Batch, set_id: int, keys: Sequence[str]) -> None:
    """Replace the keys of a set by these, in this order."""
    import pyarrow as pa

    query = "SELECT key FROM members JOIN keys USING (key_id) WHERE set_id = ? ORDER BY position"
    now = [row[0] for row in batch.rows(query, set_id)]
    if now == list(keys):
        return
    wanted = set(keys)
    remove_keys(batch, set_id, [key for key in now if key not in wanted])
    add_keys(batch, set_id, keys)
    once, _ = _stage_keys(batch, keys)
    key_ids, _ = _find_keys(batch, set_id, len(once))
    batch.stage("keys_ordered", pa.table({"key_id": key_ids, "position": pa.array(range(len(once)), pa.int64())}))
    batch.execute(
        """UPDATE members SET position = o.position FROM keys_ordered AS o
        WHERE members.set_id = ? AND members.key_id = o.key_id AND members.position <> o.position""",
        set_id,
    )
    batch.execute("UPDATE partition_sets SET version = ? WHERE set_id = ?", batch.sequence, set_id)


def _stage_keys(batch: Batch, keys: Sequence[str]) -> tuple[list[str], pa.Array]:
    """Stage the keys, each once, as keys_staged (key, ordinal); they are returned, as a list and as an array."""
    import numpy as np
    import pyarrow as pa

    once, texts = list(keys), pa.array(keys, pa.string())
    if len(texts.unique()) < len(once):
        once = list(dict.fromkeys(once))
        texts = pa.array(once, pa.string())
    batch.stage("keys_staged", pa.table({"key": texts, "ordinal": np.arange(len(once))}))
    return once, texts


def _find_keys(batch: Batch, set_id: int, n: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The id of each staged key (-1: never seen), and whether it is a member of the set."""
    import numpy as np

    key_ids, is_member = np.full(n, -1, np.int64), np.zeros(n, np.bool_)
    # two inner joins: an outer one builds its table over a million known keys to look for a single one
    found = "SELECT s.ordinal, k.key_id FROM keys AS k JOIN keys_staged AS s USING (key)"
    if batch.create_temp("keys_found", found):
        known = batch.numpy("FROM keys_found")
        key_ids[known["ordinal"]] = known["key_id"]
        there = "SELECT f.ordinal FROM members AS m JOIN keys_found AS f USING (key_id) WHERE m.set_id = ?"
        is_member[batch.numpy(there, set_id)["ordinal"]] = True
    return key_ids, is_member


def _give_ids(batch: Batch, key_ids: NDArray[np.int64], unknown: NDArray[np.bool_]) -> NDArray[np.int64]:
    import numpy as np

    n = int(unknown.sum())
    given = key_ids.copy()
    given[unknown] = batch.take_ids("next_key_id", n) + np.arange(n)
    return given


def _insert_members(batch: Batch, set_id: int, added: pa.Table, unknown: NDArray[np.bool_]) -> None:
    """Insert `added` (key_id, key, params), which is staged as keys_new; `unknown` are those that no set ever had."""
    import numpy as np

    last = batch.value("SELECT coalesce(max(position), -1) FROM members WHERE set_id = ?", set_id)
    positions = last + 1 + np.arange(added.num_rows)
    batch.stage("keys_new", added.append_column("position", [positions]))
    if unknown.any():
        batch.stage("keys_unknown", added.select(["key_id", "key"]).filter(unknown))
        batch.execute("INSERT INTO keys FROM keys_unknown")
    batch.execute("INSERT INTO members SELECT ?, key_id, position, params FROM keys_new", set_id)


def _find_returned(batch: Batch, set_id: int) -> list[str]:
    query = """SELECT key FROM keys_new WHERE key_id IN
        (SELECT key_id FROM member_events WHERE set_id = ? AND action = 'removed') ORDER BY position"""
    return [row[0] for row in batch.rows(query, set_id)]


def _record_change(batch: Batch, set_id: int, table: str, action: str) -> None:
    batch.execute(
        f"INSERT INTO member_events SELECT ?, ?, ?, key_id, ? FROM {table}", batch.sequence, batch.now, set_id, action
    )
    batch.execute("UPDATE partition_sets SET version = ? WHERE set_id = ?", batch.sequence, set_id)
    mark_readers_of_set(batch, set_id, table)
