"""Finding the environment variables that code sets: its kernel must not have imported modules that read them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from nbpart.assets.cells import parse_cell

#: Stands for variables whose names only the running code knows.
ANY = "*"
_HINT = re.compile(r"environ|putenv|unsetenv|dotenv|env\b")
_METHODS = {"setdefault", "pop", "__setitem__", "__delitem__"}
_UNNAMED_METHODS = {"update", "clear", "popitem", "__ior__"}


def find_set_variables(sources: Iterable[str]) -> frozenset[str]:
    """The environment variables that these pieces of Python code, cells or files, set or delete.

    `ANY` is among them where a name is computed. Code that does not parse counts as setting none.
    """
    found: set[str] = set()
    for source in sources:
        tree = parse_cell(source) if _HINT.search(source) else None
        if tree is not None:
            found.update(_find(tree))
    return frozenset(found)


def _find(tree: ast.Module) -> Iterator[str]:
    known = _names_of_environment(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            if _is_environment(node.value, known):
                yield _text(node.slice)
        elif isinstance(node, ast.AugAssign):
            if _is_environment(node.target, known):
                yield from _keys([node.value])
        elif isinstance(node, ast.Call):
            yield from _find_called(node, known)


def _names_of_environment(tree: ast.Module) -> set[str]:
    """The names that stand for `os.environ`."""
    known = {"environ"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            known.update(alias.asname for alias in node.names if alias.name == "environ" and alias.asname)
        elif isinstance(node, ast.Assign) and _is_environment(node.value, known):
            known.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return known


def _is_environment(node: ast.AST, known: set[str]) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in ("environ", "environb")
    return isinstance(node, ast.Name) and node.id in known


def _find_called(call: ast.Call, known: set[str]) -> Iterator[str]:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in ("putenv", "unsetenv"):
        yield _text(call.args[0]) if call.args else ANY
    elif name == "load_dotenv":
        yield ANY
    elif name == "run_line_magic":
        yield from _find_magic([_text(argument) for argument in call.args])
    elif isinstance(function, ast.Attribute) and _is_environment(function.value, known):
        if name in _METHODS:
            yield _text(call.args[0]) if call.args else ANY
        elif name in _UNNAMED_METHODS:
            yield from _keys(call.args)
            yield from (keyword.arg or ANY for keyword in call.keywords)
            if name in ("clear", "popitem"):
                yield ANY


def _find_magic(words: list[str]) -> Iterator[str]:
    name, rest = [*words, "", ""][:2]
    if name == "dotenv":
        yield ANY
    elif name in ("env", "set_env") and (given := re.match(r"\s*([^\s=]+)[\s=]", rest)):
        yield ANY if "{" in given[1] or "$" in given[1] else given[1]


def _keys(arguments: Iterable[ast.expr]) -> Iterator[str]:
    for argument in arguments:
        if isinstance(argument, ast.Dict):
            yield from (ANY if key is None else _text(key) for key in argument.keys)
        else:
            yield ANY


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return node.value if isinstance(node.value, str) else node.value.decode("utf-8", "surrogateescape")
    return ANY
