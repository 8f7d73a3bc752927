"""Which keys a person chooses: one, several, a range, a part of a date, all that have some values.

Nothing here knows which keys there are: a choice is read and checked for a definition, and resolved in the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeAlias, cast

from nbpart.errors import NbpartError, ParameterError, PartitionKeyError, nearest
from nbpart.partitions.columns import Column, ColumnSource
from nbpart.partitions.date_parts import DatePart, read_date_part
from nbpart.partitions.definition import PartitionsDefinition, name_partitions_in_errors
from nbpart.partitions.keys import shorten, unescape
from nbpart.partitions.moments import read_date_or_time
from nbpart.partitions.product import MultiPartitions
from nbpart.partitions.static import StaticPartitions
from nbpart.partitions.values import Kind, Value
from nbpart.partitions.windows import TimeWindowPartitions

RANGE_SIGN = ".."
_DATED = (Kind.DATE, Kind.DATETIME)
_OWN_IN_KEY = (ColumnSource.KEY, ColumnSource.PARAMETER)


@dataclass(frozen=True, slots=True)
class OneKey:
    """The key with this canonical text."""

    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Between:
    """All from ``first`` to ``last``, both included, in the order of the set; made by `between`.

    As `read_choice` returns it, each end is a `OneKey` or a `DatePart`, which is included whole.
    """

    first: Any
    last: Any

    def __repr__(self) -> str:
        return f"between({self.first!r}, {self.last!r})"


@dataclass(frozen=True, slots=True, repr=False)
class TypedText:
    """A text that was typed in a terminal, where also ``A..B`` and ``day=2013-01,origin=EWR`` choose keys.

    A text that is a key, or spells one, is that key.
    """

    text: str

    def __repr__(self) -> str:
        return repr(self.text)


@dataclass(frozen=True, slots=True)
class ByColumns:
    """All keys that have one of the given values in each of some columns.

    ``values`` are those of the set's own columns, ``parts`` the choices of keys of its dimensions or its parent. All of
    them have to hold; one part may stand there several times.
    """

    values: tuple[tuple[Column, tuple[Value | DatePart, ...]], ...]
    parts: tuple[tuple[str, tuple[KeyChoice, ...]], ...]


@dataclass(frozen=True, slots=True)
class KeyOrRange:
    """A typed text with ``..`` in it: the key ``text`` if there is one, else one of the ranges.

    ``keys`` is what the whole text chooses, empty where it can be no key and names no columns. Several ranges are
    possible where keys hold ``..`` too: it is the one whose ends exist.
    """

    text: str
    keys: tuple[KeyChoice, ...]
    ranges: tuple[KeyChoice, ...]


@dataclass(frozen=True, slots=True)
class _TypedValue:
    """A value inside a typed text, escaped as it is inside a key."""

    text: str


KeyChoice: TypeAlias = OneKey | DatePart | Between | ByColumns | KeyOrRange


def between(first: object, last: object) -> Between:
    """All keys from ``first`` to ``last``, both included, in the order of the set.

    A part of a date at an end is included whole, and so all of January is in ``between("2013-01", "2013-01")``. Of a
    product it is the keys within the range of each dimension: ends name all or the same some of them.
    """
    return Between(first, last)


def read_choice(definition: PartitionsDefinition, given: object) -> tuple[KeyChoice, ...]:
    """What ``given`` as keys chooses: a key, a dict of some or all values, a part of a date, `between`, or a list.

    Equal choices are one. Raises `PartitionKeyError`, `ParameterError`, and `UnknownNameError` for what cannot be keys
    of these partitions, and for a range that runs backwards.
    """
    with name_partitions_in_errors(definition):
        listed: Iterable[object] = given if _is_list(given) else [given]  # type: ignore[assignment]
        return tuple(dict.fromkeys(_read_one(definition, one) for one in listed))


def read_one_key(definition: PartitionsDefinition, given: object) -> str:
    """The text of the one key that ``given`` is: its text, its value, a date, or a dict of all that has no default.

    Raises what `read_choice` raises, and `PartitionKeyError` for what chooses several.
    """
    with name_partitions_in_errors(definition):
        if isinstance(given, Mapping):
            return definition.spell_key(given)
        choices = read_choice(definition, given)
        if len(choices) == 1 and isinstance(choices[0], OneKey):
            return choices[0].text
        raise PartitionKeyError(
            f"One key is taken here, and {shorten(given)} chooses {'several' if choices else 'none'}: give its text, "
            "or a value for all that makes a key."
        )


def read_typed_choice(definition: PartitionsDefinition, text: str) -> KeyChoice:
    """What a typed text chooses: a key, a range ``A..B``, or all keys with the values of ``day=2013-01,origin=EWR``.

    Raises what `read_choice` raises.
    """
    places = [found.start() for found in re.finditer(r"(?=\.\.)", text)]
    keys, refused = _try_to_read(lambda: _read_typed_key(definition, text))
    if not places:
        if refused is not None:
            raise refused
        return keys[0]
    ranges: list[KeyChoice] = []
    for at in places:
        given = Between(text[:at], text[at + len(RANGE_SIGN) :])
        found, error = _try_to_read(lambda given=given: read_choice(definition, given))  # type: ignore[misc]
        ranges += found
        if at == places[0] and _split_values(text) is None:
            refused = error  # somebody who types .. and no values means a range
    if not keys and not ranges and refused is not None:
        raise refused
    return KeyOrRange(text, keys, tuple(ranges))


def _try_to_read(read: Callable[[], tuple[KeyChoice, ...]]) -> tuple[tuple[KeyChoice, ...], NbpartError | None]:
    try:
        return read(), None
    except NbpartError as error:
        return (), error


def _read_typed_key(definition: PartitionsDefinition, text: str) -> tuple[KeyChoice, ...]:
    """What a typed text that is no range chooses: the key that it spells, else all keys with the values it names."""
    try:
        return read_choice(definition, text)
    except NbpartError:
        given = _split_values(text)
        if given is None or not definition.columns:
            raise
    with name_partitions_in_errors(definition):
        return (_read_columns(definition, given),)


def _split_values(text: str) -> dict[str, object] | None:
    """The values in ``day=2013-01,origin=EWR`` by name; None for a text of another form."""
    found: dict[str, object] = {}
    for one in text.split(","):
        name, equals, value = one.partition("=")
        if not equals or not value or "=" in value or name.strip() in found:
            return None
        found[name.strip()] = _TypedValue(value)
    return found


def _read_one(definition: PartitionsDefinition, given: object) -> KeyChoice:
    if isinstance(given, OneKey | DatePart | ByColumns | KeyOrRange):
        raise TypeError(f"{shorten(given)} is a choice that was read already")
    if isinstance(given, Between):
        return _read_range(definition, given)
    if isinstance(given, TypedText | _TypedValue):
        return read_typed_choice(definition, given.text if isinstance(given, TypedText) else unescape(given.text))
    if isinstance(given, Mapping):
        text = WholeKeys(definition).spell(given)
        return _read_columns(definition, given) if text is None else OneKey(text)
    if isinstance(definition, MultiPartitions) and (name := _dated_dimension(definition, given)):
        return ByColumns((), ((name, read_choice(dict(definition.dimensions)[name], given)),))
    if isinstance(definition, MultiPartitions) and isinstance(given, str):
        text = WholeKeys(definition).spell(definition.split(given))
        return OneKey(definition.spell_key(given) if text is None else text)
    return _read_end(definition, given)


def _read_end(definition: PartitionsDefinition, given: object) -> OneKey | DatePart:
    """A key, or a part of a date where the keys are dates or times and it is not one of them."""
    part = read_date_part(given)
    if part is None:
        return OneKey(definition.spell_key(given))
    if isinstance(definition, TimeWindowPartitions):
        is_key = isinstance(given, str) and definition.parse(given) is not None
        is_whole = definition.is_dated and part.until - part.since <= timedelta(days=1)
        return OneKey(definition.spell_key(given)) if is_key or is_whole else part
    column = definition.value_column
    if column is None or column.kind not in _DATED or _is_whole_value(column.kind, part):
        return OneKey(definition.spell_key(given))
    return part


def _read_range(definition: PartitionsDefinition, given: Between) -> KeyChoice:
    if isinstance(definition, MultiPartitions):
        first, last = (_split_end(definition, end) for end in (given.first, given.last))
        if first.keys() != last.keys():
            raise PartitionKeyError(
                f"The range from {shorten(given.first)} to {shorten(given.last)} gives other dimensions at its ends: "
                f"{', '.join(first)} and {', '.join(last)}."
            )
        dimensions = dict(definition.dimensions)
        return ByColumns(
            (), tuple((name, read_choice(dimensions[name], Between(first[name], last[name]))) for name in first)
        )
    ends = Between(_read_end(definition, given.first), _read_end(definition, given.last))
    if _runs_backwards(definition, ends):
        raise PartitionKeyError(
            f"The range from {shorten(given.first)} to {shorten(given.last)} runs backwards: give the key first that "
            "comes first."
        )
    return ends


def _split_end(definition: MultiPartitions, end: object) -> dict[str, object]:
    """One end of a range of a product, by dimension."""
    if isinstance(end, Mapping):
        if unknown := [name for name in end if name not in definition.names]:
            raise ParameterError(
                f"There is no dimension {shorten(unknown[0])}: {nearest(str(unknown[0]), definition.names)}"
            )
        return {name: end[name] for name in definition.names if name in end}
    if name := _dated_dimension(definition, end):
        return {name: end}
    return dict(definition.split(end if isinstance(end, str) else definition.spell_key(end)))


def _runs_backwards(definition: PartitionsDefinition, ends: Between) -> bool:
    """Whether that is seen without knowing which keys there are."""
    if (
        isinstance(definition, TimeWindowPartitions)
        or isinstance(ends.first, DatePart)
        or isinstance(ends.last, DatePart)
    ):
        since, until = _local_start(definition, ends.first), _local_start(definition, ends.last, is_last=True)
        return bool(since > until)
    if isinstance(definition, StaticPartitions):
        return definition.keys.index(ends.first.text) > definition.keys.index(ends.last.text)
    return False


def _local_start(definition: PartitionsDefinition, end: OneKey | DatePart, *, is_last: bool = False) -> Any:
    """By what an end is compared with another: an instant, or a time without offset."""
    if isinstance(definition, TimeWindowPartitions):
        if isinstance(end, OneKey):
            window = definition.parse(end.text)
            assert window is not None  # it was spelled as a key of it
            return window[0].timestamp()
        moment = end.until - timedelta(microseconds=1) if is_last else end.since
        return definition.localize(moment).timestamp()
    if isinstance(end, DatePart):
        return end.until - timedelta(microseconds=1) if is_last else end.since
    found = read_date_or_time(end.text)
    moment = found if isinstance(found, datetime) else datetime.combine(found or date.min, datetime.min.time())
    return moment.replace(tzinfo=None)


def _read_columns(definition: PartitionsDefinition, given: Mapping[Any, object]) -> KeyChoice:
    """A dict that is no whole key: all keys with these values."""
    chosen = {column.name: column for column in definition.columns if _is_in_key(column)}
    values: list[tuple[Column, tuple[Value | DatePart, ...]]] = []
    parts: list[tuple[str, tuple[KeyChoice, ...]]] = []
    by_name = dict(definition.parts)
    for name, value in given.items():
        if (column := chosen.get(name)) is None:
            if any(one.name == name for one in definition.columns):
                raise ParameterError(
                    f"{name!r} is a column and makes no key of theirs: where={shorten({name: value})} chooses by it, "
                    "and by what makes their keys too."
                )
            if not chosen:
                raise ParameterError(
                    f"They have no parameters, but {shorten(dict(given))} was given: give keys as text."
                )
            raise ParameterError(
                f"{shorten(name)} makes no key of theirs, but {shorten(dict(given))} was given: "
                f"{nearest(str(name), chosen)}"
            )
        if column.part is None:
            values.append((column, _read_values(definition, column, value)))
        elif column.name == column.part:
            parts.append((column.part, read_choice(by_name[column.part], value)))
        else:
            inner = column.of.name if column.of is not None else column.name
            parts.append((column.part, read_choice(by_name[column.part], {inner: value})))
    if not given:
        raise ParameterError(f"An empty dict chooses no key: name some of {', '.join(chosen)}.")
    return ByColumns(tuple(values), tuple(parts))


class WholeKeys:
    """Reads dicts that are keys of a set, many one after the other."""

    def __init__(self, definition: PartitionsDefinition) -> None:
        self._definition = definition
        self._own = {column.name: column for column in definition.columns if column.source in _OWN_IN_KEY}
        self._parts = dict(definition.parts)
        self._names = self._own.keys() | self._parts.keys()

    def spell(self, given: Mapping[Any, object]) -> str | None:
        """The key of a dict that gives one value to all that makes a key; None for another one.

        Raises what `read_choice` raises.
        """
        if not self._names or given.keys() != self._names:
            return None
        if not all(_is_one_value(column, given[name]) for name, column in self._own.items()):
            return None
        texts = {name: _spell_part(part, given[name]) for name, part in self._parts.items()}
        if None in texts.values():
            return None
        if isinstance(self._definition, MultiPartitions):
            return self._definition.spell(cast("dict[str, str]", texts))
        return self._definition.spell_key({**given, **texts})


def _spell_part(part: PartitionsDefinition, value: object) -> str | None:
    """The key of a dimension or parent that a value is; None where it chooses several."""
    try:
        return _spell_part_once(part, value)
    except TypeError:  # it cannot be hashed, as a dict cannot
        return _spell_part_once.__wrapped__(part, value)


@lru_cache(maxsize=4096, typed=True)
def _spell_part_once(part: PartitionsDefinition, value: object) -> str | None:
    if _is_list(value) or isinstance(value, Between):
        return None
    [choice] = read_choice(part, value)
    return choice.text if isinstance(choice, OneKey) else None


def _is_one_value(column: Column, value: object) -> bool:
    """Whether one value of a column is given as such, and neither several nor a part of a date."""
    if _is_list(value) or isinstance(value, Between | _TypedValue):
        return False
    part = read_date_part(value) if column.kind in _DATED else None
    return part is None or _is_whole_value(column.kind, part)


def _read_values(definition: PartitionsDefinition, column: Column, given: object) -> tuple[Value | DatePart, ...]:
    listed: Iterable[object] = given if _is_list(given) else [given]  # type: ignore[assignment]
    return tuple(dict.fromkeys(_read_value(definition, column, one) for one in listed))


def _read_value(definition: PartitionsDefinition, column: Column, given: object) -> Value | DatePart:
    """The canonical value of an own column, or a part of a date where that has dates or times."""
    text = given.text if isinstance(given, _TypedValue) else None
    if isinstance(given, Between) or (text and RANGE_SIGN in text and column.kind is not Kind.STR):
        raise ParameterError(f"between() is for keys and dimensions, and {column.name!r} is neither: list its values.")
    parameters = {one.name: one for one in definition.parameters or ()}
    given = unescape(text) if text is not None else given
    if column.kind in _DATED and (part := read_date_part(given)) and not _is_whole_value(column.kind, part):
        return part
    if column.name in parameters:
        return parameters[column.name].canonical(given) if text is None else parameters[column.name].parse(text)
    if isinstance(definition, TimeWindowPartitions):
        return _read_window_start(definition, given)
    if isinstance(definition, StaticPartitions):
        return definition.values[definition.keys.index(definition.spell_key(given))]
    if not isinstance(given, str):
        raise ParameterError(f"{column.name!r} is text, not {shorten(given)} of type {type(given).__name__}.")
    return given


def _read_window_start(definition: TimeWindowPartitions, given: object) -> Value:
    window = definition.parse(definition.spell_key(given))
    assert window is not None  # it was spelled as a key of it
    return window[0].date() if definition.is_dated else window[0].replace(tzinfo=None, fold=0)


def _dated_dimension(definition: MultiPartitions, given: object) -> str | None:
    """The one dimension with dates, if a part of a date is given."""
    if read_date_part(given) is None:
        return None
    dated = [
        name
        for name, one in definition.dimensions
        if isinstance(one, TimeWindowPartitions) or (one.value_column and one.value_column.kind in _DATED)
    ]
    if len(dated) > 1:
        raise PartitionKeyError(
            f"{shorten(given)} is a part of a date, and {' and '.join(dated)} have dates: name the dimension, as in "
            f"keys={{{dated[0]!r}: {shorten(given)}}}."
        )
    return dated[0] if dated else None


def _is_in_key(column: Column) -> bool:
    inner = column
    while inner.of is not None:
        inner = inner.of
    return inner.source not in (ColumnSource.ATTRIBUTE, ColumnSource.WINDOW_START, ColumnSource.WINDOW_END)


def _is_whole_value(kind: Kind, part: DatePart) -> bool:
    """Whether a part of a date is one value of a column already: a day, of dates."""
    return kind is Kind.DATE and part.until - part.since <= timedelta(days=1)


def _is_list(given: object) -> bool:
    return (
        isinstance(given, Iterable)
        and not isinstance(given, str | bytes | Mapping)
        and getattr(given, "ndim", None) != 0
    )
