"""Declaring, updating and finding the sets of partitions of a workspace."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from nbpart.backfill.registry import Node
from nbpart.catalog import Batch, Catalog, SetRecord, events, queries
from nbpart.errors import DeclarationError, ParameterError, UnknownNameError, nearest
from nbpart.partitions import (
    DynamicPartitions,
    MultiPartitions,
    Parameters,
    PartitionsDefinition,
    StaticPartitions,
    name_partitions_in_errors,
)
from nbpart.partitions.names import UNNAMED, UNNAMED_PRODUCT
from nbpart.project.partition_set import PartitionSet

log = logging.getLogger("nbpart")

#: What the partitions of a kind are called in messages.
_WORDS = {
    "static": "a list of static partitions",
    "dynamic": "dynamic partitions",
    "time_window": "windows of time",
    "product": "a product of other partitions",
}


class SetsByName(dict[str, PartitionSet]):
    """Sets of partitions by name. Looking up another name raises `UnknownNameError`, with the nearest name."""

    def __missing__(self, name: str) -> PartitionSet:
        raise UnknownNameError(f"there are no partitions {name!r}; {nearest(name, self)}")


def load_sets(catalog: Catalog) -> SetsByName:
    """The sets of a catalog that have a name."""
    found = SetsByName()
    for record in catalog.read(queries.load_sets):
        if record.definition is not None and not record.name.startswith((UNNAMED, UNNAMED_PRODUCT)):
            found[record.name] = PartitionSet(catalog, record.set_id, record.definition)
    return found


def declare_set(catalog: Catalog, definition: PartitionsDefinition) -> PartitionSet:
    """The set of a definition, made if it is new, else brought up to date.

    Raises `DeclarationError` for the name of partitions of another kind, `ParameterError` for parameters that do not
    fit its keys.
    """
    set_id, current = catalog.write(lambda batch: ensure_partitions(batch, definition))
    return PartitionSet(catalog, set_id, current)


def add_key_if_new(catalog: Catalog, node: Node, key: str) -> None:
    """Add a key to the set of an asset if that is dynamic and does not have it yet."""
    [record] = [s for s in catalog.read(queries.load_sets) if s.set_id == node.set_id]
    if isinstance(record.definition, DynamicPartitions):
        PartitionSet(catalog, record.set_id, record.definition).add(key)


def merge_sets(
    definitions: Iterable[PartitionsDefinition], known: Mapping[str, PartitionsDefinition]
) -> dict[str, PartitionsDefinition]:
    """Definitions by name, with several of one name merged.

    A dynamic one without parameters gets those of another definition of its name, else those in ``known``: the
    definitions in the catalog by set. Raises `DeclarationError` for two definitions of one name that contradict.
    """
    merged: dict[str, PartitionsDefinition] = {}
    for one in definitions:
        _merge_into(merged, one)
    return {name: _complete(one, {**known, **merged}, known) for name, one in merged.items()}


def _merge_into(merged: dict[str, PartitionsDefinition], one: PartitionsDefinition) -> None:
    for _, part in one.parts:
        _merge_into(merged, part)
    name = one.set_name
    merged[name] = _merge(merged.get(name, one), one)


def _complete(
    one: PartitionsDefinition, sets: Mapping[str, PartitionsDefinition], known: Mapping[str, PartitionsDefinition]
) -> PartitionsDefinition:
    """A definition whose parts, and whose parameters where it has none, are those that are declared elsewhere."""
    parts = {name: _complete(sets[part.set_name], sets, known) for name, part in one.parts}
    before = known.get(one.set_name)
    return _with_parts(one if before is None else _filled(one, before), parts)


def _filled(one: PartitionsDefinition, before: PartitionsDefinition) -> PartitionsDefinition:
    """A dynamic definition with what it leaves out as it was declared ``before``."""
    if not isinstance(one, DynamicPartitions) or not isinstance(before, DynamicPartitions):
        return one
    under = one.parts or before.parts
    return DynamicPartitions(
        one.name, one.parameters or before.parameters, one.attributes or before.attributes, dict(under) or None
    )


def _with_parts(one: PartitionsDefinition, parts: Mapping[str, PartitionsDefinition]) -> PartitionsDefinition:
    if dict(one.parts) == parts:
        return one
    if isinstance(one, MultiPartitions):
        return MultiPartitions(parts, one.name)
    assert isinstance(one, DynamicPartitions), "only products and children have parts"
    return DynamicPartitions(one.name, one.parameters, one.attributes, parts)


def _merge(one: PartitionsDefinition, other: PartitionsDefinition) -> PartitionsDefinition:
    if one == other:
        return one
    if isinstance(one, StaticPartitions) and isinstance(other, StaticPartitions) and set(one.keys) == set(other.keys):
        return one
    if isinstance(one, DynamicPartitions) and isinstance(other, DynamicPartitions):
        both = _filled(one, other)
        if both == _filled(other, one):
            return both
    if isinstance(one, MultiPartitions) and _part_names(one) == _part_names(other):
        return one  # their parts are merged themselves
    raise DeclarationError(f"the partitions {one.set_name!r} are declared twice, differently: rename one of them.")


def _part_names(definition: PartitionsDefinition) -> list[tuple[str, str]]:
    return [(name, part.set_name) for name, part in definition.parts]


def ensure_partitions(batch: Batch, definition: PartitionsDefinition) -> tuple[int, PartitionsDefinition]:
    """Make a set of partitions and those that it is made of, or bring them up to date.

    Returns its id and its definition as it is now. Raises `DeclarationError` where a set of that name is of another
    kind, `ParameterError` for parameters that do not fit its keys.
    """
    parts = {name: ensure_partitions(batch, part)[1] for name, part in definition.parts}
    definition = _with_parts(definition, parts)
    before = queries.find_set(batch, definition.set_name)
    if before is not None:
        if before.kind != definition.kind:
            raise DeclarationError(f"{definition.name!r} names {_WORDS[before.kind]} here; choose another name.")
        definition = _extend_declared(batch, before, definition)
        if definition == before.definition and _is_same_list(definition, before.definition):
            return before.set_id, definition
    set_id = events.ensure_set(batch, definition)
    listed = queries.member_count_by_asset(batch, set_id) if before is not None else {}
    events.declare_keys(batch, set_id, definition)
    if listed:
        _log_lost(definition, listed, queries.member_count_by_asset(batch, set_id))
    return set_id, definition


def count_made(batch: Batch, set_ids: Mapping[str, int]) -> dict[str, int]:
    """Of how many partitions on the list each asset has data; ``set_ids`` are the sets of the assets by name."""
    counts = {set_id: queries.member_count_by_asset(batch, set_id) for set_id in set(set_ids.values())}
    return {name: counts[set_id].get(name, 0) for name, set_id in set_ids.items()}


def log_moved(before: Mapping[str, int], now: Mapping[str, int]) -> None:
    """Say of which assets made partitions are on the list no more, as they got other partitions; see `count_made`."""
    for name, n in before.items():
        if n > now[name]:
            log.warning(
                "asset %r has other partitions now: %s made partitions leave the list; their data stays, and comes back"
                " when it is declared with the old ones again.", name, f"{n - now[name]:,}",
            )  # fmt: skip


def _is_same_list(one: PartitionsDefinition, before: PartitionsDefinition) -> bool:
    return not isinstance(one, StaticPartitions) or getattr(before, "keys", None) == one.keys


def _extend_declared(batch: Batch, before: SetRecord, definition: PartitionsDefinition) -> PartitionsDefinition:
    """A dynamic definition with what was declared before and still holds; any other as it is."""
    known = before.definition
    if not isinstance(definition, DynamicPartitions) or not isinstance(known, DynamicPartitions):
        return definition
    has_keys = queries.count_members(batch, before.set_id) > 0
    if has_keys and definition.parts and _part_names(definition) != _part_names(known):
        raise DeclarationError(f"{definition.name!r} has keys already, which cannot be put below others: rename it.")
    with name_partitions_in_errors(definition):
        parameters = _extend(known.parameters, definition.parameters, has_keys)
    attributes = definition.attributes or known.attributes
    return DynamicPartitions(definition.name, parameters, attributes, dict(definition.parts or known.parts) or None)


def _extend(known: Parameters | None, declared: Parameters | None, has_keys: bool) -> Parameters | None:
    if declared is None or declared == known:
        return known
    if known is None:
        if has_keys:
            raise ParameterError("There are keys without parameters already; declare params on a new set.")
        return declared
    return known.extended_by(declared) if has_keys else declared


def _log_lost(definition: PartitionsDefinition, before: Mapping[str, int], now: Mapping[str, int]) -> None:
    """Say which assets have fewer made partitions on the list than before; their data and history stay."""
    lost = {name: n - now.get(name, 0) for name, n in before.items() if n > now.get(name, 0)}
    if lost:
        named = ", ".join(f"{n:,} of {name}" for name, n in lost.items())
        log.warning(
            "partitions %s: made partitions leave the list, %s; their data stays, and comes back when they are declared"
            " again.", definition.name or "of the new list", named,
        )  # fmt: skip
