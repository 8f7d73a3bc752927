"""Automation: sensors, which look for new data, add keys and ask for runs."""

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
