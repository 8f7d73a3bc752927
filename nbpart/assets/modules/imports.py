"""The modules and scripts that code imports or runs, by statements, calls and magics, and the folders that it puts on
``sys.path``. Code is only parsed, never executed.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nbpart.assets.cells import parse_cell

ImportNode = ast.Import | ast.ImportFrom

_IMPORTING = frozenset({"import_module", "__import__", "run_module", "importorskip"})
_GROWING = frozenset({"insert", "append", "extend"})
_PLAIN_CALLS: Mapping[str, Any] = {
    **{f"os.path.{name}": getattr(os.path, name) for name in ("join", "dirname", "abspath", "realpath", "normpath")},
    **{f"path.{name}": getattr(os.path, name) for name in ("join", "dirname", "abspath", "realpath", "normpath")},
    **{name: getattr(os.path, name) for name in ("join", "dirname", "abspath", "realpath", "normpath", "expanduser")},
    **{"os.path.expanduser": os.path.expanduser, "os.fspath": os.fspath, "str": str},
    **{"Path": Path, "pathlib.Path": Path},
}
#: Cell magics whose text no Python of this kernel executes.
_NOT_PYTHON = frozenset(
    {"!", "bash", "cmd", "file", "html", "HTML", "javascript", "js", "latex", "markdown", "perl", "pypy", "python"}
    | {"python2", "python3", "ruby", "script", "sh", "sql", "svg", "SVG", "writefile", "writetemplate"}
)
_TIMING = ("time", "timeit", "prun", "memit", "mprun", "lprun")
_PATH_METHODS = frozenset({"resolve", "absolute", "expanduser", "joinpath", "as_posix"})


def imports_of(statement: ast.stmt) -> list[ImportNode]:
    """All imports in a statement, also those in functions and branches.

    A call such as ``importlib.import_module("name")`` with a literal name, ``%load_ext name`` and ``%run -m name`` are
    returned as the import statement of that module. The code of ``%%time`` and similar magics is searched too.
    """
    found: list[ImportNode] = []
    for node in _walk(statement):
        if isinstance(node, ImportNode):
            found.append(node)
        elif isinstance(node, ast.Call) and (made := _import_of_call(node)) is not None:
            found.append(made)
    return found


def scripts_of(body: Iterable[ast.stmt]) -> list[str]:
    """The files that ``%run`` and ``runpy.run_path`` execute, as the code spells them; only literal names are found."""
    found: dict[str, None] = {}
    for call in _calls(body):
        words = _magic(call, "run")
        if words and "-m" not in words:
            script = next((word for word in words if not word.startswith("-")), None)
            if script is not None and not {"$", "{"} & set(script):
                found[script if script.endswith((".py", ".ipy", ".ipynb")) else f"{script}.py"] = None
        elif _called(call) == "run_path" and (path := _literal(call)) is not None:
            found[path] = None
    return list(found)


def inserted_paths(body: Iterable[ast.stmt], folder: Path, file: Path | None = None) -> list[Path]:
    """The folders that statements put on ``sys.path``, as far as that can be found without running them.

    ``folder`` is the working directory, ``file`` what ``__file__`` is.
    """
    values: dict[str, Any] = {"__file__": str(file)} if file is not None else {}
    found: dict[Path, None] = {}
    for node in _in_order(body):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            value = _evaluate(node.value, values, folder)
            if value is not None:
                values[node.targets[0].id] = value
        for expression in _put_on_path(node):
            known = _evaluate(expression, values, folder)
            if known is not None:
                found[Path(os.path.normpath(folder / known))] = None
    return list(found)


def _in_order(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    for statement in (each for outer in body for each in _with_magics(outer)):
        yield from sorted(ast.walk(statement), key=lambda node: getattr(node, "lineno", 0))


def _put_on_path(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions that a node puts on ``sys.path``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name = ast.unparse(node.func)
        if name in ("site.addsitedir", "addsitedir"):
            yield from node.args[:1]
        elif node.func.attr in _GROWING and ast.unparse(node.func.value) in ("sys.path", "path"):
            yield from _items(node.args[-1]) if node.func.attr == "extend" and node.args else node.args[-1:]
    elif isinstance(node, ast.AugAssign) and ast.unparse(node.target) == "sys.path":
        yield from _items(node.value)
    elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("sys.path"):
        lists = [inner for inner in ast.walk(node.value) if isinstance(inner, ast.List | ast.Tuple)]
        for each in lists:
            yield from each.elts


def _items(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.List | ast.Tuple | ast.Set) else []


def _evaluate(node: ast.expr, values: Mapping[str, Any], folder: Path) -> str | Path | None:
    """The text or path that an expression of literals, known names and functions of paths gives; None for others."""
    try:
        found = _value(node, values, folder)
    except (ValueError, TypeError, AttributeError, IndexError, KeyError, OSError):
        return None
    return found if isinstance(found, str | Path) else None


def _value(node: ast.expr, values: Mapping[str, Any], folder: Path) -> Any:
    def of(inner: ast.expr) -> Any:
        return _value(inner, values, folder)

    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Add):
        left, right = of(node.left), of(node.right)
        return left / right if isinstance(node.op, ast.Div) else left + right
    if isinstance(node, ast.JoinedStr):
        return "".join(str(of(part.value if isinstance(part, ast.FormattedValue) else part)) for part in node.values)
    if isinstance(node, ast.Attribute):
        written = ast.unparse(node)
        if written in ("os.pardir", "os.curdir", "os.sep"):
            return getattr(os, node.attr)
        if node.attr in ("parent", "parents", "name"):
            return getattr(Path(of(node.value)), node.attr)
    if isinstance(node, ast.Subscript):
        return of(node.value)[ast.literal_eval(node.slice)]
    if isinstance(node, ast.Call):
        return _value_of_call(node, [of(argument) for argument in node.args], values, folder)
    raise ValueError(ast.dump(node))


def _value_of_call(node: ast.Call, arguments: list[Any], values: Mapping[str, Any], folder: Path) -> Any:
    name = ast.unparse(node.func)
    if name in ("os.getcwd", "getcwd", "Path.cwd", "pathlib.Path.cwd"):
        return folder
    if isinstance(node.func, ast.Attribute) and node.func.attr in _PATH_METHODS and name not in _PLAIN_CALLS:
        place = folder / _value(node.func.value, values, folder)
        return getattr(place, node.func.attr)(*arguments)
    if name.endswith(("abspath", "realpath")):
        arguments[0] = folder / arguments[0]
    return _PLAIN_CALLS[name](*arguments)


def _import_of_call(node: ast.Call) -> ImportNode | None:
    name = _literal(node) if _called(node) in _IMPORTING else None
    if name is None:
        words = _magic(node, "load_ext") or _magic(node, "reload_ext")
        run = _magic(node, "run")
        if run and "-m" in run[:-1]:
            words = run[run.index("-m") + 1 :]
        name = words[0] if words else None
    if not name:
        return None
    if name.startswith("."):
        return _relative_import(node, name)
    return ast.Import([ast.alias(name, "_")])


def _relative_import(node: ast.Call, name: str) -> ImportNode | None:
    package = node.args[1] if len(node.args) > 1 else next((k.value for k in node.keywords if k.arg == "package"), None)
    if isinstance(package, ast.Constant) and isinstance(package.value, str):
        try:
            return ast.Import([ast.alias(importlib.util.resolve_name(name, package.value), "_")])
        except ImportError:
            return None
    bare = name.lstrip(".")
    above, _, last = bare.rpartition(".")
    return ast.ImportFrom(above or None, [ast.alias(last)], len(name) - len(bare)) if bare else None


def _magic(node: ast.Call, name: str) -> list[str]:
    """The arguments of a call of this line magic; [] for any other call."""
    if _called(node) != "run_line_magic" or _literal(node) != name or len(node.args) < 2:
        return []
    line = node.args[1]
    if not isinstance(line, ast.Constant) or not isinstance(line.value, str):
        return []
    try:
        return shlex.split(line.value)
    except ValueError:
        return []


def _calls(body: Iterable[ast.stmt]) -> Iterator[ast.Call]:
    return (node for statement in body for node in _walk(statement) if isinstance(node, ast.Call))


def _walk(statement: ast.stmt) -> Iterator[ast.AST]:
    return (node for each in _with_magics(statement) for node in ast.walk(each))


def _with_magics(statement: ast.stmt) -> Iterator[ast.stmt]:
    """A statement, then those that its magics execute."""
    yield statement
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and (code := _code_of_magic(node)):
            tree = parse_cell(code)
            for inner in tree.body if tree is not None else ():
                yield from _with_magics(inner)


def _code_of_magic(node: ast.Call) -> str:
    """The Python code that a magic is given to execute; "" for any other call."""
    texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if _called(node) == "run_cell_magic" and len(texts) == 3 and texts[0] not in _NOT_PYTHON:
        return texts[2]
    if _called(node) == "run_line_magic" and len(texts) == 2 and texts[0] in _TIMING:
        return texts[1]
    return ""


def _called(node: ast.Call) -> str:
    func = node.func
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _literal(node: ast.Call) -> str | None:
    first = node.args[0] if node.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
