"""The values of columns that a key spells: parameters, dimensions, parents, windows. Attributes it does not know."""

from __future__ import annotations

from datetime import datetime, timezone, tzinfo
from functools import lru_cache

from nbpart.errors import PartitionKeyError
from nbpart.partitions.columns import Column, ColumnSource
from nbpart.partitions.definition import PartitionsDefinition
from nbpart.partitions.dynamic import DynamicPartitions
from nbpart.partitions.keys import shorten
from nbpart.partitions.parameters import Parameters
from nbpart.partitions.product import MultiPartitions
from nbpart.partitions.static import StaticPartitions
from nbpart.partitions.values import Value
from nbpart.partitions.windows import TimeWindowPartitions

#: The name under which a run is given the window of its partition.
PARTITION_WINDOW = "partition_window"
_ENDS = (ColumnSource.WINDOW_START, ColumnSource.WINDOW_END)


def key_values(definition: PartitionsDefinition, key: str) -> dict[str, Value]:
    """The value of each column of a key by name, in the order of the columns, without attributes.

    Times of windows are aware, with the offset that they have in the zone of their set. Raises `PartitionKeyError` or
    `ParameterError` for a text that is no key of these partitions.
    """
    return {column.name: _value(definition, key, column) for column in definition.columns if not is_attribute(column)}


def key_parameters(definition: PartitionsDefinition | None, key: str | None) -> dict[str, Value]:
    """The declared parameters that a key spells by name, also those of its dimensions and its parent."""
    if definition is None or key is None:
        return {}
    if not definition.columns:
        return {}
    if definition.parameters is not None and not definition.parts:
        return definition.parameters.parse(key)
    return {column.name: _value(definition, key, column) for column in definition.columns if is_parameter(column)}


def key_window(definition: PartitionsDefinition | None, key: str | None) -> tuple[datetime, datetime] | None:
    """Start and end of the window that a key belongs to, aware times; None unless it belongs to exactly one."""
    if definition is None or key is None:
        return None
    if count_windows(definition) != 1:
        return None
    start, end = (_value(definition, key, column) for column in definition.columns if _source(column) in _ENDS)
    assert isinstance(start, datetime), "windows have times"
    assert isinstance(end, datetime), "windows have times"
    return start, end


def window_zones(definition: PartitionsDefinition | None) -> dict[str, tzinfo]:
    """The zone of each column of a set that holds starts or ends of windows, by the name of the column."""
    if definition is None:
        return {}
    return {column.name: _zone(definition, column) for column in definition.columns if _source(column) in _ENDS}


def count_windows(definition: PartitionsDefinition | None) -> int:
    """To how many windows of time each key belongs."""
    columns = definition.columns if definition else ()
    return sum(_source(column) is ColumnSource.WINDOW_START for column in columns)


def is_parameter(column: Column) -> bool:
    """Whether a column is a declared parameter, of the set itself or of a dimension or parent."""
    return _source(column) is ColumnSource.PARAMETER


def own_part(definition: PartitionsDefinition, key: str) -> str:
    """What a key adds to that of its parent; the key itself where it has none."""
    return definition.split(key)[1] if isinstance(definition, DynamicPartitions) and definition.parts else key


def _value(definition: PartitionsDefinition, key: str, column: Column) -> Value:
    if column.source is ColumnSource.PART:
        part = dict(definition.parts)[str(column.part)]
        part_key = _split(definition, key)[str(column.part)]
        return part_key if column.of is None else _value(part, part_key, column.of)
    if column.source is ColumnSource.PARAMETER:
        assert definition.parameters is not None, "a column that is a parameter is declared"
        return _parse(definition.parameters, own_part(definition, key))[column.name]
    if isinstance(definition, StaticPartitions):
        return definition.read_value(key)
    if isinstance(definition, TimeWindowPartitions):
        start, end = _window(definition, key)
        local = start.date() if definition.is_dated else start.replace(tzinfo=None)
        return {ColumnSource.WINDOW_START: start, ColumnSource.WINDOW_END: end}.get(column.source, local)
    return own_part(definition, key)


def _zone(definition: PartitionsDefinition, column: Column) -> tzinfo:
    while column.of is not None:
        definition, column = dict(definition.parts)[str(column.part)], column.of
    assert isinstance(definition, TimeWindowPartitions), "only windows have a start"
    zone = definition.start.tzinfo
    assert zone is not None, "the start of windows is aware"
    return zone


def _split(definition: PartitionsDefinition, key: str) -> dict[str, str]:
    if isinstance(definition, MultiPartitions):
        return definition.split(key)
    assert isinstance(definition, DynamicPartitions), "only products and children have parts"
    return {str(definition.parent_column): definition.split(key)[0]}


@lru_cache(maxsize=1024)
def _parse(parameters: Parameters, text: str) -> dict[str, Value]:
    """The parameters of a text; the result is not to be changed."""
    return parameters.parse(text)


@lru_cache(maxsize=1024)
def _window(definition: TimeWindowPartitions, key: str) -> tuple[datetime, datetime]:
    window = definition.parse(key)
    if window is None:
        raise PartitionKeyError(f"Partitions {definition.name!r}: {shorten(key)} names no window of them.")
    return _with_offset(window[0]), _with_offset(window[1])


def _with_offset(moment: datetime) -> datetime:
    """A time with its offset in place of its zone: Python takes the hours of two times of one zone as the clock has
    them, and so a day of 25 hours would last 24."""
    offset = moment.utcoffset()
    assert offset is not None, "windows have aware times"
    return moment.replace(tzinfo=timezone(offset), fold=0)


def is_attribute(column: Column) -> bool:
    """Whether a column is a declared one that does not make the key, of the set itself or of a dimension or parent."""
    return _source(column) is ColumnSource.ATTRIBUTE


def _source(column: Column) -> ColumnSource:
    while column.of is not None:
        column = column.of
    return column.source
