"""Looks of schedules, without kernels: the pool is a fake that plays the runs."""

from __future__ import annotations

from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

import nbpart
from nbpart.automation.schedule_looks import evaluate_schedule
from nbpart.automation.sensor_children import SensorChildren
from nbpart.automation.ticks import look
from nbpart.automation.watch_preview import preview_looks
from nbpart.catalog import events, queries
from nbpart.errors import ConditionError, DeclarationError, UnknownNameError
from nbpart.run.spec import RunSpec
from nbpart.states import TickOutcome
from nbpart.workspace.automating import OPENER
from tests.backfill.pools import Stage
from tests.clocks import set_clock


def cleaned(partition_key: str) -> str:
    return partition_key


def report(cleaned: Any) -> str:
    return str(cleaned)


@pytest.fixture
def broken() -> set[str]:
    """The keys whose runs fail."""
    return set()


@pytest.fixture
def stage(broken: set[str]) -> Stage:
    def answer(spec: RunSpec) -> str | Exception:
        return ValueError("broken") if spec.partition_key in broken else f"{spec.asset} of {spec.partition_key}"

    return Stage(answer)


@pytest.fixture
def ws(ws: nbpart.Workspace, stage: Stage) -> nbpart.Workspace:
    ws.project.make_pool = stage.make_pool
    set_clock(ws, "2026-03-07T12:00-05:00")
    files = ws.dynamic_partitions("files", columns={"batch": str})
    files.add_rows([{"key": key, "batch": key[0]} for key in ("a1", "a2", "b1")], key="key")
    ws.asset(cleaned, partitions=files)
    ws.asset(report, partitions=files)
    return ws


def last_tick(ws: nbpart.Workspace) -> Any:
    return ws.ticks(limit=1).iloc[0]


def test_at_its_time_all_that_is_outdated_is_made_what_failed_too(
    ws: nbpart.Workspace, stage: Stage, broken: set[str]
) -> None:
    ws.schedule("+report", cron="0 6 * * *", timezone="America/New_York")
    assert not ws.tick("+report").backfills
    assert last_tick(ws).message == "not due before 2026-03-08 06:00 EDT"
    broken.add("b1")
    set_clock(ws, "2026-03-08T06:00:01-04:00")
    assert ws.tick("+report").backfills[0].status == "failed"
    assert len(stage.names()) == 5, "report of b1 is blocked"
    assert not ws.tick("+report").backfills, "once"
    broken.clear()
    stage.started.clear()
    set_clock(ws, "2026-03-09T09:00-04:00")
    ws.tick("+report")
    assert stage.names() == [("cleaned", "b1"), ("report", "b1")]
    assert last_tick(ws).message == "2026-03-09 06:00 EDT passed unwatched: made up for once"
    set_clock(ws, "2026-03-10T09:00-04:00")
    assert ws.tick("+report").backfill is None
    assert last_tick(ws).message.splitlines()[1] == "nothing is outdated that could be made now"
    assert ws.tick("+report").message == "not due before 2026-03-11 06:00 EDT"


def test_a_source_is_looked_at_before_its_time_is_answered(ws: nbpart.Workspace, stage: Stage, project: Path) -> None:
    landed = project / "landed.csv"
    landed.write_text("1")
    ws.source("landed", str(landed))

    def total(landed: Any) -> str:
        return str(landed)

    ws.asset(total)
    ws.schedule("total", cron="0 * * * *", where="status = 'stale' or status = 'missing'")
    set_clock(ws, "2026-03-07T18:00Z")
    assert ws.tick("total").backfill is not None
    set_clock(ws, "2026-03-07T19:00Z")
    assert ws.tick("total").backfill is None
    landed.write_text("22")
    set_clock(ws, "2026-03-07T20:00Z")
    assert ws.tick("total").backfill is not None
    assert stage.names() == [("total", None)] * 2


def test_a_look_writes_nothing_and_what_it_found_is_recorded_with_its_tick(
    ws: nbpart.Workspace, stage: Stage, project: Path
) -> None:
    ws.source("landed", "landed/{partition_key}.csv", partitions=ws.dynamic_partitions("files"))
    (project / "landed").mkdir()

    def total(landed: Any) -> str:
        return str(landed)

    ws.asset(total, partitions=ws.dynamic_partitions("files"))
    ws.schedule("total", cron="0 * * * *", where="status = 'stale' or status = 'missing'")
    catalog = ws.project.catalog

    def preview() -> str:
        before = catalog.sequence()
        [found] = preview_looks(ws.project, SensorChildren(OPENER, forks=False))
        assert catalog.sequence() == before
        return found.text

    set_clock(ws, "2026-03-07T18:00Z")
    assert preview() == "would ask for nothing; due 2026-03-07 18:00 UTC; nothing is outdated that could be made now"
    (project / "landed" / "a1.csv").write_text("1")
    assert preview() == "would record 1 changed file, and ask for 3 partitions of total; due 2026-03-07 18:00 UTC"
    assert preview().startswith("would record 1 changed file"), "it is new to each look until one is recorded"
    assert ws.tick("total", progress=False).backfill is not None
    assert stage.names() == [("total", "a1")]
    set_clock(ws, "2026-03-07T19:00Z")
    (project / "landed" / "a1.csv").unlink()
    record = catalog.read(lambda batch: queries.find_trigger(batch, "total"))
    assert record is not None
    before = catalog.sequence()
    look(ws.project, record, evaluate_schedule, {})
    assert catalog.sequence() == before + 1, "tick, cursor and what was found are one transaction"
    assert preview() == "would ask for nothing; not due before 2026-03-07 20:00 UTC"


