"""Samples of a set: which keys come, that they are new, and what stays when parameters change."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import nbpart
from nbpart import DeclarationError, Param, ParameterError, UnknownNameError
from nbpart.catalog import events
from nbpart.project.added_keys import build_key_columns
from tests.recording import record


def model(lr: float, batch: int) -> dict[str, Any]:
    return {"lr": lr, "batch": batch}


def rate(lr: float) -> dict[str, Any]:
    return {"lr": lr}


@pytest.fixture
def trials(ws: nbpart.Workspace) -> nbpart.PartitionSet:
    return ws.dynamic_partitions(
        "trials",
        params={"lr": nbpart.loguniform(1e-4, 1e-1), "depth": nbpart.integers(2, 9), "seed": int},
    )


def test_a_seed_gives_the_same_keys_again_and_more_of_them(
    ws: nbpart.Workspace, trials: nbpart.PartitionSet, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "nbpart")
    first = trials.add_sample(50, sampler_seed=0, values={"seed": 0})
    assert list(trials) == first
    assert len(set(first)) == 50
    assert not caplog.messages
    assert trials.add_sample(50, sampler_seed=0, values={"seed": 0}) == [], "the cell is run again"
    assert caplog.messages == [
        "trials: 50 of the 50 points of sampler_seed=0 were there already: another seed, or none, draws others."
    ]
    more = trials.add_sample(80, sampler_seed=0, values={"seed": 0})
    assert len(more) == 30
    assert list(trials) == [*first, *more]
    assert not set(trials.add_sample(50, sampler_seed=1, values={"seed": 0})) & {*first, *more}
    frame = trials.frame
    assert frame["depth"].between(2, 9).all()
    assert frame["lr"].between(1e-4, 1e-1).all()
    assert frame["added_by"].nunique() == 1
    assert all(len(f"{lr:.10g}") <= len("0.0001234") for lr in frame["lr"])


def test_without_a_seed_all_that_is_added_is_new(ws: nbpart.Workspace) -> None:
    small = ws.dynamic_partitions("small", params={"k": nbpart.integers(1, 10), "on": nbpart.choice([True, False])})
    small.add_grid(k=range(1, 6), on=[True, False])
    assert len(small.add_sample(7)) == 7
    with pytest.raises(ParameterError, match=r"4 points were asked for, and of 20 only 3 are not in the set yet"):
        small.add_sample(4)
    assert len(small) == 17
    assert len(small.add_sample(3)) == 3
    with pytest.raises(ParameterError, match=r"'small': 21 points were asked for, and there are 20: ask for fewer"):
        small.add_sample(21, sampler_seed=0)
    with pytest.raises(ParameterError, match="2 points were asked for, and there are 1"):
        small.add_sample(2, values={"k": 1, "on": True})
    with pytest.raises(ParameterError, match=r"2,000 points .* and only 1,0[0-9]+ can be told apart"):
        ws.dynamic_partitions("x", params={"x": nbpart.uniform(1, 2.01)}).add_sample(2000, sampler_seed=0)
    assert len(ws.dynamic_partitions("x")) == 0


def test_several_at_once_add_one_sample(ws: nbpart.Workspace, trials: nbpart.PartitionSet) -> None:
    with ThreadPoolExecutor(3) as pool:
        seeded = list(pool.map(lambda _: trials.add_sample(20, sampler_seed=0, values={"seed": 0}), range(3)))
    assert sorted(map(len, seeded)) == [0, 0, 20]
    small = ws.dynamic_partitions("small", params={"k": nbpart.integers(1, 30)})
    with ThreadPoolExecutor(3) as pool:
        new = list(pool.map(lambda _: small.add_sample(10), range(3)))
    assert sorted(int(key[2:]) for keys in new for key in keys) == list(range(1, 31))


def test_equal_points_are_one_key_however_they_came(ws: nbpart.Workspace) -> None:
    pair = ws.dynamic_partitions("pair", params={"k": nbpart.integers(1, 2)})
    pair.add_grid(k=[1])
    pair.add({"k": 2})
    assert pair.add_sample(2, sampler_seed=0) == []
    assert list(pair) == ["k=1", "k=2"]


def test_other_choices_keep_keys_and_what_was_made_of_them(ws: nbpart.Workspace) -> None:
    def declare(batches: list[int]) -> nbpart.PartitionSet:
        params = {"batch": nbpart.choice(batches), "lr": nbpart.loguniform(1e-4, 1e-1)}
        return ws.dynamic_partitions("trials", params=params)

    first = declare([64, 128]).add_sample(30, sampler_seed=0)
    ws.asset(model, partitions=ws.dynamic_partitions("trials"))
    for key in first[:3]:
        record(ws, "model", key, {"key": key})
    for batches in ([64, 128, 256, 512], [256]):
        new = declare(batches).add_sample(10)
        assert {int(key.split(",")[0][6:]) for key in new} <= set(batches)
        status = ws.partition_status("model").set_index("partition_key")["status"]
        assert (status[first[:3]] == "materialized").all()
    assert list(declare([256]))[:30] == first
    assert repr(ws.dynamic_partitions("trials").params["batch"]) == "Param(choice([256]))"


def test_bounds_outlive_the_process(project: Any) -> None:
    with nbpart.open("workspace") as ws:
        ws.dynamic_partitions("trials", params={"x": nbpart.uniform(0, 1), "k": nbpart.choice([None, "a"])})
    with nbpart.open("workspace") as ws:
        trials = ws.partition_sets["trials"]
        assert repr(trials.params) == "{'k': Param(choice([None, 'a'])), 'x': Param(uniform(0.0, 1.0))}"
        assert trials.add_sample(3, sampler_seed=0) == list(trials)
        assert len(trials) == 3


def test_a_parameter_added_later_means_its_default_in_old_keys(ws: nbpart.Workspace) -> None:
    def declare_first() -> nbpart.PartitionSet:
        params = {"lr": nbpart.loguniform(1e-4, 1e-1), "batch": nbpart.choice([64, 128])}
        return ws.dynamic_partitions("trials", params=params)

    def add_dropout(trials: nbpart.PartitionSet) -> nbpart.PartitionSet:
        dropout = Param(nbpart.uniform(0.1, 0.5), default=0.0)
        return ws.dynamic_partitions("trials", params={**trials.params, "dropout": dropout})

    old = declare_first().add_sample(4, sampler_seed=0)
    ws.asset(model, partitions=declare_first())
    record(ws, "model", old[0], {})
    trials = add_dropout(declare_first())
    assert list(trials) == old
    assert trials.frame["dropout"].tolist() == [0.0] * 4
    values = trials.row(old[0])
    assert values["dropout"] == 0.0
    same_point = {name: values[name] for name in ("lr", "batch")}
    assert trials.add({**same_point, "dropout": 0.0}) == trials.add(same_point) == []
    assert trials.spell({**same_point, "dropout": 0}) == [old[0]]
    [new] = trials.add({**same_point, "dropout": 0.25})
    assert new == f"{old[0].split(',')[0]},dropout=0.25,{old[0].split(',')[1]}"
    assert trials.where("dropout = 0")["partition_key"].tolist() == old
    assert ws.partition_status("model")["status"].tolist() == ["materialized", *["missing"] * 4]
    assert all("dropout=" in key for key in trials.add_sample(5))

    again = add_dropout(declare_first())  # the notebook is run again from its top
    assert again.params == trials.params
    assert len(again) == 10


def test_a_set_from_before_knows_what_was_declared_since(ws: nbpart.Workspace, project: Any) -> None:
    earlier = ws.dynamic_partitions("trials", params={"lr": nbpart.uniform(0, 1)}, columns={"note": str})
    with nbpart.open("workspace") as other:
        there = other.partition_sets["trials"]
        params = {**earlier.params, "d": Param(nbpart.uniform(0.1, 0.5), default=0)}
        trials = ws.dynamic_partitions("trials", params=params)
        there.add(lr=0.2)
        earlier.add_rows([{"lr": 0.3, "note": "x"}])
        assert there.add(lr=0.2, d=0.3) == ["d=0.3,lr=0.2"]
        assert trials.frame["d"].tolist() == [0.0, 0.0, 0.3]
        assert there.params == earlier.params == trials.params
    ws.asset(rate, partitions=earlier)
    assert trials.params == params, "an asset of the set declares nothing of it"
    assert all("d=" in key for key in earlier.add_sample(2))


def test_keys_of_who_knows_an_earlier_declaration_have_the_defaults_of_later_ones(ws: nbpart.Workspace) -> None:
    earlier = ws.dynamic_partitions("trials", params={"lr": float}).definition
    trials = ws.dynamic_partitions("trials", params={"lr": float, "d": Param(float, default=0.5)})
    trials.add(lr=0.1)
    keys = ["lr=0.2", "lr=0.3"]
    columns = build_key_columns(earlier, keys)
    ws.project.catalog.write(lambda batch: events.add_keys(batch, trials.set_id, keys, columns))
    assert trials.frame["d"].tolist() == [0.5] * 3
    assert len(trials.where("d = 0.5")) == 3


def test_a_late_parameter_reaches_products_too(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": nbpart.uniform(0, 1)})
    cv = ws.partitions(nbpart.MultiPartitions({"trial": trials, "fold": ["a", "b"]}, name="cv"))
    trials.add_sample(2, sampler_seed=0)
    wider = ws.dynamic_partitions("trials", params={**trials.params, "k": Param(nbpart.integers(1, 5), default=3)})
    [new] = wider.add(lr=0.5, k=4)
    frame = ws.partition_sets["cv"].frame
    assert frame["k"].tolist() == [3, 3, 4, 3, 3, 4]
    assert len(cv) == 6
    assert ws.partition_sets["cv"].choose(k=4, fold="b") == [
        f"fold=b,trial={new.replace('=', '%3D').replace(',', '%2C')}"
    ]


def test_values_outside_of_the_bounds_are_taken_and_named(
    ws: nbpart.Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    params = {"lr": nbpart.loguniform(1e-4, 1e-1), "kind": Param(nbpart.choice(["gbt", "rf"]), default="best")}
    trials = ws.dynamic_partitions("trials", params=params)
    assert trials.add(lr=0.5) == ["kind=best,lr=0.5"]
    assert caplog.messages == [
        "trials: lr=0.5 was added as it was given, though samples are drawn from loguniform(0.0001, 0.1)."
    ]
    caplog.clear()
    trials.add_grid(lr=[0.5, 0.05], kind=["gbt", "rff"])
    trials.add_rows([{"lr": 7, "kind": "rf"}, {"lr": 8, "kind": "rf"}])
    assert caplog.messages == [
        "trials: kind='rff' was added as it was given, though samples are drawn from choice(['gbt', 'rf']) "
        "(did you mean 'rf'?).",
        "trials: lr=0.5 was added as it was given, though samples are drawn from loguniform(0.0001, 0.1).",
        "trials: lr=7.0 and 1 more was added as it was given, though samples are drawn from loguniform(0.0001, 0.1).",
    ]
    caplog.clear()
    trials.add_grid(lr=[0.5, 0.05], kind="gbt")
    trials.add_sample(3, values={"kind": "rf"})
    assert not caplog.messages, "what is there already was named when it came"


def test_children_of_a_parent_that_is_not_there(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add("a.csv")
    fits = ws.dynamic_partitions("fits", params={"k": nbpart.integers(1, 9)}, under={"file": files})
    assert len(fits.add_sample(2, values={"file": "a.csv"})) == 2
    assert fits.frame["file"].tolist() == ["a.csv", "a.csv"]
    with pytest.raises(UnknownNameError, match=r"no key 'b\.csv'"):
        fits.add_sample(2, values={"file": "b.csv"})
    assert len(fits) == 2


def test_samples_of_what_has_no_parameters(ws: nbpart.Workspace) -> None:
    with pytest.raises(DeclarationError, match=r"'files' have no parameters, so add_sample\(\) means nothing here"):
        ws.dynamic_partitions("files").add_sample(3)
    with pytest.raises(DeclarationError, match=r"have no add_sample\(\): they are a fixed list"):
        ws.partitions(nbpart.StaticPartitions(["a"], name="letters")).add_sample(3)
    with pytest.raises(DeclarationError, match=r"'s': the column 'x' is declared as uniform\(0\.0, 1\.0\), but"):
        ws.dynamic_partitions("s", columns={"x": nbpart.uniform(0, 1)})
