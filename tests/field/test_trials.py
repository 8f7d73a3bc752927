"""What users of other tools met with search spaces: choices that grow, one grid for several, values that lack."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbpart
from tests.backfill.pools import Stage
from tests.processes import wait_for
from tests.recording import record

PROCESS = """
import nbpart
ws = nbpart.open("workspace")
trials = ws.dynamic_partitions("trials", params={"x": nbpart.integers(0, 2)})
def model(x: int) -> dict:
    return {"x": x}
ws.asset(model, partitions=trials)
trials.add_grid(x=[0, 1])
trials.add_sample(3, sampler_seed=0)
ws.backfill("model", max_workers=2).wait(progress=False).raise_for_failures()
ws.close()
"""


@pytest.mark.kernel
def test_three_processes_on_one_grid_run_each_point_once(project: Path) -> None:
    """Optuna 5489: three processes on one grid of three points evaluated 0, 1 and 0."""
    (project / "sweep.py").write_text(PROCESS)
    started = [
        subprocess.Popen([sys.executable, "sweep.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=240)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], "\n".join(said)
    with nbpart.open("workspace") as ws:
        assert sorted(ws.runs("model")["partition_key"]) == ["x=0", "x=1", "x=2"]
        assert ws.partition_status("model")["status"].tolist() == ["materialized"] * 3


def test_more_choices_and_other_ones_keep_the_trials(ws: nbpart.Workspace) -> None:
    """Optuna 2199: with one more choice in the list the study could not be taken up."""
    stage = Stage()
    ws.project.make_pool = stage.make_pool

    def declare(batches: list[int]) -> nbpart.PartitionSet:
        params = {"batch": nbpart.choice(batches), "lr": nbpart.loguniform(1e-4, 1e-1)}
        return ws.dynamic_partitions("trials", params=params)

    def model(batch: int, lr: float) -> dict[str, Any]:
        return {"batch": batch, "lr": lr}

    first = declare([64, 128]).add_sample(30, sampler_seed=0)
    ws.asset(model, partitions=declare([64, 128]))
    ws.backfill("model").wait(progress=False)
    for batches in ([64, 128, 256, 512], [256]):
        new = declare(batches).add_sample(10, sampler_seed=1)
        assert {int(key.split(",")[0].removeprefix("batch=")) for key in new} <= set(batches)
        assert sorted(ws.plan("model").frame["partition_key"]) == sorted(new), "what was run is not run again"
        ws.backfill("model").wait(progress=False)
    status = ws.partition_status("model")
    assert status["partition_key"].tolist()[:30] == first
    assert set(status["status"]) == {"materialized"}
    assert len(stage.started) == len(status)


def test_trials_that_lack_a_value_stand_by_themselves(ws: nbpart.Workspace) -> None:
    """DVC 8730, MLflow 1753: a missing value went to another category, or turned a column of numbers into text."""
    params = {
        "kind": nbpart.Param(nbpart.choice(["svm", "tree"]), default=None),
        "C": nbpart.Param(nbpart.loguniform(1e-3, 1e3), default=None),
        "depth": nbpart.Param(nbpart.integers(2, 10), default=None),
    }
    rows = [("svm", 1.0, None), ("tree", None, 10), ("tree", None, 2), (None, 2.0, None), ("svm", 0.5, None)]
    trials = ws.dynamic_partitions("trials", params=params)
    trials.add_rows(pd.DataFrame([*rows, ("tree", None, None)], columns=["kind", "C", "depth"]))
    frame = trials.frame
    assert [str(frame[name].dtype) for name in ("C", "depth")] == ["float64", "Int64"]
    assert frame["depth"].dropna().sort_values().tolist() == [2, 10]
    assert frame["kind"].isna().tolist() == [False, False, False, True, False, False]
    assert trials.where("depth > 1")["partition_key"].tolist() == [
        "C=null,depth=10,kind=tree",
        "C=null,depth=2,kind=tree",
    ]
    assert trials.where("kind = 'tree' and depth is null")["partition_key"].tolist() == ["C=null,depth=null,kind=tree"]
    drawn = trials.add_sample(5, sampler_seed=0, values={"C": None, "kind": "tree"})
    assert all(key.startswith("C=null,depth=") and "null" not in key[7:] for key in drawn)


@pytest.mark.kernel
def test_a_trial_that_was_pruned_is_never_the_best(ws: nbpart.Workspace) -> None:
    """Optuna 5229: a pruned trial carries its last intermediate value, and so can look best."""
    trials = ws.dynamic_partitions("trials", params={"n": int})
    trials.add_grid(n=range(1, 8))

    def model(n: int, run: Any) -> dict[str, int]:
        for step in range(4):
            # the last one is far behind at step 1, where it is asked, and has logged the least of all before
            run.log(loss=0.01 if (n, step) == (7, 0) else 9.0 if n == 7 else 0.2 + n / 10, step=step)
            if step and run.should_stop():
                break
        return {"n": n}

    ws.asset(model, partitions=trials, metrics={"loss": nbpart.metric("min", value="last")})
    ws.backfill("model", keys=[{"n": n} for n in range(1, 7)]).wait(progress=False).raise_for_failures()
    pruner = nbpart.successive_halving("loss", min_resource=1, reduction_factor=2)
    ws.backfill("model", pruner=pruner).wait(progress=False).raise_for_failures()
    board = ws.compare("model")
    assert board.frame.n.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert board.frame.stopped_early.tolist() == [False] * 6 + [True]
    assert board.best is not None
    assert board.best.n == 1
    ws.backfill("model", keys={"n": 7}, status="all").wait(progress=False).raise_for_failures()
    assert not ws.compare("model").frame.stopped_early.any(), "run again to its end it counts again"


@pytest.mark.kernel
def test_a_nan_crashes_nothing_and_wins_nothing(ws: nbpart.Workspace) -> None:
    """optuna-examples 40, NNI 2775: a NaN at a step crashed the run in the storage; elsewhere it sorted as zero."""
    trials = ws.dynamic_partitions("trials", params={"n": int})
    trials.add_grid(n=[1, 2, 3])

    def model(n: int, run: Any) -> dict[str, int]:
        nan, inf = float("nan"), float("inf")
        for step, loss in enumerate({1: [0.3, nan, 0.2, inf], 2: [nan], 3: [0.5]}[n]):
            run.log(loss=loss, step=step)
        return {"n": n}

    ws.asset(model, partitions=trials, metrics={"loss": "min"})
    ws.backfill("model").wait(progress=False).raise_for_failures()
    board = ws.compare("model")
    assert board.frame.n.tolist() == [1, 3, 2]
    assert board.frame.loss.tolist()[:2] == [0.2, 0.5]
    assert ws.compare("model", metrics={"loss": "max"}).frame.n.tolist() == [3, 1, 2], "nan stands last both ways"
    curve = ws.get_run(board.frame.run_id[0]).curves
    assert curve.value.isna().tolist() == [False, True, False, False]
    for where in ("loss < 1", "loss > 1"):
        assert 2 not in ws.partition_status("model", where=where).n.tolist()


def test_a_sweep_of_several_kinds_keeps_its_rows_and_its_numbers(ws: nbpart.Workspace) -> None:
    """DVC 8730, MLflow 1753: where a run lacked a parameter a line went to the wrong place; a NaN made numbers text."""
    params = {"kind": nbpart.Param(str | None, default=None), "depth": nbpart.Param(int | None, default=None)}
    trials = ws.dynamic_partitions("trials", params={**params, "c": nbpart.Param(float | None, default=None)})

    @ws.asset(partitions=trials, metrics={"loss": "min"})
    def model(run: Any) -> dict[str, int]:
        return {}

    asked = [("svm", None, 0.1), ("svm", None, 10.0), ("tree", 2, None), ("tree", 10, None), ("tree", 3, None)]
    for n, (kind, depth, c) in enumerate([*asked, (None, None, None)]):
        trials.add(kind=kind, depth=depth, c=c)
        record(ws, "model", {"kind": kind, "depth": depth, "c": c}, loss=float(n))
    frame = ws.compare("model").frame
    assert len(frame) == 6
    assert frame.kind.tolist() == ["svm", "svm", "tree", "tree", "tree", None]
    assert sorted(frame.depth.dropna()) == [2, 3, 10], "numbers, not texts"
    assert frame.c.isna().tolist() == [False, False, True, True, True, True]
    assert ws.partition_status("model", where="depth >= 3").depth.tolist() == [10, 3]


STUDY = """
import sys
import nbpart
ws = nbpart.open("workspace")
trials = ws.dynamic_partitions("trials", params={"x": nbpart.uniform(-5, 10), "y": nbpart.uniform(0, 15)})
def model(run, x: float, y: float) -> dict:
    import time
    time.sleep(0.05)
    run.log(loss=(x - 3) ** 2 + y)
    return {"x": x}
