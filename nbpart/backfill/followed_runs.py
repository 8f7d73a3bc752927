"""Runs of other backfills that steps of one wait for: whether what they came to counts for these steps too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nbpart.backfill.input_relations import InputRelations
from nbpart.backfill.registry import Registry
from nbpart.backfill.unchanged_failures import find_unchanged
from nbpart.catalog import Batch, queries
from nbpart.catalog.queries import touched
from nbpart.states import RunStatus


@dataclass(frozen=True)
class EndedRun:
    """How a run ended. ``is_of_now``: with the code and the inputs that are there now; what it read may have changed
    while it ran, and then it has to be made once more."""

    status: RunStatus
    is_of_now: bool = True


def find_ended(batch: Batch, registry: Registry, run_nos: Sequence[int]) -> dict[int, EndedRun]:
    """Those of some runs that have ended, by number."""
    statuses = queries.final_statuses(batch, run_nos)
    outdated = queries.find_outdated_runs(batch, [n for n, status in statuses.items() if status is RunStatus.SUCCEEDED])
    failed = [number for number, status in statuses.items() if status is RunStatus.FAILED]
    outdated |= _find_moved(batch, registry, failed) if failed else set()
    return {number: EndedRun(status, number not in outdated) for number, status in statuses.items()}


def _find_moved(batch: Batch, registry: Registry, run_nos: Sequence[int]) -> set[int]:
    """The runs that would read other data, or by other code, than they did."""
    names = {node.asset_id: name for name, node in registry.nodes.items()}
    groups: dict[int, dict[int, int]] = defaultdict(dict)
    for number, (asset_id, key_id) in queries.load_run_places(batch, run_nos).items():
        groups[asset_id][key_id] = number
    relations, moved = InputRelations(batch, registry), set[int]()
    for asset_id, numbers in groups.items():
        key_ids = np.array(sorted(numbers), np.int64)
        runs = touched.load_last_runs(batch, asset_id, key_ids)
        unchanged = find_unchanged(relations, names[asset_id], key_ids, runs)
        moved |= {numbers[key_id] for key_id in key_ids[~unchanged].tolist()}
    return moved
