"""Looking with several automations in one tick: what one asks for counts as there for the next."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from nbpart.automation.automation_looks import evaluate_automation, evaluate_automations
from nbpart.automation.demand import Demand
from nbpart.automation.recording import RequestedBackfill, record_together
from nbpart.automation.ticks import look, make_chooser, record_its_tick
from nbpart.backfill.registry import load_registry
from nbpart.catalog import Batch, TriggerRecord
from nbpart.errors import NbpartError
from nbpart.partitions.order import NEWEST
from nbpart.project.project import Project

log = logging.getLogger("nbpart")


def look_together(
    project: Project, records: Sequence[TriggerRecord], options: Mapping[str, Any]
) -> list[RequestedBackfill]:
    """Look with several automations and record what they ask for in one transaction, as one backfill.

    Returns the backfills that were asked for, which nobody runs yet. Where one of the looks fails they are made one by
    one: those that fail are recorded as failed ticks, and the others are as if they were alone.
    """
    started = time.monotonic()
    try:
        registry = project.catalog.read(partial(load_registry, root=project.root))
        demands = evaluate_automations(project, registry, records)
        asking = [(record, demands[record.trigger_id]) for record in records]
        return project.catalog.write(lambda batch: _record(project, batch, asking, options, started))
    except NbpartError:
        requested = []
        for record in records:
            try:
                requested += look(project, record, evaluate_automation, options)[0].backfills
            except NbpartError as error:
                log.warning("the automation of %r failed: %s", record.name, error)
        return requested


def _record(
    project: Project,
    batch: Batch,
    asking: Sequence[tuple[TriggerRecord, Demand]],
    options: Mapping[str, Any],
    started: float,
) -> list[RequestedBackfill]:
    registry = load_registry(batch, project.root)  # what an evaluation saw may be gone
    chooser = make_chooser(project, batch, registry, options, NEWEST)
    recorded = record_together(batch, registry, asking, chooser)
    for (record, demand), one in zip(asking, recorded, strict=True):
        record_its_tick(batch, record, demand, one, time.monotonic() - started)
    return list({request.backfill_no: request for one in recorded for request in one.backfills}.values())
