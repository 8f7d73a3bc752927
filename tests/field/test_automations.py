"""Reports of people whose orchestrators ran too much or too little by themselves, told for automations."""

from __future__ import annotations

import pytest

import nbpart
from tests.automation.test_automations import declare, keys, notes, tick
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
