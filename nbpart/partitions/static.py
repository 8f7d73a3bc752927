"""Partitions with a fixed list of keys."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, ClassVar, Literal

from nbpart.errors import DeclarationError, ParameterError, PartitionKeyError, UnknownNameError, nearest
from nbpart.partitions import values as v
from nbpart.partitions.columns import Column, ColumnSource
from nbpart.partitions.definition import PartitionsDefinition, name_partitions_in_errors
from nbpart.partitions.keys import check_key, shorten
from nbpart.partitions.names import UNNAMED, check_column_name, check_set_name
from nbpart.partitions.values import KINDS, Kind, Value


@dataclass(frozen=True, init=False)
class StaticPartitions(PartitionsDefinition):
    """A fixed list of partition keys, in the order in which they are shown.

    With ``column`` the keys are values of one type: numbers, texts, truth values, dates or times. They are a column of
    this name, so that 10 comes after 2 where it is sorted. ``keys`` are their texts, ``values`` the values themselves.

    Two lists of the same keys are one definition, and so are two with the same ``name``. Raises `DeclarationError`
    for an empty list, a key that stands twice or values of several types, `PartitionKeyError` for one that cannot be a
    key.
    """

    keys: tuple[str, ...]
    name: str | None
    column: str | None
    value_kind: Kind

    kind: ClassVar[Literal["static"]] = "static"

    def __init__(self, keys: Iterable[object], name: str | None = None, column: str | None = None) -> None:
        if isinstance(keys, str | bytes | Mapping) or not isinstance(keys, Iterable):
            raise DeclarationError(f"StaticPartitions takes a list of keys, not {shorten(keys)}.")
        give = object.__setattr__
        give(self, "name", None if name is None else check_set_name(name))
        give(self, "column", None if column is None else check_column_name(column, "column"))
        given = list(keys) if column is None else [_plain_value(key) for key in keys]
        give(self, "value_kind", Kind.STR if column is None else _find_kind(given))
        give(self, "keys", tuple(map(self._spell, given)))
        if not self.keys:
            raise DeclarationError("StaticPartitions has no keys: for keys that come later use DynamicPartitions.")
        if len(self._members) < len(self.keys):
            twice, _ = Counter(self.keys).most_common(1)[0]
            raise DeclarationError(f"StaticPartitions has the key {shorten(twice)} twice: give each key once.")

    @cached_property
    def set_name(self) -> str:
        """The name of its set of keys: ``name``, or one made of the keys whatever their order."""
        if self.name is not None:
            return self.name
        content = "\n".join(sorted(self.keys))  # no key holds a line break
        if self.column is not None:
            content += f"\n\n{self.column}: {self.value_kind}"
        return UNNAMED + hashlib.sha256(content.encode()).hexdigest()[:12]

    @property
    def columns(self) -> tuple[Column, ...]:
        return () if self.value_column is None else (self.value_column,)

    @cached_property
    def value_column(self) -> Column | None:
        return None if self.column is None else Column(self.column, self.value_kind, ColumnSource.KEY)

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """The typed value of each key; without ``column`` its text."""
        return tuple(map(self.read_value, self.keys))

    def spell_key(self, key: object) -> str:
        with name_partitions_in_errors(self):
            text = self._spell(key)
        if text not in self:
            raise UnknownNameError(f"{shorten(text)} is no key of {self!r}: {nearest(text, self.keys)}")
        return text

    @cached_property
    def _members(self) -> frozenset[str]:
        return frozenset(self.keys)

    def __contains__(self, key: object) -> bool:
        return key in self._members

    def __repr__(self) -> str:
        name = "" if self.name is None else f", name={self.name!r}"
        column = "" if self.column is None else f", column={self.column!r}"
        return f"StaticPartitions({shorten(list(self.keys))}{name}{column})"

    def _spell(self, key: object) -> str:
        if isinstance(key, Mapping) and self.column is not None and set(key) == {self.column}:
            key = key[self.column]
        if isinstance(key, Mapping):
            raise ParameterError(
                f"They have no parameters, but {shorten(dict(key))} was given: "
                "pass the key as text, or declare params=."
            )
        if self.column is None and not isinstance(key, str):
            raise PartitionKeyError(
                f"A partition key is text, but {shorten(key)} is of type {type(key).__name__}: pass str(...) of it, "
                "or give keys that are values the name of a column=."
            )
        if self.value_kind is Kind.STR:
            return check_key(key)
        return check_key(v.to_text(self.read_value(key)))

    def read_value(self, key: object) -> Value:
        """The canonical value of a key that is given as a value or as text; it need not be on the list."""
        if self.value_kind is Kind.STR:
            return str(key)
        try:
            return v.from_text(self.value_kind, key) if isinstance(key, str) else v.to_canonical(self.value_kind, key)
        except ValueError as reason:
            why = f": {reason}" if str(reason) else ""
            raise PartitionKeyError(
                f"The keys in {self.column!r} are of type {self.value_kind}, not {shorten(key)} of type "
                f"{type(key).__name__}{why}."
            ) from None


def _plain_value(value: Any) -> object:
    """The plain Python value that a key is made of. Raises `DeclarationError` where there is none."""
    if getattr(getattr(value, "dtype", None), "kind", None) == "M" and type(day := value.item()) is date:
        return day  # a numpy date, which is no time
    try:
        return v.to_plain(value)
    except ValueError as reason:
        raise DeclarationError(f"StaticPartitions has the key {shorten(value)}, and {reason}.") from None


def _find_kind(values: list[object]) -> Kind:
    """The one kind that all values have; whole numbers are floats where others are."""
    kinds = {KINDS.get(type(value)) for value in values}
    if kinds == {Kind.INT, Kind.FLOAT}:
        return Kind.FLOAT
    if len(kinds) > 1:
        types = sorted({type(value).__name__ for value in values})
        raise DeclarationError(
            f"StaticPartitions has keys of several types, {', '.join(types)}: give keys of one type."
        )
    if (kind := kinds.pop() if kinds else Kind.STR) is None:
        raise DeclarationError(
            f"StaticPartitions has the key {shorten(values[0])} of type {type(values[0]).__name__}: give keys of one "
            f"of the types {', '.join(Kind)}."
        )
    return kind
