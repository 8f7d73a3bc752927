"""Telling hooks what failed or is late: one event a backfill or a look, in a child; what they raise stops nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from nbpart.automation.hook import HookEvent
from nbpart.automation.lateness import NewlyLate
from nbpart.automation.sensor_children import SensorChildren
from nbpart.catalog import Batch, TriggerRecord, events, queries
from nbpart.errors import NbpartError
from nbpart.partitions import PartitionRef
from nbpart.project.launch import find_backfill
from nbpart.project.project import Project
from nbpart.states import StepStatus

log = logging.getLogger("nbpart")

FAILURE, LATE = "failure", "late"
#: So many partitions stand in an event.
MOST_PARTITIONS = 20


@dataclass(frozen=True)
class HookTold:
    """A hook that was called, with what it printed or how it failed."""

    hook: str
    printed: str = ""
    error: str = ""


def tell_hooks(project: Project, children: SensorChildren, kind: str, event: HookEvent) -> list[HookTold]:
    """Call each hook of a kind with an event, one after the other; what one raises is told of and stops no other."""
    told = []
    for hook in project.catalog.read(lambda batch: queries.load_hooks(batch, kind)):
        try:
            told.append(HookTold(hook.name, children.tell(project, hook, asdict(event))))
        except NbpartError as error:
            log.warning("%s", error)
            told.append(HookTold(hook.name, error=str(error)))
    return told


def describe_failed_backfill(project: Project, backfill_id: str) -> HookEvent | None:
    """The event of a backfill of which steps failed; None where none did, or no more than hooks were told of before."""

    def work(batch: Batch) -> HookEvent | None:
        record = find_backfill(batch, backfill_id)
        counts = queries.step_counts(batch, record.backfill_no)
        if counts[StepStatus.FAILED] <= queries.count_told_failures(batch, record.backfill_no):
            return None
        failed = queries.first_failures(batch, record.backfill_no, MOST_PARTITIONS)
        return HookEvent(
            "backfill",
            record.selection,
            str(project.root),
            {str(status): n for status, n in counts.items() if n},
            [PartitionRef(asset, key).label for asset, key, _ in failed],
            failed[0][2] if failed else "",
            backfill_id,
        )

    return project.catalog.read(work)


def record_told_backfill(project: Project, event: HookEvent) -> None:
    """Record that hooks were told of a failed backfill: one that was interrupted and is resumed is told of once."""

    def work(batch: Batch) -> None:
        number = find_backfill(batch, event.backfill_id).backfill_no
        events.record_told_failures(batch, number, event.counts[str(StepStatus.FAILED)])

    project.catalog.write(work)


def describe_failed_tick(project: Project, trigger: TriggerRecord, error: BaseException) -> HookEvent:
    """The event of a look that failed."""
    text = str(error) if isinstance(error, NbpartError) else f"{type(error).__name__}: {error}"
    return HookEvent("tick", trigger.name, str(project.root), error=text)


def describe_late(project: Project, found: Sequence[NewlyLate]) -> HookEvent:
    """The event of partitions that became late."""

    def list_labels(batch: Batch) -> list[str]:
        return [PartitionRef(one.asset, key).label for one in found for key in one.list_keys(batch, MOST_PARTITIONS)]

    labels = project.catalog.read(list_labels)[:MOST_PARTITIONS]
    names = ", ".join(one.asset for one in found)
    return HookEvent("late", names, str(project.root), {"late": sum(map(len, found))}, labels)
