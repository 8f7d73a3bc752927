"""The windows that a reader reads: which there are, and which of them are no partitions."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from nbpart.catalog.id_arrays import find_places
from nbpart.catalog.join_sides import Join, ids_along, list_matches, stored_along
from nbpart.partitions.mapping import By, Match, Overlap, Previous
from nbpart.partitions.windows import TimeWindowPartitions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

    Ids = NDArray[np.int64]

#: Windows are moved by at most a thousand years, and within the years 3 to 9997: Python's calendar ends at 1 and 9999.
_FARTHEST_S, _EARLIEST, _LATEST = 1_000 * 366 * 86_400, -62_070_000_000, 253_300_000_000


@dataclass(frozen=True)
class Lacking:
    """How many windows each reader would read that are no partitions: int32 arrays, a place a reader.

    ``required`` ones keep it waiting; those ``left_out`` lie before the first window of the input or after its end.
    """

    required: NDArray[np.int32]
    left_out: NDArray[np.int32]


def count_lacking(batch: Batch, join: Join, reader_ids: Ids) -> Lacking:
    """How many windows that readers would read are no partitions, required or left out."""
    required, left_out = (np.zeros(len(reader_ids), np.int32) for _ in range(2))
    if not isinstance(join.mapping, By | Overlap | Previous):
        return Lacking(required, left_out)
    for match in list_matches(join.mapping):
        if isinstance(match.mapping, Overlap | Previous):
            moved = move(batch, join, match, reader_ids)
            absent = moved.wanted - (moved.last - moved.first)
            clipped = moved.outside if match.mapping.clips else np.zeros_like(moved.outside)
            required += (absent - clipped).astype(np.int32)
            left_out += clipped.astype(np.int32)
    return Lacking(required, left_out)


PlaceInTime: TypeAlias = Literal["before", "after", "open"]


@dataclass(frozen=True)
class LackingWindow:
    """The first window that a key would read and that is no partition: its ``key``, and where the input stands to it.

    ``place`` is ``"before"`` the first window of the input, ``"after"`` its end, or ``"open"``: it has not ended yet.
    ``count`` of the ``wanted`` windows lack; ``required``: the key waits for it.
    """

    key: str
    place: PlaceInTime
    unit: str
    count: int
    wanted: int
    required: bool


def find_lacking(batch: Batch, join: Join, reader_ids: Ids) -> list[LackingWindow | None]:
    """For each reader the first window that lacks, of those that are required if any is; None where none does."""
    found: list[LackingWindow | None] = [None] * len(reader_ids)
    if not isinstance(join.mapping, By | Overlap | Previous):
        return found
    for match in list_matches(join.mapping):
        if isinstance(match.mapping, Overlap | Previous):
            moved = move(batch, join, match, reader_ids)
            lacking = np.flatnonzero(moved.wanted > moved.last - moved.first)
            for place in lacking.tolist():
                one = _first_lacking(moved, match.mapping, place)
                if found[place] is None or (one.required and not found[place].required):  # type: ignore[union-attr]
                    found[place] = one
    return found


def find_unended_reader(batch: Batch, join: Join, input_ids: Ids) -> str | None:
    """The key of the first window of the reader that reads some of these inputs and that has not ended.

    Of a product it is that of its dimension. None where there is none, or no mapping of windows.
    """
    for match in list_matches(join.mapping) if isinstance(join.mapping, By | Overlap) else ():
        if isinstance(match.mapping, Overlap) and len(input_ids):
            reader, source = stored_along(join.reader, match.mine), stored_along(join.source, match.theirs)
            own = reader.definition
            assert isinstance(own, TimeWindowPartitions), "the mapping was checked"
            ids, starts, ends = load_windows(batch, source.set_id, members=True)
            read = find_places(ids, ids_along(batch, join.source, match.theirs, input_ids))
            read = read[read >= 0]
            _, _, known = load_windows(batch, reader.set_id, members=True)
            now = max(int(known[-1]) if len(known) else 0, math.ceil(own.start.timestamp()))
            if not len(read) or (int(ends[read].max()) <= now and match.mapping.start >= 0):
                continue
            last = int(ends[read].max())
            begins, finishes = _calendar(own, now, max(last, now + 1), abs(match.mapping.start) + 1)
            is_open = (begins >= now) & (finishes <= (own.end.timestamp() if own.end else np.inf))
            begins, finishes = begins[is_open], finishes[is_open]
            since, until = _shift(own, begins, finishes, match.mapping)
            for start, first, end in zip(begins.tolist(), since.tolist(), until.tolist(), strict=True):
                if ((starts[read] < end) & (first < ends[read])).any():
                    return own.spell_start(start)
    return None


def _first_lacking(moved: Moved, mapping: Overlap | Previous, place: int) -> LackingWindow:
    before, wanted = int(moved.before[place]), int(moved.wanted[place])
    existing = set(moved.starts[moved.first[place] : moved.last[place]].tolist())
    places = range(before, before + wanted)
    lacking = [(at, moved.place_in_time(at)) for at in places if int(moved.calendar[0][at]) not in existing]
    required = [one for one in lacking if one[1] == "open" or not mapping.clips]
    at, where = (required or lacking)[0]
    key = moved.definition.spell_start(int(moved.calendar[0][at]))
    return LackingWindow(key, where, moved.definition.unit, len(lacking), wanted, bool(required))


@dataclass(frozen=True)
class Moved:
    """The windows that each reader reads: of the input's, in the order of time, those at ``first`` to before ``last``.

    ``ids`` and ``starts`` are of the input's windows that are partitions. A reader would read ``wanted`` windows if all
    existed, of which ``outside`` lie before the first of the input or after its end: those of the ``calendar``, starts
    and ends of all windows of ``definition``, from the place ``before`` on.
    """

    ids: Ids
    starts: Ids
    first: Ids
    last: Ids
    wanted: Ids
    outside: Ids
    before: Ids
    calendar: tuple[Ids, Ids]
    definition: TimeWindowPartitions

    def place_in_time(self, at: int) -> PlaceInTime:
        """Where a window of the calendar stands to those that the definition has."""
        starts, ends = self.calendar
        if starts[at] < self.definition.start.timestamp():
            return "before"
        end = self.definition.end
        return "after" if end is not None and ends[at] > end.timestamp() else "open"

    def place_of(self, window_ids: Ids) -> Ids:
        return find_places(self.ids, window_ids)


def move(batch: Batch, join: Join, match: Match, reader_ids: Ids) -> Moved:
    reader, source = stored_along(join.reader, match.mine), stored_along(join.source, match.theirs)
    own, theirs = reader.definition, source.definition
    assert isinstance(own, TimeWindowPartitions), "the mapping was checked"
    assert isinstance(theirs, TimeWindowPartitions), "the mapping was checked"
    ids, starts, _ = load_windows(batch, source.set_id, members=True)
    own_ids, own_starts, own_ends = load_windows(batch, reader.set_id, members=False)
    # of each window once, however many readers have it
    own_places = find_places(own_ids, ids_along(batch, join.reader, match.mine, reader_ids))
    own_places, places = _list_once(own_places, len(own_ids))
    begins, finishes = own_starts[own_places], own_ends[own_places]
    if not len(begins):
        none = np.empty(0, np.int64)
        return Moved(ids, starts, none, none, none, none, none, (none, none), theirs)
    if isinstance(match.mapping, Previous):
        calendar = _calendar(theirs, int(begins.min()), int(begins.max()), match.mapping.n)
        after = np.searchsorted(calendar[1], begins, side="right")
        before = np.maximum(after - match.mapping.n, 0)
    else:
        assert isinstance(match.mapping, Overlap), "windows are moved by overlap or previous"
        since, until = _shift(own, begins, finishes, match.mapping)
        calendar = theirs.every_window(int(since.min()), int(until.max()))
        before = np.searchsorted(calendar[1], since, side="right")
        after = np.maximum(np.searchsorted(calendar[0], until), before)
    first, last = _find_existing(starts, calendar[0], before, after)
    outside = _count_outside(theirs, calendar, before, after)
    of_each = (first, last, after - before, outside, before)
    first, last, wanted, outside, before = (of_window[places] for of_window in of_each)
    return Moved(ids, starts, first, last, wanted, outside, before, calendar, theirs)


def _list_once(places: Ids, count: int) -> tuple[Ids, Ids]:
    """The different ones of places below ``count``, rising, and of each of the given ones which of these it is."""
    is_there = np.zeros(count, np.int64)
    is_there[places] = 1
    return np.flatnonzero(is_there), (np.cumsum(is_there) - 1)[places]


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


def load_windows(batch: Batch, set_id: int, *, members: bool) -> tuple[Ids, Ids, Ids]:
    """The windows of a set in the order of time: key ids, starts and ends in seconds since 1970."""
    only = f" AND key_id IN (SELECT key_id FROM members WHERE set_id = {int(set_id)})" if members else ""
    found = batch.numpy(
        "SELECT key_id, epoch(starts_at)::BIGINT AS starts, epoch(ends_at)::BIGINT AS ends FROM windows"
        f" WHERE set_id = ?{only} ORDER BY starts_at",
        set_id,
    )
    return found["key_id"], found["starts"], found["ends"]


def _calendar(definition: TimeWindowPartitions, first: int, last: int, more: int) -> tuple[Ids, Ids]:
    """All windows from ``more`` before one instant to ``more`` after another, partitions or not.

    There are fewer where these are more than a thousand years away.
    """
    span = max(last - first, 1)
    length = 3_600
    while True:
        margin = (more + 2) * length
        since, until = max(first - min(margin, _FARTHEST_S), _EARLIEST), min(last + min(margin, _FARTHEST_S), _LATEST)
        starts, ends = definition.every_window(since, until)
        is_enough = (ends <= first).sum() >= more and (starts >= last).sum() >= more
        if is_enough or margin >= _FARTHEST_S:
            return starts, ends
        length = max(length * 4, span // (more + 1))


def _shift(definition: TimeWindowPartitions, begins: Ids, finishes: Ids, mapping: Overlap) -> tuple[Ids, Ids]:
    """Start and end of the time that the windows from ``start`` to ``end`` later cover, for each window."""
    if not len(begins) or (mapping.start, mapping.end) == (0, 0):
        return begins, finishes
    most = max(abs(mapping.start), abs(mapping.end))
    starts, ends = _calendar(definition, int(begins.min()), int(finishes.max()), most)
    here = np.searchsorted(starts, begins)
    first, last = (np.clip(here + by, 0, len(starts) - 1) for by in (mapping.start, mapping.end))
    return starts[first], ends[last]
