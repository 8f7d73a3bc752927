"""The shapes of a relation, both ways, against plain sets of pairs."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpart.partitions.relation import Groups, Identity, Pairs, Ranges, Relation, leave_out

Related = tuple[Relation, int, list[set[int]]]  # a relation, how many inputs there are, and what each reader reads


@st.composite
def identities(draw: st.DrawFn) -> Related:
    count = draw(st.integers(1, 8))
    inputs = draw(st.lists(st.integers(-1, count - 1), max_size=8))
    return Identity(np.array(inputs, dtype=np.int32)), count, [{n} - {-1} for n in inputs]


@st.composite
def groups(draw: st.DrawFn) -> Related:
    size = draw(st.integers(1, 4))
    labels = st.lists(st.integers(-1, size - 1), max_size=8)
    readers, inputs = draw(labels), draw(labels)
    relation = Groups(np.array(readers, dtype=np.int32), np.array(inputs, dtype=np.int32), size)
    return relation, len(inputs), [{n for n, own in enumerate(inputs) if own == label >= 0} for label in readers]


@st.composite
def ranges(draw: st.DrawFn) -> Related:
    count = draw(st.integers(0, 12))
    order = draw(st.permutations(range(count)))[: draw(st.integers(0, count))]
    bounds = st.tuples(st.integers(0, len(order)), st.integers(0, len(order)))
    found = [(min(pair), max(pair)) for pair in draw(st.lists(bounds, max_size=10))]
    if draw(st.booleans()):  # as windows are
        found = list(zip(sorted(a for a, _ in found), sorted(b for _, b in found), strict=True))
    first, last = (np.array([pair[n] for pair in found], dtype=np.int32) for n in (0, 1))
    return Ranges(np.array(order, dtype=np.int32), first, last), count, [set(order[a:b]) for a, b in found]


@st.composite
def pairs(draw: st.DrawFn) -> Related:
    count = draw(st.integers(1, 8))
    rows = draw(st.lists(st.lists(st.integers(0, count - 1), unique=True, max_size=5), max_size=8))
    offsets = np.cumsum([0, *map(len, rows)])
    inputs = np.array([n for row in rows for n in row], dtype=np.int32)
    return Pairs(offsets, inputs), count, [set(row) for row in rows]


@settings(max_examples=300)
@given(st.one_of(identities(), groups(), ranges(), pairs()), st.data())
def test_a_relation_answers_as_sets_do_in_both_directions(related: Related, data: st.DataObject) -> None:
    relation, count, expected = related
    readers_of = [{n for n, inputs in enumerate(expected) if place in inputs} for place in range(count)]
    assert relation.reader_count == len(expected)
    assert relation.count_inputs().tolist() == [len(inputs) for inputs in expected]
    for reader, inputs in enumerate(expected):
        assert relation.inputs_of(reader).tolist() == sorted(inputs)
    for place, readers in enumerate(readers_of):
        assert relation.readers_of(place).tolist() == sorted(readers)
    some = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    marked = relation.mark_readers(np.array(some, dtype=bool))
    assert marked.tolist() == [any(some[n] for n in inputs) for inputs in expected]
    chosen = data.draw(st.lists(st.booleans(), min_size=len(expected), max_size=len(expected)))
    marked = relation.mark_inputs(np.array(chosen, dtype=bool), count)
    assert marked.tolist() == [any(chosen[n] for n in readers) for readers in readers_of]


def test_ranges_that_lie_in_each_other_are_found() -> None:
    relation = Ranges(np.arange(100), np.array([0, 40, 10, 45, 99]), np.array([100, 60, 20, 46, 100]))
    assert not relation.cover.is_tiled
    assert [relation.readers_of(n).tolist() for n in (0, 15, 45, 50, 99)] == [[0], [0, 2], [0, 1, 3], [0, 1], [0, 4]]


MILLION = 1_000_000


@pytest.mark.parametrize(
    "make",
    [
        lambda n: Ranges(np.arange(n), np.maximum(np.arange(n) - 29, 0), np.arange(n) + 1),
        lambda n: Groups(np.arange(n) // 1000, np.arange(n) // 1000, n // 1000),
    ],
    ids=["a rolling 30", "groups of 1,000"],
)
def test_a_million_keys_cost_no_more_than_their_shape(make: Callable[[int], Relation]) -> None:
    relation = make(MILLION)
    some = np.zeros(MILLION, dtype=bool)
    some[500_500] = True
    tracemalloc.start()
    readers = relation.mark_readers(some)
    inputs = relation.mark_inputs(readers, MILLION)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.flatnonzero(readers).tolist() == relation.readers_of(500_500).tolist()
    assert inputs[relation.inputs_of(int(readers.argmax()))].all()
    assert peak < 60 * MILLION, "pairs of it would take 120 bytes a key and more"


@given(values=st.lists(st.integers(-5, 20), max_size=30), others=st.lists(st.integers(-5, 20), max_size=30))
def test_what_is_left_out_is_what_the_others_have(values: list[int], others: list[int]) -> None:
    left = leave_out(np.array(values, np.int64), np.array(others, np.int64))
    assert left.tolist() == sorted(set(values) - set(others))
