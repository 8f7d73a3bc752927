"""Local modules: the user's own files that code imports, found and read without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nbpart.assets.cells import code_cells, parse_cell
from nbpart.assets.modules.imports import ImportNode, imports_of, inserted_paths, scripts_of
from nbpart.assets.modules.scripts import is_script, name_script
from nbpart.assets.modules.search_path import NOWHERE, SearchPath, is_installed
from nbpart.assets.names import fingerprint, parse
from nbpart.assets.notebook_files import read_notebook_file
from nbpart.assets.sources import read_source


@dataclass(frozen=True, slots=True)
class LocalModule:
    """A module: its full name, its file, and the source code of the file when it was read.

    A script that is executed has a name that no module can have: ``%run prepare.py``.
    """

    name: str
    path: Path
    source: str

    @property
    def package(self) -> str:
        """The package that its relative imports start from; empty at the top."""
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]

    def fingerprint(self) -> str:
        """A text that changes only with the module's syntax tree; the source itself where it does not parse."""
        return _fingerprint_source(self.source)


class LocalModules:
    """Finds the modules in some folders; each is read once.

    A name is looked for in one folder after the other: ``x/__init__.py``, then ``x.py``, as Python does. After the
    ``roots`` comes the ``search`` path. ``folder`` is the working directory of the code, against which the paths that
    it puts on ``sys.path`` and the scripts that it runs are relative.
    """

    def __init__(self, roots: Sequence[Path], search: SearchPath = NOWHERE, folder: Path | None = None) -> None:
        self._roots, self._search, self._folder = list(roots), search, folder
        self._found: dict[str, LocalModule | None] = {}

    @property
    def elsewhere(self) -> frozenset[str]:
        """The names that `find` was asked for and that are no local modules."""
        return frozenset(name for name, module in self._found.items() if module is None)

    def find(self, name: str) -> LocalModule | None:
        """The local module of that name, or None."""
        if name not in self._found:
            # nbpart in a checkout is no module of the user's: a run has it of its own
            self._found[name] = None if name.partition(".")[0] == "nbpart" else self._read(name)
        return self._found[name]

    def add_paths_of(self, module: LocalModule) -> None:
        """Search also the folders that a module puts on ``sys.path``, anywhere in its code."""
        self._imports_of(module)

    def find_imported(self, body: Sequence[ast.stmt], package: str = "") -> list[str]:
        """The names of the local modules and scripts that statements import or run.

        Folders that they, or what they import, put on ``sys.path`` are searched too.
        """
        self._add_roots(inserted_paths(body, self._folder) if self._folder is not None else ())
        while True:
            known = len(self._roots)
            found = [*imported_modules(body, package, self), *self._scripts(body)]
            self.closure(found)
            if len(self._roots) == known:
                return found

    def closure(self, names: Iterable[str], without: str | None = None) -> list[LocalModule]:
        """The named local modules and those that they import in turn; ``without`` is left out and not followed."""
        return self._follow(names, without, with_packages=False)

    def loaded(self, names: Iterable[str], own: LocalModule | None = None) -> tuple[LocalModule, ...]:
        """All local modules that importing these executes, with the packages above them; ``own`` is not read again."""
        if own is not None:
            self._found[own.name] = own
        return tuple(self._follow(names, None, with_packages=True))

    def _follow(self, names: Iterable[str], without: str | None, with_packages: bool) -> list[LocalModule]:
        reached: dict[str, LocalModule] = {}
        pending = list(names)
        while pending:
            name = pending.pop()
            module = self.find(name)
            if with_packages and "." in name:
                pending.append(name.rpartition(".")[0])
            if module is not None and name != without and name not in reached:
                reached[name] = module
                pending.extend(self._imports_of(module))
        return [reached[name] for name in sorted(reached)]

    def _add_roots(self, folders: Iterable[Path]) -> None:
        new = [f for f in dict.fromkeys(folder.resolve() for folder in folders) if f not in self._roots and f.is_dir()]
        if new := [folder for folder in new if not is_installed(folder)]:
            self._roots += new
            self._found = {name: module for name, module in self._found.items() if module is not None}

    def _imports_of(self, module: LocalModule) -> list[str]:
        code = _read_source(module.source)
        if self._folder is not None and code.grows_path:
            self._add_roots(inserted_paths(code.body, self._folder, module.path))
        if not is_script(module.name):
            return _find_local(code.imports, module.package, self)
        self._add_roots([module.path.parent])  # %run puts it in front while it executes
        return [*_find_local(code.imports, "", self), *self._scripts(code.body)]

    def _scripts(self, body: Iterable[ast.stmt]) -> Iterator[str]:
        if self._folder is None:
            return
        for written in scripts_of(body):
            path = self._folder / Path(written).expanduser()
            name = name_script(written)
            if path.is_file():
                self._found[name] = LocalModule(name, path.resolve(), _read_script(path))
                yield name

    def _read(self, name: str) -> LocalModule | None:
        parts = name.split(".")
        if not all(parts):
            return None
        for root in (*self._roots, *self._search.early):
            if (module := _read_below(root, name, parts)) is not None:
                return module
        found = (module for root in self._search.late if (module := _read_below(root, name, parts)) is not None)
        module = next(found, None)
        return None if module is None or self._search.hides(parts[0]) else module


