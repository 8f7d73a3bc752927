"""Pruners: whether a run whose curve is worse than those of others ends early.

Both are Optuna's: a run decides from its own curve and from what others came to, which `Others` holds.
"""

from __future__ import annotations

import ast
import math
from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Literal, get_args

from nbpart.assets.metrics import Direction, Metric
from nbpart.assets.numbers import check_count
from nbpart.errors import DeclarationError
from nbpart.partitions.names import check_identifier


@dataclass(frozen=True, slots=True)
class Others:
    """What the runs beside one came to, as a pruner compares with it.

    ``finished``: how many ended as they should. Each row has a ``place`` (a step, or a rung), the number of the run
    that it is of (0: of many) and a ``value``. ``least``: the first resource, where others decide it; 0 if unknown.
    """

    finished: int = 0
    least: int = 0
    places: array[int] = field(default_factory=lambda: array("q"))
    runs: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))


class OwnCurve:
    """What a run has logged of one metric so far, in the order of its steps: what a pruner asks of it.

    ``rungs``: how many it has passed, of a pruner that has some; each is judged once, with the others of that moment.
    """

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.values: list[float] = []
        self.rungs = 0

    def add(self, step: int, value: float) -> None:
        """Take one more value; of a step that comes again the last one counts."""
        if self.steps and step == self.steps[-1]:
            self.values[-1] = value
        elif self.steps and step < self.steps[-1]:  # another series begins
            self.steps, self.values, self.rungs = [step], [value], 0
        else:
            self.steps.append(step)
            self.values.append(value)

    def value_from(self, step: int) -> float:
        """The first value at a step or after it."""
        return self.values[bisect_right(self.steps, step - 1)]


@dataclass(frozen=True)
class MedianPruner:
    """Ends a run whose best value so far is worse than the median of the others' values at the same step.

    Nothing ends before ``startup_trials`` others have finished, nor before ``warmup_steps``; then it is asked every
    ``interval_steps``. As `optuna.pruners.MedianPruner`.
    """

    metric: str
    direction: Direction | None = None
    startup_trials: int = 5
    warmup_steps: int = 0
    interval_steps: int = 1

    kind: ClassVar[str] = "median_pruner"

    def find_reason(self, curve: OwnCurve, others: Others, run_no: int) -> str | None:
        """Why the run ends early; None where it goes on."""
        if not curve.steps or others.finished < max(self.startup_trials, 1):
            return None
        step = curve.steps[-1]
        begun = (step - self.warmup_steps) // self.interval_steps * self.interval_steps + self.warmup_steps
        before = curve.steps[-2] if len(curve.steps) > 1 else -1
        if step < self.warmup_steps or before >= begun:
            return None
        rule = Metric(self.direction or "min")
        best = rule.choose(curve.values)
        if math.isnan(best):
            return f"{self.metric} is no number up to step {step}"
        place = bisect_right(others.places, step) - 1
        if place < 0 or others.places[place] != step or not rule.is_better(others.values[place], best):
            return None
        median = others.values[place]
        return f"{self.metric} is {best:.6g} at step {step}, the median of {others.finished:,} others {median:.6g}"


