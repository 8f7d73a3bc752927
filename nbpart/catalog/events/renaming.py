"""Renaming a key: it keeps its id, and with it facts, history and data; the keys that are made of it are respelled."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from typing import TYPE_CHECKING

from nbpart.catalog.events.membership import escaped, list_made_of
from nbpart.catalog.events.renamed_mappings import find_listed_keys, respell_listed_keys
from nbpart.catalog.group_ledgers import forget_groups
from nbpart.catalog.set_tables import StoredSet, keys_owner, literal
from nbpart.errors import PartitionKeyError, UnknownNameError
from nbpart.partitions.product import MultiPartitions

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


def rename_key(batch: Batch, set_id: int, old: str, new: str) -> None:
    """Give a key of a set another text, and respell the keys of products and children that are made of it.

    Mappings that list it, or what is made of it, list the new text.

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
    listed = find_listed_keys(batch)
    was_known = _free_texts(batch, owner, set_id, "renamed")
    _respell(batch, set_id, "renamed")
    _respell_made_of(batch, set_id, "renamed", may_be_known=was_known)
    respell_listed_keys(batch, listed)


def _free_texts(batch: Batch, owner: int, set_id: int, table: str) -> bool:
    """Make sure that no other key has the texts in `table` (key_id, key). Returns whether one had that has no history.

    Raises PartitionKeyError where a member has one, or a key that has a history.
    """
    taken = batch.row(
        f"""SELECT k.key_id, k.key, m.key_id IS NOT NULL, k.key_id IN (SELECT key_id FROM runs)
                OR k.key_id IN (SELECT key_id FROM materializations)
        FROM keys k JOIN {table} t ON t.key = k.key AND t.key_id <> k.key_id
        LEFT JOIN members m ON m.key_id = k.key_id AND m.set_id = {int(set_id)}
        WHERE k.set_id = {int(owner)} AND k.key_id NOT IN (SELECT key_id FROM {table})
        ORDER BY 3 DESC, 4 DESC LIMIT 1"""
    )
    if taken is None:
        return False
    _, text, is_member, has_history = taken
    if is_member:
        raise PartitionKeyError(f"there is a key {text!r} already: remove it first, or choose another text.")
    if has_history:
        raise PartitionKeyError(f"{text!r} was a key before and has a history: choose another text.")
    batch.create_temp(
        "keys_freed",
        f"""SELECT key_id FROM keys WHERE set_id = {int(owner)} AND key IN (SELECT key FROM {table})
        AND key_id NOT IN (SELECT key_id FROM {table})""",
    )
    for freed in ("keys", "key_parts"):
        batch.execute(f"DELETE FROM {freed} WHERE key_id IN (FROM keys_freed)")
    return True


def _respell(batch: Batch, set_id: int, table: str) -> None:
    """Give keys the texts in `table` (key_id, key)."""
    batch.execute(f"INSERT INTO former_keys SELECT key_id, key FROM keys WHERE key_id IN (SELECT key_id FROM {table})")
    # rows that are deleted and inserted, as an update would write the texts of all their neighbours anew
    batch.execute(f"DELETE FROM keys WHERE key_id IN (SELECT key_id FROM {table})")
    owner = keys_owner(batch, set_id)
    batch.execute(f"INSERT INTO keys (key_id, set_id, key) SELECT key_id, {owner}, key FROM {table}")
    batch.execute("UPDATE partition_sets SET version = ? WHERE set_id = ?", batch.sequence, set_id)
    forget_groups(batch, set_ids=(set_id,))


def _respell_made_of(batch: Batch, set_id: int, table: str, *, may_be_known: bool) -> None:
    """Respell the keys, members or not, that are made of those in `table` (key_id, key), which have their new texts.

    ``may_be_known`` says that keys were made of the new texts before: only then others can have the texts that follow,
    or if a set was made of others before. To look among a million texts takes as long as all the rest.
    """
    for below, place in list_made_of(batch, set_id):
        name = f"renamed_{below.set_id}_{place}"
        spell = _spell_products if isinstance(below.definition, MultiPartitions) else _spell_children
        found = batch.create_temp(name, spell(below, place, table))
        if found:
            may_be = may_be_known or _has_keys_without_parts(batch, below.set_id)
            known = may_be and _free_texts(batch, below.set_id, below.set_id, name)
            _respell(batch, below.set_id, name)
            _respell_made_of(batch, below.set_id, name, may_be_known=known)


def _has_keys_without_parts(batch: Batch, set_id: int) -> bool:
    """Whether a set has keys from a time when it was made of other sets."""
    with_parts = batch.value("SELECT count(*) FROM key_parts WHERE set_id = ? AND part = 0", set_id)
    return bool(batch.value("SELECT count(*) FROM keys WHERE set_id = ?", set_id) != with_parts)


def _spell_products(below: StoredSet, place: int, table: str) -> str:
    """The query for (key_id, key) of the keys of a product whose part with that number is in `table`.

    They are made of the texts of all parts: to read the texts of a million keys takes longer than all the rest.
    """
    joins, spelled = "", []
    for number, (name, _) in enumerate(below.definition.parts):
        text = "r.key"
        if number != place:
            joins += (
                f" JOIN key_parts AS p{number} ON p{number}.key_id = p.key_id AND p{number}.set_id = {below.set_id}"
                f" AND p{number}.part = {number} JOIN keys AS k{number} ON k{number}.key_id = p{number}.part_id"
            )
            text = f"k{number}.key"
        spelled.append(f"{literal(name + '=')} || {escaped(text)}")
    text = " || ',' || ".join(spelled)
    return f"SELECT p.key_id, {text} AS key {_made_of(below, place, table)}{joins}"


def _spell_children(below: StoredSet, place: int, table: str) -> str:
    """The query for (key_id, key) of the children whose parent is in `table`: what follows the parent's text stays."""
    text = f"{escaped('r.key')} || substr(k.key, strpos(k.key, '/'))"
    return f"SELECT p.key_id, {text} AS key {_made_of(below, place, table)} JOIN keys AS k ON k.key_id = p.key_id"


def _made_of(below: StoredSet, place: int, table: str) -> str:
    parts = f"(SELECT key_id, part_id FROM key_parts WHERE set_id = {below.set_id} AND part = {place})"
    return f"FROM {table} AS r JOIN {parts} AS p ON p.part_id = r.key_id"
