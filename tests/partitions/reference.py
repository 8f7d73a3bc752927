"""What partitions and choices mean, in plain Python and without regard to time: the judge of what is fast."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from nbpart.partitions import (
    Column,
    ColumnSource,
    DynamicPartitions,
    MultiPartitions,
    PartitionsDefinition,
    StaticPartitions,
    TimeWindowPartitions,
)
from nbpart.partitions.choice import Between, ByColumns, DatePart, KeyChoice, KeyOrRange, OneKey

#: The keys of dynamic sets by the name of the set, in the order in which they were added, with their attributes.
Members = Mapping[str, Mapping[str, Mapping[str, object]]]


@dataclass(frozen=True)
class Row:
    """One key of a set, with its values by column and the rows that it is made of."""

    key: str
    values: dict[str, Any]
    window: tuple[datetime, datetime] | None = None
    parts: dict[str, Row] = field(default_factory=dict)


@dataclass(frozen=True)
class Clock:
    """What a state depends on beside definitions: now, and what was added."""

    now: datetime
    members: Members = field(default_factory=dict)


def members(**sets: Sequence[str]) -> Members:
    return {name: {key: {} for key in keys} for name, keys in sets.items()}


def list_rows(definition: PartitionsDefinition, clock: Clock) -> list[Row]:
    """All rows of a set, in its order."""
    if isinstance(definition, StaticPartitions):
        texts = zip(definition.keys, definition.values, strict=True)
        return [Row(key, {definition.column: value} if definition.column else {}) for key, value in texts]
    if isinstance(definition, TimeWindowPartitions):
        windows = definition.windows(clock.now)
        times = zip(windows.keys, windows.starts.tolist(), windows.ends.tolist(), strict=True)
        return [make_window_row(definition, key, from_epoch(start), from_epoch(end)) for key, start, end in times]
    if isinstance(definition, MultiPartitions):
        lists = [list_rows(part, clock) for _, part in definition.dimensions]
        return [make_product_row(definition, rows) for rows in itertools.product(*lists)]
    assert isinstance(definition, DynamicPartitions)
    return _list_dynamic(definition, clock)


def from_epoch(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)


def make_window_row(definition: TimeWindowPartitions, key: str, start: datetime, end: datetime) -> Row:
    local = start.astimezone(definition.start.tzinfo)
    value = local.date() if definition.is_dated else local.replace(tzinfo=None, fold=0)
    return Row(key, {definition.value_column.name: value, "window_start": start, "window_end": end}, (start, end))


def make_product_row(definition: MultiPartitions, rows: Sequence[Row]) -> Row:
    parts = dict(zip(definition.names, rows, strict=True))
    values = {column.name: value_of(column, parts) for column in definition.columns}
    return Row(definition.spell({name: row.key for name, row in parts.items()}), values, None, parts)


def value_of(column: Column, parts: Mapping[str, Row]) -> Any:
    assert column.part is not None
    row = parts[column.part]
    return row.key if column.of is None else row.values[column.of.name]


def _list_dynamic(definition: DynamicPartitions, clock: Clock) -> list[Row]:
    found = []
    parents = {row.key: row for row in (list_rows(definition.parent, clock) if definition.parent else ())}
    for key, attributes in clock.members.get(definition.name, {}).items():
        own, parts = key, {}
        if definition.parent is not None:
            above, own = definition.split(key)
            if above not in parents:
                continue
            parts = {str(definition.parent_column): parents[above]}
        declared = definition.attributes.canonical(attributes) if definition.attributes else {}
        given: dict[str, Any] = definition.parameters.parse(own) if definition.parameters else {}
        values = {}
        for column in definition.columns:
            if column.source is ColumnSource.PART:
                values[column.name] = value_of(column, parts)
            elif column.source is ColumnSource.KEY:
                values[column.name] = own
            else:
                values[column.name] = {**declared, **given}[column.name]
        found.append(Row(key, values, None, parts))
    return found


def choose(definition: PartitionsDefinition, choices: Sequence[KeyChoice], clock: Clock) -> list[str]:
    """The keys that are chosen, in the order of the set, each once."""
    rows = list_rows(definition, clock)
    places = {place for choice in choices for place in _find_places(definition, choice, rows, clock)}
    return [row.key for place, row in enumerate(rows) if place in places]


def _find_places(definition: PartitionsDefinition, choice: KeyChoice, rows: list[Row], clock: Clock) -> list[int]:
    if isinstance(choice, OneKey):
        return [place for place, row in enumerate(rows) if row.key == choice.text]
    if isinstance(choice, DatePart):
        return [place for place, row in enumerate(rows) if _is_within(choice, _date_of(definition, row))]
    if isinstance(choice, KeyOrRange):
        ways = [choice.keys, *((one,) for one in choice.ranges)]
        found = ([place for one in way for place in _find_places(definition, one, rows, clock)] for way in ways)
        return next((places for places in found if places), [])
    if isinstance(choice, Between):
        if isinstance(definition, TimeWindowPartitions):
            return [place for place, row in enumerate(rows) if _starts_between(definition, choice, row)]
        first, last = (_find_places(definition, end, rows, clock) for end in (choice.first, choice.last))
        return list(range(min(first), max(last) + 1)) if first and last else []
    assert isinstance(choice, ByColumns)
    parts = dict(definition.parts)
    of_parts = [(name, set(choose(parts[name], some, clock))) for name, some in choice.parts]
    return [
        place
        for place, row in enumerate(rows)
        if all(_has_value(row.values[column.name], values) for column, values in choice.values)
        and all(row.parts[name].key in keys for name, keys in of_parts)
    ]


def _has_value(value: Any, chosen: Sequence[Any]) -> bool:
    return any(_is_within(one, value) if isinstance(one, DatePart) else one == value for one in chosen)


def _starts_between(definition: TimeWindowPartitions, choice: Between, row: Row) -> bool:
    assert row.window is not None
    local = row.window[0].astimezone(definition.start.tzinfo).replace(tzinfo=None)
    first, last = choice.first, choice.last
    since = definition.parse(first.text)[0] <= row.window[0] if isinstance(first, OneKey) else first.since <= local  # type: ignore[index]
    until = row.window[0] <= definition.parse(last.text)[0] if isinstance(last, OneKey) else local < last.until  # type: ignore[index]
    return since and until


def _date_of(definition: PartitionsDefinition, row: Row) -> Any:
    assert definition.value_column is not None
    return row.values[definition.value_column.name]


def _is_within(part: DatePart, value: Any) -> bool:
    if value is None:
        return False
    moment = value if isinstance(value, datetime) else datetime.combine(value, datetime.min.time())
    return part.since <= moment.replace(tzinfo=None) < part.until


__all__ = ["Clock", "Members", "Row", "choose", "date", "list_rows", "members"]
