"""A few keys of one side of a join: the keys of the other side that they may be related to.

`joins` relates keys that are given. Where only some runs or some changed partitions are asked about, looking at all
keys of the other side would be in vain: here the catalog finds the few among a million.
"""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbpart.catalog.condition_pairs import find_related
from nbpart.catalog.id_arrays import find_places
from nbpart.catalog.join_sides import (
    Join,
    column_sql,
    find_read,
    ids_along,
    list_matches,
    load_column,
    part_place,
    stored_along,
)
from nbpart.catalog.join_windows import load_windows, move
from nbpart.catalog.key_lookup import key_ids, key_texts, stage_numbers
from nbpart.catalog.set_tables import SetSql, StoredSet, load_order, made_of, sort_keys
from nbpart.partitions.mapping import (
    PARTITION_KEY,
    AllKeys,
    Last,
    Match,
    Only,
    Overlap,
    Pairs,
    Previous,
    Same,
    Where,
    Whole,
)
from nbpart.partitions.mapping_check import compares_texts
from nbpart.partitions.relation import distinct
from nbpart.partitions.shared_structure import find_along

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

    Ids = NDArray[np.int64]

#: From how much of a set on all of it is taken.
_MOST_OF_A_SET = 0.2


def find_inputs(batch: Batch, join: Join, reader_ids: Ids) -> Ids:
    """The keys of the input that any of these readers may read, in the order of their set; a few more are possible."""
    if isinstance(join.mapping, Whole):
        return np.zeros(1, np.int64)
    search = _Search(batch, join.source, join.source_id)
    if join.reader is None or not _is_large(batch, join.reader_id, len(reader_ids)):
        if isinstance(join.mapping, Same):
            search.among(None, reader_ids)
        elif isinstance(join.mapping, Where):
            search.among(None, find_related(batch, join, readers=reader_ids))
        else:
            for match in list_matches(join.mapping):
                _add_inputs(search, join, match, reader_ids)
    return search.run()


def find_readers(batch: Batch, join: Join, input_ids: Ids) -> Ids:
    """The keys of the reader that may read any of these inputs, in the order of their set; a few more are possible.

    Keys of the input that left their set count as if they were in it.
    """
    search = _Search(batch, join.reader, join.reader_id)
    if isinstance(join.mapping, Same):
        search.among(None, input_ids)
    elif isinstance(join.mapping, Where):
        if not _is_large(batch, join.source_id, len(input_ids)):
            search.among(None, find_related(batch, join, inputs=input_ids))
    elif not isinstance(join.mapping, Whole):
        for match in list_matches(join.mapping):
            _add_readers(search, join, match, input_ids)
    return search.run()


@dataclass(frozen=True)
class UnknownKey:
    """A key that a mapping lists and that the set ``set_name`` does not have; ``some`` are keys that it has."""

    key: str
    set_name: str
    some: list[str]


def find_unknown_key(batch: Batch, join: Join) -> UnknownKey | None:
    """The first key that a mapping lists, by `only` or `pairs`, and that is not in its set; None where all are."""
    for match in list_matches(join.mapping):
        mapping = match.mapping
        listed: list[tuple[StoredSet, Sequence[str]]] = []
        if isinstance(mapping, Only):
            listed = [(stored_along(join.source, match.theirs), mapping.keys)]
        elif isinstance(mapping, Pairs):
            listed = [
                (stored_along(join.source, match.theirs), mapping.upstream),
                (stored_along(join.reader, match.mine), mapping.this),
            ]
        for stored, keys in listed:
            if len(unknown := np.flatnonzero(key_ids(batch, stored.set_id, list(keys)) < 0)):
                members = "SELECT key FROM keys JOIN members USING (key_id) WHERE members.set_id = ? LIMIT 1000"
                some = [str(row[0]) for row in batch.rows(members, stored.set_id)]
                return UnknownKey(keys[int(unknown[0])], stored.definition.name or "", some)
    return None


class _Search:
    """The members of a set that fulfil all of some conditions."""

    def __init__(self, batch: Batch, stored: StoredSet | None, set_id: int) -> None:
        self.batch, self._sql = batch, SetSql(stored, set_id)
        self._conditions: list[str] = []

    def among(self, place: int | None, ids: Ids) -> None:
        """The keys with these ids, or with these of the dimension or parent with that number."""
        table = f"searched_{len(self._conditions)}"
        stage_numbers(self.batch, table, distinct(ids))
        if place is None or self._sql.stored is None:
            self._conditions.append(f"m.key_id IN (SELECT id FROM {table})")
        else:
            self._conditions.append(made_of(self.batch, self._sql.stored, place, table))

    def with_values(self, name: str, values: object, *, as_text: bool) -> None:
        """The keys that have one of these values, an Arrow array, in a column."""
        import pyarrow as pa

        table = f"searched_{len(self._conditions)}"
        self.batch.stage(table, pa.table({"value": values.unique()}))  # type: ignore[attr-defined]
        column = column_sql(self._sql, name, as_text=as_text)
        self._conditions.append(f"{column} IN (SELECT value FROM {table} WHERE value IS NOT NULL)")

    def nothing(self) -> None:
        self._conditions.append("false")

    def run(self) -> Ids:
        where = f" WHERE {' AND '.join(self._conditions)}" if self._conditions else ""
        found: Ids = self.batch.numpy(f"SELECT m.key_id FROM {self._sql.rows} m{self._sql.joins}{where}")["key_id"]
        return sort_keys(self.batch, self._sql.set_id, found) if where else load_order(self.batch, self._sql.set_id)


