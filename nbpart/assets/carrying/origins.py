"""Where an object of a namespace comes from, and how code elsewhere can name it."""

from __future__ import annotations

import ast
import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import (
    BuiltinFunctionType,
    CellType,
    FunctionType,
    GenericAlias,
    MappingProxyType,
    ModuleType,
    UnionType,
)
from typing import Any

from nbpart.assets.names import name_of_alias, parse
from nbpart.assets.sources import MAIN_MODULES, cell_sources

_DATA = frozenset({"pandas", "polars", "pyarrow", "numpy", "geopandas"})
_MADE_BY_CALL = (GenericAlias, UnionType, typing.TypeVar, typing.NewType, partial)


class _Unset:
    """A variable of an enclosing function before its assignment."""


UNSET = _Unset()


def is_of_ipython(value: Any) -> bool:
    """Whether what stands for a name that IPython gives is its own, or nothing, outside of IPython.

    Its ``open`` is a wrapper that calls itself by the name and the module of Python's.
    """
    if value is None or getattr(value, "__wrapped__", None) is open:
        return True
    return type(value).__module__.startswith("IPython") or (getattr(value, "__module__", None) or "").startswith(
        "IPython"
    )


def is_of_nbpart(value: Any) -> bool:
    """Whether an object, or the function that made it, belongs to nbpart."""
    module = getattr(value, "__module__", None) or ""
    return isinstance(module, str) and module.partition(".")[0] == "nbpart" and not isinstance(value, ModuleType)


def behind(value: Any) -> Any:
    """The function of an asset; any other value as it is."""
    is_asset = type(value).__module__.partition(".")[0] == "nbpart" and hasattr(value, "name")
    function = getattr(value, "function", None) if is_asset else None
    return value if function is None else function


def is_function(value: Any) -> bool:
    """Whether a value is a function, or a wrapper around one such as ``functools.cache`` makes."""
    return isinstance(value, FunctionType) or isinstance(getattr(value, "__wrapped__", None), FunctionType)


def registered_at(value: Any) -> list[Any]:
    """What a ``singledispatch`` function calls for the classes that were registered at it, in their order."""
    registry = getattr(value, "registry", None)
    if not isinstance(registry, MappingProxyType) or not hasattr(value, "dispatch"):
        return []
    return list({id(f): f for kind, f in registry.items() if kind is not object}.values())


def is_data(value: Any) -> bool:
    """Whether a value is a frame, a table or an array: something that can be saved as data."""
    return type(value).__module__.partition(".")[0] in _DATA


def is_estimator(value: Any) -> bool:
    """Whether a value is a model that was fitted or can be: it is called as those of scikit-learn are."""
    return callable(getattr(value, "fit", None)) and callable(getattr(value, "get_params", None))


def is_typing(value: Any) -> bool:
    """Whether a value is a type made of types, such as ``Literal["a"]`` or ``int | None``."""
    return isinstance(value, GenericAlias | UnionType) or type(value).__module__ == "typing"


def is_made_by_call(value: Any) -> bool:
    """Whether a value is carried as the statement that assigned it: type aliases, ``partial``, ``namedtuple``."""
    return is_typing(value) or isinstance(value, (*_MADE_BY_CALL, type))


def decorated(value: Any, name: str) -> Any:
    """The function called ``name`` under a decorator that did not use ``functools.wraps``; else the value itself."""
    if inspect.unwrap(value).__name__ == name:
        return value
    inner = variables_around(value).values() if isinstance(value, FunctionType) else ()
    return next((f for f in inner if is_function(f) and inspect.unwrap(f).__name__ == name), value)


