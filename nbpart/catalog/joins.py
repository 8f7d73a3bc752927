"""Mappings as joins: which keys of an input each key of a reader reads, as relations of key ids.

Both sides are given as arrays of key ids, all of a set or a few; a relation speaks of places in these arrays. Windows
are related by their times alone: what lies between two instants is a range of the input's windows, in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.catalog.condition_pairs import find_pairs
from nbpart.catalog.id_arrays import find_places, number_values
from nbpart.catalog.join_sides import Join, find_read, ids_along, list_matches, load_column, stored_along
from nbpart.catalog.join_windows import Moved, move
from nbpart.catalog.key_lookup import key_ids
from nbpart.errors import DeclarationError
from nbpart.partitions.mapping import (
    MAX_PAIRS,
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
from nbpart.partitions.relation import Groups, Identity, Ranges, Relation
from nbpart.partitions.relation import Pairs as PairRows
from nbpart.partitions.shared_structure import find_along

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

    Ids = NDArray[np.int64]


#: Ranks are counted in an array of all of them where these are at most so many times as many as keys.
_DENSE = 4


def relate(batch: Batch, join: Join, reader_ids: Ids, input_ids: Ids) -> Relation:
    """Which of the inputs each reader reads; both are key ids of their sets, each once, and 0 where there is no set.

    Raises `DeclarationError` where more pairs would have to be listed than are possible, and `ConditionError` for a
    condition that cannot be asked.
    """
    mapping = join.mapping
    if isinstance(mapping, Same):
        return Identity(find_places(input_ids, reader_ids).astype(np.int32))
    if isinstance(mapping, Pairs):
        return _relate_pairs(batch, join, mapping, reader_ids, input_ids)
    if isinstance(mapping, Where):
        this, upstream = find_pairs(batch, join, reader_ids, input_ids)
        return _pair_rows(find_places(reader_ids, this), find_places(input_ids, upstream), len(reader_ids))
    if isinstance(mapping, Whole | AllKeys | Last | Only):
        is_read = find_read(batch, mapping, join.source_id, input_ids)
        return Groups(np.zeros(len(reader_ids), np.int32), np.where(is_read, 0, -1), 1)
    return _relate_by(batch, join, list_matches(mapping), reader_ids, input_ids)


def _relate_pairs(batch: Batch, join: Join, mapping: Pairs, reader_ids: Ids, input_ids: Ids) -> PairRows:
    upstream = key_ids(batch, join.source_id, [str(key) for key in mapping.upstream])
    this = key_ids(batch, join.reader_id, [str(key) for key in mapping.this])
    readers, inputs = find_places(reader_ids, this), find_places(input_ids, upstream)
    both = (readers >= 0) & (inputs >= 0) & (upstream >= 0) & (this >= 0)
    return _pair_rows(readers[both], inputs[both], len(reader_ids))


def _relate_by(
    batch: Batch, join: Join, matches: Sequence[Match], reader_ids: Ids, input_ids: Ids
) -> Groups | Ranges | PairRows:
    mine, theirs = np.zeros(len(reader_ids), np.int64), np.zeros(len(input_ids), np.int64)
    moved: list[tuple[Moved, NDArray[np.int64]]] = []
    listed: list[PairRows] = []
    for match in matches:
        if match.mapping is None:
            one, other = _label(batch, join, match, reader_ids, input_ids)
            mine, theirs = _combine((mine, theirs), (one, other))
        elif isinstance(match.mapping, Overlap | Previous):
            windows = move(batch, join, match, reader_ids)
            moved.append((windows, windows.place_of(ids_along(batch, join.source, match.theirs, input_ids))))
        elif isinstance(match.mapping, Pairs):
            listed.append(_relate_parts(batch, join, match, reader_ids, input_ids))
        else:
            along = ids_along(batch, join.source, match.theirs, input_ids)
            part = stored_along(join.source, match.theirs)
            theirs[~find_read(batch, match.mapping, part.set_id, along)] = -1
    if len(moved) + len(listed) > 1 or listed:
        return _expand(mine, theirs, moved, listed)
    if moved:
        return _relate_range(mine, theirs, *moved[0])
    size = 1 + max(mine.max(initial=-1), theirs.max(initial=-1))
    return Groups(mine.astype(np.int32), theirs.astype(np.int32), int(size))


def _relate_range(mine: Ids, theirs: Ids, moved: Moved, places: Ids) -> Ranges:
    """A range of places for each reader, among the inputs that have its label, in the order of label and window."""
    width = len(moved.starts) + 1
    size = width * (1 + int(max(mine.max(initial=-1), theirs.max(initial=-1))))
    known = (theirs >= 0) & (places >= 0)
    rank = np.where(known, theirs * width + places, size)
    order = np.argsort(rank, kind="stable")
    none = mine < 0
    wanted = [np.where(none, 0, mine * width + place) for place in (moved.first, moved.last)]
    if size <= _DENSE * (len(mine) + len(theirs)):  # how many come before each rank is counted, not searched for
        before = np.zeros(size + 2, np.int64)
        np.cumsum(np.bincount(rank, minlength=size + 1), out=before[1:])
        first, last = (before[place] for place in wanted)
    else:
        ranked = rank[order]
        first, last = (np.searchsorted(ranked, place) for place in wanted)
    first[none], last[none] = 0, 0
    return Ranges(order.astype(np.int32), first.astype(np.int32), np.maximum(first, last).astype(np.int32))


def _expand(mine: Ids, theirs: Ids, moved: Sequence[tuple[Moved, Ids]], listed: Sequence[PairRows]) -> PairRows:
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
    reader, source = stored_along(join.reader, match.mine), stored_along(join.source, match.theirs)
    mine, theirs = (
        ids_along(batch, join.reader, match.mine, reader_ids),
        ids_along(batch, join.source, match.theirs, input_ids),
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
    rank = readers * (1 + int(inputs.max(initial=0))) + inputs
    if (np.diff(rank) < 0).any():  # what was kept is in order already
        order = np.argsort(rank)
        readers, inputs = readers[order], inputs[order]
    offsets = np.searchsorted(readers, np.arange(reader_count + 1))
    return PairRows(offsets, inputs.astype(np.int32))


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
        one = ids_along(batch, join.reader, match.mine, reader_ids)
        other = ids_along(batch, join.source, match.theirs, input_ids)
        mine_numbers, their_numbers = number_values(one, other)
        return mine_numbers, their_numbers
    as_text = compares_texts(match, join.reader.definition, join.source.definition)
    return _encode(
        load_column(batch, join.reader, match.mine, reader_ids, as_text=as_text),
        load_column(batch, join.source, match.theirs, input_ids, as_text=as_text),
    )


def _encode(one: Any, other: Any) -> tuple[Ids, Ids]:
    import pyarrow as pa

    if one.type != other.type:
        common = pa.float64() if pa.types.is_floating(one.type) or pa.types.is_floating(other.type) else other.type
        one, other = one.cast(common), other.cast(common)
    both = pa.chunked_array([*one.chunks, *other.chunks], one.type).combine_chunks().dictionary_encode()
    codes: Ids = both.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    return codes[: len(one)], codes[len(one) :]


def _combine(known: tuple[Ids, Ids], more: tuple[Ids, Ids]) -> tuple[Ids, Ids]:
    """Labels of two columns as one; a key without a value in one of them has none."""
    if not any(side.any() for side in known):  # all are equal so far
        return more[0].copy(), more[1].copy()
    size = 1 + max(side.max(initial=-1) for side in more)
    both = [np.where((one < 0) | (two < 0), -1, one * size + two) for one, two in zip(known, more, strict=True)]
    mine, theirs = number_values(*both)
    return mine, theirs


# windows
