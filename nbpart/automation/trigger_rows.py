"""The triggers as they are now: what is recorded of each, and what its watcher knows beyond that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nbpart.automation.due import LastLook, find_next_look
from nbpart.automation.latest_looks import LatestLook, read_latest_looks
from nbpart.automation.watching import Watch, can_stop, find_watch
from nbpart.catalog import Batch, TriggerRecord, queries
from nbpart.project.project import Project
from nbpart.states import TickOutcome
from nbpart.widgets.trigger_actions import TriggersSummary, TriggerSummary


@dataclass(frozen=True)
class TriggerRow:
    """A trigger with its last look; ``next_look`` is None where nobody watches, or it is off."""

    trigger: str
    kind: str
    on: bool
    last_look: datetime | None
    outcome: str | None
    next_look: datetime | None
    message: str | None
    error: str | None


@dataclass(frozen=True)
class _LastTick:
    """The last recorded tick of a trigger, and how many failed in a row, up to it."""

    happened_at: datetime
    outcome: str
    message: str | None
    error: str | None = None
    failures: int = 0


@dataclass(frozen=True)
class RecordedTriggers:
    """What the catalog has of the triggers, as of a commit."""

    sequence: int
    records: Sequence[TriggerRecord]
    ticks: Mapping[int, _LastTick]

    @property
    def n_on(self) -> int:
        """How many are on."""
        return sum(record.is_on for record in self.records)

    def make_rows(self, catalog: Path, watch: Watch, now: datetime) -> list[TriggerRow]:
        """The triggers as of now, with what their watcher knows beyond the catalog, whose path is given."""
        latest = read_latest_looks(catalog, watch)
        return [_make_row(one, self, watch, latest.get(one.trigger_id), now) for one in self.records]


def describe_watch(n_on: int, watch: Watch, now: datetime) -> str:
    """How many triggers are on and who watches, or since when nobody has; "" where none is on."""
    return f"{n_on:,} trigger{'' if n_on == 1 else 's'}; {watch.describe(now)}" if n_on else ""


def load_triggers(batch: Batch) -> RecordedTriggers:
    """What the catalog has of the triggers."""
    ticks = {
        int(row.trigger_id): _LastTick(
            row.happened_at.to_pydatetime(), row.outcome, row.message, row.error, int(row.failures)
        )
        for row in queries.last_ticks(batch).itertuples()
    }
    return RecordedTriggers(batch.sequence, queries.load_triggers(batch), ticks)


def summarize(recorded: RecordedTriggers, project: Project) -> TriggersSummary:
    """The triggers as widgets show them, and who watches; the catalog is not read."""
    path, now = project.catalog.path, project.catalog.clock()
    watch = find_watch(path, now)
    watching = describe_watch(recorded.n_on, watch, now)
    if not watching and watch.is_watched:
        watching = f"no trigger is on; {watch.describe(now)}"
    return TriggersSummary(
        watching,
        tuple(map(_summarize, recorded.make_rows(path, watch, now))),
        can_watch=recorded.n_on > 0 and not watch.is_held and not watch.is_watched and project.is_trusted,
        can_stop=can_stop(path, watch),
    )


def _summarize(row: TriggerRow) -> TriggerSummary:
    return TriggerSummary(
        name=row.trigger,
        kind=row.kind,
        is_on=row.on,
        last_look=None if row.last_look is None else row.last_look.isoformat(),
        next_look=None if row.next_look is None else row.next_look.isoformat(),
        outcome=row.outcome or "",
        message=row.message or "",
        error=row.error or "",
    )


def _make_row(
    record: TriggerRecord, recorded: RecordedTriggers, watch: Watch, latest: LatestLook | None, now: datetime
) -> TriggerRow:
    last = recorded.ticks.get(record.trigger_id)
    looked_at = None if latest is None else latest.looked_at
    # what asked for nothing is recorded later; of a time to come nothing is believed
    if looked_at is not None and looked_at <= now and (last is None or last.happened_at < looked_at):
        last = _LastTick(looked_at, TickOutcome.SKIPPED, latest.message if latest else "")
    is_looked_with = record.is_on and watch.is_watched
    return TriggerRow(
        trigger=record.name,
        kind=str(record.kind),
        on=record.is_on,
        last_look=None if last is None else last.happened_at,
        outcome=None if last is None else str(last.outcome),
        next_look=_find_next(record, recorded.sequence, last, latest, now) if is_looked_with else None,
        message=None if last is None else last.message,
        error=None if last is None else last.error,
    )


def _find_next(
    record: TriggerRecord, sequence: int, last: _LastTick | None, latest: LatestLook | None, now: datetime
) -> datetime:
    """When its watcher looks next: as that says, unless it has looked since."""
    if latest is not None and (last is None or last.happened_at < latest.next_at):
        return latest.next_at
    seen = None if last is None else LastLook(last.happened_at, last.failures, sequence)
    return find_next_look(record, seen, sequence, now)
