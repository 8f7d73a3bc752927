"""The partitions of an asset beside each other, best first."""

from __future__ import annotations

import math
from typing import Any

import pytest

import nbpart
from nbpart.errors import DeclarationError, UnknownNameError
from tests.recording import record


def declare(ws: nbpart.Workspace, params: dict[str, Any], metrics: dict[str, Any] | None = None) -> Any:
    trials = ws.dynamic_partitions("trials", params=params)

    @ws.asset(partitions=trials, metrics=metrics)
    def model(run: Any) -> dict[str, int]:
        return {}

    return trials


def test_the_best_is_first_and_starred(ws: nbpart.Workspace) -> None:
    trials = declare(ws, {"lr": float, "seed": int}, {"accuracy": "max", "loss": "min"})
    trials.add_grid(lr=[0.1, 0.2, 0.3, 0.4, 0.5], seed=[0])
    for lr, accuracy, loss in [(0.1, 0.5, 1.0), (0.2, 0.9, 3.0), (0.3, math.nan, 0.0), (0.4, 0.9, 2.0)]:
        record(ws, "model", {"lr": lr, "seed": 0}, accuracy=accuracy, loss=loss, note="a")
    board = ws.compare("model")
    assert board.frame.columns.tolist() == [
        "partition_key", "lr", "accuracy", "loss", "note", "duration_s", "status", "stopped_early", "run_id",
    ]  # fmt: skip
    assert board.frame.lr.tolist() == [0.4, 0.2, 0.1, 0.3, 0.5], "equal ones by the next metric; missing ones last"
    assert board.constant == {"seed": 0}
    assert board.best is not None
    assert board.best.partition_key == "lr=0.4,seed=0"
    assert repr(board) == "<model: 4 of 5 partitions made; best lr=0.4,seed=0>"
    record(ws, "model", {"lr": 0.5, "seed": 0}, accuracy=0.95)
    assert board.best.lr == 0.5, "it follows the catalog"


def test_what_was_stopped_early_is_listed_and_never_best(ws: nbpart.Workspace) -> None:
    trials = declare(ws, {"lr": float}, {"loss": "min"})
    trials.add_grid(lr=[0.1, 0.2, 0.3])
    for lr, loss in [(0.1, 0.2), (0.2, 0.01), (0.3, 0.3)]:
        record(ws, "model", {"lr": lr}, loss=loss)
    ws.project.catalog.write(
        lambda batch: batch.execute(
            "UPDATE materializations SET stopped_early = true WHERE materialization_id = (SELECT materialization_id"
            " FROM metrics WHERE number = 0.01)"
        )
    )
    board = ws.compare("model")
    assert board.frame.loss.tolist() == [0.2, 0.3, 0.01]
    assert board.best is not None
    assert board.best.loss == 0.2
    assert board.frame.stopped_early.tolist() == [False, False, True]


def test_without_a_value_there_is_no_best(ws: nbpart.Workspace) -> None:
    declare(ws, {"lr": float}, {"loss": "min"}).add_grid(lr=[0.1, 0.2])
    board = ws.compare("model")
    assert board.best is None
    record(ws, "model", {"lr": 0.1}, loss=math.nan)
    assert board.best is None
    assert board.frame.lr.tolist() == [0.1, 0.2]


def test_trials_that_lack_a_parameter_have_none_there_and_numbers_stay_numbers(ws: nbpart.Workspace) -> None:
    params = {"kind": nbpart.Param(str | None, default=None), "depth": nbpart.Param(int | None, default=None)}
    trials = declare(ws, params, {"loss": "min"})
    for n, (kind, depth) in enumerate([("tree", 2), ("tree", 10), ("svm", None), (None, None)]):
        trials.add(kind=kind, depth=depth)
        record(ws, "model", {"kind": kind, "depth": depth}, loss=float(n))
    frame = ws.compare("model").frame
    assert frame.depth.isna().tolist() == [False, False, True, True]
    assert sorted(frame.depth.dropna()) == [2, 10]
    assert ws.partition_status("model", where="depth > 1").depth.tolist() == [2, 10]


