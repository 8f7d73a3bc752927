"""The statuses of partitions, runs, steps and backfills, their groups and orders, and how they may change.

SQL, Python and the pages take them from here. What is finished is derived from the tables of transitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class RunStatus(StrEnum):
    """Status of one run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_finished(self) -> bool:
        return not RUN_TRANSITIONS[self]

    def can_become(self, other: RunStatus) -> bool:
        return other in RUN_TRANSITIONS[self]


class CheckOutcome(StrEnum):
    """What a check says of one partition, from the best to the worst."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


class StepStatus(StrEnum):
    """Status of one step (asset, key) of a backfill.

    ``skipped``: when its turn came its partition was up to date, since what it reads came out equal.
    """

    PLANNED = "planned"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_finished(self) -> bool:
        """Whether the backfill has nothing to do for the step any more, unless it is resumed."""
        return STEP_TRANSITIONS[self] <= {StepStatus.PLANNED}

    def can_become(self, other: StepStatus) -> bool:
        return other in STEP_TRANSITIONS[self]


class BackfillStatus(StrEnum):
    """Status of one backfill: that of its execution, and two more.

    ``requested`` was asked for by a trigger and has no plan yet; ``cancelling`` runs and was asked to end.
    """

    REQUESTED = "requested"
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class BackfillEvent(StrEnum):
    """What happens to a backfill; the last event gives its status, see `STATUS_AFTER`."""

    REQUESTED = "requested"
    HANDED_OVER = "handed over"
    STARTED = "started"
    RESUMED = "resumed"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class PartitionStatus(StrEnum):
    """Status of one partition: derived from its facts, exactly one at a time."""

    MISSING = "missing"
    STALE = "stale"
    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"
    MATERIALIZED = "materialized"


class DataState(StrEnum):
    """The last recorded state of the files of a materialization; files that were never checked count as good.

    A person wiped (``wiped``: the partition counts as missing) or pruned them (``pruned``: it stays materialized).
    """

    GOOD = "good"
    DELETED = "deleted"
    DAMAGED = "damaged"
    WIPED = "wiped"
    PRUNED = "pruned"


class MaterializationKind(StrEnum):
    """How a materialization came about: by a run, by a look at a source, or by a person's verb."""

    RUN = "run"
    OBSERVED = "observed"
    ADOPTED = "adopted"
    ACCEPTED = "accepted"


class Verb(StrEnum):
    """What a person did to partitions, in the past tense, as history tells it."""

    ACCEPTED = "accepted"
    ADOPTED = "adopted"
    WIPED = "wiped"
    PRUNED = "pruned"
    REMOVED = "removed"
    ERASED = "erased"


class TriggerKind(StrEnum):
    """What a trigger asks by: a function, the files of a source, the clock, or what became of partitions."""

    SENSOR = "sensor"
    SOURCE = "source"
    SCHEDULE = "schedule"
    AUTOMATION = "automation"


class TickOutcome(StrEnum):
    """What came of a look of a trigger: it asked for something, there was nothing to ask for, or it failed."""

    ASKED = "asked"
    SKIPPED = "skipped"
    FAILED = "failed"


_R, _S = RunStatus, StepStatus

RUN_TRANSITIONS: Mapping[RunStatus, frozenset[RunStatus]] = {
    _R.QUEUED: frozenset({_R.RUNNING, _R.FAILED, _R.CANCELLED, _R.INTERRUPTED}),
    # back to queued: an attempt failed and the next one waits for its turn
    _R.RUNNING: frozenset({_R.QUEUED, _R.SUCCEEDED, _R.FAILED, _R.CANCELLED, _R.INTERRUPTED}),
    _R.SUCCEEDED: frozenset(),
    _R.FAILED: frozenset(),
    _R.CANCELLED: frozenset(),
    _R.INTERRUPTED: frozenset(),
}

STEP_TRANSITIONS: Mapping[StepStatus, frozenset[StepStatus]] = {
    _S.PLANNED: frozenset(set(StepStatus) - {_S.PLANNED}),
    # succeeded: a run of another backfill made it; planned: that run was cancelled or interrupted
    _S.QUEUED: frozenset({_S.RUNNING, _S.SKIPPED, _S.SUCCEEDED, _S.FAILED, _S.CANCELLED, _S.INTERRUPTED, _S.PLANNED}),
    _S.RUNNING: frozenset({_S.QUEUED, _S.SUCCEEDED, _S.FAILED, _S.CANCELLED, _S.INTERRUPTED}),
    _S.SUCCEEDED: frozenset(),
    _S.SKIPPED: frozenset(),
    # a resumed backfill plans what is not done
    _S.BLOCKED: frozenset({_S.PLANNED}),
    _S.FAILED: frozenset({_S.PLANNED}),
    _S.CANCELLED: frozenset({_S.PLANNED}),
    _S.INTERRUPTED: frozenset({_S.PLANNED}),
}

_B, _E = BackfillStatus, BackfillEvent

#: Events with which a process begins to run a backfill.
BEGINNINGS: tuple[BackfillEvent, ...] = (_E.STARTED, _E.RESUMED)

#: The status of a backfill after each event.
STATUS_AFTER: Mapping[BackfillEvent, BackfillStatus] = {
    _E.REQUESTED: _B.REQUESTED,
    _E.HANDED_OVER: _B.QUEUED,
    _E.STARTED: _B.RUNNING,
    _E.RESUMED: _B.RUNNING,
    _E.CANCELLING: _B.CANCELLING,
    _E.SUCCEEDED: _B.SUCCEEDED,
    _E.FAILED: _B.FAILED,
    _E.CANCELLED: _B.CANCELLED,
    _E.INTERRUPTED: _B.INTERRUPTED,
}

