"""Sets of partition keys: adding to them and removing from them."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.condition_pairs import check_growth
from nbpart.catalog.events.membership import list_made_of, make_product_keys, record_joined, record_left
from nbpart.catalog.events.windows import set_windows
from nbpart.catalog.expressions import quote
from nbpart.catalog.group_ledgers import forget_groups
from nbpart.catalog.records import KeysAdded
from nbpart.catalog.set_tables import (
    columns_table,
    ensure_columns,
    keys_owner,
    lacking_columns,
    load_definition,
    static_columns,
)
from nbpart.catalog.staleness import mark_changed_columns
from nbpart.partitions import PartitionsDefinition, StaticPartitions
from nbpart.partitions.product import MultiPartitions
from nbpart.partitions.stored import definition_to_json
from nbpart.partitions.windows import TimeWindowPartitions

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

#: So many keys are looked for without a table of what was found.
_FEW_KEYS = 100


def ensure_set(batch: Batch, definition: PartitionsDefinition) -> int:
    """Create the set of a definition, or bring what is recorded of it up to date. Returns its id.

    The sets of its parts must be there. Its keys are not touched.
    """
    name, kind = definition.set_name, definition.kind
    text = json.dumps(definition_to_json(definition), sort_keys=True)
    row = batch.row("SELECT set_id, definition FROM partition_sets WHERE name = ? AND set_id <> 0", name)
    if row is None:
        set_id = batch.take_ids("next_set_id", 1)
        batch.execute(
            """INSERT INTO partition_sets (set_id, name, kind, definition, version, created_at)
            VALUES (?, ?, ?, ?, ?, ?)""",
            *(set_id, name, kind, text, batch.sequence, batch.now),
        )
    else:
        set_id = int(row[0])
        if row[1] != text:
            batch.execute("UPDATE partition_sets SET kind = ?, definition = ? WHERE set_id = ?", kind, text, set_id)
            forget_groups(batch, set_ids=(set_id, *_list_made_of(batch, set_id)))
    if row is None or row[1] != text:
        ensure_columns(batch, set_id, definition)
    return set_id


def declare_keys(batch: Batch, set_id: int, definition: PartitionsDefinition) -> None:
    """Make the keys of a set what its definition says; those of dynamic partitions stay what was added."""
    if isinstance(definition, StaticPartitions):
        replace_keys(batch, set_id, definition.keys, static_columns(definition))
    elif isinstance(definition, TimeWindowPartitions):
        set_windows(batch, set_id)
    elif isinstance(definition, MultiPartitions):
        make_product_keys(batch, set_id)


def add_keys(
    batch: Batch,
    set_id: int,
    keys: Sequence[str],
    columns: pa.Table | None = None,
    parent_ids: NDArray[np.int64] | None = None,
) -> KeysAdded:
    """Add keys to the end of a set, in their order; those that are there already stay where they are.

    `columns` holds the set's own columns of each key, see `set_tables.build_columns`; of keys that are there already
    they do not change. `parent_ids` has the id of each key's parent, for a set of children.
    """
    import numpy as np
    import pyarrow as pa

    once, texts, places = _stage_keys(batch, keys)
    owner = keys_owner(batch, set_id)
    key_ids, is_member = _find_keys(batch, set_id, owner, len(once))
    missing = np.flatnonzero(~is_member)
    if not len(missing):
        return KeysAdded([], [], key_ids)
    unknown = key_ids[missing] < 0
    key_ids[missing] = _give_ids(batch, key_ids[missing], unknown)
    added = pa.table({"key_id": key_ids[missing], "key": texts.take(missing)})
    _insert_members(batch, set_id, owner, added, unknown)
    if columns is not None:
        _insert_columns(
            batch, set_id, added.column("key_id"), columns.take(places[missing]), are_unknown=bool(unknown.all())
        )
    if parent_ids is not None:
        _insert_parents(batch, set_id, added.column("key_id"), parent_ids[places[missing]])
    returned = [] if unknown.all() else _find_returned(batch, set_id)
    record_joined(batch, set_id, "keys_new", are_new=bool(unknown.all()))
    check_growth(batch)
    new = once if len(missing) == len(once) else [once[place] for place in missing.tolist()]
    return KeysAdded(new, returned, key_ids)


def remove_keys(batch: Batch, set_id: int, keys: Sequence[str]) -> list[str]:
    """Take keys out of a set; their runs and data stay recorded. Returns the keys that were in it."""
    import pyarrow as pa

    once, _, _ = _stage_keys(batch, keys)
    key_ids, is_member = _find_keys(batch, set_id, keys_owner(batch, set_id), len(once))
    if not is_member.any():
        return []
    batch.stage("keys_gone", pa.table({"key_id": key_ids[is_member]}))
    batch.execute("DELETE FROM members WHERE set_id = ? AND key_id IN (SELECT key_id FROM keys_gone)", set_id)
    record_left(batch, set_id, "keys_gone")
    return [once[place] for place in is_member.nonzero()[0].tolist()]


def set_columns(batch: Batch, set_id: int, keys: Sequence[str], columns: pa.Table) -> int:
    """Set some of the own columns of keys of a set. Returns for how many of the keys a value changed."""
    import pyarrow as pa

    once, _, places = _stage_keys(batch, keys)
    key_ids, is_member = _find_keys(batch, set_id, keys_owner(batch, set_id), len(once))
    given = columns.take(places).filter(is_member)
    batch.stage("columns_given", given.add_column(0, "key_id", pa.array(key_ids[is_member])))
    table = columns_table(set_id)
    batch.execute(
        f"INSERT INTO {table} BY NAME SELECT key_id FROM columns_given WHERE key_id NOT IN (SELECT key_id FROM {table})"
    )
    names = [quote(name) for name in columns.column_names]
    differs = " OR ".join(f"c.{name} IS DISTINCT FROM g.{name}" for name in names)
    changed = batch.create_temp(
        "columns_changed", f"SELECT key_id FROM {table} AS c JOIN columns_given AS g USING (key_id) WHERE {differs}"
    )
    if changed:
        values = ", ".join(f"{name} = g.{name}" for name in names)
        batch.execute(
            f"""UPDATE {table} AS c SET {values} FROM columns_given AS g
            WHERE c.key_id = g.key_id AND c.key_id IN (SELECT key_id FROM columns_changed)"""
        )
        batch.execute("UPDATE partition_sets SET version = ? WHERE set_id = ?", batch.sequence, set_id)
        mark_changed_columns(batch, set_id, "columns_changed", _list_made_of(batch, set_id))
    return changed


def _list_made_of(batch: Batch, set_id: int) -> list[int]:
    """The sets whose keys are made of those of a set, directly or in turn."""
    found = [set_id]
    for one in found:
        found += [below.set_id for below, _ in list_made_of(batch, one) if below.set_id not in found]
    return found[1:]


def replace_keys(
    batch: Batch,
    set_id: int,
    keys: Sequence[str],
    columns: pa.Table | None = None,
    parent_ids: NDArray[np.int64] | None = None,
) -> None:
    """Replace the keys of a set by these, in this order; the other arguments are those of `add_keys`."""
    import pyarrow as pa

    query = "SELECT key FROM members JOIN keys USING (key_id) WHERE members.set_id = ? ORDER BY position"
    now = [row[0] for row in batch.rows(query, set_id)]
    if now == list(keys):
        return
    wanted = set(keys)
    remove_keys(batch, set_id, [key for key in now if key not in wanted])
    add_keys(batch, set_id, keys, columns, parent_ids)
    once, _, _ = _stage_keys(batch, keys)
    key_ids, _ = _find_keys(batch, set_id, keys_owner(batch, set_id), len(once))
    batch.stage("keys_ordered", pa.table({"key_id": key_ids, "position": pa.array(range(len(once)), pa.int64())}))
    batch.execute(
        """UPDATE members SET position = o.position FROM keys_ordered AS o
        WHERE members.set_id = ? AND members.key_id = o.key_id AND members.position <> o.position""",
        set_id,
    )
    batch.execute("UPDATE partition_sets SET version = ? WHERE set_id = ?", batch.sequence, set_id)


def _stage_keys(batch: Batch, keys: Sequence[str]) -> tuple[list[str], pa.Array, NDArray[np.int64]]:
    """Stage the keys, each once, as keys_staged (key, ordinal).

    Returns them as a list and as an array, and the place of each among the given ones.
    """
    import numpy as np
    import pyarrow as pa

    once, texts = list(keys), pa.array(keys, pa.string())
    places = np.arange(len(once))
    if len(texts.unique()) < len(once):
        first = {key: place for place, key in reversed(list(enumerate(once)))}
        places = np.array(sorted(first.values()), dtype=np.int64)
        once = [once[place] for place in places]
        texts = pa.array(once, pa.string())
    batch.stage("keys_staged", pa.table({"key": texts, "ordinal": np.arange(len(once))}))
    return once, texts, places


def _find_keys(batch: Batch, set_id: int, owner: int, n: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The id of each staged key (-1: never seen), and whether it is a member of the set."""
    import numpy as np

    key_ids, is_member = np.full(n, -1, np.int64), np.zeros(n, np.bool_)
    # two inner joins: an outer one builds its table over a million known keys to look for a single one
    found = "SELECT s.ordinal, k.key_id FROM keys AS k JOIN keys_staged AS s USING (key) WHERE k.set_id = ?"
    if n <= _FEW_KEYS:  # a temporary table costs as much as all the rest
        places = {int(key_id): int(place) for place, key_id in batch.rows(found, owner)}
        there = "SELECT key_id FROM members WHERE set_id = ? AND key_id IN (SELECT unnest(?::BIGINT[]))"
        for key_id, place in places.items():
            key_ids[place] = key_id
        for (key_id,) in batch.rows(there, set_id, list(places)) if places else ():
            is_member[places[key_id]] = True
        return key_ids, is_member
    if batch.create_temp("keys_found", found, owner):
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


