"""Mappings as joins: which keys of an input each key of a reader reads, as relations of key ids.

Both sides are given as arrays of key ids, all of a set or a few; a relation speaks of places in these arrays. Windows
are related by their times alone: what lies between two instants is a range of the input's windows, in their order.
"""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.catalog.queries.keys import key_ids
from nbpart.catalog.queries.shared_sql import stage_numbers
from nbpart.catalog.set_tables import SetSql, StoredSet, load_stored_sets, ordered_members
from nbpart.errors import DeclarationError
from nbpart.partitions.mapping import (
    MAX_PAIRS,
    PARTITION_KEY,
    AllKeys,
    By,
    Last,
    Mapping,
    Match,
    Only,
    Overlap,
    Pairs,
    Previous,
    Same,
    Whole,
)
from nbpart.partitions.mapping_check import compares_texts, expand_mapping
from nbpart.partitions.relation import Groups, Identity, Ranges, Relation
from nbpart.partitions.relation import Pairs as PairRows
from nbpart.partitions.shared_structure import find_along
from nbpart.partitions.windows import TimeWindowPartitions

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


@dataclass(frozen=True)
class Lacking:
    """How many windows each reader would read that are no partitions: int32 arrays, a place a reader.

    ``required`` ones keep it waiting; those ``left_out`` lie before the first window of the input or after its end.
    """

    required: NDArray[np.int32]
    left_out: NDArray[np.int32]


def open_join(batch: Batch, mapping: Mapping, reader_id: int, source_id: int) -> Join:
    """The join of two sets, by their ids. Raises `DeclarationError` where the mapping is not possible between them."""
    sets = load_stored_sets(batch)
    reader, source = sets.get(reader_id), sets.get(source_id)
    full = expand_mapping(mapping, reader.definition if reader else None, source.definition if source else None)
    return Join(full, reader, source)


def relate(batch: Batch, join: Join, reader_ids: Ids, input_ids: Ids) -> Relation:
    """Which of the inputs each reader reads; both are key ids of their sets, each once, and 0 where there is no set.

    Raises `DeclarationError` where more pairs would have to be listed than are possible.
    """
    mapping = join.mapping
    if isinstance(mapping, Same):
        return Identity(_find_places(input_ids, reader_ids).astype(np.int32))
    if isinstance(mapping, Pairs):
        return _relate_pairs(batch, join, mapping, reader_ids, input_ids)
    if isinstance(mapping, Whole | AllKeys | Last | Only):
        is_read = _find_read(batch, mapping, join.source_id, input_ids)
        return Groups(np.zeros(len(reader_ids), np.int32), np.where(is_read, 0, -1), 1)
    return _relate_by(batch, join, _list_matches(mapping), reader_ids, input_ids)


def count_lacking(batch: Batch, join: Join, reader_ids: Ids) -> Lacking:
    """How many windows that readers would read are no partitions, required or left out."""
    required, left_out = (np.zeros(len(reader_ids), np.int32) for _ in range(2))
    if not isinstance(join.mapping, By | Overlap | Previous):
        return Lacking(required, left_out)
    for match in _list_matches(join.mapping):
        if isinstance(match.mapping, Overlap | Previous):
            moved = _move(batch, join, match, reader_ids)
            absent = moved.wanted - (moved.last - moved.first)
            clipped = moved.outside if match.mapping.clips else np.zeros_like(moved.outside)
            required += (absent - clipped).astype(np.int32)
            left_out += clipped.astype(np.int32)
    return Lacking(required, left_out)


def _list_matches(mapping: Mapping) -> tuple[Match, ...]:
    return mapping.matches if isinstance(mapping, By) else (Match(PARTITION_KEY, PARTITION_KEY, mapping),)


def _find_read(batch: Batch, mapping: Mapping, set_id: int, ids: Ids) -> NDArray[np.bool_]:
    """Which keys of a set are read by whoever reads: a mask over ``ids``."""
    if isinstance(mapping, Last):
        newest = f"SELECT key_id FROM {ordered_members(batch, set_id)} ORDER BY position DESC LIMIT ?"
        return np.isin(ids, batch.numpy(newest, mapping.n)["key_id"])
    if isinstance(mapping, Only):
        return np.isin(ids, key_ids(batch, set_id, [str(key) for key in mapping.keys]))
    return np.ones(len(ids), bool)


