"""The keys that some keys of an asset read of an input, or that read them: through the join of their mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbpart.catalog.join_search import find_inputs, find_readers
from nbpart.catalog.joins import relate
from nbpart.partitions.mapping import Same, Whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch
    from nbpart.catalog.join_sides import Join

    Ids = NDArray[np.int64]


def load_inputs(batch: Batch, join: Join, reader_ids: Ids, among: Ids | None = None) -> Ids:
    """The keys of the input that any of these keys of the reader reads, in the order of their set.

    With ``among``, all keys of the input, these are not searched for first: faster where most of them are read. Ids are
    those of the two sets, each once, and 0 where there is no set. Raises `DeclarationError` where the mapping would
    relate too many pairs.
    """
    if isinstance(join.mapping, Whole):
        return np.zeros(1, np.int64)
    if isinstance(join.mapping, Same):
        return reader_ids
    found = find_inputs(batch, join, reader_ids) if among is None else among
    marked = relate(batch, join, reader_ids, found).mark_inputs(np.ones(len(reader_ids), bool), len(found))
    return found[marked]


def load_readers(batch: Batch, join: Join, input_ids: Ids, among: Ids | None = None) -> Ids:
    """The keys of the reader that read any of these keys of an input, as `load_inputs`; ``among`` are the reader's."""
    found = find_readers(batch, join, input_ids) if among is None else among
    return found[relate(batch, join, found, input_ids).mark_readers(np.ones(len(input_ids), bool))]
