"""One tick of a sensor: what it asks for is recorded whole, then run; what earlier ticks left undone goes on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from nbpart.automation.demand import Demand, Recorded, read_demand, record_demand
from nbpart.automation.sensor import Sensor
from nbpart.automation.sensor_code import SensorDefinition, ask_sensor
from nbpart.backfill.options import BackfillOptions, make_options
from nbpart.backfill.registry import Registry, load_registry
from nbpart.catalog import Batch, SensorRecord, events, queries
from nbpart.errors import UnknownNameError, nearest
from nbpart.project.backfills import Backfill
from nbpart.project.detached import hand_over
from nbpart.project.partition_set import tell_returned
from nbpart.project.project import Project
from nbpart.project.refresh import take_up_edits
from nbpart.project.requests import take_up_request
from nbpart.project.resume import take_up_left


@dataclass(frozen=True)
class Tick:
    """What one tick of a sensor did: the new and the removed keys of each set, and the backfill, if one was needed.

    ``taken_up`` are backfills that earlier ticks asked for and did not bring to their end; they go on.
    """

    sensor: str
    added: Mapping[str, list[str]] = field(default_factory=dict)
    removed: Mapping[str, list[str]] = field(default_factory=dict)
    backfill: Backfill | None = None
    taken_up: Sequence[Backfill] = ()

    @property
    def backfills(self) -> list[Backfill]:
        """All that it runs: what was taken up, then its own."""
        return [*self.taken_up, *([self.backfill] if self.backfill is not None else [])]

    def __repr__(self) -> str:
        added = ", ".join(f"{len(keys)} to {name}" for name, keys in self.added.items() if keys)
        ran = "".join(f", {backfill!r}" for backfill in self.backfills)
        return f"<Tick of {self.sensor}: added {added or 'nothing'}{ran}>"


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
    """Ask the sensor ``name`` once, and run what it asks for with the ``options`` of a backfill.

    ``sensor`` is its declaration if it was made in this process, ``workspace`` what its code has for the workspace.
    Raises `UnknownNameError`, and what the sensor function raises, which is recorded too.
    """
    project.check_trust()
    record = project.catalog.read(lambda batch: queries.find_sensor(batch, name))
    if record is None:
        known = [s.name for s in project.catalog.read(queries.load_sensors)]
        raise UnknownNameError(f"there is no sensor {name!r}; {nearest(name, known)}")
    take_up_edits(project)
    make_options(project.registry().graph.definitions, **options)  # before anything is asked, added or recorded
    secrets = {**(options.get("settings") or {}), **(options.get("secrets") or {})}
    taken_up = [Backfill(project, backfill_id) for backfill_id in take_up_left(project, secrets)]
    started = time.monotonic()
    try:
        result, sets = ask_sensor(project, record, sensor, workspace)
        registry = project.catalog.read(partial(load_registry, root=project.root))
        demand = read_demand(registry, sets, result, SensorDefinition(**record.definition).set_name)
        recorded = _record(project, registry, record, demand, options, started)
    except Exception as error:
        took_s, told = time.monotonic() - started, f"{type(error).__name__}: {error}"
        project.catalog.write(lambda batch: events.record_tick(batch, record.sensor_id, duration_s=took_s, error=told))
        raise
    for of, returned in recorded.returned.items():
        tell_returned(of, returned)
    tick = Tick(record.name, recorded.added, recorded.removed, _start(project, recorded, detach), taken_up)
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
) -> Recorded:
    """Record all that was asked for in one transaction: a process that dies leaves all of it or nothing."""

    def choose_options(assets: Sequence[str]) -> BackfillOptions:
        return make_options((registry[name].definition for name in assets), preload=project.preload, **options)

    def work(batch: Batch) -> Recorded:
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


def _start(project: Project, recorded: Recorded, detach: bool) -> Backfill | None:
    if recorded.options is None:
        return None
    if detach:
        hand_over(project, recorded.backfill_id, recorded.options)
    else:
        take_up_request(project, recorded.backfill_id, recorded.options)
    return Backfill(project, recorded.backfill_id)
