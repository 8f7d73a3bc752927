"""Pruning: old files go, current ones only where a person says so, and then the partition stays materialized."""

from __future__ import annotations

import logging

import pytest

import nbpart
from nbpart.backfill.inputs import resolve_inputs
from nbpart.catalog import Batch
from nbpart.catalog.check import check
from nbpart.errors import DeclarationError, MissingInputError
from nbpart.project.data import find_key_id
from tests.recording import record


@pytest.fixture
def made(ws: nbpart.Workspace) -> nbpart.Workspace:
    """`a` of x, y; `b` reads it; both made; `c`, which reads both, is new."""
    keys = ws.dynamic_partitions("keys")
    keys.add("x", "y")

    @ws.asset(partitions=keys)
    def a(partition_key: str) -> dict[str, int]: ...

    @ws.asset(partitions=keys)
    def b(a: dict[str, int]) -> dict[str, int]: ...

    @ws.asset(partitions=keys)
    def c(a: dict[str, int], b: dict[str, int]) -> dict[str, int]: ...

    for key in ("x", "y"):
        record(ws, "a", key, {"n": 1})
        record(ws, "b", key, {"n": 2})
    return ws


def statuses(ws: nbpart.Workspace, asset: str) -> str:
    assert not ws.project.catalog.read(check)
    return " ".join(ws.partition_status(asset)["status"])


def steps(plan: nbpart.Plan) -> list[tuple[str, str]]:
    return [(row.asset, row.partition_key) for row in plan.frame.itertuples()]


def test_what_is_pruned_stays_materialized_and_comes_again_where_it_is_needed(
    made: nbpart.Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    """D2 of the field."""
    assert len(made.prune(0, "a", keys="x", dry_run=True)) == 1
    assert (made.load("a", "x"), statuses(made, "a")) == ({"n": 1}, "materialized materialized")
    with caplog.at_level(logging.INFO, "nbpart"):
        assert len(made.prune(0, "a", keys="x", reason="room")) == 1
    assert "pruned 1 partition of a" in caplog.text
    assert (statuses(made, "a"), statuses(made, "b")) == ("materialized materialized", "materialized materialized")
    assert list(made.history("a", "x")["event"]) == ["pruned", "succeeded"]
    with pytest.raises(MissingInputError, match=r"the data of a/x is gone \(pruned on .*: room\)"):
        made.load("a", "x")
    assert list(made.table("a").df()["partition_key"]) == ["y"]
    assert made.check_data().empty

    plan = made.plan("c")
    assert steps(plan) == [("c", "x"), ("c", "y")]
    [line] = [line for line in plan.reads if "pruned" in line]
    assert line.startswith("a/x is needed and was pruned on ")
    assert line.endswith(": room: add + before the name to make it again")
    assert steps(made.plan("a")) == []
    plan = made.plan("+c")
    assert steps(plan) == [("a", "x"), ("c", "x"), ("c", "y")]
    assert plan.frame["reason"].iloc[0] == "pruned, and read by what this plan makes"
    registry = made.project.registry()

    def refuse(batch: Batch) -> str | None:
        key_id = find_key_id(batch, registry["c"], "x")
        return resolve_inputs(batch, made.root, registry, registry["c"], {key_id: "x"})[key_id].blocking_cause

    cause = str(made.project.catalog.read(refuse))
    assert cause.startswith("needs a/x, which was pruned on ")
    assert cause.endswith("; add + before the name to make it again")
    why = repr(made.why("a", "x"))
    assert why.startswith("a[x] is materialized: its data were pruned on ")
    assert why.endswith(": room; status='all' makes it again")
    assert steps(made.plan("a", keys="x", status="all")) == [("a", "x")]
    assert made.why("a", "x").frame["cause"].tolist() == ["pruned"]
    assert repr(made.why("a", "y")).startswith("a[y] is materialized: made "), "only what was pruned says so"
    with pytest.raises(MissingInputError, match=r"needs a/x, which was pruned.* as in ws.backfill\('\+c', keys='x'\)"):
        made.materialize("c", "x")

    record(made, "a", "x", {"n": 1})
    assert (statuses(made, "a"), statuses(made, "b")) == ("materialized materialized", "materialized materialized")
    made.prune(0, "a", keys="x")
    record(made, "a", "x", {"n": 3})
    assert statuses(made, "b") == "stale materialized"


def test_a_pruned_partition_is_wiped_but_not_accepted(made: nbpart.Workspace) -> None:
    made.prune(0, "a", keys="x")

    @made.asset(partitions=made.partition_sets["keys"])
    def a(partition_key: str) -> dict[str, int]:
        return {"n": 7}

    with pytest.raises(MissingInputError, match=r"the data of a/x was pruned on .*: run it again"):
        made.accept("a", keys="x")
    assert made.wipe("a", keys="x").count == 1
    assert statuses(made, "a") == "missing stale"


def test_wiped_files_go_with_the_next_prune_and_accepted_ones_stay(made: nbpart.Workspace) -> None:
    made.wipe("a")
    made.accept("a", keys="x")
    made.wipe("b", keys="x")
    files = made.prune()["path"].tolist()
    assert sorted(path.split("/")[1:3] for path in files) == [["a", "y"], ["b", "x"]]
    assert made.load("a", "x") == {"n": 1}
    with pytest.raises(MissingInputError, match="a/y are gone"):
        made.accept("a", keys="y")


def test_verbs_take_a_condition(made: nbpart.Workspace) -> None:
    assert made.wipe("a", where="partition_key = 'x'").count == 1
    assert made.accept("a", where="status = 'missing'").count == 1
    assert len(made.prune(0, where="partition_key = 'y'")) == 2
    assert list(made.history("b", "y")["event"]) == ["pruned", "succeeded"]
    assert statuses(made, "a") == "materialized materialized"


def test_all_current_data_are_not_pruned_at_once(made: nbpart.Workspace) -> None:
    with pytest.raises(DeclarationError, match=r"prune\(keep=0\) would delete all data"):
        made.prune(0)
    with pytest.raises(DeclarationError, match="keep"):
        made.prune(-1)