def _relate_pairs(batch: Batch, join: Join, mapping: Pairs, reader_ids: Ids, input_ids: Ids) -> PairRows:
    upstream = key_ids(batch, join.source_id, [str(key) for key in mapping.upstream])
    this = key_ids(batch, join.reader_id, [str(key) for key in mapping.this])
    readers, inputs = _find_places(reader_ids, this), _find_places(input_ids, upstream)
    both = (readers >= 0) & (inputs >= 0) & (upstream >= 0) & (this >= 0)
    return _pair_rows(readers[both], inputs[both], len(reader_ids))


def _relate_by(
    batch: Batch, join: Join, matches: Sequence[Match], reader_ids: Ids, input_ids: Ids
) -> Groups | Ranges | PairRows:
    mine, theirs = np.zeros(len(reader_ids), np.int64), np.zeros(len(input_ids), np.int64)
    moved: list[tuple[_Moved, NDArray[np.int64]]] = []
    listed: list[PairRows] = []
    for match in matches:
        if match.mapping is None:
            one, other = _label(batch, join, match, reader_ids, input_ids)
            mine, theirs = _combine((mine, theirs), (one, other))
        elif isinstance(match.mapping, Overlap | Previous):
            windows = _move(batch, join, match, reader_ids)
            moved.append((windows, windows.place_of(_ids_along(batch, join.source, match.theirs, input_ids))))
        elif isinstance(match.mapping, Pairs):
            listed.append(_relate_parts(batch, join, match, reader_ids, input_ids))
        else:
            along = _ids_along(batch, join.source, match.theirs, input_ids)
            part = _stored_along(join.source, match.theirs)
            theirs[~_find_read(batch, match.mapping, part.set_id, along)] = -1
    if len(moved) + len(listed) > 1 or listed:
        return _expand(mine, theirs, moved, listed)
    if moved:
        return _relate_range(mine, theirs, *moved[0])
    size = 1 + max(mine.max(initial=-1), theirs.max(initial=-1))
    return Groups(mine.astype(np.int32), theirs.astype(np.int32), int(size))


def _relate_range(mine: Ids, theirs: Ids, moved: _Moved, places: Ids) -> Ranges:
    """A range of places for each reader, among the inputs that have its label, in the order of label and window."""
    width = len(moved.starts) + 1
    known = (theirs >= 0) & (places >= 0)
    rank = np.where(known, theirs * width + places, np.iinfo(np.int64).max)
    order = np.argsort(rank, kind="stable")
    ranked = rank[order]
    first = np.searchsorted(ranked, mine * width + moved.first)
    last = np.searchsorted(ranked, mine * width + moved.last)
    none = mine < 0
    first[none], last[none] = 0, 0
    return Ranges(order.astype(np.int32), first.astype(np.int32), np.maximum(first, last).astype(np.int32))


def _expand(mine: Ids, theirs: Ids, moved: Sequence[tuple[_Moved, Ids]], listed: Sequence[PairRows]) -> PairRows:
    """The pairs of several conditions that are no equality: those of the first that the others hold for too."""
    if moved:
        ranges = _relate_range(mine, theirs, *moved[0])
        counts = ranges.last.astype(np.int64) - ranges.first
        _check_pairs(int(counts.sum()))
        readers = np.repeat(np.arange(len(mine)), counts)
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        inputs = ranges.order[np.repeat(ranges.first.astype(np.int64), counts) + within].astype(np.int64)
    else:
        readers = np.repeat(np.arange(len(mine)), np.diff(listed[0].offsets))
        inputs = listed[0].inputs.astype(np.int64)
        equal = (mine[readers] == theirs[inputs]) & (mine[readers] >= 0)
        readers, inputs = readers[equal], inputs[equal]
    for windows, places in moved[1:]:
        holds = (windows.first[readers] <= places[inputs]) & (places[inputs] < windows.last[readers])
        readers, inputs = readers[holds], inputs[holds]
    for pairs in listed[0 if moved else 1 :]:
        listed_readers = np.repeat(np.arange(len(mine)), np.diff(pairs.offsets))
        wanted = listed_readers * len(theirs) + pairs.inputs
        holds = np.isin(readers * len(theirs) + inputs, wanted)
        readers, inputs = readers[holds], inputs[holds]
    return _pair_rows(readers, inputs, len(mine))


