"""The edges of a schedule: who waits for a step, made of the relation between the steps of a reader and of its input.

An edge counts down what its readers wait for. It keeps arrays of the size of its relation's shape, and answers for one
place of the input by a few numbers: most steps of a backfill end one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nbpart.partitions.relation import Groups, Identity, Pairs, Ranges, Relation, distinct, mark, sort_places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Steps = NDArray[np.int32]

#: From how many readers on numpy is faster than a loop.
_MANY = 24
_NONE: Steps = np.array([], dtype=np.int32)


@dataclass(frozen=True)
class Waiting:
    """What each step waits for, as a number that is 0 where it may start: an array and a view of it.

    A view gives and takes Python's own numbers, several times as fast as an array does one by one.
    """

    counts: NDArray[np.int32]
    view: memoryview

    @classmethod
    def of(cls, steps: int) -> Waiting:
        counts = np.zeros(steps, dtype=np.int32)
        return cls(counts, counts.data)


class Edge(Protocol):
    """The readers of one input of an asset. Inputs are given by their places among the input's steps."""

    def release(self, place: int) -> Sequence[int] | Steps:
        """Let the readers of a place wait for it no longer; returns the steps that wait for nothing now."""

    def release_all(self, places: Steps) -> Steps:
        """Let the readers of these places wait for them no longer; returns the steps that wait for nothing now."""

    def find_readers(self, places: Steps) -> Steps:
        """The steps that read any of these places, each once."""


class PartEdge:
    """An edge that knows some places of its input, from ``first`` on; what came before or after has no readers here."""

    def __init__(self, edge: Edge, first: int, count: int) -> None:
        self._edge, self._first, self._end = edge, first, first + count

    def release(self, place: int) -> Sequence[int] | Steps:
        return self._edge.release(place - self._first) if self._first <= place < self._end else ()

    def release_all(self, places: Steps) -> Steps:
        return self._edge.release_all(own) if len(own := self._own(places)) else _NONE

    def find_readers(self, places: Steps) -> Steps:
        return self._edge.find_readers(own) if len(own := self._own(places)) else _NONE

    def _own(self, places: Steps) -> Steps:
        own: Steps = places[(places >= self._first) & (places < self._end)] - np.int32(self._first)
        return own


def connect(relation: Relation, readers: Steps, input_count: int, waiting: Waiting) -> Edge:
    """Make the edge of a relation between the steps ``readers`` and so many steps of an input.

    ``waiting`` is changed: the readers wait for their inputs.
    """
    match relation:
        case Identity():
            return _connect_identity(relation, readers, input_count, waiting)
        case Groups():
            return GroupEdge(relation, readers, waiting)
        case Ranges():
            return RangeEdge(relation, readers, input_count, waiting)
        case Pairs():
            waiting.counts[readers] += relation.count_inputs()
            owners, inputs = relation.by_input
            return ListEdge(readers[owners], np.searchsorted(inputs, np.arange(input_count + 1)), waiting)


def _connect_identity(relation: Identity, readers: Steps, input_count: int, waiting: Waiting) -> Edge:
    waiting.counts[readers] += relation.count_inputs()
    is_read = relation.inputs >= 0
    inputs = relation.inputs[is_read]
    target: Steps = np.full(input_count, -1, dtype=np.int32)
    target[inputs] = readers[is_read]
    if np.count_nonzero(target >= 0) == len(inputs):
        return OneToOneEdge(target, waiting)
    order = sort_places(relation.inputs)
    offsets = np.searchsorted(relation.inputs[order], np.arange(input_count + 1))
    return ListEdge(readers[order], offsets, waiting)


class OneToOneEdge:
    """Each place has one reader at most: ``target`` has its step, -1 for none."""

    def __init__(self, target: Steps, waiting: Waiting) -> None:
        self._target, self._view, self._waiting = target, target.data, waiting

    def release(self, place: int) -> Sequence[int] | Steps:
        step = self._view[place]
        if step < 0:
            return ()
        left = self._waiting.view
        left[step] -= 1
        return () if left[step] else (step,)

    def release_all(self, places: Steps) -> Steps:
        return _count_down(self.find_readers(places), self._waiting)

    def find_readers(self, places: Steps) -> Steps:
        steps = self._target[places]
        if len(steps) == 1:
            return steps if steps[0] >= 0 else _NONE
        return steps[steps >= 0]


class ListEdge:
    """The readers of place n are ``steps[offsets[n] : offsets[n + 1]]``."""

    def __init__(self, steps: Steps, offsets: NDArray[np.int64], waiting: Waiting) -> None:
        self._steps, self._offsets, self._waiting = steps, offsets, waiting
        self._offset_view = offsets.data

    def release(self, place: int) -> Sequence[int] | Steps:
        readers = self._steps[self._offset_view[place] : self._offset_view[place + 1]]
        return _count_down(readers, self._waiting)

    def release_all(self, places: Steps) -> Steps:
        readers, counts = np.unique(self._list_readers(places), return_counts=True)
        return _count_down(readers, self._waiting, counts)

    def find_readers(self, places: Steps) -> Steps:
        return distinct(self._list_readers(places))

    def _list_readers(self, places: Steps) -> Steps:
        return _take_spans(self._steps, self._offsets[places], self._offsets[places + 1])


