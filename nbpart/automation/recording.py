"""Recording what a look of a trigger asks for, in one transaction: keys, cursor, run keys, the tick, the backfills."""

from __future__ import annotations

import json
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from nbpart.automation.demand import Demand, RunDemand
from nbpart.automation.requested_steps import (
    KnownKeys,
    RequestedSteps,
    choose_readers,
    choose_runs,
    choose_steps,
)
from nbpart.backfill.options import BackfillOptions
from nbpart.backfill.registry import Registry
from nbpart.backfill.source_observation import record_observed
from nbpart.catalog import Batch, TickRecord, TriggerRecord, VerbEvent, events, queries
from nbpart.catalog.batch import Author
from nbpart.catalog.set_tables import load_stored_sets
from nbpart.errors import NbpartError, TriggerFailedError
from nbpart.project.added_keys import find_parents
from nbpart.project.removal import record_removal
from nbpart.run.spec import encode_value
from nbpart.states import TickOutcome, Verb

#: So many run keys are named in the sentence about those that were dropped.
_MOST_NAMED = 5
#: The options of a backfill of these assets, with the settings and the tags that were asked for.
ChooseOptions = Callable[[Sequence[str], RunDemand | None], BackfillOptions]


@dataclass(frozen=True)
class RequestedBackfill:
    """A backfill that was asked for and has no plan yet.

    ``counts`` says of each asset how many of its partitions are looked at, None for all.
    """

    backfill_no: int
    backfill_id: str
    options: BackfillOptions
    counts: Mapping[str, int | None]

    def describe(self) -> str:
        """``3 partitions of raw, all of clean``: what is looked at when it is planned, by asset."""
        parts = [
            f"all of {name}" if n is None else f"{n:,} partition{'' if n == 1 else 's'} of {name}"
            for name, n in self.counts.items()
        ]
        return ", ".join(parts)


@dataclass
class RecordedDemand:
    """What was recorded of a demand: the tick, keys by set, and the requested backfills, if runs are asked for.

    ``returned`` are those of the added keys that had been removed before; ``notes`` are sentences for a person.
    ``is_answered``: another look had asked for it, and nothing was recorded.
    """

    tick_id: int = 0
    added: dict[str, list[str]] = field(default_factory=dict)
    removed: dict[str, list[str]] = field(default_factory=dict)
    returned: dict[str, list[str]] = field(default_factory=dict)
    backfills: list[RequestedBackfill] = field(default_factory=list)
    dropped: int = 0
    notes: list[str] = field(default_factory=list)
    is_answered: bool = False

    @property
    def outcome(self) -> TickOutcome:
        has_asked = any(self.added.values()) or any(self.removed.values()) or self.backfills
        return TickOutcome.ASKED if has_asked else TickOutcome.SKIPPED

    def make_tick(self, trigger_id: int, demand: Demand, happened_at: datetime, duration_s: float) -> TickRecord:
        """The tick to be recorded of it."""
        notes = [*self.notes, *([demand.skip_reason] if demand.skip_reason else [])]
        return TickRecord(
            trigger_id,
            self.outcome,
            happened_at,
            duration_s,
            added=sum(map(len, self.added.values())),
            removed=sum(map(len, self.removed.values())),
            requested=len(self.backfills),
            dropped=self.dropped,
            message="\n".join(notes),
            printed=demand.printed or None,
        )


def record_demand(
    batch: Batch, registry: Registry, trigger: TriggerRecord, demand: Demand, choose_options: ChooseOptions
) -> RecordedDemand:
    """Record what a trigger asks for, all but the tick itself.

    A key that it wanted to add but that was there already asks for no run. Raises `UnknownNameError` for the run of a
    key that no set has.
    """
    recorded = RecordedDemand(events.take_tick_id(batch), notes=list(demand.notes))
    if demand.is_once and _is_answered(batch, trigger):
        recorded.notes, recorded.is_answered = ["another look has asked for it"], True
        return recorded
    batch.author = Author(trigger.name, recorded.tick_id)
    known = _record_keys(batch, demand, recorded)
    for change in demand.columns:
        events.set_columns(batch, change.set_id, change.keys, change.columns)
    for source, found in demand.observed.items():
        record_observed(batch, registry[source], list(found))
    for group in _group(_drop_used(batch, trigger, demand.runs, recorded)):
        chosen = RequestedSteps()
        choose_runs(batch, registry, group, known, chosen)
        _request(batch, registry, chosen, group[0], choose_options, recorded)
    chosen = RequestedSteps()
    for readers in demand.readers:
        choose_readers(batch, registry, readers, chosen)
    for steps in demand.steps:
        choose_steps(steps, chosen)
    _request(batch, registry, chosen, None, choose_options, recorded)
    cursor = demand.cursor(batch.sequence) if callable(demand.cursor) else demand.cursor
    if cursor is not None and cursor != trigger.cursor:
        events.set_cursor(batch, trigger.trigger_id, cursor)
    return recorded