#: Backfills that a process runs, or that wait for the process that was started for them.
LIVE_BACKFILL: frozenset[BackfillStatus] = frozenset(
    {BackfillStatus.QUEUED, BackfillStatus.RUNNING, BackfillStatus.CANCELLING}
)

#: Backfills that ended before all of their steps had an outcome.
STOPPED_BACKFILL: frozenset[BackfillStatus] = frozenset({BackfillStatus.CANCELLED, BackfillStatus.INTERRUPTED})

#: Statuses of steps that are done as they should be.
DONE: frozenset[StepStatus] = frozenset({_S.SUCCEEDED, _S.SKIPPED})

#: Steps that are neither done nor failed nor blocked: resuming a backfill runs them.
WITHOUT_OUTCOME: frozenset[StepStatus] = frozenset(StepStatus) - DONE - {_S.FAILED, _S.BLOCKED}

#: Statuses of runs that have not ended.
LIVE: frozenset[RunStatus] = frozenset({_R.QUEUED, _R.RUNNING})

#: Statuses of steps that a running backfill has still to end.
UNFINISHED: tuple[StepStatus, ...] = tuple(status for status in StepStatus if not status.is_finished)

#: The code of each status in arrays and in the catalog: its place in the enum.
STATUS_CODES: Mapping[PartitionStatus, int] = {status: code for code, status in enumerate(PartitionStatus)}
STEP_CODES: Mapping[StepStatus, int] = {status: code for code, status in enumerate(StepStatus)}

#: States of data with which a partition counts as missing.
WITHOUT_DATA: frozenset[DataState] = frozenset({DataState.DELETED, DataState.WIPED})

#: Verbs after which a partition's last outcome is a success, and those after which it has none.
SUCCEEDING_VERBS: frozenset[Verb] = frozenset({Verb.ACCEPTED, Verb.ADOPTED})
FORGETTING_VERBS: frozenset[Verb] = frozenset({Verb.WIPED, Verb.ERASED})

#: Statuses of partitions that have an active run.
ACTIVE: frozenset[PartitionStatus] = frozenset({PartitionStatus.QUEUED, PartitionStatus.RUNNING})

OUTDATED: frozenset[PartitionStatus] = frozenset(
    {PartitionStatus.MISSING, PartitionStatus.STALE, PartitionStatus.FAILED}
)

#: Words that choose several statuses of partitions at once.
STATUS_GROUPS: Mapping[str, frozenset[PartitionStatus]] = {"outdated": OUTDATED, "all": frozenset(PartitionStatus)}

#: Every word that chooses partitions by their status.
STATUS_WORDS: tuple[str, ...] = (*(status.value for status in PartitionStatus), *STATUS_GROUPS)

#: The order in which statuses are shown everywhere.
DISPLAY_ORDER: tuple[PartitionStatus, ...] = (
    PartitionStatus.MISSING,
    PartitionStatus.QUEUED,
    PartitionStatus.RUNNING,
    PartitionStatus.MATERIALIZED,
    PartitionStatus.FAILED,
    PartitionStatus.STALE,
)

#: The order of statuses in a bar, from left to right: what is made first, what is missing last.
BAR_ORDER: tuple[PartitionStatus, ...] = (
    PartitionStatus.MATERIALIZED,
    PartitionStatus.RUNNING,
    PartitionStatus.QUEUED,
    PartitionStatus.STALE,
    PartitionStatus.FAILED,
    PartitionStatus.MISSING,
)

#: The order of statuses, from top to bottom, where many partitions share a column of pixels.
COLUMN_ORDER: tuple[PartitionStatus, ...] = (
    PartitionStatus.FAILED,
    PartitionStatus.MISSING,
    PartitionStatus.STALE,
    PartitionStatus.QUEUED,
    PartitionStatus.RUNNING,
    PartitionStatus.MATERIALIZED,
)

#: The statuses that a summary counts one by one beside how much is made, the gravest first.
NOTABLE: tuple[PartitionStatus, ...] = (PartitionStatus.FAILED, PartitionStatus.RUNNING)

#: The order of statuses by how much a person should see them, the most urgent first.
URGENCY: tuple[PartitionStatus, ...] = (
    PartitionStatus.FAILED,
    PartitionStatus.RUNNING,
    PartitionStatus.QUEUED,
    PartitionStatus.STALE,
    PartitionStatus.MISSING,
    PartitionStatus.MATERIALIZED,
)

#: The order of a backfill's steps in its bar, from left to right, and in its legend.
STEP_ORDER: tuple[StepStatus, ...] = (
    _S.SUCCEEDED,
    _S.SKIPPED,
    _S.RUNNING,
    _S.QUEUED,
    _S.FAILED,
    _S.BLOCKED,
    _S.INTERRUPTED,
    _S.CANCELLED,
    _S.PLANNED,
)

#: Statuses of steps that a retry of a backfill runs again.
RETRYABLE: tuple[StepStatus, ...] = (_S.FAILED, _S.BLOCKED)

#: Statuses of steps that ended without success, the gravest first.
UNSUCCESSFUL: tuple[StepStatus, ...] = (*RETRYABLE, _S.CANCELLED, _S.INTERRUPTED)
