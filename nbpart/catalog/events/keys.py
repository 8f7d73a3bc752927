"""Sets of partition keys: adding to them and removing from them."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.records import KeysAdded
from nbpart.catalog.staleness import mark_readers_of_set

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


def ensure_set(batch: Batch, name: str, kind: str, params: str | None = None) -> int:
    """Make a set of keys, or bring its kind and parameters up to date; its id."""
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
    once = _stage_keys(batch, set_id, keys, params)
    missing = batch.keep(
        "keys_missing",
        """SELECT s.key, s.params, s.ordinal, f.key_id FROM keys_staged AS s LEFT JOIN keys_found AS f USING (ordinal)
        WHERE f.is_member IS NOT true""",
    )
    if not missing:
        return KeysAdded([], [])
    unknown = _insert_members(batch, set_id)
    _record_change(batch, set_id, "keys_new", "added")
    returned = _find_returned(batch, set_id) if unknown < missing else []
    if missing == len(once):
        return KeysAdded(once, returned)
    return KeysAdded([row[0] for row in batch.rows("SELECT key FROM keys_new ORDER BY ordinal")], returned)


def remove_keys(batch: Batch, set_id: int, keys: Sequence[str]) -> list[str]:
    """Take keys out of a set; those that were in it. What is known of them stays."""
    _stage_keys(batch, set_id, keys)
    there = batch.keep("keys_gone", "SELECT key, ordinal, key_id FROM keys_found WHERE is_member")
    if not there:
        return []
    batch.execute("DELETE FROM members WHERE set_id = ? AND key_id IN (SELECT key_id FROM keys_gone)", set_id)
    _record_change(batch, set_id, "keys_gone", "removed")
    return [row[0] for row in batch.rows("SELECT key FROM keys_gone ORDER BY ordinal")]


def set_static_keys(batch: Batch, set_id: int, keys: Sequence[str]) -> None:
    """Make the keys of a set these, in this order."""
    now = [
        row[0]
        for row in batch.rows(
            "SELECT key FROM members JOIN keys USING (key_id) WHERE set_id = ? ORDER BY position", set_id
        )
    ]
    if now == list(keys):
        return
    wanted = set(keys)
    remove_keys(batch, set_id, [key for key in now if key not in wanted])
    add_keys(batch, set_id, keys)
    _stage_keys(batch, set_id, keys)
    batch.execute(
        """UPDATE members SET position = f.ordinal FROM keys_found AS f
        WHERE members.set_id = ? AND members.key_id = f.key_id AND members.position <> f.ordinal""",
        set_id,
    )
    batch.execute("UPDATE partition_sets SET version = ? WHERE set_id = ?", batch.sequence, set_id)


def _stage_keys(batch: Batch, set_id: int, keys: Sequence[str], params: Sequence[str] | None = None) -> list[str]:
    """Stage the keys, each once, as keys_staged (key, params, ordinal); they are returned.

    Those that are known are kept as keys_found (key, ordinal, key_id, is_member).
    """
    import pyarrow as pa

    once = list(dict.fromkeys(keys))
    encoded: Sequence[str | None] = [None] * len(once)
    if params is not None:
        first = dict(zip(reversed(keys), reversed(params), strict=True))
        encoded = [first[key] for key in once]
    columns = {"key": pa.array(once, pa.string()), "params": pa.array(encoded, pa.string())}
    batch.stage("keys_staged", pa.table(columns | {"ordinal": pa.array(range(len(once)), pa.int64())}))
    # two inner joins: an outer one builds its table over a million known keys to look for a single one
    known = batch.keep(
        "keys_known", "SELECT s.key, s.ordinal, k.key_id FROM keys AS k JOIN keys_staged AS s USING (key)"
    )
    members = "SELECT m.key_id, true AS is_member FROM members AS m JOIN keys_known USING (key_id) WHERE m.set_id = ?"
    if known:
        batch.keep("keys_there", members, set_id)
        found = """SELECT k.*, coalesce(t.is_member, false) AS is_member
            FROM keys_known AS k LEFT JOIN keys_there AS t USING (key_id)"""
    else:
        found = "SELECT *, false AS is_member FROM keys_known"
    batch.keep("keys_found", found)
    return once


def _insert_members(batch: Batch, set_id: int) -> int:
    """Make the missing keys members; how many of them were never seen before."""
    first_id = batch.take_ids("next_key_id", 0)
    last = batch.value("SELECT coalesce(max(position), -1) FROM members WHERE set_id = ?", set_id)
    batch.keep(
        "keys_new",
        """SELECT key, params, ordinal, key_id IS NULL AS is_unknown,
            coalesce(key_id, ?::BIGINT - 1 + sum((key_id IS NULL)::BIGINT) OVER (ORDER BY ordinal))::BIGINT AS key_id,
            ?::BIGINT + row_number() OVER (ORDER BY ordinal) AS position
        FROM keys_missing""",
        first_id,
        last,
    )
    unknown = batch.execute("INSERT INTO keys SELECT key_id, key FROM keys_new WHERE is_unknown ORDER BY ordinal")
    batch.take_ids("next_key_id", unknown)
    batch.execute("INSERT INTO members SELECT ?, key_id, position, params FROM keys_new ORDER BY ordinal", set_id)
    return unknown


def _find_returned(batch: Batch, set_id: int) -> list[str]:
    return [
        row[0]
        for row in batch.rows(
            """SELECT key FROM keys_new WHERE NOT is_unknown AND key_id IN
            (SELECT key_id FROM member_events WHERE set_id = ? AND action = 'removed') ORDER BY ordinal""",
            set_id,
        )
    ]


def _record_change(batch: Batch, set_id: int, table: str, action: str) -> None:
    batch.execute(
        f"INSERT INTO member_events SELECT ?, ?, ?, key_id, ? FROM {table}", batch.sequence, batch.now, set_id, action
    )
    batch.execute("UPDATE partition_sets SET version = ? WHERE set_id = ?", batch.sequence, set_id)
    mark_readers_of_set(batch, set_id, table)
