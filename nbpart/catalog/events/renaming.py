"""Renaming a key: it keeps its id, and with it facts, history and data; the keys that are made of it are respelled."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from typing import TYPE_CHECKING

from nbpart.catalog.set_tables import StoredSet, keys_owner, load_stored_sets
from nbpart.errors import PartitionKeyError, UnknownNameError
from nbpart.partitions.dynamic import DynamicPartitions
from nbpart.partitions.product import MultiPartitions

if TYPE_CHECKING:
    import pyarrow as pa

    from nbpart.catalog.batch import Batch


def rename_key(batch: Batch, set_id: int, old: str, new: str) -> None:
    """Give a key of a set another text, and respell the keys of products and children that are made of it.

    Raises UnknownNameError where ``old`` is no key of the set, PartitionKeyError where another key has the text, also
    one that was removed and has a history.
    """
    owner = keys_owner(batch, set_id)
    key_id = batch.value(
        "SELECT k.key_id FROM keys k JOIN members m ON m.key_id = k.key_id AND m.set_id = ?"
        " WHERE k.set_id = ? AND k.key = ?",
        *(set_id, owner, old),
    )
    if key_id is None:
        raise UnknownNameError(f"there is no key {old!r} to rename.")
    if old == new:
        return
    import pyarrow as pa

    batch.stage("renamed", pa.table({"key_id": pa.array([key_id], pa.int64()), "key": [new]}))
    _respell(batch, owner, set_id, "renamed")
    _respell_made_of(batch, set_id, "renamed")


def _respell(batch: Batch, owner: int, set_id: int, table: str) -> None:
    """Give keys the texts in `table` (key_id, key)."""
    taken = batch.row(
        f"""SELECT k.key_id, k.key, m.key_id IS NOT NULL, k.key_id IN (SELECT key_id FROM runs)
                OR k.key_id IN (SELECT key_id FROM materializations)
        FROM keys k JOIN {table} t ON t.key = k.key AND t.key_id <> k.key_id
        LEFT JOIN members m ON m.key_id = k.key_id AND m.set_id = {int(set_id)}
        WHERE k.set_id = {int(owner)} AND k.key_id NOT IN (SELECT key_id FROM {table})
        ORDER BY 3 DESC, 4 DESC LIMIT 1"""
    )
    if taken is not None:
        _, text, is_member, has_history = taken
        if is_member:
            raise PartitionKeyError(f"there is a key {text!r} already: remove it first, or choose another text.")
        if has_history:
            raise PartitionKeyError(f"{text!r} was a key before and has a history: choose another text.")
        batch.execute(
            f"DELETE FROM keys WHERE set_id = {int(owner)} AND key IN (SELECT key FROM {table})"
            f" AND key_id NOT IN (SELECT key_id FROM {table})"
        )
    batch.execute(f"UPDATE keys SET key = t.key FROM {table} AS t WHERE keys.key_id = t.key_id")
    batch.execute("UPDATE partition_sets SET version = ? WHERE set_id = ?", batch.sequence, set_id)


def _respell_made_of(batch: Batch, set_id: int, table: str) -> None:
    for below in load_stored_sets(batch).values():
        if any(part.set_id == set_id for part in below.parts):
            found = _spell_again(batch, below, table)
            if found is not None:
                name = f"renamed_{below.set_id}"
                batch.stage(name, found)
                _respell(batch, below.set_id, below.set_id, name)
                _respell_made_of(batch, below.set_id, name)


def _spell_again(batch: Batch, below: StoredSet, table: str) -> pa.Table | None:
    """The texts of the keys, members or not, that are made of those in `table`: (key_id, key)."""
    import pyarrow as pa

    columns = ", ".join(
        f"max(CASE WHEN p.part = {place} THEN k.key END) AS part_{place}" for place in range(len(below.parts))
    )
    rows = batch.rows(
        f"""SELECT p.key_id, min(own.key), {columns} FROM key_parts p JOIN keys k ON k.key_id = p.part_id
        JOIN keys own ON own.key_id = p.key_id
        WHERE p.set_id = {below.set_id} AND p.key_id IN (
            SELECT key_id FROM key_parts WHERE set_id = {below.set_id} AND part_id IN (SELECT key_id FROM {table}))
        GROUP BY p.key_id"""
    )
    if not rows:
        return None
    texts = [_spell(below, row[1], row[2:]) for row in rows]
    return pa.table({"key_id": pa.array([row[0] for row in rows], pa.int64()), "key": texts})


def _spell(below: StoredSet, before: str, parts: tuple[str, ...]) -> str:
    definition = below.definition
    if isinstance(definition, MultiPartitions):
        return definition.spell(dict(zip(definition.names, parts, strict=True)))
    assert isinstance(definition, DynamicPartitions), "only products and children are made of other keys"
    return definition.spell(parts[0], definition.split(before)[1])
