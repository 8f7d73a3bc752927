"""What became late is found once."""

from __future__ import annotations

from unittest import mock

import nbpart
from nbpart.automation.lateness import take_newly_late
from tests.clocks import Clock, set_clock
from tests.recording import record


def visits(partition_key: str) -> str:
    return partition_key


def report() -> str:
    return "made"


def make(ws: nbpart.Workspace, asset: str, key: str | None = None) -> None:
    with mock.patch("nbpart.project.manual_run.datetime", Clock(ws.project.catalog.clock())):
        record(ws, asset, key)


def find(ws: nbpart.Workspace) -> dict[str, list[str | None]]:
    """What is newly late, by asset; it is recorded."""
    found = take_newly_late(ws.project)
    assert all(one.since <= ws.project.catalog.clock() for one in found)
    return {one.asset: ws.project.catalog.read(lambda batch, one=one: one.list_keys(batch, 9)) for one in found}  # type: ignore[misc]


def test_each_window_is_reported_once(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2026-03-07T08:00Z")
    days = ws.partitions(nbpart.DailyPartitions("days", start="2026-03-04"))
    ws.asset(visits, partitions=days, fresh=nbpart.expect(by="09:00", within="2d"))
    ws.asset(visits, name="other", partitions=days)
    assert find(ws) == {"visits": ["2026-03-04", "2026-03-05"]}
    assert find(ws) == {}
    set_clock(ws, "2026-03-07T09:00Z")
    make(ws, "visits", "2026-03-05")
    assert find(ws) == {"visits": ["2026-03-06"]}
    for hour in ("10", "23"):
        set_clock(ws, f"2026-03-07T{hour}:00Z")
        assert find(ws) == {}
    make(ws, "visits", "2026-03-06")
    set_clock(ws, "2026-03-08T09:00Z")
    assert find(ws) == {"visits": ["2026-03-07"]}


def test_without_windows_it_is_reported_again_after_it_was_made(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2026-03-07T08:00Z")
    ws.asset(report, fresh=nbpart.expect(by="09:00"))
    assert find(ws) == {}
    set_clock(ws, "2026-03-07T09:00Z")
    assert find(ws) == {"report": [None]}
    set_clock(ws, "2026-03-09T09:00Z")
    assert find(ws) == {}, "it is late still, and was reported"
    make(ws, "report")
    assert find(ws) == {}
    set_clock(ws, "2026-03-11T09:00Z")
    assert find(ws) == {"report": [None]}
    assert find(ws) == {}


def test_what_was_made_and_wiped_since_is_reported_again(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2026-03-07T08:00Z")
    ws.asset(report, fresh=nbpart.expect(by="09:00"))
    set_clock(ws, "2026-03-07T09:00Z")
    assert find(ws) == {"report": [None]}
    set_clock(ws, "2026-03-07T10:00Z")
    make(ws, "report")
    ws.wipe("report")
    assert find(ws) == {"report": [None]}
    assert find(ws) == {}


def test_of_two_that_look_at_once_one_finds_it(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2026-03-07T08:00Z")
    ws.asset(report, fresh=nbpart.expect(by="09:00"))
    set_clock(ws, "2026-03-07T09:00Z")
    with nbpart.open(ws.root) as other:
        set_clock(other, "2026-03-07T09:00Z")
        assert [find(ws), find(other)] == [{"report": [None]}, {}]


def test_where_nothing_is_late_nothing_is_written(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2026-03-07T08:00Z")
    ws.asset(report, fresh=nbpart.expect(by="09:00"))
    before = ws.project.catalog.sequence()
    assert find(ws) == {}
    assert ws.project.catalog.sequence() == before
