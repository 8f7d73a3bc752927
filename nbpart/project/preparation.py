"""Preparing a declaration for registration: its definition, the notebook that its runs execute, and its code."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from nbpart.assets.asset import Asset, Source
from nbpart.assets.binding import Binder
from nbpart.assets.carrying.carry import carry
from nbpart.assets.check_cells import list_check_cells
from nbpart.assets.check_definition import CheckDefinition
from nbpart.assets.code import (
    CodeVersion,
    import_root,
    is_importable,
    version_of_function,
    version_of_notebook,
)
from nbpart.assets.compile import compile_function
from nbpart.assets.definition import AssetDefinition, Dependency, Input
from nbpart.assets.modules.search_path import path_of_notebooks, path_of_process
from nbpart.assets.notebook_files import read_declared_notebook
from nbpart.assets.parameters_cell import read_parameters_cell
from nbpart.assets.signature import current_signature
from nbpart.assets.spelling import spell_setting
from nbpart.errors import DeclarationError, UnknownNameError, nearest
from nbpart.partitions import PartitionsDefinition
from nbpart.partitions.arrival import reads_one
from nbpart.partitions.key_values import PARTITION_WINDOW, is_attribute
from nbpart.partitions.mapping import Mapping as KeyMapping
from nbpart.partitions.mapping_check import check_mapping
from nbpart.partitions.shared_structure import default_mapping
from nbpart.project.snapshots import name_module_snapshot
from nbpart.project.source_preparation import prepare_source
from nbpart.storage.named_format import find_named
from nbpart.storage.named_values import require_package

#: The partitions of every asset and source by name, None for one without.
Known: TypeAlias = Mapping[str, PartitionsDefinition | None]


@dataclass(frozen=True)
class PreparedAsset:
    """An asset or source ready to be registered; ``notebook`` and ``code`` are None for a source."""

    definition: AssetDefinition
    notebook: Mapping[str, Any] | None = None
    code: CodeVersion | None = None


@dataclass(frozen=True)
class FunctionCall:
    """How the compiled notebook of a function asset defines its function (``setup``) and calls it (``call``)."""

    setup: str
    call: str
    signature: inspect.Signature
    description: str
    code: CodeVersion


def prepare(item: Asset | Source, known: Known) -> PreparedAsset:
    """Prepare a declaration; ``known`` has the partitions of each asset and source by name, None without.

    Raises `DeclarationError` for what cannot be registered, `UnknownNameError` for an input that is not there.
    """
    if isinstance(item, Source):
        return PreparedAsset(prepare_source(item))
    if item.function is not None:
        return _prepare_function(item, known)
    return _prepare_notebook(item, known)


def _prepare_function(item: Asset, known: Known) -> PreparedAsset:
    assert item.function is not None
    if (format := find_named(item.format)) is not None:
        require_package(format)
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
        _define(item, known),
        import_roots=tuple(dict.fromkeys(map(str, [*roots, *search.early]))),
        late_roots=tuple(map(str, search.late)),
        origin=f"{item.function.__module__}.{item.function.__qualname__}",
        module=module,
    )
    if inspect.iscoroutinefunction(item.function):
        call = f"await {call}"
    code = version_of_function(item.function, roots, search)
    called = FunctionCall(setup, call, signature, item.function.__doc__ or "", code)
    return prepare_call(bare, called, item.partitions, known)


def _prepare_notebook(item: Asset, known: Known) -> PreparedAsset:
    assert item.notebook is not None
    search = path_of_notebooks({**os.environ, **item.env})
    bare = replace(
        _define(item, known),
        path=str(item.notebook),
        origin=str(item.notebook),
        import_roots=tuple(map(str, search.early)),
        late_roots=tuple(map(str, search.late)),
    )
    return prepare_notebook(bare, item.partitions)


def prepare_call(
    bare: AssetDefinition, called: FunctionCall, partitions: PartitionsDefinition | None, known: Known
) -> PreparedAsset:
    """Complete the definition ``bare`` of a function asset with these ``partitions``.

    Raises `DeclarationError` for an argument that is neither an input, a column of them nor a setting.
    """
    deps = {each.argument: each.name for each in bare.deps}
    arguments = Binder(bare.name, partitions, known, deps).bind(called.signature)
    notebook = compile_function(
        bare.name, arguments=arguments, setup=called.setup, call=called.call, description=called.description
    )
    settings = {a.name: text for a in arguments if a.kind == "setting" and (text := spell_setting(a.default))}
    reads = [*(a.name for a in arguments if a.kind == "input"), *deps]
    bare = replace(bare, bound=_list_bound(partitions, [a.name for a in arguments if a.kind == "column"]))
    bare = replace(bare, inputs=_resolve_inputs(bare, dict.fromkeys(reads), {**known, bare.name: partitions}))
    return PreparedAsset(with_code(bare, called.code, settings), notebook, called.code)


def prepare_notebook(bare: AssetDefinition, partitions: PartitionsDefinition | None) -> PreparedAsset:
    """Complete the definition ``bare`` of a notebook asset with these ``partitions`` from its file.

    Raises `DeclarationError` for a file that is no notebook, and for a wrong parameters cell.
    """
    notebook = read_without_outputs(bare.name, Path(bare.path or ""))
    about = notebook["metadata"]
    kernelspec, info = about.get("kernelspec", {}), about.get("language_info", {})
    language = str(kernelspec.get("language") or info.get("name") or "python")
    code = version_of_notebook(notebook, Path(bare.folder), language, bare.search_path)
    columns = {column.name for column in (partitions.columns if partitions else ())}
    found = read_parameters_cell(notebook, str(bare.path))
    settings = {n: repr(p.value) for n, p in found.items() if n not in {"partition_key", PARTITION_WINDOW, *columns}}
    named = tuple(name for name in found if name in {PARTITION_WINDOW, *columns})
    bare = replace(bare, columns=named, bound=_list_bound(partitions, named))
    kernel = bare.kernel_name or kernelspec.get("name", "")
    bare = replace(bare, language=language, kernel=kernel, check_cells=_read_check_cells(bare.name, notebook, language))
    return PreparedAsset(with_code(bare, code, settings), notebook, code)


def _read_check_cells(asset: str, notebook: Mapping[str, Any], language: str) -> tuple[CheckDefinition, ...]:
    if language.lower() not in ("python", "ipython", "python3"):
        return ()
    try:
        return tuple(cell.definition for cell in list_check_cells(notebook))
    except DeclarationError as error:
        raise DeclarationError(f"asset {asset!r}: {error}") from None


def _list_bound(partitions: PartitionsDefinition | None, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that are columns beside the key, in one order."""
    attributes = {column.name for column in (partitions.columns if partitions else ()) if is_attribute(column)}
    return tuple(sorted(attributes.intersection(names)))


