"""What became of the trials of a study, as the catalog has it and as Optuna is told."""

from __future__ import annotations

import enum
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.backfill.registry import Node
from nbpart.catalog import Batch, queries
from nbpart.errors import NbpartError
from nbpart.run.curves import load_kept_curves
from nbpart.run.report import RunReport
from nbpart.states import RunStatus
from nbpart.trials.objectives import Objective, read_value

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

log = logging.getLogger("nbpart")

#: So many values of a curve at most are handed to Optuna, which keeps each as an object.
MOST_STEPS = 1_000


class TrialEnd(enum.Enum):
    """How a trial ended."""

    COMPLETE = "complete"
    STOPPED_EARLY = "stopped early"
    FAILED = "failed"


@dataclass(frozen=True)
class TrialOutcome:
    """The end of a trial: the ``values`` of the objectives where it is complete, and its curve of the first one."""

    end: TrialEnd
    values: tuple[float, ...] = ()
    curve: Mapping[int, float] = field(default_factory=dict)
    run_id: str | None = None


FAILED = TrialOutcome(TrialEnd.FAILED)


def read_report(objectives: Sequence[Objective], label: str, report: RunReport, root: Path) -> TrialOutcome:
    """The outcome of a trial from the report of its run.

    Raises `UnknownNameError` and `DeclarationError` as `read_value` does.
    """
    if report.status is not RunStatus.SUCCEEDED:
        return TrialOutcome(TrialEnd.FAILED, run_id=report.run_id)
    if report.stopped_early:
        curve = load_curve(root, report.curves, objectives[0]) if len(objectives) == 1 else {}
        return TrialOutcome(TrialEnd.STOPPED_EARLY, curve=curve, run_id=report.run_id)
    values = tuple(read_value(objective, label, report) for objective in objectives)
    return _complete(values, report.run_id, {})


def load_outcomes(
    batch: Batch,
    root: Path,
    node: Node,
    objectives: Sequence[Objective],
    *,
    with_curves: bool = False,
    key_ids: NDArray[np.int64] | None = None,
) -> dict[str, TrialOutcome]:
    """The outcomes of an asset's partitions by key, the oldest first; of those with some key ids, or of all.

    What has no data and has not failed has none. The curves of what was stopped early are loaded, and ``with_curves``
    those of all.
    """
    frame = queries.partition_status(batch, node.asset_id, key_ids)
    own = [column.name for column in node.partitions.columns] if node.partitions is not None else []
    columns = [_find_column(frame, objective.column(own)) for objective in objectives]
    values = np.column_stack([_to_numbers(frame, column) for column in columns]) if len(frame) else np.empty((0, 1))
    has_curve = frame["stopped_early"].fillna(False).astype(bool) | with_curves
    runs = frame["run_id"].where(has_curve).dropna().tolist() if len(objectives) == 1 else []
    curves = queries.curves_of_runs(batch, runs)
    found: list[tuple[Any, str, TrialOutcome]] = []
    shown = ["partition_key", "status", "stopped_early", "run_id", "materialized_at"]
    for place, (key, status, stopped_early, run_id, made_at) in enumerate(frame[shown].values):
        if not isinstance(run_id, str):
            run_id = None
        if made_at is None or made_at != made_at:
            if status == "failed":
                found.append((math.inf, key, TrialOutcome(TrialEnd.FAILED, run_id=run_id)))
            continue
        curve = load_curve(root, curves.get(run_id or ""), objectives[0])
        end = TrialOutcome(TrialEnd.STOPPED_EARLY, curve=curve, run_id=run_id)
        outcome = end if stopped_early else _complete(tuple(values[place].tolist()), run_id, curve)
        found.append((made_at.timestamp(), key, outcome))
    return {key: outcome for _, key, outcome in sorted(found, key=lambda one: one[0])}


def load_curve(root: Path, path: str | None, objective: Objective) -> dict[int, float]:
    """The last curve of an objective in a run's file of curves, thinned; empty where there is none to read."""
    if path is None or objective.is_fact:
        return {}
    try:
        curves = load_kept_curves(root, path, "a run")
    except (OSError, ValueError, NbpartError) as error:
        log.warning("Optuna is not told the curve of %s: %s", path, error)
        return {}
    steps, values = curves.last_series(objective.metric)
    pairs = [(int(step), float(value)) for step, value in zip(steps, values, strict=True) if step >= 0]
    stride = -(-len(pairs) // MOST_STEPS) or 1
    return dict(pairs[::stride] + pairs[-1:])


def _complete(values: tuple[float, ...], run_id: str | None, curve: Mapping[int, float]) -> TrialOutcome:
    """What came to its end; as failed, as Optuna has it, where a value is nan."""
    if any(math.isnan(value) for value in values):
        return TrialOutcome(TrialEnd.FAILED, run_id=run_id)
    return TrialOutcome(TrialEnd.COMPLETE, values, curve, run_id)


def _find_column(frame: pd.DataFrame, name: str) -> str | None:
    return next((column for column in frame.columns if column.lower() == name.lower()), None)


def _to_numbers(frame: pd.DataFrame, column: str | None) -> NDArray[np.float64]:
    import pandas as pd

    if column is None:
        return np.full(len(frame), np.nan)
    numbers: NDArray[np.float64] = pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return numbers
