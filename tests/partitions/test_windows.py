"""Windows of time: which there are, how they are spelled, and what their zones do to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.errors import DeclarationError
from nbpart.partitions.frequencies import DailyPartitions, HourlyPartitions, MonthlyPartitions, WeeklyPartitions
from nbpart.partitions.windows import TimeWindowPartitions

MINUTES = "%Y-%m-%d-%H:%M"


def at(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def days(start: str, **options: Any) -> TimeWindowPartitions:
    return DailyPartitions("days", start, **options)


def hours(start: str, **options: Any) -> TimeWindowPartitions:
    return HourlyPartitions("hours", start, **options)


def ticks(cron: str, start: str, **options: Any) -> TimeWindowPartitions:
    return TimeWindowPartitions("ticks", cron, start, **options)


# What Dagster 1.13 answers to the same questions, in nbpart's spelling of keys.
KEYS: dict[str, tuple[TimeWindowPartitions, str, list[str]]] = {
    "a day exists when it has ended": (days("2021-05-05"), "2021-05-07", ["2021-05-05", "2021-05-06"]),
    "and not a minute before": (days("2021-05-05"), "2021-05-06T23:59", ["2021-05-05"]),
    "nothing before the first has ended": (days("2021-05-05"), "2021-05-05T12:00", []),
    "two more": (
        days("2021-05-05", end_offset=2),
        "2021-05-07",
        ["2021-05-05", "2021-05-06", "2021-05-07", "2021-05-08"],
    ),
    "two less": (
        days("2021-05-01", end_offset=-2),
        "2021-05-07",
        ["2021-05-01", "2021-05-02", "2021-05-03", "2021-05-04"],
    ),
    "the end is no part": (
        days("2022-01-29", end="2022-02-01"),
        "2026-01-01",
        ["2022-01-29", "2022-01-30", "2022-01-31"],
    ),
    "a leap day": (
        days("2020-02-28"),
        "2020-03-03T01:20",
        ["2020-02-28", "2020-02-29", "2020-03-01", "2020-03-02"],
    ),
    "a start in the middle of a month": (MonthlyPartitions("months", "2021-01-03"), "2021-01-31", []),
    "an hour from a quarter past": (
        hours("2021-05-05T01:00", minute=15),
        "2021-05-05T03:30",
        ["2021-05-05T01:15", "2021-05-05T02:15"],
    ),
    "a week begins on Monday": (WeeklyPartitions("weeks", "2021-05-01"), "2021-05-17", ["2021-05-03", "2021-05-10"]),
    "or on Sunday": (WeeklyPartitions("weeks", "2021-05-01", weekday=0), "2021-05-16", ["2021-05-02", "2021-05-09"]),
    "months": (MonthlyPartitions("months", "2021-01-01"), "2021-03-31", ["2021-01", "2021-02"]),
    "the 13th and each Friday": (
        ticks("0 0 13 * 5", "2023-02-01"),
        "2023-03-04",
        ["2023-02-03", "2023-02-10", "2023-02-13", "2023-02-17", "2023-02-24"],
    ),
    "the year that runs": (ticks("0 0 1 1 *", "2023-01-01", end_offset=1), "2023-01-05", ["2023-01-01"]),
    "a date left out": (
        days("2025-01-01", exclude="2025-01-03"),
        "2025-01-06",
        ["2025-01-01", "2025-01-02", "2025-01-04", "2025-01-05"],
    ),
    "a moment left out": (
        days("2025-01-01", exclude=[datetime(2025, 1, 3, 12, tzinfo=UTC)]),
        "2025-01-05",
        ["2025-01-01", "2025-01-02", "2025-01-04"],
    ),
    "the hours of a date left out": (
        hours("2025-01-02T22:00", exclude=[date(2025, 1, 3)]),
        "2025-01-04T01:00",
        ["2025-01-02T22:00", "2025-01-02T23:00", "2025-01-04T00:00"],
    ),
    "weekends left out": (
        days("2025-01-01", exclude=["0 0 * * 6", "0 0 * * 0"]),
        "2025-01-09",
        ["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07", "2025-01-08"],
    ),
    "two more, of which one is left out": (
        days("2025-01-01", exclude=["0 0 * * 6", "0 0 * * 0"], end_offset=2),
        "2025-01-03",
        ["2025-01-01", "2025-01-02", "2025-01-03"],
    ),
    "today is left out, and tomorrow does not come for it": (
        days("2026-03-01", exclude="2026-03-05", end_offset=1),
        "2026-03-05T12:00",
        ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"],
    ),
    "two more, after a day that is left out": (
        days("2026-03-01", exclude="2026-03-05", end_offset=2),
        "2026-03-05T12:00",
        ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04", "2026-03-06"],
    ),
    "one less is the day that is left out": (
        days("2026-03-01", exclude="2026-03-05", end_offset=-1),
        "2026-03-06",
        ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"],
    ),
    "more than there are until the end": (
        days("2026-03-01", end="2026-03-03", end_offset=5),
        "2026-03-01T12:00",
        ["2026-03-01", "2026-03-02"],
    ),
    "more before the first": (days("2026-03-02", end_offset=1), "2026-02-01", ["2026-03-02"]),
    "less than none": (days("2026-03-01", end_offset=-3), "2026-03-03", []),
    "15 minutes where the clock is put back": (
        ticks("*/15 * * * *", "2020-11-01T00:30", end="2020-11-01T02:30", timezone="US/Pacific", fmt=MINUTES),
        "2026-01-01",
        [
            *("2020-11-01-00:30", "2020-11-01-00:45"),
            *("2020-11-01-01:00", "2020-11-01-01:15", "2020-11-01-01:30", "2020-11-01-01:45"),
            *("2020-11-01-01:00-0800", "2020-11-01-01:15-0800", "2020-11-01-01:30-0800", "2020-11-01-01:45-0800"),
            *("2020-11-01-02:00", "2020-11-01-02:15"),
        ],
    ),
    "a day that a zone skipped": (
        days("2011-12-28", end="2012-01-02", timezone="Pacific/Apia"),
        "2026-01-01",
        ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"],
    ),
    "local midnight counts": (
        days("2023-07-08", timezone="America/New_York"),
        "2023-07-10T03:00",
        ["2023-07-08"],
    ),
    "own spelling": (days("2023-02-05", fmt="%d.%m.%Y"), "2023-02-07", ["05.02.2023", "06.02.2023"]),
    "weeks of a year": (
        WeeklyPartitions("weeks", "2020-12-21", fmt="%G-W%V"),
        "2021-01-12",
        ["2020-W52", "2020-W53", "2021-W01"],
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_the_keys_at_a_time(name: str) -> None:
    partitions, now, expected = KEYS[name]
    assert partitions.windows(at(now)).keys == expected


# Start and end of windows, in the zone of the set.
SPANS: dict[str, tuple[TimeWindowPartitions, str, list[str]]] = {
    "a later boundary": (days("2021-05-05", minute=15), "2021-05-05", ["2021-05-05T00:15", "2021-05-06T00:15"]),
    "Friday lasts until Monday": (
        ticks("0 0 * * 1-5", "2023-03-27"),
        "2023-03-31",
        ["2023-03-31T00:00", "2023-04-03T00:00"],
    ),
    "a quarter": (ticks("0 0 1 1,4,7,10 *", "2022-01-01"), "2022-10-01", ["2022-10-01T00:00", "2023-01-01T00:00"]),
    "a month without a 31st begins none": (
        MonthlyPartitions("months", "2021-01-01", day=31),
        "2021-03",
        ["2021-03-31T00:00", "2021-05-31T00:00"],
    ),
    "the second hour of two": (
        hours("2021-11-07", timezone="US/Central"),
        "2021-11-07T01:00-0600",
        ["2021-11-07T01:00-06:00", "2021-11-07T02:00-06:00"],
    ),
    "the first hour of two": (
        hours("2021-11-07", timezone="US/Central"),
        "2021-11-07T01:00",
        ["2021-11-07T01:00-05:00", "2021-11-07T01:00-06:00"],
    ),
    "a boundary that the clock jumps over": (
        days("2024-03-08", hour=2, minute=30, timezone="America/Los_Angeles"),
        "2024-03-10",
        ["2024-03-10T03:00-07:00", "2024-03-11T02:30-07:00"],
    ),
    "a boundary that comes twice": (
        days("2023-11-03", hour=1, minute=30, timezone="America/Los_Angeles"),
        "2023-11-05",
        ["2023-11-05T01:30-07:00", "2023-11-06T01:30-08:00"],
    ),
    "a midnight that is none": (
        days("2018-11-02", timezone="America/Sao_Paulo"),
        "2018-11-04",
        ["2018-11-04T01:00-02:00", "2018-11-05T00:00-02:00"],
    ),
    "half an hour": (
        hours("2023-04-02", timezone="Australia/Lord_Howe"),
        "2023-04-02T01:00",
        ["2023-04-02T01:00+11:00", "2023-04-02T02:00+10:30"],
    ),
}


@pytest.mark.parametrize("name", SPANS)
def test_the_window_of_a_key(name: str) -> None:
    partitions, key, expected = SPANS[name]
    found = partitions.parse(key)
    assert found is not None
    assert [moment.timestamp() for moment in found] == [at(text).timestamp() for text in expected]
    assert all(moment.tzinfo == ZoneInfo(partitions.timezone) for moment in found)


def test_days_have_23_and_25_hours() -> None:
    pacific = days("2023-11-01", timezone="America/Los_Angeles")
    lengths = {}
    for key in ("2023-11-05", "2024-03-10", "2024-03-11"):
        start, end = pacific.parse(key) or (at("2000-01-01"), at("2000-01-01"))
        lengths[key] = end.timestamp() - start.timestamp()
    assert lengths == {"2023-11-05": 25 * 3_600, "2024-03-10": 23 * 3_600, "2024-03-11": 24 * 3_600}


@pytest.mark.parametrize(
    ("partitions", "key"),
    [
        (hours("2020-10-01", timezone="US/Pacific"), "2020-11-01T01:00-0700"),  # the first has no offset
        (hours("2020-10-01", timezone="US/Pacific"), "2020-11-01T02:00-0800"),  # nor has what comes once
        (hours("2021-05-05", minute=15), "2021-05-05T01:00"),
        (days("2020-01-01"), "2020/01/01"),
        (days("2020-01-01"), "2020-1-5"),
        (days("2020-01-01"), "2019-12-31"),
        (days("2020-01-01", end="2020-01-05"), "2020-01-05"),
        (days("2020-01-01"), "2020-02-30"),
        (days("2020-01-01"), ""),
        (days("2025-01-01", exclude="2025-01-03"), "2025-01-03"),
        (days("2011-12-28", timezone="Pacific/Apia"), "2011-12-30"),
    ],
)
def test_what_is_no_key(partitions: TimeWindowPartitions, key: str) -> None:
    assert partitions.parse(key) is None


@pytest.mark.parametrize(
    ("moment", "key"),
    [
        ("2025-01-02T23:59:59", "2025-01-02"),
        ("2025-01-03T12:00", None),  # left out
        ("2025-01-04", "2025-01-04"),
        ("2024-12-31T23:00", None),
        (datetime(2025, 1, 5, 1, tzinfo=ZoneInfo("Asia/Tokyo")), "2025-01-04"),
    ],
)
def test_the_key_of_a_moment(moment: str | datetime, key: str | None) -> None:
    assert days("2025-01-01", exclude="2025-01-03").key_at(moment) == key


def test_when_the_next_window_ends() -> None:
    weekdays = days("2025-01-01", exclude=["0 0 * * 6", "0 0 * * 0"])
    assert weekdays.next_end(at("2025-01-03T10:00")) == at("2025-01-04")
    assert weekdays.next_end(at("2025-01-04")) == at("2025-01-07"), "Saturday and Sunday are left out"
    assert weekdays.next_end(at("2020-01-01")) == at("2025-01-02")
    assert days("2025-01-01", end="2025-01-03").next_end(at("2025-01-03")) is None


def test_a_definition_is_made_again_of_what_is_stored() -> None:
    made = [given for given, *_ in (*KEYS.values(), *SPANS.values())]
    for partitions in made:
        again = TimeWindowPartitions.from_json(json.loads(json.dumps(partitions.to_json())))
        assert again == partitions
        assert again.windows(at("2025-01-06")).keys == partitions.windows(at("2025-01-06")).keys


@pytest.mark.parametrize(
    ("declare", "sentence"),
    [
        (lambda: days("2020-01-01", timezone="Europe/Pariss"), "no time zone 'Europe/Pariss'; did you mean"),
        (lambda: days("2020-01-01", end="2019-01-01"), "is not after its start"),
        (lambda: days("yesterday"), "start 'yesterday' is no date or time"),
        (lambda: days("2020-01-01", hour=25), "'0 25 * * *' is no cron expression of five fields"),
        (lambda: ticks("0 0 30 2 *", "2020-01-01"), "'0 0 30 2 *' never comes"),
        (lambda: ticks("0 0 31 2,4 *", "2020-01-01"), "never comes: none of its months has such a day"),
        (lambda: ticks("* * * * * *", "2020-01-01"), "five fields"),
        (lambda: WeeklyPartitions("weeks", "2020-01-01", weekday=8), "Bad day-of-week"),
        (lambda: days("2020-01-01", exclude="not a cron"), "'not a cron' is no cron expression"),
        (lambda: days("2020-01-01", end_offset=1.5), "end_offset is a whole number"),
        (lambda: days("2020-01-01", fmt="day"), "fmt is a format of strftime"),
        (lambda: days("2020-01-01", fmt="%Y-%m"), "two windows have the key '2020-01'"),
        (lambda: days("2020-01-01", fmt="%Y %j %U %q"), "cannot be read back as a time"),
        (lambda: days("2020-01-01", fmt="%m-%d"), "two windows have the key '01-01'"),
        (lambda: hours("2020-01-01", fmt="%m-%dT%H"), "two windows have the key"),
        (lambda: ticks("0 0,11 * * *", "2021-05-05", fmt="%Y-%m-%d"), "two windows have the key '2021-05-05'"),
        (lambda: hours("2020-01-01", fmt="%Y-%m-%d %I"), "two windows have the key"),
        (lambda: days("2020-01-01", fmt="%Y\n%m%d"), "does not make keys"),
    ],
)
def test_what_cannot_be_is_refused_by_name(declare: Callable[[], object], sentence: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        declare()
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("Partitions '")
    assert "\n" not in str(caught.value)


ZONES = st.sampled_from(
    ["UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca",
     "Asia/Kathmandu", "Antarctica/Troll", "Europe/Dublin"]
)  # fmt: skip
CRONS = st.sampled_from(
    ["0 * * * *", "*/20 * * * *", "5,50 * * * *", "0 0 * * *", "30 2 * * *", "30 1 * * *", "0 0 * * 1", "30 2 * * 7",
     "0 0 1 * *", "15 3 31 * *", "0 0,11 * * *", "0 9 * * 1-5"]
)  # fmt: skip
STARTS = st.datetimes(datetime(2008, 1, 1), datetime(2024, 1, 1))


@given(CRONS, ZONES, STARTS, st.integers(-3, 3), st.integers(0, 40))
def test_windows_tile_and_are_read_back(cron: str, zone: str, start: datetime, end_offset: int, length: int) -> None:
    partitions = ticks(cron, start.isoformat(), timezone=zone, end_offset=end_offset)
    now = partitions.start + timedelta(days=length)
    windows = partitions.windows(now)
    assert windows.starts[1:].tolist() == windows.ends[:-1].tolist(), "without gap or overlap"
    assert (windows.starts < windows.ends).all()
    assert len(set(windows.keys)) == len(windows)
    for n in {0, len(windows) // 2, len(windows) - 1} if len(windows) else ():
        found = partitions.parse(windows.keys[n])
        assert found is not None
        assert [moment.timestamp() for moment in found] == [windows.starts[n], windows.ends[n]]
        assert partitions.key_at(found[0]) == partitions.key_at(found[1] - timedelta(seconds=1)) == windows.keys[n]
    if (following := partitions.next_end(now)) is not None:
        assert len(partitions.windows(following)) - len(windows) in ({1} if len(windows) else {0, 1})
        assert len(partitions.windows(following - timedelta(seconds=1))) == len(windows)


def test_every_window_is_there_beyond_start_end_and_now() -> None:
    definition = days("2026-03-03", end="2026-03-05", timezone="America/New_York", exclude="2026-03-06")
    starts, ends = definition.every_window(int(at("2026-03-01T12:00Z").timestamp()), int(at("2026-03-08").timestamp()))
    found = [datetime.fromtimestamp(start, ZoneInfo("America/New_York")).day for start in starts.tolist()]
    assert found == [1, 2, 3, 4, 5, 7]
    assert (ends - starts).tolist() == [86_400] * 6
    assert len(definition.every_window(5, 5)[0]) == 0


@given(st.integers(0, 400), st.integers(1, 90))
def test_every_window_of_a_time_is_what_overlaps_it(day: int, length: int) -> None:
    definition = hours("2024-01-01", timezone="America/New_York")
    since = int(at("2024-01-02").timestamp()) + day * 86_400 + 600
    until = since + length * 1_800
    starts, ends = definition.every_window(since, until)
    windows = definition.windows(at("2026-01-01"))
    overlapping = (windows.starts < until) & (windows.ends > since)
    assert starts.tolist() == windows.starts[overlapping].tolist()
    assert ends.tolist() == windows.ends[overlapping].tolist()


def test_a_format_by_which_two_windows_have_one_key_names_both() -> None:
    with pytest.raises(DeclarationError, match=r"'2024-W01', those that begin at 2024-01-01.* and 2024-12-30"):
        WeeklyPartitions("weeks", "2024-01-01", fmt="%Y-W%V")
    weeks = WeeklyPartitions("weeks", "2020-12-21", fmt="%G-W%V")
    assert [weeks.key_at("2024-12-30"), weeks.key_at("2020-12-28")] == ["2025-W01", "2020-W53"]


def test_what_comes_after_a_day_that_is_left_out_comes_when_that_ends() -> None:
    definition = days("2026-03-01", exclude="2026-03-05", end_offset=1)
    now = at("2026-03-05T12:00")
    following = definition.next_end(now)
    assert following == at("2026-03-06")
    assert "2026-03-06" not in definition.windows(now).keys
    assert "2026-03-06" in definition.windows(following).keys


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("fmt", [None, "%Y%m%dT%H%M", "%Y-%m-%dT%H:%M%z"])
def test_a_window_has_the_same_key_alone_and_among_others(zone: str, fmt: str | None) -> None:
    definition = ticks("*/30 * * * *", "2024-01-01", timezone=zone, fmt=fmt)
    windows = definition.windows(at("2024-12-01"))
    for n in [
        *range(0, len(windows), 97),
        *(n for n, key in enumerate(windows.keys) if "04-07" in key or "11-03" in key),
    ]:
        assert definition.key_at(datetime.fromtimestamp(int(windows.starts[n]), UTC)) == windows.keys[n]
