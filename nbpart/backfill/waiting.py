"""Which partitions cannot be made yet: what they require does not exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nbpart.backfill.input_relations import InputRelations
from nbpart.backfill.registry import Registry
from nbpart.catalog import Batch, queries
from nbpart.catalog.records import PlanFacts
from nbpart.catalog.related_keys import load_inputs
from nbpart.partitions.relation import leave_out, spread_readers
from nbpart.states import STATUS_CODES, PartitionStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_MISSING = STATUS_CODES[PartitionStatus.MISSING]
#: So many keys of an asset are looked at one by one; of more, all are.
_FEW = 1_000


@dataclass
class WaitingFinder:
    """Finds the partitions that wait, asset by asset; ``facts`` has those of all assets and sources by name.

    A partition waits if a window that it requires is no partition yet, or, where its asset blocks on missing inputs, if
    a source has no file for it, or what it reads has no data and waits itself. Of a partition of a source that could
    not be looked at nobody knows: what reads it does not wait, but is blocked when it is claimed.
    """

    relations: InputRelations
    facts: Mapping[str, PlanFacts]
    _found: dict[str, Mask] = field(default_factory=dict)

    def find(self, name: str) -> Mask:
        """Which keys of an asset wait, in the order of its facts."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Mask:
        definition, facts = self.relations.registry[name].definition, self.facts[name]
        waits: Mask = np.zeros(len(facts.key_ids), bool)
        for read in definition.inputs:
            waits |= self.relations.lacks_required(name, read, facts.key_ids)
        if definition.on_missing_input == "skip":
            return waits
        for read in definition.inputs:
            if read.name != name and (absent := self.find_absent(read.name)).any():
                above = self.facts[read.name].key_ids[absent]
                waits |= self.relations.relate(name, read, facts.key_ids, above).mark_readers(np.ones(len(above), bool))
        for read in definition.inputs:
            if read.name == name and (lacking := waits & (facts.status == _MISSING)).any():
                relation = self.relations.relate(name, read, facts.key_ids, facts.key_ids)
                waits |= spread_readers(relation, lacking, facts.status == _MISSING)
        return waits

    def find_absent(self, name: str) -> Mask:
        """Which keys of an input can have no data before something else exists."""
        node, facts = self.relations.registry[name], self.facts[name]
        if not node.definition.is_source:
            waits: Mask = self.find(name) & (facts.status == _MISSING)
            return waits
        absent: Mask = facts.status == _MISSING
        unreadable = [ref.key for ref in self.relations.registry.unreadable if ref.asset == name]
        if unreadable:
            absent &= ~np.isin(facts.key_ids, queries.key_ids(self.relations.batch, node.set_id, unreadable))
        return absent


class FactsByName(Mapping[str, PlanFacts]):
    """The partitions of every asset and source of a registry by name, each loaded when it is asked for.

    With ``among``, key ids by name, only these.
    """

    def __init__(self, batch: Batch, registry: Registry, among: Mapping[str, Ids] | None = None) -> None:
        self._batch, self._registry, self._among = batch, registry, among
        self._loaded: dict[str, PlanFacts] = {}

    def __getitem__(self, name: str) -> PlanFacts:
        if name not in self._loaded:
            asset_id = self._registry[name].asset_id
            self._loaded[name] = (
                queries.plan_facts(self._batch, [asset_id])[asset_id]
                if self._among is None
                else queries.plan_facts_of(self._batch, asset_id, self._among[name])
            )
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._registry.nodes)

    def __len__(self) -> int:
        return len(self._registry.nodes)


def make_finder(batch: Batch, registry: Registry) -> WaitingFinder:
    """A finder for all that is registered."""
    return WaitingFinder(InputRelations(batch, registry), FactsByName(batch, registry))


def make_finder_above(batch: Batch, registry: Registry, name: str, key_ids: Ids) -> WaitingFinder:
    """A finder that knows some partitions of an asset and all that they read in turn, where these are few, else all."""
    relations = InputRelations(batch, registry)
    among, above = {name: key_ids}, {name, *registry.graph.ancestors(name)}
    for reader in [one for one in reversed(list(registry.graph)) if one in above]:
        inputs, fresh = registry[reader].definition.inputs, among[reader]
        while len(fresh):
            own = [load_inputs(batch, relations.join(reader, read), fresh) for read in inputs if read.name == reader]
            fresh = leave_out(np.concatenate([fresh[:0], *own]), among[reader])
            among[reader] = np.union1d(among[reader], fresh)
            if len(among[reader]) > _FEW:
                return make_finder(batch, registry)
        for read in inputs:
            if read.name != reader:
                found = load_inputs(batch, relations.join(reader, read), among[reader])
                among[read.name] = np.union1d(among.get(read.name, found[:0]), found)
    return WaitingFinder(relations, FactsByName(batch, registry, among))
