"""The keys that some keys of an asset read of an input, or that read them: through the join of their mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbpart.catalog.join_search import find_inputs, find_readers
from nbpart.catalog.join_sides import open_join
from nbpart.catalog.joins import relate
from nbpart.partitions.mapping import Mapping

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

    Ids = NDArray[np.int64]


def load_inputs(batch: Batch, mapping: Mapping, sets: tuple[int, int], key_ids: Ids, among: Ids | None = None) -> Ids:
    """The keys of the input that any of some keys of a reader reads, in the order of their set.

    ``sets`` are those of the reader and of the input. With ``among``, all keys of the input, these are not searched for
    first: faster where most of them are read.

    Ids are those of the two sets, each once, and 0 where there is no set. Raises `DeclarationError` where the mapping
    is not possible between the sets any more, or would relate too many pairs.
    """
    join = open_join(batch, mapping, *sets)
    found = find_inputs(batch, join, key_ids) if among is None else among
    marked = relate(batch, join, key_ids, found).mark_inputs(np.ones(len(key_ids), bool), len(found))
    return found[marked]


def load_readers(batch: Batch, mapping: Mapping, sets: tuple[int, int], key_ids: Ids, among: Ids | None = None) -> Ids:
    """The keys of the reader that read any of some keys of an input, as `load_inputs`; ``among`` are the reader's."""
    join = open_join(batch, mapping, *sets)
    found = find_readers(batch, join, key_ids) if among is None else among
    return found[relate(batch, join, found, key_ids).mark_readers(np.ones(len(key_ids), bool))]
