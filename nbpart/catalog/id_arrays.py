"""Arrays of ids, by the million: finding those of one in another without a join in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

#: A table of all ids between the lowest and the highest is made where these are at most so many times as many.
_SPREAD = 8


def find_places(among: Ids, wanted: Ids) -> Ids:
    """The place of each wanted id in an array that holds each once; -1 where it is not there."""
    import numpy as np

    if not len(among) or not len(wanted):
        return np.full(len(wanted), -1, np.int64)
    low, high = int(among.min()), int(among.max())
    if high - low < _SPREAD * (len(among) + len(wanted)):
        places = np.full(high - low + 2, -1, np.int32)
        places[among - low] = np.arange(len(among), dtype=np.int32)
        # what lies outside is looked for in the last entry, which stays -1
        found = np.where((wanted < low) | (wanted > high), high + 1, wanted)
        looked_up: Ids = places[found - low].astype(np.int64)
        return looked_up
    order = np.argsort(among, kind="stable")
    sorted_ids = among[order]
    near = np.minimum(np.searchsorted(sorted_ids, wanted), len(among) - 1)
    sorted_places: Ids = np.where(sorted_ids[near] == wanted, order[near], -1)
    return sorted_places


def number_values(*arrays: Ids) -> list[Ids]:
    """The same number for equal values of some arrays, from 0 on without a gap; negative ones become -1."""
    import numpy as np

    both = np.concatenate(arrays)
    known = both[both >= 0]
    numbers = np.full(len(both), -1, np.int64)
    if len(known):
        low, high = int(known.min()), int(known.max())
        if high - low < _SPREAD * len(known):
            is_there = np.zeros(high - low + 1, np.int64)
            is_there[known - low] = 1
            numbers[both >= 0] = (np.cumsum(is_there) - 1)[known - low]
        else:
            numbers[both >= 0] = np.unique(known, return_inverse=True)[1]
    return np.split(numbers, np.cumsum([len(one) for one in arrays])[:-1])
