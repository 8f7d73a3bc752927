"""Which way a metric is better, and what of a curve is its value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from nbpart.errors import DeclarationError
from nbpart.partitions.names import check_identifier

Direction = Literal["max", "min"]
CurveValue = Literal["best", "last"]


@dataclass(frozen=True, slots=True)
class Metric:
    """What ``metrics=`` says of one: which ``direction`` is better, and the ``value`` of one that was logged by steps.

    ``value`` is ``"best"`` for the best of all steps, ``"last"`` for that of the last one.
    """

    direction: Direction
    value: CurveValue = "best"

    def choose(self, values: Iterable[float]) -> float:
        """The value of a metric that was logged step by step; nan where each value is."""
        listed = list(values)
        if self.value == "last":
            return listed[-1]
        known = [value for value in listed if not math.isnan(value)]
        return (max if self.direction == "max" else min)(known, default=math.nan)

    def is_better(self, value: float, other: float) -> bool:
        """Whether a value is better than another; nan is better than none, and worse than all."""
        if math.isnan(value) or math.isnan(other):
            return math.isnan(other) and not math.isnan(value)
        return value > other if self.direction == "max" else value < other


def metric(direction: Direction, *, value: CurveValue = "best") -> Metric:
    """A metric of ``metrics=``: which ``direction`` is better, ``"max"`` or ``"min"``.

    Of a metric that was logged by steps its value is the best of them, with ``value="last"`` that of the last step.
    Raises `DeclarationError`.
    """
    if direction not in get_args(Direction):
        raise DeclarationError(f"a metric is better at its 'max' or its 'min', not at {direction!r:.60}.")
    if value not in get_args(CurveValue):
        raise DeclarationError(f"the value of a metric is its 'best' or its 'last', not {value!r:.60}.")
    return Metric(direction, value)


def read_metrics(asset: str, given: Mapping[str, Any] | None) -> dict[str, Metric]:
    """What ``metrics=`` of an asset says, by name; the first one orders. Raises `DeclarationError`."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise DeclarationError(
            f"asset {asset!r}: metrics= is a dict, as in {{'accuracy': 'max', 'loss': 'min'}}, not {given!r:.60}."
        )
    found: dict[str, Metric] = {}
    for name, said in given.items():
        check_identifier(name, "metric")
        if any(other.lower() == name.lower() for other in found):
            raise DeclarationError(f"asset {asset!r}: metrics= names {name!r} twice, without regard to case.")
        try:
            found[name] = said if isinstance(said, Metric) else metric(said)
        except DeclarationError as error:
            raise DeclarationError(f"asset {asset!r}, metric {name!r}: {error}") from None
    return found


def metrics_to_json(metrics: Mapping[str, Metric]) -> list[list[str]]:
    """As JSON that keeps their order."""
    return [[name, metric.direction, metric.value] for name, metric in metrics.items()]


def metrics_from_json(data: Iterable[Any] | None) -> dict[str, Metric]:
    """Read `metrics_to_json` back."""
    return {name: Metric(direction, value) for name, direction, value in data or ()}