class GroupEdge:
    """The readers of a group wait until none of its inputs is left: a counter a group, whatever their numbers are."""

    def __init__(self, relation: Groups, readers: Steps, waiting: Waiting) -> None:
        self._labels, self._waiting = relation.inputs, waiting
        self._label_view = relation.inputs.data
        sizes = np.bincount(relation.inputs[relation.inputs >= 0], minlength=relation.size)
        self._left = sizes.astype(np.int32)
        self._left_view = self._left.data
        order = sort_places(relation.readers)
        labels = relation.readers[order]
        self._steps = readers[order]
        self._offsets = np.searchsorted(labels, np.arange(relation.size + 1))
        waiting.counts[self._steps] += sizes[labels] > 0
        self._found = np.zeros(relation.size, dtype=bool)

    def release(self, place: int) -> Sequence[int] | Steps:
        label = self._label_view[place]
        if label < 0:
            return ()
        self._left_view[label] -= 1
        if self._left_view[label]:
            return ()
        return _count_down(self._steps[self._offsets[label] : self._offsets[label + 1]], self._waiting)

    def release_all(self, places: Steps) -> Steps:
        labels, counts = np.unique(self._find_labels(places), return_counts=True)
        self._left[labels] -= counts.astype(np.int32)
        labels = labels[self._left[labels] == 0]
        return _count_down(_take_spans(self._steps, self._offsets[labels], self._offsets[labels + 1]), self._waiting)

    def find_readers(self, places: Steps) -> Steps:
        """Also: the readers of a group are found once only, since who asks blocks them for good."""
        labels = distinct(self._find_labels(places))
        labels = labels[~self._found[labels]]
        self._found[labels] = True
        return _take_spans(self._steps, self._offsets[labels], self._offsets[labels + 1])

    def _find_labels(self, places: Steps) -> Steps:
        labels = self._labels[places]
        return labels[labels >= 0]


class RangeEdge:
    """A reader waits for as many steps as its range has inputs; a step lets those go whose ranges hold its position."""

    def __init__(self, relation: Ranges, readers: Steps, input_count: int, waiting: Waiting) -> None:
        waiting.counts[readers] += relation.count_inputs()
        self._cover, self._readers, self._waiting = relation.cover, readers, waiting
        self._size = len(relation.order)
        self._positions: Steps = np.full(input_count, -1, dtype=np.int32)
        self._positions[relation.order] = np.arange(self._size, dtype=np.int32)
        self._position_view = self._positions.data
        self._steps = readers[self._cover.readers]
        self._step_view = self._steps.data
        self._begin, self._end = self._cover.bounds(self._size) if self._cover.is_tiled else (_NONE, _NONE)
        self._begin_view, self._end_view = self._begin.data, self._end.data

    def release(self, place: int) -> Sequence[int] | Steps:
        position = self._position_view[place]
        if position < 0:
            return ()
        if not self._cover.is_tiled:
            return _count_down(self._readers[self._cover.readers_at(position)], self._waiting)
        begin, end = self._begin_view[position], self._end_view[position]
        if end - begin > _MANY:
            return _count_down(self._steps[begin:end], self._waiting)
        left, freed = self._waiting.view, []
        for step in self._step_view[begin:end]:
            left[step] -= 1
            if not left[step]:
                freed.append(step)
        return freed

    def release_all(self, places: Steps) -> Steps:
        counts = self._count_held(places)
        return _count_down(self._steps[counts > 0], self._waiting, counts[counts > 0])

    def find_readers(self, places: Steps) -> Steps:
        if len(places) == 1:
            position = self._position_view[int(places[0])]
            if position < 0:
                return _NONE
            if self._cover.is_tiled:
                return self._steps[self._begin_view[position] : self._end_view[position]]
            return self._readers[self._cover.readers_at(position)]
        if self._cover.is_tiled and len(places) * 16 < self._size:
            positions = self._find_positions(places)
            begin, end = self._begin[positions], self._end[positions]
            if (end - begin).sum() < self._size:
                return distinct(_take_spans(self._steps, begin, end))
        return self._steps[self._count_held(places) > 0]

    def _count_held(self, places: Steps) -> Steps:
        """How many of these places each range holds."""
        return self._cover.count_held(mark(self._find_positions(places), self._size))

    def _find_positions(self, places: Steps) -> Steps:
        positions = self._positions[places]
        return positions[positions >= 0]


def _count_down(steps: Steps, waiting: Waiting, counts: NDArray[np.integer] | int = 1) -> Steps:
    """Let each of the steps, given once, wait for so many less; returns those that wait for nothing now."""
    left = waiting.counts[steps] - counts
    waiting.counts[steps] = left
    freed: Steps = steps[left == 0]
    return freed


def _take_spans(values: Steps, begin: NDArray[np.integer], end: NDArray[np.integer]) -> Steps:
    """The values at ``begin[n]`` to ``end[n] - 1`` for every n, one after the other."""
    if len(begin) == 1:
        return values[int(begin[0]) : int(end[0])]
    sizes = end - begin
    before = np.cumsum(sizes) - sizes
    taken: Steps = values[np.repeat(begin - before, sizes) + np.arange(sizes.sum())]
    return taken
