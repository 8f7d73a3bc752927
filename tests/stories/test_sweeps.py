"""A data scientist sweeps: folds times trials, gathered per trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbpart
from tests.backfill.pools import Stage
from tests.recording import record, write_notebook

pytestmark = pytest.mark.kernel


def split(table: Any, fold: int) -> pd.DataFrame:
    return table[table["n"] % 5 == fold]  # type: ignore[no-any-return]


def fit(split: Any, fold: int, lr: float, depth: int) -> dict[str, Any]:
    return {"fold": fold, "rows": len(split), "loss": lr * depth}


def fit_others(split: Any, lr: float) -> dict[str, Any]:
    return {"rows": sum(map(len, split.values())), "lr": lr}


def score(fit: Any, run: Any) -> dict[str, Any]:
    run.log(loss=sum(one["loss"] for one in fit.values()))
    return {"folds": [one["fold"] for one in fit.values()], "keys": list(fit)}


def test_folds_times_trials_are_gathered_per_trial(ws: nbpart.Workspace) -> None:
    ws.value("table", pd.DataFrame({"n": range(20)}))
    trials = ws.dynamic_partitions("trials", params={"lr": float, "depth": int})
    trials.add_grid(lr=[0.1, 0.01], depth=[3])
    folds = ws.partitions(nbpart.StaticPartitions(range(5), name="folds", column="fold"))
    cv = ws.partitions(nbpart.MultiPartitions({"trial": trials, "fold": folds}, name="cv"))
    ws.asset(split, partitions=folds)
    ws.asset(fit, partitions=cv)
    ws.asset(score, partitions=trials)

    plan = ws.plan("+score", keys={"lr": 0.01})  # asked of score, the asset named; fit and split follow
    assert plan.frame["asset"].value_counts().to_dict() == {"split": 5, "fit": 5, "score": 1}
    ws.backfill("+score", policy="single_run", max_workers=1).wait(progress=False).raise_for_failures()
    found = ws.load("score", lr=0.1, depth=3)
    assert found["folds"] == [0, 1, 2, 3, 4], "its own five, in the order of the set"
    assert found["keys"][0] == "fold=0,trial=depth%3D3%2Clr%3D0.1"
    assert ws.load("fit", {"fold": 4, "lr": 0.1, "depth": 3}) == {"fold": 4, "rows": 4, "loss": 0.1 * 3}

    one = {"lr": 0.02, "depth": 4}
    trials.add(**one)
    again = ws.plan("+score", keys=one)
    assert again.frame["asset"].value_counts().to_dict() == {"fit": 5, "score": 1}


def test_each_fit_is_trained_on_the_other_folds(ws: nbpart.Workspace) -> None:
    ws.value("table", pd.DataFrame({"n": range(22)}))
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    trials.add_grid(lr=[0.1, 0.01])
    folds = ws.partitions(nbpart.StaticPartitions(range(11), name="folds", column="fold"))
    cv = ws.partitions(nbpart.MultiPartitions({"trial": trials, "fold": folds}, name="cv"))
    ws.asset(split, partitions=folds)
    ws.asset(fit_others, name="fit", partitions=cv, deps={"split": nbpart.where("upstream.fold <> this.fold")})
    plan = ws.plan("+fit", keys={"lr": 0.1, "fold": 1})
    assert plan.frame["asset"].value_counts().to_dict() == {"split": 10, "fit": 1}
    assert ws.inputs("fit", {"lr": 0.1, "fold": 1})["partition_key"].tolist() == ["0", *map(str, range(2, 11))]
    for fold in folds:
        record(ws, "split", fold, "x")
    for key in cv:
        record(ws, "fit", key, "x")
    record(ws, "split", "10", "other")
    status = ws.partition_status("fit")
    assert sorted(status["fold"][status["status"] == "stale"]) == sorted([*range(10)] * 2)


def model(lr: float, depth: int, kind: str, seed: int, dropout: float = 0.0, epochs: int = 30) -> dict[str, Any]:
    return {"accuracy": 1 - lr}


def sweep(ws: nbpart.Workspace) -> list[str]:
    """The cells of a notebook; returns what its backfills ran."""
    trials = ws.dynamic_partitions(
        "trials",
        params={
            "lr": nbpart.loguniform(1e-4, 1e-1),
            "depth": nbpart.integers(2, 9),
            "kind": nbpart.choice(["gbt", "rf"]),
            "seed": nbpart.integers(0, 3),
        },
    )
    trials.add_sample(50, sampler_seed=0)
    ws.asset(model, partitions=trials)
    ran = ws.backfill("model").wait(progress=False).steps()["partition_key"].tolist()

    one = {"lr": 0.02, "depth": 4, "kind": "gbt", "seed": 0}
    trials.add(**one)
    ran += ws.backfill("model", keys=one).wait(progress=False).steps()["partition_key"].tolist()

    dropout = nbpart.Param(nbpart.uniform(0.1, 0.5), default=0.0)
    trials = ws.dynamic_partitions("trials", params={**trials.params, "dropout": dropout})
    trials.add(**one, dropout=0.0)  # the trial that is there
    trials.add(**one, dropout=0.2)
    trials.add_sample(3, sampler_seed=0)
    return (
        ran
        + ws.backfill("model", where="dropout > 0", status="missing")
        .wait(progress=False)
        .steps()["partition_key"]
        .tolist()
    )


def test_a_sweep_is_run_again_from_the_top_of_its_notebook(ws: nbpart.Workspace) -> None:
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    ran = sweep(ws)
    assert len(ran) == len(set(ran)) == 50 + 1 + 4
    late = "depth=4,dropout=0.2,kind=gbt,lr=0.02,seed=0"
    assert ran[51:].count(late) == 1
    assert ["dropout" in key for key in ran] == [False] * 51 + [True] * 4
    given = {str(spec.partition_key): spec.injected for spec in stage.started}
    assert (given[ran[0]].get("dropout", 0.0), given[late]["dropout"]) == (0.0, 0.2)
    assert sweep(ws) == [], "nothing is new, and nothing is outdated"
    frame = ws.partition_status("model")
    assert (len(frame), set(frame["status"])) == (55, {"materialized"})
    assert frame["lr"].between(1e-4, 1e-1).all()


def test_the_papermill_loop_of_a_notebook_whose_parameters_are_called_like_options(
    ws: nbpart.Workspace, project: Path
) -> None:
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    write_notebook(project / "train.ipynb", "lr", parameters="lr = 0.1\npool = 'max'\nretries = 0")
    values = {"lr": [0.01, 0.1], "pool": ["max", "avg"], "retries": [1, 2]}
    for n_runs in (8, 0):
        done = ws.notebook("train.ipynb").backfill(values, max_workers=4).wait(progress=False)
        assert len(done.steps()) == n_runs
    assert {(spec.injected["pool"], spec.injected["retries"]) for spec in stage.started} == {
        (pool, n) for pool in ("max", "avg") for n in (1, 2)
    }