def _relate_parts(batch: Batch, join: Join, match: Match, reader_ids: Ids, input_ids: Ids) -> PairRows:
    """Pairs of keys whose parts are pairs."""
    reader, source = _stored_along(join.reader, match.mine), _stored_along(join.source, match.theirs)
    mine, theirs = (
        _ids_along(batch, join.reader, match.mine, reader_ids),
        _ids_along(batch, join.source, match.theirs, input_ids),
    )
    own, own_place = np.unique(mine, return_inverse=True)
    other, other_place = np.unique(theirs, return_inverse=True)
    assert isinstance(match.mapping, Pairs), "only pairs are listed"
    parts = _relate_pairs(batch, Join(match.mapping, reader, source), match.mapping, own, other)
    by_part = np.argsort(other_place, kind="stable")
    starts = np.searchsorted(other_place[by_part], np.arange(len(other) + 1))
    readers: list[NDArray[Any]] = []
    inputs: list[NDArray[Any]] = []
    for place, part in enumerate(own_place.tolist()):
        for one in parts.inputs[parts.offsets[part] : parts.offsets[part + 1]].tolist():
            found = by_part[starts[one] : starts[one + 1]]
            inputs.append(found)
            readers.append(np.full(len(found), place))
    _check_pairs(sum(map(len, inputs)))
    return _pair_rows(_join_arrays(readers), _join_arrays(inputs), len(reader_ids))


def _join_arrays(arrays: list[NDArray[Any]]) -> Ids:
    return np.concatenate([np.empty(0, np.int64), *arrays]).astype(np.int64)


def _pair_rows(readers: Ids, inputs: Ids, reader_count: int) -> PairRows:
    order = np.lexsort((inputs, readers))
    offsets = np.searchsorted(readers[order], np.arange(reader_count + 1))
    return PairRows(offsets, inputs[order].astype(np.int32))


def _check_pairs(count: int) -> None:
    if count > MAX_PAIRS:
        raise DeclarationError(
            f"The mapping relates {count:,} pairs of keys, and {MAX_PAIRS:,} are possible: move along one dimension "
            "alone, and compare the others."
        )


# equal columns


def _label(batch: Batch, join: Join, match: Match, reader_ids: Ids, input_ids: Ids) -> tuple[Ids, Ids]:
    """A number for each different value of a column that is compared, on both sides; -1 where there is no value."""
    assert join.reader is not None, "a reader without partitions has nothing to compare"
    assert join.source is not None, "an input without partitions has nothing to compare"
    mine, theirs = find_along(join.reader.definition, match.mine), find_along(join.source.definition, match.theirs)
    if mine is not None and theirs is not None and mine.set_name == theirs.set_name:
        one = _ids_along(batch, join.reader, match.mine, reader_ids)
        other = _ids_along(batch, join.source, match.theirs, input_ids)
        return _number(one, other)
    as_text = compares_texts(match, join.reader.definition, join.source.definition)
    return _encode(
        _column(batch, join.reader, match.mine, reader_ids, as_text),
        _column(batch, join.source, match.theirs, input_ids, as_text),
    )


def _column(batch: Batch, stored: StoredSet, name: str, ids: Ids, as_text: bool) -> Any:
    """The values of a column of keys, in the order of ``ids``, as an Arrow array; a part as the text of its key."""
    sql = SetSql(stored, stored.set_id)
    parts = [part for part, _ in stored.definition.parts]
    if name == PARTITION_KEY:
        value = sql.key_text()
    elif as_text and name in parts:
        value = sql.part_text(parts.index(name))
    else:
        value = sql.value(next(column for column in stored.definition.columns if column.name == name))
    return _query_in_order(batch, sql, value, ids).column(0)


