"""The registered assets and sources: their definitions together with their numbers in the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from nbpart.assets.check_definition import CheckDefinition
from nbpart.assets.definition import AssetDefinition
from nbpart.assets.graph import AssetGraph
from nbpart.assets.kept_paths import find_path
from nbpart.catalog import Batch, Moment, queries
from nbpart.errors import DeclarationError
from nbpart.partitions import Parameters, PartitionRef, PartitionsDefinition, Value
from nbpart.partitions.choice import read_one_key
from nbpart.partitions.key_values import PARTITION_WINDOW, is_attribute, key_parameters, key_values, key_window


@dataclass(frozen=True)
class Node:
    """One registered asset or source. ``partitions`` is the definition of its set of keys, None where it has none;
    ``checks`` judge what it makes."""

    asset_id: int
    definition: AssetDefinition
    set_id: int
    partitions: PartitionsDefinition | None
    checks: tuple[CheckDefinition, ...] = ()

    @property
    def parameters(self) -> Parameters | None:
        """The parameters that make its keys."""
        return self.partitions.parameters if self.partitions else None

    @property
    def name(self) -> str:
        return self.definition.name


@dataclass(frozen=True)
class Registry:
    """All registered assets and sources by name, and the moment of the plan that is made or run with them.

    A partition that was made after ``moment`` was made after the plan. Plans and backfills keep the registry that they
    began with; a resumed backfill has the assets of now and the moment of its plan. ``unreadable`` says why partitions
    of sources could not be looked at when it was loaded.
    """

    nodes: Mapping[str, Node]
    moment: Moment
    unreadable: Mapping[PartitionRef, str] = field(default_factory=dict)

    def at(self, moment: Moment) -> Registry:
        """The same assets with another moment."""
        return replace(self, moment=moment)

    @cached_property
    def graph(self) -> AssetGraph:
        return AssetGraph(node.definition for node in self.nodes.values())

    def __getitem__(self, name: str) -> Node:
        return self.nodes[self.graph[name].name]


@dataclass(frozen=True)
class StepToClaim:
    """A step for which a run is to be claimed: its numbers in the schedule and in the catalog, and its partition.

    ``runs_fresh``: it runs also where its partition is up to date.
    """

    step: int
    step_no: int
    asset: str
    key_id: int
    runs_fresh: bool = False


@dataclass(frozen=True)
class KeyDescription:
    """What a run is told of the key of its partition; see `RunSpec`."""

    params: Mapping[str, Value]
    columns: Mapping[str, Value]
    window: tuple[datetime, datetime] | None


def describe_key(node: Node, key: str | None, attributes: Mapping[str, Any]) -> KeyDescription:
    """The parameters, columns and window of a partition; ``attributes`` are the columns that its key does not spell."""
    partitions = node.partitions
    if partitions is None or key is None:
        return KeyDescription({}, {}, None)
    spelled = key_values(partitions, key)
    columns = {c.name: attributes.get(c.name) if is_attribute(c) else spelled[c.name] for c in partitions.columns}
    return KeyDescription(key_parameters(partitions, key), columns, key_window(partitions, key))


def list_injected(node: Node, key: str | None, about: KeyDescription) -> dict[str, Any]:
    """What becomes a variable of a notebook beside its settings: key, parameters, and the columns that it names."""
    named: dict[str, Any] = {**about.columns, PARTITION_WINDOW: about.window}
    columns = {name: named[name] for name in node.definition.columns if name in named}
    return {**({"partition_key": key} if key is not None else {}), **about.params, **columns}


def group_by_asset(steps: Sequence[StepToClaim]) -> dict[str, list[StepToClaim]]:
    groups: dict[str, list[StepToClaim]] = {}
    for step in steps:
        groups.setdefault(step.asset, []).append(step)
    return groups


def load_registry(batch: Batch, root: Path) -> Registry:
    """The assets and sources that are registered now; paths of their code are below the workspace ``root``."""
    partitions = {s.set_id: s.definition for s in queries.load_sets(batch)}
    checks = queries.load_checks(batch)
    nodes = {
        a.name: Node(
            a.asset_id,
            AssetDefinition.from_json(a.definition, root),
            a.set_id,
            partitions[a.set_id],
            tuple(one.with_paths(lambda path: find_path(path, root)) for one in checks.get(a.asset_id, ())),
        )
        for a in queries.load_assets(batch)
    }
    return Registry(nodes, Moment(batch.sequence, batch.now))


def spell_key(node: Node, key: Any) -> str | None:
    """The text of a partition's key, in any form that `read_one_key` takes; None for an asset without partitions.

    Raises `PartitionKeyError`, `ParameterError` or `UnknownNameError` for what cannot be its key or chooses several,
    `DeclarationError` for a key where the asset has no partitions and for no key where it has.
    """
    if not node.definition.is_partitioned:
        if key is not None:
            raise DeclarationError(f"{node.name!r} has no partitions, so it has no key {key!r}.")
        return None
    if key is None:
        raise DeclarationError(f"{node.name!r} is partitioned by {node.definition.set_name!r}: give a partition_key.")
    assert node.partitions is not None, "what is partitioned has a definition"
    return read_one_key(node.partitions, key)
