"""Windows that come by a declaration, not by the time, are asked for as any others, and none besides."""

from __future__ import annotations

import pytest

import nbpart
from tests.automation.test_automations import declare, keys, tick
from tests.automation.test_ticks import Ran
from tests.clocks import set_clock
from tests.recording import record


@pytest.fixture
def ran() -> Ran:
    return Ran()


@pytest.fixture
def ws(ws: nbpart.Workspace, ran: Ran) -> nbpart.Workspace:
    set_clock(ws, "2021-01-10")
    ws.project.make_pool = ran.stage.make_pool
    return ws


def declare_days(
    ws: nbpart.Workspace, start: str = "2021-01-02", end: str = "2021-01-06", exclude: tuple[str, ...] = ()
) -> object:
    return ws.partitions(nbpart.DailyPartitions("days", start=start, end=end, exclude=exclude))


@pytest.mark.parametrize("quiet", [None, "10m"])
def test_windows_that_were_off_the_list_are_asked_for_once_they_are_back(
    ws: nbpart.Workspace, ran: Ran, quiet: str | None
) -> None:
    days = declare_days(ws)
    declare(ws, "report", partitions=days, automation=nbpart.eager(quiet=quiet))
    record(ws, "report", "2021-01-04", "x")
    assert tick(ws, ran) == []
    declare_days(ws, exclude=("2021-01-03", "2021-01-04"))
    assert tick(ws, ran) == [], "what left is not asked for"
    declare_days(ws)
    found = keys(tick(ws, ran))
    set_clock(ws, "2021-01-10T00:10")
    found += keys(tick(ws, ran))
    assert found == ["2021-01-03"], "what was never there to be missing stays, and so does what is made"
    assert tick(ws, ran) == []


def test_a_day_that_was_excluded_from_the_beginning_and_an_end_that_moved_on(ws: nbpart.Workspace, ran: Ran) -> None:
    days = declare_days(ws, exclude=("2021-01-03",))
    declare(ws, "report", partitions=days, automation=nbpart.eager())
    assert tick(ws, ran) == []
    declare_days(ws)
    assert keys(tick(ws, ran)) == ["2021-01-03"]
    declare_days(ws, end="2021-01-08")
    assert keys(tick(ws, ran)) == ["2021-01-07", "2021-01-06"]
    declare_days(ws, end="2021-01-04")
    assert tick(ws, ran) == []
    declare_days(ws, start="2021-01-01", end="2021-01-08")
    assert keys(tick(ws, ran)) == ["2021-01-05", "2021-01-04", "2021-01-01"], "6 and 7 were made"
    assert tick(ws, ran) == []


def test_products_and_readers_of_windows_that_are_back(ws: nbpart.Workspace, ran: Ran) -> None:
    days = declare_days(ws)
    grid = ws.partitions(nbpart.MultiPartitions({"day": days, "shop": ["e", "w"]}, name="grid"))
    declare(ws, "sold", partitions=grid, automation=nbpart.eager())
    declare(ws, "raw", partitions=days)
    declare(ws, "total", reads={"raw": nbpart.all_keys()}, automation=nbpart.eager(), on_missing_input="skip")
    record(ws, "raw", "2021-01-03", "x")
    assert tick(ws, ran) == [("total", None)]
    declare_days(ws, start="2021-01-04")
    assert tick(ws, ran) == [], "it reads no key that has data"
    record(ws, "raw", "2021-01-04", "x")
    assert tick(ws, ran) == [("total", None)]
    declare_days(ws)
    found = tick(ws, ran)
    days_back = ("2021-01-03", "2021-01-02")
    assert {key for name, key in found if name == "sold"} == {f"day={d},shop={s}" for d in days_back for s in "ew"}
    assert [step for step in found if step[0] == "total"] == [("total", None)]
    assert tick(ws, ran) == []


def test_on_missing_begins_anew_for_windows_that_are_back(ws: nbpart.Workspace, ran: Ran) -> None:
    days = declare_days(ws)
    declare(ws, "report", partitions=days, automation=nbpart.on_missing(at_most=9))
    declare_days(ws, exclude=("2021-01-03",))
    assert [keys(tick(ws, ran)) for _ in range(2)] == [["2021-01-05", "2021-01-04", "2021-01-02"], []]
    declare_days(ws)
    assert [keys(tick(ws, ran)) for _ in range(2)] == [["2021-01-03"], []]


def test_the_windows_of_a_set_are_listed_without_whom_they_came_by(ws: nbpart.Workspace) -> None:
    declare_days(ws)
    declare_days(ws, exclude=("2021-01-03",))
    frame = ws.partitions(declare_days(ws)).frame
    assert len(frame) == 4
    assert not {"added_at", "added_by"} & set(frame.columns)