def record_together(
    batch: Batch,
    registry: Registry,
    demands: Sequence[tuple[TriggerRecord, Demand]],
    choose_options: ChooseOptions,
) -> list[RecordedDemand]:
    """Record what several triggers ask for in one tick, all but their ticks: their steps are one backfill."""
    chosen, recorded, askers = RequestedSteps(), [], []
    for trigger, demand in demands:
        one = record_demand(batch, registry, trigger, replace(demand, steps=()), choose_options)
        recorded.append(one)
        if demand.steps and not one.is_answered:
            askers.append(one)
            for steps in demand.steps:
                choose_steps(steps, chosen)
    shared = RecordedDemand()
    _request(batch, registry, chosen, None, choose_options, shared)
    for one in askers:
        one.backfills += shared.backfills
    return recorded


def _is_answered(batch: Batch, trigger: TriggerRecord) -> bool:
    """Whether another look has moved the cursor of a trigger, or a person has changed it, since it was read."""
    now = queries.find_trigger(batch, trigger.name)
    return now is None or (now.cursor, now.changed_at) != (trigger.cursor, trigger.changed_at)


def _record_keys(batch: Batch, demand: Demand, recorded: RecordedDemand) -> KnownKeys:
    new, asked_for = defaultdict[int, set[str]](set), set[tuple[int, str]]()
    stored = load_stored_sets(batch) if demand.changes else {}
    for change in demand.changes:
        if change.is_added:
            parents = find_parents(batch, stored[change.set_id].definition, change.keys)
            done = events.add_keys(batch, change.set_id, change.keys, change.columns, parents)
            recorded.added.setdefault(change.set_name, []).extend(done.new)
            recorded.returned.setdefault(change.set_name, []).extend(done.returned)
            new[change.set_id] |= set(done.new)
            asked_for |= {(change.set_id, key) for key in change.keys}
        else:
            ids = queries.key_ids(batch, change.set_id, list(change.keys))
            event = VerbEvent(Verb.REMOVED, batch.author.name, f"tick {recorded.tick_id}")
            record_removal(batch, ids[ids >= 0], event)
            gone = events.remove_keys(batch, change.set_id, change.keys)
            recorded.removed.setdefault(change.set_name, []).extend(gone)
    return KnownKeys(new, frozenset((set_id, key) for set_id, key in asked_for if key not in new[set_id]))


def _drop_used(
    batch: Batch, trigger: TriggerRecord, runs: Sequence[RunDemand], recorded: RecordedDemand
) -> list[RunDemand]:
    """The requests whose run key was not used before; of several with one run key the first."""
    asked = [run.run_key for run in runs if run.run_key is not None]
    used = events.use_run_keys(batch, trigger.trigger_id, asked, recorded.tick_id) if asked else {}
    kept, taken = [], set[str]()
    for run in runs:
        if run.run_key is None or (run.run_key not in used and run.run_key not in taken):
            kept.append(run)
            taken |= {run.run_key} if run.run_key is not None else set()
    recorded.dropped = len(runs) - len(kept)
    if used:
        recorded.notes.append(_describe_dropped(recorded.dropped, used))
    return kept


def _describe_dropped(number: int, used: dict[str, datetime]) -> str:
    """``5 requests dropped: the run key 'a' was used 2026-01-02 03:04 UTC, ...``"""
    named = [f"{key!r} {at:%Y-%m-%d %H:%M} UTC" for key, at in list(used.items())[:_MOST_NAMED]]
    more = f" and {len(used) - len(named):,} more" if len(used) > len(named) else ""
    requests, keys = ("request", "its run key was") if number == 1 else ("requests", "their run keys were")
    return f"{number:,} {requests} dropped, as {keys} used before: {', '.join(named)}{more}"


def _group(runs: Iterable[RunDemand]) -> list[list[RunDemand]]:
    """The requests by settings and tags: each group is a backfill."""
    groups: dict[str, list[RunDemand]] = {}
    for run in runs:
        label = json.dumps([encode_value(dict(run.settings)), dict(run.tags)], sort_keys=True)
        groups.setdefault(label, []).append(run)
    return list(groups.values())


def _request(
    batch: Batch,
    registry: Registry,
    chosen: RequestedSteps,
    run: RunDemand | None,
    choose_options: ChooseOptions,
    recorded: RecordedDemand,
) -> None:
    if not chosen.wanted:
        return
    options = choose_options(chosen.names(registry), run)
    number, backfill_id = events.request_backfill(batch, chosen.selection, options.to_json(), chosen.by_id(registry))
    counts = {name: None if ids is None else len(ids) for name, ids in chosen.wanted.items()}
    recorded.backfills.append(RequestedBackfill(number, backfill_id, options, counts))


def describe_error(error: BaseException) -> str:
    """What a failed look raised, as its tick says it."""
    return str(error) if isinstance(error, NbpartError) else f"{type(error).__name__}: {error}"


def describe_failure(trigger_id: int, error: BaseException, happened_at: datetime, duration_s: float) -> TickRecord:
    """The tick of a look that failed."""
    is_of_child = isinstance(error, TriggerFailedError) and error.traceback
    trace = error.traceback if is_of_child else "".join(traceback.format_exception(error))  # type: ignore[attr-defined]
    text, printed = describe_error(error), error.printed if isinstance(error, TriggerFailedError) else None
    return TickRecord(
        trigger_id, TickOutcome.FAILED, happened_at, duration_s, error=text, traceback=trace, printed=printed
    )
