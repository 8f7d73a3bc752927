"""The two sides of a join: their sets, and the columns by which their keys are compared."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.catalog.key_lookup import key_ids, stage_numbers
from nbpart.catalog.set_tables import SetSql, StoredSet, load_part_ids, load_stored_sets, ordered_members
from nbpart.partitions.mapping import PARTITION_KEY, By, Last, Mapping, Match, Only
from nbpart.partitions.mapping_check import expand_mapping

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

    Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Join:
    """A mapping between two recorded sets; ``mapping`` is in full. A side without partitions has the set 0."""

    mapping: Mapping
    reader: StoredSet | None
    source: StoredSet | None

    @property
    def source_id(self) -> int:
        return self.source.set_id if self.source else 0

    @property
    def reader_id(self) -> int:
        return self.reader.set_id if self.reader else 0


def open_join(batch: Batch, mapping: Mapping, reader_id: int, source_id: int) -> Join:
    """The join of two sets, by their ids. Raises `DeclarationError` where the mapping is not possible between them."""
    sets = load_stored_sets(batch)
    reader, source = sets.get(reader_id), sets.get(source_id)
    full = expand_mapping(mapping, reader.definition if reader else None, source.definition if source else None)
    return Join(full, reader, source)


def list_matches(mapping: Mapping) -> tuple[Match, ...]:
    """The conditions of a mapping in full: those of `by`, or itself as the only one, of whole keys."""
    return mapping.matches if isinstance(mapping, By) else (Match(PARTITION_KEY, PARTITION_KEY, mapping),)


def part_place(stored: StoredSet, name: str) -> int | None:
    """The number of the dimension or parent that a set calls so; None where the name is of its own keys."""
    parts = [part for part, _ in stored.definition.parts]
    return parts.index(name) if name in parts else None


def stored_along(stored: StoredSet | None, name: str) -> StoredSet:
    """The set along which a mapping inside `by` relates keys: that of a dimension or parent, or the set itself."""
    assert stored is not None, "a side that is compared has partitions"
    place = part_place(stored, name)
    return stored if place is None else stored.parts[place]


def ids_along(batch: Batch, stored: StoredSet | None, name: str, ids: Ids) -> Ids:
    """The key ids of a dimension or parent, or the keys' own, in the order of ``ids``."""
    assert stored is not None, "a side that is compared has partitions"
    place = part_place(stored, name)
    if place is None:
        return ids
    return load_part_ids(batch, stored, place, ids)


def column_sql(sql: SetSql, name: str, *, as_text: bool) -> str:
    """The expression of a column that is compared; a part is the text of its key where texts are compared."""
    assert sql.stored is not None, "a side that is compared has partitions"
    if name == PARTITION_KEY:
        return sql.key_text()
    place = part_place(sql.stored, name)
    if as_text and place is not None:
        return sql.part_text(place)
    return sql.value(next(column for column in sql.columns if column.name == name))


def load_column(batch: Batch, stored: StoredSet, name: str, ids: Ids, *, as_text: bool) -> Any:
    """The values of a column of keys, in the order of ``ids``, as an Arrow array."""
    sql = SetSql(stored, stored.set_id)
    return query_in_order(batch, sql, column_sql(sql, name, as_text=as_text), ids).column(0)


def find_read(batch: Batch, mapping: Mapping, set_id: int, ids: Ids) -> NDArray[np.bool_]:
    """Which keys of a set are read by whoever reads: a mask over ``ids``."""
    if isinstance(mapping, Last):
        newest = f"SELECT key_id FROM {ordered_members(batch, set_id)} ORDER BY position DESC LIMIT ?"
        return np.isin(ids, batch.numpy(newest, mapping.n)["key_id"])
    if isinstance(mapping, Only):
        return np.isin(ids, key_ids(batch, set_id, [str(key) for key in mapping.keys]))
    return np.ones(len(ids), bool)


def query_in_order(batch: Batch, sql: SetSql, value: str, ids: Ids) -> Any:
    """A table of one column: an expression of ``sql`` for each key, in the order of ``ids``."""
    stage_numbers(batch, "requested_ids", ids)
    return batch.arrow(
        f"SELECT {value} AS value FROM (SELECT id AS key_id, n FROM requested_ids) m{sql.joins} ORDER BY m.n"
    )
