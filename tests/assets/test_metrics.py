"""What metrics= of an asset says."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart.assets.metrics import Metric, metric, metrics_from_json, metrics_to_json, read_metrics
from nbpart.errors import DeclarationError

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("said", "values", "value"),
    [
        (Metric("min"), [0.3, NAN, 0.2, INF], 0.2),
        (Metric("max"), [0.3, NAN, 0.2], 0.3),
        (Metric("max"), [NAN, -INF], -INF),
        (Metric("min", "last"), [0.1, 0.3], 0.3),
    ],
)
def test_the_value_of_a_curve(said: Metric, values: list[float], value: float) -> None:
    assert said.choose(values) == value


def test_nan_is_never_best() -> None:
    assert math.isnan(Metric("min").choose([NAN, NAN]))
    assert math.isnan(Metric("min", "last").choose([0.1, NAN]))
    assert Metric("max").is_better(-INF, NAN)
    assert not Metric("max").is_better(NAN, -INF)
    assert not Metric("max").is_better(NAN, NAN)


def test_the_first_one_stays_the_first() -> None:
    said = read_metrics("model", {"loss": "min", "accuracy": metric("max", value="last")})
    back = metrics_from_json(json.loads(json.dumps(metrics_to_json(said), sort_keys=True)))
    assert list(back.items()) == [("loss", Metric("min")), ("accuracy", Metric("max", "last"))]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["loss"], "is a dict"),
        ({"loss": "low"}, r"asset 'model', metric 'loss': .* 'max' or its 'min', not at 'low'"),
        ({"a b": "min"}, "no Python identifier"),
        ({"loss": "min", "Loss": "min"}, "twice"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_declared(given: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        nbpart.asset(name="model", metrics=given)(lambda: 1)


def test_a_metric_has_a_best_or_a_last_value() -> None:
    with pytest.raises(DeclarationError, match="'best' or its 'last', not 'mean'"):
        metric("min", value="mean")  # type: ignore[arg-type]


def test_it_is_no_part_of_the_code_version(tmp_path: Path) -> None:
    with nbpart.open(tmp_path) as ws:
        for direction in ("min", "max"):

            @ws.asset(metrics={"loss": direction})
            def model() -> dict[str, int]:
                return {"a": 1}

            if direction == "min":
                ws.materialize("model")
        assert ws.partition_status("model").status.tolist() == ["materialized"]
