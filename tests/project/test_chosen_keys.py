"""Every form in which a person gives keys, in every verb that takes some."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nbpart
from nbpart import NbpartError, PartitionKeyError, UnknownNameError
from nbpart.backfill.registry import Node
from nbpart.catalog import Batch, queries
from nbpart.catalog.queries.chosen_keys import choose_keys
from nbpart.project.equivalent_code import spell_keys
from nbpart.project.key_choices import list_choices
from nbpart.project.spelled_choice import spell_choice
from tests.recording import record

#: Keys of which other tools made two, or a range.
ODD = ['{"scenario":1, "version":1}', '{"scenario":1', '"version":1}', "a..b", "a", "b"]


def named(partition_key: str) -> dict[str, str]:
    return {}


def hourly(partition_key: str) -> dict[str, str]:
    return {}


def daily(days: date) -> dict[str, str]:
    return {}


def flights(day: date, origin: str) -> dict[str, str]:
    return {}


def model(lr: float, depth: int) -> dict[str, float]:
    return {}


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[nbpart.Workspace]:
    """One for all tests that only ask."""
    with nbpart.open(tmp_path_factory.mktemp("asked") / "workspace") as workspace:
        yield declare(workspace)


@pytest.fixture
def own_ws(project: Path) -> Iterator[nbpart.Workspace]:
    """One for a test that changes it."""
    with nbpart.open(project / "workspace") as workspace:
        yield declare(workspace)


def declare(ws: nbpart.Workspace) -> nbpart.Workspace:
    names = ws.dynamic_partitions("names")
    names.add(*ODD)
    trials = ws.dynamic_partitions("trials", params={"lr": float, "depth": nbpart.Param(int, default=3)})
    trials.add_grid(lr=[0.1, 0.2], depth=[3, 4])
    window = {"start": "2024-11-01", "end": "2024-11-06", "timezone": "America/New_York"}
    days = ws.partitions(nbpart.DailyPartitions("days", **window))
    ws.asset(named, partitions=names)
    ws.asset(hourly, partitions=nbpart.HourlyPartitions("hours", **window))
    ws.asset(daily, partitions=days)
    ws.asset(flights, partitions=nbpart.MultiPartitions({"day": days, "origin": ["EWR", "JFK"]}, name="grid"))
    ws.asset(model, partitions=trials)
    return ws


def chosen(ws: nbpart.Workspace, asset: str, keys: Any) -> list[str]:
    return list(ws.plan(asset, keys=keys).frame["partition_key"])


def test_a_key_that_looks_like_several_is_one(ws: nbpart.Workspace) -> None:
    for key in ODD:
        assert chosen(ws, "named", key) == chosen(ws, "named", [key]) == [key]
        assert chosen(ws, "named", eval(spell_keys([key]))) == [key], "what the explorer shows can be pasted"
    assert chosen(ws, "named", eval(spell_keys(ODD[:3]))) == ODD[:3]


def test_what_somebody_brushed_is_spelled_so_that_it_can_be_pasted(ws: nbpart.Workspace) -> None:
    shops = ws.dynamic_partitions("shops")
    shops.add(*ODD, "2024", *(f"shop {i}" for i in range(6)))
    sales = nbpart.MultiPartitions({"day": ws.partitions("days"), "origin": shops}, name="sales")
    ws.asset(name="sold", partitions=sales)(flights)
    draws = random.Random(7)
    sweep = ws.dynamic_partitions("sweep", params={"lr": float, "depth": int})
    ws.asset(name="swept", partitions=sweep)(model)
    sweep.add_grid(lr=[0.01, 1e-7, 2.0, 30.5, 40.0], depth=range(1, 7))
    nodes = [ws.project.registry()[name] for name in ("hourly", "swept", "sold")]

    def check(batch: Batch, node: Node, keys: list[str]) -> str:
        spelled = spell_choice(batch, node.set_id, keys)
        found = choose_keys(batch, node.set_id, list_choices(eval(spelled)))
        assert set(queries.key_texts(batch, found.key_ids)) == set(keys), spelled
        return spelled

    def work(batch: Batch) -> None:
        for node in nodes:
            every = queries.load_members(batch, node.set_id)
            for _ in range(10):
                cuts = sorted(draws.sample(range(len(every)), 4))
                check(batch, node, every[cuts[0] : cuts[1]] + every[cuts[2] : cuts[3]])
            check(batch, node, draws.sample(every, 26))
        box = [key for key in every if key.startswith(("day=2024-11-03", "day=2024-11-04"))]
        assert check(batch, node, box) == "{'day': ['2024-11-03', '2024-11-04']}"
        grid = [key for key in queries.load_members(batch, nodes[1].set_id) if "lr=0.01" not in key]
        assert check(batch, nodes[1], grid) == "{'depth': [1, 2, 3, 4, 5, 6], 'lr': [1e-07, 2.0, 30.5, 40.0]}"
        hours = queries.load_members(batch, nodes[0].set_id)
        assert check(batch, nodes[0], hours[3:50]) == "nbpart.between('2024-11-01T03:00', '2024-11-03T01:00')"

    ws.project.catalog.read(work)


def test_hours_between_dates_hold_both_days_whole(ws: nbpart.Workspace) -> None:
    assert len(chosen(ws, "hourly", nbpart.between("2024-11-02", "2024-11-03"))) == 49
    assert len(chosen(ws, "hourly", "2024-11-03")) == 25
    assert len(chosen(ws, "hourly", [date(2024, 11, 3)])) == 25
    assert chosen(ws, "hourly", nbpart.between("2024-11-03", "2024-11-03"))[-1] == "2024-11-03T23:00"


@pytest.mark.parametrize(
    ("asset", "keys", "n"),
    [
        ("daily", pd.Timestamp("2024-11-03"), 1),
        ("daily", pd.date_range("2024-11-01", "2024-11-03"), 3),
        ("daily", pd.Series(pd.date_range("2024-11-01", "2024-11-03", tz="America/New_York")), 3),
        ("daily", np.array(["2024-11-01", "2024-11-02"], "datetime64[D]"), 2),
        ("daily", pd.Index(["2024-11-01", "2024-11-05"]), 2),
        ("daily", np.datetime64("2024-11-04"), 1),
        ("daily", "2024", 5),
        ("daily", (day for day in ("2024-11-01", "2024-11-02")), 2),
        ("daily", {"2024-11-01", "2024-11-02"}, 2),
        ("hourly", datetime(2024, 11, 3, 6, tzinfo=UTC), 1),
        ("hourly", [pd.Timestamp("2024-11-03 05:00"), "2024-11-02"], 25),
        ("flights", {"day": date(2024, 11, 3), "origin": "EWR"}, 1),
        ("flights", {"origin": ["EWR", "JFK"], "day": nbpart.between("2024-11-02", "2024-11")}, 8),
        ("flights", "2024-11-03", 2),
        ("flights", pd.DataFrame({"day": ["2024-11-01", "2024-11-02"], "origin": ["EWR", "JFK"]}), 2),
        ("flights", pd.DataFrame({"day": pd.to_datetime(["2024-11-01", "2024-11-02"])}), 4),
        ("flights", pd.DataFrame({"partition_key": ["day=2024-11-01,origin=EWR"], "delay": [3]}), 1),
        ("model", {"lr": 0.1}, 2),
        ("model", [{"lr": 0.1, "depth": 4}, "lr=0.20,depth=3"], 2),
        ("model", pd.DataFrame({"depth": [4], "lr": [0.2]}), 1),
        ("model", pd.DataFrame({"depth": []}), 0),
    ],
    ids=itertools.count(),
)
def test_keys_are_taken_in_every_form(ws: nbpart.Workspace, asset: str, keys: Any, n: int) -> None:
    assert len(chosen(ws, asset, keys)) == n


@pytest.mark.parametrize(
    ("asset", "keys", "error", "message"),
    [
        ("named", nbpart.between("b", "a"), PartitionKeyError, "named: The range from 'b' to 'a' runs backwards"),
        ("named", nbpart.between("a", "c"), UnknownNameError, "named has no partition 'c'; there is"),
        ("daily", nbpart.between("2024-11-03", "2024-11-02"), PartitionKeyError, "daily: .*runs backwards"),
        ("daily", "2024-12", UnknownNameError, "daily has no partition within '2024-12'; they go from '2024-11-01' to"),
        ("flights", {"origin": "EWX"}, UnknownNameError, "flights: .*did you mean 'EWR'"),
        ("model", {"lr": 0.3}, UnknownNameError, "model has no partition with lr=0.3; did you mean '0.2'"),
        ("model", pd.DataFrame({"lr": [0.1], "loss": [3]}), NbpartError, "model: .*'loss' makes no key"),
    ],
    ids=itertools.count(),
)
def test_what_chooses_nothing_is_refused_with_the_nearest(
    ws: nbpart.Workspace, asset: str, keys: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ws.plan(asset, keys=keys)


TAKERS: dict[str, Callable[[nbpart.Workspace, str, Any], object]] = {
    "load": lambda ws, asset, key: ws.load(asset, key),
    "materialize": lambda ws, asset, key: ws.materialize(asset, key),
    "runs": lambda ws, asset, key: ws.runs(asset, key),
    "current_run": lambda ws, asset, key: nbpart.current_run(asset, partition_key=key, workspace=ws.root),
}


@pytest.mark.parametrize("verb", TAKERS)
@pytest.mark.parametrize(
    ("asset", "key"),
    [
        ("named", ["a", "b"]),
        ("named", nbpart.between("a", "b")),
        ("daily", "2024-11"),
        ("hourly", date(2024, 11, 3)),
        ("flights", "2024-11-03"),
    ],
    ids=itertools.count(),
)
def test_where_one_key_is_taken_several_are_refused(ws: nbpart.Workspace, verb: str, asset: str, key: Any) -> None:
    with pytest.raises(PartitionKeyError, match=r"One key is taken here, and .* chooses several"):
        TAKERS[verb](ws, asset, key)


def test_one_key_is_taken_in_every_form(own_ws: nbpart.Workspace) -> None:
    ws = own_ws
    record(ws, "daily", "2024-11-03", {"n": 1})
    record(ws, "flights", "day=2024-11-03,origin=EWR", {"n": 2})
    record(ws, "model", "depth=3,lr=0.1", {"n": 3})
    for key in (date(2024, 11, 3), pd.Timestamp("2024-11-03"), np.datetime64("2024-11-03"), "2024-11-03"):
        assert ws.load("daily", key) == {"n": 1}
        assert len(ws.runs("daily", key)) == 1
    for key in ({"day": date(2024, 11, 3), "origin": "EWR"}, "origin=EWR,day=2024-11-03"):
        assert ws.load("flights", key) == {"n": 2}
    assert ws.load("model", lr=0.1) == ws.load("model", {"lr": 0.1}) == {"n": 3}, "what has a default may be left out"


def test_a_set_says_what_is_chosen_and_removes_it(own_ws: nbpart.Workspace) -> None:
    names, trials = own_ws.partition_sets["names"], own_ws.partition_sets["trials"]
    assert names.choose("b", "a") == names.choose(["a"], "b") == ["a", "b"]
    assert trials.choose(lr=0.1) == ["depth=3,lr=0.1", "depth=4,lr=0.1"]
    assert own_ws.partition_sets["grid"].choose("2024-11-05", {"origin": "JFK"})[-2:] == [
        "day=2024-11-05,origin=EWR", "day=2024-11-05,origin=JFK",
    ]  # fmt: skip
    with pytest.raises(UnknownNameError, match="'names' has no partition 'c'; there is"):
        names.choose("a", "c")
    assert names.remove(nbpart.between("a..b", "a"), "nowhere") == ["a..b", "a"]
    with pytest.raises(UnknownNameError, match="'names' has no partition 'c'"):
        names.remove(nbpart.between("b", "c"))
    assert trials.remove({"lr": [0.1]}) == ["depth=3,lr=0.1", "depth=4,lr=0.1"]
    assert trials.remove(lr=0.1) == []
    assert trials.remove(pd.DataFrame({"lr": [0.2, 0.2], "depth": [3, 4]})) == ["depth=3,lr=0.2", "depth=4,lr=0.2"]
    assert names.remove("b", ["a"]) == ["b"]
    assert list(names) == ODD[:3]
