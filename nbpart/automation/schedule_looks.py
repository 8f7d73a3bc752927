"""What a schedule asks for when its time has come, and whether what it selects is there."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from nbpart.assets.selection import read_selection
from nbpart.automation.demand import Demand, StepsDemand
from nbpart.automation.evaluation import Look
from nbpart.automation.schedule import Schedule, find_start, show_time
from nbpart.automation.undone import write_and_undo
from nbpart.backfill.planning import plan_from_catalog
from nbpart.backfill.registry import Registry, load_registry
from nbpart.backfill.source_observation import SourceObservations, look_at_sources, record_observed
from nbpart.catalog import Batch, Catalog, TriggerRecord
from nbpart.project.partition_selection import choose_partitions
from nbpart.project.refresh import list_read_sources

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


def evaluate_schedule(look: Look) -> Demand:
    """What a schedule asks for: once for all of its times that passed since it was changed or last asked.

    The cursor of its trigger is the time that it answered last. Where one has come, sources are looked at before all
    else, as by a plan: what is outdated, and what a condition chooses, may follow from that. What is found of them is
    recorded with the tick. Raises `UnknownNameError`
    and `ConditionError` for a selection or a condition that cannot be asked any more.
    """
    trigger, now = look.trigger, look.now
    schedule = Schedule.from_json(trigger.name, trigger.definition)
    if not trigger.is_on:
        return Demand(skip_reason="it is turned off")
    start = find_start(trigger.changed_at, _read_cursor(trigger), now)
    passed = schedule.times.find_passed(start, now)
    if passed is None:
        cursor = _make_cursor(now) if start == now else None  # what a wrong clock left is replaced
        return Demand(
            skip_reason=f"not due before {show_time(schedule.times.next_after(max(start, now)))}", cursor=cursor
        )
    project, registry = look.project, look.registry
    found = look_at_sources(project.catalog, project.root, registry, list_read_sources(registry))
    observed = {node.name: changed for node, changed in found.changed}
    asked = Demand(notes=[passed.describe()], cursor=_make_cursor(passed.last), is_once=True, observed=observed)
    key_ids, is_outdated = _choose_outdated(
        project.catalog, replace(registry, unreadable=found.unreadable), schedule, found
    )
    if not any(ids is None or len(ids) for ids in key_ids.values()):
        chosen = f"chosen by {schedule.where.describe()}" if schedule.where else "selected"
        return replace(asked, skip_reason=f"no partition is {chosen}")
    if not is_outdated:
        return replace(asked, skip_reason="nothing is outdated that could be made now")
    return replace(asked, steps=[StepsDemand(key_ids, schedule.selection)])


def _choose_outdated(
    catalog: Catalog, registry: Registry, schedule: Schedule, found: SourceObservations
) -> tuple[dict[str, NDArray[np.int64] | None], bool]:
    """The keys that a schedule is about, and whether a plan of them has a step, once what was found is recorded."""

    def work(batch: Batch) -> tuple[dict[str, NDArray[np.int64] | None], bool]:
        for node, observations in found.changed:
            record_observed(batch, node, observations)
        key_ids = choose_keys(batch, registry, schedule)
        keys = {name: ids for name, ids in key_ids.items() if ids is not None}
        return key_ids, len(plan_from_catalog(batch, registry, list(key_ids), keys=keys).steps) > 0

    return write_and_undo(catalog, work) if found.changed else catalog.read(work)


def choose_keys(batch: Batch, registry: Registry, schedule: Schedule) -> dict[str, NDArray[np.int64] | None]:
    """The ids of the keys that a schedule is about, by asset; None for all keys.

    Raises what `evaluate_schedule` raises.
    """
    selected = read_selection(registry.graph, schedule.selection)
    if schedule.where is None:
        return dict.fromkeys(selected.names)
    chosen = choose_partitions(batch, registry, selected, where=schedule.where).key_ids
    return {name: chosen[name] for name in selected.names if name in chosen}


def check_schedule(batch: Batch, root: Path, schedule: Schedule) -> None:
    """Raise `UnknownNameError` or `ConditionError` where a schedule is about what is not there or cannot be asked."""
    choose_keys(batch, load_registry(batch, root), schedule)


def _make_cursor(at: datetime) -> str:
    return json.dumps({"answered_at": at.isoformat()})


def _read_cursor(trigger: TriggerRecord) -> datetime | None:
    return datetime.fromisoformat(json.loads(trigger.cursor)["answered_at"]) if trigger.cursor else None