def test_metrics_can_be_given_to_an_asset_that_declares_none(ws: nbpart.Workspace) -> None:
    trials = declare(ws, {"lr": float})
    trials.add_grid(lr=[0.1, 0.2])
    record(ws, "model", {"lr": 0.1}, loss=0.5, rows=1)
    record(ws, "model", {"lr": 0.2}, loss=0.1, rows=2)
    assert ws.compare("model").frame.lr.tolist() == [0.1, 0.2]
    with pytest.raises(DeclarationError, match="declares no metrics, so none is best"):
        _ = ws.compare("model").best
    assert ws.compare("model", metrics={"loss": "min"}).frame.lr.tolist() == [0.2, 0.1]
    assert ws.compare("model", metrics={"rows": "max"}).frame.lr.tolist() == [0.2, 0.1]
    with pytest.raises(UnknownNameError, match=r"no run of model logged 'los'.*'loss'"):
        ws.compare("model", metrics={"los": "min"})
    with pytest.raises(UnknownNameError, match="no run of model logged 'lr'"):
        ws.compare("model", metrics={"lr": "min"})
    with pytest.raises(DeclarationError, match="'max' or its 'min'"):
        ws.compare("model", metrics={"loss": "down"})


def test_a_source_has_no_board(ws: nbpart.Workspace) -> None:
    ws.source("inbox", "inbox/*")
    with pytest.raises(DeclarationError, match="inbox is a source"):
        ws.compare("inbox")


@pytest.mark.kernel
def test_settings_that_differ_are_columns(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    trials.add_grid(lr=[0.1, 0.2])

    @ws.asset(partitions=trials, metrics={"loss": "min"})
    def model(run: Any, lr: float, epochs: int = 3) -> dict[str, int]:
        run.log(loss=lr * epochs)
        return {}

    ws.backfill("model", keys="lr=0.1", settings={"epochs": 30}).wait(progress=False).raise_for_failures()
    ws.backfill("model", keys="lr=0.2").wait(progress=False).raise_for_failures()
    frame = ws.compare("model").frame
    assert frame.lr.tolist() == [0.2, 0.1]
    assert frame.epochs.tolist()[1] == 30


def test_it_displays_as_a_table_with_the_best_starred_and_nothing_of_it_is_run(ws: nbpart.Workspace) -> None:
    trials = declare(ws, {"name": str, "seed": int}, {"loss": "min"})
    hostile = "<script>alert(1)</script>"
    trials.add_grid(name=["plain", hostile], seed=[7])
    record(ws, "model", {"name": "plain", "seed": 7}, loss=0.5, note=hostile)
    record(ws, "model", {"name": hostile, "seed": 7}, loss=0.25, note="x")
    html = ws.compare("model")._repr_html_()
    assert html.count("★") == 1
    assert html.index("★") < html.index("0.25") < html.index("0.5")
    assert "<script>" not in html
    assert "equal in all: seed=7" in html
    assert "run_id" not in html


def test_an_empty_board_says_so(ws: nbpart.Workspace) -> None:
    declare(ws, {"lr": float}, {"loss": "min"})
    board = ws.compare("model")
    assert len(board.frame) == 0
    assert board.best is None
    assert "has no partitions yet" in board._repr_html_()


@pytest.mark.kernel
def test_a_trial_that_fails_when_it_is_run_again_keeps_its_value_and_its_curves(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    trials.add_grid(lr=[0.1, 0.2])

    @ws.asset(partitions=trials, metrics={"loss": "min"})
    def model(run: Any, lr: float, fails: bool = False) -> dict[str, int]:
        for step in range(3):
            run.log(loss=lr - step * 0.01, step=step)
        if fails:
            raise ValueError("no")
        return {}

    ws.backfill("model").wait(progress=False).raise_for_failures()
    ws.backfill("model", keys="lr=0.1", status="all", settings={"fails": True}).wait(progress=False)
    frame = ws.compare("model").frame
    assert frame.status.tolist() == ["materialized", "failed"], "what failed last stands behind"
    assert [round(value, 2) for value in frame.loss] == [0.18, 0.08], "the data that it has, and its value, stay"
    failed = ws.get_run(frame.run_id[1])
    assert failed.curves.step.tolist() == [0, 1, 2], "a run that failed keeps its curves"
