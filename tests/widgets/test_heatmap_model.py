from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nbpart.states import STATUS_CODES
from nbpart.states import PartitionStatus as P
from nbpart.widgets.heatmap_model import (
    URGENCY,
    Members,
    Places,
    Scale,
    Selection,
    fit_scale,
    fits,
    plan_places,
    rank_by_status,
    rank_by_value,
    to_ranges,
)

ids = st.lists(st.integers(1, 60), unique=True, max_size=40)


def array(values: list[int]) -> np.ndarray:
    return np.array(values, np.int64)


@given(ids, st.lists(st.integers(0, 70), max_size=30))
def test_a_member_is_found_where_it_stands(members: list[int], asked: list[int]) -> None:
    found = Members(array(members)).find(array(asked)).tolist()
    assert found == [members.index(key_id) if key_id in members else -1 for key_id in asked]


@given(st.integers(1, 50), st.integers(0, 30), st.lists(st.integers(0, 90), max_size=20))
def test_ids_in_a_row_are_found_without_a_search(first: int, n: int, asked: list[int]) -> None:
    members = list(range(first, first + n))
    found = Members(array(members)).find(array(asked)).tolist()
    assert found == [members.index(key_id) if key_id in members else -1 for key_id in asked]


def test_values_of_ids_that_are_no_members_are_left_out() -> None:
    filled = Members(array([5, 3, 9])).fill(array([9, 4, 5]), np.array([1, 2, 3], np.uint8), 7)
    assert filled.tolist() == [3, 7, 1]
    assert filled.dtype == np.uint8


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=30), st.booleans(), st.booleans())
def test_places_and_members_are_each_others_opposite(rows: list[tuple[bool, int]], filters: bool, sorts: bool) -> None:
    keep = np.array([row[0] for row in rows], bool) if filters else None
    rank = np.array([row[1] for row in rows], float) if sorts else None
    places = plan_places(len(rows), keep, rank)
    shown = places.take(np.arange(len(rows)))
    expected = [n for n, row in enumerate(rows) if row[0] or not filters]
    assert shown.tolist() == (sorted(expected, key=lambda n: rows[n][1]) if sorts else expected)
    found = places.find(np.arange(len(rows)))
    assert [int(found[member]) for member in shown] == list(range(places.n))
    assert {n for n in range(len(rows)) if found[n] < 0} == set(range(len(rows))) - set(expected)


def test_members_without_a_rank_come_last() -> None:
    assert plan_places(4, rank=np.array([np.nan, 2, np.nan, 1])).take(np.arange(4)).tolist() == [3, 1, 0, 2]


def test_what_is_not_a_member_has_no_place() -> None:
    assert Places(3).find(array([-1, 2])).tolist() == [-1, 2]
    assert Places(3, array([2, 0])).find(array([-1, 2, 1])).tolist() == [-1, 0, -1]
    assert Places(0, array([])).find(array([-1])).tolist() == [-1]


@given(st.lists(st.integers(0, 40), max_size=40))
def test_ranges_hold_exactly_the_numbers_and_do_not_touch(numbers: list[int]) -> None:
    ranges = to_ranges(array(numbers))
    assert [n for a, b in ranges for n in range(a, b)] == sorted(set(numbers))
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ranges))


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, min_size=1, max_size=20))
def test_a_scale_keeps_the_order_of_values(values: list[float]) -> None:
    scale = fit_scale([np.array(values)])
    assert scale is not None
    levels = scale.encode(np.array(sorted(values)))
    assert (np.diff(levels.astype(int)) >= 0).all()
    assert levels.min() >= 1
    if min(values) < max(values):
        assert (levels[0], levels[-1]) == (1, 255)


def test_what_is_not_known_is_step_0_and_what_is_outside_stands_at_an_end() -> None:
    assert Scale(0, 10).encode(np.array([math.nan, -5, 5, 99, math.inf])).tolist() == [0, 1, 128, 255, 255]
    assert Scale(3, 3).encode(np.array([3.0, math.nan])).tolist() == [128, 0]


def test_a_wide_scale_of_positive_values_is_logarithmic() -> None:
    scale = fit_scale([np.array([0.001, 10.0]), np.array([math.nan, math.inf])])
    assert scale == Scale(0.001, 10.0, is_log=True)
    assert scale.encode(np.array([0.1])).tolist() == [128]
    assert fit_scale([np.array([-1.0, 5000.0])]) == Scale(-1, 5000)
    assert fit_scale([np.array([math.nan])]) is None


def test_a_scale_holds_what_lies_within() -> None:
    assert fits(Scale(0, 1), np.array([0.5, math.nan, math.inf]))
    assert not fits(Scale(0, 1), np.array([1.5]))
    assert not fits(None, np.array([1.5]))
    assert fits(None, np.array([math.nan]))


def test_the_most_urgent_status_of_any_row_ranks_a_partition() -> None:
    m, f, r = (STATUS_CODES[s] for s in (P.MATERIALIZED, P.FAILED, P.RUNNING))
    ranks = rank_by_status(np.array([[m, m, r], [m, f, m]], np.uint8), STATUS_CODES)
    assert [URGENCY[rank] for rank in ranks] == [P.MATERIALIZED, P.FAILED, P.RUNNING]
    assert set(URGENCY) == set(P)


def test_the_largest_value_comes_first_and_nothing_last() -> None:
    ranks = rank_by_value(np.array([[1.0, math.nan, math.nan], [3.0, 2.0, math.nan]]))
    assert ranks.tolist()[:2] == [-3.0, -2.0]
    assert math.isnan(ranks[2])


def test_the_length_of_a_selection_counts_partitions() -> None:
    assert len(Selection("files", 1, ("a", "b"), ((0, 3), (5, 6)))) == 8
