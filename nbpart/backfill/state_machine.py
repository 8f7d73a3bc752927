"""The state of a running backfill and all its decisions: events in, instructions out. No I/O, no clock, no threads.

`Runner` carries the instructions out and reports by events what happened. ``now`` is a number of seconds that only
grows, passed by the caller.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from nbpart.backfill.claimed_run import ClaimedRun, ClaimResults, OtherRun, combine_runs
from nbpart.backfill.error_place import ErrorPlace, find_error_place
from nbpart.backfill.pace import MOST_PER_WORKER, Pace
from nbpart.backfill.plan import StepRelation, StepTable
from nbpart.backfill.retries import Retries
from nbpart.backfill.schedule import Schedule
from nbpart.run.report import RunReport
from nbpart.states import RunStatus, StepStatus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: How many attempts wait in the pool for each worker, and at least how many the pool is given in all, however long they
#: take; where they are short more of them, see `Pace`.
WAITING_PER_WORKER, LEAST_IN_POOL = 2, 12
#: How often to read whether runs of other backfills have ended and whether somebody asked for the end, in seconds.
CHECK_OTHERS_EVERY_S = 0.3
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
    """An attempt in the pool has ended; ``reports`` has one for each run that it was an attempt of, by run number."""

    run_no: int | None
    attempt: int
    reports: Mapping[int, RunReport]


@dataclass(frozen=True)
class StepsClaimed:
    """The steps of a `Turn` were claimed, with these results; ``retries`` are those of the same turn."""

    claims: ClaimResults
    retries: Sequence[ClaimedRun] = ()


@dataclass(frozen=True)
class FollowedRunEnded:
    """A run of another backfill, which made the partition of one of our steps, has ended.

    ``is_of_now`` is that of `EndedRun`.
    """

    run_no: int
    status: RunStatus
    is_of_now: bool = True


@dataclass(frozen=True)
class PlacesFound:
    """There are places again for runs of these held assets."""

    assets: Sequence[str]


@dataclass(frozen=True)
class CancelRequested:
    """Somebody asked for the end. ``stops_runs``: whether runs in the pool are to be stopped."""

    stops_runs: bool = True


@dataclass(frozen=True)
class OutcomesRecorded:
    """The final outcomes of these runs were recorded in the catalog."""

    run_nos: Sequence[int]


@dataclass(frozen=True)
class SuccessRefused:
    """A run that had succeeded was recorded as failed, since the catalog refused its outcome."""

    run_no: int
    cause: str


@dataclass(frozen=True)
class OutcomesLost:
    """The outcomes that were to be recorded cannot be, and are given up."""


@dataclass(frozen=True)
class Stopped:
    """Nothing runs any more: runs without an outcome get this status. Where it is ``cancelled``, so do their steps."""

    status: RunStatus


Event = (
    AttemptStarted
    | AttemptEnded
    | StepsClaimed
    | FollowedRunEnded
    | PlacesFound
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
    """Record how an attempt ended; ``is_final``: no other attempt follows. ``report`` is None where there is none."""

    run: ClaimedRun
    status: RunStatus
    report: RunReport | None = None
    is_final: bool = True


@dataclass(frozen=True)
class RecordSteps:
    """Record the status of steps, given by their numbers in the schedule, and its cause."""

    steps: Sequence[int] | NDArray[np.integer]
    status: StepStatus
    run_no: int | None
    cause: str


@dataclass(frozen=True)
class Submit:
    """Hand to the pool one attempt of a run, or one attempt for many runs of one asset."""

    runs: Sequence[ClaimedRun]


@dataclass(frozen=True)
class CancelRuns:
    """Stop every run in the pool."""


@dataclass(frozen=True)
class CancelWaiting:
    """Take out of the pool every attempt that has not begun."""


Instruction = RecordStart | RecordOutcome | RecordSteps | Submit | CancelRuns | CancelWaiting


@dataclass(frozen=True)
class Turn:
    """The work of the next transaction: ``steps`` to claim, ``retries`` to submit once their failure is recorded.

    ``checks_others``: whether to read which runs of other backfills have ended and whether somebody asked for the end.
    """

    steps: Sequence[int] = ()
    retries: Sequence[ClaimedRun] = ()
    checks_others: bool = False


@dataclass(frozen=True)
class Rules:
    """The options of a backfill that its decisions depend on.

    A run of an asset that failed gets ``retries(asset)`` more attempts, the next one ``backoff(asset, n)`` seconds
    after the n-th failure. After ``stop_after`` failures with one error at one place nothing begins any more.
    """

    max_workers: int
    retries: Callable[[str], int] = field(default=lambda asset: 0)
    is_single_run: bool = False
    backoff: Callable[[str, int], float] = field(default=lambda asset, failures: 0.0)
    stop_after: int | None = None


class BackfillState:
    """Which steps are claimed, in the pool, waiting for a retry or made by other backfills.

    ``step_count`` is the number of steps in the schedule.
    """

    def __init__(self, schedule: Schedule, step_count: int, rules: Rules) -> None:
        self._schedule, self._step_count, self._rules = schedule, step_count, rules
        self._claimed: dict[int, ClaimedRun] = {}  # by run number: runs without a final outcome in the catalog
        self._ended: set[int] = set()  # numbers of those of them that have ended, but are not recorded yet
        self._in_pool: dict[tuple[int | None, int], Sequence[ClaimedRun]] = {}  # by number and attempt of its first run
        self._pace = Pace(rules.max_workers)
        self._retries = Retries(rules.backoff)
        self._followed: dict[int, OtherRun] = {}
        self._others_checked_at = -math.inf
        self.is_cancelling = False
        self._failures: Counter[ErrorPlace] = Counter()
        self.gave_up: str | None = None  # after equal failures: why

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to run or to wait for."""
        return not self._schedule.unfinished_count or (self.is_cancelling and not self._in_pool)

    @property
    def in_pool(self) -> int:
        """How many attempts the pool has."""
        return len(self._in_pool)

    @property
    def enough_in_pool(self) -> int:
        """How many attempts the pool is given, however long they take, so that its workers go on meanwhile."""
        return max(self._rules.max_workers * (1 + WAITING_PER_WORKER), LEAST_IN_POOL)

    @property
    def most_in_pool(self) -> int:
        """How many attempts the pool is given at most, where they are short."""
        return max(self._rules.max_workers * MOST_PER_WORKER, LEAST_IN_POOL)

    @property
    def ahead_s(self) -> float:
        """For how many seconds what waits in the pool keeps all of its workers busy."""
        return self._pace.ahead_s()

    def can_start(self, now: float) -> bool:
        """Whether the next `Turn` would have a step or a retry, if there was room for it."""
        return not self.is_cancelling and not self.idle_s(now, 1.0)

    @property
    def followed(self) -> list[int]:
        """The numbers of the runs of other backfills that steps of this one wait for."""
        return list(self._followed)

    @property
    def held(self) -> list[str]:
        """The assets with steps that wait until runs of other backfills leave them a place."""
        return [] if self.is_cancelling else self._schedule.held

    def extend(self, steps: StepTable, relations: Sequence[StepRelation] = (), *, takes_all: bool = False) -> None:
        """Add steps; with ``takes_all`` as if a `Turn` had had them. See `Schedule.extend`."""
        self._schedule.extend(steps, relations, takes_all=takes_all)
        self._step_count += len(steps)

    def room_to_grow(self, asset: str) -> int:
        """How many more steps of an asset could be under way, so that each worker has one."""
        if self.is_cancelling:
            return 0
        idle = self._rules.max_workers - self._schedule.unfinished_count
        return int(min(max(idle, 0), self._schedule.room_for(asset)))

    def counts(self) -> Mapping[StepStatus, int]:
        """How many steps have each status; may be called by another thread."""
        return self._schedule.counts()

    def runs_of(self, run_no: int | None, attempt: int) -> Sequence[ClaimedRun]:
        """The runs of the attempt in the pool with this number; empty where the pool has no such attempt."""
        return self._in_pool.get((run_no, attempt), ())

    def is_queued(self, step: int) -> bool:
        """Whether a step of a `Turn` has still to be claimed."""
        return self._schedule.is_queued(step)

    def plan_turn(self, now: float) -> Turn:
        """The steps and retries that may start now, as many as the pool takes."""
        steps, retries = ([], []) if self.is_cancelling else self._take(now)
        checks_others = now - self._others_checked_at >= CHECK_OTHERS_EVERY_S
        if checks_others:
            self._others_checked_at = now
        return Turn(steps, retries, checks_others)

    def _take(self, now: float) -> tuple[list[int], list[ClaimedRun]]:
        if self._rules.is_single_run:
            retries = self._retries.take_due(self._step_count, now)
            return self._schedule.take(self._step_count - len(retries)), retries
        room = self.enough_in_pool - len(self._in_pool)
        retries = self._retries.take_due(max(0, room), now)
        steps = self._schedule.take(max(0, room - len(retries)))
        most = self.most_in_pool - len(self._in_pool) - len(retries)
        assets = [*(run.asset for run in retries), *map(self._schedule.asset_of, steps)]
        left_s = self._pace.room_s() - sum(map(self._pace.seconds_of, assets))
        while left_s > 0 and len(steps) < most and (more := self._schedule.take(1)):
            left_s -= self._pace.seconds_of(self._schedule.asset_of(more[0]))
            steps += more
        return steps, retries

    def idle_s(self, now: float, most: float) -> float:
        """Seconds until a retry is due, at most ``most``; 0 where a step is ready now."""
        return 0.0 if self._schedule.has_ready else min(most, self._retries.wait_s(now, default=most))

    def handle(self, event: Event, now: float) -> list[Instruction]:
        """Bring the state up to date with an event. Returns the instructions to carry out, in this order."""
        match event:
            case AttemptStarted():
                return list(self._start(event))
            case AttemptEnded():
                runs = self._in_pool.pop((event.run_no, event.attempt), ())
                self._schedule.reopen(self._schedule.held)  # its place may be theirs
                for run in runs[:1]:
                    self._pace.end((event.run_no, event.attempt), run.asset, _measure(event.reports[run.run_no]))
                return [each for run in runs for each in self._end(run, event.reports[run.run_no], now)]
            case StepsClaimed():
                return [*self._apply_claims(event.claims), *self._submit([*event.retries, *event.claims.runs])]
            case FollowedRunEnded():
                return list(self._end_followed(self._followed.pop(event.run_no), event))
            case PlacesFound():
                self._schedule.reopen(event.assets)
                return []
            case CancelRequested():
                is_news, self.is_cancelling = not self.is_cancelling, True
                return [CancelRuns()] if is_news and event.stops_runs else []
            case OutcomesRecorded():
                for run_no in event.run_nos:
                    del self._claimed[run_no]
                self._ended.difference_update(event.run_nos)
                return []
            case SuccessRefused():
                return list(self._fail_after_success(self._claimed[event.run_no], event.cause))
            case OutcomesLost():
                self._ended.clear()
                return []
            case Stopped():
                return list(self._stop(event.status))

    def _start(self, event: AttemptStarted) -> Iterator[Instruction]:
        self._pace.start((event.run_no, event.attempt))
        for run in self.runs_of(event.run_no, event.attempt):
            self._schedule.start(run.step)
            yield RecordStart(run, event.started_at)

    def _end(self, run: ClaimedRun, report: RunReport, now: float) -> Iterator[Instruction]:
        failed = report.status is RunStatus.FAILED
        # another attempt would find an input as damaged as this one did
        is_hopeless = any(not fault.fault.is_inconclusive for fault in report.faults)
        # an attempt that was lost through no fault of its own is made once more where there are no retries, too
        attempts = self._rules.retries(run.asset) + 1 + report.is_lost
        again = failed and run.attempt < attempts and not self.is_cancelling and not is_hopeless
        yield RecordOutcome(run, report.status, report, is_final=not again)
        if again:
            self._claimed[run.run_no] = run.next_attempt()
            self._retries.add(self._claimed[run.run_no], now)
            return
        self._ended.add(run.run_no)
        if failed:
            yield from self._count_failure(report)
        if self.is_cancelling and report.status is RunStatus.CANCELLED:
            self._schedule.cancel(run.step)
            yield RecordSteps([run.step], StepStatus.CANCELLED, run.run_no, self.gave_up or CANCELLED)
        else:
            yield from self._end_step(run.step, StepStatus(report.status), run.run_no, cause_of(report), run.label)

    def _count_failure(self, report: RunReport) -> Iterator[Instruction]:
        most, place = self._rules.stop_after, find_error_place(report)
        if most is None or place is None or self.is_cancelling:
            return
        self._failures[place] += 1
        if self._failures[place] >= most:
            self.is_cancelling = True
            self.gave_up = f"{most:,} runs failed with {place}, and stop_after={most}"
            yield CancelWaiting()

    def _apply_claims(self, claims: ClaimResults) -> Iterator[Instruction]:
        for follow in claims.followed:
            self._followed[follow.run_no] = follow
            yield RecordSteps([follow.step], StepStatus.QUEUED, follow.run_no, "another backfill runs it")
        for other in claims.already_made:
            cause = "another run made it since this was planned"
            yield from self._end_step(other.step, StepStatus.SUCCEEDED, other.run_no, cause, other.label)
        for refused in claims.refused:
            yield from self._end_step(refused.step, refused.status, None, refused.cause, refused.label)
        if claims.held:
            self._schedule.hold(claims.held)
        for step in claims.removed:
            self._schedule.remove(step)
            yield RecordSteps([step], StepStatus.CANCELLED, None, "its key was removed")

    def _submit(self, runs: Sequence[ClaimedRun]) -> Iterator[Instruction]:
        groups: dict[tuple[object, ...], list[ClaimedRun]] = {}
        for run in runs:
            self._claimed[run.run_no] = run
            is_grouped = self._rules.is_single_run and run.key is not None
            groups.setdefault((run.asset, run.attempt) if is_grouped else (run.run_no,), []).append(run)
        for group in groups.values():
            is_grouped = self._rules.is_single_run and group[0].key is not None
            submitted = combine_runs(group) if is_grouped else group
            attempt = (submitted[0].run_no, submitted[0].attempt)
            self._in_pool[attempt] = submitted
            self._pace.submit(attempt, submitted[0].asset)
            yield Submit(submitted)

    def _end_followed(self, follow: OtherRun, ended: FollowedRunEnded) -> Iterator[Instruction]:
        status = ended.status
        if follow.counts_here and ended.is_of_now and status in (RunStatus.SUCCEEDED, RunStatus.FAILED):
            cause = f"{status} in another backfill"
            yield from self._end_step(follow.step, StepStatus(status), follow.run_no, cause, follow.label)
        else:  # it was cancelled or interrupted there, or ran with other settings or inputs: this backfill runs it now
            self._schedule.put_back(follow.step)
            yield RecordSteps([follow.step], StepStatus.PLANNED, None, "")

    def _end_step(
        self, step: int, status: StepStatus, run_no: int | None, cause: str, label: str
    ) -> Iterator[Instruction]:
        yield RecordSteps([step], status, run_no, cause)
        sentence = f"{label} is {status}" if status is StepStatus.BLOCKED else f"{label} {status}"
        for blocked in self._schedule.finish(step, status):
            yield RecordSteps(blocked, StepStatus.BLOCKED, None, f"{sentence}: {cause}" if cause else sentence)

    def _fail_after_success(self, run: ClaimedRun, cause: str) -> Iterator[Instruction]:
        yield RecordSteps([run.step], StepStatus.FAILED, run.run_no, cause)
        for blocked in self._schedule.fail_after_success(run.step):
            yield RecordSteps(blocked, StepStatus.BLOCKED, None, f"{run.label} {StepStatus.FAILED}: {cause}")

    def _stop(self, status: RunStatus) -> Iterator[Instruction]:
        cause = (self.gave_up or CANCELLED) if status is RunStatus.CANCELLED else INTERRUPTED
        if status is RunStatus.CANCELLED:
            yield RecordSteps(self._schedule.cancel_rest(), StepStatus.CANCELLED, None, cause)
        for run in self._claimed.values():
            if run.run_no not in self._ended:
                self._ended.add(run.run_no)
                yield RecordOutcome(run, status)
                yield RecordSteps([run.step], StepStatus(status), run.run_no, cause)


def _measure(report: RunReport) -> float | None:
    """How long a worker had an attempt, in seconds; None of one that did not run to its end."""
    if report.status is RunStatus.CANCELLED or report.finished_at is None:
        return None
    return max(0.0, (report.finished_at - report.started_at).total_seconds())


def cause_of(report: RunReport) -> str:
    """The error of a run in one line, as ``ValueError: message``; "" where the report has none."""
    if not report.error_class:
        return ""
    first_line = (report.error_message or "").strip().partition("\n")[0]
    return f"{report.error_class}: {first_line[:300]}"