def _read_below(root: Path, name: str, parts: Sequence[str]) -> LocalModule | None:
    place = root.joinpath(*parts)
    for path in (place / "__init__.py", place.with_name(f"{parts[-1]}.py")):
        if path.is_file():
            return LocalModule(name, path, _text(path))
    return None


def imported_modules(body: Iterable[ast.stmt], package: str, local: LocalModules) -> list[str]:
    """The names of the local modules that statements import, also in functions and branches.

    ``package`` is where relative imports start. ``import a.b`` takes from ``a`` and ``a.b``, since it binds ``a``;
    ``from a import b`` takes from ``a.b`` where that is a module, else from ``a``.
    """
    return _find_local([found for statement in body for found in imports_of(statement)], package, local)


def _find_local(imports: Iterable[ImportNode], package: str, local: LocalModules) -> list[str]:
    names: dict[str, None] = {}
    for node in imports:
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                shortest = len(parts) if alias.asname else 1
                names.update(dict.fromkeys(".".join(parts[:n]) for n in range(shortest, len(parts) + 1)))
        else:
            origin = _origin(node, package)
            for alias in node.names:
                inner = f"{origin}.{alias.name}" if origin else alias.name
                names[inner if alias.name != "*" and local.find(inner) else origin] = None
    return [name for name in names if local.find(name)]


@lru_cache(maxsize=512)
def _fingerprint_source(source: str) -> str:
    try:
        return fingerprint(parse(source))
    except SyntaxError:
        return source


@dataclass(frozen=True, slots=True)
class _Source:
    """A source with what it imports, and whether it may put folders on ``sys.path``."""

    body: tuple[ast.stmt, ...] = ()
    imports: tuple[ImportNode, ...] = ()
    grows_path: bool = False


@lru_cache(maxsize=512)
def _read_source(source: str) -> _Source:
    try:
        body = parse(source).body
    except SyntaxError:
        return _Source()
    imports = (found for statement in body for found in imports_of(statement))
    return _Source(tuple(body), tuple(imports), "path" in source or "addsitedir" in source)


def _origin(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    above = package.split(".") if package else []
    above = above[: len(above) - (node.level - 1)]
    return ".".join([*above, *([node.module] if node.module else [])])


def _read_script(path: Path) -> str:
    """What ``%run`` executes of a file; a notebook or a file of IPython's as the Python that IPython makes of it."""
    if path.suffix not in (".ipy", ".ipynb"):
        return _text(path)
    try:
        notebook = read_notebook_file(path) if path.suffix == ".ipynb" else None
    except (OSError, ValueError):
        return _text(path)
    cells = [_text(path)] if notebook is None else [cell.source for cell in code_cells(notebook)]
    trees = [parse_cell(cell) for cell in cells]
    return "\n".join(cell if tree is None else ast.unparse(tree) for cell, tree in zip(cells, trees, strict=True))


def _text(path: Path) -> str:
    try:
        return read_source(path)
    except SyntaxError:
        return path.read_bytes().decode("utf-8", "backslashreplace")