def test_a_condition_chooses_of_what_it_selects_when_its_time_has_come(ws: nbpart.Workspace, stage: Stage) -> None:
    declared = nbpart.schedule("+report", cron="0 * * * *", where="batch = 'a'", name="hourly")
    ws.register(declared)
    ws.dynamic_partitions("files").add_rows([{"key": "a3", "batch": "a"}], key="key")
    set_clock(ws, "2026-03-07T18:00Z")
    assert ws.tick("hourly").message == "due 2026-03-07 18:00 UTC"
    assert {key for _, key in stage.names()} == {"a1", "a2", "a3"}
    assert len(stage.names()) == 6
    ws.schedule("+report", cron="0 * * * *", where={"batch": "z"}, name="hourly")
    set_clock(ws, "2026-03-07T19:00Z")
    tick = ws.tick("hourly")
    assert tick.backfill is None
    assert tick.message.splitlines()[1].startswith("no partition is chosen by")
    set_clock(ws, "2026-03-07T19:00:05Z")
    assert ws.tick("hourly").message == "not due before 2026-03-07 20:00 UTC"


def test_a_condition_on_what_became_of_partitions_leaves_what_is_up_to_date(
    ws: nbpart.Workspace, stage: Stage, broken: set[str]
) -> None:
    broken.add("a1")
    ws.backfill("cleaned").wait(progress=False)
    broken.clear()
    stage.started.clear()
    ws.schedule("cleaned", cron="0 * * * *", where="status = 'failed' or status = 'materialized'")
    set_clock(ws, "2026-03-07T18:00Z")
    ws.tick("cleaned")
    assert stage.names() == [("cleaned", "a1")]


def test_of_two_looks_at_once_one_asks(ws: nbpart.Workspace) -> None:
    ws.schedule("cleaned", cron="0 * * * *")
    set_clock(ws, "2026-03-07T18:00Z")
    together = Barrier(2)

    def tick() -> None:
        together.wait()
        ws.tick("cleaned", progress=False)

    threads = [Thread(target=tick) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ticks = ws.ticks("cleaned")
    assert ticks.requested.sum() == 1
    assert len(ticks) == 2
    assert len(ws.backfills) == 1


def test_times_while_it_was_off_belong_to_nobody(ws: nbpart.Workspace) -> None:
    ws.schedule("cleaned", cron="0 * * * *")

    def switch(is_on: bool) -> None:
        ws.project.catalog.write(lambda batch: events.switch_trigger(batch, "cleaned", is_on=is_on))

    switch(False)
    set_clock(ws, "2026-03-07T20:30Z")
    assert ws.tick("cleaned").message == "it is turned off"
    switch(True)
    assert ws.tick("cleaned").message == "not due before 2026-03-07 21:00 UTC"
    set_clock(ws, "2026-03-07T21:00Z")
    assert ws.tick("cleaned").backfill is not None


def test_a_schedule_of_what_is_not_there_registers_nothing(ws: nbpart.Workspace) -> None:
    with pytest.raises(UnknownNameError, match="report"):
        ws.schedule("+reprot", cron="0 6 * * *")
    with pytest.raises(UnknownNameError, match="has no column 'btach'"):
        ws.schedule("cleaned", cron="0 6 * * *", where="btach = 'a'")
    with pytest.raises(ConditionError):
        ws.schedule("cleaned", cron="0 6 * * *", where="batch = (")
    with pytest.raises(DeclarationError, match="comes twice in one call"):
        ws.register(nbpart.schedule("cleaned", cron="0 6 * * *"), nbpart.schedule("cleaned", cron="0 7 * * *"))
    assert ws.project.catalog.read(queries.load_triggers) == []


def test_an_asset_that_left_is_a_sentence_on_the_tick(ws: nbpart.Workspace) -> None:
    ws.schedule("report", cron="0 * * * *")
    ws.remove_asset("report")
    set_clock(ws, "2026-03-07T18:00Z")
    with pytest.raises(UnknownNameError):
        ws.tick("report")
    tick = last_tick(ws)
    assert tick.outcome == TickOutcome.FAILED
    assert "report" in tick.error
    ws.asset(report, partitions=ws.dynamic_partitions("files"))
    assert ws.tick("report").backfill is not None, "the time is not lost"
