"""Automation: sensors, which look for new data, add keys and ask for runs, and schedules, which ask at their times."""

from nbpart.automation.answers import as_result
from nbpart.automation.hook import HookEvent
from nbpart.automation.schedule import Schedule, schedule
from nbpart.automation.sensor import (
    RunRequest,
    Sensor,
    SensorContext,
    SensorResult,
    SkipReason,
    declare_sensor,
    sensor,
)

__all__ = [
    "HookEvent",
    "RunRequest",
    "Schedule",
    "Sensor",
    "SensorContext",
    "SensorResult",
    "SkipReason",
    "as_result",
    "declare_sensor",
    "schedule",
    "sensor",
]
