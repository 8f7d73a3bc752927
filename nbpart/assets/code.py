"""Code versions: a text that changes only when the result of a run may change."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbpart.assets.carrying.carry import carry
from nbpart.assets.cells import code_cells, has_tag, is_check_cell, parse_cell
from nbpart.assets.modules.local_modules import LocalModule, LocalModules
from nbpart.assets.modules.search_path import NOWHERE, SearchPath, is_installed
from nbpart.assets.names import bound_names, fingerprint, global_names, name_of_alias, parse, touched_names
from nbpart.assets.sources import import_root, is_importable, module_file, plain_function, read_source
from nbpart.errors import DeclarationError

__all__ = [
    "CodeVersion",
    "LocalModule",
    "import_root",
    "is_importable",
    "module_of_function",
    "statements_named_by",
    "version_of_carried",
    "version_of_definition",
    "version_of_function",
    "version_of_notebook",
]


@dataclass(frozen=True, slots=True)
class CodeVersion:
    """The version of a computation's code, and the local modules that it may import.

    ``version`` is 16 hex digits. ``modules`` has every local module that a run may import: more than ``version``
    counts, since importing a module also executes the packages above it and its other imports. ``elsewhere`` are the
    names of modules that the code imports and that are not local.
    """

    version: str
    modules: tuple[LocalModule, ...]
    elsewhere: frozenset[str] = frozenset()

    def version_in(self, environment: Mapping[str, str]) -> str:
        """The version of this code where its runs have these variables set."""
        if not environment:
            return self.version
        return _digest("environment", self.version, *(f"{name}={environment[name]}" for name in sorted(environment)))


def version_of_notebook(
    notebook: Mapping[str, Any], folder: Path, kernel_language: str = "python", search: SearchPath = NOWHERE
) -> CodeVersion:
    """The version of a notebook's code cells, with the local modules that they import.

    These are looked for in its folder, where the cells put folders on ``sys.path``, and on the ``search`` path. A
    script that a cell executes by ``%run`` counts too.

    Outputs, comments, blank lines, the split into cells, the cells that papermill injected and those that are checks do
    not count. Cells of other languages, and those that do not parse, count as text.
    """
    listed = [c for c in code_cells(notebook) if not has_tag(c.cell, "injected-parameters")]
    cells = [c.source for c in listed if not is_check_cell(c.cell)]
    if kernel_language.lower() not in ("python", "ipython", "python3"):
        return CodeVersion(_digest("text", "\n".join(filter(None, map(_trimmed, cells)))), ())
    trees = [(parse_cell(source), source) for source in cells]
    # a part a statement, so that where one cell ends does not tell
    parts = [p for tree, text in trees for p in ([_trimmed(text)] if tree is None else map(fingerprint, tree.body))]
    local = LocalModules(_local_roots([folder]), search, folder)
    imported = local.find_imported([statement for tree, _ in trees if tree is not None for statement in tree.body])
    counted = local.closure(imported)
    version = _digest("notebook", *filter(None, parts), *_fingerprints(counted))
    checks = [tree for c in listed if is_check_cell(c.cell) and (tree := parse_cell(c.source)) is not None]
    of_checks = local.find_imported([statement for tree in checks for statement in tree.body])
    return CodeVersion(version, local.loaded([*imported, *of_checks]), local.elsewhere)


def version_of_function(
    function: Callable[..., Any], roots: Sequence[Path], search: SearchPath = NOWHERE
) -> CodeVersion:
    """The version of a function: its own code, what it names in its file, and the local modules that it imports.

    Docstrings, layout and the decorators that declare an asset do not count, nor do neighbours that it does not name.
    Of imported local modules, which are looked for below ``roots``, then on the ``search`` path, and never imported,
    the whole code counts; of a
    package its ``__init__`` only where something is taken from it. The function's own module is not counted whole
    even where it is imported in a circle. Of a function that is not importable what is carried counts.

    Raises DeclarationError for what is no plain function, or where its source is not at hand.
    """
    plain_function(function)
    if not is_importable(function):
        return version_of_carried(carry(function).source, roots, search)
    roots = [*roots, import_root(function)]
    return version_of_definition(module_of_function(function), function.__qualname__, roots, search)


def module_of_function(function: Callable[..., Any]) -> LocalModule:
    """The module of an importable function, as its file is now. Raises DeclarationError where there is none."""
    path = module_file(function)
    return LocalModule(function.__module__, path, read_source(path))


def version_of_definition(
    own: LocalModule, qualname: str, roots: Sequence[Path], search: SearchPath = NOWHERE
) -> CodeVersion:
    """The version of a function of the module ``own``, by that module's source alone; see `version_of_function`.

    The first of ``roots`` is the working directory of its runs.
    """
    local = LocalModules(_local_roots(roots), search, roots[0] if roots else None)
    local.add_paths_of(own)
    statements = statements_named_by(qualname.partition(".")[0], own)
    imported = local.find_imported([s for _, s in statements], own.package)
    counted = local.closure(imported, without=own.name)
    parts = sorted({f"{name}:{fingerprint(statement)}" for name, statement in statements})
    version = _digest("function", *parts, *_fingerprints(counted))
    return CodeVersion(version, local.loaded([*imported, own.name], own), local.elsewhere)


def version_of_carried(source: str, roots: Sequence[Path], search: SearchPath = NOWHERE) -> CodeVersion:
    """The version of carried source, with the local modules that it imports; see `version_of_definition`."""
    body = parse(source).body
    local = LocalModules(_local_roots(roots), search, roots[0] if roots else None)
    imported = local.find_imported(body)
    version = _digest("function", *sorted(map(fingerprint, body)), *_fingerprints(local.closure(imported)))
    return CodeVersion(version, local.loaded(imported), local.elsewhere)


def statements_named_by(name: str, module: LocalModule) -> list[tuple[str, ast.stmt]]:
    """The statements of a module that a name stands for, and those that these name in turn.

    Raises DeclarationError where the module has no such name, SyntaxError where it is not Python.
    """
    binding = _statements_by_name(parse(module.source).body)
    if name not in binding:
        raise DeclarationError(
            f"{name!r} is no longer in {module.path.name}; restart the kernel, or register the asset again."
        )
    found: list[tuple[str, ast.stmt]] = []
    pending, seen = [name], {name}
    while pending:
        current = pending.pop()
        for statement in binding[current]:
            found.append((current, statement))
            names = global_names(statement, deferred=True)
            wanted = [n for n in (*names.needed, *names.hinted) if n in binding]
            pending += [n for n in dict.fromkeys(wanted) if n not in seen]
            seen.update(wanted)
            if "*" in binding and "*" not in seen and any(n not in binding for n in names.needed):
                pending.append("*")  # one of the others may come from ``from module import *``
                seen.add("*")
    return found


def _statements_by_name(body: Iterable[ast.stmt]) -> dict[str, list[ast.stmt]]:
    """The top statements of a module under each name that they bind, or whose object they change."""
    binding: dict[str, list[ast.stmt]] = {}
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for alias in statement.names:
                binding.setdefault(name_of_alias(alias), []).append(_only(statement, alias))
        elif not _is_main_guard(statement):
            names = dict.fromkeys([*bound_names(statement), *_changed(statement, binding)])
            for name in names:
                binding.setdefault(name, []).append(statement)
    return binding


def _only(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.stmt:
    if isinstance(statement, ast.Import):
        return ast.copy_location(ast.Import([alias]), statement)
    return ast.copy_location(ast.ImportFrom(statement.module, [alias], statement.level), statement)


def _changed(statement: ast.stmt, binding: Mapping[str, list[ast.stmt]]) -> Iterator[str]:
    """Constants that a statement changes in place; settings of imported modules are not the function's code."""
    for name in touched_names(statement):
        bound_by = binding.get(name, [])
        if bound_by and not isinstance(bound_by[0], ast.Import | ast.ImportFrom):
            yield name


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test).startswith("__name__ == ")


def _local_roots(folders: Iterable[Path]) -> list[Path]:
    """Those of the folders that are not of installed packages, whose code does not count."""
    resolved = dict.fromkeys(Path(folder).resolve() for folder in folders)
    return [folder for folder in resolved if not is_installed(folder)]


def _fingerprints(modules: Iterable[LocalModule]) -> list[str]:
    return [f"{module.name}={module.fingerprint()}" for module in modules]


def _trimmed(source: str) -> str:
    lines = (line.rstrip() for line in source.splitlines())
    return "\n".join(line for line in lines if line)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
