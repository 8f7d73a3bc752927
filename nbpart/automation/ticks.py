"""Ticks of triggers: look, record what is asked for in one transaction, then run it.

Backfills that earlier ticks requested and did not finish, because their process died, are resumed first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbpart.automation.demand import Demand, RunDemand
from nbpart.automation.evaluation import Evaluate, Look
from nbpart.automation.recording import (
    ChooseOptions,
    RecordedDemand,
    RequestedBackfill,
    describe_failure,
    record_demand,
)
from nbpart.backfill.options import BackfillOptions, make_options
from nbpart.backfill.registry import Registry, load_registry
from nbpart.backfill.step_order import check_order
from nbpart.catalog import Batch, TickRecord, TriggerRecord, events, queries
from nbpart.errors import UnknownNameError, nearest
from nbpart.partitions.order import read_order
from nbpart.project.added_keys import log_returned_keys
from nbpart.project.backfills import Backfill
from nbpart.project.detached import start_detached_process
from nbpart.project.project import Project
from nbpart.project.refresh import register_edited_code
from nbpart.project.requests import start_requested_backfill
from nbpart.project.resume import resume_unfinished_requests

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Tick:
    """What one look of a trigger did: the new and the removed keys of each set, and the backfills that it asked for.

    ``resumed`` are backfills that earlier ticks requested and did not finish, and that this tick resumed. ``message``
    has what to know of it, a sentence a line: why nothing was asked for, which requests were dropped. ``printed`` is
    what its function printed.
    """

    trigger: str
    added: Mapping[str, list[str]] = field(default_factory=dict)
    removed: Mapping[str, list[str]] = field(default_factory=dict)
    requested: Sequence[Backfill] = ()
    resumed: Sequence[Backfill] = ()
    dropped: int = 0
    message: str = ""
    printed: str = ""

    @property
    def backfill(self) -> Backfill | None:
        """The backfill that it asked for, the first of several; None where nothing was to be run."""
        return self.requested[0] if self.requested else None

    @property
    def backfills(self) -> list[Backfill]:
        """All backfills that it runs: those resumed, then its own."""
        return [*self.resumed, *self.requested]

    def __repr__(self) -> str:
        added = ", ".join(f"{len(keys)} to {name}" for name, keys in self.added.items() if keys)
        backfills = "".join(f", {backfill!r}" for backfill in self.backfills)
        message = "".join(f", {line}" for line in self.message.splitlines())
        return f"<Tick of {self.trigger}: added {added or 'nothing'}{backfills}{message}>"


def find_trigger(project: Project, name: str) -> TriggerRecord:
    """The trigger of that name. Raises `UnknownNameError`."""
    record = project.catalog.read(lambda batch: queries.find_trigger(batch, name))
    if record is None:
        known = [one.name for one in project.catalog.read(queries.load_triggers)]
        raise UnknownNameError(f"there is no trigger {name!r}; {nearest(name, known)}")
    return record


def list_ticks(project: Project, name: str | None, limit: int | None) -> pd.DataFrame:
    """The ticks of a trigger, or of all, newest first; see `Workspace.ticks`. Raises `UnknownNameError`."""
    trigger_id = None if name is None else find_trigger(project, name).trigger_id
    return project.catalog.read(lambda batch: queries.ticks_frame(batch, trigger_id, limit))


def run_tick(
    project: Project,
    name: str,
    *,
    evaluate: Callable[[TriggerRecord], Evaluate],
    options: Mapping[str, Any],
    wait: bool,
    progress: bool,
    detach: bool,
) -> Tick:
    """Look once with the trigger ``name``, and run what it asks for with the ``options`` of a backfill.

    ``evaluate`` gives the evaluation of a trigger. With ``detach`` new backfills run in processes of their own. Raises
    `UnknownNameError`, and what the evaluation raises, which is recorded too.
    """
    project.check_trust()
    record = find_trigger(project, name)
    register_edited_code(project)
    make_options(project.registry().graph.definitions, **options)  # wrong options are refused before anything is done
    secrets = {**(options.get("settings") or {}), **(options.get("secrets") or {})}
    resumed = [Backfill(project, backfill_id) for backfill_id in resume_unfinished_requests(project, secrets)]
    recorded, demand, _ = look(project, record, evaluate(record), options)
    for request in recorded.backfills:
        _start(project, request, detach)
    message = project.catalog.read(lambda batch: queries.find_message(batch, recorded.tick_id))
    requested = [Backfill(project, request.backfill_id) for request in recorded.backfills]
    done = Tick(
        record.name,
        recorded.added,
        recorded.removed,
        requested,
        resumed,
        recorded.dropped,
        message,
        demand.printed,
    )
    for backfill in done.backfills if wait else ():
        backfill.wait(progress=progress)
    return done


def look(
    project: Project,
    record: TriggerRecord,
    evaluate: Evaluate,
    options: Mapping[str, Any],
    keep_idle: Callable[[TickRecord], None] | None = None,
) -> tuple[RecordedDemand, Demand, TickRecord]:
    """Look with a trigger and record what it asks for, with the tick, in one transaction: all of it or nothing.

    A tick that asks for nothing is handed to ``keep_idle``, if that is given, and not recorded here. A look that fails
    is recorded as a failed tick, and its error is raised.
    """
    now, started = project.catalog.clock(), time.monotonic()
    try:
        demand = evaluate(Look(project, project.registry(), record, now))
        if keep_idle is not None and demand.is_empty(record.cursor):
            recorded = RecordedDemand(notes=list(demand.notes))
            tick = recorded.make_tick(record.trigger_id, demand, now, time.monotonic() - started)
            keep_idle(tick)
            return recorded, demand, tick
        recorded, tick = project.catalog.write(
            lambda batch: record_look(project, batch, record, demand, options, time.monotonic() - started)
        )
    except Exception as error:
        failed = describe_failure(record.trigger_id, error, now, time.monotonic() - started)
        project.catalog.write(lambda batch: events.record_tick(batch, failed, events.take_tick_id(batch)))
        raise
    for set_name, returned in recorded.returned.items():
        log_returned_keys(set_name, returned)
    return recorded, demand, tick


def record_look(
    project: Project,
    batch: Batch,
    record: TriggerRecord,
    demand: Demand,
    options: Mapping[str, Any],
    took_s: float,
) -> tuple[RecordedDemand, TickRecord]:
    """Record what a look asks for and its tick, in a transaction; ``took_s`` is how long the look took, in seconds."""
    registry = load_registry(batch, project.root)  # what an evaluation saw may be gone
    recorded = record_demand(
        batch, registry, record, demand, make_chooser(project, batch, registry, options, demand.order)
    )
    return recorded, record_its_tick(batch, record, demand, recorded, took_s)


def record_its_tick(
    batch: Batch, record: TriggerRecord, demand: Demand, recorded: RecordedDemand, took_s: float
) -> TickRecord:
    """Record the tick of a demand that was recorded; ``took_s`` is how long the look took, in seconds."""
    tick = recorded.make_tick(record.trigger_id, demand, batch.now, took_s)
    numbers = [request.backfill_no for request in recorded.backfills]
    events.record_tick(batch, tick, recorded.tick_id, numbers)
    return tick


def make_chooser(
    project: Project, batch: Batch, registry: Registry, options: Mapping[str, Any], order: str | None
) -> ChooseOptions:
    """What gives the options of a backfill that is requested: those given, and an order where they have none."""

    def choose_options(assets: Sequence[str], run: RunDemand | None) -> BackfillOptions:
        definitions = [registry[name].definition for name in assets]
        given = {**options, "order": options.get("order") or order}
        if run is not None and run.settings:
            given["settings"] = {**(options.get("settings") or {}), **run.settings}
        tags = {} if run is None else run.tags
        chosen = make_options(definitions, preload=project.preload, tags=tags, **given)
        check_order(batch, registry, assets, read_order(chosen.order))
        return chosen

    return choose_options


def _start(project: Project, request: RequestedBackfill, detach: bool) -> None:
    """Start a requested backfill."""
    if detach:
        start_detached_process(project, request.backfill_id, request.options)
    else:
        start_requested_backfill(project, request.backfill_id, request.options)
