"""Runs that end early: by a pruner, by a person, and a backfill that gives up after equal failures."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

import pytest

import nbpart
from nbpart.errors import DeclarationError
from nbpart.project.run_actions import ProjectRunActions

pytestmark = pytest.mark.kernel


def model(lr: float, run: Any) -> dict[str, int]:
    step = 0
    for step in range(12):
        run.log(loss=lr + 1 / (step + 1), step=step)
        if run.should_stop():
            break
    return {"steps": step + 1}


def patient(lr: float, run: Any) -> dict[str, int]:
    import time

    step = 0
    for step in range(2000):  # noqa: B007
        time.sleep(0.02)
        if run.should_stop():
            break
    return {"steps": step + 1}


def deaf(lr: float) -> dict[str, float]:
    import time

    time.sleep(1.5)
    return {"lr": lr}


def bad(lr: float) -> None:
    if lr > 0.1:
        raise ValueError(f"no {lr}")


@pytest.fixture
def trials(ws: nbpart.Workspace) -> Any:
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    trials.add_grid(lr=[n / 10 for n in range(1, 9)])
    return trials


def wait_until_running(ws: nbpart.Workspace, asset: str) -> nbpart.Run:
    for _ in range(600):
        runs = ws.runs(asset)
        if len(runs) and runs.status[0] == "running":
            return ws.get_run(runs.run_id[0])
        time.sleep(0.05)
    raise TimeoutError(asset)


def test_what_is_worse_than_the_median_ends_early_and_is_marked(ws: nbpart.Workspace, trials: Any) -> None:
    ws.asset(model, partitions=trials, metrics={"loss": "min"})
    pruner = nbpart.median_pruner("loss", warmup_steps=3)
    ws.backfill("model", pruner=pruner, max_workers=1).wait(progress=False).raise_for_failures()
    found = ws.partition_status("model")
    assert set(found.status) == {"materialized"}
    stopped = found.stopped_early.tolist()  # one may ask a moment before it is seen that another has ended
    assert stopped[:5] == [False] * 5
    assert stopped[-1]
    assert ws.load("model", lr=0.8) == {"steps": 4}
    chosen = ws.partition_status("model", where="stopped_early").partition_key.tolist()
    assert chosen == found.partition_key[found.stopped_early].tolist()
    last = ws.get_run(found.run_id[7])
    assert last.stopped_early
    said = r"stopped early: median_pruner: loss is 1\.05 at step 3, the median of \d others 0\.\d+"
    assert re.fullmatch(said, str(last.note))
    assert last.curves.step.tolist() == [0, 1, 2, 3]
    assert not list((ws.root / "runs").rglob("*.others"))
    assert not list((ws.root / "runs").rglob("*.stop*"))

    trials.add(lr=0.9)  # those that were made before are its others, without those that ended early
    ws.backfill("model", pruner=pruner).wait(progress=False).raise_for_failures()
    run = ws.get_run(ws.partition_status("model").run_id[8])
    assert f"the median of {8 - sum(stopped)} others" in str(run.note)


def test_a_single_run_prunes_its_partitions(ws: nbpart.Workspace, trials: Any) -> None:
    ws.asset(model, partitions=trials, metrics={"loss": "min"})
    pruner = nbpart.median_pruner("loss", startup_trials=2)
    ws.backfill("model", keys=["lr=0.1", "lr=0.2"]).wait(progress=False).raise_for_failures()
    bulk = ws.backfill("model", pruner=pruner, policy="single_run").wait(progress=False)
    bulk.raise_for_failures()
    assert ws.partition_status("model").stopped_early.tolist() == [False] * 2 + [True] * 6
    assert len(ws.get_run(ws.partition_status("model").run_id[7]).curves) == 1


def test_a_pruner_of_what_no_run_logs_by_steps_is_named_once(
    ws: nbpart.Workspace, trials: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ws.asset(model, partitions=trials, metrics={"losses": "min"})
    with caplog.at_level(logging.WARNING, "nbpart"):
        ws.backfill("model", pruner=nbpart.median_pruner("losses")).wait(progress=False)
    said = [text for text in caplog.messages if "logged no steps of 'losses'" in text]
    assert len(said) == 1
    assert "run.log(losses=0.3, step=17)" in said[0]
    assert "did you mean 'loss'" in said[0]


def test_a_run_that_logs_can_be_ended_before_it_is_recorded_that_it_began(
    ws: nbpart.Workspace, trials: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbpart.backfill.runner.GATHER_RESULTS_S", 600.0)
    ws.asset(patient, partitions=trials)
    backfill = ws.backfill("patient", keys="lr=0.1")
    while not list((ws.root / "runs").rglob("*.stop.asked")):
        time.sleep(0.05)
    run = ws.get_run(ws.runs("patient").run_id[0])
    assert run.status == "queued"
    run.stop()
    backfill.wait(progress=False).raise_for_failures()
    assert ws.get_run(run.run_id).stopped_early


def test_a_person_ends_a_run_early(ws: nbpart.Workspace, trials: Any, caplog: pytest.LogCaptureFixture) -> None:
    ws.asset(patient, partitions=trials)
    backfill = ws.backfill("patient", keys="lr=0.1")
    run = wait_until_running(ws, "patient")
    while not list((ws.root / "runs").rglob("*.stop.asked")):
        time.sleep(0.05)
    with caplog.at_level(logging.WARNING, "nbpart"):
        run.stop()
    assert not caplog.messages
    backfill.wait(progress=False).raise_for_failures()
    ended = ws.get_run(run.run_id)
    assert ended.stopped_early
    assert "asked it to stop" in str(ended.note)
    with pytest.raises(DeclarationError, match="is succeeded: only what runs can be stopped"):
        ended.stop()


def test_who_stops_a_run_that_does_not_ask_is_warned(
    ws: nbpart.Workspace, trials: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ws.asset(deaf, partitions=trials)
    backfill = ws.backfill("deaf", keys="lr=0.1")
    with caplog.at_level(logging.WARNING, "nbpart"):
        run = wait_until_running(ws, "deaf")
        run.stop()
    assert "deaf/lr=0.1 has not asked run.should_stop() yet" in caplog.text
    said = ProjectRunActions(ws.project).stop_run(run.run_id)
    assert said.startswith("deaf/lr=0.1 has not asked run.should_stop() yet: it goes on until it does")
    backfill.wait(progress=False).raise_for_failures()
    assert not ws.partition_status("deaf").stopped_early.any()


def test_a_run_ends_itself_before_its_time_is_over(ws: nbpart.Workspace, trials: Any) -> None:
    ws.asset(patient, partitions=trials, timeout_s=3)
    ws.backfill("patient", keys="lr=0.1").wait(progress=False).raise_for_failures()
    run = ws.get_run(ws.runs("patient").run_id[0])
    assert run.note == "stopped early: its time is nearly over (timeout_s=3)"


def test_a_backfill_gives_up_after_equal_failures(
    ws: nbpart.Workspace, trials: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ws.asset(bad, partitions=trials)
    trials.add_grid(lr=[n / 100 for n in range(20, 60)])
    backfill = ws.backfill("bad", stop_after=3, max_workers=1).wait(progress=False)
    assert backfill.status == "failed"
    counts = backfill.counts()
    assert counts["succeeded"] == 1
    assert 3 <= counts["failed"] <= 5
    assert counts["cancelled"] >= 30
    assert "runs nothing more: 3 runs failed with ValueError at " in caplog.text
    assert "stop_after=3" in backfill.steps().query("status == 'cancelled'").cause.iloc[0]
    assert ws.partition_status("bad").status.tolist().count("missing") == counts["cancelled"]


def test_a_pruner_needs_a_direction(ws: nbpart.Workspace, trials: Any) -> None:
    ws.asset(model, partitions=trials, metrics={"loss": "min"})
    with pytest.raises(DeclarationError, match=r"asks for 'los', and metrics= of model .*did you mean 'loss'"):
        ws.backfill("model", pruner=nbpart.median_pruner("los"))
    assert not len(ws.backfills)


def test_a_run_by_hand_keeps_its_curves_with_what_it_records(ws: nbpart.Workspace, trials: Any) -> None:
    ws.asset(model, partitions=trials, metrics={"loss": "min"})
    run = nbpart.current_run("model", partition_key="lr=0.1", record=True, workspace=ws.root)
    for step, loss in enumerate([0.5, 0.25]):
        run.log(loss=loss, step=step)
        assert not run.should_stop(), "nobody asks a notebook that is run by hand"
    run.save({"n": 1})
    run.log(loss=0.75, step=2)
    run.save({"n": 2})
    second, first = (ws.get_run(run_id) for run_id in ws.runs("model").run_id)
    assert first.curves.step.tolist() == [0, 1]
    assert second.curves.step.tolist() == [0, 1, 2], "it goes on over what is recorded"
    assert ws.partition_status("model", where="lr = 0.1").loss.tolist() == [0.25]
    left = [path.name for path in (ws.root / "runs").rglob("*") if path.is_file()]
    assert sorted(left) == sorted(f"{one.run_id}-1.curves.parquet" for one in (first, second))
