"""Since when partitions are late: days worked out by hand, and the bounds for many at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbpart
from nbpart.assets.freshness import Expectation
from nbpart.errors import DeclarationError
from tests.clocks import read_moment

NEW_YORK = "America/New_York"
NEVER = None


def show(at: datetime | None) -> str | None:
    return at and at.isoformat(timespec="minutes")


def late_since(expected: Expectation, now: str, **known: str | None) -> str | None:
    times = {"ends_at": None, "made_at": None, "came_at": "2020-01-01", **known}
    moments: Any = {name: text and read_moment(text) for name, text in times.items()}
    return show(expected.late_since(**moments, now=read_moment(now)))


#: The end of a window, when it was made, what time it is, and since when it is late; expected by 09:00 in New York
#: within a day. The clocks go forward on 2026-03-08, which has 23 hours, and back on 2026-11-01, which has 25.
WINDOWS = [
    ("2026-01-06T00:00-05:00", NEVER, "2026-01-06T08:59:59-05:00", None),
    ("2026-01-06T00:00-05:00", NEVER, "2026-01-06T09:00-05:00", "2026-01-06T09:00-05:00"),
    ("2026-01-06T00:00-05:00", NEVER, "2026-01-07T08:59:59-05:00", "2026-01-06T09:00-05:00"),
    ("2026-01-06T00:00-05:00", NEVER, "2026-01-07T09:00-05:00", None),  # a day that nobody made is not late for ever
    ("2026-01-06T00:00-05:00", "2026-01-06T00:00-05:00", "2026-01-06T10:00-05:00", None),  # made since its end
    ("2026-01-06T00:00-05:00", "2026-01-05T23:59:59-05:00", "2026-01-06T10:00-05:00", "2026-01-06T09:00-05:00"),
    ("2026-01-06T00:00-05:00", "2026-01-06T11:00-05:00", "2026-01-06T12:00-05:00", None),  # made late, but made
    ("2013-01-02T00:00-05:00", NEVER, "2026-01-06T10:00-05:00", None),  # the backfill of an old day
    ("2013-01-02T00:00-05:00", "2013-01-01T00:00-05:00", "2026-01-06T10:00-05:00", None),
    ("2026-01-06T09:00-05:00", NEVER, "2026-01-06T09:00-05:00", "2026-01-06T09:00-05:00"),  # at or after its end
    ("2026-01-06T09:01-05:00", NEVER, "2026-01-06T12:00-05:00", None),
    # the day before the clocks go forward: 23 hours from one 09:00 to the next
    ("2026-03-08T00:00-05:00", NEVER, "2026-03-08T08:59-04:00", None),
    ("2026-03-08T00:00-05:00", NEVER, "2026-03-08T09:00-04:00", "2026-03-08T09:00-04:00"),
    ("2026-03-07T00:00-05:00", NEVER, "2026-03-08T08:59-04:00", "2026-03-07T09:00-05:00"),
    ("2026-03-07T00:00-05:00", NEVER, "2026-03-08T09:00-04:00", None),
    # 25 hours: one day is late to the end of the other's night
    ("2026-10-31T00:00-04:00", NEVER, "2026-11-01T08:59-05:00", "2026-10-31T09:00-04:00"),
    ("2026-10-31T00:00-04:00", NEVER, "2026-11-01T09:00-05:00", None),
    ("2026-11-01T00:00-04:00", NEVER, "2026-11-01T09:00-05:00", "2026-11-01T09:00-05:00"),
    # the hour that comes twice is two windows, which are expected by one time
    ("2026-11-01T01:00-04:00", NEVER, "2026-11-01T09:00-05:00", "2026-11-01T09:00-05:00"),
    ("2026-11-01T01:00-05:00", "2026-11-01T01:59-04:00", "2026-11-01T09:00-05:00", "2026-11-01T09:00-05:00"),
]


@pytest.mark.parametrize(("ends_at", "made_at", "now", "since"), WINDOWS)
def test_a_window_is_late_from_the_first_such_time_after_its_end_until_it_is_made(
    ends_at: str, made_at: str | None, now: str, since: str | None
) -> None:
    expected = nbpart.expect(by="09:00", timezone=NEW_YORK, within="1d")
    assert late_since(expected, now, ends_at=ends_at, made_at=made_at) == since


#: When it was made and came to be, what time it is, since when it is late; without windows.
OTHERS = [
    ("2026-01-05T09:00-05:00", "2026-01-06T12:00-05:00", None),  # not older than a day at 09:00
    ("2026-01-05T08:59:59-05:00", "2026-01-06T08:59-05:00", None),
    ("2026-01-05T08:59:59-05:00", "2026-01-06T09:00-05:00", "2026-01-06T09:00-05:00"),
    ("2026-01-05T08:59:59-05:00", "2026-01-08T12:00-05:00", "2026-01-06T09:00-05:00"),  # until it is made
    ("2026-01-05T09:00:01-05:00", "2026-01-07T08:59-05:00", None),
    ("2026-01-05T09:00:01-05:00", "2026-01-07T09:00-05:00", "2026-01-07T09:00-05:00"),
    # a job of each day at 09:05 is not late because a day has 25 hours
    ("2026-10-31T09:05-04:00", "2026-11-01T09:04-05:00", None),
    ("2026-10-31T08:55-04:00", "2026-11-01T09:00-05:00", "2026-11-01T09:00-05:00"),
    ("2026-03-07T09:05-05:00", "2026-03-08T09:04-04:00", None),
    ("2026-03-07T08:55-05:00", "2026-03-08T09:00-04:00", "2026-03-08T09:00-04:00"),
]


@pytest.mark.parametrize(("made_at", "now", "since"), OTHERS)
def test_without_windows_it_is_late_where_the_newest_is_too_old_at_that_time(
    made_at: str, now: str, since: str | None
) -> None:
    expected = nbpart.expect(by="09:00", timezone=NEW_YORK, within="1d")
    assert late_since(expected, now, made_at=made_at) == since


def test_what_was_never_made_is_late_from_the_first_such_time_after_it_came() -> None:
    expected = nbpart.expect(by="09:00", within="7d")
    assert late_since(expected, "2026-01-06T08:59", came_at="2026-01-05T10:00") is None
    assert late_since(expected, "2026-01-06T09:00", came_at="2026-01-05T10:00") == "2026-01-06T09:00+00:00"
    assert late_since(expected, "2026-02-01T09:00", came_at="2026-01-06T09:00") == "2026-01-06T09:00+00:00"


def test_hours_and_minutes_are_as_they_pass() -> None:
    expected = nbpart.expect(by="9:00", timezone=NEW_YORK, within="36h")
    assert expected.by == "09:00"
    night = "2026-03-07T00:00-05:00"
    assert late_since(expected, "2026-03-08T21:59-04:00", ends_at=night) == "2026-03-07T09:00-05:00"
    assert late_since(expected, "2026-03-08T22:00-04:00", ends_at=night) is None
    short = nbpart.expect(by="09:00", timezone=NEW_YORK, within="90m")
    assert late_since(short, "2026-01-06T10:29-05:00", ends_at="2026-01-06T00:00-05:00") == "2026-01-06T09:00-05:00"
    assert late_since(short, "2026-01-06T10:30-05:00", ends_at="2026-01-06T00:00-05:00") is None
    assert late_since(short, "2026-01-06T12:00-05:00", made_at="2026-01-06T07:29-05:00") == "2026-01-06T09:00-05:00"
    assert late_since(short, "2026-01-06T12:00-05:00", made_at="2026-01-06T07:30-05:00") is None


def test_a_time_that_the_clock_jumps_over_is_that_of_the_jump_and_of_two_it_is_the_first() -> None:
    early = nbpart.expect(by="02:30", timezone=NEW_YORK)
    assert late_since(early, "2026-03-08T12:00-04:00", ends_at="2026-03-08T00:00-05:00") == "2026-03-08T03:00-04:00"
    twice = nbpart.expect(by="01:30", timezone=NEW_YORK)
    assert late_since(twice, "2026-11-01T12:00-05:00", ends_at="2026-11-01T00:00-04:00") == "2026-11-01T01:30-04:00"


def test_without_a_zone_it_is_that_of_the_windows() -> None:
    days = nbpart.DailyPartitions("days", start="2026-01-01", timezone=NEW_YORK)
    product = nbpart.MultiPartitions({"day": days, "shop": ["a"]}, name="day_shop")
    expected = nbpart.expect(by="09:00")
    for partitions, zone in ((days, NEW_YORK), (product, NEW_YORK), (["a"], "UTC"), (None, "UTC")):
        declared = nbpart.asset(partitions=partitions, fresh=expected)(lambda_of_nothing)
        assert declared.fresh is not None
        assert declared.fresh.timezone == zone
    other = nbpart.asset(partitions=days, fresh=nbpart.expect(by="09:00", timezone="Asia/Tokyo"))(lambda_of_nothing)
    assert other.fresh is not None
    assert other.fresh.describe() == "09:00 Asia/Tokyo"


def lambda_of_nothing() -> None: ...


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"by": "25:00"}, "by='25:00' is no time of day"),
        ({"by": "9"}, "is no time of day"),
        ({"by": 9}, "by=9 is no time of day"),
        ({"by": "09:00", "timezone": "Mars"}, "there is no time zone 'Mars'"),
        ({"by": "09:00", "within": "0d"}, "within='0d' is no length of time"),
        ({"by": "09:00", "within": "a day"}, 'write it as "1d", "36h" or "90m"'),
        ({"by": "09:00", "within": 1}, "within=1 is no length of time"),
        ({"by": "09:00", "within": "9999d"}, "is no length of time"),
    ],
)
def test_what_cannot_be_expected_is_refused_when_declared(options: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        nbpart.expect(**options)


def test_an_asset_is_fresh_by_an_expectation_alone() -> None:
    with pytest.raises(DeclarationError, match="asset 'lambda_of_nothing': fresh='09:00' is nothing to expect"):
        nbpart.asset(fresh="09:00")(lambda_of_nothing)  # type: ignore[call-overload]


moments = st.integers(0, 400 * 86_400 * 2).map(
    lambda half: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=half / 2)
)
near_changes = st.sampled_from(["2026-03-08T07:00Z", "2026-11-01T06:00Z", "2026-10-03T15:30Z"]).flatmap(
    lambda text: st.integers(-400, 400).map(lambda quarter: read_moment(text) + timedelta(minutes=15 * quarter))
)


@given(
    by=st.sampled_from(["00:00", "01:30", "02:30", "09:00", "23:45"]),
    zone=st.sampled_from(["UTC", NEW_YORK, "Australia/Lord_Howe"]),
    within=st.sampled_from(["1d", "2d", "7d", "24h", "36h", "90m", "500m"]),
    start=moments | near_changes,
    made=st.none() | moments | near_changes,
    now=moments | near_changes,
    has_window=st.booleans(),
)
def test_the_bounds_say_the_same_of_many(
    by: str, zone: str, within: str, start: datetime, made: datetime | None, now: datetime, has_window: bool
) -> None:
    expected, start = nbpart.expect(by=by, timezone=zone, within=within), start.replace(microsecond=0)
    known = {"ends_at": start if has_window else None, "made_at": made, "came_at": start}
    since, bounds = expected.late_since(**known, now=now), expected.bounds(now)  # type: ignore[arg-type]
    if has_window:
        is_late = bounds.after < start <= bounds.until and (made is None or made < start)
    else:
        is_late = start <= bounds.until if made is None else made < bounds.oldest
    assert is_late == (since is not None)
    if since is not None:
        seconds = [np.array([np.nan if at is None else at.timestamp()]) for at in known.values()]
        due = expected.list_due(ends=seconds[0], made=seconds[1], came=seconds[2], has_window=has_window, now=now)
        assert due.tolist() == [since.timestamp()]
    change = expected.next_change(now)
    assert change > now
    before = max(now, change - timedelta(seconds=1))
    assert expected.late_since(**known, now=before) == since, "nothing changes before"  # type: ignore[arg-type]
