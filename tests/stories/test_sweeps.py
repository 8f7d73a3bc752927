"""A data scientist sweeps: folds times trials, gathered per trial."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import nbpart
from tests.recording import record

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
