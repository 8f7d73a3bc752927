"""Relations: which inputs each reader of a join reads, in one of four shapes that never hold a pair more than needed.

Readers and inputs are places, 0 to n - 1, in two arrays that whoever made the relation knows. Every shape answers in
both directions: for one place (``inputs_of``, ``readers_of``; arrays in ascending order of places) and for many at once
(``mark_inputs``, ``mark_readers``; masks with a bool for each place).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Places = NDArray[np.int32]
    Mask = NDArray[np.bool_]
    T = TypeVar("T", bound=np.generic)


class _Shape:
    """What the shapes have in common: their arrays are held as int32, offsets as int64."""

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            given = getattr(self, each.name)
            if not isinstance(given, int):
                kind = np.int64 if each.name == "offsets" else np.int32
                object.__setattr__(self, each.name, np.asarray(given, dtype=kind))


@dataclass(frozen=True, eq=False)
class Identity(_Shape):
    """Each reader reads one input at most: ``inputs`` has its place, -1 for none. Several may read the same one."""

    inputs: Places

    @property
    def reader_count(self) -> int:
        return len(self.inputs)

    def count_inputs(self) -> Places:
        """How many inputs each reader reads."""
        return (self.inputs >= 0).astype(np.int32)

    def inputs_of(self, reader: int) -> Places:
        found = self.inputs[reader : reader + 1]
        return found[found >= 0]

    def readers_of(self, place: int) -> Places:
        order, inputs = self._by_input
        return order[np.searchsorted(inputs, place) : np.searchsorted(inputs, place, side="right")]

    def mark_inputs(self, readers: Mask, input_count: int) -> Mask:
        return mark(self.inputs[readers], input_count)

    def mark_readers(self, inputs: Mask) -> Mask:
        marked: Mask = self.inputs >= 0
        marked[marked] = inputs[self.inputs[marked]]
        return marked

    @cached_property
    def _by_input(self) -> tuple[Places, Places]:
        """The readers in the order of their inputs, and these inputs."""
        order = sort_places(self.inputs)
        return order, self.inputs[order]


@dataclass(frozen=True, eq=False)
class Groups(_Shape):
    """A reader reads all inputs that have its label; labels are 0 to ``size`` - 1, and -1 for what is in no group."""

    readers: Places
    inputs: Places
    size: int

    @property
    def reader_count(self) -> int:
        return len(self.readers)

    def count_inputs(self) -> Places:
        """How many inputs each reader reads."""
        sizes = np.bincount(self.inputs[self.inputs >= 0], minlength=self.size)
        return np.where(self.readers >= 0, np.append(sizes, 0)[self.readers], 0).astype(np.int32)

    def inputs_of(self, reader: int) -> Places:
        return _find_label(self.inputs, int(self.readers[reader]))

    def readers_of(self, place: int) -> Places:
        return _find_label(self.readers, int(self.inputs[place]))

    def mark_inputs(self, readers: Mask, input_count: int) -> Mask:
        return self._mark_same_label(self.readers, self.inputs, readers)

    def mark_readers(self, inputs: Mask) -> Mask:
        return self._mark_same_label(self.inputs, self.readers, inputs)

    def _mark_same_label(self, given: Places, wanted: Places, mask: Mask) -> Mask:
        # the last place is that of the label -1
        labels = mark(given[mask], self.size + 1)
        return labels[wanted]


@dataclass(frozen=True, eq=False)
class Ranges(_Shape):
    """A reader reads the inputs at the positions ``first`` to ``last`` - 1 of ``order``, which holds places of inputs.

    Inputs stand in ``order`` once at most. Ranges may be empty, overlap and lie in each other.
    """

    order: Places
    first: Places
    last: Places

    @property
    def reader_count(self) -> int:
        return len(self.first)

    def count_inputs(self) -> Places:
        """How many inputs each reader reads."""
        counts: Places = np.maximum(self.last - self.first, 0)
        return counts

    def inputs_of(self, reader: int) -> Places:
        return np.sort(self.order[self.first[reader] : self.last[reader]])

    def readers_of(self, place: int) -> Places:
        order, places = self._positions
        found = int(np.searchsorted(places, place))
        if found == len(places) or places[found] != place:
            return np.array([], dtype=np.int32)
        return np.sort(self.cover.readers_at(int(order[found])))

    def mark_inputs(self, readers: Mask, input_count: int) -> Mask:
        is_read = readers & (self.first < self.last)
        depth = np.zeros(len(self.order) + 1, dtype=np.int64)
        np.add.at(depth, self.first[is_read], 1)
        np.subtract.at(depth, self.last[is_read], 1)
        return mark(self.order[np.cumsum(depth)[:-1] > 0], input_count)

    def mark_readers(self, inputs: Mask) -> Mask:
        before = count_before(inputs[self.order])
        return before[self.last] > before[self.first]

    @cached_property
    def cover(self) -> RangeCover:
        """Which readers' ranges hold each position of ``order``."""
        return RangeCover(self.first, self.last)

    @cached_property
    def _positions(self) -> tuple[Places, Places]:
        """The positions of ``order`` in the order of the places that stand there, and these places."""
        positions = sort_places(self.order)
        return positions, self.order[positions]


