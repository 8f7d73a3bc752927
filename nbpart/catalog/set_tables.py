"""Partition sets as tables: the rows, their order and the columns of any set, as SQL.

The keys of all sets stand in shared tables. What a set declares itself stands in a table of its own,
`set_columns_<id>`, with a row for each key that it ever had; what belongs to a dimension or a parent is read there.
"""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nbpart.catalog.expressions import quote
from nbpart.catalog.id_arrays import find_places
from nbpart.partitions import Kind, PartitionsDefinition
from nbpart.partitions.columns import Column, ColumnSource
from nbpart.partitions.names import UNNAMED
from nbpart.partitions.parameters import REQUIRED, Parameter
from nbpart.partitions.product import MultiPartitions
from nbpart.partitions.relation import distinct
from nbpart.partitions.static import StaticPartitions
from nbpart.partitions.stored import definition_from_json, part_sets
from nbpart.partitions.values import to_json

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

SQL_TYPES = {
    Kind.INT: "BIGINT",
    Kind.FLOAT: "DOUBLE",
    Kind.STR: "VARCHAR",
    Kind.BOOL: "BOOLEAN",
    Kind.DATE: "DATE",
    Kind.DATETIME: "TIMESTAMP",
}
#: Where the values of these columns stand: in the set's own table.
_OWN = (ColumnSource.KEY, ColumnSource.PARAMETER, ColumnSource.ATTRIBUTE)
#: So many keys are looked up by the database; of more all keys of their set are fetched.
_FEW = 10_000
#: What the keys of unnamed lists are recorded under instead of their set's id.
_SHARED = -1


def keys_owner(batch: Batch, set_id: int) -> int:
    """The set that the keys of a set are recorded under: all unnamed lists share theirs."""
    definition = load_definition(batch, set_id)
    return _SHARED if definition is not None and definition.set_name.startswith(UNNAMED) else int(set_id)


def columns_table(set_id: int) -> str:
    """The name of the table that holds the columns which a set declares itself."""
    return f"set_columns_{int(set_id)}"


def own_columns(definition: PartitionsDefinition | None) -> tuple[Column, ...]:
    """The columns that a set declares itself."""
    return tuple(column for column in (definition.columns if definition else ()) if column.source in _OWN)


@dataclass(frozen=True, slots=True)
class StoredSet:
    """A recorded set: its id, its definition, and the stored sets of its dimensions or its parent, in their order."""

    set_id: int
    definition: PartitionsDefinition
    parts: tuple[StoredSet, ...] = ()

    @property
    def is_derived(self) -> bool:
        """Whether its rows are ordered by those of other sets."""
        return bool(self.parts)


def load_stored_sets(batch: Batch) -> Mapping[int, StoredSet]:
    """All sets by id, each definition made once of what was recorded."""
    return batch.keep("stored sets", lambda: _load_stored_sets(batch))


def _load_stored_sets(batch: Batch) -> dict[int, StoredSet]:
    rows = batch.rows("SELECT set_id, name, definition FROM partition_sets WHERE set_id <> 0 ORDER BY set_id")
    recorded = {name: (int(set_id), text) for set_id, name, text in rows}
    built: dict[str, StoredSet] = {}

    def build(name: str) -> StoredSet:
        if name not in built:
            set_id, text = recorded[name]
            parts = {part: build(part) for part in part_sets(_read(text))}
            definition = _build(text, tuple((part, stored.definition) for part, stored in parts.items()))
            in_order = tuple(parts[part.set_name] for _, part in definition.parts)
            built[name] = StoredSet(set_id, definition, in_order)
        return built[name]

    return {set_id: build(name) for name, (set_id, _) in recorded.items()}


def load_definition(batch: Batch, set_id: int) -> PartitionsDefinition | None:
    """The definition of one set; None for that of unpartitioned assets."""
    stored = load_stored_sets(batch).get(set_id)
    return stored.definition if stored else None


