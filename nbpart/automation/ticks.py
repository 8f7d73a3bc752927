"""Ticks of sensors: record what a sensor asks for in one transaction, then run it.

Backfills that earlier ticks requested and did not finish, because their process died, are resumed first.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from nbpart.automation.demand import Demand, RecordedDemand, read_demand, record_demand
from nbpart.automation.sensor import Sensor
from nbpart.automation.sensor_code import SensorDefinition, ask_sensor
from nbpart.backfill.options import BackfillOptions, make_options
from nbpart.backfill.registry import Registry, load_registry
from nbpart.backfill.step_order import check_order
from nbpart.catalog import Batch, SensorRecord, events, queries
from nbpart.errors import UnknownNameError, nearest
from nbpart.partitions.order import read_order
from nbpart.project.backfills import Backfill
from nbpart.project.detached import start_detached_process
from nbpart.project.partition_set import log_returned_keys
from nbpart.project.project import Project
from nbpart.project.refresh import register_edited_code
from nbpart.project.requests import start_requested_backfill
from nbpart.project.resume import resume_unfinished_requests


@dataclass(frozen=True)
class Tick:
    """What one tick of a sensor did: the new and the removed keys of each set, and the backfill, if one was needed.

    ``resumed`` are backfills that earlier ticks requested and did not finish, and that this tick resumed.
    """

    sensor: str
    added: Mapping[str, list[str]] = field(default_factory=dict)
    removed: Mapping[str, list[str]] = field(default_factory=dict)
    backfill: Backfill | None = None
    resumed: Sequence[Backfill] = ()

    @property
    def backfills(self) -> list[Backfill]:
        """All backfills that it runs: those resumed, then its own."""
        return [*self.resumed, *([self.backfill] if self.backfill is not None else [])]

    def __repr__(self) -> str:
        added = ", ".join(f"{len(keys)} to {name}" for name, keys in self.added.items() if keys)
        backfills = "".join(f", {backfill!r}" for backfill in self.backfills)
        return f"<Tick of {self.sensor}: added {added or 'nothing'}{backfills}>"


def run_tick(
    project: Project,
    name: str,
    *,
    sensor: Sensor | None,
    workspace: object,
    options: Mapping[str, Any],
    wait: bool,
    progress: bool,
    detach: bool,
) -> Tick:
    """Call the sensor ``name`` once, and run what it asks for with the ``options`` of a backfill.

    ``sensor`` is its declaration if it was made in this process; ``workspace`` fills the variables of its code that
    held the workspace. With ``detach`` the new backfill runs in a process of its own. Raises `UnknownNameError`, and
    what the sensor function raises, which is recorded too.
    """
    project.check_trust()
    record = project.catalog.read(lambda batch: queries.find_sensor(batch, name))
    if record is None:
        known = [s.name for s in project.catalog.read(queries.load_sensors)]
        raise UnknownNameError(f"there is no sensor {name!r}; {nearest(name, known)}")
    register_edited_code(project)
    make_options(project.registry().graph.definitions, **options)  # wrong options are refused before anything is done
    secrets = {**(options.get("settings") or {}), **(options.get("secrets") or {})}
    resumed = [Backfill(project, backfill_id) for backfill_id in resume_unfinished_requests(project, secrets)]
    started = time.monotonic()
    try:
        result, sets = ask_sensor(project, record, sensor, workspace)
        registry = project.catalog.read(partial(load_registry, root=project.root))
        demand = read_demand(registry, sets, result, SensorDefinition(**record.definition).set_name)
        recorded = _record(project, registry, record, demand, options, started)
    except Exception as error:
        took_s, text = time.monotonic() - started, f"{type(error).__name__}: {error}"
        project.catalog.write(lambda batch: events.record_tick(batch, record.sensor_id, duration_s=took_s, error=text))
        raise
    for set_name, returned in recorded.returned.items():
        log_returned_keys(set_name, returned)
    tick = Tick(record.name, recorded.added, recorded.removed, _start(project, recorded, detach), resumed)
    for backfill in tick.backfills if wait else ():
        backfill.wait(progress=progress)
    return tick


def _record(
    project: Project,
    registry: Registry,
    record: SensorRecord,
    demand: Demand,
    options: Mapping[str, Any],
    started: float,
) -> RecordedDemand:
    """Record the tick and all that it asks for in one transaction: a process that dies leaves all of it or nothing."""

    def work(batch: Batch) -> RecordedDemand:
        def choose_options(assets: Sequence[str]) -> BackfillOptions:
            chosen = make_options((registry[name].definition for name in assets), preload=project.preload, **options)
            check_order(batch, registry, assets, read_order(chosen.order))
            return chosen

        recorded = record_demand(batch, registry, demand, choose_options)
        events.record_tick(
            batch,
            record.sensor_id,
            duration_s=time.monotonic() - started,
            added=sum(len(keys) for keys in recorded.added.values()),
            backfill_no=recorded.backfill_no,
        )
        if demand.cursor is not None and demand.cursor != record.cursor:
            events.set_cursor(batch, record.sensor_id, demand.cursor)
        return recorded

    return project.catalog.write(work)


def _start(project: Project, recorded: RecordedDemand, detach: bool) -> Backfill | None:
    """Start the requested backfill, if one was recorded."""
    if recorded.options is None:
        return None
    if detach:
        start_detached_process(project, recorded.backfill_id, recorded.options)
    else:
        start_requested_backfill(project, recorded.backfill_id, recorded.options)
    return Backfill(project, recorded.backfill_id)
