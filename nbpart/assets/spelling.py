"""Writing values as Python expressions that make equal values."""

from __future__ import annotations

import datetime
import inspect
import re
import zoneinfo
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any

from nbpart.partitions import (
    DynamicPartitions,
    Parameters,
    PartitionsDefinition,
    definition_from_json,
    definition_to_json,
)

LINE = 100
NameOf = Callable[[Any], str]

CONTAINERS = (list, tuple, dict, set, frozenset)
_LITERALS = (bool, int, str, bytes, complex, type(None), type(...))


class CannotSpell(Exception):
    """A value, perhaps deep inside another, has no expression; ``value`` is that one."""

    def __init__(self, value: object) -> None:
        super().__init__(f"{type(value).__qualname__} has no literal")
        self.value = value


def spell(value: Any, name_of: NameOf, *, within: tuple[int, ...] = ()) -> str:
    """The expression that makes ``value`` again, over several lines where it is long.

    ``name_of(object)`` gives the expression for a class or function, and raises CannotSpell where there is none.
    """
    kind = type(value)
    if isinstance(value, Enum):
        is_named = value.name is not None and value.name.isidentifier()  # flags together have no name, or one with |
        return f"{name_of(kind)}.{value.name}" if is_named else f"{name_of(kind)}({spell(value.value, name_of)})"
    if kind is str:
        return _spell_text(value)
    if kind in _LITERALS:
        return "..." if value is ... else repr(value)
    if kind is float:
        return repr(value) if value - value == 0 else f'float("{value!r}")'
    if kind in CONTAINERS:
        if id(value) in within:
            raise CannotSpell(value)
        return _spell_container(value, lambda item: spell(item, name_of, within=(*within, id(value))), len(within))
    return _spell_object(value, name_of)


def spell_setting(value: Any) -> str | None:
    """The literal of a setting that JSON can carry too (text, numbers, None, lists, tuples, dicts); None for others."""
    try:
        spelled = spell(value, no_name)  # first, since it finds a list that holds itself
    except CannotSpell:
        return None
    return spelled if is_setting(value) else None


def is_setting(value: Any) -> bool:
    """Whether a default can stand in the parameters cell and be overridden from JSON."""
    if type(value) in (list, tuple):
        return all(is_setting(item) for item in value)
    if type(value) is dict:
        return all(type(key) is str and is_setting(item) for key, item in value.items())
    return type(value) in (bool, int, str, type(None)) or (type(value) is float and value - value == 0)


def no_name(value: object) -> str:
    """The ``name_of`` of plain constants: nothing has a name."""
    raise CannotSpell(value)


def _spell_text(value: str) -> str:
    spelled = repr(value)
    return f'"{spelled[1:-1]}"' if spelled[0] == "'" and '"' not in value else spelled


def _spell_container(value: Any, spell_item: Callable[[Any], str], depth: int) -> str:
    kind = type(value)
    if kind is dict:
        items = [f"{spell_item(k)}: {spell_item(v)}" for k, v in value.items()]
        return _lay_out("{", items, "}", depth)
    items = [spell_item(item) for item in value]
    if kind is list:
        return _lay_out("[", items, "]", depth)
    if kind is tuple:
        return f"({items[0]},)" if len(items) == 1 else _lay_out("(", items, ")", depth)
    items.sort()
    if kind is set:
        return _lay_out("{", items, "}", depth) if items else "set()"
    return _lay_out("frozenset({", items, "})", depth) if items else "frozenset()"


def _lay_out(opening: str, items: list[str], closing: str, depth: int) -> str:
    flat = opening + ", ".join(items) + closing
    if len(flat) <= LINE - 4 * depth and "\n" not in flat:
        return flat
    lines = (item.replace("\n", "\n    ") for item in items)
    return opening + "\n" + "".join(f"    {line},\n" for line in lines) + closing


def _spell_object(value: Any, name_of: NameOf) -> str:
    kind = type(value)
    if kind in (datetime.date, datetime.datetime, datetime.time, datetime.timedelta):
        return _spell_time(value, name_of)
    if value is datetime.UTC:
        return f"{name_of(datetime.timezone)}.utc"
    if kind is zoneinfo.ZoneInfo and value.key:
        return f"{name_of(kind)}({_spell_text(value.key)})"
    if isinstance(value, PurePath):
        public = next(c for c in kind.__mro__ if c.__name__ in ("Path", "PurePath", "PureWindowsPath", "PurePosixPath"))
        return f"{name_of(public)}({_spell_text(str(value))})"
    if kind is re.Pattern:
        return _spell_pattern(value, name_of)
    if kind in (range, Decimal):
        arguments = (value.start, value.stop, value.step) if kind is range else (str(value),)
        return f"{name_of(kind)}({', '.join(map(repr, arguments))})"
    if kind.__module__ == "numpy" and getattr(value, "shape", None) == () and hasattr(value, "item"):
        plain = value.item()
        if type(plain) in (bool, int, float, str):  # a date of numpy's comes back as something else
            return f"{name_of(kind)}({spell(plain, name_of)})"
    if isinstance(value, type) or inspect.isroutine(value) or hasattr(value, "__wrapped__"):
        return name_of(value)
    if isinstance(definition := getattr(value, "definition", value), DynamicPartitions):
        return _spell_partitions(definition, name_of)
    raise CannotSpell(value)


def _spell_partitions(definition: PartitionsDefinition, name_of: NameOf) -> str:
    """Partitions, also live ones, as the definition that gives the same keys and requests."""
    if not isinstance(definition, DynamicPartitions) or definition.attributes or definition.parent:
        parts = ", ".join(
            f"{_spell_text(part.set_name)}: {_spell_partitions(part, name_of)}" for _, part in definition.parts
        )
        return f"{name_of(definition_from_json)}({spell(definition_to_json(definition), name_of)}, {{{parts}}})"
    arguments = [_spell_text(definition.name)]
    if definition.parameters is not None:
        arguments.append(f"{name_of(Parameters)}.from_json({_spell_text(definition.parameters.to_json())})")
    return f"{name_of(DynamicPartitions)}({', '.join(arguments)})"


def _spell_time(value: Any, name_of: NameOf) -> str:
    kind = type(value)
    zone = getattr(value, "tzinfo", None)
    fields = repr(value.replace(tzinfo=None) if zone is not None else value).partition("(")[2].rstrip(")")
    arguments = [*([fields] if fields else []), *([f"tzinfo={spell(zone, name_of)}"] if zone is not None else [])]
    return f"{name_of(kind)}({', '.join(arguments)})"


def _spell_pattern(value: re.Pattern[Any], name_of: NameOf) -> str:
    flags = re.RegexFlag(value.flags & ~(re.UNICODE if isinstance(value.pattern, str) else 0))
    call = name_of(re.compile)
    owner = call.removesuffix(".compile") if call.endswith(".compile") or not flags else name_of(re.RegexFlag)
    names = [f"{owner}.{flag.name}" for flag in re.RegexFlag if flag & flags]
    pattern = value.pattern
    raw = isinstance(pattern, str) and "\\" in pattern and not re.search(r"[\"\n\r\x00-\x1f]|\\$", pattern)
    text = f'r"{pattern}"' if raw else spell(pattern, name_of)
    return f"{call}({', '.join([text, *([' | '.join(names)] if names else [])])})"
