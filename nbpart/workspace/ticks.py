"""Asking a sensor: what it finds is added and run."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from nbpart.assets.carry import carry
from nbpart.assets.sources import import_root, is_importable
from nbpart.catalog import Catalog, SensorRecord, events, queries
from nbpart.errors import DeclarationError, UnknownNameError, nearest
from nbpart.partitions import AddKeysRequest, check_name
from nbpart.sensors import Sensor, SensorContext, SensorResult, as_result

if TYPE_CHECKING:
    from nbpart.workspace.backfills import Backfill
    from nbpart.workspace.workspace import Workspace


@dataclass(frozen=True)
class Tick:
    """What one tick of a sensor did: the new and the removed keys of each set, and the backfill, if one was needed."""

    sensor: str
    added: Mapping[str, list[str]] = field(default_factory=dict)
    removed: Mapping[str, list[str]] = field(default_factory=dict)
    backfill: Backfill | None = None

    def __repr__(self) -> str:
        added = ", ".join(f"{len(keys)} to {name}" for name, keys in self.added.items() if keys)
        ran = f", {self.backfill!r}" if self.backfill is not None else ""
        return f"<Tick of {self.sensor}: added {added or 'nothing'}{ran}>"


@dataclass(frozen=True)
class SensorDefinition:
    """A sensor as the catalog keeps it: a name to import, or the carried source; any process can ask it."""

    every_s: float
    folder: str
    set_name: str | None
    description: str
    module: str | None = None
    root: str | None = None
    source: str | None = None
    call: str = ""


def register_sensor(catalog: Catalog, sensor: Sensor) -> None:
    """Keep a sensor in the catalog. Raises `CarryError` for one of a cell that names what cannot be carried."""
    check_name(sensor.name, "sensor")
    function = sensor.function
    set_name = sensor.partitions.set_name if sensor.partitions else None
    common = (sensor.every_s, str(sensor.folder), set_name, sensor.description)
    if is_importable(function):
        root = str(import_root(function))
        definition = SensorDefinition(*common, module=function.__module__, root=root, call=function.__name__)
    else:
        carried = carry(function)
        definition = SensorDefinition(*common, source=carried.source, call=carried.call)
    catalog.write(lambda batch: events.save_sensor(batch, sensor.name, asdict(definition)))


def run_tick(
    workspace: Workspace,
    catalog: Catalog,
    sensor: Sensor | None,
    name: str,
    *,
    wait: bool,
    progress: bool,
    **options: Any,
) -> Tick:
    """Ask the sensor ``name`` once; ``sensor`` is its declaration if it was made in this process.

    Raises `UnknownNameError`, and what the sensor function raises, which is recorded too.
    """
    record = catalog.read(lambda batch: queries.find_sensor(batch, name))
    if record is None:
        known = [s.name for s in catalog.read(queries.load_sensors)]
        raise UnknownNameError(f"there is no sensor {name!r}; {nearest(name, known)}")
    definition = SensorDefinition(**record.definition)
    started = time.monotonic()
    try:
        result = _ask(workspace, record, definition, sensor)
        tick = _act(workspace, record.name, result, options)
    except Exception as error:
        took_s, told = time.monotonic() - started, f"{type(error).__name__}: {error}"
        catalog.write(lambda batch: events.record_tick(batch, record.sensor_id, duration_s=took_s, error=told))
        raise
    _record(workspace, catalog, record, tick, result, time.monotonic() - started)
    if tick.backfill is not None and wait:
        tick.backfill.wait(progress=progress)
    return tick


def _ask(
    workspace: Workspace, record: SensorRecord, definition: SensorDefinition, sensor: Sensor | None
) -> SensorResult:
    sets = _SetsByName(workspace.partition_sets)
    context = SensorContext(sets, record.cursor)
    with _in_folder(definition.folder):
        function = sensor.function if sensor is not None else _load_function(definition)
        answer = function(context)
    result = as_result(answer, definition.set_name or _only_set(context, sets))
    if result.cursor is None and context.cursor != record.cursor:
        return SensorResult(result.run_requests, result.dynamic_partitions_requests, context.cursor)
    return result


def _act(workspace: Workspace, name: str, result: SensorResult, options: Mapping[str, Any]) -> Tick:
    added: dict[str, list[str]] = {}
    removed: dict[str, list[str]] = {}
    sets = _SetsByName(workspace.partition_sets)
    for request in result.dynamic_partitions_requests:
        keys = list(request.keys)
        if isinstance(request, AddKeysRequest):
            added.setdefault(request.set_name, []).extend(sets[request.set_name].add(keys))
        else:
            removed.setdefault(request.set_name, []).extend(sets[request.set_name].remove(keys))
    return Tick(name, added, removed, _run(workspace, added, result, options))


def _run(
    workspace: Workspace, added: Mapping[str, list[str]], result: SensorResult, options: Mapping[str, Any]
) -> Backfill | None:
    """Run what the requests ask for, and all below; a key that was to be added but was there already is not run."""
    graph = workspace.assets
    sets = workspace.partition_sets
    known = {key for request in result.dynamic_partitions_requests for key in request.keys}
    known -= {key for keys in added.values() for key in keys}
    requests = [r for r in result.run_requests if not (isinstance(r.partition_key, str) and r.partition_key in known)]
    if not requests:
        return None
    set_of = {key: name for name, new in added.items() for key in new}
    touched = {set_of.get(r.partition_key) or _set_with(sets, r.partition_key) for r in requests if not r.asset}
    chosen = {r.asset for r in requests} | {n for n in graph.computed if graph[n].set_name in touched}
    selection = [f"{name}+" for name in graph.computed if name in chosen]
    if not selection:
        return None
    plan = workspace.plan(selection, [r.partition_key for r in requests if r.partition_key is not None] or None)
    return plan.run(**options) if len(plan) else None


def _set_with(sets: Mapping[str, Any], key: Any) -> str | None:
    """The dynamic partitions that have a key."""
    return next((name for name, keys in sets.items() if key is not None and key in keys), None)


def _record(
    workspace: Workspace, catalog: Catalog, record: SensorRecord, tick: Tick, result: SensorResult, took_s: float
) -> None:
    added = sum(len(keys) for keys in tick.added.values())

    def work(batch: Any) -> None:
        backfill = queries.find_backfill(batch, tick.backfill.id) if tick.backfill else None
        number = backfill.backfill_no if backfill else None
        events.record_tick(batch, record.sensor_id, duration_s=took_s, added=added, backfill_no=number)
        if result.cursor is not None and result.cursor != record.cursor:
            events.set_cursor(batch, record.sensor_id, result.cursor)

    catalog.write(work)


class _SetsByName(dict[str, Any]):
    """Sets of dynamic partitions by name; one that is not there is an error that names the nearest."""

    def __missing__(self, name: str) -> Any:
        raise UnknownNameError(f"there are no dynamic partitions {name!r}; {nearest(name, self)}")


def _only_set(context: SensorContext, sets: Mapping[str, Any]) -> str | None:
    """The set that keys belong to where the sensor does not say: the one that it asked for, or the only one."""
    asked = set(context.asked) or set(sets)
    return next(iter(asked)) if len(asked) == 1 else None


def _load_function(definition: SensorDefinition) -> Callable[[Any], Any]:
    if definition.source is not None:
        namespace: dict[str, Any] = {"__name__": "__nbpart_sensor__"}
        # the user's own code, kept when the user registered it
        exec(compile(definition.source, "<sensor>", "exec"), namespace)  # noqa: S102
        found = namespace[definition.call]
    else:
        with _on_path(definition.root or definition.folder):
            found = getattr(importlib.import_module(definition.module or ""), definition.call, None)
    function = getattr(found, "function", found)
    if not callable(function):
        raise DeclarationError(
            f"module {definition.module!r} has no function {definition.call!r} any more; register the sensor again."
        )
    result: Callable[[Any], Any] = function
    return result


@contextlib.contextmanager
def _on_path(root: str) -> Iterator[None]:
    sys.path.insert(0, root)
    try:
        yield
    finally:
        sys.path.remove(root)


def _in_folder(folder: str) -> contextlib.AbstractContextManager[None]:
    """Relative paths of a sensor mean the folder where it was registered."""
    return contextlib.chdir(folder)
