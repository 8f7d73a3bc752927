"""Backfills without kernels: order, retries, limits, following, cancelling, resuming."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import nbpart
from nbpart.catalog import check
from nbpart.errors import BackfillFailedError, DeclarationError, UnknownNameError
from nbpart.run.spec import RunSpec
from tests.backfill.pools import Stage
from tests.projects import import_written
from tests.recording import write_notebook

ASSETS = """
import nbpart

files = nbpart.DynamicPartitions("files")

@nbpart.asset(partitions=files, tags=["db"])
def raw(partition_key: str, slow: bool = False) -> str:
    import time
    if slow:
        time.sleep(600)
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
    assert not check_catalog(project)


def open_with_stage(stage: Stage) -> nbpart.Workspace:
    """The workspace, with runs that are played on a stage."""
    workspace = nbpart.open("workspace")
    workspace.project.make_pool = stage.make_pool
    return workspace


def check_catalog(project: Path) -> list[object]:
    """What the facts say differently from the events."""
    with nbpart.open(project / "workspace") as workspace:
        return list(workspace.project.catalog.read(check.check))


def until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.01)


def hold(spec: RunSpec) -> None:
    return None


def test_every_step_runs_once_after_what_it_reads(ws: nbpart.Workspace, stage: Stage) -> None:
    backfill = ws.backfill("*", max_workers=2).wait(progress=False)
    assert backfill.status == "succeeded"
    assert backfill.counts() == dict.fromkeys(backfill.counts(), 0) | {"succeeded": 6}
    names = stage.names()
    assert sorted(names) == [(asset, key) for asset in ("clean", "raw") for key in "abc"]
    assert all(names.index(("raw", key)) < names.index(("clean", key)) for key in "abc")
    assert ws.status().loc["clean", "materialized"] == 3
    runs = ws.runs()
    assert set(runs["status"]) == {"succeeded"}
    assert set(runs["attempt"]) == {1}
    assert len(ws.plan("*")) == 0