class RangeCover:
    """Which of many half-open ranges hold a position.

    ``readers`` has the readers whose ranges are not empty, by first and last. Where ``is_tiled``, the ranges end in the
    order in which they begin, as windows do, and those that hold a position stand side by side in ``readers``.
    """

    def __init__(self, first: Places, last: Places) -> None:
        readers = np.flatnonzero(first < last).astype(np.int32)
        if not (_ascends(first[readers]) and _ascends(last[readers])):
            readers = readers[np.lexsort((last[readers], first[readers]))]
        self.readers = readers
        self._first, self._last = first[readers], last[readers]
        self.is_tiled = _ascends(self._last)

    def bounds(self, positions: int) -> tuple[Places, Places]:
        """For each of so many positions the part of ``readers`` whose ranges hold it; only where ``is_tiled``."""
        every = np.arange(positions, dtype=np.int32)
        begin = np.searchsorted(self._last, every, side="right")
        return begin.astype(np.int32), np.searchsorted(self._first, every, side="right").astype(np.int32)

    def count_held(self, positions: Mask) -> Places:
        """How many of the positions that are set the range of each of ``readers`` holds."""
        before = count_before(positions)
        return (before[self._last] - before[self._first]).astype(np.int32)

    def readers_at(self, position: int) -> Places:
        """The readers whose ranges hold a position."""
        if self.is_tiled:
            begin = np.searchsorted(self._last, position, side="right")
            return self.readers[begin : np.searchsorted(self._first, position, side="right")]
        found = [part.readers_at(position) for part in self._classes]
        return np.concatenate(found)

    @cached_property
    def _classes(self) -> list[_Widths]:
        """The ranges by the number of bits of their widths.

        Of ranges that are at most twice as wide as each other, few that begin near a position do not hold it.
        """
        bits = np.frexp(self._last - self._first)[1]
        chosen = [np.flatnonzero(bits == n) for n in np.unique(bits)]
        return [_Widths(self.readers[some], self._first[some], self._last[some]) for some in chosen]


class _Widths:
    """Ranges of similar widths, in the order in which they begin."""

    def __init__(self, readers: Places, first: Places, last: Places) -> None:
        self._readers, self._first, self._last = readers, first, last
        self._widest = int((last - first).max())

    def readers_at(self, position: int) -> Places:
        begin = np.searchsorted(self._first, position - self._widest, side="right")
        end = np.searchsorted(self._first, position, side="right")
        return self._readers[begin:end][self._last[begin:end] > position]


