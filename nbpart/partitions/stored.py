"""Partitions definitions as the catalog stores them, and rebuilt of that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nbpart.partitions import values as v
from nbpart.partitions.definition import PartitionsDefinition
from nbpart.partitions.dynamic import DynamicPartitions
from nbpart.partitions.parameters import Parameters
from nbpart.partitions.product import MultiPartitions
from nbpart.partitions.static import StaticPartitions
from nbpart.partitions.values import Kind
from nbpart.partitions.windows import TimeWindowPartitions


def definition_to_json(definition: PartitionsDefinition) -> dict[str, Any]:
    """The definition as JSON, whole; dimensions and parents by the names of their sets."""
    stored: dict[str, Any] = {"kind": definition.kind, "name": definition.name}
    if isinstance(definition, TimeWindowPartitions):
        return stored | definition.to_json()
    if isinstance(definition, StaticPartitions):
        if definition.column is None:
            return stored | {"keys": list(definition.keys)}
        values = [v.to_json(value) for value in definition.values]
        return stored | {"keys": values, "column": definition.column, "value_kind": definition.value_kind.value}
    parts = {name: part.set_name for name, part in definition.parts}
    if isinstance(definition, MultiPartitions):
        return stored | {"dimensions": parts}
    if isinstance(definition, DynamicPartitions):
        declared = {"params": definition.parameters, "columns": definition.attributes}
        stored |= {name: json.loads(some.to_json()) for name, some in declared.items() if some is not None}
        return stored | ({"under": parts} if parts else {})
    raise TypeError(f"{type(definition).__name__} is no definition that is stored")


def part_sets(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the sets that a stored definition is made of: of its dimensions, or of its parent."""
    return tuple(dict.fromkeys((data.get("dimensions") or data.get("under") or {}).values()))


def definition_from_json(data: Mapping[str, Any], parts: Mapping[str, PartitionsDefinition]) -> PartitionsDefinition:
    """The definition that was stored; ``parts`` holds the definitions of the sets that `part_sets` names, by name."""
    kind, name = data["kind"], data["name"]
    if kind == TimeWindowPartitions.kind:
        return TimeWindowPartitions.from_json({field: value for field, value in data.items() if field != "kind"})
    if kind == StaticPartitions.kind:
        if "column" not in data:
            return StaticPartitions(data["keys"], name)
        value_kind = Kind(data["value_kind"])
        return StaticPartitions([v.from_json(value_kind, key) for key in data["keys"]], name, data["column"])
    if kind == MultiPartitions.kind:
        return MultiPartitions({one: parts[set_name] for one, set_name in data["dimensions"].items()}, name)
    if kind == DynamicPartitions.kind:
        params, columns = (_read_parameters(data.get(field)) for field in ("params", "columns"))
        under = {one: parts[set_name] for one, set_name in data.get("under", {}).items()}
        return DynamicPartitions(name, params, columns, under or None)
    raise ValueError(f"there are no stored partitions of the kind {kind!r}")


def _read_parameters(stored: Any) -> Parameters | None:
    return None if stored is None else Parameters.from_json(json.dumps(stored))
