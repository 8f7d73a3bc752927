"""What a plan reads of data that were pruned: made again where the plan may make it, told where it may not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nbpart.backfill.input_relations import InputRelations
from nbpart.backfill.inputs import HOW_TO_MAKE
from nbpart.backfill.plan import StepTable
from nbpart.backfill.registry import Registry
from nbpart.catalog import Batch, queries
from nbpart.catalog.queries.prune import find_pruning_of, pruned_keys
from nbpart.catalog.related_keys import load_inputs, load_readers
from nbpart.partitions import PartitionRef
from nbpart.partitions.relation import leave_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]


def find_pruned_inputs(
    batch: Batch, registry: Registry, names: Collection[str], steps: StepTable
) -> tuple[dict[str, Ids], dict[str, Ids]]:
    """The key ids of pruned partitions that steps read, by asset: of those in ``names``, and of others.

    The first are to be made again, and so what these read of pruned data is among them too.
    """
    pruned = _load_pruned(batch, registry)
    made: dict[str, list[Ids]] = defaultdict(list)
    for part in steps.assets:
        made[part.asset].append(part.key_ids)
    again: dict[str, Ids] = {}
    lacking: dict[str, Ids] = {}
    relations = InputRelations(batch, registry)
    for name in reversed(list(registry.graph) if pruned else []):
        todo = np.concatenate([np.empty(0, np.int64), *made[name]])
        while len(todo):
            own = np.empty(0, np.int64)
            for read in registry.graph[name].inputs:
                if read.name not in pruned:
                    continue
                found = np.intersect1d(load_inputs(batch, relations.join(name, read), todo), pruned[read.name])
                found = leave_out(found, np.concatenate([found[:0], *made[read.name]]))
                chosen = again if read.name in names else lacking
                chosen[read.name] = np.union1d(chosen.get(read.name, found[:0]), found)
                if chosen is again:
                    made[read.name].append(found)
                    own = found if read.name == name else own
            todo = own  # what an asset reads of itself is read in turn
    return _drop_empty(again), _drop_empty(lacking)


def find_staying(
    batch: Batch, registry: Registry, followers: Collection[str], again: Mapping[str, Ids]
) -> dict[str, Ids]:
    """The key ids, by asset, of what does not follow pruned data that are made ``again``.

    It was pruned itself, or reads pruned data that are not made again: if it followed, one partition that is needed
    would bring back all that was pruned beside and below it.
    """
    pruned = _load_pruned(batch, registry)
    relations = InputRelations(batch, registry)
    stay: dict[str, Ids] = {}
    for name in followers:
        own = pruned.get(name, np.empty(0, np.int64))
        for read in registry.graph[name].inputs:
            left = leave_out(pruned.get(read.name, own[:0]), again.get(read.name, own[:0]))
            if len(left):
                own = np.union1d(own, load_readers(batch, relations.join(name, read), left))
        stay[name] = own
    return stay


def describe_lacking(batch: Batch, registry: Registry, lacking: Mapping[str, Ids]) -> list[str]:
    """A line for each asset of which steps read pruned data that the plan does not make again."""
    lines = []
    for name, ids in lacking.items():
        [key] = queries.key_texts(batch, ids[:1])
        others = f" and {len(ids) - 1:,} more" if len(ids) > 1 else ""
        when = find_pruning_of(batch, registry[name].asset_id, int(ids[0]))
        lines.append(f"{PartitionRef(name, key).label}{others} is needed and was {when}: {HOW_TO_MAKE}")
    return lines


def _drop_empty(ids: Mapping[str, Ids]) -> dict[str, Ids]:
    return {name: some for name, some in ids.items() if len(some)}


def _load_pruned(batch: Batch, registry: Registry) -> dict[str, Ids]:
    found = pruned_keys(batch)
    return {node.name: found[node.asset_id] for node in registry.nodes.values() if node.asset_id in found}
