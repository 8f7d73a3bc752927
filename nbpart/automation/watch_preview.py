"""What each trigger would ask for now: looked for, shown, and not recorded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from nbpart.automation.demand import Demand
from nbpart.automation.evaluation import Look
from nbpart.automation.evaluators import choose_evaluation
from nbpart.automation.recording import RecordedDemand
from nbpart.automation.sensor_children import SensorChildren
from nbpart.automation.ticks import record_look
from nbpart.automation.undone import write_and_undo
from nbpart.backfill.registry import load_registry
from nbpart.catalog import TriggerRecord, queries
from nbpart.errors import NbpartError
from nbpart.project.project import Project

#: So many keys are named.
_MOST_NAMED = 3


@dataclass(frozen=True)
class LookPreview:
    """What a trigger would do, as a sentence; ``is_failed``: its look failed."""

    trigger: str
    text: str
    is_failed: bool = False


def preview_looks(project: Project, children: SensorChildren) -> list[LookPreview]:
    """Look with each trigger that is on, and say what would be recorded; nothing is.

    Functions of sensors run, in children. Raises `UntrustedWorkspaceError`.
    """
    project.check_trust()
    found = project.catalog.read(queries.load_triggers)
    return [_preview(project, children, trigger) for trigger in found if trigger.is_on]


def _preview(project: Project, children: SensorChildren, trigger: TriggerRecord) -> LookPreview:
    registry = project.catalog.read(partial(load_registry, root=project.root))
    try:
        demand = choose_evaluation(trigger, children)(Look(project, registry, trigger, project.catalog.clock()))
        recorded = _record_and_undo(project, trigger, demand)
    except NbpartError as error:
        return LookPreview(trigger.name, f"fails: {error}", is_failed=True)
    return LookPreview(trigger.name, _describe(recorded, demand))


def _record_and_undo(project: Project, trigger: TriggerRecord, demand: Demand) -> RecordedDemand:
    if demand.is_empty(trigger.cursor):
        return RecordedDemand(notes=list(demand.notes))
    return write_and_undo(project.catalog, lambda batch: record_look(project, batch, trigger, demand, {}, 0.0)[0])


def _describe(recorded: RecordedDemand, demand: Demand) -> str:
    """``would add 3 keys to files (a.csv, b.csv, c.csv), and ask for 12 partitions of raw and clean``"""
    parts = []
    for verb, preposition, sets in (("add", "to", recorded.added), ("remove", "from", recorded.removed)):
        for name, keys in sets.items():
            if keys:
                shown = ", ".join(keys[:_MOST_NAMED]) + (", …" if len(keys) > _MOST_NAMED else "")
                parts.append(f"{verb} {len(keys):,} key{'' if len(keys) == 1 else 's'} {preposition} {name} ({shown})")
    if number := sum(len(change.keys) for change in demand.columns):
        parts.append(f"set the columns of {number:,} key{'' if number == 1 else 's'}")
    if any(demand.observed.values()):
        number = sum(map(len, demand.observed.values()))
        parts.append(f"record {number:,} changed file{'' if number == 1 else 's'}")
    for request in recorded.backfills:
        parts.append(f"ask for {request.describe()}")
    notes = [*recorded.notes, *([demand.skip_reason] if demand.skip_reason else [])]
    text = f"would {', and '.join(parts)}" if parts else "would ask for nothing"
    return "; ".join([text, *notes])
