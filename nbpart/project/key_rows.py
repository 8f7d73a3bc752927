"""Rows of a frame or dicts, as keys of a set with the values of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbpart.errors import DeclarationError, NbpartError, ParameterError, PartitionKeyError, UnknownNameError, nearest
from nbpart.partitions import ColumnSource, DynamicPartitions, Kind, Parameters, Value
from nbpart.partitions.key_values import own_part
from nbpart.partitions.keys import shorten


@dataclass(frozen=True)
class KeyRows:
    """Keys, and of each the values of the declared attributes that were given, by name."""

    keys: list[str]
    attributes: list[dict[str, Value]]
    given: tuple[str, ...]


def read_rows(definition: DynamicPartitions, rows: Any, key: str | None) -> KeyRows:
    """Read a frame, or an iterable of dicts, as keys of a set.

    ``key`` names the column that holds the texts of keys; without it the parameters make them, and the parent's column
    in a set of children. Raises `ParameterError` and `PartitionKeyError` with the number of the row, from 0.
    """
    if key is None and definition.parameters is None and definition.parent is None:
        raise DeclarationError(
            f"partitions {definition.name!r} have no parameters: name the column that holds the keys, as in "
            "add_rows(frame, key='sample')."
        )
    dicts = list(_as_dicts(rows, definition, key))
    attributes = {one.name: one for one in definition.attributes or ()}
    given = tuple(name for name in attributes if any(name in row for row in dicts if isinstance(row, Mapping)))
    read = KeyRows([], [], given)
    for number, row in enumerate(dicts):
        if not isinstance(row, Mapping):
            raise ParameterError(f"row {number} is no dict of values but {shorten(row)}: use add() for keys as text.")
        try:
            own = {name: value for name, value in row.items() if name not in attributes}
            read.keys.append(_spell(definition, own, key))
            read.attributes.append({name: attributes[name].canonical(row[name]) for name in given if name in row})
        except (ParameterError, PartitionKeyError, UnknownNameError) as error:
            raise _in_row(error, number, definition) from None
    return read


def own_values(definition: DynamicPartitions, key: str) -> dict[str, Value]:
    """The values that a key of a set spells itself: its parameters, or the own part of a child."""
    own = own_part(definition, key)
    if definition.parameters is not None:
        return definition.parameters.parse(own)
    return {column.name: own for column in definition.columns if column.source is ColumnSource.KEY}


def _spell(definition: DynamicPartitions, own: Mapping[str, Any], key: str | None) -> str:
    if key is None:
        return definition.spell_key(own)
    if key not in own:
        raise ParameterError(f"it has no value for the key, {key!r}.")
    if others := [name for name in own if name != key]:
        known = [key, *(one.name for one in definition.attributes or ())]
        raise ParameterError(f"{others[0]!r} is no column of them; {nearest(str(others[0]), known)}")
    return definition.spell_key(own[key])


def _in_row(error: NbpartError, number: int, definition: DynamicPartitions) -> NbpartError:
    reason = str(error).removeprefix(f"Partitions {definition.name!r}: ")  # the caller says it, before the row
    return type(error)(f"row {number}: {reason}")


def _as_dicts(rows: Any, definition: DynamicPartitions, key: str | None) -> Iterable[Any]:
    """The rows of a frame as dicts without missing cells.

    A column of integers with a missing cell has floats in pandas: for an integer parameter they become integers again.
    """
    if not hasattr(rows, "columns"):
        return [rows] if isinstance(rows, Mapping) else list(rows)
    if key is not None and key not in rows.columns:
        raise ParameterError(f"the frame has no column {key!r}; {nearest(key, list(map(str, rows.columns)))}")
    declared: Sequence[Parameters] = [some for some in (definition.parameters, definition.attributes) if some]
    whole = {p.name for some in declared for p in some if p.kind is Kind.INT}
    optional = {p.name for some in declared for p in some if p.optional}
    columns = {
        str(name): [
            (None if name in optional else _ABSENT) if missing else _cell(value, name in whole)
            for value, missing in zip(rows[name], rows[name].isna(), strict=True)
        ]
        for name in rows.columns
    }
    return [
        {name: value for name, value in zip(columns, row, strict=True) if value is not _ABSENT}
        for row in zip(*columns.values(), strict=True)
    ]


_ABSENT = object()


def _cell(value: Any, is_whole: bool) -> Any:
    return int(value) if is_whole and isinstance(value, float) and value.is_integer() else value