def _is_large(batch: Batch, set_id: int, count: int) -> bool:
    """Whether so many keys are so much of their set that a search would find nearly all."""
    if count < 1000:
        return False
    return bool(count > _MOST_OF_A_SET * batch.value("SELECT count(*) FROM members WHERE set_id = ?", set_id))


def _add_inputs(search: _Search, join: Join, match: Match, reader_ids: Ids) -> None:
    """Let a search over the input's keys look for what these readers read by one condition."""
    batch, mapping = search.batch, match.mapping
    assert join.source is not None, "an input without partitions is read whole"
    place = part_place(join.source, match.theirs)
    if mapping is None:
        assert join.reader is not None, "a reader without partitions has nothing to compare"
        _add_equal(search, (join.reader, match.mine), (join.source, match.theirs), reader_ids, _as_text(join, match))
    elif isinstance(mapping, Overlap | Previous):
        windows = move(batch, join, match, reader_ids)
        depth = np.zeros(len(windows.ids) + 1, np.int64)
        np.add.at(depth, windows.first, 1)
        np.subtract.at(depth, np.maximum(windows.first, windows.last), 1)
        search.among(place, windows.ids[np.cumsum(depth)[:-1] > 0])
    elif isinstance(mapping, Pairs):
        set_id = stored_along(join.source, match.theirs).set_id
        own = set(_spell(batch, join, match, reader_ids))
        texts = [one for one, this in zip(mapping.upstream, mapping.this, strict=True) if this in own]
        search.among(place, key_ids(batch, set_id, texts))
    elif isinstance(mapping, Last | Only):
        part = stored_along(join.source, match.theirs)
        every = batch.numpy("SELECT key_id FROM members WHERE set_id = ?", part.set_id)["key_id"]
        search.among(place, every[find_read(batch, mapping, part.set_id, every)])


def _add_readers(search: _Search, join: Join, match: Match, input_ids: Ids) -> None:
    """Let a search over the reader's keys look for what reads these inputs by one condition."""
    batch, mapping = search.batch, match.mapping
    assert join.source is not None, "an input without partitions is read whole"
    if isinstance(mapping, AllKeys | Last | Only):
        along = ids_along(batch, join.source, match.theirs, input_ids)
        if not find_read(batch, mapping, stored_along(join.source, match.theirs).set_id, along).any():
            search.nothing()
        return
    assert join.reader is not None, "a reader without partitions has nothing to compare"
    place = part_place(join.reader, match.mine)
    if mapping is None:
        _add_equal(search, (join.source, match.theirs), (join.reader, match.mine), input_ids, _as_text(join, match))
    elif isinstance(mapping, Overlap | Previous):
        reader = stored_along(join.reader, match.mine)
        own, _, _ = load_windows(batch, reader.set_id, members=True)
        between_windows = Join(mapping, reader, stored_along(join.source, match.theirs))
        windows = move(batch, between_windows, Match(PARTITION_KEY, PARTITION_KEY, mapping), own)
        places = windows.place_of(distinct(ids_along(batch, join.source, match.theirs, input_ids)))
        before = np.zeros(len(windows.ids) + 1, np.int64)
        before[places[places >= 0] + 1] = 1
        before = np.cumsum(before)
        search.among(place, own[before[np.maximum(windows.first, windows.last)] > before[windows.first]])
    elif isinstance(mapping, Pairs):
        theirs = stored_along(join.source, match.theirs)
        ids = distinct(ids_along(batch, join.source, match.theirs, input_ids))
        read = find_places(ids, key_ids(batch, theirs.set_id, list(mapping.upstream))) >= 0
        texts = [one for one, is_read in zip(mapping.this, read, strict=True) if is_read]
        search.among(place, key_ids(batch, stored_along(join.reader, match.mine).set_id, texts))


def _add_equal(
    search: _Search, given: tuple[StoredSet, str], wanted: tuple[StoredSet, str], ids: Ids, as_text: bool
) -> None:
    """Look for keys whose column is equal to that of the given keys; both sides are (set, name of the column)."""
    (stored, name), (other, other_name) = given, wanted
    mine, theirs = find_along(stored.definition, name), find_along(other.definition, other_name)
    if mine is not None and theirs is not None and mine.set_name == theirs.set_name:
        search.among(part_place(other, other_name), ids_along(search.batch, stored, name, ids))
    else:
        values = load_column(search.batch, stored, name, ids, as_text=as_text)
        search.with_values(other_name, values, as_text=as_text)


def _as_text(join: Join, match: Match) -> bool:
    assert join.reader is not None
    assert join.source is not None
    return compares_texts(match, join.reader.definition, join.source.definition)


def _spell(batch: Batch, join: Join, match: Match, reader_ids: Ids) -> list[str]:
    """The texts of the reader's keys along a condition."""
    found = key_texts(batch, distinct(ids_along(batch, join.reader, match.mine, reader_ids)))
    return [text or "" for text in found]
