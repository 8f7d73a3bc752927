"""Sensors: what looks at the outside and adds keys."""

from nbpart.automation.sensor import (
    RunRequest,
    Sensor,
    SensorContext,
    SensorResult,
    as_result,
    declare_sensor,
    read_interval,
    sensor,
)

__all__ = [
    "RunRequest",
    "Sensor",
    "SensorContext",
    "SensorResult",
    "as_result",
    "declare_sensor",
    "read_interval",
    "sensor",
]
