"""What users of other tools met with mappings, asked of the reference that judges the catalog's joins."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.partitions import (
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    PartitionsDefinition,
    StaticPartitions,
    WeeklyPartitions,
)
from nbpart.partitions.mapping import Mapping, all_keys, by, last, only, overlap, pairs, previous
from nbpart.partitions.mapping_check import check_mapping
from nbpart.partitions.shared_structure import default_mapping
from tests.partitions.reference import Clock, find_readers, list_rows, make_row, members, read

NEW_YORK = "America/New_York"


def at(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def keys_of(
    mapping: Mapping, reader: PartitionsDefinition, source: PartitionsDefinition, key: str, clock: Clock
) -> list[str | None]:
    return read(mapping, reader, source, make_row(reader, key, clock), clock).keys


def test_a_day_needs_the_hours_that_it_has() -> None:
    origins = StaticPartitions(["EWR"])
    hours = MultiPartitions({"hour": HourlyPartitions("hours", "2024-03-01", timezone=NEW_YORK), "origin": origins})
    days = MultiPartitions({"day": DailyPartitions("days", "2024-03-01", timezone=NEW_YORK), "origin": origins})
    mapping = by("origin", hour=("day", overlap()))
    assert default_mapping(days, hours) == mapping
    clock = Clock(at("2024-11-05T12:00"))
    spring = keys_of(mapping, days, hours, "day=2024-03-10,origin=EWR", clock)
    assert len(spring) == 23
    assert not any("T02:" in str(key) for key in spring)
    autumn = keys_of(mapping, days, hours, "day=2024-11-03,origin=EWR", clock)
    assert len(autumn) == 25
    assert [key for key in autumn if "T01:" in str(key)] == [
        "hour=2024-11-03T01:00,origin=EWR",
        "hour=2024-11-03T01:00-0500,origin=EWR",
    ]


@pytest.mark.parametrize(("month", "count"), [("2024-03", 743), ("2024-11", 721)])
def test_a_month_needs_the_hours_that_it_has(month: str, count: int) -> None:
    hours = HourlyPartitions("hours", "2024-03-01", timezone=NEW_YORK)
    months = MonthlyPartitions("months", "2024-03-01", timezone=NEW_YORK)
    clock = Clock(at("2024-12-05T12:00"))
    found = read(overlap(), months, hours, make_row(months, month, clock), clock)
    assert (len(found.keys), found.missing, found.left_out) == (count, [], [])


def test_an_hour_that_has_not_ended_is_waited_for_and_one_after_the_end_is_left_out() -> None:
    hours = HourlyPartitions("hours", "2025-01-01")
    clock = Clock(at("2025-01-01T06:10"))
    row = make_row(hours, "2025-01-01T05:00", clock)
    found = read(overlap(0, 1), hours, hours, row, clock)
    assert (found.keys, found.missing) == (["2025-01-01T05:00"], ["2025-01-01T06:00"])
    ended = HourlyPartitions("ended", "2025-01-01", end="2025-01-01T06:00")
    found = read(overlap(0, 1), hours, ended, row, clock)
    assert (found.keys, found.missing, found.left_out) == (["2025-01-01T05:00"], [], ["2025-01-01T06:00"])


def test_the_first_days_of_a_rolling_week() -> None:
    days = DailyPartitions("days", "2013-01-01")
    clock = Clock(at("2013-02-01"))
    row = make_row(days, "2013-01-03", clock)
    clipped, whole = (read(overlap(-6, outside=one), days, days, row, clock) for one in (None, "block"))  # type: ignore[arg-type]
    assert clipped.keys == whole.keys == ["2013-01-01", "2013-01-02", "2013-01-03"]
    assert (len(clipped.left_out), clipped.missing) == (4, [])
    assert (whole.left_out, whole.missing[:1]) == ([], ["2012-12-28"])
    assert read(previous(), days, days, make_row(days, "2013-01-01", clock), clock).left_out == ["2012-12-31"]


def test_excluded_windows_are_no_steps() -> None:
    workdays = DailyPartitions("workdays", "2025-01-01", exclude=["0 0 * * 6", "0 0 * * 0"])
    clock = Clock(at("2025-02-01"))
    assert keys_of(previous(2), workdays, workdays, "2025-01-07", clock) == ["2025-01-03", "2025-01-06"]
    assert keys_of(overlap(-1, -1), workdays, workdays, "2025-01-06", clock) == ["2025-01-03"]


def test_the_latest_week_of_each_group() -> None:
    groups = StaticPartitions(["a", "b"])
    product = MultiPartitions({"weekly": WeeklyPartitions("weeks", "2025-01-06"), "group": groups})
    clock = Clock(at("2025-02-01"))
    for mapping in (last(), by(group="partition_key", weekly=last())):
        assert keys_of(check_mapping(mapping, groups, product), groups, product, "b", clock) == [
            "group=b,weekly=2025-01-20"
        ]


days = DailyPartitions("days", "2013-01-01", timezone=NEW_YORK)
weeks = WeeklyPartitions("weeks", "2013-01-01")
months = MonthlyPartitions("months", "2012-12-01")
origins = StaticPartitions(["EWR", "JFK"], name="origins")
samples = DynamicPartitions("samples", columns={"batch": str})
chunks = DynamicPartitions("chunks", under={"sample": samples})
batches = DynamicPartitions("batches")
grid = MultiPartitions({"day": days, "origin": origins}, name="grid")
weekly = MultiPartitions({"week": weeks, "origin": origins}, name="weekly")
CLOCK = Clock(
    datetime(2013, 2, 3, tzinfo=ZoneInfo(NEW_YORK)),
    members(chunks=["s1/0", "s1/1", "s3/0", "gone/0"], batches=["B1", "B2"])
    | {"samples": {"s1": {"batch": "B1"}, "s2": {"batch": "B1"}, "s3": {}}},
)
JOINS: list[tuple[Mapping | None, PartitionsDefinition, PartitionsDefinition]] = [
    (None, weeks, days),
    (None, days, weeks),
    (None, months, grid),
    (None, weekly, grid),
    (None, grid, weekly),
    (None, grid, origins),
    (None, origins, grid),
    (None, samples, chunks),
    (None, chunks, samples),
    (None, batches, days),
    (previous(), grid, grid),
    (overlap(-2, 1), days, days),
    (overlap(-1), weeks, days),
    (by(batch="partition_key"), batches, samples),
    (by(partition_key="batch"), samples, batches),
    (by("day"), grid, grid),
    (by(week=("day", previous())), grid, weekly),
    (last(2), samples, days),
    (only("EWR"), grid, origins),
    (pairs({"upstream": ["EWR", "JFK"], "this": ["s1", "s1"]}), samples, origins),
    (all_keys(), origins, samples),
]


@given(st.data())
def test_who_reads_a_key_is_who_has_it_among_what_it_reads(data: st.DataObject) -> None:
    mapping, reader, source = data.draw(st.sampled_from(JOINS))
    mapping = check_mapping(mapping or default_mapping(reader, source), reader, source)
    row = data.draw(st.sampled_from(list_rows(reader, CLOCK)))
    found = read(mapping, reader, source, row, CLOCK)
    order = [one.key for one in list_rows(source, CLOCK)]
    assert found.keys == [key for key in order if key in found.keys]
    for key in found.keys[:2]:
        assert row.key in find_readers(mapping, reader, source, key, CLOCK)
    assert not set(found.missing) & set(order)
    assert not set(found.left_out) & set(order)


def test_a_batch_reads_its_samples_and_what_has_none_is_read_by_nobody() -> None:
    assert keys_of(by(batch="partition_key"), batches, samples, "B1", CLOCK) == ["s1", "s2"]
    assert keys_of(by(batch="partition_key"), batches, samples, "B2", CLOCK) == []
    assert keys_of(by("batch"), samples, samples, "s3", CLOCK) == []
    assert keys_of(default_mapping(samples, chunks), samples, chunks, "s1", CLOCK) == ["s1/0", "s1/1"]
