"""Which partitions the demands of a trigger come to, once its keys are recorded: the ids of keys, by asset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nbpart.assets.selection import Selection
from nbpart.automation.demand import ReadersDemand, RunDemand, StepsDemand
from nbpart.backfill.reached_keys import reach_inputs, reach_readers
from nbpart.backfill.registry import Registry
from nbpart.catalog import Batch, queries
from nbpart.errors import UnknownNameError
from nbpart.partitions.relation import distinct
from nbpart.states import OUTDATED, STATUS_CODES, PartitionStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]


@dataclass
class RequestedSteps:
    """What is to run: the key ids by asset (None for all keys), and the selection terms that say the same."""

    wanted: dict[str, Ids | None] = field(default_factory=dict)
    terms: list[str] = field(default_factory=list)

    def add(self, asset: str, key_ids: Ids | None) -> None:
        known = self.wanted.get(asset, np.empty(0, np.int64))
        self.wanted[asset] = None if known is None or key_ids is None else distinct(np.concatenate([known, key_ids]))

    def names(self, registry: Registry) -> list[str]:
        return [name for name in registry.graph.computed if name in self.wanted]

    def by_id(self, registry: Registry) -> dict[int, Ids | None]:
        return {registry[name].asset_id: ids for name, ids in self.wanted.items()}

    @property
    def selection(self) -> str:
        """What was asked for, as a text."""
        return ", ".join(dict.fromkeys(self.terms))


@dataclass(frozen=True)
class KnownKeys:
    """The keys of one demand: ``new`` ones by set id, and those that it asked to add although they were there (``old``,
    as set id and key), which ask for no run."""

    new: Mapping[int, set[str]]
    old: frozenset[tuple[int, str]]


def choose_runs(
    batch: Batch, registry: Registry, runs: Sequence[RunDemand], known: KnownKeys, chosen: RequestedSteps
) -> None:
    """Add the partitions that ``runs`` ask for: a key means the sets that just got it, else all that have it.

    Raises `UnknownNameError` for a key that no set has.
    """
    ids = _find_ids(batch, runs)
    by_set = defaultdict[int, list[int]](list)
    selected: dict[str, tuple[Selection, defaultdict[int, list[int]]]] = {}
    for run in runs:
        if run.selection is not None and run.key is None:
            for name in run.selection.names:
                chosen.add(name, None)
            chosen.terms.append(run.terms)
            continue
        having = _find_having(registry, run, ids)
        found = by_set
        if run.selection is None:
            having = [(set_id, text) for set_id, text in having if text in known.new.get(set_id, ())] or having
        else:
            found = selected.setdefault(run.terms, (run.selection, defaultdict(list)))[1]
        for set_id, text in having:
            if (set_id, text) not in known.old:
                found[set_id].append(ids[set_id, text])
    for terms, (selection, some) in selected.items():
        _add_selected(batch, registry, selection, some, chosen)
        chosen.terms.append(terms)
    for set_id, key_ids in by_set.items():
        _add_with_all_below(batch, registry, set_id, key_ids, chosen)


def choose_readers(batch: Batch, registry: Registry, demand: ReadersDemand, chosen: RequestedSteps) -> None:
    """Add the partitions that read keys of a source, and what is missing above them.

    What runs now is among them where it began before the files were seen that are there now.
    """
    node = registry[demand.source]
    ids = queries.key_ids(batch, node.set_id, list(demand.keys)) if node.set_id else np.zeros(1, np.int64)
    below = reach_readers(batch, registry, {demand.source: distinct(ids[ids >= 0])})
    graph = registry.graph
    allowed = set(graph.computed if demand.selection is None else demand.selection.names)
    outdated = OUTDATED if demand.with_failed else OUTDATED - {PartitionStatus.FAILED}
    seen = queries.last_observed(batch, node.asset_id, ids[ids >= 0])
    reading = {}
    for name, found in below.items():
        asset_id = registry[name].asset_id
        kept = np.union1d(
            _keep(batch, asset_id, found, outdated), queries.find_active_before(batch, asset_id, found, seen)
        )
        if name in allowed and len(kept):
            reading[name] = kept
    for name, found in reach_readers(batch, registry, reading).items():
        if name in reading:
            chosen.add(name, reading[name])
        # what is up to date and goes on without an input becomes outdated when that is made: the plan decides
        if name in allowed:
            chosen.add(
                name, _keep(batch, registry[name].asset_id, found, set(PartitionStatus) - {PartitionStatus.FAILED})
            )
    for name, found in reach_inputs(batch, registry, reading).items():
        if name in allowed and not registry[name].definition.is_source:
            chosen.add(name, _keep(batch, registry[name].asset_id, found, {PartitionStatus.MISSING}))
    chosen.wanted = {name: found for name, found in chosen.wanted.items() if found is None or len(found)}
    chosen.terms.append(demand.terms)


def choose_steps(demand: StepsDemand, chosen: RequestedSteps) -> None:
    """Add partitions that are asked for by the ids of their keys."""
    for name, ids in demand.key_ids.items():
        chosen.add(name, ids)
    chosen.terms.append(demand.terms)


def _keep(batch: Batch, asset_id: int, key_ids: Ids, statuses: Collection[PartitionStatus]) -> Ids:
    """Those of some partitions of an asset that have one of these statuses by what is recorded of them."""
    facts = queries.plan_facts_of(batch, asset_id, key_ids)
    kept: Ids = facts.key_ids[np.isin(facts.status, [STATUS_CODES[status] for status in statuses])]
    return kept


def _find_having(registry: Registry, run: RunDemand, ids: Mapping[tuple[int, str], int]) -> list[tuple[int, str]]:
    """The sets that have the key of a run, with its text there. Raises where none has, or a named asset has not."""
    having = [(set_id, text) for set_id, text in run.texts.items() if ids[set_id, text] >= 0]
    lacking = run.texts.keys() - {set_id for set_id, _ in having}
    named = () if run.selection is None else run.selection.named
    if not having or any(registry[name].set_id in lacking for name in named):
        raise UnknownNameError(f"a run of {run.key!r} was asked for, but no partitions have that key; add it too.")
    return having


def _add_selected(
    batch: Batch,
    registry: Registry,
    selection: Selection,
    key_ids: Mapping[int, Sequence[int]],
    chosen: RequestedSteps,
) -> None:
    """Add the keys, by set id, of the assets that a selection names or matches, and what is above and below them."""
    start = {
        name: distinct(np.array(key_ids.get(registry[name].set_id, ()), dtype=np.int64))
        for name in selection.named | selection.matched
    }
    above = reach_inputs(batch, registry, {n: start[n] for n in selection.with_inputs}, selection.with_inputs)
    below = reach_readers(batch, registry, {n: start[n] for n in selection.with_readers}, selection.with_readers)
    for found in (start, above, below):
        for name, ids in found.items():
            if len(ids) and not registry[name].definition.is_source:
                chosen.add(name, ids)


def _find_ids(batch: Batch, runs: Sequence[RunDemand]) -> dict[tuple[int, str], int]:
    """The id of every key in every set that may have it; -1 where the set does not."""
    texts = defaultdict[int, dict[str, None]](dict)
    for run in runs:
        for set_id, text in run.texts.items():
            texts[set_id][text] = None
    return {
        (set_id, text): key_id
        for set_id, some in texts.items()
        for text, key_id in zip(some, queries.key_ids(batch, set_id, list(some)).tolist(), strict=True)
    }


def _add_with_all_below(
    batch: Batch, registry: Registry, set_id: int, key_ids: Sequence[int], chosen: RequestedSteps
) -> None:
    """Add the keys of all assets that the set partitions, and of what is below these the keys that read them."""
    own = [name for name in registry.graph.computed if registry[name].set_id == set_id]
    start = distinct(np.array(key_ids, dtype=np.int64))
    for name, ids in reach_readers(batch, registry, dict.fromkeys(own, start)).items():
        if len(ids):
            chosen.add(name, ids)
    chosen.terms += [f"{name}+" for name in own]
