"""Reading the current code of one asset from its files: a notebook, a function of a module, a carried function."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbpart.assets.carrying.origins import behind
from nbpart.assets.cells import code_cells, parse_cell
from nbpart.assets.code import LocalModule, version_of_carried, version_of_definition
from nbpart.assets.definition import AssetDefinition
from nbpart.assets.kept_paths import keep_path
from nbpart.assets.names import parse
from nbpart.assets.parameters_cell import read_parameters_cell
from nbpart.assets.signature import UNREAD, WrittenFunction, find_written_function, is_imported_earlier, is_same_call
from nbpart.assets.sources import read_source
from nbpart.backfill.registry import Node
from nbpart.errors import DeclarationError
from nbpart.project.preparation import (
    FunctionCall,
    Known,
    PreparedAsset,
    prepare_call,
    prepare_notebook,
    spell_import,
    with_code,
)
from nbpart.storage.own_files import find_own


@dataclass(frozen=True)
class CodeOnDisk:
    """The code of an asset as its files have it now, and the registered asset (``node``) to compare it with.

    ``gone`` is the path of a file of its code that no longer exists; ``prepared`` is then what is registered. For a
    function of a module, ``before`` and ``now`` are its registered and its current source.
    """

    node: Node
    prepared: PreparedAsset
    gone: str | None = None
    before: WrittenFunction | None = None
    now: WrittenFunction | None = None

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def is_code_changed(self) -> bool:
        """Whether its code version differs from the registered one, so that a run may compute something else."""
        return self.prepared.definition.code_version != self.node.definition.code_version

    def is_unchanged(self, root: Path) -> bool:
        """Whether its definition, which includes the code version, is the registered one."""
        return self.prepared.definition.to_json(root) == self.node.definition.to_json(root)

    def list_edited_files(self, root: Path) -> tuple[str, ...]:
        """The files that differ from those registered, relative to the project where they are below it."""
        old, new = self.node.definition, self.prepared.definition
        changed = [path for name, (kept, path) in new.modules.items() if old.modules.get(name, ("",))[0] != kept]
        changed += [path for name, (_, path) in old.modules.items() if name not in new.modules]
        own = [new.path] if new.path is not None and self._is_notebook_edited(root) else []
        return tuple(keep_path(path, root) for path in dict.fromkeys([*own, *changed]))

    def notes(self) -> Iterator[str]:
        """Sentences about the edit that a person should know: imported earlier, decorator changed, default unknown."""
        if self.now is None:
            return
        module = self.now.module
        if _is_imported_earlier(module, self.node.definition.origin.removeprefix(f"{module.name}.")):
            yield f"This kernel has imported an earlier {module.name}: runs take the file, calls here do not."
        if self.before is not None and self.before.declaration != self.now.declaration:
            yield f"What its decorator says of {self.name!r} counts once it is registered again."
        lost = self.node.definition.settings.keys() - self.prepared.definition.settings.keys()
        unread = sorted(lost & {a.name for a in _parameters(self.now) if a.default is UNREAD})
        if unread:
            yield (
                f"The default of {unread[0]!r} of {self.name!r} is told only by importing {module.name}: until it is "
                "registered again it cannot be overridden."
            )

    def _is_notebook_edited(self, root: Path) -> bool:
        old = _sources(_load_snapshot(root, self.node.definition))
        return self.prepared.notebook is None or old != _sources(self.prepared.notebook)


def read_code_on_disk(node: Node, root: Path, known: Known) -> CodeOnDisk:
    """Read the code of an asset from its files; nothing is imported.

    ``known`` has the partitions of every registered asset and source by name. Raises `DeclarationError`,
    `SyntaxError` or `OSError` for code that cannot be registered.
    """
    definition = node.definition
    own = definition.path if definition.kind == "notebook" else definition.modules.get(definition.module, ("", None))[1]
    if own is not None and not Path(own).exists():
        return CodeOnDisk(node, PreparedAsset(definition), gone=own)
    if definition.kind == "notebook":
        current = CodeOnDisk(node, prepare_notebook(definition, node.partitions))
        _check_cells(root, current)
    elif own is not None:
        current = _read_function(node, Path(own), root, known)
    else:
        current = _read_carried(node, root)
    code = current.prepared.code
    assert code is not None
    for name, (_, original) in definition.modules.items():
        if name in code.elsewhere and not Path(original).exists():
            return CodeOnDisk(node, PreparedAsset(definition), gone=original)
    _check_modules(root, definition, code.modules)
    return current


def _read_function(node: Node, path: Path, root: Path, known: Known) -> CodeOnDisk:
    definition = node.definition
    qualname = definition.origin.removeprefix(f"{definition.module}.")
    module = LocalModule(definition.module, path, read_source(path))
    _parse(module)
    roots = [Path(place) for place in definition.import_roots]
    code = version_of_definition(module, qualname, roots, definition.search_path)
    earlier = LocalModule(module.name, path, _load_module(root, definition, module.name))
    changed = [m.name for m in code.modules if m.name != module.name and not _is_kept(root, definition, m)]
    before, now = (
        find_written_function(earlier, qualname),
        find_written_function(module, qualname, frozenset(changed and definition.modules)),
    )
    snapshot = _load_snapshot(root, definition)
    if before is None or now is None or is_same_call(before, now):
        prepared = PreparedAsset(with_code(definition, code, definition.settings), snapshot, code)
        return CodeOnDisk(node, prepared, before=before, now=now)
    defaults = {name: p.value for name, p in read_parameters_cell(snapshot).items() if p.has_value}
    call = f"await {qualname}" if now.is_async else qualname
    signature = now.signature(before, defaults)
    called = FunctionCall(spell_import(module.name, qualname), call, signature, now.description, code)
    return CodeOnDisk(node, prepare_call(definition, called, node.partitions, known), before=before, now=now)


def _read_carried(node: Node, root: Path) -> CodeOnDisk:
    """The carried source itself is kept as registered; only the local modules that it imports can have changed."""
    definition, snapshot = node.definition, _load_snapshot(root, node.definition)
    setup = "".join(cell.source for cell in code_cells(snapshot) if cell.cell.get("id") == "setup")
    roots = [Path(place) for place in definition.import_roots]
    code = version_of_carried(setup, roots, definition.search_path)
    return CodeOnDisk(node, PreparedAsset(with_code(definition, code, definition.settings), snapshot, code))


def _check_cells(root: Path, current: CodeOnDisk) -> None:
    """Raise `DeclarationError` for a notebook in the middle of an edit: a cell does not parse, and all did before."""
    assert current.prepared.notebook is not None
    if current.prepared.definition.language.lower() not in ("python", "ipython", "python3"):
        return
    broken = _find_broken_cell(current.prepared.notebook)
    if broken is not None and _find_broken_cell(_load_snapshot(root, current.node.definition)) is None:
        path = Path(current.prepared.definition.path or "")
        raise DeclarationError(f"cell {broken} of {path.name} is not valid Python")


def _find_broken_cell(notebook: Mapping[str, Any]) -> int | None:
    """The number of the first code cell that does not parse, counting all cells from 1; None where all parse."""
    for number, cell in enumerate(notebook.get("cells", ()), 1):
        if cell.get("cell_type") == "code" and any(parse_cell(c.source) is None for c in code_cells({"cells": [cell]})):
            return number
    return None


def _check_modules(root: Path, definition: AssetDefinition, modules: Collection[LocalModule]) -> None:
    """Raise `SyntaxError` for an imported module that does not parse, and did when it was registered."""
    for module in modules:
        if module.name not in definition.modules or _is_kept(root, definition, module):
            continue
        try:
            _parse(module)
        except SyntaxError:
            earlier = LocalModule(module.name, module.path, _load_module(root, definition, module.name))
            try:
                _parse(earlier)
            except SyntaxError:
                continue
            raise


def _parse(module: LocalModule) -> ast.Module:
    """The syntax tree of a module. Raises `SyntaxError` with the name of its file."""
    try:
        return parse(module.source)
    except SyntaxError as error:
        error.filename = str(module.path)
        raise


def _is_kept(root: Path, definition: AssetDefinition, module: LocalModule) -> bool:
    """Whether a module's source equals the copy that was registered with the asset."""
    return module.name in definition.modules and _load_module(root, definition, module.name) == module.source


def _load_module(root: Path, definition: AssetDefinition, name: str) -> str:
    kept = find_own(root, definition.modules[name][0], f"asset {definition.name!r}")
    return kept.read_bytes().decode("utf-8", "surrogatepass")


def _load_snapshot(root: Path, definition: AssetDefinition) -> dict[str, Any]:
    path = find_own(root, definition.snapshot or "", f"asset {definition.name!r}")
    notebook: dict[str, Any] = json.loads(path.read_bytes())
    return notebook


def _sources(notebook: Mapping[str, Any]) -> list[str]:
    return [cell.source for cell in code_cells(notebook)]


def _parameters(written: WrittenFunction) -> Collection[Any]:
    return written.signature(None, {}).parameters.values()


def _is_imported_earlier(module: LocalModule, qualname: str) -> bool:
    """Whether this process has imported the module, and holds other code of that function."""
    function: Any = sys.modules.get(module.name)
    for name in qualname.split("."):
        function = getattr(behind(function), name, None)
    if function is None or getattr(sys.modules[module.name], "__file__", None) != str(module.path):
        return False
    try:
        return is_imported_earlier(behind(function), module)
    except DeclarationError:  # no plain function
        return False
