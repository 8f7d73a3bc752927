"""Checking carried code: it is executed in a namespace of its own, and the objects compared with the current ones."""

from __future__ import annotations

import abc
import ast
import contextlib
import functools
import inspect
import io
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any

from nbpart.assets.carrying.comparison import is_same_code
from nbpart.assets.carrying.origins import behind
from nbpart.assets.names import parse, root_name

#: What a class has of its own accord, or what tells nothing of what it does.
_OF_EVERY_CLASS = frozenset(
    {"__module__", "__dict__", "__weakref__", "__doc__", "__annotations__", "__qualname__", "__firstlineno__"}
    | {"__static_attributes__", "__abstractmethods__", "_abc_impl", "__orig_bases__", "__parameters__", "__annotate__"}
    | {"__annotate_func__", "__annotations_cache__", "__conditional_annotations__", "__classdictcell__"}
    | {"__match_args__", "__hash__", "__type_params__"}
)
_OF_EVERY_FUNCTION = frozenset({"__wrapped__", "__annotations__", "__doc__"})
_WITHOUT_STATE = (
    *(types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType),
    *(type(threading.Lock()), type(threading.RLock()), weakref.ref, weakref.WeakKeyDictionary),
)


class _Differs(Exception):
    """Two objects differ; the message says in what."""


def find_difference(
    source: str, live: Mapping[str, Any], given: Mapping[str, Any], imported: Mapping[str, Any]
) -> tuple[str, str] | None:
    """The name of the first of the ``live`` objects that ``source`` would define differently, and how they differ.

    ``given`` are names that exist where it is executed, ``imported`` those that it imports. Returns None where all are
    equal, and where executing it could change objects of others.
    """
    if _reaches_out(source, imported):
        return None
    namespace: dict[str, Any] = {"__name__": "__main__", **given}
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            # the user's own code, which was executed in this process before
            exec(compile(source, "<carried>", "exec", dont_inherit=True), namespace)  # noqa: S102
    except Exception as error:  # noqa: BLE001 - whatever the user's code raises
        name = next(iter(live))
        return name, f"executing it anew raises {type(error).__name__}: {error}"
    comparison = _Comparison(live, namespace)
    for name, value in live.items():
        try:
            comparison.compare(value, namespace.get(name))
        except _Differs as found:
            return name, str(found)
    return None


def _reaches_out(source: str, imported: Mapping[str, Any]) -> bool:
    """Whether a decorator registers something with an imported object, which a second execution would do again."""
    for node in ast.walk(parse(source)):
        for decorator in getattr(node, "decorator_list", ()):
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            root = imported.get(root_name(called) or "")
            if root is None:
                continue
            is_plain = isinstance(root, types.ModuleType | type | types.FunctionType | types.BuiltinFunctionType)
            if not is_plain or "regist" in ast.unparse(called).lower():
                return True
    return False


