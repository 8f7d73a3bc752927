"""The code of sensors as the catalog stores it, so that any process can ask a sensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbpart.assets.carrying.carry import carry
from nbpart.assets.carrying.origins import variables_around
from nbpart.assets.code import version_of_carried, version_of_function
from nbpart.assets.kept_paths import find_path, keep_path
from nbpart.assets.modules.search_path import path_of_process
from nbpart.assets.sources import import_root, is_importable, plain_function
from nbpart.automation.sensor import Sensor
from nbpart.automation.sensor_call import SensorDefinition
from nbpart.catalog import TriggerRecord
from nbpart.partitions import check_name
from nbpart.project.partition_set import PartitionSet


def define_sensor(sensor: Sensor, workspace_type: type) -> SensorDefinition:
    """The definition of a declared sensor, with absolute paths.

    Variables that hold partitions or a workspace (of ``workspace_type``) are only named: the process that calls the
    sensor fills in its own. Raises `CarryError` for a function of a cell that uses something else which cannot be
    stored with its source.
    """
    check_name(sensor.name, "sensor")
    function = sensor.function
    set_name = sensor.partitions.set_name if sensor.partitions else None
    root = str(import_root(function)) if is_importable(function) else None
    variables = {**function.__globals__, **variables_around(plain_function(function))}
    sets = {name: value.name for name, value in variables.items() if isinstance(value, PartitionSet)}
    workspaces = {name for name, value in variables.items() if isinstance(value, workspace_type)}
    common = (sensor.every_s, str(sensor.folder), set_name, sensor.description, sensor.timeout_s)
    if root is not None:
        version = version_of_function(function, [sensor.folder, Path(root)], path_of_process()).version
        return SensorDefinition(*common, version, module=function.__module__, root=root, call=function.__name__)
    carried = carry(function, given={*sets, *workspaces})
    version = version_of_carried(carried.source, [sensor.folder], path_of_process()).version
    return SensorDefinition(
        *common,
        version,
        source=carried.source,
        call=carried.call,
        sets={name: sets[name] for name in sorted(carried.given & set(sets))},
        workspaces=sorted(carried.given & workspaces),
    )


def to_stored(definition: SensorDefinition, root: Path) -> SensorDefinition:
    """The definition with paths below the project of the workspace ``root`` relative, as the catalog stores it."""
    module_root = definition.root and keep_path(definition.root, root)
    return replace(definition, folder=keep_path(definition.folder, root), root=module_root)


def load_definition(record: TriggerRecord, root: Path) -> SensorDefinition:
    """The definition of a recorded sensor, with absolute paths: the reverse of `to_stored`."""
    return find_definition(record.definition, root)


def find_definition(recorded: Mapping[str, Any], root: Path) -> SensorDefinition:
    """A recorded definition with absolute paths."""
    stored = SensorDefinition(**recorded)
    return replace(stored, folder=find_path(stored.folder, root), root=stored.root and find_path(stored.root, root))
