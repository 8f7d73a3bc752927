"""Resuming and retrying backfills, without kernels: nothing runs twice, and an outcome stays as it is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart.backfill.options import BackfillOptions
from nbpart.backfill.runner import Runner
from nbpart.catalog import check, events
from nbpart.errors import DeclarationError, UnknownNameError
from nbpart.project.backfills import Backfill
from nbpart.project.launch import make_steps_frame
from nbpart.project.plans import Plan
from nbpart.project.resume import start_waiting_backfill
from nbpart.states import RunStatus
from tests.backfill.pools import Stage
from tests.processes import wait_for
from tests.projects import import_written
from tests.recording import record

Die = Callable[..., Backfill]

ASSETS = """
import nbpart

files = nbpart.DynamicPartitions("files")

@nbpart.asset(partitions=files)
def raw(partition_key: str, factor: int = 1) -> str:
    return partition_key

@nbpart.asset(partitions=files)
def clean(raw) -> str:
    return raw.upper()
"""


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def ws(project: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[nbpart.Workspace]:
    flow = import_written(project, "flow", ASSETS, monkeypatch)
    with open_with_stage(stage) as workspace:
        workspace.register(flow.raw, flow.clean)
        workspace.dynamic_partitions("files").add("a", "b", "c")
        yield workspace
        assert not workspace.project.catalog.read(check.check)


def open_with_stage(stage: Stage) -> nbpart.Workspace:
    """The workspace, with runs that are played on a stage."""
    workspace = nbpart.open("workspace")
    workspace.project.make_pool = stage.make_pool
    return workspace


def kinds(ws: nbpart.Workspace, backfill_id: str) -> list[str]:
    sql = """SELECT e.kind FROM backfill_events AS e JOIN backfills AS b USING (backfill_no)
        WHERE b.backfill_id = ? ORDER BY e.rowid"""
    return [row[0] for row in ws.project.catalog.read(lambda batch: batch.rows(sql, backfill_id))]


def until(condition: Callable[[], object]) -> None:
    wait_for(condition, 60)


@pytest.fixture
def notices(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="nbpart")
    return caplog


@pytest.fixture
def die(ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch) -> Die:
    """Let a process that runs a plan die as soon as it has recorded it; the backfill."""

    def die(plan: Plan, **options: Any) -> Backfill:
        with nbpart.open("workspace") as other, monkeypatch.context() as patch:
            patch.setattr(Runner, "start", lambda self: None)
            plan._project, number = other.project, other.project.coordinator.number
            backfill_id = plan.run(**options).id
            other.project.runners.clear()
            ws.project.catalog.write(lambda batch: events.interrupt_coordinators(batch, [number]))
        assert ws.backfills[backfill_id].status == "interrupted"
        return ws.backfills[backfill_id]

    return die


# what has nothing left


def test_a_failed_backfill_with_nothing_left_stays_failed(
    ws: nbpart.Workspace, stage: Stage, notices: pytest.LogCaptureFixture
) -> None:
    stage.answer = lambda spec: ValueError("broken") if spec.partition_key == "b" else "fine"
    backfill = ws.backfill("*").wait(progress=False)
    before, started = kinds(ws, backfill.id), len(stage.started)
    sequence = ws.project.catalog.sequence()
    assert backfill.resume() is backfill
    assert "2 steps failed or were blocked, and retry_failed() runs these" in notices.text
    assert backfill.wait(progress=False).status == "failed"
    assert (kinds(ws, backfill.id), len(stage.started), ws.project.catalog.sequence()) == (before, started, sequence)


def test_a_successful_backfill_is_neither_resumed_nor_retried(
    ws: nbpart.Workspace, stage: Stage, notices: pytest.LogCaptureFixture
) -> None:
    backfill = ws.backfill("*").wait(progress=False)
    before = kinds(ws, backfill.id)
    assert backfill.resume().wait(progress=False).status == "succeeded"
    assert "all of it succeeded" in notices.text
    assert backfill.retry_failed() is backfill
    assert "no step that failed or was blocked" in notices.text
    backfill.cancel()
    assert (kinds(ws, backfill.id), len(stage.started), len(ws.backfills)) == (before, 6, 1)


def test_a_resumed_backfill_is_failed_where_other_steps_failed_before(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = lambda spec: ValueError("broken") if spec.partition_key == "a" else None
    backfill = ws.backfill("*", max_workers=3)
    until(lambda: backfill.counts()["blocked"] == 1)
    backfill.cancel()
    assert (backfill.status, backfill.counts()["cancelled"]) == ("cancelled", 4)
    stage.answer = lambda spec: "fine"
    resumed = ws.backfills[backfill.id].resume().wait(progress=False)
    assert {s: n for s, n in resumed.counts().items() if n} == {"succeeded": 4, "failed": 1, "blocked": 1}
    assert resumed.status == "failed"


def test_removed_keys_are_not_resumed(ws: nbpart.Workspace, stage: Stage, notices: pytest.LogCaptureFixture) -> None:
    stage.answer = lambda spec: None
    backfill = ws.backfill("raw", max_workers=3)
    until(lambda: backfill.counts()["running"] == 3)
    backfill.cancel()
    ws.dynamic_partitions("files").remove("a", "b", "c")
    before = kinds(ws, backfill.id)
    assert ws.backfills[backfill.id].resume().status == "cancelled"
    assert "the keys or assets of 3 steps were removed" in notices.text
    assert kinds(ws, backfill.id) == before
    ws.dynamic_partitions("files").add("b")
    stage.answer, stage.started = (lambda spec: "fine"), []
    resumed = ws.backfills[backfill.id].resume().wait(progress=False)
    assert (stage.names(), resumed.status) == ([("raw", "b")], "succeeded")
    assert resumed.counts() == dict.fromkeys(resumed.counts(), 0) | {"succeeded": 1, "cancelled": 2}


def test_resuming_names_a_removed_asset(ws: nbpart.Workspace, die: Die) -> None:
    backfill = die(ws.plan("*"))
    ws.remove_asset("clean")
    with pytest.raises(UnknownNameError, match="clean: removed since this backfill was planned"):
        backfill.resume()
    assert backfill.status == "interrupted"


def test_of_two_processes_that_resume_at_once_only_one_does(ws: nbpart.Workspace, die: Die, stage: Stage) -> None:
    backfill = die(ws.plan("*"))
    stage.answer = lambda spec: None
    together, refusals = threading.Barrier(2), []

    def resume(workspace: nbpart.Workspace) -> None:
        together.wait(30)
        try:
            workspace.backfills[backfill.id].resume(max_workers=3)
        except DeclarationError as error:
            refusals.append(str(error))

    with open_with_stage(stage) as other:
        threads = [threading.Thread(target=resume, args=(one,)) for one in (ws, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(refusals) == 1
        assert "there is nothing to resume" in refusals[0]
        assert backfill.status == "running"
        stage.answer = lambda spec: "fine"
        until(lambda: len(stage.started) == 3)
        for pool in stage.pools:
            for spec in list(pool.running.values()):
                pool.end(spec, "fine")
        for one in (ws, other):
            one.backfills[backfill.id].wait(60, progress=False)
    assert sorted(stage.names()) == [(asset, key) for asset in ("clean", "raw") for key in "abc"]
    assert kinds(ws, backfill.id) == ["started", "interrupted", "resumed", "succeeded"]


def test_a_backfill_whose_process_died_after_the_last_result_has_finished(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = lambda spec: ValueError("broken")
    backfill = ws.backfill("raw").wait(progress=False)
    number = ws.project.coordinator.number
    sql = "DELETE FROM backfill_events WHERE kind = 'failed'"
    ws.project.catalog.write(lambda batch: batch.execute(sql))
    assert backfill.status == "running"
    ws.project.catalog.write(lambda batch: events.interrupt_coordinators(batch, [number]))
    assert backfill.status == "failed"


def test_a_backfill_cancelled_before_its_process_began_stays_cancelled(ws: nbpart.Workspace, stage: Stage) -> None:
    plan = ws.plan("raw")
    frame = make_steps_frame(plan._registry, plan._steps, None)
    number, backfill_id = ws.project.catalog.write(
        lambda batch: events.start_backfill(batch, "raw", BackfillOptions(1).to_json(), None, frame)
    )
    assert number == 1
    ws.backfills[backfill_id].cancel()
    with pytest.raises(DeclarationError, match=f"backfill {backfill_id} was cancelled before this process had it"):
        start_waiting_backfill(ws.project, backfill_id)
    assert (ws.backfills[backfill_id].status, stage.started) == (RunStatus.CANCELLED, [])


# what somebody else did


def test_partitions_made_by_another_backfill_since_are_not_run_again(
    ws: nbpart.Workspace, die: Die, stage: Stage
) -> None:
    backfill = die(ws.plan("*"))
    ws.backfill("*").wait(progress=False)
    assert len(stage.started) == 6
    resumed = backfill.resume().wait(progress=False)
    assert (resumed.status, resumed.counts()["succeeded"], len(stage.started)) == ("succeeded", 6, 6)
    assert set(resumed.steps()["cause"]) == {"another run made it since this was planned"}


def test_an_earlier_plan_that_is_resumed_runs_nothing_made_since(ws: nbpart.Workspace, die: Die, stage: Stage) -> None:
    plan = ws.plan("raw")
    ws.backfill("raw").wait(progress=False)
    backfill = die(plan)
    backfill.resume().wait(progress=False)
    assert len(stage.started) == 3


def test_partitions_made_by_a_manual_run_or_materialize_are_not_run_again(
    ws: nbpart.Workspace, die: Die, stage: Stage
) -> None:
    backfill = die(ws.plan("raw"))
    record(ws, "raw", "a", "by hand")
    ws.materialize("raw", "b")
    stage.started.clear()
    resumed = backfill.resume().wait(progress=False)
    assert (stage.names(), resumed.status) == ([("raw", "c")], "succeeded")
    assert ws.load("raw", "a") == "by hand"


def test_partitions_made_by_older_code_or_inputs_are_run(
    ws: nbpart.Workspace, die: Die, stage: Stage, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backfill = die(ws.plan("*"))
    ws.backfill("*").wait(progress=False)
    flow = import_written(project, "flow", ASSETS.replace("raw.upper()", "raw.lower()"), monkeypatch)
    ws.register(flow.clean)
    record(ws, "raw", "b", "another")
    stage.started.clear()
    resumed = backfill.resume().wait(progress=False)
    assert sorted(stage.names()) == [("clean", "a"), ("clean", "b"), ("clean", "c")]
    assert resumed.status == "succeeded"
    assert len(ws.plan("*")) == 0


@pytest.mark.parametrize("given", [{}, {"factor": 2}])
def test_a_fresh_partition_that_was_selected_runs_once(
    ws: nbpart.Workspace, die: Die, stage: Stage, given: dict[str, Any]
) -> None:
    ws.backfill("raw").wait(progress=False)
    backfill = die(ws.plan("raw", status="all"), settings=given)
    ws.backfill("raw", keys="a", status="all").wait(progress=False)
    stage.started.clear()
    # given settings are this backfill's alone: what others made is made without them
    expected = [("raw", key) for key in ("abc" if given else "bc")]
    assert backfill.resume().wait(progress=False).status == "succeeded"
    assert sorted(stage.names()) == expected
    stage.started.clear()
    backfill.resume().wait(progress=False)
    assert stage.names() == []


def test_a_resumed_backfill_waits_for_runs_of_another(ws: nbpart.Workspace, die: Die, stage: Stage) -> None:
    backfill = die(ws.plan("raw"))
    stage.answer = lambda spec: None if spec.partition_key == "a" else "fine"
    other = ws.backfill("raw", keys="a")
    until(lambda: stage.started)
    backfill.resume()
    until(lambda: backfill.counts()["succeeded"] == 2)
    for pool in stage.pools:
        for spec in list(pool.running.values()):
            pool.end(spec, "fine")
    assert backfill.wait(progress=False).status == other.wait(progress=False).status == "succeeded"
    assert sorted(stage.names()) == [("raw", "a"), ("raw", "b"), ("raw", "c")]


def test_a_retry_leaves_out_steps_that_another_backfill_made(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = lambda spec: ValueError("broken") if spec.asset == "raw" else "fine"
    backfill = ws.backfill("*").wait(progress=False)
    stage.answer = lambda spec: "fine"
    ws.backfill("*", keys="a").wait(progress=False)
    stage.started.clear()
    again = backfill.retry_failed().wait(progress=False)
    assert (again.status, again.counts()["succeeded"]) == ("succeeded", 6)
    assert {key for _, key in stage.names()} == {"b", "c"}
    stage.started.clear()
    assert backfill.retry_failed().wait(progress=False).status == "succeeded"
    assert stage.names() == []
