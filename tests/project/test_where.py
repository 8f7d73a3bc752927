"""Plans of what a condition chooses."""

from __future__ import annotations

from typing import Any

import pytest

import nbpart
from nbpart import ConditionError, UnknownNameError
from tests.recording import record


def model(lr: float) -> dict[str, float]:
    return {}


def scored(model: Any) -> dict[str, float]:
    return {}


def region(partition_key: str) -> dict[str, str]:
    return {}


def total() -> dict[str, int]:
    return {}


@pytest.fixture
def ws(ws: nbpart.Workspace) -> nbpart.Workspace:
    trials = ws.dynamic_partitions("trials", params={"lr": float, "depth": int}, columns={"kind": str})
    trials.add_rows(
        [
            {"lr": 0.1, "depth": 3, "kind": "O'Hare -- x"},
            {"lr": 0.2, "depth": 3, "kind": "randomforest and boost"},
            {"lr": 0.3, "depth": 4},
        ]
    )
    ws.asset(model, partitions=trials)
    ws.asset(scored, partitions=trials)
    ws.asset(region, partitions=["north", "south"])
    ws.asset(total)
    return ws


def steps(plan: nbpart.Plan) -> list[tuple[str, str | None]]:
    return list(plan.frame[["asset", "partition_key"]].itertuples(index=False, name=None))


def keys(plan: nbpart.Plan) -> list[str]:
    return [key.removeprefix("depth=").replace(",lr=", " ") for key in plan.frame["partition_key"]]


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ("lr < 0.25", ["3 0.1", "3 0.2"]),
        ("LR < 0.25 and depth = 3 and kind <> 'a'", ["3 0.1", "3 0.2"]),
        ({"depth": 3, "lr": [0.2, 0.3]}, ["3 0.2"]),
        ({"kind": "O'Hare -- x"}, ["3 0.1"]),
        ({"kind": ["O'Hare -- x", None]}, ["3 0.1", "4 0.3"]),
        (("kind = $k or lr > $least", {"k": "O'Hare -- x", "least": 0.25}), ["3 0.1", "4 0.3"]),
        (("lr in $some", {"some": [0.1, 0.3]}), ["3 0.1", "4 0.3"]),
        ("kind = 'randomforest and boost' and lr > -0.6", ["3 0.2"]),
        ("partition_key like '%4%' -- a comment", ["4 0.3"]),
        ("kind is null", ["4 0.3"]),
        ("status = 'missing' and materialized_at is null", ["3 0.1", "3 0.2", "4 0.3"]),
    ],
)
def test_a_condition_chooses_partitions_of_an_asset(ws: nbpart.Workspace, where: Any, chosen: list[str]) -> None:
    assert keys(ws.plan("model", where=where)) == chosen


def test_keys_and_where_both_hold(ws: nbpart.Workspace) -> None:
    assert keys(ws.plan("model", keys={"depth": 3}, where="lr > 0.1")) == ["3 0.2"]
    assert keys(ws.plan("model", keys={"lr": 0.3}, where={"depth": 3})) == []


def test_it_is_asked_of_the_asset_that_is_named_and_the_rest_follows(ws: nbpart.Workspace) -> None:
    record(ws, "scored", ws.partition_sets["trials"][1], {}, points=7)
    plan = ws.plan("+scored", where="points = 7")
    assert steps(plan) == [("model", "depth=3,lr=0.2"), ("scored", "depth=3,lr=0.2")]
    with pytest.raises(UnknownNameError, match=r"model has no column 'points'"):
        ws.plan("model, scored", where="points = 7")


def test_of_a_pattern_the_assets_with_all_columns_are_asked(ws: nbpart.Workspace) -> None:
    plan = ws.plan("*", where="lr > 0.25")
    assert steps(plan) == [("model", "depth=4,lr=0.3"), ("scored", "depth=4,lr=0.3")]
    assert plan.without_columns == ("region", "total")
    assert plan.notes == ("untouched: region, total, which have not all columns of the condition",)
    with pytest.raises(ConditionError, match=r"none of .*model.* has all columns"):
        ws.plan("*", where="lr > 0 and acuracy > 1")


