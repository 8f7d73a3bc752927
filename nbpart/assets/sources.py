"""Where the source of a function or class is: a module's file, a script, or the cells of a notebook."""

from __future__ import annotations
import __future__

import ast
import importlib.util
import inspect
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from nbpart.assets.names import Definition, bound_names, parse
from nbpart.errors import DeclarationError

MAIN_MODULES = frozenset({"__main__", "__mp_main__"})


@dataclass(frozen=True, slots=True)
class DefinitionSource:
    """A ``def`` or ``class`` statement with the text it stands in.

    ``deferred`` says that its annotations are not evaluated (``from __future__ import annotations``).
    """

    node: Definition
    text: str
    deferred: bool

    def without(self, decorators: list[ast.expr]) -> str:
        """The source of the statement without some of its decorators, moved to the left margin."""
        lines = self.text.splitlines()
        dropped = {n for d in decorators for n in range(d.lineno, (d.end_lineno or d.lineno) + 1)}
        numbers = range(first_line(self.node), (self.node.end_lineno or self.node.lineno) + 1)
        kept = "\n".join(lines[n - 1] for n in numbers if n not in dropped)
        return kept if self.node.col_offset == 0 else self._dedented(kept, decorators)

    def _dedented(self, kept: str, decorators: list[ast.expr]) -> str:
        """Moves a nested statement to the margin, unless that would change a text that spans lines."""
        bare = parse(ast.unparse(self.node)).body[0]
        assert isinstance(bare, Definition)
        unwanted = {ast.dump(d) for d in decorators}
        bare.decorator_list = [d for d in bare.decorator_list if ast.dump(d) not in unwanted]
        try:
            moved = textwrap.dedent(kept)
            return moved if ast.dump(ast.parse(moved).body[0]) == ast.dump(bare) else ast.unparse(bare)
        except SyntaxError:
            return ast.unparse(bare)


def plain_function(function: Callable[..., Any]) -> FunctionType:
    """The ``def`` behind a function, under the wrappers that ``functools.wraps`` made.

    Raises DeclarationError for a lambda, a method, or a callable that no ``def`` made.
    """
    if getattr(function, "__self__", None) is not None and inspect.ismethod(function):
        raise DeclarationError(f"{function.__qualname__!r} is a method; write a function that calls it.")
    inner = inspect.unwrap(function)
    if not isinstance(inner, FunctionType):
        raise DeclarationError(f"{function!r} is of type {type(function).__name__}; write a function with def.")
    if inner.__code__.co_name == "<lambda>":
        raise DeclarationError("A lambda has no name and no source of its own; write a function with def.")
    return inner


def is_importable(function: Callable[..., Any]) -> bool:
    """Whether a run can import this function: a module of its own file binds its name.

    It is judged by the file, since a decorator is called before the module has the name.
    """
    module, qualname = getattr(function, "__module__", None), getattr(function, "__qualname__", "<locals>")
    if not module or module in MAIN_MODULES or "<locals>" in qualname or "<lambda>" in qualname:
        return False
    path = _file_of_module(module)
    if path is None:
        return False
    name = qualname.partition(".")[0]
    try:
        return any(name in bound_names(statement) for statement in parse(read_source(path)).body)
    except SyntaxError:
        return False


def module_file(function: Callable[..., Any]) -> Path:
    """The file of the module that an importable function belongs to. Raises DeclarationError where there is none."""
    path = _file_of_module(function.__module__)
    if path is None:
        raise DeclarationError(
            f"The file of module {function.__module__!r} cannot be found; import it from a .py file."
        )
    return path


def import_root(function: Callable[..., Any]) -> Path:
    """The folder that has to be on ``sys.path`` for ``import <module of the function>``."""
    path = module_file(function)
    above = path.parent if path.stem != "__init__" else path.parent.parent
    for _ in range(function.__module__.count(".")):
        above = above.parent
    return above


def read_source(path: Path) -> str:
    """The text of a Python file, in the encoding that it declares."""
    try:
        return importlib.util.decode_source(path.read_bytes())
    except (UnicodeDecodeError, LookupError) as error:
        raise SyntaxError(f"{path.name} is not in the encoding that it declares: {error}") from error


def find_function(function: FunctionType) -> DefinitionSource:
    """The ``def`` statement that made a function. Raises DeclarationError where its source is not at hand."""
    code = function.__code__
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename, function.__globals__))
    deferred = bool(code.co_flags & __future__.annotations.compiler_flag)
    for node in _definitions_in(text):
        if node.name == code.co_name and code.co_firstlineno in (first_line(node), node.lineno):
            return DefinitionSource(node, text, deferred)
    raise DeclarationError(
        f"The source of {function.__qualname__!r} cannot be found, or has changed since it was executed; "
        "define it in a notebook cell or in a .py file, and execute that again."
    )


def find_class(cls: type, namespace: Mapping[str, Any]) -> DefinitionSource | None:
    """The ``class`` statement that made a class of a notebook or script, or None."""
    methods = [value for value in vars(cls).values() if isinstance(value, FunctionType)]
    deferred = namespace.get("annotations") is __future__.annotations
    files = dict.fromkeys(
        m.__code__.co_filename for m in methods if m.__qualname__ == f"{cls.__qualname__}.{m.__name__}"
    )
    own = ["".join(linecache.getlines(file)) for file in files]
    for text in [*own, *cell_sources(namespace)]:
        fitting = [n for n in _definitions_in(text) if isinstance(n, ast.ClassDef) and _made(n, cls)]
        if fitting:
            return DefinitionSource(fitting[-1], text, deferred)
    return None


def cell_sources(namespace: Mapping[str, Any]) -> Iterator[str]:
    """The cells that were executed in a namespace, the newest first; of a script or module, its file."""
    executed = namespace.get("In")
    if isinstance(executed, list):
        yield from (text for text in reversed(executed) if isinstance(text, str))
    if namespace.get("__name__") in MAIN_MODULES:
        cells = [e for f, e in linecache.cache.items() if len(e) == 4 and ("ipython-input" in f or "ipykernel" in f)]
        yield from ("".join(entry[2]) for entry in reversed(cells))
    file = namespace.get("__file__")
    if isinstance(file, str):
        yield "".join(linecache.getlines(file))


def first_line(node: Definition) -> int:
    """The line where a definition starts, its decorators included."""
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])


def _definitions_in(text: str) -> list[Definition]:
    try:
        return [node for node in ast.walk(parse(text)) if isinstance(node, Definition)]
    except SyntaxError:
        return []


def _made(node: ast.ClassDef, cls: type) -> bool:
    methods = {m.name for m in node.body if isinstance(m, ast.FunctionDef) and not m.name.startswith("__")}
    return node.name == cls.__name__ and methods <= set(vars(cls))


def _file_of_module(name: str) -> Path | None:
    module: ModuleType | None = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py") or not Path(file).is_file():
        return None
    return Path(file).absolute()