@dataclass(frozen=True, eq=False)
class Pairs(_Shape):
    """Reader n reads ``inputs[offsets[n] : offsets[n + 1]]``, each of them once."""

    offsets: NDArray[np.int64]
    inputs: Places

    @property
    def reader_count(self) -> int:
        return len(self.offsets) - 1

    def count_inputs(self) -> Places:
        """How many inputs each reader reads."""
        return np.diff(self.offsets).astype(np.int32)

    def inputs_of(self, reader: int) -> Places:
        return np.sort(self.inputs[self.offsets[reader] : self.offsets[reader + 1]])

    def readers_of(self, place: int) -> Places:
        readers, inputs = self.by_input
        return readers[np.searchsorted(inputs, place) : np.searchsorted(inputs, place, side="right")]

    def mark_inputs(self, readers: Mask, input_count: int) -> Mask:
        return mark(self.inputs[np.repeat(readers, np.diff(self.offsets))], input_count)

    def mark_readers(self, inputs: Mask) -> Mask:
        before = count_before(inputs[self.inputs])
        return before[self.offsets[1:]] > before[self.offsets[:-1]]

    @cached_property
    def by_input(self) -> tuple[Places, Places]:
        """The readers of all pairs in the order of their inputs, and these inputs."""
        order = np.argsort(self.inputs, kind="stable")
        readers = np.repeat(np.arange(self.reader_count, dtype=np.int32), np.diff(self.offsets))
        return readers[order], self.inputs[order]


Relation = Identity | Groups | Ranges | Pairs


def spread_readers(relation: Relation, marked: Mask, allowed: Mask) -> Mask:
    """What reads something that is marked, or that reads it in turn: in a relation of a set with itself.

    Only what is ``allowed`` is marked and spreads further. The marks that are given are part of the result.
    """
    marked = marked.copy()
    if isinstance(relation, Ranges) and bool((relation.last[relation.order] <= np.arange(len(relation.order))).all()):
        _spread_forward(relation, marked, allowed)
        return marked
    frontier = marked
    while frontier.any():
        frontier = relation.mark_readers(frontier) & allowed & ~marked
        marked |= frontier
    return marked


def _spread_forward(relation: Ranges, marked: Mask, allowed: Mask) -> None:
    """As `spread_readers`, where all read only what stands before them in ``order``: one pass; changes ``marked``."""
    before = [0]
    order = relation.order
    spans = zip(marked[order].tolist(), allowed[order].tolist(), relation.first[order].tolist(),
                relation.last[order].tolist(), strict=True)  # fmt: skip
    for place, (is_marked, is_allowed, first, last) in enumerate(spans):
        if not is_marked and is_allowed and first < last and before[last] > before[first]:
            marked[order[place]] = is_marked = True
        before.append(before[-1] + is_marked)


def mark(places: Places, count: int) -> Mask:
    """A mask of so many places with these set; -1 is none."""
    mask: Mask = np.zeros(count, dtype=bool)
    mask[places[places >= 0]] = True
    return mask


def distinct(values: NDArray[T]) -> NDArray[T]:
    """Each value once, in ascending order.

    By sorting: ``np.unique`` hashes since numpy 2.3, which takes sixty times as long for a million numbers.
    """
    ordered = np.sort(values)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if len(ordered) else ordered


def leave_out(values: NDArray[T], others: NDArray[T]) -> NDArray[T]:
    """Each value once that is none of the others, in ascending order; without hashing, as `distinct`."""
    own = distinct(values)
    return own[~np.isin(own, others)]


def count_before(mask: Mask) -> NDArray[np.int64]:
    """For each place, and the one after the last, how many before it are set."""
    return np.concatenate(([0], np.cumsum(mask, dtype=np.int64)))


def sort_places(places: Places) -> Places:
    """The stable order of the places that are not -1."""
    order = np.argsort(places, kind="stable").astype(np.int32)
    return order[np.count_nonzero(places < 0) :]


def _find_label(labels: Places, label: int) -> Places:
    if label < 0:
        return np.array([], dtype=np.int32)
    return np.flatnonzero(labels == label).astype(np.int32)


def _ascends(values: NDArray[Any]) -> bool:
    return bool((values[1:] >= values[:-1]).all())
