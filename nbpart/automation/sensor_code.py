"""The code of sensors: storing it in the catalog, so that any process can ask a sensor, and calling it."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nbpart.assets.carrying.carry import carry
from nbpart.assets.carrying.origins import variables_around
from nbpart.assets.kept_paths import find_path, keep_path
from nbpart.assets.sources import import_root, is_importable, plain_function
from nbpart.automation.sensor import Sensor, SensorContext, SensorResult, as_result
from nbpart.catalog import SensorRecord
from nbpart.errors import DeclarationError
from nbpart.partitions import check_name
from nbpart.project.partition_set import PartitionSet
from nbpart.project.partition_sets import load_sets
from nbpart.project.project import Project


@dataclass(frozen=True)
class SensorDefinition:
    """A sensor as the catalog stores it: the module and name to import, or the source of a function of a cell.

    ``sets`` and ``workspaces`` name the variables of such a source that hold sets of partitions and the workspace: they
    are filled in anew when the sensor is called. Paths are absolute, or relative to the project as `to_stored` makes
    them.
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


def define_sensor(sensor: Sensor, workspace_type: type) -> SensorDefinition:
    """The definition of a declared sensor, with absolute paths.

    Variables that hold partitions or a workspace (of ``workspace_type``) are only named: the process that calls the
    sensor fills in its own. Raises `CarryError` for a function of a cell that uses something else which cannot be
    stored with its source.
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
    workspaces = {name for name, value in variables.items() if isinstance(value, workspace_type)}
    carried = carry(function, given={*sets, *workspaces})
    return SensorDefinition(
        *common,
        source=carried.source,
        call=carried.call,
        sets={name: sets[name] for name in sorted(carried.given & set(sets))},
        workspaces=sorted(carried.given & workspaces),
    )


def to_stored(definition: SensorDefinition, root: Path) -> SensorDefinition:
    """The definition with paths below the project of the workspace ``root`` relative, as the catalog stores it."""
    module_root = definition.root and keep_path(definition.root, root)
    return replace(definition, folder=keep_path(definition.folder, root), root=module_root)


def load_definition(record: SensorRecord, root: Path) -> SensorDefinition:
    """The definition of a recorded sensor, with absolute paths: the reverse of `to_stored`."""
    stored = SensorDefinition(**record.definition)
    return replace(stored, folder=find_path(stored.folder, root), root=stored.root and find_path(stored.root, root))


def ask_sensor(
    project: Project, record: SensorRecord, sensor: Sensor | None, workspace: object
) -> tuple[SensorResult, Mapping[str, PartitionSet]]:
    """Call a sensor's function; returns its answer with the cursor that it leaves, and the sets of partitions by name.

    ``sensor`` is its declaration if it was made in this process; ``workspace`` fills the variables of its code that
    held the workspace. Raises what its function raises, and `DeclarationError` for a wrong answer.
    """
    definition, sets = load_definition(record, project.root), load_sets(project.catalog)
    context = SensorContext(sets, record.cursor)
    with _in_folder(definition.folder):
        function = sensor.function if sensor is not None else _load_function(definition, workspace, sets)
        answer = function(context)
    result = as_result(answer, definition.set_name or _only_set(context, sets))
    cursor = context.cursor if result.cursor is None else result.cursor
    if not isinstance(cursor, str | None):
        raise DeclarationError(f"sensor {record.name!r} left the cursor {cursor!r}; a cursor is text: use str().")
    return replace(result, cursor=cursor), sets


def _only_set(context: SensorContext, sets: Mapping[str, Any]) -> str | None:
    """The set that keys belong to where the sensor declares none: the one that it asked for, or the only one."""
    asked = set(context.asked_sets) or set(sets)
    return next(iter(asked)) if len(asked) == 1 else None


def _load_function(
    definition: SensorDefinition, workspace: object, sets: Mapping[str, PartitionSet]
) -> Callable[[Any], Any]:
    if definition.source is not None:
        namespace: dict[str, Any] = {"__name__": "__nbpart_sensor__"}
        namespace |= {name: sets[of] for name, of in definition.sets.items()}
        namespace |= dict.fromkeys(definition.workspaces, workspace)
        # the user's own code, stored when the user registered it
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
    """Change to the folder where a sensor was registered: its relative paths mean that folder."""
    return contextlib.chdir(folder)