def test_a_condition_on_facts_takes_every_status_and_says_so(ws: nbpart.Workspace) -> None:
    record(ws, "model", ws.partition_sets["trials"][0], {}, accuracy=0.4)
    plan = ws.plan("model", where="accuracy < 0.5")
    assert keys(plan) == ["3 0.1"]
    assert plan.notes == (
        "where= asks what became of partitions, and so those of every status are taken (status='all')",
    )
    assert keys(ws.plan("model", status=["outdated"], where="accuracy < 0.5")) == [], "who says it is obeyed"


def test_an_empty_plan_says_why(ws: nbpart.Workspace) -> None:
    record(ws, "model", ws.partition_sets["trials"][0], {})
    assert ws.plan("model", where="lr = 0.1").notes == ("1 chosen, all up to date: status='all' runs them",)
    assert ws.plan("model", keys={"lr": 0.1}).notes == ("1 chosen, all up to date: status='all' runs them",)
    assert ws.plan("model", status="failed", where="lr < 1").notes == (
        "3 chosen, none of them failed: status='all' runs them",
    )
    assert ws.plan("model", where="lr > 1").notes == ("no partition is chosen by lr > 1",)


def test_a_backfill_takes_it(ws: nbpart.Workspace) -> None:
    assert ws.backfill("model", where="lr > 1").steps().empty


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("lrr < 1", r"'lrr < 1' cannot be asked: model has no column 'lrr', at character 1. Did you mean 'lr'\?"),
        ("depth = 3 and lrr < 1", r"no column 'lrr', at character 15: 'lrr < 1'. Did you mean 'lr'\?"),
        ({"lrr": 1}, r"no column 'lrr'.*Did you mean 'lr'\?"),
    ],
)
def test_an_unknown_column_is_named_with_the_nearest(ws: nbpart.Workspace, where: Any, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        ws.plan("model", where=where)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("depth = 3 and\n lr < 'abc'", r"'abc'.* to DOUBLE, at character 21: \"'abc'\""),
        ("depth > date '2024-01-01'", "BIGINT and type DATE"),
        ("kind = 5", "kind has texts, which are no numbers: write '5', at character 1"),
        ("depth = 3 and kind between 1 and 2", "kind has texts, which are no numbers: write '1', at character 15"),
        ("lr", "lr has numbers, which are no condition"),
        (
            "depth = 3 and not kind",
            "kind has texts, which are no condition: compare it with something, at character 19",
        ),
        ("1", "a number is no condition"),
        ("", "where='' is no condition"),
        ({}, "where={} is no condition"),
        (3, "where=3 is no condition"),
        ({"lr": object()}, "nothing can be compared with"),
        ("kind = $k", r"nothing was given for \$k: give its value, where=\(text, {'k': ...}\)"),
        ("kind = ?", r"nothing was given for \?: name it, as \$k"),
        (("lr = 1", {"k": 1}), r"a value was given for \$k, which it does not hold"),
        ("lr < 1 limit 1", "only a condition can stand there"),
        ("status = 'Failed'", r"status is never 'Failed', at character 10: .* Did you mean 'failed'\?"),
        (
            "lr < 1 and status not in ('stale', 'outdated')",
            "status is never 'outdated', at character 36: .* There is 'failed'",
        ),
        ({"status": ["failed", "mising"]}, "status is never 'mising'. Did you mean 'missing'"),
        (
            ("'fail' <> status or $s = status", {"s": "stale"}),
            "status is never 'fail', at character 1. Did you mean 'failed'",
        ),
        ("lr <", "syntax error"),
        ("kind ~ 'a'", "write regexp_matches"),
        ("materialized_at < current_timestamp", r"write now\(\)"),
    ],
)
def test_what_cannot_be_asked_is_said_with_its_place(ws: nbpart.Workspace, where: Any, message: str) -> None:
    with pytest.raises(ConditionError, match=message) as raised:
        ws.plan("model", where=where)
    assert "\n" not in str(raised.value)
