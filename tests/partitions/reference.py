"""What partitions, choices and mappings mean, in plain Python and without regard to time: the judge of what is fast."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cronsim import CronSim

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
from nbpart.partitions.mapping import (
    AllKeys,
    By,
    Last,
    Match,
    Only,
    Overlap,
    Pairs,
    Previous,
    Same,
    Where,
    Whole,
)
from nbpart.partitions.mapping import (
    Mapping as KeyMapping,
)
from nbpart.partitions.mapping_check import compares_texts, expand_mapping
from nbpart.partitions.shared_structure import find_along

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
    known: dict[PartitionsDefinition, list[Row]] = field(default_factory=dict, compare=False)


def members(**sets: Sequence[str]) -> Members:
    return {name: {key: {} for key in keys} for name, keys in sets.items()}


def list_rows(definition: PartitionsDefinition, clock: Clock) -> list[Row]:
    """All rows of a set, in its order."""
    if definition not in clock.known:
        clock.known[definition] = _make_rows(definition, clock)
    return clock.known[definition]


def _make_rows(definition: PartitionsDefinition, clock: Clock) -> list[Row]:
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


#: What conditions mean, in Python: of a row of the input and of one that reads.
CONDITIONS: dict[str, Callable[[dict[str, Any], dict[str, Any]], bool]] = {
    "upstream.fold <> this.fold": lambda up, this: up["fold"] != this["fold"],
    "upstream.file <> this.partition_key": lambda up, this: up["file"] != this["partition_key"],
    "upstream.kind = 'x'": lambda up, this: up["kind"] == "x",
    "Upstream.partition_key > this.PARTITION_KEY": lambda up, this: up["partition_key"] > this["partition_key"],
    "upstream.shop = this.shop and upstream.fold <= this.fold": lambda up, this: (
        up["shop"] == this["shop"] and up["fold"] <= this["fold"]
    ),
    "upstream.shop = this.shop and upstream.day between this.day - 2 and this.day": lambda up, this: (
        up["shop"] == this["shop"] and this["day"] - timedelta(2) <= up["day"] <= this["day"]
    ),
    "upstream.window_end > this.window_start and upstream.window_start < this.window_end": lambda up, this: (
        up["window_end"] > this["window_start"] and up["window_start"] < this["window_end"]
    ),
    # midnight where the reader is: a date is compared with an instant in the zone of the set that reads
    "upstream.window_start = this.days": lambda up, this: up["window_start"] == this["window_start"],
    "upstream.kind is distinct from this.kind or this.kind is null": lambda up, this: (
        up["kind"] != this["kind"] or this["kind"] is None
    ),
}


@dataclass(frozen=True)
class Reading:
    """What one key reads: keys of the input, None for one without partitions, in its order.

    ``missing`` are required and do not exist, so that the reader is waiting; ``left_out`` lie outside the input. Where
    a dimension lacks them they are keys of that.
    """

    keys: list[str | None] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def make_row(definition: PartitionsDefinition, key: str, clock: Clock) -> Row:
    """The row of a key, also of a window that is no partition yet."""
    if isinstance(definition, MultiPartitions):
        return make_product_row(definition, [make_row(part, definition.split(key)[name], clock)
                                             for name, part in definition.dimensions])  # fmt: skip
    if isinstance(definition, TimeWindowPartitions):
        window = definition.parse(key)
        assert window is not None
        return make_window_row(definition, key, *window)
    return next(row for row in list_rows(definition, clock) if row.key == key)


def read(
    mapping: KeyMapping,
    reader: PartitionsDefinition | None,
    source: PartitionsDefinition | None,
    row: Row | None,
    clock: Clock,
) -> Reading:
    """What the key of ``row`` reads; both are None for a reader without partitions."""
    if source is None:
        assert isinstance(mapping, Whole)
        return Reading([None])
    full = expand_mapping(mapping, reader, source)
    rows = list_rows(source, clock)
    keys: list[str | None] = [one.key for one in rows]
    if isinstance(full, AllKeys):
        return Reading(keys)
    if isinstance(full, Last):
        return Reading(keys[-full.n :])
    if isinstance(full, Only):
        return Reading([key for key in keys if key in full.keys], [key for key in full.keys if key not in keys])
    if isinstance(full, Where):
        mine = {} if row is None else {"partition_key": row.key, **row.values}
        holds = CONDITIONS[full.text]
        return Reading([one.key for one in rows if holds({"partition_key": one.key, **one.values}, mine)])
    if isinstance(full, By):
        return _read_by(full, reader, source, row, clock)
    assert row is not None
    if isinstance(full, Same):
        return Reading([row.key])
    if isinstance(full, Pairs):
        listed = {up for up, this in zip(full.upstream, full.this, strict=True) if this == row.key}
        return Reading([key for key in keys if key in listed])
    assert isinstance(full, Overlap | Previous)
    assert isinstance(reader, TimeWindowPartitions)
    assert isinstance(source, TimeWindowPartitions)
    return _read_windows(full, reader, source, row, clock)


def find_readers(
    mapping: KeyMapping,
    reader: PartitionsDefinition,
    source: PartitionsDefinition | None,
    key: str | None,
    clock: Clock,
) -> list[str]:
    """The keys that read this key of the input, in the order of their set."""
    return [row.key for row in list_rows(reader, clock) if key in read(mapping, reader, source, row, clock).keys]


def _read_by(
    mapping: By, reader: PartitionsDefinition | None, source: PartitionsDefinition, row: Row | None, clock: Clock
) -> Reading:
    rows = list_rows(source, clock)
    missing: list[str] = []
    left_out: list[str] = []
    for match in mapping.matches:
        if match.mapping is None:
            assert reader is not None
            assert row is not None
            rows = [one for one in rows if _are_equal(match, reader, source, row, one)]
            continue
        along = find_along(source, match.theirs)
        mine = find_along(reader, match.mine) if reader is not None else None
        my_row = _row_along(reader, match.mine, row) if mine is not None else None
        inner = read(match.mapping, mine, along, my_row, clock)
        rows = [one for one in rows if _row_along(source, match.theirs, one).key in inner.keys]
        missing += inner.missing
        left_out += inner.left_out
    return Reading([one.key for one in rows], missing, left_out)


def _are_equal(
    match: Match, reader: PartitionsDefinition, source: PartitionsDefinition, mine: Row, theirs: Row
) -> bool:
    as_text = compares_texts(match, reader, source)
    one = _value(source, match.theirs, theirs, as_text)
    return one is not None and one == _value(reader, match.mine, mine, as_text)


def _value(definition: PartitionsDefinition, name: str, row: Row, as_text: bool) -> Any:
    if name == "partition_key":
        return row.key
    if as_text and name in row.parts:
        return row.parts[name].key
    return row.values[name]


def _row_along(definition: PartitionsDefinition | None, name: str, row: Row | None) -> Row:
    assert row is not None
    return row.parts[name] if definition is not None and name in dict(definition.parts) else row


def _read_windows(
    mapping: Overlap | Previous, reader: TimeWindowPartitions, source: TimeWindowPartitions, row: Row, clock: Clock
) -> Reading:
    assert row.window is not None
    if isinstance(mapping, Previous):
        wanted = _windows_before(source, row.window[0], mapping.n)
    else:
        since = _move(reader, row.window, mapping.start)[0]
        until = _move(reader, row.window, mapping.end)[1]
        wanted = _windows_within(source, since, until)
    existing = {one.window: one.key for one in list_rows(source, clock)}
    found = Reading()
    for window in wanted:
        is_inside = source.start <= window[0] and (source.end is None or window[1] <= source.end)
        if window in existing:
            found.keys.append(existing[window])
        elif is_inside or not mapping.clips:
            found.missing.append(_spell_window(source, window[0]))
        else:
            found.left_out.append(_spell_window(source, window[0]))
    return found


Window = tuple[datetime, datetime]


def _ticks(cron: str, at: datetime) -> Iterator[datetime]:
    """The instants of a cron expression from a time on, itself included; begun before, as cronsim is asked forwards."""
    found = CronSim(cron, at - timedelta(days=2))
    return (one.astimezone(UTC) for one in itertools.dropwhile(lambda one: one.astimezone(UTC) < at, found))


def _windows_from(definition: TimeWindowPartitions, at: datetime) -> Iterator[Window]:
    """The windows from one that begins at a time or later on; none of those that are excluded."""
    ticks = _ticks(definition.cron, at.astimezone(definition.start.tzinfo))
    return (one for one in itertools.pairwise(ticks) if not _is_excluded(definition, one))


def _windows_within(definition: TimeWindowPartitions, since: datetime, until: datetime) -> list[Window]:
    """The windows that overlap a time."""
    for days in (3, 70, 800, 8000):
        windows = _windows_from(definition, since - timedelta(days=days))
        found = list(itertools.takewhile(lambda one: one[0] < until, windows))
        if any(one[0] <= since for one in found):
            break
    return [one for one in found if one[1] > since]


def _windows_before(definition: TimeWindowPartitions, until: datetime, count: int) -> list[Window]:
    """The last windows that end at a time or before, in the order of time."""
    for days in (3, 70, 800, 8000):
        windows = _windows_from(definition, until - timedelta(days=days))
        found = list(itertools.takewhile(lambda one: one[1] <= until, windows))
        if len(found) >= count:
            break
    return found[-count:]


def _move(definition: TimeWindowPartitions, window: Window, by: int) -> Window:
    """The window so many later, or earlier where that is negative."""
    if by < 0:
        return _windows_before(definition, window[0], -by)[0]
    return next(itertools.islice(_windows_from(definition, window[0]), by, None))


def _is_excluded(definition: TimeWindowPartitions, window: Window) -> bool:
    start = window[0].astimezone(definition.start.tzinfo)
    for one in definition.exclude:
        if isinstance(one, str):
            if next(_ticks(one, start)) == start:
                return True
        elif isinstance(one, datetime):
            if window[0] <= one < window[1]:
                return True
        elif start.date() == one:
            return True
    return False


def _spell_window(definition: TimeWindowPartitions, start: datetime) -> str:
    local = start.astimezone(definition.start.tzinfo)
    is_second = local.fold == 1 and "%H" in definition.fmt and "%z" not in definition.fmt
    return local.strftime(definition.fmt) + (local.strftime("%z") if is_second else "")