@dataclass
class SetSql:
    """The parts of a query over the keys of a set: ``SELECT … FROM {rows} m {joins}``; `ordered_members` gives the rows
    with a position to order by.

    `value` gives the expression of a column, and adds the joins that it needs: take the joins last.
    """

    stored: StoredSet | None
    set_id: int
    _joins: dict[str, str] = field(default_factory=dict)

    @property
    def definition(self) -> PartitionsDefinition | None:
        return self.stored.definition if self.stored else None

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns of the set, in the order in which they are shown."""
        return self.stored.definition.columns if self.stored else ()

    @property
    def rows(self) -> str:
        """The members, as (key_id, position)."""
        return f"(SELECT key_id, position FROM members WHERE set_id = {self.set_id})"

    @property
    def joins(self) -> str:
        return "".join(self._joins.values())

    def value(self, column: Column) -> str:
        """The expression of a column of the set."""
        assert self.stored is not None, "only a set with a definition has columns"
        return self._value(self.stored, column, "m.key_id")

    def key_text(self) -> str:
        """The expression of the text of a key."""
        return f"{self._join('k', 'keys', 'm.key_id')}.key"

    def part_id(self, place: int) -> str:
        """The expression of the key id of a dimension or parent, by its place."""
        assert self.stored is not None, "only a set with a definition has parts"
        return self._part(self.stored, place, "m.key_id")

    def part_text(self, place: int) -> str:
        """The expression of the text of the key of a dimension or parent, by its place."""
        return f"{self._join('k', 'keys', self.part_id(place))}.key"

    def named_values(self, columns: Sequence[Column]) -> str:
        """The columns under their names, each after a comma."""
        return "".join(f", {self.value(column)} AS {quote(column.name)}" for column in columns)

    def _value(self, stored: StoredSet, column: Column, key_id: str) -> str:
        if column.source in _OWN:
            own = self._join("c", f"{columns_table(stored.set_id)}", key_id)
            return f"{own}.{quote(column.name)}"
        if column.source is not ColumnSource.PART:
            name = {ColumnSource.WINDOW_START: "starts_at", ColumnSource.WINDOW_END: "ends_at"}.get(column.source)
            window = self._join("w", f"(SELECT * FROM windows WHERE set_id = {stored.set_id})", key_id)
            return f"{window}.{name}" if name else f"CAST({window}.starts_local AS {SQL_TYPES[column.kind]})"
        place = [name for name, _ in stored.definition.parts].index(str(column.part))
        part_id = self._part(stored, place, key_id)
        if column.of is not None:
            return self._value(stored.parts[place], column.of, part_id)
        return f"{self._join('k', 'keys', part_id)}.key"

    def _part(self, stored: StoredSet, place: int, key_id: str) -> str:
        parts = f"(SELECT key_id, part_id FROM key_parts WHERE set_id = {stored.set_id} AND part = {place})"
        return f"{self._join('p', parts, key_id)}.part_id"

    def _join(self, prefix: str, table: str, key_id: str) -> str:
        """Join a table by a key id, once; the name that it has in the query."""
        join = f"{table} ON {key_id}"
        if join not in self._joins:
            name = f"{prefix}{len(self._joins)}"
            self._joins[join] = f" LEFT JOIN {table} AS {name} ON {name}.key_id = {key_id}"
        return self._joins[join].partition(" AS ")[2].partition(" ")[0]


def set_sql(batch: Batch, set_id: int) -> SetSql:
    """How the rows of a set are queried."""
    return SetSql(load_stored_sets(batch).get(set_id), int(set_id))


def ordered_members(batch: Batch, set_id: int) -> str:
    """The members of a set as a table of a query: (key_id, position), where ``position`` orders them."""
    import numpy as np
    import pyarrow as pa

    stored = load_stored_sets(batch).get(set_id)
    if stored is None or not stored.is_derived:
        return SetSql(stored, int(set_id)).rows
    table, ids = f"ordered_{int(set_id)}", load_order(batch, set_id)
    batch.stage(table, pa.table({"key_id": ids, "position": np.arange(len(ids))}))
    return table


def load_order(batch: Batch, set_id: int) -> NDArray[np.int64]:
    """The key ids of a set's members in its order; whoever asks again in a batch is given the same array."""
    stored = load_stored_sets(batch).get(set_id)
    if stored is not None and stored.is_derived:
        return batch.remember(f"order {set_id} {batch.changes}", lambda: _load_order(batch, stored))
    query = "SELECT key_id FROM members WHERE set_id = ? ORDER BY position"
    ids: NDArray[np.int64] = batch.numpy(query, set_id)["key_id"]
    return ids


