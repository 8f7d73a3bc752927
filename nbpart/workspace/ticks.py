"""Asking a sensor: what it finds is added and run."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.assets.asset import name_of
from nbpart.assets.carry import carry
from nbpart.assets.graph import AssetGraph
from nbpart.assets.nearness import find_path, keep_path
from nbpart.assets.origins import variables_around
from nbpart.assets.sources import import_root, is_importable, plain_function
from nbpart.backfill.options import make_options
from nbpart.catalog import Catalog, SensorRecord, events, queries
from nbpart.errors import DeclarationError, UnknownNameError, nearest
from nbpart.partitions import AddKeysRequest, check_name
from nbpart.sensors import RunRequest, Sensor, SensorContext, SensorResult, as_result
from nbpart.workspace.partition_set import PartitionSet

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
    """A sensor as the catalog keeps it: a name to import, or the carried source; any process can ask it.

    ``sets`` and ``workspaces`` are the variables of a carried source that stand for partitions and for the workspace.
    """

    every_s: float
    folder: str
    set_name: str | None
    description: str
    module: str | None = None
    root: str | None = None
    source: str | None = None
    call: str = ""
    sets: Mapping[str, str] = field(default_factory=dict)
    workspaces: Sequence[str] = ()


def define_sensor(sensor: Sensor) -> SensorDefinition:
    """A sensor as the catalog keeps it. Raises `CarryError` for one of a cell that names what cannot be carried.

    Partitions and the workspace need not be carried: whoever asks the sensor gives it his own.
    """
    check_name(sensor.name, "sensor")
    function = sensor.function
    set_name = sensor.partitions.set_name if sensor.partitions else None
    common = (sensor.every_s, str(sensor.folder), set_name, sensor.description)
    if is_importable(function):
        root = str(import_root(function))
        return SensorDefinition(*common, module=function.__module__, root=root, call=function.__name__)
    variables = {**function.__globals__, **variables_around(plain_function(function))}
    sets = {name: value.name for name, value in variables.items() if isinstance(value, PartitionSet)}
    workspaces = {name for name, value in variables.items() if _is_workspace(value)}
    carried = carry(function, given={*sets, *workspaces})
    return SensorDefinition(
        *common,
        source=carried.source,
        call=carried.call,
        sets={name: sets[name] for name in sorted(carried.given & set(sets))},
        workspaces=sorted(carried.given & workspaces),
    )


def keep_sensor(definition: SensorDefinition, root: Path) -> SensorDefinition:
    """The definition as the catalog of the workspace ``root`` keeps it."""
    module_root = definition.root and keep_path(definition.root, root)
    return replace(definition, folder=keep_path(definition.folder, root), root=module_root)


def find_sensor_code(record: SensorRecord, root: Path) -> SensorDefinition:
    """The definition of a sensor that `keep_sensor` kept, with the folders of its code as they are now."""
    kept = SensorDefinition(**record.definition)
    return replace(kept, folder=find_path(kept.folder, root), root=kept.root and find_path(kept.root, root))


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
    make_options(workspace.assets.definitions, **options)  # before anything is asked, added or recorded
    definition = find_sensor_code(record, workspace.root)
    started = time.monotonic()
    try:
        result = _ask(workspace, record, definition, sensor)
        tick = _act(workspace, record.name, definition.set_name, result, options)
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
        function = sensor.function if sensor is not None else _load_function(definition, workspace, sets)
        answer = function(context)
    result = as_result(answer, definition.set_name or _only_set(context, sets))
    cursor = context.cursor if result.cursor is None else result.cursor
    if not isinstance(cursor, str | None):
        raise DeclarationError(f"sensor {record.name!r} left the cursor {cursor!r}; a cursor is text: use str().")
    return replace(result, cursor=cursor)


def _act(
    workspace: Workspace, name: str, set_name: str | None, result: SensorResult, options: Mapping[str, Any]
) -> Tick:
    sets = _SetsByName(workspace.partition_sets)
    # all spelled first: what cannot be leaves everything as it was
    changes = [
        (request, request.set_name, sets[request.set_name].spell(*request.keys))
        for request in result.dynamic_partitions_requests
    ]
    added: dict[str, list[str]] = {}
    removed: dict[str, list[str]] = {}
    old: set[tuple[str, str]] = set()
    for request, of, keys in changes:
        if isinstance(request, AddKeysRequest):
            new = sets[of].add(keys)
            added.setdefault(of, []).extend(new)
            old |= {(of, key) for key in set(keys).difference(new)}
        else:
            removed.setdefault(of, []).extend(sets[of].remove(keys))
    chosen = _choose_runs(workspace.assets, sets, result.run_requests, set_name, added, old)
    return Tick(name, added, removed, _run(workspace, chosen, options))


@dataclass
class _Chosen:
    """What is to run: terms of a selection, and keys; none where only assets without partitions are asked for."""

    terms: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


def _choose_runs(
    graph: AssetGraph,
    sets: Mapping[str, PartitionSet],
    requests: Sequence[RunRequest],
    set_name: str | None,
    added: Mapping[str, list[str]],
    old: Collection[tuple[str, str]],
) -> _Chosen:
    """What the requests ask for, with all below it; a key that was to be added but was there already is left out."""
    chosen = _Chosen()
    for request in requests:
        key, asset = request.partition_key, None if request.asset is None else graph[name_of(request.asset)]
        if key is None and asset is None:
            raise DeclarationError("a RunRequest names a partition_key, an asset, or both; this one names neither.")
        if asset is not None:
            holders = [asset.set_name] if asset.is_partitioned else []
        else:
            holders = _holders(sets, key, set_name, added)
        if key is not None:
            texts = {of: sets[of].spell([key])[0] if of in sets else str(key) for of in holders}
            fresh = [of for of in holders if (of, texts[of]) not in old]
            if not fresh:
                continue
            chosen.keys += [texts[of] for of in fresh]
            holders = fresh
        chosen.terms += [asset.name] if asset else [f"{n}+" for n in graph.computed if graph[n].set_name in holders]
    return chosen


def _holders(
    sets: Mapping[str, PartitionSet], key: Any, set_name: str | None, added: Mapping[str, list[str]]
) -> list[str]:
    """The sets that a requested key belongs to: the sensor's, else where it was added just now, else all that have it.

    Raises `UnknownNameError` for a key that no set has.
    """
    if set_name is not None:
        return [set_name]
    having = [name for name, keys in sets.items() if key in keys]
    if not having:
        raise UnknownNameError(f"a run of {key!r} was asked for, but no partitions have that key; add it as well.")
    return [name for name in having if sets[name].spell([key])[0] in added.get(name, ())] or having


def _run(workspace: Workspace, chosen: _Chosen, options: Mapping[str, Any]) -> Backfill | None:
    terms = list(dict.fromkeys(chosen.terms))
    if not terms:
        return None
    plan = workspace.plan(terms, list(dict.fromkeys(chosen.keys)) or None)
    return plan.run(**options) if len(plan) else None


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


class _SetsByName(dict[str, PartitionSet]):
    """Sets of dynamic partitions by name; one that is not there is an error that names the nearest."""

    def __missing__(self, name: str) -> PartitionSet:
        raise UnknownNameError(f"there are no dynamic partitions {name!r}; {nearest(name, self)}")


def _only_set(context: SensorContext, sets: Mapping[str, Any]) -> str | None:
    """The set that keys belong to where the sensor does not say: the one that it asked for, or the only one."""
    asked = set(context.asked) or set(sets)
    return next(iter(asked)) if len(asked) == 1 else None


def _load_function(
    definition: SensorDefinition, workspace: Workspace, sets: Mapping[str, PartitionSet]
) -> Callable[[Any], Any]:
    if definition.source is not None:
        namespace: dict[str, Any] = {"__name__": "__nbpart_sensor__"}
        namespace |= {name: sets[of] for name, of in definition.sets.items()}
        namespace |= dict.fromkeys(definition.workspaces, workspace)
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


def _is_workspace(value: Any) -> bool:
    # its module imports this one
    return type(value).__module__ == "nbpart.workspace.workspace" and type(value).__name__ == "Workspace"


def _in_folder(folder: str) -> contextlib.AbstractContextManager[None]:
    """Relative paths of a sensor mean the folder where it was registered."""
    return contextlib.chdir(folder)