def _insert_members(batch: Batch, set_id: int, owner: int, added: pa.Table, unknown: NDArray[np.bool_]) -> None:
    """Insert `added` (key_id, key), which is staged as keys_new; `unknown` are those that were never seen."""
    import numpy as np

    last = batch.value("SELECT coalesce(max(position), -1) FROM members WHERE set_id = ?", set_id)
    positions = last + 1 + np.arange(added.num_rows)
    batch.stage("keys_new", added.append_column("position", [positions]))
    if unknown.any():
        batch.stage("keys_unknown", added.filter(unknown))
        batch.execute("INSERT INTO keys SELECT key_id, ?, key FROM keys_unknown", owner)
    batch.execute("INSERT INTO members SELECT ?, key_id, position FROM keys_new", set_id)


def _insert_parents(batch: Batch, set_id: int, key_ids: pa.ChunkedArray, parent_ids: NDArray[np.int64]) -> None:
    import pyarrow as pa

    batch.stage("keys_parents", pa.table({"key_id": key_ids, "part_id": parent_ids}))
    batch.execute(
        """INSERT INTO key_parts SELECT $1, 0, key_id, part_id FROM keys_parents
        WHERE key_id NOT IN (SELECT key_id FROM key_parts WHERE set_id = $1)""",
        set_id,
    )


def _insert_columns(
    batch: Batch, set_id: int, key_ids: pa.ChunkedArray, columns: pa.Table, *, are_unknown: bool = False
) -> None:
    """Set the declared columns of keys of a set; of ``are_unknown``, which were never seen, there are none yet."""
    table = columns_table(set_id)
    batch.stage("keys_columns", columns.add_column(0, "key_id", key_ids))
    if not are_unknown:
        batch.execute(f"DELETE FROM {table} WHERE key_id IN (SELECT key_id FROM keys_columns)")
    lacking = lacking_columns(load_definition(batch, set_id), columns.column_names)
    batch.execute(f"INSERT INTO {table} BY NAME SELECT *{lacking} FROM keys_columns")


def _find_returned(batch: Batch, set_id: int) -> list[str]:
    query = """SELECT key FROM keys_new WHERE key_id IN
        (SELECT key_id FROM member_events WHERE set_id = ? AND action <> 'added') ORDER BY position"""
    return [row[0] for row in batch.rows(query, set_id)]
