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
from nbpart.partitions.relation import spread_readers
from nbpart.states import STATUS_CODES, PartitionStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

_MISSING = STATUS_CODES[PartitionStatus.MISSING]


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
    """The partitions of every asset and source of a registry by name, each loaded when it is asked for."""

    def __init__(self, batch: Batch, registry: Registry) -> None:
        self._batch, self._registry = batch, registry
        self._loaded: dict[str, PlanFacts] = {}

    def __getitem__(self, name: str) -> PlanFacts:
        if name not in self._loaded:
            asset_id = self._registry[name].asset_id
            self._loaded[name] = queries.plan_facts(self._batch, [asset_id])[asset_id]
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._registry.nodes)

    def __len__(self) -> int:
        return len(self._registry.nodes)


def make_finder(batch: Batch, registry: Registry) -> WaitingFinder:
    """A finder for all that is registered."""
    return WaitingFinder(InputRelations(batch, registry), FactsByName(batch, registry))
