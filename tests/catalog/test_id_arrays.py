from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nbpart.catalog.id_arrays import find_places, number_values

#: Near each other, and far apart: these are found in two ways.
IDS = st.one_of(st.integers(-5, 60), st.integers(-(2**50), 2**50))


@given(among=st.lists(IDS, unique=True, max_size=40), wanted=st.lists(IDS, max_size=40))
def test_each_id_is_found_where_it_is(among: list[int], wanted: list[int]) -> None:
    wanted = [*wanted, *among[::3]]
    found = find_places(np.array(among, np.int64), np.array(wanted, np.int64))
    assert found.dtype == np.int64
    assert found.tolist() == [among.index(one) if one in among else -1 for one in wanted]


@given(one=st.lists(IDS, max_size=40), other=st.lists(IDS, max_size=40))
def test_equal_values_have_one_number(one: list[int], other: list[int]) -> None:
    numbered = number_values(np.array(one, np.int64), np.array(other, np.int64))
    assert [len(some) for some in numbered] == [len(one), len(other)]
    numbers = np.concatenate(numbered).tolist()
    pairs = set(zip((max(value, -1) for value in (*one, *other)), numbers, strict=True))
    assert len(pairs) == len({value for value, _ in pairs}) == len({number for _, number in pairs})
    assert {number for _, number in pairs} - {-1} == set(range(len(pairs - {(-1, -1)})))
