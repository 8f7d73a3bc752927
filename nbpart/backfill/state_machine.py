"""The state of a running backfill and all its decisions: events in, instructions out. No I/O, no clock, no threads.

`Runner` carries the instructions out and says by events what came of them. ``now`` is a number of seconds that only
grows; it is the caller's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from nbpart.backfill.claimed_run import ClaimedRun, Claims, OtherRun, gather
from nbpart.backfill.retries import Retries
from nbpart.backfill.schedule import Schedule
from nbpart.run.report import RunReport
from nbpart.states import RunStatus, StepStatus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: How many attempts the pool is given ahead: so many times its workers' number, and so many that a turn is worth it.
AHEAD, LEAST_AHEAD = 2, 12
#: How often runs that another backfill has are looked at, in seconds, and whether somebody asked for the end.
LOOK_EVERY_S = 0.3
CANCELLED = "the backfill was cancelled"
INTERRUPTED = "the backfill was interrupted"


# events


@dataclass(frozen=True)
class AttemptStarted:
    """A worker of the pool has begun an attempt."""

    run_no: int | None
    attempt: int
    started_at: datetime


@dataclass(frozen=True)
class AttemptEnded:
    """What the pool ran has ended; ``reports`` has one for each run that it held, by number."""

    run_no: int | None
    attempt: int
    reports: Mapping[int, RunReport]


@dataclass(frozen=True)
class StepsClaimed:
    """What the catalog made of the steps of a `Turn`; ``retries`` are those of the same turn."""

    claims: Claims
    retries: Sequence[ClaimedRun] = ()


@dataclass(frozen=True)
class FollowedRunEnded:
    """A run that another backfill had has ended."""

    run_no: int
    status: RunStatus


@dataclass(frozen=True)
class CancelRequested:
    """Somebody asked for the end. The runs that go on are stopped, but for ``stops_runs=False``: they have ended."""

    stops_runs: bool = True


@dataclass(frozen=True)
class OutcomesRecorded:
    """The catalog has the final outcomes of these runs."""

    run_nos: Sequence[int]


@dataclass(frozen=True)
class SuccessRefused:
    """A run that had succeeded is recorded as failed: the catalog would not take its outcome."""

    run_no: int
    cause: str


@dataclass(frozen=True)
class OutcomesLost:
    """Nothing of what was not recorded yet will be."""


@dataclass(frozen=True)
class Stopped:
    """Nothing goes on any more; what has no outcome is given this one. Steps stay unfinished where ``interrupted``."""

    status: RunStatus


Event = (
    AttemptStarted
    | AttemptEnded
    | StepsClaimed
    | FollowedRunEnded
    | CancelRequested
    | OutcomesRecorded
    | SuccessRefused
    | OutcomesLost
    | Stopped
)


# instructions


@dataclass(frozen=True)
class RecordStart:
    """Record that an attempt began."""

    run: ClaimedRun
    started_at: datetime


@dataclass(frozen=True)
class RecordOutcome:
    """Record how an attempt ended; ``is_final``: no other follows. Without ``report`` only its ``status`` is known."""

    run: ClaimedRun
    status: RunStatus
    report: RunReport | None = None
    is_final: bool = True


@dataclass(frozen=True)
class RecordSteps:
    """Record what became of steps, and why."""

    steps: Sequence[int] | NDArray[np.int64]
    status: StepStatus
    run_no: int | None
    cause: str


@dataclass(frozen=True)
class Submit:
    """Hand to the pool one attempt of a run, or one attempt for many runs of one asset."""

    runs: Sequence[ClaimedRun]


@dataclass(frozen=True)
class CancelRuns:
    """Stop what the pool has."""


Instruction = RecordStart | RecordOutcome | RecordSteps | Submit | CancelRuns


@dataclass(frozen=True)
class Turn:
    """What the next transaction is about: ``steps`` to claim, ``retries`` to submit once their failure is recorded.

    ``is_time_to_look``: whether to look after runs of other backfills and for a request to cancel.
    """

    steps: Sequence[int] = ()
    retries: Sequence[ClaimedRun] = ()
    is_time_to_look: bool = False


@dataclass(frozen=True)
class Rules:
    """``retries`` more attempts for a run that failed, the next ``backoff(n)`` seconds after the n-th failure."""

    max_workers: int
    retries: int = 0
    is_single_run: bool = False
    backoff: Callable[[int], float] = field(default=lambda failures: 0.0)


class BackfillState:
    """Which steps are claimed, in the pool, waiting for a retry or made by others; see the module."""

    def __init__(self, schedule: Schedule, size: int, rules: Rules) -> None:
        self._schedule, self._size, self._rules = schedule, size, rules
        self._claimed: dict[int, ClaimedRun] = {}  # by run: all that have no final outcome in the catalog
        self._ended: set[int] = set()  # those of them that have one which is to be recorded
        self._in_pool: dict[tuple[int | None, int], Sequence[ClaimedRun]] = {}  # by run and attempt of its first run
        self._retries = Retries(rules.backoff)
        self._followed: dict[int, OtherRun] = {}
        self._looked_at = -math.inf
        self.is_cancelling = False

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to wait for."""
        return not self._schedule.unfinished or (self.is_cancelling and not self._in_pool)

    @property
    def in_pool(self) -> int:
        """How many attempts the pool has."""
        return len(self._in_pool)

    @property
    def most_in_pool(self) -> int:
        """How many attempts the pool is given at most, so that its workers go on while a turn is made."""
        return max(self._rules.max_workers * (1 + AHEAD), LEAST_AHEAD)

    @property
    def followed(self) -> list[int]:
        """The numbers of the runs of other backfills whose end is awaited."""
        return list(self._followed)

    def counts(self) -> Mapping[StepStatus, int]:
        """Steps by status; may be called by another thread."""
        return self._schedule.counts()

    def runs_of(self, run_no: int | None, attempt: int) -> Sequence[ClaimedRun]:
        """The runs that the pool has by this number and attempt; none where it was given none, or they have ended."""
        return self._in_pool.get((run_no, attempt), ())

    def is_queued(self, step: int) -> bool:
        """Whether a step of a `Turn` is still to be claimed."""
        return self._schedule.is_queued(step)

    def plan_turn(self, now: float) -> Turn:
        """What may start now, within the room that the pool has."""
        room = self._size if self._rules.is_single_run else self.most_in_pool - len(self._in_pool)
        retries = [] if self.is_cancelling else self._retries.take_due(room, now)
        steps = [] if self.is_cancelling else self._schedule.take(max(0, room - len(retries)))
        is_time_to_look = now - self._looked_at >= LOOK_EVERY_S
        if is_time_to_look:
            self._looked_at = now
        return Turn(steps, retries, is_time_to_look)

    def idle_s(self, now: float, most: float) -> float:
        """How long nothing can start of itself, in seconds, at most ``most``; 0 while the pool has room for a step."""
        return 0.0 if self._schedule.has_ready else min(most, self._retries.wait_s(now, otherwise=most))

    def handle(self, event: Event, now: float) -> list[Instruction]:
        """Take an event in; what is to be done because of it, in this order."""
        match event:
            case AttemptStarted():
                return list(self._start(event))
            case AttemptEnded():
                runs = self._in_pool.pop((event.run_no, event.attempt), ())
                return [each for run in runs for each in self._end(run, event.reports[run.run_no], now)]
            case StepsClaimed():
                return [*self._take_in(event.claims), *self._submit([*event.retries, *event.claims.runs])]
            case FollowedRunEnded():
                return list(self._end_followed(self._followed.pop(event.run_no), event.status))
            case CancelRequested():
                is_news, self.is_cancelling = not self.is_cancelling, True
                return [CancelRuns()] if is_news and event.stops_runs else []
            case OutcomesRecorded():
                for run_no in event.run_nos:
                    del self._claimed[run_no]
                self._ended.difference_update(event.run_nos)
                return []
            case SuccessRefused():
                return list(self._overturn(self._claimed[event.run_no], event.cause))
            case OutcomesLost():
                self._ended.clear()
                return []
            case Stopped():
                return list(self._stop(event.status))

    def _start(self, event: AttemptStarted) -> Iterator[Instruction]:
        for run in self.runs_of(event.run_no, event.attempt):
            self._schedule.start(run.step)
            yield RecordStart(run, event.started_at)

    def _end(self, run: ClaimedRun, report: RunReport, now: float) -> Iterator[Instruction]:
        failed = report.status is RunStatus.FAILED
        # another attempt would find an input as damaged as this one did
        is_hopeless = any(not fault.fault.says_nothing for fault in report.faults)
        again = failed and run.attempt <= self._rules.retries and not self.is_cancelling and not is_hopeless
        yield RecordOutcome(run, report.status, report, is_final=not again)
        if again:
            self._claimed[run.run_no] = run.next_attempt()
            self._retries.add(self._claimed[run.run_no], now)
            return
        self._ended.add(run.run_no)
        if self.is_cancelling and report.status is RunStatus.CANCELLED:
            self._schedule.drop(run.step)
            yield RecordSteps([run.step], StepStatus.CANCELLED, run.run_no, CANCELLED)
        else:
            yield from self._end_step(run.step, StepStatus(report.status), run.run_no, cause_of(report), run.label)

    def _take_in(self, claims: Claims) -> Iterator[Instruction]:
        for follow in claims.followed:
            self._followed[follow.run_no] = follow
            yield RecordSteps([follow.step], StepStatus.QUEUED, follow.run_no, "another backfill runs it")
        for made in claims.made:
            cause = "another run made it since this was planned"
            yield from self._end_step(made.step, StepStatus.SUCCEEDED, made.run_no, cause, made.label)
        for refused in claims.refused:
            yield from self._end_step(refused.step, refused.status, None, refused.cause, refused.label)
        for step in claims.removed:
            self._schedule.forget(step)
            yield RecordSteps([step], StepStatus.CANCELLED, None, "its key was removed")

    def _submit(self, runs: Sequence[ClaimedRun]) -> Iterator[Instruction]:
        groups: dict[tuple[object, ...], list[ClaimedRun]] = {}
        for run in runs:
            self._claimed[run.run_no] = run
            is_grouped = self._rules.is_single_run and run.key is not None
            groups.setdefault((run.asset, run.attempt) if is_grouped else (run.run_no,), []).append(run)
        for group in groups.values():
            is_grouped = self._rules.is_single_run and group[0].key is not None
            together = gather(group) if is_grouped else group
            self._in_pool[together[0].run_no, together[0].attempt] = together
            yield Submit(together)

    def _end_followed(self, follow: OtherRun, status: RunStatus) -> Iterator[Instruction]:
        if follow.counts_here and status in (RunStatus.SUCCEEDED, RunStatus.FAILED):
            cause = f"{status} in another backfill"
            yield from self._end_step(follow.step, StepStatus(status), follow.run_no, cause, follow.label)
        else:  # it came to nothing elsewhere, or ran with other settings there: now it is ours to run
            self._schedule.put_back(follow.step)
            yield RecordSteps([follow.step], StepStatus.PLANNED, None, "")

    def _end_step(
        self, step: int, status: StepStatus, run_no: int | None, cause: str, label: str
    ) -> Iterator[Instruction]:
        yield RecordSteps([step], status, run_no, cause)
        sentence = f"{label} is {status}" if status is StepStatus.BLOCKED else f"{label} {status}"
        for blocked in self._schedule.finish(step, status):
            yield RecordSteps(blocked, StepStatus.BLOCKED, None, f"{sentence}: {cause}" if cause else sentence)

    def _overturn(self, run: ClaimedRun, cause: str) -> Iterator[Instruction]:
        yield RecordSteps([run.step], StepStatus.FAILED, run.run_no, cause)
        for blocked in self._schedule.overturn(run.step):
            yield RecordSteps(blocked, StepStatus.BLOCKED, None, f"{run.label} {StepStatus.FAILED}: {cause}")

    def _stop(self, status: RunStatus) -> Iterator[Instruction]:
        cause = CANCELLED if status is RunStatus.CANCELLED else INTERRUPTED
        if status is RunStatus.CANCELLED:
            yield RecordSteps(self._schedule.cancel_rest(), StepStatus.CANCELLED, None, cause)
        for run in self._claimed.values():
            if run.run_no not in self._ended:
                self._ended.add(run.run_no)
                yield RecordOutcome(run, status)
                yield RecordSteps([run.step], StepStatus(status), run.run_no, cause)


def cause_of(report: RunReport) -> str:
    """Why a run did not succeed, in a line; "" where it says nothing of it."""
    if not report.error_class:
        return ""
    first_line = (report.error_message or "").strip().partition("\n")[0]
    return f"{report.error_class}: {first_line[:300]}"
