"""Registering declarations: checked together, compiled, kept as snapshots, then recorded in one transaction."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbpart.assets.asset import Asset, Source, find_collision
from nbpart.assets.binding import bind_arguments
from nbpart.assets.carry import carry
from nbpart.assets.code import CodeVersion, import_root, is_importable, version_of_function, version_of_notebook
from nbpart.assets.compile import compile_function
from nbpart.assets.definition import AssetDefinition, Input
from nbpart.assets.graph import AssetGraph
from nbpart.assets.parameters_cell import read_parameters_cell
from nbpart.assets.spelling import spell_setting
from nbpart.backfill.nodes import Registry
from nbpart.catalog import AssetRow, Batch, Catalog, Registered, events, queries
from nbpart.errors import DeclarationError, UnknownNameError, nearest
from nbpart.partitions import PartitionsDefinition, StaticPartitions, as_definition, default_mapping
from nbpart.storage import write_bytes_atomic
from nbpart.workspace.partition_set import ensure_dynamic

log = logging.getLogger("nbpart")


@dataclass(frozen=True)
class Change:
    """What registering did to one name; ``code_changed`` says that it was there with other code."""

    name: str
    kind: str
    code_changed: bool


@dataclass(frozen=True)
class Prepared:
    """A definition with the notebook that its runs execute and the partitions that it needs."""

    definition: AssetDefinition
    partitions: PartitionsDefinition | None
    notebook: Mapping[str, Any] | None = None
    code: CodeVersion | None = None


def register_items(catalog: Catalog, root: Path, registry: Registry, items: Sequence[Any]) -> list[Change]:
    """Register assets, sources and partitions, all of them or none.

    Raises `DeclarationError` for what is wrong or comes twice, `CycleError`, `UnknownNameError` for an input that is
    not there.
    """
    sets = [d for item in items if not isinstance(item, Asset | Source) and (d := as_definition(item)) is not None]
    declared = [item for item in items if isinstance(item, Asset | Source)]
    _check_names(declared, registry)
    set_names = {name: node.definition.set_name for name, node in registry.nodes.items()}
    set_names |= {item.name: _set_name(item) for item in declared}
    prepared = [_prepare(item, set_names) for item in declared]
    new = {p.definition.name: p.definition for p in prepared}
    kept = {name: node.definition for name, node in registry.nodes.items() if name not in new}
    remapped = {name: changed for name, d in kept.items() if (changed := _remap(d, set_names)) != d}
    AssetGraph([*(kept | remapped).values(), *new.values()])
    for p in prepared:
        _write_snapshots(root, p)
    registered = catalog.write(
        lambda batch: _record(batch, [*sets, *(p.partitions for p in prepared)], [*new.values(), *remapped.values()])
    )
    return [Change(d.name, d.kind, _is_changed(registered[d.name], d.code_version)) for d in new.values()]


def tell_changes(changes: Sequence[Change]) -> None:
    """One line for each name whose code is not what it was."""
    for change in changes:
        if change.code_changed:
            log.info("%s %r is replaced: its code changed, so what it made is stale.", change.kind, change.name)


def _check_names(declared: Sequence[Asset | Source], registry: Registry) -> None:
    seen: dict[str, str] = {}
    for item in declared:
        if item.name.lower() in seen:
            raise DeclarationError(f"{seen[item.name.lower()]!r} and {item.name!r} are one name: declare it once.")
        seen[item.name.lower()] = item.name
    clash = find_collision(list(seen.values()), {name.lower(): name for name in registry.nodes})
    if clash:
        raise DeclarationError(f"{clash[0]!r} differs from {clash[1]!r}, which is registered, only in case; rename it.")


def _set_name(item: Asset | Source) -> str:
    return item.partitions.set_name if item.partitions else ""


def _remap(definition: AssetDefinition, set_names: Mapping[str, str]) -> AssetDefinition:
    """The definition with the mappings that hold now: an input may be split differently than before."""
    inputs = tuple(_read(definition.name, i.name, set_names) for i in definition.inputs)
    return replace(definition, inputs=inputs)


def _read(name: str, read: str, set_names: Mapping[str, str]) -> Input:
    if read not in set_names:
        raise UnknownNameError(
            f"{name!r} reads {read!r}, which is neither an asset nor a source here; {nearest(read, set_names)}"
        )
    return Input(read, default_mapping(set_names[name], set_names[read]))


def _prepare(item: Asset | Source, set_names: Mapping[str, str]) -> Prepared:
    if isinstance(item, Source):
        definition = AssetDefinition(
            name=item.name,
            kind=item.kind,
            set_name=_set_name(item),
            folder=str(item.folder),
            path=item.path,
            description=item.description,
        )
        return Prepared(definition, item.partitions)
    if item.function is not None:
        return _prepare_function(item, set_names)
    return _prepare_notebook(item, set_names)


def _prepare_function(item: Asset, set_names: Mapping[str, str]) -> Prepared:
    assert item.function is not None
    arguments = bind_arguments(item, set_names)
    roots = [item.folder]
    call = item.function.__qualname__
    if is_importable(item.function):
        roots.append(import_root(item.function))
        setup = f"from {item.function.__module__} import {call.partition('.')[0]}"
    else:
        carried = carry(item.function)
        setup, call = carried.source, carried.call
    if inspect.iscoroutinefunction(item.function):
        call = f"await {call}"
    notebook = compile_function(
        item.name, arguments=arguments, setup=setup, call=call, description=item.function.__doc__ or ""
    )
    settings = {a.name: text for a in arguments if a.kind == "setting" and (text := spell_setting(a.default))}
    reads = [a.name for a in arguments if a.kind == "input"]
    code = version_of_function(item.function, roots)
    definition = _define(item, code, [*reads, *item.deps], set_names, settings)
    definition = replace(
        definition,
        import_roots=tuple(dict.fromkeys(map(str, roots))),
        origin=f"{item.function.__module__}.{item.function.__qualname__}",
    )
    return Prepared(definition, item.partitions, notebook, code)


def _prepare_notebook(item: Asset, set_names: Mapping[str, str]) -> Prepared:
    assert item.notebook is not None
    notebook = _read_notebook(item)
    kernelspec = notebook.get("metadata", {}).get("kernelspec", {})
    language = str(kernelspec.get("language") or notebook["metadata"].get("language_info", {}).get("name") or "python")
    code = version_of_notebook(notebook, item.folder, language)
    parameters = item.partitions.parameters if item.partitions else None
    own = {"partition_key", *(parameters.names if parameters else ())}
    found = read_parameters_cell(notebook)
    settings = {name: repr(p.value) for name, p in found.items() if name not in own}
    definition = replace(
        _define(item, code, item.deps, set_names, settings),
        path=str(item.notebook),
        language=language,
        origin=str(item.notebook),
    )
    return Prepared(definition, item.partitions, notebook, code)


def _define(
    item: Asset, code: CodeVersion, reads: Sequence[str], set_names: Mapping[str, str], settings: Mapping[str, str]
) -> AssetDefinition:
    return AssetDefinition(
        name=item.name,
        kind=item.kind,
        set_name=_set_name(item),
        inputs=tuple(_read(item.name, name, set_names) for name in dict.fromkeys(reads)),
        code_version=code.version,
        folder=str(item.folder),
        snapshot=f"code/{item.name}/{code.version}.ipynb",
        modules={m.name: (_module_snapshot(m.name, m.source), str(m.path)) for m in code.modules},
        settings=dict(settings),
        deps=item.deps,
        on_missing_input=item.on_missing_input,
        description=item.description,
        group=item.group,
        tags=item.tags,
        timeout_s=item.timeout_s,
        kernel_name=item.kernel_name,
    )


def _read_notebook(item: Asset) -> dict[str, Any]:
    """The notebook without outputs, in the current format. Raises `DeclarationError` for what is none."""
    import nbformat

    try:
        notebook = nbformat.read(item.notebook, as_version=4)
    except Exception as error:
        raise DeclarationError(
            f"asset {item.name!r}: {item.notebook} is no notebook that Jupyter could read ({_first_line(error)})."
        ) from error
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return dict(notebook)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).partition("\n")[0][:200]


def _module_snapshot(name: str, source: str) -> str:
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"code/_modules/{name}-{digest}.py"


def _write_snapshots(root: Path, prepared: Prepared) -> None:
    definition = prepared.definition
    if definition.snapshot is not None:
        text = json.dumps(prepared.notebook, indent=1, ensure_ascii=False)
        _write_once(root / definition.snapshot, text)
    for module in prepared.code.modules if prepared.code else ():
        _write_once(root / _module_snapshot(module.name, module.source), module.source)


def _write_once(path: Path, text: str) -> None:
    content = text.encode("utf-8", "surrogatepass")
    if not path.exists() or path.read_bytes() != content:
        write_bytes_atomic(path, content)


def _record(
    batch: Batch, sets: Sequence[PartitionsDefinition | None], definitions: Sequence[AssetDefinition]
) -> dict[str, Registered]:
    set_ids = {"": 0}
    for wanted in sets:
        if wanted is None or wanted.set_name in set_ids:
            continue
        if isinstance(wanted, StaticPartitions):
            set_ids[wanted.set_name] = events.ensure_set(batch, wanted.set_name, "static", None)
            events.set_static_keys(batch, set_ids[wanted.set_name], wanted.keys)
        else:
            set_ids[wanted.set_name], _ = ensure_dynamic(batch, wanted)
    known = {s.name: s.set_id for s in queries.load_sets(batch)} | set_ids
    batch.unchanged = False
    return events.register_assets(batch, [_row(d, known[d.set_name]) for d in definitions])


def _row(definition: AssetDefinition, set_id: int) -> AssetRow:
    return AssetRow(
        definition.name,
        definition.kind,
        set_id,
        definition.code_version or None,
        definition.to_json(),
        [(i.name, str(i.mapping)) for i in definition.inputs],
    )


def _is_changed(registered: Registered, code_version: str) -> bool:
    return registered.before is not None and registered.before != code_version
