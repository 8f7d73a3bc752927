"""Planning a backfill: which steps (asset, key) would run, in which order, and why. Pure.

Everything that can hold a million steps is an array; texts of steps are made only where they are shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from nbpart.assets.graph import AssetGraph
from nbpart.catalog.records import PlanFacts
from nbpart.partitions import MappingKind as KeyMapping
from nbpart.partitions.relation import Groups, Identity, Relation
from nbpart.states import ACTIVE, OUTDATED, STATUS_CODES, PartitionStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class AssetSteps:
    """The planned steps of one asset: the id of each key, and why it is planned, as its place in ``causes``."""

    asset: str
    key_ids: NDArray[np.int64]
    cause: NDArray[np.int16]
    causes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.key_ids)


@dataclass(frozen=True)
class StepTable:
    """All steps of a plan, asset by asset; a step's number is its place among all of them, from 0.

    An asset may have several parts. ``offsets`` has the number of each part's first step, and then that of all steps.
    """

    assets: tuple[AssetSteps, ...] = ()
    offsets: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        sizes = np.cumsum([0, *(len(a) for a in self.assets)])
        object.__setattr__(self, "offsets", tuple(int(s) for s in sizes))

    def __len__(self) -> int:
        return self.offsets[-1]

    def ranges(self) -> Iterator[tuple[AssetSteps, int, int]]:
        """For each part (its steps, the number of its first step, the number after that of its last)."""
        yield from zip(self.assets, self.offsets[:-1], self.offsets[1:], strict=True)


@dataclass(frozen=True)
class StepRelation:
    """Which planned steps of an input the planned steps of an asset read, each by its place among those of its asset.

    ``is_tolerant``: the reader goes on without an input that failed.
    """

    reader: str
    input: str
    relation: Relation
    is_tolerant: bool = False


def plan_steps(
    graph: AssetGraph,
    selected: Sequence[str],
    facts: Mapping[str, PlanFacts],
    *,
    keys: Mapping[str, NDArray[np.int64]] | None = None,
    statuses: Collection[PartitionStatus] = OUTDATED,
) -> StepTable:
    """The steps that bring the selected partitions up to date.

    ``selected`` are names of assets, in the order of the graph, and ``facts`` has each of them; ``keys`` restricts
    assets, by name, to some key ids; ``statuses`` chooses partitions. With the default statuses a plan also has steps
    for partitions that are queued or running in another backfill, since their readers wait for them, and for partitions
    that read one which this plan makes.
    """
    outdated = frozenset(statuses) == OUTDATED
    wanted = frozenset(statuses) | ACTIVE if outdated else frozenset(statuses)
    is_wanted = np.array([status in wanted for status in STATUS_CODES])
    planned: dict[str, AssetSteps] = {}
    for name in selected:
        allowed = _allowed(facts[name], None if keys is None else keys.get(name))
        causes = [str(status) for status in STATUS_CODES]
        cause: NDArray[np.int16] = np.full(len(allowed), -1, dtype=np.int16)
        if outdated:
            _mark_readers(graph, name, facts[name].key_ids, planned, cause, causes)
        own = is_wanted[facts[name].status]
        cause[own] = facts[name].status[own]
        chosen = (cause >= 0) & allowed
        if chosen.any():
            planned[name] = AssetSteps(name, facts[name].key_ids[chosen], cause[chosen], tuple(causes))
    return StepTable(tuple(planned.values()))


def reverse_steps(steps: StepTable) -> tuple[StepTable, NDArray[np.int64]]:
    """The steps of each part the other way round, and the number in ``steps`` of each."""
    parts = tuple(replace(part, key_ids=part.key_ids[::-1], cause=part.cause[::-1]) for part in steps.assets)
    numbers = [np.arange(last - 1, first - 1, -1, dtype=np.int64) for _, first, last in steps.ranges()]
    return StepTable(parts), np.concatenate(numbers) if numbers else np.array([], dtype=np.int64)


def relate_steps(graph: AssetGraph, steps: StepTable) -> list[StepRelation]:
    """Which steps of a plan read which, by the mappings of the assets."""
    key_ids: dict[str, list[NDArray[np.int64]]] = {}
    for part in steps.assets:
        key_ids.setdefault(part.asset, []).append(part.key_ids)
    keys = {asset: np.concatenate(parts) for asset, parts in key_ids.items()}
    return [
        StepRelation(asset, read.name, _relate(read.mapping, own, above), graph[asset].on_missing_input == "skip")
        for asset, own in keys.items()
        for read in graph[asset].inputs
        if (above := keys.get(read.name)) is not None
    ]


def _relate(mapping: KeyMapping, readers: NDArray[np.int64], inputs: NDArray[np.int64]) -> Relation:
    """The relation of readers and inputs with these key ids."""
    if mapping is not KeyMapping.SAME:
        label = np.zeros(1, dtype=np.int32)
        return Groups(np.broadcast_to(label, len(readers)), np.broadcast_to(label, len(inputs)), 1)
    if not len(inputs):
        return Identity(np.full(len(readers), -1, dtype=np.int32))
    order = np.argsort(inputs, kind="stable").astype(np.int32)
    found = order[np.minimum(np.searchsorted(inputs, readers, sorter=order), len(inputs) - 1)]
    return Identity(np.where(inputs[found] == readers, found, -1))


def _allowed(facts: PlanFacts, keys: NDArray[np.int64] | None) -> NDArray[np.bool_]:
    if keys is None:
        return np.ones(len(facts.key_ids), dtype=bool)
    return np.isin(facts.key_ids, keys)


def _mark_readers(
    graph: AssetGraph,
    name: str,
    key_ids: NDArray[np.int64],
    planned: Mapping[str, AssetSteps],
    cause: NDArray[np.int16],
    causes: list[str],
) -> None:
    """Set ``cause`` of the partitions of an asset that read one which this plan makes; the first such input counts.

    ``cause`` (int16, aligned with ``key_ids``) and ``causes`` are changed in place.
    """
    for read in graph[name].inputs:
        above = planned.get(read.name)
        if above is None:
            continue
        touched = cause < 0
        if read.mapping is KeyMapping.SAME:
            touched &= np.isin(key_ids, above.key_ids)
        cause[touched] = len(causes)
        causes.append(f"reads {read.name}, which this plan makes")
