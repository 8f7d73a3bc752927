"""Values of all inputs that each reader reads, folded into one, without listing the pairs of a relation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbpart.partitions.relation import Groups, Identity, Pairs, Ranges, Relation

if TYPE_CHECKING:
    from numpy.typing import NDArray


def xor_inputs(relation: Relation, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The exclusive or of the values of what each reader reads, 0 where it reads nothing.

    ``values`` has one for each place of an input.
    """
    if isinstance(relation, Identity):
        return np.append(values, np.uint64(0))[relation.inputs]
    if isinstance(relation, Groups):
        folded = np.zeros(relation.size + 1, np.uint64)  # the last place is that of the label -1
        is_read = relation.inputs >= 0
        np.bitwise_xor.at(folded, relation.inputs[is_read], values[is_read])
        return folded[relation.readers]
    ordered = values[relation.order if isinstance(relation, Ranges) else relation.inputs]
    before = np.concatenate((np.zeros(1, np.uint64), np.bitwise_xor.accumulate(ordered)))
    first, last = _ends(relation)
    mixed: NDArray[np.uint64] = before[last] ^ before[first]
    return mixed


def count_inputs(relation: Relation, counts: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many of what each reader reads count; ``counts`` has a truth value for each place of an input."""
    if isinstance(relation, Identity):
        return np.append(counts, False)[relation.inputs].astype(np.int64)
    if isinstance(relation, Groups):
        labels = relation.inputs[(relation.inputs >= 0) & counts]
        return np.bincount(labels, minlength=relation.size + 1)[relation.readers]
    ordered = counts[relation.order if isinstance(relation, Ranges) else relation.inputs]
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(ordered, dtype=np.int64)))
    first, last = _ends(relation)
    number: NDArray[np.int64] = before[last] - before[first]
    return number


def _ends(relation: Ranges | Pairs) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    if isinstance(relation, Ranges):
        return relation.first, np.maximum(relation.first, relation.last)
    return relation.offsets[:-1], relation.offsets[1:]
