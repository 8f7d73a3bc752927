"""Automations of assets, without kernels: the pool is a fake that plays the runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import nbpart
from nbpart import DeclarationError
from nbpart.automation.automation_looks import evaluate_automation
from nbpart.automation.automation_ticks import look_together
from nbpart.automation.evaluation import Look
from nbpart.automation.ticks import look
from nbpart.catalog import events, queries
from nbpart.errors import ConditionError, UnknownNameError
from nbpart.project.requests import start_requested_backfill
from nbpart.run.spec import RunSpec
from tests.automation.test_ticks import Ran
from tests.clocks import set_clock
from tests.processes import wait_for
from tests.recording import record

Step = tuple[str, str | None]


@pytest.fixture
def ran() -> Ran:
    return Ran()


@pytest.fixture
def ws(ws: nbpart.Workspace, ran: Ran) -> nbpart.Workspace:
    ws.project.make_pool = ran.stage.make_pool
    return ws


def alone() -> dict[str, str]:
    return {}


def declare(ws: nbpart.Workspace, name: str, *, reads: Any = (), **options: Any) -> None:
    """Register an asset that reads these."""
    ws.asset(name=name, deps=reads, **options)(alone)


def tick(ws: nbpart.Workspace, ran: Ran, *names: str) -> list[Step]:
    """Look with some automations together, run what they ask for; returns what ran."""
    before = len(ran)
    records = [one for one in ws.project.catalog.read(queries.load_triggers) if not names or one.name in names]
    for request in look_together(ws.project, records, {}).backfills:
        start_requested_backfill(ws.project, request.backfill_id, request.options)
        ws.backfills[request.backfill_id].wait(progress=False)
    return ran[before:]


def break_steps(ran: Ran, *broken: Step) -> None:
    """Let these partitions fail from now on, and no others."""

    def answer(spec: RunSpec) -> str | Exception:
        step = (spec.asset, spec.partition_key)
        ran.append(step)
        return RuntimeError("broken") if step in broken else f"{spec.asset} {len(ran)}"

    ran.stage.answer = answer


def keys(steps: list[Step]) -> list[str | None]:
    return [key for _, key in steps]


def notes(ws: nbpart.Workspace, name: str) -> str:
    return str(ws.ticks(name, limit=1).message[0])


def test_au_001_keys_that_were_there_are_not_asked_for_and_a_new_one_is_once(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    letters.add("x", "y")
    declare(ws, "a", partitions=letters, automation=nbpart.eager())
    found = [keys(tick(ws, ran)), keys(tick(ws, ran))]
    letters.add("z")
    found += [keys(tick(ws, ran)), keys(tick(ws, ran))]
    assert found == [[], [], ["z"], []]


def test_au_001_on_missing_asks_for_the_backlog_newest_first(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    letters.add("w", "x", "y")
    declare(ws, "a", partitions=letters, automation=nbpart.on_missing(at_most=2))
    found = [keys(tick(ws, ran)), keys(tick(ws, ran)), keys(tick(ws, ran))]
    letters.add("z")
    found += [keys(tick(ws, ran)), keys(tick(ws, ran))]
    assert found == [["y", "x"], ["w"], [], ["z"], []]


def test_on_missing_goes_on_to_older_ones_where_the_newest_lack_something(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    letters.add(*"abcdef")
    declare(ws, "raw", partitions=letters)
    declare(ws, "clean", partitions=letters, reads=["raw"], automation=nbpart.on_missing(at_most=2))
    for letter in "abc":
        record(ws, "raw", letter, letter)
    break_steps(ran, ("clean", "b"))
    assert [keys(tick(ws, ran)) for _ in range(4)] == [[], ["c"], ["b", "a"], []]
    break_steps(ran)
    record(ws, "raw", "f", "f")
    record(ws, "raw", "b", "mended")
    found = [step for _ in range(4) for step in tick(ws, ran)]
    assert sorted(keys(found)) == ["b", "f"]
    record(ws, "raw", "a", "other")
    assert tick(ws, ran) == [], "what is stale is not missing"


def test_au_004_every_window_whose_input_changed_newest_first(ws: nbpart.Workspace, ran: Ran) -> None:
    set_clock(ws, "2026-01-10T12:00")
    days = ws.partitions(nbpart.DailyPartitions("days", start="2026-01-01"))
    declare(ws, "du", partitions=days)
    declare(ws, "dd", partitions=days, reads=["du"], automation=nbpart.eager())
    assert tick(ws, ran) == []
    for day in ("2026-01-03", "2026-01-08", "2026-01-09"):
        record(ws, "du", day, day)
    set_clock(ws, "2026-01-10T12:01")
    assert keys(tick(ws, ran)) == ["2026-01-09", "2026-01-08", "2026-01-03"]


def test_au_008_a_key_that_returns_keeps_its_materialization(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    letters.add("x")
    declare(ws, "a", partitions=letters, automation=nbpart.eager())
    found = [keys(tick(ws, ran))]
    letters.add("z")
    found += [keys(tick(ws, ran)), keys(tick(ws, ran))]
    letters.remove("z")
    found += [keys(tick(ws, ran))]
    letters.add("z")
    found += [keys(tick(ws, ran))]
    assert found == [[], ["z"], [], [], []]


def test_au_009_a_new_key_goes_down_the_chain_in_one_tick(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    for name, reads in {"c1": [], "c2": ["c1"], "c3": ["c2"]}.items():
        declare(ws, name, partitions=letters, reads=reads, automation=nbpart.eager())
    assert tick(ws, ran) == []
    letters.add("z")
    assert tick(ws, ran) == [("c1", "z"), ("c2", "z"), ("c3", "z")]
    assert len(ws.backfills) == 1
    asked = ws.ticks().head(3)
    assert (asked.outcome.tolist(), asked.requested.tolist()) == (["asked"] * 3, [1] * 3)
    assert tick(ws, ran) == []


def test_each_partition_below_many_that_ended_at_once_is_made_once(ws: nbpart.Workspace, ran: Ran) -> None:
    set_clock(ws, "2026-01-02T01:30")
    hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2026-01-01"))
    declare(ws, "parent", partitions=hours)
    declare(ws, "child", partitions=hours, reads=["parent"], automation=nbpart.eager())
    last = list(hours)[-20:]
    for hour in last[:7]:
        record(ws, "parent", hour, hour)
    found = tick(ws, ran)
    for hour in last[7:]:
        record(ws, "parent", hour, hour)
    found += [*tick(ws, ran), *tick(ws, ran)]
    assert sorted(keys(found)) == last


def test_with_quiet_many_that_ended_at_once_are_one_backfill(ws: nbpart.Workspace, ran: Ran) -> None:
    set_clock(ws, "2026-01-02T01:30")
    hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2026-01-01"))
    declare(ws, "parent", partitions=hours)
    declare(ws, "child", partitions=hours, reads=["parent"], automation=nbpart.eager(quiet="10m"))
    last = list(hours)[-20:]
    for hour in last[:7]:
        record(ws, "parent", hour, hour)
    assert tick(ws, ran) == []
    assert notes(ws, "child") == "7 wait until what they read has been quiet for 600 s"
    for hour in last[7:]:
        record(ws, "parent", hour, hour)
    assert tick(ws, ran) == []
    set_clock(ws, "2026-01-02T01:39:59")
    assert tick(ws, ran) == []
    set_clock(ws, "2026-01-02T01:40")
    assert keys(tick(ws, ran)) == last[::-1]
    assert len(ws.backfills) == 1
    assert tick(ws, ran) == []


def test_what_keeps_changing_is_asked_for_after_six_quiets(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "parent", partitions=letters)
    declare(ws, "child", partitions=letters, reads=["parent"], automation=nbpart.eager(quiet="10m"))
    set_clock(ws, "2026-01-02T00:00")
    letters.add("a")
    asked = {}
    for minute in range(0, 75, 5):
        set_clock(ws, f"2026-01-02T{minute // 60:02}:{minute % 60:02}")
        if minute <= 60:
            record(ws, "parent", "a", f"version {minute}")
        if found := tick(ws, ran):
            asked[minute] = found
    assert asked == {60: [("child", "a")]}


def test_what_was_quiet_while_nobody_looked_is_asked_for_at_once(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "parent", partitions=letters)
    declare(ws, "child", partitions=letters, reads=["parent"], automation=nbpart.eager(quiet="10m"))
    letters.add("a")
    record(ws, "parent", "a", "x")
    set_clock(ws, (datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert tick(ws, ran) == [("child", "a")]


def test_what_reads_one_that_runs_or_lacks_data_waits(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    for name in ("left", "right"):
        declare(ws, name, partitions=letters)
    declare(ws, "both", partitions=letters, reads=["left", "right"], automation=nbpart.eager())
    letters.add("a")
    record(ws, "left", "a", "x")
    assert tick(ws, ran) == []
    assert notes(ws, "both") == "both/a is not asked for: it reads right/a, which has no data"
    ran.stage.answer = lambda spec: None
    backfill = ws.backfill("right")
    wait_for(lambda: ws.status().loc["right"].get("running", 0) == 1, 30)
    assert tick(ws, ran) == []
    assert notes(ws, "both") == "both/a is not asked for: it reads right/a, which is running"
    pool = ran.stage.pools[-1]
    break_steps(ran)
    [spec] = pool.running.values()
    pool.end(spec, "done")
    backfill.wait(progress=False)
    assert tick(ws, ran) == [("both", "a")]


def test_an_input_that_fails_is_named_and_nothing_is_lost(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "raw", partitions=letters, automation=nbpart.eager())
    declare(ws, "clean", partitions=letters, reads=["raw"], automation=nbpart.eager())
    letters.add("a", "b")
    break_steps(ran, ("raw", "a"))
    assert tick(ws, ran) == [("raw", "b"), ("raw", "a"), ("clean", "b")]
    assert tick(ws, ran) == []
    assert notes(ws, "clean") == "clean/a is not asked for: it reads raw/a, which failed"
    assert notes(ws, "raw") == "1 failed or was cancelled, and neither code nor what it reads changed since"
    break_steps(ran)
    ws.backfill("raw").wait(progress=False)
    ran.clear()
    assert tick(ws, ran) == [("clean", "a")]


def test_what_failed_waits_for_a_change_of_what_it_reads(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "raw", partitions=letters)
    declare(ws, "clean", partitions=letters, reads=["raw"], automation=nbpart.eager())
    letters.add("a")
    record(ws, "raw", "a", "broken")
    break_steps(ran, ("clean", "a"))
    assert tick(ws, ran) == [("clean", "a")]
    record(ws, "raw", "a", "broken")
    assert tick(ws, ran) == [], "it would read the same again"
    record(ws, "raw", "a", "mended")
    assert tick(ws, ran) == [("clean", "a")]
    record(ws, "raw", "a", "broken")
    break_steps(ran)
    assert tick(ws, ran) == [("clean", "a")]


def test_what_failed_waits_for_a_change_of_its_code(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "raw", partitions=letters, automation=nbpart.eager())
    letters.add("a")
    break_steps(ran, ("raw", "a"))
    assert tick(ws, ran) == [("raw", "a")]
    assert tick(ws, ran) == []

    @ws.asset(name="raw", partitions=letters, automation=nbpart.eager())
    def other() -> dict[str, str]:
        return {"other": "code"}

    break_steps(ran)
    assert tick(ws, ran) == [("raw", "a")]


def test_what_was_cancelled_is_not_asked_for_again(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "raw", partitions=letters)
    declare(ws, "clean", partitions=letters, reads=["raw"], automation=nbpart.eager())
    letters.add("a")
    record(ws, "raw", "a", "x")
    ran.stage.answer = lambda spec: None
    done = ws.tick("clean", wait=False)
    wait_for(lambda: ws.status().loc["clean"].get("running", 0) == 1, 30)
    assert done.backfill is not None
    done.backfill.cancel()
    done.backfill.wait(progress=False)
    break_steps(ran)
    assert tick(ws, ran) == []
    record(ws, "raw", "a", "y")
    assert tick(ws, ran) == [("clean", "a")]


def test_under_skip_one_key_with_data_is_enough_and_none_is_not(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "raw", partitions=letters)
    every = {"raw": nbpart.all_keys()}
    declare(ws, "some", reads=every, on_missing_input="skip", automation=nbpart.eager())
    declare(ws, "all", reads=every, automation=nbpart.eager())
    declare(ws, "first", reads=["raw"], automation=nbpart.eager(), partitions=letters)
    assert tick(ws, ran) == []
    letters.add("a", "b")
    assert tick(ws, ran) == []
    record(ws, "raw", "a", "x")
    assert sorted(tick(ws, ran)) == [("first", "a"), ("some", None)]
    record(ws, "raw", "b", "x")
    assert sorted(tick(ws, ran)) == [("all", None), ("first", "b"), ("some", None)]


def test_what_reads_all_keys_is_asked_for_once_the_one_that_lacks_data_is_removed(
    ws: nbpart.Workspace, ran: Ran
) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "raw", partitions=letters)
    declare(ws, "all", reads={"raw": nbpart.all_keys()}, automation=nbpart.eager())
    letters.add("a", "b")
    record(ws, "raw", "a", "x")
    assert tick(ws, ran) == []
    assert notes(ws, "all") == "all is not asked for: it reads raw/b, which has no data"
    letters.remove("b")
    assert tick(ws, ran) == [("all", None)]
    assert tick(ws, ran) == []


def test_of_two_looks_that_saw_the_same_one_asks(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "a", partitions=letters, automation=nbpart.eager())
    letters.add("x")
    [before] = ws.project.catalog.read(queries.load_triggers)
    seen = evaluate_automation(Look(ws.project, ws.project.registry(), before, ws.project.catalog.clock()))
    assert seen.steps
    ws.tick("a", progress=False)
    recorded, _, done = look(ws.project, before, lambda _: seen, {})
    assert (recorded.backfills, done.message) == ([], "another look has asked for it")
    assert ran == [("a", "x")]


def test_an_input_without_any_key_is_not_there(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "raw", partitions=letters)
    declare(ws, "other")
    declare(ws, "all", reads={"raw": nbpart.all_keys(), "other": nbpart.whole()}, automation=nbpart.eager())
    record(ws, "other", None, "x")
    assert tick(ws, ran) == []
    assert notes(ws, "all") == "all is not asked for: it reads no key of raw: there is none for it"


def test_a_running_balance_begins_with_its_first_day_and_goes_on(ws: nbpart.Workspace, ran: Ran) -> None:
    set_clock(ws, "2026-01-04")
    days = ws.partitions(nbpart.DailyPartitions("days", start="2026-01-01"))
    declare(ws, "paid", partitions=days)
    reads = {"before": nbpart.previous(of="balance"), "paid": nbpart.same()}
    declare(ws, "balance", partitions=days, reads=reads, automation=nbpart.eager())
    record(ws, "paid", "2026-01-02", "x")
    assert tick(ws, ran) == [], "the day before has no balance"
    for day in ("2026-01-01", "2026-01-03"):
        record(ws, "paid", day, "x")
    assert keys(tick(ws, ran)) == ["2026-01-01", "2026-01-02", "2026-01-03"]
    break_steps(ran)
    record(ws, "paid", "2026-01-01", "y")
    assert keys(tick(ws, ran)) == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert tick(ws, ran) == []


def test_what_is_stale_because_of_what_nobody_asks_for_waits_for_that(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "raw", partitions=letters)
    declare(ws, "middle", partitions=letters, reads=["raw"])
    declare(ws, "last", partitions=letters, reads=["middle"], automation=nbpart.eager())
    letters.add("a")
    for name in ("raw", "middle", "last"):
        record(ws, name, "a", "x")
    record(ws, "raw", "a", "y")
    assert tick(ws, ran) == []
    assert "stale only because of what it reads" in notes(ws, "last")
    record(ws, "middle", "a", "y")
    assert tick(ws, ran) == [("last", "a")]


def test_where_chooses_and_is_checked_when_declared(ws: nbpart.Workspace, ran: Ran) -> None:
    files = ws.dynamic_partitions("files", columns={"size": int})
    where = ("size < $most", {"most": 10})
    declare(ws, "small", partitions=files, automation=nbpart.eager(where=where))
    files.add_rows([{"key": "a", "size": 3}, {"key": "b", "size": 30}], key="key")
    assert tick(ws, ran) == [("small", "a")]
    before = ws.assets["small"].automation
    with pytest.raises(UnknownNameError, match=r"the automation of 'small': .*small has no column 'sise'.*'size'"):
        declare(ws, "small", partitions=files, automation=nbpart.eager(where="sise < 10"))
    with pytest.raises(ConditionError, match="the automation of 'small'"):
        declare(ws, "small", partitions=files, automation=nbpart.eager(where="size < (SELECT 1)"))
    assert ws.assets["small"].automation == before


def test_what_was_outdated_when_it_was_turned_on_is_not_asked_for(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "a", partitions=letters, automation=nbpart.eager())
    switch(ws, "a", is_on=False)
    letters.add("x")
    assert tick(ws, ran) == []
    assert notes(ws, "a") == "it is turned off"
    switch(ws, "a", is_on=True)
    letters.add("y")
    assert tick(ws, ran) == [("a", "y")]


def test_an_automation_is_a_trigger_until_its_asset_is_declared_without(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "a", partitions=letters, automation=nbpart.eager())
    letters.add("x")
    ws.tick("a")
    assert ran == [("a", "x")]
    letters.add("y")
    declare(ws, "a", partitions=letters)
    assert tick(ws, ran) == []
    assert ws.status().loc["a", "materialized"] == 1, "the option is no part of the code"
    with pytest.raises(UnknownNameError, match="no trigger 'a'"):
        ws.tick("a")
    declare(ws, "a", partitions=letters, automation=nbpart.eager())
    letters.add("z")
    assert tick(ws, ran) == [("a", "z")]
    ws.remove_asset("a")
    with pytest.raises(UnknownNameError, match="no trigger 'a'"):
        ws.tick("a")


def test_declared_again_as_it_was_an_automation_goes_on(ws: nbpart.Workspace, ran: Ran) -> None:
    letters = ws.dynamic_partitions("letters")
    declare(ws, "a", partitions=letters, automation=nbpart.eager())
    letters.add("x")
    declare(ws, "a", partitions=letters, automation=nbpart.eager())
    assert tick(ws, ran) == [("a", "x")]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nbpart.eager(quiet="soon"), "quiet='soon' is no interval"),
        (lambda: nbpart.eager(quiet=0), "quiet=0 is no interval"),
        (lambda: nbpart.eager(quiet=True), "quiet=True is no interval"),
        (lambda: nbpart.on_missing(at_most=0), "at_most is a whole number of at least 1, not 0"),
        (lambda: nbpart.asset(automation=nbpart.eager)(alone), r"automation is nbpart.eager\(\) or"),
        (lambda: nbpart.asset(automation="eager")(alone), "not 'eager'"),
    ],
)
def test_what_cannot_be_an_automation_is_refused(make: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        make()


def test_a_trigger_cannot_have_the_name_of_an_automation(ws: nbpart.Workspace) -> None:
    declare(ws, "a", automation=nbpart.eager())
    with pytest.raises(DeclarationError, match="'a' is the name of an asset and of a trigger"):
        ws.schedule("a", cron="0 6 * * *")
    ws.schedule("a", cron="0 6 * * *", name="early")
    with pytest.raises(DeclarationError, match="give the trigger another name"):
        declare(ws, "early", automation=nbpart.eager())


def switch(ws: nbpart.Workspace, name: str, *, is_on: bool) -> None:
    ws.project.catalog.write(lambda batch: events.switch_trigger(batch, name, is_on=is_on))
