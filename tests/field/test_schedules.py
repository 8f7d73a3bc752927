"""What users of other tools met with schedules."""

from __future__ import annotations

from datetime import datetime

import pytest

import nbpart
from nbpart.automation.schedule import ScheduleTimes
from tests.backfill.pools import Stage
from tests.clocks import read_moment, set_clock

TORONTO = "America/Toronto"


def report() -> str:
    return "made"


@pytest.fixture
def ws(ws: nbpart.Workspace) -> nbpart.Workspace:
    ws.project.make_pool = Stage().make_pool
    return ws


def list_asked(ws: nbpart.Workspace, name: str, times: list[str]) -> list[str]:
    """Those of some times at which a look asks for a backfill; what is made is outdated at once."""
    asked = []
    for text in times:
        set_clock(ws, text)
        if ws.tick(name, progress=False).backfill is not None:
            asked.append(text)
            ws.wipe("report")
    return asked


def test_a_machine_that_slept_makes_up_for_all_minutes_by_one_backfill(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2026-01-01T12:00:20")
    ws.asset(report)
    ws.schedule("report", cron="* * * * *", name="minutely")
    ws.schedule("report", cron="1 17 * * *", name="other")
    looks = ["2026-01-01T12:00:30", "2026-01-01T17:00:30", "2026-01-01T17:00:59", "2026-01-01T17:01:00"]
    assert list_asked(ws, "minutely", looks) == ["2026-01-01T17:00:30", "2026-01-01T17:01:00"]
    messages = ws.ticks("minutely").message.tolist()
    assert messages[2] == "300 times passed unwatched, the last 2026-01-01 17:00 UTC: made up for once"
    assert messages[0] == "due 2026-01-01 17:01 UTC"
    set_clock(ws, "2026-01-01T17:01:01.8")
    assert ws.tick("other").message == "due 2026-01-01 17:01 UTC", "1.8 s late is on time"
    assert len(ws.backfills) == 3


def test_a_time_before_the_change_of_a_schedule_belongs_to_nobody(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2026-01-07T12:00")  # a Wednesday
    ws.asset(report)
    ws.schedule("report", cron="15 1 * * 1-5")
    assert list_asked(ws, "report", ["2026-01-08T01:15"]) == ["2026-01-08T01:15"]
    set_clock(ws, "2026-01-08T09:00")
    ws.schedule("report", cron="15 2 * * 1-5")
    quarters = [f"2026-01-{day:02}T{hour:02}:15" for day in (8, 9, 10, 11, 12) for hour in (1, 2, 9, 14, 23)]
    first = [text for text in quarters if "2026-01-08T09:00" <= text < "2026-01-09T12:00"]
    assert list_asked(ws, "report", first) == ["2026-01-09T02:15"]
    set_clock(ws, "2026-01-09T12:00")
    ws.schedule("report", cron="15 1 * * 1-5")
    then = [text for text in quarters if text >= "2026-01-09T12:00"]
    assert list_asked(ws, "report", then) == ["2026-01-12T01:15"]


@pytest.mark.parametrize(
    ("cron", "since", "until", "expected"),
    [
        (
            "0 */2 * * *",
            "2023-03-11T22:00-05:00",
            "2023-03-12T08:00-04:00",
            ["2023-03-12T00:00-05:00", "2023-03-12T04:00-04:00", "2023-03-12T06:00-04:00", "2023-03-12T08:00-04:00"],
        ),
        (
            "0 */2 * * *",
            "2023-11-04T23:00-04:00",
            "2023-11-05T04:00-05:00",
            ["2023-11-05T00:00-04:00", "2023-11-05T02:00-05:00", "2023-11-05T04:00-05:00"],
        ),
        ("0 2 * * *", "2023-03-11T22:00-05:00", "2023-03-12T08:00-04:00", ["2023-03-12T03:00-04:00"]),
        ("0 2 * * *", "2023-11-04T22:00-04:00", "2023-11-05T08:00-05:00", ["2023-11-05T02:00-05:00"]),
    ],
)
def test_a_schedule_goes_on_where_the_clocks_of_toronto_change(
    cron: str, since: str, until: str, expected: list[str]
) -> None:
    times, moment, found = ScheduleTimes.parse(cron, TORONTO), read_moment(since), list[datetime]()
    while (following := times.next_after(moment)) <= read_moment(until):
        assert following > moment, "never in the past"
        found.append(following)
        moment = following
    assert [one.isoformat(timespec="minutes") for one in found] == expected
