"""What the runs logged that made an input, best first."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from nbpart.assets.metrics import Metric
from nbpart.errors import UnknownNameError, UnsupportedTypeError
from nbpart.run.context import RunContext
from nbpart.run.spec import MANY, InputItem, InputSpec, RunSpec
from tests.run.conftest import make_spec

TRIALS: list[dict[str, Any]] = [
    {"lr": 0.1, "metrics": {"accuracy": 0.5, "loss": 1.0}},
    {"lr": 0.2, "metrics": {"accuracy": math.nan}},
    {"lr": 0.3, "metrics": {"accuracy": 0.9, "loss": 3.0}, "stopped_early": True},
    {"lr": 0.4, "metrics": {"accuracy": 0.5, "loss": 0.5, "kind": "rf"}},
    {"lr": 0.5, "metrics": {}},
    {"lr": 0.6, "metrics": {"accuracy": 0.7, "loss": math.inf}},
]


def read(**values: Any) -> InputSpec:
    items = tuple(
        InputItem(f"lr={one['lr']}", "x", "json", {"lr": one["lr"]}, metrics=one["metrics"],
                  stopped_early=one.get("stopped_early", False))
        for one in TRIALS
    )  # fmt: skip
    return InputSpec("asset", MANY, items, **values)


METRICS = {"accuracy": Metric("max"), "loss": Metric("min")}


def test_the_best_is_first_and_what_was_stopped_or_has_no_value_is_never_best(tmp_path: Path) -> None:
    run = RunContext(make_spec(tmp_path, "r1", inputs={"model": read(metrics=METRICS)}))
    board = run.metrics("model")
    assert board.columns.tolist() == ["partition_key", "lr", "stopped_early", "accuracy", "loss", "kind"]
    assert board.lr.tolist() == [0.6, 0.4, 0.1, 0.2, 0.5, 0.3]
    assert board.kind.tolist()[1] == "rf"
    assert run.metrics().lr.tolist() == board.lr.tolist(), "the only input needs no name"


def test_a_metric_that_is_called_like_a_parameter_is_told_apart(tmp_path: Path) -> None:
    run = RunContext(make_spec(tmp_path, "r1", inputs={"model": read(metrics={"lr": Metric("max")})}))
    assert {"lr", "metric.lr"} <= set(run.metrics("model").columns)


def test_an_asset_that_says_nothing_of_its_metrics_has_no_best(tmp_path: Path) -> None:
    run = RunContext(make_spec(tmp_path, "r1", inputs={"model": read(name="fit")}))
    with pytest.raises(UnsupportedTypeError, match="fit declares no metrics"):
        run.metrics("model")
    with pytest.raises(UnknownNameError, match="model"):
        run.metrics("modal")


@pytest.mark.parametrize("times", [1, 300])
def test_they_come_back_as_the_spec_was_written(tmp_path: Path, times: int) -> None:
    items = read(metrics=METRICS).items * times
    spec = make_spec(tmp_path, "r1", inputs={"model": InputSpec("asset", MANY, items, metrics=METRICS)})
    back = RunSpec.read(spec.write()).inputs["model"]
    assert list(back.metrics.items()) == list(METRICS.items())
    first = [(item.metrics, item.stopped_early) for item in back.items[:6]]
    assert str(first) == str([(item.metrics, item.stopped_early) for item in items[:6]])
