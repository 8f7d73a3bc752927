"""Reports of people whose orchestrators ran too much or too little by themselves, told for automations."""

from __future__ import annotations

import pytest

import nbpart
from tests.automation.test_automations import break_steps, declare, keys, notes, tick
from tests.automation.test_ticks import Ran
from tests.clocks import Clock
from tests.recording import record


@pytest.fixture
def ran() -> Ran:
    return Ran()


@pytest.fixture
def ws(ws: nbpart.Workspace, ran: Ran) -> nbpart.Workspace:
    ws.project.make_pool = ran.stage.make_pool
    return ws


def test_a_start_that_is_moved_back_asks_for_the_new_day_alone(ws: nbpart.Workspace, ran: Ran, clock: Clock) -> None:
    clock.set("2021-01-04")
    days = ws.partitions(nbpart.DailyPartitions("days", start="2021-01-02"))
    declare(ws, "report", partitions=days, automation=nbpart.eager())
    declare(ws, "all", reads={"report": nbpart.all_keys()}, automation=nbpart.eager())
    reads = {"before": nbpart.previous(of="balance"), "report": nbpart.same()}
    declare(ws, "balance", partitions=days, reads=reads, automation=nbpart.eager())
    for day in ("2021-01-02", "2021-01-03"):
        record(ws, "report", day, day)
        record(ws, "balance", day, day)
    record(ws, "all", None, "x")
    assert tick(ws, ran) == []
    ws.partitions(nbpart.DailyPartitions("days", start="2021-01-01"))
    assert next(iter(ws.partitions("days"))) == "2021-01-01"
    steps = tick(ws, ran)
    assert [step for step in steps if step[0] == "report"] == [("report", "2021-01-01")]
    assert [step for step in steps if step[0] == "all"] == [("all", None)]
    assert keys([step for step in steps if step[0] == "balance"]) == ["2021-01-01", "2021-01-02", "2021-01-03"]
    assert tick(ws, ran) == []


@pytest.mark.parametrize("end", [None, "2025-01-01T06:00"])
def test_an_hour_that_reads_the_next_one_is_not_asked_for_before_that_is_over(
    ws: nbpart.Workspace, ran: Ran, clock: Clock, end: str | None
) -> None:
    clock.set("2025-01-01T04:10")
    raw_hours = ws.partitions(nbpart.HourlyPartitions("raw_hours", start="2025-01-01", end=end))
    hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2025-01-01"))
    declare(ws, "raw", partitions=raw_hours)
    declare(ws, "smooth", partitions=hours, reads={"raw": nbpart.overlap(0, 1)}, automation=nbpart.eager())
    clock.set("2025-01-01T06:10")
    record(ws, "raw", "2025-01-01T05:00", "x")
    if end is not None:
        assert tick(ws, ran) == [("smooth", "2025-01-01T05:00")]
        assert tick(ws, ran) == []
        return
    assert tick(ws, ran) == []
    assert "smooth/2025-01-01T05:00 is not asked for: it requires a window of raw that is not there" in notes(
        ws, "smooth"
    )
    clock.set("2025-01-01T07:00")
    assert tick(ws, ran) == []
    record(ws, "raw", "2025-01-01T06:00", "x")
    assert tick(ws, ran) == [("smooth", "2025-01-01T05:00")]
    assert tick(ws, ran) == []


def test_a_month_waits_for_all_its_weeks(ws: nbpart.Workspace, ran: Ran, clock: Clock) -> None:
    clock.set("2024-10-05")
    weeks = ws.partitions(nbpart.WeeklyPartitions("weeks", start="2024-09-02"))
    months = ws.partitions(nbpart.MonthlyPartitions("months", start="2024-10-01"))
    declare(ws, "raw", partitions=weeks)
    declare(ws, "month", partitions=months, reads={"raw": nbpart.overlap()}, automation=nbpart.eager())
    clock.set("2024-11-01")
    read = ["2024-09-30", "2024-10-07", "2024-10-14", "2024-10-21"]
    for week in read:
        record(ws, "raw", week, week)
    assert tick(ws, ran) == [], "the week of 2024-10-28 is none yet"
    clock.set("2024-11-04")
    assert tick(ws, ran) == [], "it has no data yet"
    record(ws, "raw", "2024-10-28", "x")
    assert tick(ws, ran) == [("month", "2024-10")]


def test_what_requires_a_window_after_the_end_of_its_input_is_never_asked_for(
    ws: nbpart.Workspace, ran: Ran, clock: Clock
) -> None:
    clock.set("2026-05-12T08:30")
    raw_hours = ws.partitions(nbpart.HourlyPartitions("raw_hours", start="2026-05-12", end="2026-05-12T09:00"))
    hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2026-05-12"))
    declare(ws, "raw", partitions=raw_hours)
    declare(ws, "below", partitions=hours, reads={"raw": nbpart.overlap()}, automation=nbpart.eager())
    for hour in (9, 12):
        clock.set(f"2026-05-12T{hour:02}:01")
        assert tick(ws, ran) == []
    record(ws, "raw", "2026-05-12T08:00", "x")
    assert tick(ws, ran) == [("below", "2026-05-12T08:00")]


def test_partitions_below_an_asset_without_any_follow_in_the_same_tick(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    letters.add("a", "b")
    declare(ws, "table")
    declare(ws, "lookup", reads=["table"], automation=nbpart.eager())
    declare(ws, "target", partitions=letters, reads=["lookup"], automation=nbpart.eager())
    record(ws, "table", None, "x")
    break_steps(ran)
    assert sorted(tick(ws, ran)) == [("lookup", None), ("target", "a"), ("target", "b")]
    assert len(ws.backfills) == 1
    record(ws, "table", None, "y")
    assert sorted(tick(ws, ran)) == [("lookup", None), ("target", "a"), ("target", "b")]
    assert tick(ws, ran) == []


def test_an_automation_goes_on_after_its_code_was_loaded_anew(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "parent", partitions=letters)
    declare(ws, "child", partitions=letters, reads=["parent"], automation=nbpart.eager())
    letters.add("a")
    record(ws, "parent", "a", "x")

    @ws.asset(name="child", partitions=letters, deps=["parent"], automation=nbpart.eager())
    def other() -> dict[str, str]:
        return {"other": "code"}

    assert tick(ws, ran) == [("child", "a")]
    record(ws, "parent", "a", "y")
    assert tick(ws, ran) == [("child", "a")]
