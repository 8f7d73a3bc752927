from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nbpart.catalog.id_arrays import find_places

#: Near each other, and far apart: these are found in two ways.
IDS = st.one_of(st.integers(-5, 60), st.integers(-(2**50), 2**50))


@given(among=st.lists(IDS, unique=True, max_size=40), wanted=st.lists(IDS, max_size=40))
def test_each_id_is_found_where_it_is(among: list[int], wanted: list[int]) -> None:
    wanted = [*wanted, *among[::3]]
    found = find_places(np.array(among, np.int64), np.array(wanted, np.int64))
    assert found.dtype == np.int64
    assert found.tolist() == [among.index(one) if one in among else -1 for one in wanted]