def _define(item: Asset, known: Known) -> AssetDefinition:
    """The definition of an asset, without its code yet."""
    bare = AssetDefinition(
        name=item.name,
        kind=item.kind,
        set_name=set_name_of(item),
        folder=str(item.folder),
        deps=item.deps,
        on_missing_input=item.on_missing_input,
        description=item.description,
        group=item.group,
        tags=item.tags,
        retries=item.retries,
        backoff_s=item.backoff_s,
        timeout_s=item.timeout_s,
        limit=item.limit,
        kernel_name=item.kernel_name,
        secrets=item.secrets,
        env=dict(item.env),
        fresh=item.fresh,
        automation=item.automation,
        format=item.format,
        metrics=dict(item.metrics),
    )
    return replace(bare, inputs=_resolve_inputs(bare, (d.argument for d in item.deps), known))


def with_code(definition: AssetDefinition, code: CodeVersion, settings: Mapping[str, str]) -> AssetDefinition:
    """The definition with this code and these settings: name -> source text of the default.

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
        modules={m.name: (name_module_snapshot(m.name, m.source), str(m.path)) for m in code.modules},
        settings={name: "" if name in definition.secrets else text for name, text in settings.items()},
    )


def spell_import(module: str, qualname: str) -> str:
    """The import after which a function of a module can be called by its qualified name."""
    return f"from {module} import {qualname.partition('.')[0]}"


def remap_inputs(definition: AssetDefinition, known: Known) -> AssetDefinition:
    """The definition with its inputs mapped for the partitions in ``known``.

    Raises `DeclarationError` for a declared mapping that does not fit these.
    """
    return replace(definition, inputs=_resolve_inputs(definition, (i.argument for i in definition.inputs), known))


def _resolve_inputs(bare: AssetDefinition, arguments: Iterable[str], known: Known) -> tuple[Input, ...]:
    """What an asset reads under these names: what its ``deps`` declare, and assets and sources of the same name."""
    declared = {each.argument: each for each in bare.deps}
    return tuple(_resolve_input(bare, declared.get(name) or Dependency(name, name), known) for name in arguments)


def _resolve_input(bare: AssetDefinition, wanted: Dependency, known: Known) -> Input:
    if wanted.name not in known:
        raise UnknownNameError(
            f"{bare.name!r} reads {wanted.name!r}, which is neither an asset nor a source here; "
            f"{nearest(wanted.name, known)}"
        )
    reader, source = known[bare.name], known[wanted.name]
    try:
        mapping: KeyMapping = default_mapping(reader, source)
        if wanted.mapping is not None:
            mapping = check_mapping(wanted.mapping, reader, source)
        return Input(wanted.name, mapping, wanted.argument, reads_one(mapping, reader, source))
    except DeclarationError as error:
        under = "" if wanted.argument == wanted.name else f" as {wanted.argument!r}"
        raise DeclarationError(f"asset {bare.name!r}, which reads {wanted.name!r}{under}: {error}") from None


def read_without_outputs(name: str, path: Path) -> dict[str, Any]:
    """Read a notebook without outputs, in the current format. Raises `DeclarationError` for a file that is none."""
    notebook = read_declared_notebook(name, path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return dict(notebook)


def set_name_of(item: Asset | Source) -> str:
    """The name of the partitions of a declaration, "" without partitions."""
    return item.partitions.set_name if item.partitions else ""