def _encode(one: Any, other: Any) -> tuple[Ids, Ids]:
    import pyarrow as pa

    if one.type != other.type:
        common = pa.float64() if pa.types.is_floating(one.type) or pa.types.is_floating(other.type) else other.type
        one, other = one.cast(common), other.cast(common)
    both = pa.chunked_array([*one.chunks, *other.chunks], one.type).combine_chunks().dictionary_encode()
    codes: Ids = both.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    return codes[: len(one)], codes[len(one) :]


def _number(one: Ids, other: Ids) -> tuple[Ids, Ids]:
    """The same number for equal values of two arrays, from 0 on; -1 stays what it is."""
    import pandas as pd

    both = np.concatenate([one, other])
    codes = np.full(len(both), -1, np.int64)
    known = both >= 0
    codes[known] = pd.factorize(both[known])[0]
    return codes[: len(one)], codes[len(one) :]


def _combine(known: tuple[Ids, Ids], more: tuple[Ids, Ids]) -> tuple[Ids, Ids]:
    """Labels of two columns as one; a key without a value in one of them has none."""
    size = 1 + max(side.max(initial=-1) for side in more)
    both = [np.where((one < 0) | (two < 0), -1, one * size + two) for one, two in zip(known, more, strict=True)]
    return _number(both[0], both[1])


def _stored_along(stored: StoredSet | None, name: str) -> StoredSet:
    """The set along which a mapping inside `by` relates keys: that of a dimension or parent, or the set itself."""
    assert stored is not None, "a side that is compared has partitions"
    parts = [part for part, _ in stored.definition.parts]
    return stored.parts[parts.index(name)] if name in parts else stored


def _ids_along(batch: Batch, stored: StoredSet | None, name: str, ids: Ids) -> Ids:
    """The key ids of a dimension or parent, or the keys' own, in the order of ``ids``."""
    assert stored is not None, "a side that is compared has partitions"
    parts = [part for part, _ in stored.definition.parts]
    if name not in parts:
        return ids
    sql = SetSql(stored, stored.set_id)
    found: Ids = _query_in_order(batch, sql, sql.part_id(parts.index(name)), ids).column(0).to_numpy()
    return found


def _query_in_order(batch: Batch, sql: SetSql, value: str, ids: Ids) -> Any:
    stage_numbers(batch, "requested_ids", ids)
    return batch.arrow(
        f"SELECT {value} AS value FROM (SELECT id AS key_id, n FROM requested_ids) m{sql.joins} ORDER BY m.n"
    )


def _find_places(among: Ids, wanted: Ids) -> Ids:
    """The place of each wanted id in an array that holds each once; -1 where it is not there."""
    if not len(among):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(among, kind="stable")
    found = np.minimum(np.searchsorted(among[order], wanted), len(among) - 1)
    return np.where(among[order[found]] == wanted, order[found], -1)


# windows


@dataclass(frozen=True)
class _Moved:
    """The windows that each reader reads: of the input's, in the order of time, those at ``first`` to before ``last``.

    ``ids`` and ``starts`` are of the input's windows that are partitions. A reader would read ``wanted`` windows if all
    existed, of which ``outside`` lie before the first of the input or after its end.
    """

    ids: Ids
    starts: Ids
    first: Ids
    last: Ids
    wanted: Ids
    outside: Ids

    def place_of(self, window_ids: Ids) -> Ids:
        return _find_places(self.ids, window_ids)


