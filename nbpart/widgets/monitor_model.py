"""What the monitor of a backfill shows, as plain records computed from the catalog's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nbpart.catalog import BackfillRecord
from nbpart.catalog.queries.live import BackfillProgress, StepAttempt
from nbpart.states import (
    LIVE_BACKFILL,
    RETRYABLE,
    STEP_ORDER,
    UNFINISHED,
    WITHOUT_OUTCOME,
    BackfillStatus,
    RunStatus,
    StepStatus,
)
from nbpart.widgets.payloads import FailureJson, MonitorJson, RunningJson

_S = StepStatus
#: Shown for a backfill that was requested and that no process has started yet.
NOT_BEGUN = "not begun: the next tick of any sensor takes it up"


@dataclass(frozen=True, slots=True)
class MonitorModel:
    """The state of a backfill at ``read_at``.

    ``process`` describes the process that runs it, or is "". ``steps`` is the number of its steps, ``counts`` how many
    of them have each status. ``steps_per_s`` and ``remaining_s`` are estimates from the steps that ended lately, None
    where there are none. ``running`` and ``failures`` are some of its steps, the newest first, ``unsound`` is how many
    partitions it made that do not pass a check.
    """

    backfill_id: str
    selection: str
    status: str
    process: str
    steps: int
    counts: Mapping[StepStatus, int]
    elapsed_s: float
    steps_per_s: float | None
    remaining_s: float | None
    read_at: datetime
    running: tuple[StepAttempt, ...]
    failures: tuple[StepAttempt, ...]
    unsound: int = 0

    @property
    def is_active(self) -> bool:
        """Whether it is queued, running or being cancelled."""
        return self.status in LIVE_BACKFILL

    @property
    def is_requested(self) -> bool:
        """Whether it was requested and not started yet, and so has no steps."""
        return self.status == BackfillStatus.REQUESTED

    @property
    def done(self) -> int:
        """Steps that have an outcome."""
        return sum(self.counts[s] for s in StepStatus if s not in WITHOUT_OUTCOME)

    @property
    def can_cancel(self) -> bool:
        """Whether it can be cancelled and was not yet."""
        return self.is_requested or (self.is_active and self.status != BackfillStatus.CANCELLING)

    @property
    def n_retryable(self) -> int:
        """How many steps a retry would run; 0 while it is active."""
        return 0 if self.is_active else sum(self.counts[s] for s in RETRYABLE)

    @property
    def n_resumable(self) -> int:
        """How many steps a resume would run; 0 while it is active, or if it succeeded.

        Steps without outcome of a backfill that succeeded are of keys that were removed.
        """
        nothing_to_run = self.is_active or self.status == RunStatus.SUCCEEDED
        return 0 if nothing_to_run else sum(self.counts[s] for s in WITHOUT_OUTCOME)

    def to_json(self, root: Path) -> MonitorJson:
        """Return it as it is sent to pages; ``root`` is the workspace's folder, to which paths are relative."""
        return {
            "id": self.backfill_id,
            "selection": self.selection,
            "status": self.status,
            "is_active": self.is_active,
            "waiting_for": NOT_BEGUN if self.is_requested else "",
            "process": self.process,
            "steps": self.steps,
            "done": self.done,
            "counts": [(str(s), self.counts[s]) for s in STEP_ORDER],
            "elapsed_s": round(self.elapsed_s, 1),
            "steps_per_s": self.steps_per_s and round(self.steps_per_s, 4),
            "remaining_s": self.remaining_s and round(self.remaining_s, 1),
            "running": [_running_json(step, self.read_at) for step in self.running],
            "failures": [_failure_json(step, root) for step in self.failures],
            "unsound": self.unsound,
            "allowed": {"cancel": self.can_cancel, "retry_failed": self.n_retryable, "resume": self.n_resumable},
        }


def build_monitor(progress: BackfillProgress) -> MonitorModel:
    """Return the model of a backfill from its record and progress."""
    record = progress.record
    counts = {s: progress.counts.get(s.value, 0) for s in StepStatus}
    is_active = record.status in LIVE_BACKFILL
    end = progress.read_at if is_active else record.changed_at
    is_proceeding = is_active and not record.cancelling
    steps_per_s = compute_steps_per_s(progress.finished, progress.window_s) if is_proceeding else None
    to_come = sum(counts[s] for s in UNFINISHED)
    return MonitorModel(
        backfill_id=record.backfill_id,
        selection=record.selection,
        status=BackfillStatus.CANCELLING if record.cancelling and is_active else record.status,
        process=describe_process(record),
        steps=sum(counts.values()),
        counts=counts,
        elapsed_s=max((end - progress.begun_at).total_seconds(), 0.0),
        steps_per_s=steps_per_s,
        remaining_s=to_come / steps_per_s if steps_per_s and to_come else None,
        read_at=progress.read_at,
        running=progress.running,
        failures=progress.failures,
        unsound=progress.unsound,
    )


def compute_steps_per_s(finished: int, window_s: float) -> float | None:
    """How many steps ended per second in a window of ``window_s`` seconds; None if none did, or if it is below 1 s."""
    return finished / window_s if finished and window_s >= 1.0 else None


def changed_fields(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of ``now`` that are missing or different in ``before``."""
    return {name: value for name, value in now.items() if name not in before or before[name] != value}


def describe_process(record: BackfillRecord) -> str:
    """The process that runs a backfill, such as "process 42 on host (a notebook)"; "" if none does."""
    c = record.coordinator
    return "" if c is None else f"process {c.pid} on {c.host}{f' ({c.purpose})' if c.purpose else ''}"


def _running_json(step: StepAttempt, now: datetime) -> RunningJson:
    running_s = None if step.at is None else max(round((now - step.at).total_seconds(), 1), 0.0)
    return {"asset": step.asset, "key": step.partition_key, "run_id": step.run_id, "running_s": running_s}


def _failure_json(step: StepAttempt, root: Path) -> FailureJson:
    return {
        "asset": step.asset,
        "key": step.partition_key,
        "run_id": step.run_id,
        "error": step.error[:2_000],
        "notebook": str(root / step.notebook) if step.notebook else None,
        "code": f"ws.get_run({step.run_id!r})" if step.run_id else "",
    }
