"""The registered assets as planning and running see them: definitions with the catalog's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nbpart.assets.definition import AssetDefinition
from nbpart.assets.graph import AssetGraph
from nbpart.catalog import Batch, Moment, queries
from nbpart.errors import DeclarationError, ParameterError
from nbpart.partitions import DynamicPartitions, Parameters, check_key, spell_keys


@dataclass(frozen=True)
class Node:
    """One asset or source: its definition, its id, and the set of its keys."""

    asset_id: int
    definition: AssetDefinition
    set_id: int
    parameters: Parameters | None

    @property
    def name(self) -> str:
        return self.definition.name


@dataclass(frozen=True)
class Registry:
    """All that is registered, and the moment of the plan that is made or run with it.

    What was made after that moment was made since the plan. Plans and backfills keep the registry that they began with;
    one that is resumed has the assets of now and the moment of its plan.
    """

    nodes: Mapping[str, Node]
    moment: Moment

    def at(self, moment: Moment) -> Registry:
        """The same assets for a plan of that moment."""
        return replace(self, moment=moment)

    @cached_property
    def graph(self) -> AssetGraph:
        return AssetGraph(node.definition for node in self.nodes.values())

    def __getitem__(self, name: str) -> Node:
        return self.nodes[self.graph[name].name]


@dataclass(frozen=True)
class Wanted:
    """A step to claim: its number in the schedule and in the catalog, and its partition."""

    step: int
    step_no: int
    asset: str
    key_id: int


def by_asset(wanted: Sequence[Wanted]) -> dict[str, list[Wanted]]:
    groups: dict[str, list[Wanted]] = {}
    for one in wanted:
        groups.setdefault(one.asset, []).append(one)
    return groups


def load_registry(batch: Batch, root: Path) -> Registry:
    """What is registered now in the workspace ``root``, with the paths of its code as they are now."""
    parameters = {s.set_id: Parameters.from_json(s.params) if s.params else None for s in queries.load_sets(batch)}
    nodes = {
        a.name: Node(a.asset_id, AssetDefinition.from_json(a.definition, root), a.set_id, parameters[a.set_id])
        for a in queries.load_assets(batch)
    }
    return Registry(nodes, Moment(batch.sequence, batch.now))


def spell_key(node: Node, key: Any) -> str | None:
    """The text of a partition's key, given as text or as parameters; None for an asset without partitions.

    Raises `PartitionKeyError` or `ParameterError` for what cannot be its key, `DeclarationError` for one too many or
    one too few.
    """
    if not node.definition.is_partitioned:
        if key is not None:
            raise DeclarationError(f"{node.name!r} has no partitions, so it has no key {key!r}.")
        return None
    if key is None:
        raise DeclarationError(f"{node.name!r} is partitioned by {node.definition.set_name!r}: give a partition_key.")
    if node.parameters is not None:
        return spell_keys(DynamicPartitions(node.definition.set_name, node.parameters), [key])[0]
    if isinstance(key, Mapping):
        raise ParameterError(
            f"{node.name!r} is partitioned by {node.definition.set_name!r}, which has no parameters: "
            f"give its key as text, not {dict(key)!r}."
        )
    return check_key(key)
