from __future__ import annotations

import cProfile
import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.widgets.layout import compute_layout


def make_edges(n: int, seed: int = 1) -> list[tuple[int, int]]:
    """A pipeline of n nodes: about as wide as it is long, with some edges that pass many layers."""
    rng = random.Random(seed)
    width = max(2, int(n**0.5))
    edges = set()
    for i in range(width, n):
        below = range(i // width * width - width, i // width * width)
        edges |= {(rng.choice(below), i) for _ in range(rng.choice([1, 2, 3]))}
        if rng.random() < 0.06:
            edges.add((rng.randrange(i - width), i)) if i > width else None
    return sorted(edges)


def test_a_chain_goes_from_left_to_right_on_one_line() -> None:
    layout = compute_layout(3, [(0, 1), (1, 2)])
    assert layout.places == ((0, 0), (1, 0), (2, 0))
    assert layout.routes == (((0, 0), (1, 0)), ((1, 0), (2, 0)))


def test_two_crossing_pairs_are_uncrossed() -> None:
    layout = compute_layout(4, [(0, 3), (1, 2)])
    y = [row for _, row in layout.places]
    assert (y[0] < y[1]) == (y[3] < y[2])


def test_an_edge_that_passes_a_layer_has_a_point_there_apart_from_the_card() -> None:
    layout = compute_layout(3, [(0, 1), (1, 2), (0, 2)])
    passing = layout.routes[2]
    assert [x for x, _ in passing] == [0, 1, 2]
    assert abs(passing[1][1] - layout.places[1][1]) >= 0.5


def test_a_source_stands_next_to_its_first_reader() -> None:
    layout = compute_layout(4, [(0, 1), (1, 2), (3, 2)])
    assert layout.places[3][0] == 1


def test_nodes_without_edges_stand_below_in_a_grid() -> None:
    layout = compute_layout(30, [(0, 1)])
    assert len(set(layout.places)) == 30
    assert max(x for x, _ in layout.places) < 10
    assert compute_layout(0, []).places == ()


def test_a_circle_is_laid_out_too() -> None:
    layout = compute_layout(3, [(0, 1), (1, 2), (2, 0)])
    assert [x for x, _ in layout.places] == [0, 1, 2]
    assert layout.routes[2][0] == layout.places[2]
    assert layout.routes[2][-1] == layout.places[0]


@given(st.integers(1, 25), st.data())
def test_readers_stand_right_of_what_they_read_and_cards_never_overlap(n: int, data: st.DataObject) -> None:
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] < p[1])
    edges = data.draw(st.lists(pairs, unique=True, max_size=60)) if n > 1 else []
    layout = compute_layout(n, edges)
    for a, b in edges:
        assert layout.places[a][0] < layout.places[b][0]
    for (a, b), route in zip(edges, layout.routes, strict=True):
        assert (route[0], route[-1]) == (layout.places[a], layout.places[b])
    columns: dict[float, list[float]] = {}
    for x, y in layout.places:
        columns.setdefault(x, []).append(y)
    for column in columns.values():
        column.sort()
        assert all(b - a >= 0.99 for a, b in itertools.pairwise(column))
    assert min(y for _, y in layout.places) >= 0
    assert layout == compute_layout(n, edges)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_work_grows_little_faster_than_the_graph(seed: int) -> None:
    few, many = (count_calls(lambda n=n: compute_layout(n, make_edges(n, seed))) for n in (50, 500))
    assert many < 25 * few


def count_calls(work: Callable[[], object]) -> int:
    """How many calls of functions a piece of work takes, which is the same on every machine."""
    profile = cProfile.Profile()
    profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats())