def _move(batch: Batch, join: Join, match: Match, reader_ids: Ids) -> _Moved:
    reader, source = _stored_along(join.reader, match.mine), _stored_along(join.source, match.theirs)
    own, theirs = reader.definition, source.definition
    assert isinstance(own, TimeWindowPartitions), "the mapping was checked"
    assert isinstance(theirs, TimeWindowPartitions), "the mapping was checked"
    ids, starts, _ = _load_windows(batch, source.set_id, members=True)
    own_ids, own_starts, own_ends = _load_windows(batch, reader.set_id, members=False)
    places = _find_places(own_ids, _ids_along(batch, join.reader, match.mine, reader_ids))
    begins, finishes = own_starts[places], own_ends[places]
    if not len(begins):
        none = np.empty(0, np.int64)
        return _Moved(ids, starts, none, none, none, none)
    if isinstance(match.mapping, Previous):
        calendar = _calendar(theirs, int(begins.min()), int(begins.max()), match.mapping.n)
        after = np.searchsorted(calendar[1], begins, side="right")
        before = after - match.mapping.n
    else:
        assert isinstance(match.mapping, Overlap), "windows are moved by overlap or previous"
        since, until = _shift(own, begins, finishes, match.mapping)
        calendar = theirs.every_window(int(since.min()), int(until.max()))
        before = np.searchsorted(calendar[1], since, side="right")
        after = np.maximum(np.searchsorted(calendar[0], until), before)
    first, last = _find_existing(starts, calendar[0], before, after)
    return _Moved(ids, starts, first, last, after - before, _count_outside(theirs, calendar, before, after))


def _find_existing(starts: Ids, calendar: Ids, before: Ids, after: Ids) -> tuple[Ids, Ids]:
    """The range of windows that are partitions among those at ``before`` to before ``after`` in a calendar."""
    first, last = np.zeros(len(before), np.int64), np.zeros(len(before), np.int64)
    some = before < after
    first[some] = np.searchsorted(starts, calendar[before[some]])
    last[some] = np.searchsorted(starts, calendar[after[some] - 1], side="right")
    return first, last


def _count_outside(definition: TimeWindowPartitions, calendar: tuple[Ids, Ids], before: Ids, after: Ids) -> Ids:
    """How many of the windows at ``before`` to before ``after`` in a calendar the definition does not have at all."""
    starts, ends = calendar
    low = np.searchsorted(starts, np.ceil(definition.start.timestamp()))
    high = len(ends) if definition.end is None else np.searchsorted(ends, definition.end.timestamp(), side="right")
    outside: Ids = (after - before) - np.maximum(np.minimum(after, high) - np.maximum(before, low), 0)
    return outside


def _load_windows(batch: Batch, set_id: int, *, members: bool) -> tuple[Ids, Ids, Ids]:
    """The windows of a set in the order of time: key ids, starts and ends in seconds since 1970."""
    only = f" AND key_id IN (SELECT key_id FROM members WHERE set_id = {int(set_id)})" if members else ""
    found = batch.numpy(
        "SELECT key_id, epoch(starts_at)::BIGINT AS starts, epoch(ends_at)::BIGINT AS ends FROM windows"
        f" WHERE set_id = ?{only} ORDER BY starts_at",
        set_id,
    )
    return found["key_id"], found["starts"], found["ends"]


def _calendar(definition: TimeWindowPartitions, first: int, last: int, more: int) -> tuple[Ids, Ids]:
    """All windows from ``more`` before one instant to ``more`` after another, partitions or not."""
    span = max(last - first, 1)
    length = 3_600
    while True:
        margin = (more + 2) * length
        starts, ends = definition.every_window(first - margin, last + margin)
        if (ends <= first).sum() >= more and (starts >= last).sum() >= more:
            return starts, ends
        length = max(length * 4, span // (more + 1))


def _shift(definition: TimeWindowPartitions, begins: Ids, finishes: Ids, mapping: Overlap) -> tuple[Ids, Ids]:
    """Start and end of the time that the windows from ``start`` to ``end`` later cover, for each window."""
    if not len(begins) or (mapping.start, mapping.end) == (0, 0):
        return begins, finishes
    most = max(abs(mapping.start), abs(mapping.end))
    starts, ends = _calendar(definition, int(begins.min()), int(finishes.max()), most)
    here = np.searchsorted(starts, begins)
    return starts[here + mapping.start], ends[here + mapping.end]
