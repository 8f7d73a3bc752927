"""The objectives of a study: metrics, or how long a run took, and which way each is better."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from nbpart.assets.metrics import Direction
from nbpart.backfill.registry import Node
from nbpart.errors import DeclarationError, UnknownNameError, nearest
from nbpart.partitions.names import METRIC, metric_column
from nbpart.run.report import RunReport

#: What every run has beside its metrics.
Fact = Literal["duration_s", "rows", "bytes"]
_FACTS = get_args(Fact)


@dataclass(frozen=True)
class Objective:
    """One objective: the name of a metric or one of ``duration_s``, ``rows`` and ``bytes``, and which way is better."""

    name: str
    direction: Direction

    @property
    def is_fact(self) -> bool:
        """Whether it is no metric, but what every run has."""
        return self.name in _FACTS

    @property
    def metric(self) -> str:
        """The name of the metric, where it is one."""
        return self.name.removeprefix(METRIC)

    def column(self, taken: Iterable[str]) -> str:
        """Its column in the table of partitions, in which those of the set are ``taken``."""
        return self.name if self.is_fact else metric_column(self.metric, {name.lower() for name in taken})


def read_objectives(node: Node, objective: Any, objectives: Any) -> tuple[Objective, ...]:
    """The objectives of a study of an asset, of which one or several are given.

    Directions that are left out are those of the asset's ``metrics=``. Raises `DeclarationError`.
    """
    if (objective is None) == (objectives is None):
        raise DeclarationError(
            "a study has one objective='accuracy', or several objectives={'accuracy': 'max', 'duration_s': 'min'}."
        )
    given = {objective: None} if objectives is None else objectives
    if not isinstance(given, Mapping):
        names = [given] if isinstance(given, str) else list(given)
        given = dict.fromkeys(names)
    if not given:
        raise DeclarationError("objectives={} names none: a study needs at least one.")
    return tuple(_read_objective(node, name, direction) for name, direction in given.items())


def _read_objective(node: Node, name: Any, direction: Any) -> Objective:
    if not isinstance(name, str):
        raise DeclarationError(f"an objective is the name of a metric, not {name!r:.60}.")
    metrics = {one.lower(): metric.direction for one, metric in node.definition.metrics.items()}
    if direction is None:
        direction = metrics.get(name.removeprefix(METRIC).lower(), "min" if name == "duration_s" else None)
    if direction is None:
        raise DeclarationError(
            f"metrics= of {node.name} does not say which way {name!r} is better; "
            f"{nearest(name, node.definition.metrics)} Declare metrics={{{name!r}: 'max'}}, or give "
            f"objectives={{{name!r}: 'max'}}."
        )
    if direction not in get_args(Direction):
        raise DeclarationError(f"the objective {name!r} is better at its 'max' or its 'min', not at {direction!r:.60}.")
    return Objective(name, direction)


def read_value(objective: Objective, label: str, report: RunReport) -> float:
    """The value of an objective in the report of a run; nan where the run logged nan.

    Raises `UnknownNameError` where it logged no such metric, `DeclarationError` where that is a text.
    """
    if objective.is_fact:
        main = report.main_file
        facts = {"duration_s": report.duration_s, "rows": main and main.rows, "bytes": report.bytes}
        return _to_number(objective, label, facts[objective.name])
    folded = objective.metric.lower()
    found = [value for name, value in report.metrics.items() if name.lower() == folded]
    if not found:
        raise UnknownNameError(
            f"{label} logged no {objective.metric!r}, which is an objective of its study; "
            f"{nearest(objective.metric, report.metrics)}"
        )
    return _to_number(objective, label, found[0])


def _to_number(objective: Objective, label: str, value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str):
        raise DeclarationError(
            f"{objective.name} of {label} is the text {value!r:.60}, and an objective is a number: log a number."
        )
    return float(value)


def check_logged(node: Node, objectives: Iterable[Objective], columns: Iterable[str], texts: Iterable[str]) -> None:
    """Raise where runs logged metrics, but none an objective that is not declared either, or only as text.

    ``columns`` are those of the metrics that runs of the asset logged, ``texts`` those of them that hold texts.
    """
    known, of_text = {one.lower(): one for one in columns}, {one.lower() for one in texts}
    own = [column.name for column in node.partitions.columns] if node.partitions is not None else []
    for objective in objectives:
        column = objective.column(own).lower()
        if objective.is_fact or not known or objective.metric in node.definition.metrics:
            continue
        if column not in known:
            raise UnknownNameError(f"no run of {node.name} logged {objective.metric!r}; {nearest(column, known)}")
        if column in of_text:
            raise DeclarationError(
                f"{objective.metric} of {node.name} is a text, and an objective is a number: log a number."
            )
