"""Looking with several automations in one tick: what one asks for counts as there for the next."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from nbpart.automation.automation_looks import evaluate_automation, evaluate_automations
from nbpart.automation.demand import Demand
from nbpart.automation.recording import RecordedDemand, RequestedBackfill, record_together
from nbpart.automation.ticks import look, make_chooser, record_its_tick
from nbpart.backfill.registry import load_registry
from nbpart.catalog import Batch, TickRecord, TriggerRecord
from nbpart.errors import NbpartError
from nbpart.partitions.order import NEWEST
from nbpart.project.project import Project


@dataclass
class LookedTogether:
    """What came of looking with several automations: the ``backfills`` that were asked for, which nobody runs yet, the
    ticks and new cursors of those that asked for nothing (``idle``, recorded by who looks), and the errors, by the id
    of the trigger."""

    backfills: list[RequestedBackfill] = field(default_factory=list)
    asked: list[tuple[TriggerRecord, RecordedDemand, TickRecord]] = field(default_factory=list)
    idle: list[tuple[TickRecord, TriggerRecord, str | None]] = field(default_factory=list)
    errors: dict[int, NbpartError] = field(default_factory=dict)


def look_together(
    project: Project,
    records: Sequence[TriggerRecord],
    options: Mapping[str, Any],
    cursors: Mapping[int, str] | None = None,
    *,
    keeps_idle: bool = False,
) -> LookedTogether:
    """Look with several automations and record what they ask for in one transaction, as one backfill.

    ``cursors`` are newer than those of the records, by the id of the trigger: of looks that were not recorded yet.
    With ``keeps_idle`` those that ask for nothing are not recorded here. Where one of the looks fails they are made
    one by one: those that fail are recorded as failed ticks, and the others are as if they were alone.
    """
    started, now, done = time.monotonic(), project.catalog.clock(), LookedTogether()
    try:
        registry = project.catalog.read(partial(load_registry, root=project.root))
        seen = [replace(record, cursor=(cursors or {}).get(record.trigger_id, record.cursor)) for record in records]
        demands = evaluate_automations(project, registry, seen)
        asking = []
        for record in records:
            demand = demands[record.trigger_id]
            if demand.steps or not keeps_idle:
                asking.append((record, demand))
            else:
                tick = RecordedDemand().make_tick(record.trigger_id, demand, now, time.monotonic() - started)
                done.idle.append((tick, record, demand.cursor if isinstance(demand.cursor, str) else None))
        if asking:
            done.asked = project.catalog.write(lambda batch: _record(project, batch, asking, options, started))
    except NbpartError:
        done = LookedTogether()
        for record in records:
            try:
                recorded, _, tick = look(project, record, evaluate_automation, options)
                done.asked.append((record, recorded, tick))
            except NbpartError as error:
                done.errors[record.trigger_id] = error
    every = [request for _, recorded, _ in done.asked for request in recorded.backfills]
    done.backfills = list({request.backfill_no: request for request in every}.values())
    return done


def _record(
    project: Project,
    batch: Batch,
    asking: Sequence[tuple[TriggerRecord, Demand]],
    options: Mapping[str, Any],
    started: float,
) -> list[tuple[TriggerRecord, RecordedDemand, TickRecord]]:
    registry = load_registry(batch, project.root)  # what an evaluation saw may be gone
    chooser = make_chooser(project, batch, registry, options, NEWEST)
    done = []
    for (record, demand), one in zip(asking, record_together(batch, registry, asking, chooser), strict=True):
        done.append((record, one, record_its_tick(batch, record, demand, one, time.monotonic() - started)))
    return done
