"""Which partitions of an asset start first."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbpart
from nbpart import DeclarationError, UnknownNameError
from nbpart.run.spec import RunSpec
from tests.backfill.pools import Stage
from tests.recording import record

LRS = {"a": 0.3, "b": 0.1, "c": 0.3, "d": 0.2}
KINDS = {"a": "x", "b": None, "c": "y", "d": "x"}


def model(kind: str, slow: bool = False) -> dict[str, float]:
    return {}


def scored(model: Any) -> dict[str, float]:
    return {}


def region(partition_key: str) -> dict[str, str]:
    return {}


def total(scored: Any) -> dict[str, int]:
    return {}


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def ws(project: Path, stage: Stage) -> Iterator[nbpart.Workspace]:
    with nbpart.open("workspace") as workspace:
        workspace.project.make_pool = stage.make_pool
        trials = workspace.dynamic_partitions("trials", columns={"lr": float, "kind": str})
        trials.add_rows([{"key": key, "lr": LRS[key], "kind": KINDS[key]} for key in LRS], key="key")
        for function in (model, scored):
            workspace.asset(function, partitions=trials)
        workspace.asset(region, partitions=["north", "south"])
        workspace.asset(total)
        yield workspace


def keys(plan: nbpart.Plan, asset: str = "model") -> str:
    frame = plan.frame
    return "".join(frame.loc[frame["asset"] == asset, "partition_key"])


@pytest.mark.parametrize(
    ("order", "first"),
    [
        (None, "abcd"),
        ("oldest", "abcd"),
        ("newest", "dcba"),
        ("lr", "bdac"),
        ("lr desc", "acdb"),
        ("LR DESC, partition_key desc", "cadb"),
        ("kind", "adcb"),
        ("kind desc", "cadb"),
        ("kind, lr", "dacb"),
        ('"kind" desc, lr asc', "cdab"),
    ],
)
def test_a_plan_shows_first_what_starts_first(ws: nbpart.Workspace, order: str | None, first: str) -> None:
    plan = ws.plan("model+", order=order)
    assert [keys(plan, asset) for asset in ("model", "scored")] == [first, first]
    assert "".join(plan.head(3)["partition_key"]) == first[:3]
    assert plan.assets == ("model", "scored", "total")
    assert plan.order == (order or "oldest")


def test_what_became_of_partitions_orders_them_and_nan_comes_last_either_way(ws: nbpart.Workspace) -> None:
    for key, loss in {"a": 2.0, "b": math.nan, "c": 1.0}.items():
        record(ws, "model", key, loss=loss)
    for order, first in (("loss", "cabd"), ("loss desc", "acbd"), ("metric.loss desc", "acbd"), ("status", "abcd")):
        assert keys(ws.plan("model", status="all", order=order)) == first
    assert keys(ws.plan("model", status="all", order="status desc, loss")) == "dcab"
    assert keys(ws.plan("model", where="loss > 0", order="loss")) == "ca"


@given(terms=st.lists(st.tuples(st.sampled_from(["lr", "kind", "partition_key"]), st.booleans()), min_size=1))
@settings(max_examples=25)
def test_an_order_by_columns_is_that_of_sorting_by_each_from_the_last(
    tables: nbpart.Workspace, terms: list[tuple[str, bool]]
) -> None:
    values = {"lr": LRS, "kind": KINDS, "partition_key": {key: key for key in LRS}}
    expected = list(LRS)
    for name, is_descending in reversed(terms):
        known = [key for key in expected if values[name][key] is not None]
        known.sort(key=values[name].__getitem__, reverse=is_descending)
        expected = known + [key for key in expected if values[name][key] is None]
    order = ", ".join(f"{name} desc" if is_descending else name for name, is_descending in terms)
    assert keys(tables.plan("model", order=order)) == "".join(expected)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[nbpart.Workspace]:
    with nbpart.open(tmp_path_factory.mktemp("orders") / "workspace") as workspace:
        trials = workspace.dynamic_partitions("trials", columns={"lr": float, "kind": str})
        trials.add_rows([{"key": key, "lr": LRS[key], "kind": KINDS[key]} for key in LRS], key="key")
        workspace.asset(model, partitions=trials)
        yield workspace


def test_keys_start_as_they_were_listed(ws: nbpart.Workspace) -> None:
    assert keys(ws.plan("model", keys=["c", "a", "d", "c"], order="as_listed")) == "cad"
    assert keys(ws.plan("model", keys=["c", nbpart.between("a", "d")], order="as_listed")) == "cabd"
    assert keys(ws.plan("model", keys=pd.DataFrame({"partition_key": ["d", "b"]}), order="as_listed")) == "db"
    both = ws.plan("model+1", keys=["c", "a"], order="as_listed")
    assert [keys(both, asset) for asset in ("model", "scored")] == ["ca", "ca"]
    grid = ws.dynamic_partitions("grid", params={"n": int, "m": int})
    grid.add_grid(n=[1, 2], m=[1, 2])
    ws.asset(partitions=grid)(cell)
    listed = [{"n": 2, "m": 2}, "m=1,n=2", {"n": 1, "m": 1}, {"m": 2}]
    found = ws.plan("cell", keys=listed, order="as_listed").frame["partition_key"]
    assert found.tolist() == ["m=2,n=2", "m=1,n=2", "m=1,n=1", "m=2,n=1"]
    days = ws.partitions(nbpart.DailyPartitions("days", start="2026-01-01", end="2026-01-09"))
    ws.asset(partitions=days)(daily)
    listed = [pd.Timestamp("2026-01-05"), "2026-01-02", nbpart.between("2026-01-01", "2026-01-03")]
    found = ws.plan("daily", keys=listed, order="as_listed").frame["partition_key"]
    assert [key[-1] for key in found] == ["5", "2", "1", "3"]


def cell(n: int, m: int) -> dict[str, int]:
    return {}


def daily(partition_key: str) -> dict[str, str]:
    return {}


@pytest.mark.parametrize("chosen", [None, "a", nbpart.between("a", "c"), {"a", "b"}])
def test_the_order_of_a_list_needs_a_list(ws: nbpart.Workspace, chosen: Any) -> None:
    with pytest.raises(DeclarationError, match=r"order='as_listed' is the order of a list of keys.*give keys=\[...\]"):
        ws.plan("model", keys=chosen, order="as_listed")


def test_a_named_asset_has_the_columns_and_others_keep_the_order_of_their_set(ws: nbpart.Workspace) -> None:
    plan = ws.plan("*", order="lr desc")
    assert (keys(plan), keys(plan, "scored"), keys(plan, "region")) == ("acdb", "acdb", "northsouth")
    assert plan.notes == ("in the order of its set: region, which has not all columns of order='lr desc'",)
    assert keys(ws.plan(["model", "total"], order="lr desc")) == "acdb", "one partition has no order"
    refused = {
        ("model, region", "lr desc"): "region has no column 'lr' to order by; there is",
        ("model", "lrr"): "model has no column 'lrr' to order by; did you mean 'lr'?",
        ("model", "kind, lrr desc"): "model has no column 'lrr' to order by; did you mean 'lr'?",
        ("region", "oldst"): "region has no column 'oldst' to order by; did you mean 'oldest'?",
        ("*", "knd"): "none of model, region, scored has a column 'knd' to order by; did you mean 'kind'?",
        ("total", "lr"): "total has no column 'lr' to order by; there is",
    }
    for (selection, order), message in refused.items():
        with pytest.raises(UnknownNameError) as error:
            ws.plan(selection, order=order)
        assert message in str(error.value)
        with pytest.raises(UnknownNameError):
            ws.plan(selection).run(order=order)
    assert not ws.backfills


def test_runs_start_in_the_order_of_the_plan_and_are_tried_again_in_it(ws: nbpart.Workspace, stage: Stage) -> None:
    stage.answer = lambda spec: ValueError("no") if spec.partition_key in "ad" else "fine"
    backfill = ws.backfill("model+1", max_workers=1, order="lr desc").wait(progress=False)
    assert "".join(backfill.steps()["partition_key"]) == "acdb" * 2, "steps are recorded as they start"
    assert started(stage) == "acdb"
    ws.partitions("trials").add_rows([{"key": "d", "lr": 9.0}], key="key")
    for options, again in (
        ({}, "ad"),
        ({"order": "newest"}, "da"),
        ({"order": "lr desc"}, "da"),
        ({"order": None}, "ad"),
    ):
        backfill.retry_failed(**options).wait(progress=False)
        assert started(stage) == again, options
    for wrong, message in (("as_listed", "none is given"), ("lrr", "did you mean 'lr'"), ("lr down", "is none: give")):
        with pytest.raises((DeclarationError, UnknownNameError), match=message):
            backfill.retry_failed(order=wrong)


@pytest.mark.parametrize(
    ("order", "options", "rest"),
    [("lr desc", {}, "acdb"), ("newest", {}, "dcba"), ("as_listed", {"order": "as_listed"}, "bdca"),
     ("newest", {"order": "newest"}, "dcba"), ("as_listed", {"order": "lr"}, "bdac")],
)  # fmt: skip
def test_a_resumed_backfill_goes_on_as_its_plan_has_it(
    ws: nbpart.Workspace, stage: Stage, order: str, options: dict[str, str], rest: str
) -> None:
    began = threading.Event()

    def hold(spec: RunSpec) -> None:
        began.set()

    stage.answer = hold
    backfill = ws.backfill("model", keys=list("bdca"), max_workers=1, order=order)
    assert began.wait(60)
    backfill.cancel()
    stage.started.clear()
    stage.answer = lambda spec: "fine"
    ws.partitions("trials").add_rows([{"key": "c", "kind": "z"}], key="key")
    backfill.resume(**options).wait(progress=False).raise_for_failures()
    assert started(stage) == rest


def test_what_reads_its_own_other_partitions_runs_after_them_in_any_order(ws: nbpart.Workspace, stage: Stage) -> None:
    days = ws.partitions(nbpart.DailyPartitions("days", start="2026-01-01", end="2026-01-06"))
    ws.asset(partitions=days)(daily)
    ws.asset(partitions=days, deps={"daily": nbpart.overlap(start=-1), "before": nbpart.previous(of="running")})(
        running
    )
    plan = ws.plan("+running", order="newest")
    assert [key[-1] for key in plan.frame["partition_key"]] == list("54321") * 2
    plan.run(max_workers=1).wait(progress=False).raise_for_failures()
    assert [key[-1] for asset, key in stage.names() if asset == "daily"] == list("54321")
    assert [key[-1] for asset, key in stage.names() if asset == "running"] == list("12345")


def running(daily: Any, before: Any) -> dict[str, str]:
    return {}


def started(stage: Stage) -> str:
    """The keys of model whose runs started since this was asked last."""
    found = "".join(str(key) for asset, key in stage.names() if asset == "model")
    stage.started.clear()
    return found
