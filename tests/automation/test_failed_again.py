"""What failed is asked for again by a trigger only after a change of its code or of what it reads."""

from __future__ import annotations

from typing import Any

import pytest

import nbpart
from nbpart import RunRequest, SensorResult
from tests.automation.test_automations import break_steps, declare
from tests.automation.test_ticks import Ran
from tests.clocks import set_clock
from tests.recording import record


@pytest.fixture
def ran() -> Ran:
    return Ran()


@pytest.fixture
def ws(ws: nbpart.Workspace, ran: Ran) -> nbpart.Workspace:
    """A workspace in which ``clean`` of ``a`` failed, and a sensor that asks for all of ``clean`` at each tick."""
    ws.project.make_pool = ran.stage.make_pool
    letters = ws.dynamic_partitions("letters")
    letters.add("a", "b")
    declare(ws, "raw", partitions=letters)
    declare(ws, "clean", partitions=letters, reads=["raw"])
    for letter in letters:
        record(ws, "raw", letter, letter)

    @ws.sensor
    def insist(context: Any) -> SensorResult:
        return SensorResult([RunRequest(asset="clean"), RunRequest(partition_key="a", asset="clean")])

    break_steps(ran, ("clean", "a"))
    ask(ws)
    assert sorted(ran) == [("clean", "a"), ("clean", "b")]
    ran.clear()
    return ws


def ask(ws: nbpart.Workspace) -> str:
    return ws.tick("insist", here=True, progress=False).message


LEFT_OUT = (
    "1 failed and is left out: neither its code nor what it reads changed since; a backfill by hand runs it again"
)


def test_a_sensor_does_not_run_it_again_and_its_tick_says_so(ws: nbpart.Workspace, ran: Ran) -> None:
    assert ask(ws) == LEFT_OUT
    assert ran == []
    assert ws.ticks("insist").message.tolist()[0] == LEFT_OUT
    assert ws.backfills.frame.status.tolist()[0] == "succeeded"
    ws.backfill("clean").wait(progress=False)
    assert ran == [("clean", "a")], "a person runs it again"
    ran.clear()
    assert ask(ws) == LEFT_OUT
    assert ran == []


def test_it_runs_once_what_it_reads_changed(ws: nbpart.Workspace, ran: Ran) -> None:
    record(ws, "raw", "b", "other")
    ask(ws)
    assert ran == [("clean", "b")], "what others read is none of its own"
    ran.clear()
    record(ws, "raw", "a", "a")
    ask(ws)
    assert ran == [], "equal data are no change"
    record(ws, "raw", "a", "mended")
    ask(ws)
    assert ran == [("clean", "a")]


def test_it_runs_once_its_code_changed(ws: nbpart.Workspace, ran: Ran) -> None:
    @ws.asset(name="clean", partitions=ws.dynamic_partitions("letters"))
    def other(raw: Any) -> dict[str, str]:
        return {"other": "code"}

    assert ask(ws) == ""
    assert sorted(ran) == [("clean", "a"), ("clean", "b")]


def test_a_schedule_runs_it_again(ws: nbpart.Workspace, ran: Ran) -> None:
    set_clock(ws, "2030-01-01T05:00")
    ws.schedule("clean", cron="0 6 * * *", name="early")
    set_clock(ws, "2030-01-01T06:00")
    ws.tick("early", progress=False)
    assert ran == [("clean", "a")]


def test_what_reads_all_keys_runs_once_the_bad_one_is_removed(ws: nbpart.Workspace, ran: Ran) -> None:
    declare(ws, "clean", reads={"raw": nbpart.all_keys()})
    break_steps(ran, ("clean", None))

    @ws.sensor
    def insist(context: Any) -> SensorResult:
        return SensorResult([RunRequest(asset="clean")])

    for expected in ([("clean", None)], []):
        ran.clear()
        ask(ws)
        assert ran == expected
    letters = ws.dynamic_partitions("letters")
    letters.add("c")
    ask(ws)
    assert ran == [], "a key without data is nothing to read"
    letters.remove("c", "a")
    ask(ws)
    assert ran == [("clean", None)]


def test_a_version_that_comes_back_is_no_change(ws: nbpart.Workspace, ran: Ran) -> None:
    for content in ("other", "a"):
        record(ws, "raw", "a", content)
    assert ask(ws) == LEFT_OUT
    assert ran == []