def test_a_failed_step_blocks_its_readers_and_the_next_plan_has_both(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = lambda spec: ValueError("broken") if spec.partition_key == "b" else "fine"
    backfill = ws.backfill("*").wait(progress=False)
    assert backfill.status == "failed"
    steps = backfill.steps().set_index(["asset", "partition_key"])
    assert steps.loc[("raw", "b"), "status"] == "failed"
    assert steps.loc[("raw", "b"), "cause"] == "ValueError: broken"
    assert steps.loc[("clean", "b"), "status"] == "blocked"
    assert steps.loc[("clean", "b"), "cause"] == "raw/b failed: ValueError: broken"
    with pytest.raises(BackfillFailedError, match=r"1 failed, 1 blocked; the first is raw/b \(ValueError: broken\)"):
        backfill.raise_for_failures()
    assert ws.plan("*").frame[["asset", "partition_key"]].values.tolist() == [["raw", "b"], ["clean", "b"]]
    stage.answer = lambda spec: "mended"
    again = backfill.retry_failed().wait(progress=False)
    assert again.counts()["succeeded"] == 2
    assert len(ws.plan("*")) == 0


def test_retries_have_attempts_of_their_own(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = lambda spec: "fine" if spec.attempt == 3 else ValueError(f"attempt {spec.attempt}")
    backfill = ws.backfill("raw", keys="a", retries=2, backoff_s=0.01).wait(progress=False)
    assert backfill.status == "succeeded"
    assert [spec.attempt for spec in stage.started] == [1, 2, 3]
    assert len({spec.output_notebook for spec in stage.started}) == 3
    assert len({spec.data_prefix for spec in stage.started}) == 3
    [run] = ws.runs().to_dict("records")
    assert (run["status"], run["attempt"]) == ("succeeded", 3)


def test_after_the_last_retry_the_last_error_is_recorded(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = lambda spec: ValueError(f"attempt {spec.attempt}")
    ws.backfill("raw", keys="a", retries=1, backoff_s=0.0).wait(progress=False)
    assert ws.runs()["error"].tolist() == ["ValueError: attempt 2"]
    assert ws.partition_status("raw")["status"].tolist() == ["failed", "missing", "missing"]


def test_an_asset_has_retries_and_times_of_its_own_which_a_backfill_may_override(
    project: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = "@nbpart.asset(partitions=files, retries=2, backoff_s=0.01, timeout_s=9)"
    code = ASSETS.replace("@nbpart.asset(partitions=files)", declared)
    flow = import_written(project, "stubborn", code, monkeypatch)
    stage.answer = lambda spec: ValueError("no") if spec.asset == "clean" else "fine"
    with open_with_stage(stage) as ws:
        ws.register(flow.raw, flow.clean)
        ws.dynamic_partitions("files").add("a")
        ws.backfill("*").wait(progress=False)
        assert stage.names() == [("raw", "a"), *[("clean", "a")] * 3]
        assert [spec.timeout_s for spec in stage.started] == [None, 9, 9, 9]
        stage.started.clear()
        ws.backfill("*", retries=0, timeout_s=5).wait(progress=False)
        assert [(spec.asset, spec.timeout_s) for spec in stage.started] == [("clean", 5)]
        stage.answer = lambda spec: ValueError("no")
        stage.started.clear()
        ws.backfill("*", status="all", retries=1, backoff_s=0).wait(progress=False)
        assert stage.names() == [("raw", "a")] * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retries": -1}, "asset 'raw': retries is a whole number from 0 to 100, not -1"),
        ({"retries": True}, "asset 'raw': retries is a whole number"),
        ({"limit": 0}, "asset 'raw': limit is a whole number of at least 1, not 0"),
        ({"backoff_s": -1}, "asset 'raw': backoff_s is a number of seconds, not -1"),
        ({"timeout_s": float("inf")}, "asset 'raw': timeout_s is a number of seconds above 0, not inf"),
        ({"timeout_s": True}, "asset 'raw': timeout_s is a number of seconds above 0, not True"),
    ],
)
def test_what_an_asset_cannot_have_is_refused_with_its_name(options: dict[str, object], message: str) -> None:
    def raw() -> int:
        return 1

    with pytest.raises(DeclarationError, match=message):
        nbpart.asset(**options)(raw)  # type: ignore[call-overload]
    with pytest.raises(DeclarationError, match=message):
        nbpart.notebook("raw.ipynb", **options)  # type: ignore[arg-type]


def test_newest_keys_start_first_where_that_is_asked_for(ws: nbpart.Workspace, stage: Stage) -> None:
    plan = ws.plan("*", order="newest")
    assert plan.frame["partition_key"].tolist() == ["c", "b", "a"] * 2
    assert plan.head(2)["partition_key"].tolist() == ["c", "b"]
    plan.run(max_workers=1).wait(progress=False).raise_for_failures()
    assert stage.names() == [(asset, key) for asset in ("raw", "clean") for key in "cba"]
    for order, keys in (("newest", "cba"), ("oldest", "abc"), (None, "abc")):
        stage.started.clear()
        ws.backfill("raw", status="all", max_workers=1, order=order).wait(progress=False)
        assert stage.names() == [("raw", key) for key in keys]
    with pytest.raises(UnknownNameError, match="raw has no column 'latest' to order by; did you mean 'late'"):
        ws.plan("raw", order="latest")


def test_a_resumed_backfill_goes_on_in_its_order(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = hold
    backfill = ws.backfill("raw", max_workers=1, order="newest")
    until(lambda: backfill.counts()["running"] == 1, "one step runs")
    backfill.cancel()
    stage.answer = lambda spec: "fine"
    stage.started.clear()
    backfill.resume().wait(progress=False).raise_for_failures()
    assert stage.names() == [("raw", key) for key in "cba"]
    assert backfill.steps()["status"].tolist() == ["succeeded"] * 3


def test_limits_restrict_the_parallel_runs_of_an_asset_and_of_a_tag(ws: nbpart.Workspace, stage: Stage) -> None:
    at_once: list[int] = []

    def answer(spec: RunSpec) -> str | None:
        pool = stage.pools[-1]
        at_once.append(sum(one.asset == "raw" for one in pool.running.values()))
        return "fine"

    stage.answer = answer
    for limits in ({"raw": 1}, {"tag:db": 1}):
        ws.backfill("*", status="all", max_workers=4, limits=limits).wait(progress=False)
        assert set(at_once) <= {0, 1}
        # not even in the queue of the pool: a slot of the limit would be held without work
    with pytest.raises(DeclarationError, match=r"limits names 'tag:bd'.*did you mean 'tag:db'"):
        ws.backfill("*", status="all", limits={"tag:bd": 1})
    with pytest.raises(DeclarationError, match=r"limits\['raw'\] is a whole number"):
        ws.backfill("*", status="all", limits={"raw": 0})


def test_cancelling_is_visible_at_once_to_other_processes(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = hold
    backfill = ws.backfill("raw", max_workers=1)
    until(lambda: backfill.counts()["running"] == 1, "one step runs")
    pool = stage.pools[-1]
    asked = threading.Event()
    cancel_all, pool.cancel_all = pool.cancel_all, asked.set  # type: ignore[method-assign]
    with pytest.raises(TimeoutError, match="was asked to end"):
        backfill.cancel(timeout_s=0.1)
    assert asked.wait(60)
    assert backfill.status == "cancelling"
    assert backfill.is_running
    assert ws.backfills.frame["status"].tolist() == ["cancelling"]
    assert "cancelling" in repr(backfill)
    pool.cancel_all = cancel_all  # type: ignore[method-assign]
    cancel_all()
    backfill.wait(progress=False)
    assert backfill.status == "cancelled"


WRONG = {
    "limits names 'nosuch'": {"limits": {"nosuch": 2}},
    "settings names 'nosuch'": {"settings": {"nosuch": 1}},
    "max_workers is a whole number": {"max_workers": 0},
    "policy is 'per_partition'": {"policy": "x"},
    "retries is a whole number": {"retries": -1},
    "timeout_s is a number": {"timeout_s": -1},
}


@pytest.mark.parametrize("message", WRONG)
def test_options_are_checked_even_if_nothing_is_left_to_run(ws: nbpart.Workspace, stage: Stage, message: str) -> None:
    done = ws.backfill("raw").wait(progress=False)

    @ws.sensor(every="1h", partitions=ws.dynamic_partitions("files"))
    def inbox(context: object) -> list[str]:
        return ["new"]

    for start in (
        lambda **options: ws.backfill("raw", **options),
        lambda **options: ws.plan("raw", status="failed").check_options(options),
        lambda **options: done.check_options(options),
        lambda **options: ws.tick("inbox", **options),
        done.resume,
        done.retry_failed,
    ):
        with pytest.raises(DeclarationError, match=message):
            start(**WRONG[message])
    assert "new" not in ws.dynamic_partitions("files"), "a tick with wrong options does nothing"
    assert len(ws.backfills) == 1


def test_options_may_name_selected_assets_that_are_up_to_date(ws: nbpart.Workspace, stage: Stage) -> None:
    ws.backfill("raw").wait(progress=False)
    plan = ws.plan("*", status="missing")
    assert plan.assets == ("clean",)
    plan.run(limits={"raw": 1, "tag:db": 1}, settings={"slow": False}).wait(progress=False).raise_for_failures()
    with pytest.raises(DeclarationError, match="limits names 'raw'"):
        ws.plan("clean", status="missing").run(limits={"raw": 1})


def test_a_queued_step_is_not_shown_as_running(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = hold
    backfill = ws.backfill("raw", max_workers=1)
    until(lambda: backfill.counts()["running"] == 1, "one step runs")
    assert backfill.counts()["queued"] == 2
    assert sorted(ws.partition_status("raw")["status"]) == ["queued", "queued", "running"]
    backfill.cancel()
    assert backfill.status == "cancelled"
    assert backfill.counts()["cancelled"] == 3
    assert set(ws.partition_status("raw")["status"]) == {"missing"}
    assert stage.pools[-1].is_closed


def test_a_second_backfill_waits_for_runs_of_the_first(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = hold
    first = ws.backfill("raw", keys="a")
    until(lambda: stage.started, "the first runs")
    second = ws.backfill("raw", keys=["a", "b"])
    until(lambda: len(stage.started) == 2, "the second runs what is its own")
    assert stage.names() == [("raw", "a"), ("raw", "b")]
    for pool in stage.pools:
        for spec in list(pool.running.values()):
            pool.end(spec, "fine")
    assert first.wait(progress=False).counts()["succeeded"] == 1
    assert second.wait(progress=False).counts()["succeeded"] == 2
    assert "succeeded in another backfill" in second.steps()["cause"].tolist()


def test_resuming_a_cancelled_backfill_keeps_its_id(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = lambda spec: "fine" if spec.partition_key == "a" else None
    backfill = ws.backfill("raw", max_workers=3)
    until(lambda: backfill.counts()["succeeded"] == 1, "one step is made")
    backfill.cancel()
    stage.answer, stage.started = (lambda spec: "fine"), []
    resumed = ws.backfills[backfill.id].resume().wait(progress=False)
    assert (resumed.id, resumed.status) == (backfill.id, "succeeded")
    assert sorted(stage.names()) == [("raw", "b"), ("raw", "c")]
    assert len(ws.backfills) == 1


def test_a_running_backfill_cannot_be_resumed(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = hold
    backfill = ws.backfill("raw")
    with pytest.raises(DeclarationError, match=f"is running in process {os.getpid()} on"):
        backfill.resume()
    backfill.cancel()


def test_a_backfill_is_cancelled_from_another_workspace_object(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = hold
    backfill = ws.backfill("raw")
    until(lambda: stage.started, "it runs")
    with nbpart.open("workspace") as other:
        theirs = other.backfills[backfill.id]
        assert theirs.is_running
        theirs.cancel(timeout_s=60)
        assert theirs.status == "cancelled"
        theirs.cancel()  # of one that has ended it is nothing
        assert theirs.status == "cancelled"
    assert not backfill.is_running


def test_a_key_that_is_removed_while_it_runs_keeps_its_history(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = lambda spec: None if spec.partition_key == "a" else "fine"
    backfill = ws.backfill("*", keys="a")
    until(lambda: stage.started, "it runs")
    ws.partition_sets["files"].remove("a")
    stage.pools[-1].end(stage.started[0], "fine")
    backfill.wait(progress=False)
    assert backfill.steps().set_index("asset")["status"].to_dict() == {"raw": "succeeded", "clean": "cancelled"}
    assert backfill.steps().set_index("asset").loc["clean", "cause"] == "its key was removed"
    ws.partition_sets["files"].add("a")
    assert ws.load("raw", "a") == "fine"


def test_a_step_whose_result_cannot_be_recorded_does_not_stay_running(
    ws: nbpart.Workspace, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbpart.catalog import events

    def refuse(*_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(events, "record_outcomes", refuse)
    backfill = ws.backfill("raw", keys="a")
    with pytest.raises(RuntimeError, match="the disk is full"):
        backfill.wait(progress=False)
    monkeypatch.undo()
    assert ws.backfills[backfill.id].status == "interrupted"
    assert set(ws.partition_status("raw")["status"]) == {"missing"}
    assert ws.backfills[backfill.id].resume().wait(progress=False).counts()["succeeded"] == 1


def test_a_timeout_of_wait_does_not_end_the_backfill(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = hold
    backfill = ws.backfill("raw", keys="a")
    with pytest.raises(TimeoutError, match=r"still runs after 0.05 s"):
        backfill.wait(0.05, progress=False)
    until(lambda: stage.started, "it runs")
    stage.pools[-1].end(stage.started[0], "fine")
    assert backfill.wait(progress=False).status == "succeeded"


DIES = """
import os, sys, threading
sys.path.insert(0, os.getcwd())
import nbpart
ws = nbpart.open("workspace")
bf = ws.backfill("raw", max_workers=2, settings={"slow": True})
while bf.counts()["running"] < 2:
    pass
print(bf.id, flush=True)
threading.Event().wait()
"""


@pytest.mark.kernel
def test_runs_of_a_killed_process_are_interrupted_and_resumed(ws: nbpart.Workspace, stage: Stage) -> None:
    process = subprocess.Popen([sys.executable, "-c", DIES], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    backfill_id = process.stdout.readline().strip()
    assert ws.backfills[backfill_id].status == "running"
    with pytest.raises(DeclarationError, match=f"is running in process {process.pid} on"):
        ws.backfills[backfill_id].resume()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    backfill = ws.backfills[backfill_id]
    assert backfill.status == "interrupted"
    assert backfill.counts()["running"] == 0
    assert set(ws.partition_status("raw")["status"]) == {"missing"}
    assert set(ws.runs()["status"]) == {"interrupted"}
    assert backfill.resume().wait(progress=False).counts()["succeeded"] == 3


@pytest.mark.kernel
def test_a_detached_backfill_outlives_the_process_that_started_it(ws: nbpart.Workspace) -> None:
    code = "import nbpart; print(nbpart.open('workspace').backfill('raw', keys=['a', 'b'], detach=True).id)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    backfill = ws.backfills[done.stdout.strip()]
    backfill.wait(120, progress=False)
    assert backfill.counts()["succeeded"] == 2
    assert ws.load("raw", "a") == "a"


@pytest.mark.kernel
def test_a_detached_backfill_is_cancelled_by_another_process(ws: nbpart.Workspace) -> None:
    backfill = ws.backfill("raw", max_workers=1, settings={"slow": True}, detach=True)
    assert backfill.is_running
    until(lambda: backfill.counts()["running"] == 1, "one step runs")
    backfill.cancel(timeout_s=60)
    assert backfill.status == "cancelled"
    assert set(ws.partition_status("raw")["status"]) == {"missing"}


def test_several_threads_can_wait_for_a_backfill_of_another_process(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = hold
    backfill = ws.backfill("raw", keys="a")
    until(lambda: stage.started, "it runs")
    with nbpart.open("workspace") as other:
        waiting = [threading.Thread(target=other.backfills[backfill.id].wait, args=(60,)) for _ in range(3)]
        for thread in waiting:
            thread.start()
        stage.pools[-1].end(stage.started[0], "fine")
        for thread in waiting:
            thread.join(60)
        assert other.backfills[backfill.id].status == "succeeded"


def test_a_single_run_gets_all_keys(ws: nbpart.Workspace, stage: Stage) -> None:
    backfill = ws.backfill("*", policy="single_run").wait(progress=False)
    assert backfill.counts()["succeeded"] == 6
    assert [(spec.asset, [m.partition_key for m in spec.members]) for spec in stage.started] == [
        ("raw", ["a", "b", "c"]),
        ("clean", ["a", "b", "c"]),
    ]
    read = stage.started[1].inputs["raw"]
    assert [item.partition_key for item in read.items] == ["a", "b", "c"]
    second = stage.started[1].of_member(stage.started[1].members[1]).inputs["raw"]
    assert [item.partition_key for item in second.items] == ["b"]
    runs = ws.runs("raw")
    assert len(set(runs["run_id"])) == 3
    assert len({ws.get_run(run_id).notebook for run_id in runs["run_id"]}) == 1


def test_a_failed_key_of_a_single_run_does_not_fail_the_others(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer_member = lambda member: ValueError("broken") if member.partition_key == "b" else "fine"
    backfill = ws.backfill("*", policy="single_run").wait(progress=False)
    steps = backfill.steps().set_index(["asset", "partition_key"])
    assert steps["status"].to_dict() == {
        ("raw", "a"): "succeeded", ("raw", "b"): "failed", ("raw", "c"): "succeeded",
        ("clean", "a"): "succeeded", ("clean", "b"): "blocked", ("clean", "c"): "succeeded",
    }  # fmt: skip
    assert steps.loc[("raw", "b"), "cause"] == "ValueError: broken"
    again = stage.started.copy()
    stage.answer_member = lambda member: "mended"
    ws.backfill("*", policy="single_run", retries=1).wait(progress=False)
    assert [[m.partition_key for m in spec.members] for spec in stage.started[len(again) :]] == [["b"], ["b"]]


BULK = """
import nbpart
trials = nbpart.DynamicPartitions("trials", {"n": int})

@nbpart.asset(partitions=trials)
def numbers(n: int, run) -> dict:
    if n == 3:
        raise ValueError(f"not {n}")
    run.log(double=2 * n)
    return {"n": n}
"""


@pytest.mark.kernel
def test_a_single_run_of_a_function_and_of_a_notebook(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "bulk.py").write_text(BULK)
    monkeypatch.syspath_prepend(str(project))
    notebook = write_notebook(
        project / "sums.ipynb",
        "import nbpart, pandas as pd\nrun = nbpart.current_run()",
        "numbers = run.load('numbers')",
        "frame = pd.DataFrame({'partition_key': list(numbers), 'square': [v['n'] ** 2 for v in numbers.values()]})",
        "run.save(frame)",
    )
    with nbpart.open("workspace") as workspace:
        import bulk

        workspace.register(bulk.numbers)
        workspace.notebook(notebook, partitions=bulk.trials, deps=["numbers"])
        workspace.dynamic_partitions("trials").add_grid(n=[1, 2, 3])
        backfill = workspace.backfill("*", policy="single_run").wait(progress=False)
        steps = backfill.steps().set_index(["asset", "partition_key"])["status"].to_dict()
        assert steps == {
            ("numbers", "n=1"): "succeeded", ("numbers", "n=2"): "succeeded", ("numbers", "n=3"): "failed",
            ("sums", "n=1"): "succeeded", ("sums", "n=2"): "succeeded", ("sums", "n=3"): "blocked",
        }  # fmt: skip
        assert workspace.load("numbers", n=2) == {"n": 2}
        assert workspace.load("sums", n=2)["square"].tolist() == [4]
        assert workspace.partition_status("numbers")["double"].tolist()[:2] == [2, 4]
        failed = workspace.runs("numbers", {"n": 3}).iloc[0]
        assert failed["error"] == "ValueError: not 3"
        assert "not 3" in workspace.get_run(failed["run_id"]).traceback
        numbers = workspace.sql("select n, value->>'n' from numbers order by n").fetchall()
        assert numbers == [(1, "1"), (2, "2")]
