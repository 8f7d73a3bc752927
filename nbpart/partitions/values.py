"""The values that a parameter can have: one canonical form of each, as Python, as text, as JSON.

Equal values have one canonical form, and a canonical form has one text, so equal values make one key. A conversion
never loses anything: ``3`` is taken for a float and midnight for a date, but not ``2.5`` for an int.
Every function here raises a plain `ValueError` whose text is the reason; the caller adds the parameter's name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, TypeAlias

from nbpart.partitions.keys import escape, unescape

Value: TypeAlias = int | float | str | bool | date | datetime | None

#: The text of None; the text "null" itself is written so that it differs.
NULL = "null"
_ESCAPED_NULL = "%6Eull"


class Kind(StrEnum):
    """The type of a parameter, by its Python name."""

    INT = "int"
    FLOAT = "float"
    STR = "str"
    BOOL = "bool"
    DATE = "date"
    DATETIME = "datetime"


KINDS: Mapping[type, Kind] = {
    int: Kind.INT,
    float: Kind.FLOAT,
    str: Kind.STR,
    bool: Kind.BOOL,
    date: Kind.DATE,
    datetime: Kind.DATETIME,
}


def to_plain(value: object) -> object:
    """The equal value of a plain Python type, as a run can be given it: number, text, date, list or dict.

    Enums of text or numbers, numpy's scalars, pandas' Timestamps and other subclasses become the value that they equal;
    a tuple becomes a list. Raises ValueError, whose text says where and why, where there is no such value.
    """
    if isinstance(value, list | tuple):
        return [_inner(item, f"item {place}") for place, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {to_plain(key): _inner(item, f"item {key!r}") for key, item in value.items()}
    value = _without_numpy(value)
    if value is None or type(value) in KINDS:
        return value
    if isinstance(value, datetime):
        return _plain_datetime(value)
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, str):
        return str.__str__(value)
    raise ValueError(f"it is of type {type(value).__qualname__}: pass numbers, text, dates, or lists and dicts of them")


def to_canonical(kind: Kind, value: object) -> Value:
    """The one value of ``kind`` that equals ``value``; numpy scalars and subclasses become plain Python."""
    return _CANONICAL[kind](value)


def to_text(value: Value) -> str:
    """The text of a canonical value inside a key."""
    return _TEXT[type(value)](value)


def from_text(kind: Kind, text: str) -> Value:
    """The canonical value of ``kind`` for a text inside a key, canonical or not (``1e3``, ``True``)."""
    return _CANONICAL[kind](_PARSE[kind](unescape(text)))


def to_json(value: Value) -> int | float | str | bool | None:
    """A canonical value as JSON: dates and infinities as text."""
    if isinstance(value, date) or (isinstance(value, float) and math.isinf(value)):
        return _TEXT[type(value)](value)
    return value


def from_json(kind: Kind, value: int | float | str | bool | None) -> Value:
    """The canonical value of ``kind`` from its JSON form; the opposite of `to_json`."""
    if value is None:
        return None
    return _CANONICAL[kind](_PARSE[kind](value) if isinstance(value, str) else value)


def _canonical_int(value: object) -> int:
    if type(value) is not int:
        value = _without_numpy(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError
        value = int(value)
    if not -(2**63) <= value < 2**63:
        raise ValueError("it does not fit in 64 bits")
    return value


def _canonical_float(value: object) -> float:
    if type(value) is not float:
        value = _without_numpy(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError
        value = _exact_float(value)
    if math.isnan(value):
        raise ValueError("nan equals nothing, so it cannot name a partition")
    return value + 0.0  # -0.0 + 0.0 is 0.0


def _exact_float(value: int | float) -> float:
    try:
        exact = float(value)
    except OverflowError:
        exact = math.inf
    if isinstance(value, int) and exact != value:
        raise ValueError("as a float it would be another number")
    return exact


def _canonical_str(value: object) -> str:
    if type(value) is not str:
        value = _without_numpy(value)
        if not isinstance(value, str):
            raise ValueError
        value = str.__str__(value)
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair") from None
    return value


def _canonical_bool(value: object) -> bool:
    value = _without_numpy(value)
    if not isinstance(value, bool):
        raise ValueError
    return value


def _canonical_date(value: object) -> date:
    if type(value) is date:
        return value
    if isinstance(value, str):
        return date.fromisoformat(value)
    moment = _canonical_datetime(value)
    if moment.tzinfo is not None or moment.time() != time():
        raise ValueError("it has a time of day: pass its .date()")
    return moment.date()


def _inner(value: object, place: str) -> object:
    try:
        return to_plain(value)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _plain_datetime(value: datetime) -> datetime:
    if value != value:  # pandas.NaT is a datetime
        raise ValueError("it is not a time: pass None")
    if getattr(value, "nanosecond", 0):
        raise ValueError("it is finer than a microsecond: round it")
    return datetime.combine(value.date(), value.timetz())


def _canonical_datetime(value: object) -> datetime:
    value = _without_numpy(value)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        raise ValueError
    moment = _plain_datetime(value)
    if moment.utcoffset() is None:
        return moment.replace(tzinfo=None, fold=0)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it is out of range") from None


def _without_numpy(value: Any) -> object:
    """The Python value that a numpy scalar holds; anything else as it is. Does not import numpy."""
    if type(value).__module__ != "numpy" or getattr(value, "ndim", None) != 0:
        return value
    if value.dtype.kind == "M":  # item() of nanoseconds would be an int
        rounded = value.astype("datetime64[us]")
        if rounded != value:
            raise ValueError("it is finer than a microsecond, or not a time")
        value = rounded
    held: object = value.item()
    return held


def _parse_bool(text: str) -> bool:
    try:
        return {"true": True, "false": False}[text.strip().lower()]
    except KeyError:
        raise ValueError("write true or false") from None


def _str_to_text(value: str) -> str:
    return _ESCAPED_NULL if value == NULL else escape(value)


_CANONICAL: Mapping[Kind, Callable[[object], Value]] = {
    Kind.INT: _canonical_int,
    Kind.FLOAT: _canonical_float,
    Kind.STR: _canonical_str,
    Kind.BOOL: _canonical_bool,
    Kind.DATE: _canonical_date,
    Kind.DATETIME: _canonical_datetime,
}

_TEXT: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: NULL,
    int: int.__repr__,
    float: float.__repr__,
    str: _str_to_text,
    bool: lambda value: "true" if value else "false",
    date: date.isoformat,
    datetime: datetime.isoformat,
}

_PARSE: Mapping[Kind, Callable[[str], Value]] = {
    Kind.INT: int,
    Kind.FLOAT: float,
    Kind.STR: str,
    Kind.BOOL: _parse_bool,
    Kind.DATE: date.fromisoformat,
    Kind.DATETIME: datetime.fromisoformat,
}
