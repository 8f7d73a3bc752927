"""Whether keys are in a set, asked once or a thousand times in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog import Catalog, queries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: So many questions about one state of the catalog are answered by looking into it.
FEW = 10


@dataclass
class _State:
    """What is known of the set as of one commit."""

    sequence: int
    asked: int = 0
    hashes: NDArray[np.uint64] | None = None


class Membership:
    """Answers ``key in set``.

    After `FEW` questions between which nothing was committed all members are fetched, as sorted hashes: 8 bytes a key,
    and a microsecond a question instead of a turn at the catalog. A stranger with the hash of one of a million members
    comes once in 10^13 questions.
    """

    def __init__(self, catalog: Catalog, set_id: int) -> None:
        self._catalog, self._set_id = catalog, set_id
        self._state = _State(0)

    def holds(self, keys: Sequence[str]) -> bool:
        """Whether all of the keys, of which there is one at least, are in the set now."""
        sequence = self._catalog.sequence()  # before the members are read: what is newer then is only fetched again
        state = self._state
        if state.sequence != sequence or sequence == 0:
            state = self._state = _State(sequence)
        state.asked += 1
        if state.asked <= FEW:
            return self._catalog.read(lambda batch: all(queries.contains(batch, self._set_id, keys)))
        if state.hashes is None:
            state.hashes = self._catalog.read(lambda batch: queries.member_hashes(batch, self._set_id))
        return all(_holds(state.hashes, queries.hash_key(key)) for key in keys)


def _holds(hashes: NDArray[np.uint64], wanted: int) -> bool:
    place = int(hashes.searchsorted(hashes.dtype.type(wanted)))
    return place < len(hashes) and int(hashes[place]) == wanted
