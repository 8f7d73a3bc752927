"""When a trigger looks next: a function of its definition, its last look and the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nbpart.automation.schedule import next_time
from nbpart.catalog import TriggerRecord
from nbpart.states import TriggerKind

#: A trigger that fails looks half as often with each failure, and at least so often, in seconds.
MOST_BACKOFF_S = 1_800.0
#: How often an automation is asked where nothing was recorded since, in seconds: what waits for quiet becomes due.
_QUIET_EVERY_S = 15.0
#: A schedule that failed is tried again after so many seconds, and half as often with each failure.
_AGAIN_S = 30.0


@dataclass(frozen=True)
class LastLook:
    """When a trigger looked last, how many looks in a row failed, and the number of the last commit that it saw.

    ``again_at`` is when it wanted to look again, if that is before it is due.
    """

    at: datetime
    failures: int = 0
    sequence: int = 0
    again_at: datetime | None = None


def find_next_look(trigger: TriggerRecord, last: LastLook | None, sequence: int, now: datetime) -> datetime:
    """When a trigger is to look next, at once where that is not after ``now``; ``sequence`` is the last commit's."""
    if last is None:
        return now
    match trigger.kind:
        case TriggerKind.SENSOR | TriggerKind.SOURCE:
            coming = last.at + timedelta(seconds=_interval_s(trigger.definition, last.failures))
            return coming if last.again_at is None else min(coming, last.again_at)
        case TriggerKind.AUTOMATION:
            if last.sequence != sequence and not last.failures:
                return now
            return last.at + timedelta(seconds=_interval_s({"every_s": _QUIET_EVERY_S}, last.failures))
        case TriggerKind.SCHEDULE:
            coming = next_time(trigger.definition, max(last.at, trigger.changed_at))
            again = last.at + timedelta(seconds=_interval_s({"every_s": _AGAIN_S}, last.failures))
            return min(coming, again) if last.failures else coming


def _interval_s(definition: Mapping[str, Any], failures: int) -> float:
    every_s = float(definition["every_s"])
    return max(every_s, min(every_s * 2.0 ** min(failures, 30), MOST_BACKOFF_S))
