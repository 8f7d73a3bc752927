"""What a trigger asks for: reading a sensor's answer, and recording its keys and its requested backfill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.selection import Selection, describe, read_selection
from nbpart.automation.sensor import RunRequest, SensorResult
from nbpart.backfill.options import BackfillOptions
from nbpart.backfill.reached_keys import reach_inputs, reach_readers
from nbpart.backfill.registry import Registry, spell_key
from nbpart.catalog import Batch, events, queries
from nbpart.errors import DeclarationError, NbpartError, UnknownNameError
from nbpart.partitions import AddKeysRequest
from nbpart.partitions.choice import read_one_key
from nbpart.partitions.relation import distinct
from nbpart.project.partition_set import PartitionSet

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True)
class KeyChange:
    """Keys to add to a set, with their parameters as the catalog takes them, or to remove from it."""

    set_id: int
    set_name: str
    keys: Sequence[str]
    columns: pa.Table | None
    is_added: bool


@dataclass(frozen=True)
class RunDemand:
    """A demand for runs of one key: of what a ``selection`` chooses, or, where that is None, of all assets that the
    key's set partitions and of what is below these the keys that read it.

    ``texts`` maps the id of each set that may have the key to its text there; it is empty where assets are asked for
    without a key. ``key`` is the key as the sensor gave it, ``terms`` the selection as a text.
    """

    selection: Selection | None
    terms: str
    key: Any
    texts: Mapping[int, str]


@dataclass(frozen=True)
class Demand:
    """What one tick of a trigger asks for, before any of it is recorded."""

    changes: Sequence[KeyChange]
    runs: Sequence[RunDemand]
    cursor: str | None


@dataclass
class RecordedDemand:
    """What was recorded of a demand: keys by set, and the requested backfill with its options, if runs are asked for.

    ``returned`` are those of the added keys that had been removed before.
    """

    added: dict[str, list[str]] = field(default_factory=dict)
    removed: dict[str, list[str]] = field(default_factory=dict)
    returned: dict[str, list[str]] = field(default_factory=dict)
    backfill_no: int | None = None
    backfill_id: str = ""
    options: BackfillOptions | None = None


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
    return Demand(changes, runs, result.cursor)


def _read_run(
    registry: Registry, sets: Mapping[str, PartitionSet], request: RunRequest, set_name: str | None
) -> RunDemand:
    key = request.partition_key
    if request.asset is not None:
        selection = read_selection(registry.graph, request.asset)
        texts = {} if key is None else _spell_in_sets(registry, selection, key)
        return RunDemand(selection, describe(request.asset), key, texts)
    if key is None:
        raise DeclarationError("a RunRequest names a partition_key, an asset, or both; this one names neither.")
    if set_name is not None:
        return RunDemand(None, "", key, {sets[set_name].set_id: read_one_key(sets[set_name].definition, key)})
    texts = {}
    for one in sets.values():
        try:
            texts[one.set_id] = read_one_key(one.definition, key)
        except NbpartError:  # not a valid key of that set
            continue
    return RunDemand(None, "", key, texts)


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


def record_demand(
    batch: Batch, registry: Registry, demand: Demand, choose_options: Callable[[Sequence[str]], BackfillOptions]
) -> RecordedDemand:
    """Add and remove keys, and record a requested backfill of the runs that are asked for.

    A key that the sensor wanted to add but that was there already asks for no run. ``choose_options`` makes the options
    of a backfill of these assets. Raises `UnknownNameError` for the run of a key that no set has.
    """
    recorded, new = RecordedDemand(), defaultdict[int, set[str]](set)
    asked_for: set[tuple[int, str]] = set()
    for change in demand.changes:
        if change.is_added:
            done = events.add_keys(batch, change.set_id, change.keys, change.columns)
            recorded.added.setdefault(change.set_name, []).extend(done.new)
            recorded.returned.setdefault(change.set_name, []).extend(done.returned)
            new[change.set_id] |= set(done.new)
            asked_for |= {(change.set_id, key) for key in change.keys}
        else:
            gone = events.remove_keys(batch, change.set_id, change.keys)
            recorded.removed.setdefault(change.set_name, []).extend(gone)
    old = {(set_id, key) for set_id, key in asked_for if key not in new[set_id]}
    chosen = _choose(batch, registry, demand.runs, new, old)
    if chosen.wanted:
        recorded.options = choose_options(chosen.names(registry))
        terms, given = ", ".join(dict.fromkeys(chosen.terms)), recorded.options.to_json()
        recorded.backfill_no, recorded.backfill_id = events.request_backfill(
            batch, terms, given, chosen.by_id(registry)
        )
    return recorded


@dataclass
class _RequestedSteps:
    """What is to run: the key ids by asset (None for all keys), and the selection terms that say the same."""

    wanted: dict[str, list[int] | None] = field(default_factory=dict)
    terms: list[str] = field(default_factory=list)

    def add(self, asset: str, key_ids: Sequence[int] | None) -> None:
        known = self.wanted.setdefault(asset, [])
        self.wanted[asset] = None if known is None or key_ids is None else [*known, *key_ids]

    def names(self, registry: Registry) -> list[str]:
        return [name for name in registry.graph.computed if name in self.wanted]

    def by_id(self, registry: Registry) -> dict[int, NDArray[np.int64] | None]:
        return {
            registry[name].asset_id: None if ids is None else distinct(np.array(ids, dtype=np.int64))
            for name, ids in self.wanted.items()
        }


def _choose(
    batch: Batch,
    registry: Registry,
    runs: Sequence[RunDemand],
    new: Mapping[int, set[str]],
    old: set[tuple[int, str]],
) -> _RequestedSteps:
    """The partitions that ``runs`` ask for: a key means the sets that just got it (``new``), else all that have it.

    Keys in ``old``, as (set id, key), are left out.
    """
    ids = _find_ids(batch, runs)
    chosen, by_set = _RequestedSteps(), defaultdict[int, list[int]](list)
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
            having = [(set_id, text) for set_id, text in having if text in new.get(set_id, ())] or having
        else:
            found = selected.setdefault(run.terms, (run.selection, defaultdict(list)))[1]
        for set_id, text in having:
            if (set_id, text) not in old:
                found[set_id].append(ids[set_id, text])
    for terms, (selection, some) in selected.items():
        _add_selected(batch, registry, selection, some, chosen)
        chosen.terms.append(terms)
    for set_id, key_ids in by_set.items():
        _add_with_all_below(batch, registry, set_id, key_ids, chosen)
    return chosen


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
    chosen: _RequestedSteps,
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
                chosen.add(name, ids.tolist())


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
    batch: Batch, registry: Registry, set_id: int, key_ids: Sequence[int], chosen: _RequestedSteps
) -> None:
    """Add the keys of all assets that the set partitions, and of what is below these the keys that read them."""
    own = [name for name in registry.graph.computed if registry[name].set_id == set_id]
    start = distinct(np.array(key_ids, dtype=np.int64))
    for name, ids in reach_readers(batch, registry, dict.fromkeys(own, start)).items():
        if len(ids):
            chosen.add(name, ids.tolist())
    chosen.terms += [f"{name}+" for name in own]
