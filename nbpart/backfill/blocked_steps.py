"""Steps of a plan that checks will hold back: what they read fails a blocking one, and is not made again first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbpart.backfill.input_relations import InputRelations
from nbpart.backfill.inputs import explain_failed_check
from nbpart.backfill.plan import StepTable
from nbpart.backfill.registry import Registry
from nbpart.catalog import Batch, queries
from nbpart.partitions import PartitionRef
from nbpart.partitions.relation import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]


def describe_blocked(batch: Batch, registry: Registry, steps: StepTable) -> str:
    """A sentence that counts the steps which checks hold back, with the first one and why; "" where there is none."""
    relations = InputRelations(batch, registry)
    made: dict[str, Ids] = {}
    for part in steps.assets:
        made[part.asset] = np.concatenate([made.get(part.asset, part.key_ids[:0]), part.key_ids])
    failing: dict[str, Ids] = {}
    blocked: dict[str, Ids] = {}
    first = ""
    for name, ids in made.items():
        is_blocked = np.zeros(len(ids), bool)
        for read in registry[name].definition.inputs:
            if read.name not in failing:
                found, _ = queries.load_blocking(batch, registry[read.name].asset_id)
                failing[read.name] = found[~np.isin(found, made.get(read.name, found[:0]))]
            bad = distinct(np.concatenate([failing[read.name], blocked.get(read.name, ids[:0])]))
            if not len(bad):
                continue
            relation = relations.relate(name, read, ids, bad)
            marked = relation.mark_readers(np.ones(len(bad), bool))
            if marked.any() and not first:
                place = int(np.argmax(marked))
                first = _explain(
                    batch, registry, name, int(ids[place]), read.name, int(bad[relation.inputs_of(place)[0]])
                )
            is_blocked |= marked
        blocked[name] = ids[is_blocked]
    n = sum(len(ids) for ids in blocked.values())
    return (
        ""
        if not n
        else f"{n:,} {'step is' if n == 1 else 'steps are'} blocked by checks: {first}{', ...' if n > 1 else ''}"
    )


def _explain(batch: Batch, registry: Registry, name: str, key_id: int, read: str, bad_id: int) -> str:
    key, bad = queries.key_texts(batch, np.array([key_id, bad_id], np.int64))
    ids, names = queries.load_blocking(batch, registry[read].asset_id)
    check = names[int(np.flatnonzero(ids == bad_id)[0])]
    return f"{PartitionRef(name, key).label} {explain_failed_check(read, bad, check)}"
