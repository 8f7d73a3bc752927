"""What a sensor's answer asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbpart.assets.selection import Selection, describe, read_selection
from nbpart.automation.demand import Demand, KeyChange, RunDemand
from nbpart.automation.sensor import RunRequest, SensorResult
from nbpart.backfill.registry import Registry, spell_key
from nbpart.errors import DeclarationError, NbpartError
from nbpart.partitions import AddKeysRequest
from nbpart.partitions.choice import read_one_key
from nbpart.project.partition_set import PartitionSet


def read_demand(
    registry: Registry, sets: Mapping[str, PartitionSet], result: SensorResult, set_name: str | None
) -> Demand:
    """The demand in a sensor's answer; ``set_name`` is the set that its keys belong to, if the sensor declares one.

    Raises `DeclarationError`, `UnknownNameError`, `PartitionKeyError` or `ParameterError`.
    """
    changes = []
    for request in result.dynamic_partitions_requests:
        one = sets[request.set_name]
        keys, is_added = one.spell(*request.keys), isinstance(request, AddKeysRequest)
        changes.append(KeyChange(one.set_id, one.name, keys, one.build_columns(keys) if is_added else None, is_added))
    runs = [_read_run(registry, sets, request, set_name) for request in result.run_requests]
    reason = str(result.skip_reason or "")
    return Demand(changes, runs, cursor=result.cursor, skip_reason=reason)


def _read_run(
    registry: Registry, sets: Mapping[str, PartitionSet], request: RunRequest, set_name: str | None
) -> RunDemand:
    selection, terms, texts = _read_target(registry, sets, request, set_name)
    tags = {str(name): str(value) for name, value in request.tags.items()}
    return RunDemand(selection, terms, request.partition_key, texts, request.run_key, dict(request.settings), tags)


def _read_target(
    registry: Registry, sets: Mapping[str, PartitionSet], request: RunRequest, set_name: str | None
) -> tuple[Selection | None, str, dict[int, str]]:
    """The assets that a request means, as a selection and as a text, and the text of its key in each set."""
    key = request.partition_key
    if request.asset is not None:
        selection = read_selection(registry.graph, request.asset)
        texts = {} if key is None else _spell_in_sets(registry, selection, key)
        return selection, describe(request.asset), texts
    if key is None:
        raise DeclarationError("a RunRequest names a partition_key, an asset, or both; this one names neither.")
    if set_name is not None:
        return None, "", {sets[set_name].set_id: read_one_key(sets[set_name].definition, key)}
    texts = {}
    for one in sets.values():
        try:
            texts[one.set_id] = read_one_key(one.definition, key)
        except NbpartError:  # not a valid key of that set
            continue
    return None, "", texts


def _spell_in_sets(registry: Registry, selection: Selection, key: Any) -> dict[int, str]:
    """The text of a key in the set of each asset that is named, and of those matched in whose set it could be."""
    texts = {}
    for node in map(registry.__getitem__, sorted(selection.named | selection.matched)):
        try:
            if (text := spell_key(node, key)) is not None:
                texts[node.set_id] = text
        except NbpartError:
            if node.name in selection.named:
                raise
    return texts
