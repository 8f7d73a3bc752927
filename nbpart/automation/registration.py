"""Registering what a user declares: assets, sources, partitions, and sensors beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from nbpart.automation.sensor import Sensor
from nbpart.automation.sensor_code import define_sensor, keep_sensor
from nbpart.catalog import Batch, events
from nbpart.project.project import Project
from nbpart.project.registration import check_once, register


def register_items(project: Project, items: Sequence[Any], workspace: object) -> dict[str, Sensor]:
    """Register assets, sources, partitions and sensors, all of them or none; the sensors among them by name.

    ``workspace`` is what stands for the project in the code of sensors: variables that hold such an object need not be
    carried. Raises what `register` raises, and `CarryError` for a sensor of a cell that names what cannot be carried.
    """
    sensors = [item for item in items if isinstance(item, Sensor)]
    kept = {s.name: asdict(keep_sensor(define_sensor(s, type(workspace)), project.root)) for s in sensors}
    check_once(sensors, "sensor")

    def save_sensors(batch: Batch) -> None:
        for name, definition in kept.items():
            events.save_sensor(batch, name, definition)

    register(project, [item for item in items if not isinstance(item, Sensor)], save_sensors)
    return {sensor.name: sensor for sensor in sensors}