class _Comparison:
    """Compares objects with rebuilt ones; ``live`` and ``namespace`` have the two of each name."""

    def __init__(self, live: Mapping[str, Any], namespace: Mapping[str, Any]) -> None:
        self._twins = {id(value): namespace.get(name) for name, value in live.items() if _has_identity(value)}
        self._names = {(v.__module__, v.__qualname__) for v in live.values() if isinstance(v, type)}
        self._asks_subclasses = any("__subclasses__" in _names_of(value) for value in live.values())
        self._seen: set[tuple[int, int]] = set()

    def compare(self, one: Any, other: Any) -> None:
        """Raise _Differs where the two objects behave differently."""
        one, other = behind(one), behind(other)
        if one is other or (id(one), id(other)) in self._seen:
            return
        self._seen.add((id(one), id(other)))
        if id(one) in self._twins and behind(self._twins[id(one)]) is not other:
            raise _Differs("it stands for another object")
        if isinstance(one, type):
            return self._compare_classes(one, other)
        if type(one) is not type(other) and not self._are_twins(type(one), type(other)):
            raise _Differs(f"it is {_describe(one)}, and its source makes {_describe(other)}")
        for kind, compare in self._kinds():
            if isinstance(one, kind):
                return compare(one, other)
        self._compare_objects(one, other)

    def _kinds(self) -> Iterator[tuple[Any, Callable[[Any, Any], None]]]:
        yield types.FunctionType, self._compare_functions
        yield functools.partial, self._compare_partials
        yield types.MethodType, self._compare_methods
        yield (staticmethod, classmethod), lambda one, other: self.compare(one.__func__, other.__func__)
        yield property, self._compare_properties
        yield Enum, self._compare_members
        yield (dict, types.MappingProxyType), self._compare_mappings
        yield (list, tuple), self._compare_sequences
        yield (set, frozenset), self._compare_sets
        yield types.CellType, lambda one, other: self.compare(_content(one), _content(other))
        yield _WITHOUT_STATE, lambda one, other: None

    def _compare_functions(self, one: types.FunctionType, other: types.FunctionType) -> None:
        # what is a variable of a function around it becomes a constant beside it
        if one.__code__.co_freevars != other.__code__.co_freevars:
            is_same = one.__code__.co_name == other.__code__.co_name
        else:
            is_same = is_same_code(one.__code__, other.__code__)
        if not is_same:
            raise _Differs(f"it is {_describe(one)}, and its source makes {_describe(other)}")
        names = inspect.signature(one, follow_wrapped=False).parameters
        self._compare_defaults(one.__defaults__ or (), other.__defaults__ or (), list(names))
        mine, theirs = one.__kwdefaults__ or {}, other.__kwdefaults__ or {}
        for name in mine.keys() | theirs.keys():
            self._within(f"the default of {name!r}", mine.get(name), theirs.get(name))
        if _is_dispatching(one):
            self._compare_registries(one, other)
        else:
            self._compare_closures(one, other)
        self._compare_attributes(_attributes(one), _attributes(other))
        self.compare(getattr(one, "__wrapped__", None), getattr(other, "__wrapped__", None))

    def _compare_defaults(self, one: tuple[Any, ...], other: tuple[Any, ...], names: list[str]) -> None:
        if len(one) != len(other):
            raise _Differs("its defaults were changed")
        for place, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            name = names[place] if place < len(names) else "?"
            self._within(f"a default (of {name!r} or after it)" if len(one) > 1 else "its default", mine, theirs)

    def _compare_closures(self, one: types.FunctionType, other: types.FunctionType) -> None:
        mine, theirs = (dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True)) for f in (one, other))
        for name in mine.keys() & theirs.keys() - {"__class__"}:
            self._within(f"the variable {name!r} around it", _content(mine[name]), _content(theirs[name]))

    def _compare_registries(self, one: Any, other: Any) -> None:
        """What a ``singledispatch`` function does for each class."""
        mine, theirs = dict(one.registry), dict(other.registry)
        twins: dict[Any, Any] = {self._twins.get(id(kind), kind): made for kind, made in mine.items()}
        if twins.keys() != theirs.keys():
            names = sorted(kind.__name__ for kind in twins.keys() ^ theirs.keys())
            raise _Differs(f"what is registered for {', '.join(names)}")
        for kind, implementation in twins.items():
            self._within(f"what is registered for {kind.__name__}", implementation, theirs[kind])

    def _compare_partials(self, one: Any, other: Any) -> None:
        self._within("its function", one.func, other.func)
        self._within("its arguments", one.args, other.args)
        self._within("its arguments", one.keywords, other.keywords)

    def _compare_methods(self, one: types.MethodType, other: types.MethodType) -> None:
        self.compare(one.__func__, other.__func__)
        self.compare(one.__self__, other.__self__)

    def _compare_properties(self, one: property, other: property) -> None:
        for name in ("fget", "fset", "fdel"):
            self.compare(getattr(one, name), getattr(other, name))

    def _compare_classes(self, one: type, other: Any) -> None:
        if not isinstance(other, type) or (one.__name__, one.__module__) != (other.__name__, other.__module__):
            raise _Differs(f"it is {_describe(one)}, and its source makes {_describe(other)}")
        if id(one) not in self._twins and not self._is_of_carried_code(one):
            raise _Differs(f"it stands for another class {one.__name__!r}")
        self._within("its metaclass", type(one), type(other))
        self._within("its bases", one.__bases__, other.__bases__)
        self._compare_attributes(_own_attributes(one), _own_attributes(other))
        if isinstance(one, abc.ABCMeta):
            self._compare_registered(one, other)
        if self._asks_subclasses:
            mine, theirs = _subclass_names(one), _subclass_names(other)
            if mine != theirs:
                raise _Differs(f"its subclasses {', '.join(sorted(mine ^ theirs))}")

    def _is_of_carried_code(self, kind: type) -> bool:
        # also a class that a decorator made anew, or one inside another
        names = (kind.__module__, kind.__qualname__)
        return names in self._names or "." in kind.__qualname__

    def _compare_registered(self, one: type, other: type) -> None:
        mine, theirs = (_registered_at(each) for each in (one, other))
        if mine != theirs:
            raise _Differs(f"{', '.join(sorted(mine ^ theirs))}, registered at it later")

    def _compare_members(self, one: Enum, other: Enum) -> None:
        if one.name != other.name:
            raise _Differs(f"its member {one.name}")
        self._within(f"its member {one.name}", one.value, other.value)

    def _compare_mappings(self, one: Mapping[Any, Any], other: Mapping[Any, Any]) -> None:
        mine = {self._key(key): value for key, value in one.items()}
        theirs = {_plain_key(key): value for key, value in other.items()}
        if mine.keys() != theirs.keys():
            raise _Differs(f"its keys {', '.join(sorted(map(str, mine.keys() ^ theirs.keys())))[:200]}")
        for key, value in mine.items():
            self._within(f"its {str(key)[:60]}", value, theirs[key])

    def _compare_sequences(self, one: Any, other: Any) -> None:
        if len(one) != len(other):
            raise _Differs(f"its length, {len(one)} and {len(other)}")
        for mine, theirs in zip(one, other, strict=True):
            self.compare(mine, theirs)

    def _compare_sets(self, one: Any, other: Any) -> None:
        if {self._key(item) for item in one} != {_plain_key(item) for item in other}:
            raise _Differs("its items")

    def _compare_attributes(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
        if one.keys() != other.keys():
            names = ", ".join(sorted(one.keys() ^ other.keys()))
            raise _Differs(f"its attribute {names}")
        for name, value in one.items():
            self._within(f"its attribute {name}", value, other[name])

    def _compare_objects(self, one: Any, other: Any) -> None:
        wrapped = getattr(one, "__wrapped__", None)
        if isinstance(one, functools._lru_cache_wrapper):
            self._compare_mappings(one.cache_parameters(), other.cache_parameters())
            return self.compare(wrapped, other.__wrapped__)
        try:
            if bool(one == other) or (one != one and other != other):
                return
        except Exception:  # noqa: BLE001 - an array, or whatever a class makes of it
            pass
        mine, theirs = _state_of(one), _state_of(other)
        if mine is None or theirs is None:
            if repr(one) != repr(other):
                raise _Differs(f"it is {_describe(one)}, and its source makes {_describe(other)}")
            return
        self._compare_attributes(mine, theirs)

    def _within(self, what: str, one: Any, other: Any) -> None:
        try:
            self.compare(one, other)
        except _Differs as found:
            raise _Differs(what if len(what) > 100 else f"{what} ({found})") from None

    def _are_twins(self, one: type, other: type) -> bool:
        return self._twins.get(id(one)) is other or (
            self._is_of_carried_code(one) and one.__qualname__ == other.__qualname__
        )

    def _key(self, key: Any) -> Any:
        return self._twins.get(id(key), _plain_key(key)) if _has_identity(key) else _plain_key(key)


def _plain_key(key: Any) -> Any:
    """A key by which two of carried code are found equal."""
    return (type(key).__qualname__, key.name) if isinstance(key, Enum) else key


def _has_identity(value: Any) -> bool:
    return isinstance(value, type) or callable(value)


def _is_dispatching(function: Any) -> bool:
    return isinstance(getattr(function, "registry", None), types.MappingProxyType) and hasattr(function, "dispatch")


def _attributes(function: types.FunctionType) -> dict[str, Any]:
    own = {name: value for name, value in vars(function).items() if name not in _OF_EVERY_FUNCTION}
    if _is_dispatching(function):
        own = {n: v for n, v in own.items() if n not in ("register", "dispatch", "registry", "_clear_cache")}
    return own


def _own_attributes(kind: type) -> dict[str, Any]:
    return {name: value for name, value in vars(kind).items() if name not in _OF_EVERY_CLASS}


def _registered_at(kind: Any) -> set[str]:
    found = abc._get_dump(kind)[0]  # type: ignore[attr-defined]
    return {each.__qualname__ for ref in found if (each := ref()) is not None}


def _subclass_names(kind: type) -> set[str]:
    found: list[type] = type.__subclasses__(kind)
    return {each.__name__ for each in found}


def _state_of(value: Any) -> dict[str, Any] | None:
    """The attributes of an object; None where it has none that can be looked at."""
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ()) if isinstance(name, str)]
    state = {name: getattr(value, name) for name in slots if name != "__weakref__" and hasattr(value, name)}
    if hasattr(value, "__dict__"):
        state |= vars(value)
    elif not slots:
        return None
    return state


def _names_of(value: Any) -> set[str]:
    """The attributes that the code of a function or class names, also in what is inside."""
    functions = [value, *vars(value).values()] if isinstance(value, type) else [value]
    pending = [inspect.unwrap(f).__code__ for f in functions if hasattr(inspect.unwrap(f), "__code__")]
    names: set[str] = set()
    while pending:
        code = pending.pop()
        names.update(code.co_names)
        pending.extend(constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return names


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _describe(value: Any) -> str:
    if isinstance(value, types.FunctionType):
        return f"the function {value.__qualname__}"
    if isinstance(value, type):
        return f"the class {value.__qualname__}"
    return (
        f"{value!r}"[:80] if isinstance(value, int | float | str | bool | type(None)) else f"a {type(value).__name__}"
    )
