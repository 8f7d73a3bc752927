"""A data scientist sweeps four parameters, stops early what is worse, runs again what crashed, and reports the best."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

import nbpart

pytestmark = pytest.mark.kernel


def model(table: Any, run: Any, lr: float, depth: int, kind: str, seed: int, epochs: int = 6) -> dict[str, Any]:
    import pathlib

    for step in range(epochs):
        run.log(loss=lr + depth / 10 + 1 / (step + 1), step=step)
        if run.should_stop():
            break
    if depth == 9 and not pathlib.Path("mended").exists():
        raise ValueError(f"no room for {depth}")
    run.log(accuracy=1 / (lr + depth))
    return {"lr": lr, "depth": depth, "kind": kind}


def report(model: Any, run: Any) -> str:
    best = run.metrics("model").query("not stopped_early").iloc[0].partition_key
    return f"{best}: {model[best]['kind']}"


def test_a_sweep_from_a_cell_to_its_report(ws: nbpart.Workspace) -> None:
    ws.value("table", {"a": 1})
    params = {
        "lr": nbpart.loguniform(1e-4, 1e-1),
        "depth": nbpart.integers(2, 9),
        "kind": nbpart.choice(["gbt", "rf"]),
        "seed": nbpart.integers(0, 3),
    }
    trials = ws.dynamic_partitions("trials", params=params)
    trials.add_sample(16, sampler_seed=0)
    assert len(trials) == 16
    assert all(len(key) < 50 for key in trials), "keys can be read"
    ws.asset(model, partitions=trials, metrics={"accuracy": "max", "loss": "min"})
    ws.asset(report)

    ws.backfill("model", pruner=nbpart.median_pruner("loss", direction="min"), stop_after=9).wait(progress=False)
    found = ws.partition_status("model")
    crashed = found[found.depth == 9]
    assert set(crashed.status) <= {"failed"}
    assert (found.status == "materialized").sum() + len(crashed) == 16
    (ws.root.parent / "mended").touch()
    ws.backfill("model", status="failed").wait(progress=False).raise_for_failures()  # what crashed, only that
    found = ws.partition_status("model")
    assert set(found.status) == {"materialized"}

    ws.materialize("report")
    ended = found[~found.stopped_early]
    best = ended.loc[ended.accuracy.idxmax()]
    assert ws.load("report") == f"{best.partition_key}: {best.kind}"

    plan = ws.plan("model", where="accuracy < 0.2")  # a where on a fact means status="all"
    assert len(plan.frame) == (found.accuracy < 0.2).sum()


def test_a_study_of_two_objectives_is_an_ordinary_one_of_optuna(ws: nbpart.Workspace) -> None:
    ws.value("table", {"a": 1})
    params = {
        "lr": nbpart.loguniform(1e-4, 1e-1),
        "depth": nbpart.integers(2, 8),
        "kind": nbpart.choice(["gbt", "rf"]),
        "seed": nbpart.integers(0, 3),
    }
    trials = ws.dynamic_partitions("trials", params=params)
    ws.asset(model, partitions=trials, metrics={"accuracy": "max", "loss": "min"})
    trials.add(lr=0.01, depth=2, kind="rf", seed=0)
    ws.backfill("model").wait(progress=False)

    objectives = {"accuracy": "max", "duration_s": "min"}
    study = ws.study("model", objectives=objectives, sampler=optuna.samplers.NSGAIISampler(seed=0))
    study.optimize(8, max_workers=2).wait(progress=False).raise_for_failures()
    plain = study.optuna
    assert len(plain.trials) == 9, "what ran by hand counts"
    assert {direction.name for direction in plain.directions} == {"MAXIMIZE", "MINIMIZE"}
    found = ws.partition_status("model").set_index("partition_key")
    for trial in plain.trials:
        row = found.loc[trial.user_attrs["partition_key"]]
        assert trial.values == [row.accuracy, row.duration_s]
    figure = optuna.visualization.plot_pareto_front(plain)
    assert sum(len(trace.x) for trace in figure.data) == 9
    assert study.best["partition_key"].isin(found.index).all()
    assert len(ws.runs("model")) == 9
    runs = [ws.get_run(run_id) for run_id in ws.runs("model").run_id[:2]]
    assert {"parameter", "metric"} <= set(nbpart.diff(*runs).frame["kind"])
