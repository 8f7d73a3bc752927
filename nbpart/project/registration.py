"""Registering declarations: check them together, compile them, and record them in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from nbpart.assets.asset import Asset, Source, find_collision, name_of
from nbpart.assets.code import is_importable, module_of_function
from nbpart.assets.definition import AssetDefinition
from nbpart.assets.graph import AssetGraph
from nbpart.assets.signature import is_imported_earlier
from nbpart.backfill.registry import Registry, load_registry
from nbpart.backfill.storage_options import remember_options
from nbpart.catalog import AssetRow, Batch, Registered, events, queries
from nbpart.catalog.condition_pairs import check_where
from nbpart.catalog.join_search import find_unknown_key
from nbpart.catalog.join_sides import open_join
from nbpart.errors import ConditionError, DeclarationError, nearest
from nbpart.partitions import PartitionsDefinition, as_definition
from nbpart.partitions.keys import shorten
from nbpart.partitions.mapping import Where
from nbpart.project.file_names import check_file_names, log_generated_names
from nbpart.project.paired_notebooks import log_pairs
from nbpart.project.partition_sets import count_made, ensure_partitions, log_moved, merge_sets
from nbpart.project.preparation import Known, PreparedAsset, prepare, remap_inputs
from nbpart.project.project import Project
from nbpart.project.snapshots import write_snapshots
from nbpart.project.source_preparation import check_source_keys

log = logging.getLogger("nbpart")


class Named(Protocol):
    """Anything that has a name, as declarations have."""

    @property
    def name(self) -> str: ...


def register(project: Project, items: Sequence[Any], record_also: Callable[[Batch], object] | None = None) -> None:
    """Register assets, sources and partitions, all of them or none; logs which assets got other code.

    ``record_also`` is called in the same transaction. Raises `DeclarationError` for a wrong or repeated declaration,
    `CycleError`, `UnknownNameError` for an input that is not there, and `ParameterError` for parameters that do not fit
    the keys of a set.
    """
    root = project.root
    registry, known = project.catalog.read(lambda batch: (load_registry(batch, root), _load_definitions(batch)))
    declared = [item for item in items if isinstance(item, Asset | Source)]
    others = [_as_set(item) for item in items if not isinstance(item, Asset | Source)]
    sets = merge_sets([*others, *(item.partitions for item in declared if item.partitions)], known)
    declared = [_with_known_parameters(item, sets) for item in declared]
    check_file_names(declared, registry)
    check_unique(declared, "asset or source")
    known_partitions = {name: node.partitions for name, node in registry.nodes.items()}
    known_partitions |= {item.name: item.partitions for item in declared}
    prepared = [prepare(item, known_partitions) for item in declared]

    def work(batch: Batch) -> dict[str, Registered]:
        # the registry is read again: another process may have changed it meanwhile
        registered = record_prepared(batch, root, load_registry(batch, root), prepared, sets, is_declared=True)
        if record_also is not None:
            record_also(batch)
        return registered

    registered = project.catalog.write(work)
    for item in declared:
        if isinstance(item, Source):
            remember_options(root, item.name, item.storage_options)
    log_generated_names(declared, registry)
    log_pairs(prepared)
    for definition in _definitions(prepared):
        if _is_changed(registered[definition.name], definition.code_version):
            log.info(
                "asset %r is replaced: its code changed, and what other code made of it is stale.", definition.name
            )
    _log_earlier_imports(items)


def remove_asset(project: Project, asset: Any, record_also: Callable[[Batch], object] | None = None) -> None:
    """Remove an asset or source from the registry; its runs and data stay.

    ``record_also`` is called in the same transaction. Raises `DeclarationError` while another asset reads it.
    """
    name = name_of(asset)

    def work(batch: Batch) -> None:
        graph = load_registry(batch, project.root).graph
        if readers := graph.downstream(name):
            raise DeclarationError(f"{name!r} is read by {', '.join(readers)}; remove these first.")
        events.remove_asset(batch, name)
        if record_also is not None:
            record_also(batch)

    project.catalog.write(work)


def check_unique(items: Sequence[Named], what: str) -> None:
    """Raise `DeclarationError` where two items have the same name but for case; ``what`` says what they are."""
    seen: dict[str, str] = {}
    for item in items:
        other = seen.get(item.name.lower())
        if other is not None:
            names = repr(item.name) if other == item.name else f"{other!r} and {item.name!r}, one name but for case,"
            raise DeclarationError(f"the {what} {names} comes twice in one call: register one of them.")
        seen[item.name.lower()] = item.name


def _log_earlier_imports(items: Sequence[Any]) -> None:
    """Log a line that names the modules of these functions that were edited after this process imported them."""
    functions = (item.function for item in items if isinstance(item, Asset) and item.function is not None)
    earlier = sorted(
        {f.__module__ for f in functions if is_importable(f) and is_imported_earlier(f, module_of_function(f))}
    )
    if earlier:
        log.info("this kernel has imported an earlier %s: runs take what the file says now, calls here do not.",
                 ", ".join(earlier))  # fmt: skip


def _as_set(item: Any) -> PartitionsDefinition:
    """The partitions definition that ``item`` is or has. Raises `DeclarationError` for anything else."""
    definition = as_definition(item) if not isinstance(item, list | tuple | str | None) else None
    if definition is None:
        raise DeclarationError(
            f"register takes assets, sources, partitions, sensors and schedules one by one, not {shorten(item)}: "
            "declare it with nbpart.asset, nbpart.notebook, nbpart.source, nbpart.check, nbpart.sensor, "
            "nbpart.schedule or nbpart.DynamicPartitions."
        )
    return definition


def _load_definitions(batch: Batch) -> dict[str, PartitionsDefinition]:
    return {s.name: s.definition for s in queries.load_sets(batch) if s.definition}


def _with_known_parameters(item: Asset | Source, sets: Mapping[str, PartitionsDefinition]) -> Asset | Source:
    """The declaration with its partitions as merged: their parameters may stand in another declaration."""
    if item.partitions is None:
        return item
    return replace(item, partitions=sets[item.partitions.set_name])


def _check_case(names: Iterable[str], registry: Registry) -> None:
    """Raise `DeclarationError` for a name that differs from a registered one only in case."""
    clash = find_collision(list(names), {name.lower(): name for name in registry.nodes})
    if clash:
        raise DeclarationError(f"{clash[0]!r} differs from {clash[1]!r}, which is registered, only in case; rename it.")


def record_prepared(
    batch: Batch,
    root: Path,
    registry: Registry,
    prepared: Sequence[PreparedAsset],
    sets: Mapping[str, PartitionsDefinition],
    *,
    is_declared: bool,
) -> dict[str, Registered]:
    """Record prepared definitions and write the snapshots of their code; what else is registered stays.

    Assets that read one of them get the mapping for its new partitions. Keys that mappings list are looked up where
    somebody declared them just now (``is_declared``). Returns by name what was registered before.
    Raises what `register` raises.
    """
    given = _definitions(prepared)
    _check_case([d.name for d in given], registry)
    stored = _load_definitions(batch) | dict(sets)
    known = {name: stored.get(node.definition.set_name) for name, node in registry.nodes.items()}
    known |= {d.name: stored.get(d.set_name) for d in given}
    new = {d.name: remap_inputs(d, known) for d in given}
    kept = {name: node.definition for name, node in registry.nodes.items() if name not in new}
    remapped = {name: changed for name, d in kept.items() if (changed := remap_inputs(d, known)) != d}
    AssetGraph([*(kept | remapped).values(), *new.values()])
    for definition in sets.values():
        ensure_partitions(batch, definition)
    set_ids = {s.name: s.set_id for s in queries.load_sets(batch)} | {"": 0}
    definitions = [*new.values(), *remapped.values()]
    for each in new.values() if is_declared else ():
        _check_against_sets(batch, each, set_ids, known)
    moved = {d.name for d in given if d.name in registry.nodes and registry[d.name].set_id != set_ids[d.set_name]}
    made = count_made(batch, {name: registry[name].set_id for name in moved})
    registered = events.register_assets(batch, [_row(d, root, set_ids[d.set_name]) for d in definitions])
    for each in new.values():
        events.save_check_cells(batch, registered[each.name].asset_id, each.check_cells)
    log_moved(made, count_made(batch, {name: set_ids[new[name].set_name] for name in moved}))
    now = load_registry(batch, root)
    check_source_keys(batch, [now[d.name] for d in given])
    # last, so that refused declarations leave no snapshot behind
    for one in prepared:
        write_snapshots(root, one.definition, one.notebook, one.code)
    return registered


def _definitions(prepared: Sequence[PreparedAsset]) -> list[AssetDefinition]:
    return [p.definition for p in prepared]


def _row(definition: AssetDefinition, root: Path, set_id: int) -> AssetRow:
    return AssetRow(
        definition.name,
        definition.kind,
        set_id,
        definition.code_version or None,
        definition.to_json(root),
        definition.inputs,
    )


def _check_against_sets(batch: Batch, definition: AssetDefinition, set_ids: Mapping[str, int], known: Known) -> None:
    """Raise `DeclarationError` for a mapping that lists a key which its set does not have, or asks what it cannot."""
    for read in definition.inputs:
        source = known[read.name]
        join = open_join(batch, read.mapping, set_ids[definition.set_name], set_ids[source.set_name if source else ""])
        if isinstance(join.mapping, Where):
            try:
                check_where(batch, join)
            except ConditionError as error:
                raise DeclarationError(f"asset {definition.name!r}, which reads {read.name!r}: {error}") from None
        if (unknown := find_unknown_key(batch, join)) is not None:
            raise DeclarationError(
                f"asset {definition.name!r}, which reads {read.name!r}: {read.mapping.kind} names the key "
                f"{shorten(unknown.key)}, which the set {unknown.set_name!r} does not have; "
                f"{nearest(unknown.key, unknown.some)}"
            )


def _is_changed(registered: Registered, code_version: str) -> bool:
    return registered.before is not None and registered.before != code_version
