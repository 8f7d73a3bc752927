"""Declaring, updating and finding the sets of partitions of a workspace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nbpart.backfill.registry import Node
from nbpart.catalog import Batch, Catalog, events, queries
from nbpart.errors import DeclarationError, ParameterError, UnknownNameError, nearest
from nbpart.partitions import (
    DynamicPartitions,
    Parameters,
    PartitionsDefinition,
    StaticPartitions,
    name_partitions_in_errors,
)
from nbpart.project.partition_set import PartitionSet


class SetsByName(dict[str, PartitionSet]):
    """Sets of dynamic partitions by name. Looking up another name raises `UnknownNameError`, with the nearest name."""

    def __missing__(self, name: str) -> PartitionSet:
        raise UnknownNameError(f"there are no dynamic partitions {name!r}; {nearest(name, self)}")


def load_sets(catalog: Catalog) -> SetsByName:
    """The sets of dynamic partitions of a catalog, by name."""
    found = SetsByName()
    for record in catalog.read(queries.load_sets):
        if record.kind == "dynamic":
            parameters = Parameters.from_json(record.params) if record.params else None
            found[record.name] = PartitionSet(catalog, record.set_id, DynamicPartitions(record.name, parameters))
    return found


def declare_set(catalog: Catalog, definition: DynamicPartitions) -> PartitionSet:
    """The set of dynamic partitions of that name, made if it is new, with its parameters updated.

    Raises `DeclarationError` for the name of a static set, `ParameterError` for parameters that do not fit its keys.
    """
    set_id, current = catalog.write(lambda batch: ensure_dynamic(batch, definition))
    return PartitionSet(catalog, set_id, current)


def add_key_if_new(catalog: Catalog, node: Node, key: str) -> None:
    """Add a key to the set of an asset if that is dynamic and does not have it yet."""
    [record] = [s for s in catalog.read(queries.load_sets) if s.set_id == node.set_id]
    if record.kind == "dynamic":
        PartitionSet(catalog, record.set_id, DynamicPartitions(record.name, node.parameters)).add(key)


def merge_sets(
    definitions: Iterable[PartitionsDefinition], known: Mapping[str, Parameters]
) -> dict[str, PartitionsDefinition]:
    """Definitions by name, with several of one name merged.

    A dynamic one without parameters gets those of another definition of its name, else those in ``known``: the
    parameters in the catalog by set. Raises `DeclarationError` for two definitions of one name that contradict.
    """
    merged: dict[str, PartitionsDefinition] = {}
    for one in definitions:
        name = one.set_name
        merged[name] = _merge(merged.get(name, one), one)
    for name, one in merged.items():
        if isinstance(one, DynamicPartitions) and one.parameters is None:
            merged[name] = DynamicPartitions(name, known.get(name))
    return merged


def _merge(one: PartitionsDefinition, other: PartitionsDefinition) -> PartitionsDefinition:
    if isinstance(one, StaticPartitions) and isinstance(other, StaticPartitions) and set(one.keys) == set(other.keys):
        return one
    if isinstance(one, DynamicPartitions) and isinstance(other, DynamicPartitions):
        if other.parameters is None or one.parameters == other.parameters:
            return one
        if one.parameters is None:
            return other
    raise DeclarationError(f"the partitions {one.set_name!r} are declared twice, differently: rename one of them.")


def ensure_partitions(batch: Batch, definition: PartitionsDefinition) -> None:
    """Make a set of partitions, or update its keys (static) or parameters (dynamic).

    Raises `DeclarationError` where a set of that name is of the other kind.
    """
    if isinstance(definition, DynamicPartitions):
        ensure_dynamic(batch, definition)
        return
    if not isinstance(definition, StaticPartitions):
        raise DeclarationError(f"{definition.set_name!r} are partitions of a kind that no workspace holds.")
    before = queries.find_set(batch, definition.set_name)
    if before is not None and before.kind != "static":
        raise DeclarationError(
            f"{definition.set_name!r} are dynamic partitions here; choose another name for the list."
        )
    set_id = events.ensure_set(batch, definition.set_name, "static", None)
    events.set_static_keys(batch, set_id, definition.keys)


def ensure_dynamic(batch: Batch, definition: DynamicPartitions) -> tuple[int, DynamicPartitions]:
    """Make a set of dynamic partitions, or update its parameters; returns its id and its definition as it is now.

    Raises `DeclarationError` for the name of a static set, `ParameterError` for parameters that do not fit its keys.
    """
    before = queries.find_set(batch, definition.set_name)
    parameters = definition.parameters
    if before is not None:
        if before.kind != "dynamic":
            raise DeclarationError(f"{definition.name!r} is a list of static partitions; choose another name.")
        known = Parameters.from_json(before.params) if before.params else None
        with name_partitions_in_errors(definition):
            parameters = _extend(known, parameters, queries.count_members(batch, before.set_id) > 0)
        if parameters == known:
            batch.unchanged = True
            return before.set_id, DynamicPartitions(definition.name, known)
    set_id = events.ensure_set(batch, definition.set_name, "dynamic", parameters.to_json() if parameters else None)
    return set_id, DynamicPartitions(definition.name, parameters)


def _extend(known: Parameters | None, declared: Parameters | None, has_keys: bool) -> Parameters | None:
    if declared is None or declared == known:
        return known
    if known is None:
        if has_keys:
            raise ParameterError("There are keys without parameters already; declare params on a new set.")
        return declared
    return known.extended_by(declared) if has_keys else declared
