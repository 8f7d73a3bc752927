"""Requested backfills, without kernels: recorded with the tick, planned later, and started by one process only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart import RunRequest, SensorResult
from nbpart.automation import ticks
from nbpart.backfill.runner import Runner
from nbpart.catalog import check, events, queries
from nbpart.workspace.actions import WorkspaceActions
from tests.backfill.pools import Stage
from tests.processes import wait_for
from tests.projects import import_written
from tests.recording import record

FLOW = """
import nbpart

files = nbpart.DynamicPartitions("files")


@nbpart.asset(partitions=files)
def raw(partition_key: str) -> str:
    return partition_key


@nbpart.asset(partitions=files)
def clean(raw) -> str:
    return raw.upper()


@nbpart.asset
def total(clean) -> str:
    return ", ".join(clean)


@nbpart.sensor
def more(context):
    n = int(context.cursor or 0)
    keys = [f"k{n}", f"k{n + 1}"]
    return nbpart.SensorResult(
        [nbpart.RunRequest(partition_key=key) for key in keys], [files.build_add_request(keys)], cursor=str(n + 2)
    )


@nbpart.sensor
def nothing(context):
    return None
"""


class Died(BaseException):
    """Stands for the end of a process: nothing handles it."""


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def ws(project: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[nbpart.Workspace]:
    asking = import_written(project, "asking", FLOW, monkeypatch)
    with open_with_stage(stage) as workspace:
        workspace.register(asking.raw, asking.clean, asking.total, asking.more, asking.nothing)
        yield workspace
        assert not workspace.project.catalog.read(check.check)


def open_with_stage(stage: Stage) -> nbpart.Workspace:
    workspace = nbpart.open("workspace")
    workspace.project.make_pool = stage.make_pool
    return workspace


def ask(ws: nbpart.Workspace, name: str, answer: SensorResult) -> Any:
    """One tick of a sensor that answers so."""
    ws.sensor(return_answer, name=name)
    ws._sensors[name] = nbpart.sensor(lambda context: answer, name=name)
    return ws.tick(name, here=True, progress=False)


def return_answer(context: Any) -> None:
    return None


@pytest.fixture
def left(ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch) -> nbpart.workspace.Backfill:
    """What a tick asked for whose process died before it began."""

    def die(*_: Any) -> Any:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(ticks, "_start", die)
        with pytest.raises(Died):
            ws.tick("more", here=True)
    [backfill_id] = ws.backfills
    return ws.backfills[backfill_id]


def cursor(ws: nbpart.Workspace, name: str = "more") -> str | None:
    found = ws.project.catalog.read(lambda batch: queries.find_trigger(batch, name))
    assert found is not None
    return found.cursor


def test_a_request_of_a_dead_tick_is_run_by_the_next_tick_of_any_sensor(
    ws: nbpart.Workspace, stage: Stage, left: nbpart.workspace.Backfill
) -> None:
    assert (list(ws.partition_sets["files"]), cursor(ws)) == (["k0", "k1"], "2")
    assert (left.status, left.is_running, sum(left.counts().values())) == ("requested", False, 0)
    assert "was asked for and has not begun: the next tick of any sensor takes it up" in repr(left)
    assert "1 requested" in repr(ws.backfills)
    assert "requested" in left._repr_html_()
    [tick] = ws.project.catalog.read(queries.ticks_frame).to_dict("records")
    assert (tick["added"], list(tick["backfills"]), tick["error"]) == (2, [left.id], None)
    with open_with_stage(stage) as other:
        assert other.backfills[left.id].status == "requested", "opening does nothing by itself"
    done = ws.tick("nothing", here=True, progress=False)
    assert ([each.id for each in done.resumed], done.backfill) == ([left.id], None)
    assert (left.status, left.counts()["succeeded"]) == ("succeeded", 5)
    assert sorted(stage.names()) == [
        ("clean", "k0"), ("clean", "k1"), ("raw", "k0"), ("raw", "k1"), ("total", None),
    ]  # fmt: skip
    assert ws.tick("nothing", here=True).resumed == []


def test_a_transaction_that_fails_leaves_nothing(
    ws: nbpart.Workspace, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(events, "set_cursor", fail)
        with pytest.raises(RuntimeError, match="the disk is full"):
            ws.tick("more", here=True)
    assert (len(ws.partition_sets["files"]), cursor(ws), len(ws.backfills), stage.started) == (0, None, 0, [])
    [tick] = ws.project.catalog.read(queries.ticks_frame).to_dict("records")
    assert (tick["added"], list(tick["backfills"]), tick["error"]) == (0, [], "RuntimeError: the disk is full")
    assert ws.tick("more", here=True, progress=False).added == {"files": ["k0", "k1"]}


def test_the_next_tick_resumes_a_requested_backfill_whose_process_died(
    ws: nbpart.Workspace, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Runner, "start", lambda self: None)
        backfill = ws.tick("more", here=True, wait=False).backfill
        number = ws.project.coordinator.number
        ws.project.runners.clear()
        ws.project.catalog.write(lambda batch: events.interrupt_coordinators(batch, [number]))
    assert backfill is not None
    assert backfill.status == "interrupted"
    assert [each.id for each in ws.tick("nothing", here=True, progress=False).resumed] == [backfill.id]
    assert (backfill.status, len(stage.started)) == ("succeeded", 5)


def test_a_monitor_can_start_a_requested_backfill(
    ws: nbpart.Workspace, stage: Stage, left: nbpart.workspace.Backfill
) -> None:
    done = WorkspaceActions(ws.project).resume(left.id)
    assert done.message == "It goes on."
    assert left.wait(progress=False).status == "succeeded"
    again = WorkspaceActions(ws.project).resume(left.id)
    assert again.message.endswith("has nothing to resume: all of it succeeded.")
    assert "nothing to retry" in WorkspaceActions(ws.project).retry_failed(left.id).message


def test_a_request_can_be_cancelled_and_then_only_resumed(
    ws: nbpart.Workspace, stage: Stage, left: nbpart.workspace.Backfill
) -> None:
    left.cancel()
    assert left.status == "cancelled"
    assert ws.tick("nothing", here=True).resumed == []
    assert stage.started == []
    assert left.resume().wait(progress=False).status == "succeeded"
    assert len(stage.started) == 5


def test_of_two_processes_that_start_a_request_only_one_plans_it(
    ws: nbpart.Workspace, stage: Stage, left: nbpart.workspace.Backfill
) -> None:
    together = threading.Barrier(2)

    def tick(workspace: nbpart.Workspace) -> None:
        together.wait(30)
        workspace.tick("nothing", here=True, progress=False)

    with open_with_stage(stage) as other:
        threads = [threading.Thread(target=tick, args=(one,)) for one in (ws, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        wait_for(lambda: left.status == "succeeded", 60)
    assert len(stage.started) == 5
    sql = "SELECT kind FROM backfill_events ORDER BY rowid"
    assert [row[0] for row in ws.project.catalog.read(lambda b: b.rows(sql))] == ["requested", "started", "succeeded"]
    assert ws.project.catalog.read(lambda batch: batch.value("SELECT count(*) FROM steps")) == 5


def test_a_request_with_nothing_to_do_has_succeeded(
    ws: nbpart.Workspace, stage: Stage, left: nbpart.workspace.Backfill
) -> None:
    ws.backfill("*").wait(progress=False)
    ran = len(stage.started)
    left.resume()
    assert (left.status, sum(left.counts().values()), len(stage.started)) == ("succeeded", 0, ran)
    assert left.resume().status == "succeeded"


def test_keys_and_assets_removed_since_the_request_are_left_out(
    ws: nbpart.Workspace, stage: Stage, left: nbpart.workspace.Backfill
) -> None:
    ws.partition_sets["files"].remove("k0")
    ws.remove_asset("total")
    record(ws, "raw", "k1", "by hand")
    ws.tick("nothing", here=True, progress=False)
    assert (left.status, stage.names()) == ("succeeded", [("clean", "k1")])


def test_the_selection_of_a_request_names_what_was_asked_for(ws: nbpart.Workspace, stage: Stage) -> None:
    ws.dynamic_partitions("files").add("a", "b", "c")
    asked = ask(
        ws,
        "some",
        SensorResult(
            [RunRequest(partition_key="a", asset="raw"), RunRequest(asset="total"), RunRequest(partition_key="b")]
        ),
    )
    assert sorted(stage.names()) == [("clean", "b"), ("raw", "a"), ("raw", "b")]
    assert asked.backfill.steps()["asset"].tolist() == ["raw", "raw", "clean", "total"]


def test_a_key_that_is_added_twice_in_one_tick_runs(ws: nbpart.Workspace, stage: Stage) -> None:
    add = ws.dynamic_partitions("files").build_add_request
    ask(ws, "twice", SensorResult([RunRequest(partition_key="a")], [add("a"), add("a")]))
    assert ("raw", "a") in stage.names()


WRONG: dict[str, tuple[Callable[[nbpart.Workspace], SensorResult], type[Exception], str]] = {
    "source": (
        lambda ws: SensorResult([RunRequest(asset=ws.source("inbox", "inbox/all.csv"))]),
        nbpart.DeclarationError,
        "'inbox' holds no asset that could be computed",
    ),
    "key of none": (
        lambda ws: SensorResult([RunRequest(partition_key="a", asset="total")]),
        nbpart.DeclarationError,
        "'total' has no partitions, so it has no key 'a'",
    ),
    "unknown key": (
        lambda ws: SensorResult(
            [RunRequest(partition_key="z", asset="raw")], [ws.partition_sets["files"].build_add_request("a")]
        ),
        nbpart.UnknownNameError,
        "a run of 'z' was asked for, but no partitions have that key",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_refused_request_records_nothing(ws: nbpart.Workspace, case: str) -> None:
    answer, error, message = WRONG[case]
    ws.dynamic_partitions("files").add("old")
    with pytest.raises(error, match=message):
        ask(ws, "wrong", answer(ws))
    assert (list(ws.partition_sets["files"]), len(ws.backfills)) == (["old"], 0)


def test_a_wrong_option_is_refused_before_anything_is_recorded(ws: nbpart.Workspace) -> None:
    with pytest.raises(TypeError, match="max_worker"):
        ws.tick("more", here=True, max_worker=2)  # type: ignore[call-arg]
    with pytest.raises(nbpart.DeclarationError, match="'epoch', which is no setting of"):
        ws.tick("more", here=True, settings={"epoch": 2})
    assert (len(ws.partition_sets["files"]), len(ws.backfills)) == (0, 0)


@pytest.mark.kernel
def test_a_detached_tick_runs_in_a_process_of_its_own(ws: nbpart.Workspace, stage: Stage) -> None:
    backfill = ws.tick("more", here=True, detach=True, wait=False).backfill
    assert backfill is not None
    assert backfill.wait(120, progress=False).status == "succeeded"
    assert (backfill.counts()["succeeded"], stage.started) == (5, [])
    assert ws.load("clean", "k0") == "K0"
