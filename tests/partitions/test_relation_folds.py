from __future__ import annotations

import functools
import operator

import numpy as np
import pytest

from nbpart.partitions.relation import Groups, Identity, Pairs, Ranges, Relation
from nbpart.partitions.relation_folds import count_inputs, xor_inputs

VALUES = np.array([3, 5, 9, 2**63 + 1], np.uint64)


@pytest.mark.parametrize(
    "relation",
    [
        Identity(np.array([2, -1, 0])),
        Groups(np.array([1, -1, 0, 2]), np.array([0, 1, 1, -1]), 3),
        Ranges(np.array([3, 1, 0]), np.array([0, 1, 2]), np.array([2, 1, 3])),
        Pairs(np.array([0, 2, 2, 3]), np.array([0, 3, 1])),
    ],
    ids=lambda relation: type(relation).__name__,
)
def test_each_reader_folds_what_it_reads(relation: Relation) -> None:
    plain = [
        functools.reduce(operator.xor, (int(VALUES[place]) for place in relation.inputs_of(reader)), 0)
        for reader in range(relation.reader_count)
    ]
    assert xor_inputs(relation, VALUES).tolist() == plain
    is_there = np.array([True, False, True, True])
    assert count_inputs(relation, is_there).tolist() == [
        int(is_there[relation.inputs_of(reader)].sum()) for reader in range(relation.reader_count)
    ]
