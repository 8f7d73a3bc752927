"""Membership tests of partition keys that stay fast when a thousand of them follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog import Catalog, queries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: So many tests against one state of the catalog query it; those after them are answered from memory.
MAX_QUERIES = 10


@dataclass
class _State:
    """The tests made since the catalog's commit ``sequence``, and the sorted hashes of the set's keys, once fetched."""

    sequence: int
    tests: int = 0
    hashes: NDArray[np.uint64] | None = None


class Membership:
    """Answers ``key in set``.

    After `MAX_QUERIES` tests without a commit in between, the hashes of all keys are fetched and sorted: 8 bytes a key,
    and a microsecond a test instead of a query. A key that is not in the set but has the hash of one of a million keys
    in it comes once in 10^13 tests.
    """

    def __init__(self, catalog: Catalog, set_id: int) -> None:
        self._catalog, self._set_id = catalog, set_id
        self._state = _State(0)

    def contains_all(self, keys: Sequence[str]) -> bool:
        """Whether all of the keys, at least one, are in the set now."""
        sequence = self._catalog.sequence()  # before the keys are read: a newer commit then only fetches them again
        state = self._state
        if state.sequence != sequence or sequence == 0:
            state = self._state = _State(sequence)
        state.tests += 1
        if state.tests <= MAX_QUERIES:
            return self._catalog.read(lambda batch: all(queries.contains(batch, self._set_id, keys)))
        if state.hashes is None:
            state.hashes = self._catalog.read(lambda batch: queries.member_hashes(batch, self._set_id))
        return all(_is_in(state.hashes, queries.hash_key(key)) for key in keys)


def _is_in(hashes: NDArray[np.uint64], wanted: int) -> bool:
    """Whether a sorted array has the value ``wanted``."""
    position = int(hashes.searchsorted(hashes.dtype.type(wanted)))
    return position < len(hashes) and int(hashes[position]) == wanted
