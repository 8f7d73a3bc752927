"""The code of sensors: kept in the catalog, so that any process can ask them; and asking them."""

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


def define_sensor(sensor: Sensor, workspace_type: type) -> SensorDefinition:
    """A sensor as the catalog keeps it. Raises `CarryError` for one of a cell that names what cannot be carried.

    Partitions and workspaces, which are of ``workspace_type``, need not be carried: whoever asks the sensor gives it
    his own.
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


def keep_sensor(definition: SensorDefinition, root: Path) -> SensorDefinition:
    """The definition as the catalog of the workspace ``root`` keeps it."""
    module_root = definition.root and keep_path(definition.root, root)
    return replace(definition, folder=keep_path(definition.folder, root), root=module_root)


def find_sensor_code(record: SensorRecord, root: Path) -> SensorDefinition:
    """The definition of a sensor that `keep_sensor` kept, with the folders of its code as they are now."""
    kept = SensorDefinition(**record.definition)
    return replace(kept, folder=find_path(kept.folder, root), root=kept.root and find_path(kept.root, root))


def ask_sensor(
    project: Project, record: SensorRecord, sensor: Sensor | None, workspace: object
) -> tuple[SensorResult, Mapping[str, PartitionSet]]:
    """What a sensor answers, with the cursor that it leaves, and the sets of dynamic partitions by name.

    ``sensor`` is its declaration if it was made in this process; ``workspace`` is what its code finds under the names
    that stood for the workspace. Raises what its function raises, and
    `DeclarationError` for an answer that is none.
    """
    definition, sets = find_sensor_code(record, project.root), load_sets(project.catalog)
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
    """The set that keys belong to where the sensor does not say: the one that it asked for, or the only one."""
    asked = set(context.asked) or set(sets)
    return next(iter(asked)) if len(asked) == 1 else None


def _load_function(
    definition: SensorDefinition, workspace: object, sets: Mapping[str, PartitionSet]
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


def _in_folder(folder: str) -> contextlib.AbstractContextManager[None]:
    """Relative paths of a sensor mean the folder where it was registered."""
    return contextlib.chdir(folder)