def sort_keys(batch: Batch, set_id: int, key_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """These keys, those of them that are members, each once, in the order of their set."""
    import pyarrow as pa

    stored = load_stored_sets(batch).get(set_id)
    batch.stage("keys_sorted", pa.table({"key_id": distinct(key_ids)}))
    query = "SELECT m.key_id, m.position FROM members m JOIN keys_sorted USING (key_id) WHERE m.set_id = ?"
    if stored is not None and stored.is_derived:
        if len(key_ids) < _FEW and not any(part.is_derived for part in stored.parts):
            return _sort_few(batch, stored)
        return _sort(batch, stored, batch.numpy(query, set_id))
    ids: NDArray[np.int64] = batch.numpy(f"{query} ORDER BY m.position", set_id)["key_id"]
    return ids


def _sort_few(batch: Batch, stored: StoredSet) -> NDArray[np.int64]:
    """As `_sort`, in one statement, of keys_sorted."""
    joins = "".join(
        f" JOIN key_parts p{place} ON p{place}.key_id = m.key_id AND p{place}.set_id = {stored.set_id}"
        f" AND p{place}.part = {place}"
        f" JOIN members m{place} ON m{place}.key_id = p{place}.part_id AND m{place}.set_id = {part.set_id}"
        for place, part in enumerate(stored.parts)
    )
    order = "".join(f"m{place}.position, " for place in range(len(stored.parts)))
    ids: NDArray[np.int64] = batch.numpy(
        f"""SELECT m.key_id FROM members m JOIN keys_sorted USING (key_id){joins}
        WHERE m.set_id = {stored.set_id} ORDER BY {order}m.position"""
    )["key_id"]
    return ids


def made_of(batch: Batch, stored: StoredSet, place: int, part_ids: str) -> str:
    """The condition that m, a key of a set, is made of certain keys of the part with that number.

    ``part_ids`` names a staged table (id) of these. The keys are looked up first: the database then knows that they are
    few, and looks for them among a million instead of for a million among them.
    """
    table = f"made_of_{part_ids}"
    batch.create_temp(
        table,
        f"SELECT p.key_id FROM key_parts p JOIN {quote(part_ids)} i ON i.id = p.part_id"
        f" WHERE p.set_id = {stored.set_id} AND p.part = {place}",
    )
    return f"m.key_id IN (FROM {quote(table)})"


def load_part_ids(batch: Batch, stored: StoredSet, place: int, key_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The key id of a dimension or parent, by its number, of each key of a set; -1 for what is no key of it."""
    import numpy as np
    import pyarrow as pa

    query = "SELECT key_id, part_id FROM key_parts WHERE set_id = ? AND part = ?"
    if len(key_ids) < _FEW:
        batch.stage("keys_given", pa.table({"key_id": key_ids}))
        query += " AND key_id IN (SELECT key_id FROM keys_given)"
        found = batch.numpy(query, stored.set_id, place)
    else:  # mappings ask for the same again, of both sides and for each condition
        name = f"parts {stored.set_id} {place} {batch.changes}"
        found = batch.remember(name, lambda: batch.numpy(query, stored.set_id, place))
    return np.append(found["part_id"], -1)[find_places(found["key_id"], key_ids)]


def _load_order(batch: Batch, stored: StoredSet) -> NDArray[np.int64]:
    """The order of a product or of children, made of that of their parts: no sort and no join of a million in SQL."""
    return _sort(batch, stored, batch.numpy("SELECT key_id, position FROM members WHERE set_id = ?", stored.set_id))


def _sort(batch: Batch, stored: StoredSet, members: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    import numpy as np

    ids, count = members["key_id"], 1
    rank = np.zeros(len(ids), np.int64)
    for place, part in enumerate(stored.parts):
        order = load_order(batch, part.set_id)
        rank, count = (
            rank * len(order) + find_places(order, load_part_ids(batch, stored, place, ids)),
            count * len(order),
        )
    if isinstance(stored.definition, MultiPartitions) and len(ids) == count:
        ordered = np.empty_like(ids)
        ordered[rank] = ids  # all combinations, each at its place
        return ordered
    return ids[np.lexsort((members["position"], rank))]


def asset_set_id(batch: Batch, asset_id: int) -> int:
    """The id of the set of an asset."""
    return int(batch.value("SELECT set_id FROM assets WHERE asset_id = ?", asset_id))


def build_columns(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Canonical values of own columns, a mapping a row, as the typed table that `events.add_keys` takes."""
    import pyarrow as pa

    types = {
        Kind.INT: pa.int64(), Kind.FLOAT: pa.float64(), Kind.STR: pa.string(), Kind.BOOL: pa.bool_(),
        Kind.DATE: pa.date32(), Kind.DATETIME: pa.timestamp("us"),
    }  # fmt: skip
    return pa.table({c.name: pa.array([row.get(c.name) for row in rows], types[c.kind]) for c in columns})


def static_columns(definition: StaticPartitions) -> pa.Table | None:
    """The typed values of a list of keys, as `events.add_keys` takes them; None where they are texts."""
    columns = own_columns(definition)
    return build_columns(columns, [{columns[0].name: value} for value in definition.values]) if columns else None


def ensure_columns(batch: Batch, set_id: int, definition: PartitionsDefinition) -> None:
    """Make the table of a set's own columns, or bring it up to date: keys that are there get the new defaults."""
    table, columns = columns_table(set_id), own_columns(definition)
    known = {row[0]: row[1] for row in batch.rows(_COLUMNS_OF, table)}
    wanted = {column.name: SQL_TYPES[column.kind] for column in columns}
    if known == {"key_id": "BIGINT", **wanted}:
        return
    if not known:
        if wanted:
            typed = "".join(f", {quote(name)} {type}" for name, type in wanted.items())
            batch.execute(f"CREATE TABLE {table} (key_id BIGINT{typed})")
        return
    declared = _declared(definition)
    kept = "".join(f", {_kept_sql(c, declared.get(c.name), c.name in known)} AS {quote(c.name)}" for c in columns)
    batch.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT key_id{kept} FROM {table}")


def lacking_columns(definition: PartitionsDefinition | None, given: Iterable[str]) -> str:
    """The defaults, as the end of a SELECT list, of own columns that are not in ``given``.

    So keys that a process adds which knows an earlier declaration have them too.
    """
    if definition is None:
        return ""
    declared = _declared(definition)
    lacking = [column for column in own_columns(definition) if column.name not in set(given)]
    return "".join(f", {_kept_sql(one, declared.get(one.name), False)} AS {quote(one.name)}" for one in lacking)


def literal(text: str) -> str:
    """A text inside SQL, where no value can be bound."""
    return "'" + text.replace("'", "''") + "'"


_COLUMNS_OF = """SELECT column_name, data_type FROM duckdb_columns()
    WHERE table_name = ? AND database_name = current_database() ORDER BY column_index"""


def _declared(definition: PartitionsDefinition) -> dict[str, Parameter]:
    return {one.name: one for one in (*(definition.parameters or ()), *(definition.attributes or ()))}


def _kept_sql(column: Column, declared: Parameter | None, is_there: bool) -> str:
    value = quote(column.name) if is_there else _default_sql(declared)
    return f"CAST({value} AS {SQL_TYPES[column.kind]})"


def _default_sql(declared: Parameter | None) -> str:
    if declared is None or declared.default is REQUIRED or declared.default is None:
        return "NULL"
    plain = to_json(declared.default)
    return literal(str(plain).lower() if isinstance(plain, bool) else str(plain))


@lru_cache(maxsize=256)
def _read(text: str) -> dict[str, Any]:
    """A recorded definition as JSON; the result is not to be changed."""
    return dict(json.loads(text))


@lru_cache(maxsize=256)
def _build(text: str, parts: tuple[tuple[str, PartitionsDefinition], ...]) -> PartitionsDefinition:
    return definition_from_json(_read(text), dict(parts))