@dataclass(frozen=True)
class SuccessiveHalving:
    """Ends a run at each rung where it is not among the best of those that came so far.

    The first rung is at step ``min_resource * reduction_factor ** min_early_stopping_rate``, each next one
    ``reduction_factor`` times later; of each the best ``1 / reduction_factor`` go on. ``min_resource="auto"`` is a
    hundredth of the last step of the runs that have finished. Asynchronous, as `optuna.pruners.SuccessiveHalvingPruner`
    (Li et al., A System for Massively Parallel Hyperparameter Tuning, 2020).
    """

    metric: str
    direction: Direction | None = None
    min_resource: int | Literal["auto"] = "auto"
    reduction_factor: int = 4
    min_early_stopping_rate: int = 0

    kind: ClassVar[str] = "successive_halving"

    def rung_step(self, rung: int, least: int) -> int:
        """The step of a rung, from 0; ``least`` is the first resource."""
        return int(least * self.reduction_factor ** (self.min_early_stopping_rate + rung))

    def find_reason(self, curve: OwnCurve, others: Others, run_no: int) -> str | None:
        """Why the run ends early; None where it goes on."""
        least = others.least if self.min_resource == "auto" else self.min_resource
        if not curve.steps or not least:
            return None
        while (step := self.rung_step(curve.rungs, least)) <= curve.steps[-1]:
            value = curve.value_from(step)
            if math.isnan(value):
                return f"{self.metric} is no number at step {step}"
            rows = zip(others.places, others.runs, others.values, strict=True)
            competing = sorted([value, *(v for place, run, v in rows if place == curve.rungs and run != run_no)])
            if self.direction == "max":
                competing.reverse()
            last = competing[max(len(competing) // self.reduction_factor - 1, 0)]
            if Metric(self.direction or "min").is_better(last, value):
                kept = max(len(competing) // self.reduction_factor, 1)
                return (
                    f"{self.metric} is {value:.6g} at step {step}, not among the best {kept:,} of {len(competing):,}"
                    f" ({last:.6g})"
                )
            curve.rungs += 1
        return None


Pruner = MedianPruner | SuccessiveHalving
_PRUNERS: Mapping[str, type[MedianPruner] | type[SuccessiveHalving]] = {
    one.kind: one for one in (MedianPruner, SuccessiveHalving)
}


def median_pruner(
    metric: str,
    *,
    direction: Direction | None = None,
    startup_trials: int = 5,
    warmup_steps: int = 0,
    interval_steps: int = 1,
) -> MedianPruner:
    """End runs early that are worse than the median of the others at the same step, for ``pruner=`` of a backfill.

    ``metric`` is what they log with a step; which ``direction`` is better says ``metrics=`` of the asset, if not this.
    Nothing ends before ``startup_trials`` others have finished, nor before the step ``warmup_steps``; then it is asked
    at every ``interval_steps``-th. A run ends only where it asks `run.should_stop`. Raises `DeclarationError`.
    As `optuna.pruners.MedianPruner`.
    """
    _check_metric(metric, direction)
    check_count("startup_trials", startup_trials, 0)
    check_count("warmup_steps", warmup_steps, 0)
    check_count("interval_steps", interval_steps, 1)
    return MedianPruner(metric, direction, startup_trials, warmup_steps, interval_steps)


def successive_halving(
    metric: str,
    *,
    direction: Direction | None = None,
    min_resource: int | Literal["auto"] = "auto",
    reduction_factor: int = 4,
    min_early_stopping_rate: int = 0,
) -> SuccessiveHalving:
    """End runs early that are not among the best at steps that grow by a factor, for ``pruner=`` of a backfill.

    At the step ``min_resource``, and at ``reduction_factor`` times that, and so on, the best ``1 / reduction_factor``
    of the runs that came so far go on; ``"auto"`` is a hundredth of the last step of those that have finished, and
    nothing ends before one has. The first ``min_early_stopping_rate`` rungs are left out. ``metric`` and ``direction``
    are as in `median_pruner`. A run ends only where it asks `run.should_stop`. Raises `DeclarationError`.
    As `optuna.pruners.SuccessiveHalvingPruner`.
    """
    _check_metric(metric, direction)
    if min_resource != "auto":
        check_count("min_resource", min_resource, 1)
    check_count("reduction_factor", reduction_factor, 2)
    check_count("min_early_stopping_rate", min_early_stopping_rate, 0)
    return SuccessiveHalving(metric, direction, min_resource, reduction_factor, min_early_stopping_rate)


def pruner_to_json(pruner: Pruner | None) -> dict[str, Any] | None:
    return None if pruner is None else {"kind": pruner.kind, **asdict(pruner)}


def pruner_from_json(data: Mapping[str, Any] | None) -> Pruner | None:
    """Read `pruner_to_json` back."""
    if data is None:
        return None
    values = dict(data)
    return _PRUNERS[values.pop("kind")](**values)


def read_pruner(text: str) -> Pruner:
    """A pruner as a person spells it in a terminal: ``median_pruner("loss", warmup_steps=5)``.

    Raises `DeclarationError`.
    """
    makers: dict[str, Callable[..., Pruner]] = {
        MedianPruner.kind: median_pruner,
        SuccessiveHalving.kind: successive_halving,
    }
    example = 'as in median_pruner("loss", warmup_steps=5)'
    try:
        call = ast.parse(text.strip().removeprefix("nbpart."), mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError(text)
        make = makers[call.func.id]
        positional = [ast.literal_eval(each) for each in call.args]
        named = {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}
    except (SyntaxError, ValueError, KeyError, RecursionError, MemoryError):
        raise DeclarationError(f"{text!r:.80} is no pruner: write {' or '.join(makers)}, {example}.") from None
    try:
        return make(*positional, **named)
    except TypeError as error:
        raise DeclarationError(f"the pruner {text!r:.80} cannot be: {error}; write it {example}.") from None


def give_direction(pruner: Pruner, metrics: Mapping[str, Metric]) -> Pruner | None:
    """The pruner with the direction of its metric as ``metrics=`` of an asset says; None where neither says it."""
    if pruner.direction is not None:
        return pruner
    said = metrics.get(pruner.metric)
    return None if said is None else replace(pruner, direction=said.direction)


def encode_others(others: Others) -> bytes:
    """What others came to, as the small file that runs read."""
    head = array("q", [others.finished, others.least, len(others.values)])
    return b"".join(part.tobytes() for part in (head, others.places, others.runs, others.values))


def decode_others(data: bytes) -> Others:
    """Read `encode_others` back. Raises ValueError for another file."""
    head, places, runs, values = array("q"), array("q"), array("q"), array("d")
    head.frombytes(data[:24])
    finished, least, n = head
    if len(data) != 24 + 24 * n:
        raise ValueError("the file is cut short")
    size = 8 * n
    places.frombytes(data[24 : 24 + size])
    runs.frombytes(data[24 + size : 24 + 2 * size])
    values.frombytes(data[24 + 2 * size :])
    return Others(finished, least, places, runs, values)


def _check_metric(metric: object, direction: object) -> None:
    check_identifier(metric, "metric")
    if direction is not None and direction not in get_args(Direction):
        raise DeclarationError(f"direction is 'max' or 'min', not {direction!r:.60}.")


def sort_rows(rows: Sequence[tuple[int, int, float]]) -> tuple[array[int], array[int], array[float]]:
    """Rows (place, run number, value) as the columns of `Others`, by place."""
    ordered = sorted(rows)
    return (
        array("q", [place for place, _, _ in ordered]),
        array("q", [run for _, run, _ in ordered]),
        array("d", [value for _, _, value in ordered]),
    )
