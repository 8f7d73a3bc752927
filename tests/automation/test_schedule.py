"""The times of schedules: dates worked out by hand where clocks change, and looks at any moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbpart
from nbpart.automation.schedule import MOST_COUNTED, Schedule, ScheduleTimes, find_start, next_time
from nbpart.errors import ConditionError, DeclarationError

NEW_YORK, LORD_HOWE, TORONTO = "America/New_York", "Australia/Lord_Howe", "America/Toronto"
#: Cron, zone, from and to on the clock of the zone, and all its times between. New York goes from 02:00 to 03:00 on
#: 2026-03-08 and from 02:00 back to 01:00 on 2026-11-01, Lord Howe from 02:00 to 02:30 on 2026-10-04 and from 02:00
#: back to 01:30 on 2026-04-05.
BY_HAND: list[tuple[str, str, str, str, list[str]]] = [
    ("0 6 * * *", NEW_YORK, "2026-03-07T00:00", "2026-03-10T00:00",
     ["2026-03-07T06:00-05:00", "2026-03-08T06:00-04:00", "2026-03-09T06:00-04:00"]),
    ("30 2 * * *", NEW_YORK, "2026-03-07T00:00", "2026-03-10T00:00",
     ["2026-03-07T02:30-05:00", "2026-03-08T03:00-04:00", "2026-03-09T02:30-04:00"]),
    ("30 2,3 * * *", NEW_YORK, "2026-03-08T00:00", "2026-03-09T00:00",
     ["2026-03-08T03:00-04:00", "2026-03-08T03:30-04:00"]),
    ("30 1 * * *", NEW_YORK, "2026-10-31T00:00", "2026-11-03T00:00",
     ["2026-10-31T01:30-04:00", "2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"]),
    ("30 * * * *", NEW_YORK, "2026-11-01T00:00", "2026-11-01T03:00",
     ["2026-11-01T00:30-04:00", "2026-11-01T01:30-04:00", "2026-11-01T01:30-05:00", "2026-11-01T02:30-05:00"]),
    ("0 */6 * * *", NEW_YORK, "2026-11-01T00:00", "2026-11-02T00:00",
     ["2026-11-01T00:00-04:00", "2026-11-01T06:00-05:00", "2026-11-01T12:00-05:00", "2026-11-01T18:00-05:00"]),
    ("0 2 * * 0", NEW_YORK, "2026-03-01T00:00", "2026-03-16T00:00",
     ["2026-03-01T02:00-05:00", "2026-03-08T03:00-04:00", "2026-03-15T02:00-04:00"]),
    ("15 2 * * *", LORD_HOWE, "2026-10-03T00:00", "2026-10-06T00:00",
     ["2026-10-03T02:15+10:30", "2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"]),
    ("45 1 * * *", LORD_HOWE, "2026-04-04T00:00", "2026-04-07T00:00",
     ["2026-04-04T01:45+11:00", "2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"]),
    ("45 * * * *", LORD_HOWE, "2026-04-05T00:00", "2026-04-05T03:00",
     ["2026-04-05T00:45+11:00", "2026-04-05T01:45+11:00", "2026-04-05T01:45+10:30", "2026-04-05T02:45+10:30"]),
    ("15 * * * *", LORD_HOWE, "2026-10-04T00:00", "2026-10-04T04:00",
     ["2026-10-04T00:15+10:30", "2026-10-04T01:15+10:30", "2026-10-04T03:15+11:00"]),
    ("0 9 31 * *", LORD_HOWE, "2026-01-15T00:00", "2026-06-01T00:00",
     ["2026-01-31T09:00+11:00", "2026-03-31T09:00+11:00", "2026-05-31T09:00+10:30"]),
    # nights in which schedulers of other tools came an hour early, twice, or not any more
    ("0 7-8 * * *", "America/Los_Angeles", "2020-03-07T08:30", "2020-03-09T00:00",
     ["2020-03-08T07:00-07:00", "2020-03-08T08:00-07:00"]),
    ("10 0 * * *", "America/Montreal", "2023-03-12T01:10", "2023-03-15T00:00",
     ["2023-03-13T00:10-04:00", "2023-03-14T00:10-04:00"]),
    ("20 */4 * * *", "America/Los_Angeles", "2023-03-12T00:00", "2023-03-12T09:00",
     ["2023-03-12T00:20-08:00", "2023-03-12T04:20-07:00", "2023-03-12T08:20-07:00"]),
    ("0 0 * * *", "Europe/London", "2022-10-29T12:00", "2022-11-01T12:00",
     ["2022-10-30T00:00+01:00", "2022-10-31T00:00+00:00", "2022-11-01T00:00+00:00"]),
    ("30 1 * * *", "Europe/London", "2022-10-29T12:00", "2022-10-31T12:00",
     ["2022-10-30T01:30+01:00", "2022-10-31T01:30+00:00"]),
    ("30 1,2 * * *", "America/Chicago", "2024-03-10T00:00", "2024-03-11T00:00",
     ["2024-03-10T01:30-06:00", "2024-03-10T03:00-05:00"]),
]  # fmt: skip


def at(text: str, zone: str = "UTC") -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def walk(times: ScheduleTimes, since: datetime, until: datetime) -> list[str]:
    """All times between, one after the other, as the clock of the zone shows them."""
    found, moment = [], since
    while (moment := times.next_after(moment)) < until:
        found.append(moment.isoformat(timespec="minutes"))
    return found


@pytest.mark.parametrize(("cron", "zone", "since", "until", "expected"), BY_HAND)
def test_the_times_are_those_worked_out_by_hand(
    cron: str, zone: str, since: str, until: str, expected: list[str]
) -> None:
    times = ScheduleTimes.parse(cron, zone)
    before, end = at(since, zone) - timedelta(seconds=1), at(until, zone) - timedelta(seconds=1)
    assert walk(times, before, end) == expected
    passed = times.find_passed(before, end)
    assert passed is not None
    assert (passed.last.isoformat(timespec="minutes"), passed.count) == (expected[-1], len(expected))


@given(case=st.sampled_from(BY_HAND), steps=st.lists(st.integers(1, 90_000), min_size=1, max_size=60))
def test_looks_at_any_moments_answer_each_time_once_and_none_before_it_comes(
    case: tuple[str, str, str, str, list[str]], steps: list[int]
) -> None:
    cron, zone, since, until, expected = case
    times, now = ScheduleTimes.parse(cron, zone), at(since, zone).astimezone(UTC) - timedelta(seconds=1)
    start, answered, counted = now, list[datetime](), 0
    for step in [*steps, 10**8]:
        now = min(now + timedelta(seconds=step), at(until, zone).astimezone(UTC) - timedelta(seconds=1))
        passed = times.find_passed(find_start(start, answered[-1] if answered else None, now), now)
        if passed is not None:
            assert passed.last <= now
            assert passed.unwatched in (passed.count, passed.count - 1)
            answered.append(passed.last)
            counted += passed.count
    assert counted == len(expected), "none is lost, none comes twice"
    assert all(one.timestamp() < other.timestamp() for one, other in pairwise(answered))
    assert {one.isoformat(timespec="minutes") for one in answered} <= set(expected)
    assert answered[-1].isoformat(timespec="minutes") == expected[-1]


def test_a_time_is_watched_where_somebody_looks_soon_after_it() -> None:
    times = ScheduleTimes.parse("0 6 * * *", NEW_YORK)
    since = at("2026-03-07T12:00", NEW_YORK)
    assert times.find_passed(since, at("2026-03-08T05:59:59", NEW_YORK)) is None
    on_time = times.find_passed(since, at("2026-03-08T06:00", NEW_YORK))
    assert on_time is not None
    assert on_time.describe() == "due 2026-03-08 06:00 EDT"
    late = times.find_passed(since, at("2026-03-08T08:00", NEW_YORK))
    assert late is not None
    assert late.describe() == "2026-03-08 06:00 EDT passed unwatched: made up for once"
    more = times.find_passed(since, at("2026-03-10T06:00:03", NEW_YORK))
    assert more is not None
    assert more.describe() == "due 2026-03-10 06:00 EDT; 2 times before it passed unwatched"


@pytest.mark.parametrize("cron", ["* * * * *", "*/2 8-18 * * *"])
def test_years_that_nobody_watched_are_not_counted_to_their_end(cron: str) -> None:
    passed = ScheduleTimes.parse(cron, "UTC").find_passed(at("2016-01-01"), at("2026-01-01T12:00:30"))
    assert passed is not None
    assert passed.last == at("2026-01-01T12:00")
    assert passed.count == MOST_COUNTED
    assert passed.describe().startswith("at least 10,000 times passed unwatched, the last 2026-01-01 12:00 UTC")


def test_a_clock_that_went_wrong_silences_no_schedule() -> None:
    now = at("2026-01-01")
    assert find_start(at("2025-01-01"), at("2036-01-01"), now) == at("2025-01-01")
    assert find_start(at("2036-01-01"), at("2036-01-01"), now) == now
    assert find_start(at("2036-01-01"), at("2025-12-31"), now) == at("2025-12-31")
    assert find_start(at("2025-01-01"), at("2026-01-01T02:00"), now) == at("2026-01-01T02:00"), "set back by hours"


def test_a_declaration_is_stored_and_says_when_it_comes_next() -> None:
    where: Any = (
        "lr < $most and day = $day and took < $a",
        {"most": 0.5, "day": at("2026-01-01").date(), "a": timedelta(1)},
    )
    declared = nbpart.schedule(["+report", "tag:db"], cron=" 0 6  * * * ", timezone=NEW_YORK, where=where)
    assert declared.name == declared.selection == "+report, tag:db"
    assert Schedule.from_json(declared.name, declared.to_json()) == declared
    assert repr(declared) == "<nbpart schedule '+report, tag:db': '0 6 * * *' America/New_York>"
    assert next_time(declared.to_json(), at("2026-03-08T06:30Z")) == at("2026-03-08T06:00-04:00")


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"cron": "every day"}, DeclarationError, "'every day' is no cron expression of five fields"),
        ({"cron": "0 6 * * * *"}, DeclarationError, r"'0 6 \* \* \* \*' has a field of seconds"),
        ({"cron": "0 6 31 2 *"}, DeclarationError, r"'0 6 31 2 \*' never comes: none of its months has such a day."),
        ({"timezone": "America/New_Yrok"}, DeclarationError, "there is no time zone 'America/New_Yrok'; .*New_York"),
        ({"where": ""}, ConditionError, "leave it out to choose all"),
        ({"name": ""}, DeclarationError, "A schedule needs a name"),
        ({"selection": []}, DeclarationError, "has an empty term"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused_in_one_sentence(
    options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        nbpart.schedule(**{"selection": "report", "cron": "0 6 * * *", **options})
    assert "\n" not in str(caught.value)