def variables_around(function: FunctionType) -> dict[str, Any]:
    """The variables of enclosing functions that a function reads; UNSET where one has no value yet."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: _content(cell) for name, cell in cells if name != "__class__"}


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return UNSET


def import_line(name: str, value: Any, namespace: Mapping[str, Any]) -> str | None:
    """The import that binds ``name`` to a module, or to a class or function of a module; None for all else."""
    if isinstance(value, ModuleType):
        return _import_of_module(name, value)
    place = importable_as(value)
    if place is None or place[0] in MAIN_MODULES:
        return None
    module, attribute = place
    return f"from {module} import {attribute}" + (f" as {name}" if name != attribute else "")


def importable_as(value: Any) -> tuple[str, str] | None:
    """The module and name under which a class or function can be imported, the most public first; else None."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(value, BuiltinFunctionType) and module is None:
        module = _module_of_builtin(value)
    if not isinstance(module, str) or not isinstance(name, str) or module in MAIN_MODULES:
        return None
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        place = ".".join(parts[:length])
        if any(part.startswith("_") for part in parts[:length]) and length < len(parts):
            continue
        loaded = sys.modules.get(place)
        if loaded is not None and behind(vars(loaded).get(name)) is value and _can_be_imported(loaded):
            return place, name
    return None


def name_in(namespace: Mapping[str, Any], value: Any) -> str | None:
    """The name that a namespace has for a class or function, its own before others."""
    own = getattr(value, "__name__", None)
    names = [own] if isinstance(own, str) else []
    if own not in namespace:
        names += sorted(n for n, v in namespace.items() if v is value and n.isidentifier() and not n.startswith("_"))
    return next((n for n in names if behind(namespace.get(n)) is value), None)


def module_named_in(namespace: Mapping[str, Any], value: Any) -> tuple[str, str] | None:
    """The name that a namespace has for the module of a class or function, and the attribute there."""
    place = importable_as(value)
    if place is None:
        return None
    module = sys.modules[place[0]]
    names = sorted(n for n, v in namespace.items() if v is module and n.isidentifier() and not n.startswith("_"))
    return (names[0], place[1]) if names else None


def written_import(name: str, value: Any, namespace: Mapping[str, Any]) -> str | None:
    """The import by which a cell bound ``name``, if it still gives this very object."""
    for statement in _statements(namespace, ast.ImportFrom):
        for alias in statement.names:
            loaded = sys.modules.get(statement.module or "")
            found = vars(loaded).get(alias.name) if loaded is not None else None
            if name_of_alias(alias) == name and found is value and not statement.level:
                return ast.unparse(ast.ImportFrom(statement.module, [alias], 0))
    return None


def imported_submodules(namespace: Mapping[str, Any]) -> set[str]:
    """The dotted modules that cells imported as such: ``a.b`` of ``import a.b``."""
    aliases = (alias for statement in _statements(namespace, ast.Import) for alias in statement.names)
    return {alias.name for alias in aliases if alias.asname is None and alias.name in sys.modules and "." in alias.name}


def assignment_of(name: str, namespace: Mapping[str, Any]) -> str | None:
    """The source of the last ``name = ...`` at the top of a cell."""
    for statement in _statements(namespace, ast.Assign):
        target = statement.targets[0]
        if len(statement.targets) == 1 and isinstance(target, ast.Name) and target.id == name:
            return ast.unparse(statement)
    return None


S = typing.TypeVar("S", bound=ast.stmt)


def _statements(namespace: Mapping[str, Any], kind: type[S]) -> Iterator[S]:
    """The statements of one kind at the top of the cells of a namespace, the last first."""
    for text in cell_sources(namespace):
        try:
            body = parse(text).body
        except SyntaxError:
            continue  # a cell that never ran
        yield from (statement for statement in reversed(body) if isinstance(statement, kind))


def _import_of_module(name: str, module: ModuleType) -> str | None:
    if not _can_be_imported(module):
        return None
    full = {"posixpath": "os.path", "ntpath": "os.path"}.get(module.__name__, module.__name__)
    if full == name:
        return f"import {full}"
    above, _, last = full.rpartition(".")
    return f"from {above} import {last}" if above and last == name else f"import {full} as {name}"


def _can_be_imported(module: ModuleType) -> bool:
    return module.__name__ == "builtins" or getattr(module, "__spec__", None) is not None


def _module_of_builtin(value: Callable[..., Any]) -> str | None:
    owner = getattr(value, "__self__", None)
    return owner.__name__ if isinstance(owner, ModuleType) else None
