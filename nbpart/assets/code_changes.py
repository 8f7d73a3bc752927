"""What changed between two versions of an asset's code, in a few words: the file, and the cell or the names in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from nbpart.assets.cells import has_tag, parse_cell, source_of
from nbpart.assets.code import statements_named_by
from nbpart.assets.definition import AssetDefinition
from nbpart.assets.modules.local_modules import LocalModule
from nbpart.assets.names import bound_names, fingerprint, name_of_alias, parse

#: So many names are told.
_MOST_NAMED = 3


@dataclass(frozen=True)
class KeptCode:
    """One version of an asset's code as it was kept: the ``notebook`` that runs, None where it is gone.

    ``modules`` has the source of each local module by name; one that is gone is left out.
    """

    definition: AssetDefinition
    notebook: Mapping[str, Any] | None
    modules: Mapping[str, str] = field(default_factory=dict)


def describe_code_change(before: KeptCode, after: KeptCode) -> str:
    """Where two versions differ: ``train.ipynb, cell 3``, ``flow.py: load``, ``KEEP``; "" where that is not known.

    A cell is counted from the top, the first is 1.
    """
    parts = [*_compare_notebooks(before, after), *_compare_modules(before, after), *_compare_environment(before, after)]
    return "; ".join(parts[:_MOST_NAMED])


def _compare_environment(before: KeptCode, after: KeptCode) -> Iterator[str]:
    names = sorted(
        name
        for name in before.definition.env.keys() | after.definition.env.keys()
        if before.definition.env.get(name) != after.definition.env.get(name)
    )
    if names:
        yield f"environment variable {_list_names(names)}"


def _compare_notebooks(before: KeptCode, after: KeptCode) -> Iterator[str]:
    old, new = before.notebook, after.notebook
    if old is None or new is None:
        return
    if "compiled_from" in new.get("metadata", {}).get("nbpart", {}):
        yield from _compare_compiled(old, new)
        return
    file = Path(after.definition.path or "the notebook").name
    if (cell := _find_changed_cell(old, new)) is not None:
        yield f"{file}, cell {cell}"
    elif _fingerprints(old) != _fingerprints(new):
        yield f"{file}, a cell is gone"


def _compare_compiled(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What changed in the notebook of a function: the names of what it carries, or its settings."""
    mine, theirs = ({cell.get("id"): source_of(cell) for cell in one.get("cells", ())} for one in (old, new))
    if names := _changed_names(mine.get("setup", ""), theirs.get("setup", "")):
        yield _list_names(names)
    elif names := _changed_names(mine.get("parameters", ""), theirs.get("parameters", "")):
        yield f"default of {_list_names(names)}"


def _compare_modules(before: KeptCode, after: KeptCode) -> Iterator[str]:
    for name, source in after.modules.items():
        old = before.modules.get(name)
        if old is None or old == source:
            continue
        names = _changed_names(old, source)
        if called := [one for one in names if one in _reached(after, name)]:
            names = called
        file = Path(after.definition.modules[name][1]).name
        if names:
            yield f"{file}: {_list_names(names)}"


def _reached(code: KeptCode, module: str) -> set[str]:
    """What the function of an asset names of its module, and what that names in turn; nothing of another module."""
    if module != code.definition.module or code.notebook is None:
        return set()
    own = LocalModule(module, Path(code.definition.modules[module][1]), code.modules[module])
    found: set[str] = set()
    for name in _imported_names(code.notebook):
        found |= {reached for reached, _ in statements_named_by(name, own)} if name in _bindings(own.source) else set()
    return found


def _imported_names(notebook: Mapping[str, Any]) -> Iterator[str]:
    for cell in notebook.get("cells", ()):
        if cell.get("id") == "setup" and (tree := parse_cell(source_of(cell))) is not None:
            for statement in tree.body:
                if isinstance(statement, ast.ImportFrom):
                    yield from (alias.name for alias in statement.names)


def _changed_names(old: str, new: str) -> list[str]:
    """The names whose statements differ between two sources, in the order of the new one; those that are gone last."""
    mine, theirs = _bindings(old), _bindings(new)
    return [
        name for name in [*theirs, *(one for one in mine if one not in theirs)] if mine.get(name) != theirs.get(name)
    ]


def _bindings(source: str) -> dict[str, list[str]]:
    """Each name that the top statements of a source bind, with the fingerprints of these."""
    try:
        body = parse(source).body
    except SyntaxError:
        return {}
    found: dict[str, list[str]] = {}
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            names: Sequence[str] = [name_of_alias(alias) for alias in statement.names]
        else:
            names = bound_names(statement)
        for name in names:
            found.setdefault(name, []).append(fingerprint(statement))
    return found


def _find_changed_cell(old: Mapping[str, Any], new: Mapping[str, Any]) -> int | None:
    """The number of the first cell that is new or that differs; None where cells only went."""
    mine, theirs = _fingerprints(old), _fingerprints(new)
    matcher = SequenceMatcher(None, [text for _, text in mine], [text for _, text in theirs], autojunk=False)
    for kind, _, _, first, last in matcher.get_opcodes():
        if kind in ("replace", "insert") and first < last:
            return theirs[first][0]
    return None


def _fingerprints(notebook: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The number of each cell with code in it, and what counts of that."""
    found = []
    for number, cell in enumerate(notebook.get("cells", ()), start=1):
        if cell.get("cell_type") == "code" and not has_tag(cell, "injected-parameters"):
            source = source_of(cell)
            tree = parse_cell(source)
            text = source.strip() if tree is None else "\n".join(map(fingerprint, tree.body))
            if text:
                found.append((number, text))
    return found


def _list_names(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
