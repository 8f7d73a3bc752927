"""Registering declarations: checked together, compiled, kept as snapshots, then recorded in one transaction."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nbpart.assets.asset import Asset, Source, find_collision
from nbpart.assets.binding import Binder
from nbpart.assets.carry import carry
from nbpart.assets.code import (
    CodeVersion,
    import_root,
    is_importable,
    module_of_function,
    version_of_function,
    version_of_notebook,
)
from nbpart.assets.compile import compile_function
from nbpart.assets.definition import AssetDefinition, Input
from nbpart.assets.graph import AssetGraph
from nbpart.assets.notebook_files import read_declared_notebook
from nbpart.assets.parameters_cell import read_parameters_cell
from nbpart.assets.scripts import is_script
from nbpart.assets.search_path import path_of_notebooks, path_of_process
from nbpart.assets.signature import current_signature, is_imported_earlier
from nbpart.assets.spelling import spell_setting
from nbpart.automation import Sensor
from nbpart.backfill.nodes import Registry, load_registry
from nbpart.catalog import AssetRow, Batch, Catalog, Registered, events, queries
from nbpart.errors import DeclarationError, UnknownNameError, nearest
from nbpart.partitions import Parameters, PartitionsDefinition, as_definition, default_mapping
from nbpart.partitions.keys import shorten
from nbpart.partitions.names import MAX_NAME_BYTES
from nbpart.project.file_names import check_files, tell_made_names
from nbpart.project.partition_set import ensure_partitions, merge_sets
from nbpart.storage import resolve_source, write_bytes_atomic
from nbpart.storage.own_files import make_folder
from nbpart.workspace.sensor_code import define_sensor, keep_sensor

log = logging.getLogger("nbpart")


@dataclass(frozen=True)
class Change:
    """What registering did to one name; ``code_changed`` says that it was there with other code."""

    name: str
    kind: str
    code_changed: bool


@dataclass(frozen=True)
class Prepared:
    """A definition with the notebook that its runs execute and the code that goes with it."""

    definition: AssetDefinition
    notebook: Mapping[str, Any] | None = None
    code: CodeVersion | None = None


def register_items(catalog: Catalog, root: Path, items: Sequence[Any]) -> list[Change]:
    """Register assets, sources, partitions and sensors, all of them or none.

    Raises `DeclarationError` for what is wrong or comes twice, `CycleError`, `UnknownNameError` for an input that is
    not there, `ParameterError` where keys of a set would lose their meaning.
    """
    registry, parameters = catalog.read(lambda batch: (load_registry(batch, root), _load_parameters(batch)))
    sensors = [
        (item.name, asdict(keep_sensor(define_sensor(item), root))) for item in items if isinstance(item, Sensor)
    ]
    declared = [item for item in items if isinstance(item, Asset | Source)]
    others = [_as_set(item) for item in items if not isinstance(item, Sensor | Asset | Source)]
    sets = merge_sets([*others, *(item.partitions for item in declared if item.partitions)], parameters)
    declared = [_with_known_parameters(item, sets) for item in declared]
    check_files(declared, registry)
    _check_once(declared, "asset or source")
    _check_once([item for item in items if isinstance(item, Sensor)], "sensor")
    set_names = {name: node.definition.set_name for name, node in registry.nodes.items()}
    set_names |= {item.name: _set_name(item) for item in declared}
    prepared = [_prepare(item, set_names) for item in declared]
    registered = catalog.write(lambda batch: _record(batch, root, sets, prepared, sensors))
    tell_made_names(declared, registry)
    return [Change(d.name, d.kind, _is_changed(registered[d.name], d.code_version)) for d in _definitions(prepared)]


def tell_changes(changes: Sequence[Change]) -> None:
    """One line for each name whose code is not what it was."""
    for change in changes:
        if change.code_changed:
            log.info("asset %r is replaced: its code changed, and what other code made of it is stale.", change.name)


def tell_earlier_imports(items: Sequence[Any]) -> None:
    """One line for the modules of functions that this process imported before their files were edited."""
    functions = (item.function for item in items if isinstance(item, Asset) and item.function is not None)
    earlier = sorted(
        {f.__module__ for f in functions if is_importable(f) and is_imported_earlier(f, module_of_function(f))}
    )
    if earlier:
        log.info("this kernel has imported an earlier %s: runs take what the file says now, calls here do not.",
                 ", ".join(earlier))  # fmt: skip


def _as_set(item: Any) -> PartitionsDefinition:
    definition = as_definition(item) if not isinstance(item, list | tuple | str | None) else None
    if definition is None:
        raise DeclarationError(
            f"register takes assets, sources, partitions and sensors one by one, not {shorten(item)}: "
            "declare it with nbpart.asset, nbpart.notebook, nbpart.source, nbpart.sensor or nbpart.DynamicPartitions."
        )
    return definition


def _load_parameters(batch: Batch) -> dict[str, Parameters]:
    return {s.name: Parameters.from_json(s.params) for s in queries.load_sets(batch) if s.params}


def _with_known_parameters(item: Asset | Source, sets: Mapping[str, PartitionsDefinition]) -> Asset | Source:
    """The declaration with the parameters that hold for its partitions: these may be declared elsewhere."""
    if item.partitions is None:
        return item
    return replace(item, partitions=sets[item.partitions.set_name])


def _check_once(items: Sequence[Asset | Source | Sensor], what: str) -> None:
    seen: dict[str, str] = {}
    for item in items:
        other = seen.get(item.name.lower())
        if other is not None:
            told = repr(item.name) if other == item.name else f"{other!r} and {item.name!r}, one name but for case,"
            raise DeclarationError(f"the {what} {told} comes twice in one call: register one of them.")
        seen[item.name.lower()] = item.name


def _check_case(names: Iterable[str], registry: Registry) -> None:
    clash = find_collision(list(names), {name.lower(): name for name in registry.nodes})
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
        _check_pattern(item)
        definition = AssetDefinition(
            name=item.name,
            kind=item.kind,
            set_name=_set_name(item),
            folder=str(item.folder),
            path=item.path,
            description=item.description,
        )
        return Prepared(definition)
    if item.function is not None:
        return _prepare_function(item, set_names)
    return _prepare_notebook(item, set_names)


def _check_pattern(item: Source) -> None:
    """Raises `DeclarationError` for a path that names what its partitions have not."""
    parameters = item.partitions.parameters if item.partitions else None
    values = dict.fromkeys(parameters.names, "value") if parameters else None
    try:
        resolve_source(item.path, item.folder, "key" if item.partitions else None, values)
    except DeclarationError as error:
        raise DeclarationError(f"source {item.name!r}: {error}") from None


def _prepare_function(item: Asset, set_names: Mapping[str, str]) -> Prepared:
    assert item.function is not None
    roots, search = [item.folder], path_of_process()
    call, module = item.function.__qualname__, ""
    if is_importable(item.function):
        roots.append(import_root(item.function))
        module = item.function.__module__
        setup = spell_import(module, call)
        signature = current_signature(item.function)
    else:
        carried = carry(item.function)
        setup, call = carried.source, carried.call
        signature = inspect.signature(item.function)
    bare = replace(
        _define(item, set_names),
        import_roots=tuple(dict.fromkeys(map(str, [*roots, *search.early]))),
        late_roots=tuple(map(str, search.late)),
        origin=f"{item.function.__module__}.{item.function.__qualname__}",
        module=module,
    )
    if inspect.iscoroutinefunction(item.function):
        call = f"await {call}"
    code = version_of_function(item.function, roots, search)
    parameters = item.partitions.parameters if item.partitions else None
    called = Called(setup, call, signature, item.function.__doc__ or "", code)
    return prepare_call(bare, called, parameters, set_names)


@dataclass(frozen=True)
class Called:
    """A function as a notebook of its own runs it: what it is, how it is called, and what it is for."""

    setup: str
    call: str
    signature: inspect.Signature
    description: str
    code: CodeVersion


def spell_import(module: str, qualname: str) -> str:
    """The import after which a function of a module can be called by its qualified name."""
    return f"from {module} import {qualname.partition('.')[0]}"


def prepare_call(
    bare: AssetDefinition, called: Called, parameters: Parameters | None, set_names: Mapping[str, str]
) -> Prepared:
    """The function asset ``bare`` as it is run; ``parameters`` are those of its partitions.

    Raises `DeclarationError` for an argument that stands for nothing.
    """
    arguments = Binder(bare.name, bare.is_partitioned, parameters.names if parameters else (), set_names).bind(
        called.signature
    )
    notebook = compile_function(
        bare.name, arguments=arguments, setup=called.setup, call=called.call, description=called.description
    )
    settings = {a.name: text for a in arguments if a.kind == "setting" and (text := spell_setting(a.default))}
    reads = [*(a.name for a in arguments if a.kind == "input"), *bare.deps]
    inputs = tuple(_read(bare.name, name, set_names) for name in dict.fromkeys(reads))
    return Prepared(with_code(replace(bare, inputs=inputs), called.code, settings), notebook, called.code)


def _prepare_notebook(item: Asset, set_names: Mapping[str, str]) -> Prepared:
    assert item.notebook is not None
    search = path_of_notebooks({**os.environ, **item.env})
    bare = replace(
        _define(item, set_names),
        path=str(item.notebook),
        origin=str(item.notebook),
        import_roots=tuple(map(str, search.early)),
        late_roots=tuple(map(str, search.late)),
    )
    return prepare_notebook(bare, item.partitions.parameters if item.partitions else None)


def prepare_notebook(bare: AssetDefinition, parameters: Parameters | None) -> Prepared:
    """The notebook asset ``bare`` with the code that its file has now; ``parameters`` are those of its partitions.

    Raises `DeclarationError` for what is no notebook, and for a parameters cell that cannot be one.
    """
    notebook = _read_notebook(bare.name, Path(bare.path or ""))
    about = notebook["metadata"]
    kernelspec, info = about.get("kernelspec", {}), about.get("language_info", {})
    language = str(kernelspec.get("language") or info.get("name") or "python")
    code = version_of_notebook(notebook, Path(bare.folder), language, bare.search_path)
    own = {"partition_key", *(parameters.names if parameters else ())}
    found = read_parameters_cell(notebook, str(bare.path))
    settings = {name: repr(p.value) for name, p in found.items() if name not in own}
    kernel = bare.kernel_name or kernelspec.get("name", "")
    return Prepared(with_code(replace(bare, language=language, kernel=kernel), code, settings), notebook, code)


def _define(item: Asset, set_names: Mapping[str, str]) -> AssetDefinition:
    """The definition of an asset, without its code yet."""
    return AssetDefinition(
        name=item.name,
        kind=item.kind,
        set_name=_set_name(item),
        inputs=tuple(_read(item.name, name, set_names) for name in item.deps),
        folder=str(item.folder),
        deps=item.deps,
        on_missing_input=item.on_missing_input,
        description=item.description,
        group=item.group,
        tags=item.tags,
        timeout_s=item.timeout_s,
        kernel_name=item.kernel_name,
        secrets=item.secrets,
        env=dict(item.env),
    )


def with_code(definition: AssetDefinition, code: CodeVersion, settings: Mapping[str, str]) -> AssetDefinition:
    """The definition with this code and what a backfill may override of it.

    Raises `DeclarationError` for a secret that is no setting.
    """
    for name in definition.secrets:
        if name not in settings:
            raise DeclarationError(
                f"asset {definition.name!r}: the secret {name!r} is no setting of it; {nearest(name, settings)} "
                "A setting is an argument with a default, or a variable of the parameters cell."
            )
    version = code.version_in(definition.env)
    return replace(
        definition,
        code_version=version,
        snapshot=f"code/{definition.name}/{version}.ipynb",
        modules={m.name: (_module_snapshot(m.name, m.source), str(m.path)) for m in code.modules},
        settings={name: "" if name in definition.secrets else text for name, text in settings.items()},
    )


def _read_notebook(name: str, path: Path) -> dict[str, Any]:
    """The notebook without outputs, in the current format. Raises `DeclarationError` for what is none."""
    notebook = read_declared_notebook(name, path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return dict(notebook)


def _module_snapshot(name: str, source: str) -> str:
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    if is_script(name):
        digest = hashlib.sha256(f"{name}\n{source}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
        name = "_script"
    if len(name.encode()) > MAX_NAME_BYTES:  # packages in packages; the digest of both tells them apart
        digest = hashlib.sha256(f"{name}\n{source}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
        name = name.encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    return f"code/_modules/{name}-{digest}.py"


def _write_snapshots(root: Path, prepared: Prepared) -> None:
    definition = prepared.definition
    if definition.snapshot is not None:
        text = json.dumps(prepared.notebook, indent=1, ensure_ascii=False)
        _write_once(root, root / definition.snapshot, text)
    for module in prepared.code.modules if prepared.code else ():
        _write_once(root, root / _module_snapshot(module.name, module.source), module.source)


def _write_once(root: Path, path: Path, text: str) -> None:
    content = text.encode("utf-8", "surrogatepass")
    make_folder(root, path.parent)
    if path.is_symlink() or not path.exists() or path.read_bytes() != content:
        write_bytes_atomic(path, content)


def _record(
    batch: Batch,
    root: Path,
    sets: Mapping[str, PartitionsDefinition],
    prepared: Sequence[Prepared],
    sensors: Sequence[tuple[str, Mapping[str, Any]]],
) -> dict[str, Registered]:
    """Record all of it. What is registered is looked at again: another process may have changed it meanwhile."""
    registry = load_registry(batch, root)
    registered = record_prepared(batch, root, registry, prepared, sets)
    for name, sensor in sensors:
        events.save_sensor(batch, name, sensor)
    return registered


def record_prepared(
    batch: Batch,
    root: Path,
    registry: Registry,
    prepared: Sequence[Prepared],
    sets: Mapping[str, PartitionsDefinition],
) -> dict[str, Registered]:
    """Record prepared definitions beside what is registered, and write the snapshots of their code."""
    given = _definitions(prepared)
    _check_case([d.name for d in given], registry)
    set_names = {name: node.definition.set_name for name, node in registry.nodes.items()}
    set_names |= {d.name: d.set_name for d in given}
    new = {d.name: _remap(d, set_names) for d in given}
    kept = {name: node.definition for name, node in registry.nodes.items() if name not in new}
    remapped = {name: changed for name, d in kept.items() if (changed := _remap(d, set_names)) != d}
    AssetGraph([*(kept | remapped).values(), *new.values()])
    for definition in sets.values():
        ensure_partitions(batch, definition)
    set_ids = {s.name: s.set_id for s in queries.load_sets(batch)} | {"": 0}
    batch.unchanged = False
    definitions = [*new.values(), *remapped.values()]
    registered = events.register_assets(batch, [_row(d, root, set_ids[d.set_name]) for d in definitions])
    # last, so that what is refused leaves no snapshot behind
    for one in prepared:
        _write_snapshots(root, one)
    return registered


def _definitions(prepared: Sequence[Prepared]) -> list[AssetDefinition]:
    return [p.definition for p in prepared]


def _row(definition: AssetDefinition, root: Path, set_id: int) -> AssetRow:
    return AssetRow(
        definition.name,
        definition.kind,
        set_id,
        definition.code_version or None,
        definition.to_json(root),
        [(i.name, str(i.mapping)) for i in definition.inputs],
    )


def _is_changed(registered: Registered, code_version: str) -> bool:
    return registered.before is not None and registered.before != code_version
