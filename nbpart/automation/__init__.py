"""Automation: sensors, which look for new data, add keys and ask for runs."""

from nbpart.automation.answers import as_result
from nbpart.automation.sensor import (
    RunRequest,
    Sensor,
    SensorContext,
    SensorResult,
    SkipReason,
    declare_sensor,
    read_interval,
    sensor,
)

__all__ = [
    "RunRequest",
    "Sensor",
    "SensorContext",
    "SensorResult",
    "SkipReason",
    "as_result",
    "declare_sensor",
    "read_interval",
    "sensor",
]