ws.asset(model, partitions=trials, metrics={"loss": "min"})
if sys.argv[1:]:
    backfill = ws.backfills[sys.argv[1]].resume()
else:
    backfill = ws.study("model", objective="loss").optimize(40, max_workers=4)
print(backfill.id, flush=True)
backfill.wait(progress=False)
ws.close()
"""


@pytest.mark.kernel
def test_a_study_that_is_killed_asks_for_what_is_left(project: Path) -> None:
    """Optuna 1641: after a kill, trials stayed running for ever, counted as done, and their parameters were lost."""
    (project / "study.py").write_text(STUDY)
    backfill_id = ""
    for done in (17, 30, 40):
        command = [sys.executable, "study.py", *filter(None, [backfill_id])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            backfill_id = process.stdout.readline().strip()
            if done == 40:
                assert process.wait(240) == 0
            else:
                wait_for(lambda: count_data(project) >= done, 120, f"{done} trials are made")  # noqa: B023
                process.kill()
    with nbpart.open("workspace") as ws:
        assert ws.backfills[backfill_id].counts()["succeeded"] == 40
        assert ws.backfills[backfill_id].status == "succeeded"
        assert ws.partition_status("model")["status"].tolist() == ["materialized"] * 40
        runs = ws.runs("model")
        assert runs[runs["status"] == "succeeded"]["partition_key"].is_unique, "no point was evaluated twice"
        trials = ws.study("model", objective="loss").optuna.trials
        assert [trial.state.name for trial in trials] == ["COMPLETE"] * 40
        assert len({trial.user_attrs["partition_key"] for trial in trials}) == 40


def count_data(project: Path) -> int:
    return len(list((project / "workspace" / "data" / "model").glob("*/*.json")))
