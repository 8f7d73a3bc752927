"""What a backfill's monitor shows, from what the catalog tells of it. Plain records, no browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nbpart.catalog import BackfillRecord
from nbpart.catalog.queries.live import BackfillProgress, StepAt
from nbpart.states import (
    CANCELLING,
    LIVE,
    REQUESTED,
    RETRYABLE,
    STEP_ORDER,
    UNFINISHED,
    WITHOUT_OUTCOME,
    RunStatus,
    StepStatus,
)
from nbpart.widgets.payloads import FailureJson, MonitorJson, RunningJson

_S = StepStatus
#: What is said of one that was asked for and has not begun.
WAITING = "not begun: the next tick of any sensor takes it up"
_GOING = (*LIVE, CANCELLING)


@dataclass(frozen=True, slots=True)
class MonitorModel:
    """One look at a backfill. ``rate`` is in steps a second, None where it cannot be told yet."""

    backfill_id: str
    selection: str
    status: str
    where: str
    steps: int
    counts: Mapping[StepStatus, int]
    elapsed_s: float
    rate: float | None
    left_s: float | None
    read_at: datetime
    running: tuple[StepAt, ...]
    failures: tuple[StepAt, ...]

    @property
    def is_going(self) -> bool:
        return self.status in _GOING

    @property
    def is_waiting(self) -> bool:
        """Whether it was asked for and nobody has begun it: it has no steps yet."""
        return self.status == REQUESTED

    @property
    def done(self) -> int:
        """Steps that have an outcome."""
        return sum(self.counts[s] for s in StepStatus if s not in WITHOUT_OUTCOME)

    @property
    def may_cancel(self) -> bool:
        return self.is_waiting or (self.is_going and self.status != CANCELLING)

    @property
    def may_retry(self) -> int:
        """How many steps a retry would run; 0 while it goes on."""
        return 0 if self.is_going else sum(self.counts[s] for s in RETRYABLE)

    @property
    def may_resume(self) -> int:
        """How many steps a resume would run; what is left of one that succeeded are keys that were removed."""
        over = self.is_going or self.status == RunStatus.SUCCEEDED
        return 0 if over else sum(self.counts[s] for s in WITHOUT_OUTCOME)

    def to_json(self, root: Path) -> MonitorJson:
        """As a page takes it; ``root`` makes the paths of notebooks absolute."""
        return {
            "id": self.backfill_id,
            "selection": self.selection,
            "status": self.status,
            "going": self.is_going,
            "waiting": WAITING if self.is_waiting else "",
            "where": self.where,
            "steps": self.steps,
            "done": self.done,
            "counts": [(str(s), self.counts[s]) for s in STEP_ORDER],
            "elapsed_s": round(self.elapsed_s, 1),
            "rate": self.rate and round(self.rate, 4),
            "left_s": self.left_s and round(self.left_s, 1),
            "running": [_running_json(step, self.read_at) for step in self.running],
            "failures": [_failure_json(step, root) for step in self.failures],
            "may": {"cancel": self.may_cancel, "retry_failed": self.may_retry, "resume": self.may_resume},
        }


def build_monitor(progress: BackfillProgress) -> MonitorModel:
    """The look at a backfill that was read."""
    record = progress.record
    counts = {s: progress.counts.get(s.value, 0) for s in StepStatus}
    going = record.status in _GOING
    end = progress.read_at if going else record.changed_at
    rate = compute_rate(progress.finished, progress.window_s) if going and not record.cancelling else None
    to_come = sum(counts[s] for s in UNFINISHED)
    return MonitorModel(
        backfill_id=record.backfill_id,
        selection=record.selection,
        status=CANCELLING if record.cancelling and going else record.status,
        where=describe_place(record),
        steps=record.steps,
        counts=counts,
        elapsed_s=max((end - progress.begun_at).total_seconds(), 0.0),
        rate=rate,
        left_s=to_come / rate if rate and to_come else None,
        read_at=progress.read_at,
        running=progress.running,
        failures=progress.failures,
    )


def compute_rate(finished: int, window_s: float) -> float | None:
    """Steps a second over the window; None where nothing ended in it or it is too short to tell."""
    return finished / window_s if finished and window_s >= 1.0 else None


def changed_fields(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What of the JSON is not as before."""
    return {name: value for name, value in now.items() if name not in before or before[name] != value}


def describe_place(record: BackfillRecord) -> str:
    c = record.coordinator
    return "" if c is None else f"process {c.pid} on {c.host}{f' ({c.purpose})' if c.purpose else ''}"


def _running_json(step: StepAt, now: datetime) -> RunningJson:
    for_s = None if step.at is None else max(round((now - step.at).total_seconds(), 1), 0.0)
    return {"asset": step.asset, "key": step.partition_key, "run": step.run_id, "for_s": for_s}


def _failure_json(step: StepAt, root: Path) -> FailureJson:
    return {
        "asset": step.asset,
        "key": step.partition_key,
        "run": step.run_id,
        "error": step.error[:2_000],
        "notebook": str(root / step.notebook) if step.notebook else None,
        "code": f"ws.get_run({step.run_id!r})" if step.run_id else "",
    }
