from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbpart.automation.due import MOST_BACKOFF_S, LastLook, find_next_look
from nbpart.catalog import TriggerRecord
from nbpart.states import TriggerKind

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
MINUTELY = {"cron": "* * * * *", "timezone": "UTC"}


def make_trigger(kind: TriggerKind, definition: dict[str, Any]) -> TriggerRecord:
    long_ago = NOW - timedelta(days=9)
    return TriggerRecord(1, "one", kind, True, True, definition, None, long_ago, long_ago)


def next_look_s(kind: TriggerKind, definition: dict[str, Any], last: LastLook | None, sequence: int = 7) -> float:
    """In how many seconds a trigger looks next."""
    return (find_next_look(make_trigger(kind, definition), last, sequence, NOW) - NOW).total_seconds()


@pytest.mark.parametrize("kind", TriggerKind)
def test_one_that_never_looked_looks_at_once(kind: TriggerKind) -> None:
    assert next_look_s(kind, MINUTELY | {"every_s": 30}, None) == 0


def test_a_sensor_looks_as_often_as_it_says() -> None:
    assert next_look_s(TriggerKind.SENSOR, {"every_s": 30}, LastLook(NOW)) == 30
    assert next_look_s(TriggerKind.SOURCE, {"every_s": 0.5}, LastLook(NOW - timedelta(seconds=9))) == -8.5


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 60), (2, 120), (3, 240), (9, MOST_BACKOFF_S), (500, MOST_BACKOFF_S)]
)
def test_one_that_fails_looks_half_as_often_with_each_failure(failures: int, seconds: float) -> None:
    assert next_look_s(TriggerKind.SENSOR, {"every_s": 30}, LastLook(NOW, failures)) == seconds


def test_one_that_looks_seldom_looks_no_less_often_for_a_failure() -> None:
    assert next_look_s(TriggerKind.SENSOR, {"every_s": 7200}, LastLook(NOW, 3)) == 7200


def test_an_automation_looks_when_something_was_recorded() -> None:
    assert next_look_s(TriggerKind.AUTOMATION, {}, LastLook(NOW, sequence=6)) == 0
    assert next_look_s(TriggerKind.AUTOMATION, {}, LastLook(NOW, sequence=7)) == 15
    assert next_look_s(TriggerKind.AUTOMATION, {}, LastLook(NOW, 2, sequence=6)) == 60, (
        "what fails is not asked at once"
    )


def test_a_schedule_looks_at_its_times_and_soon_after_a_failure() -> None:
    at = NOW + timedelta(seconds=0.5)
    assert next_look_s(TriggerKind.SCHEDULE, MINUTELY, LastLook(at)) == 60
    assert next_look_s(TriggerKind.SCHEDULE, MINUTELY | {"cron": "0 6 * * *"}, LastLook(at)) == 18 * 3600
    assert next_look_s(TriggerKind.SCHEDULE, MINUTELY | {"cron": "0 6 * * *"}, LastLook(NOW, 1)) == 60
    missed = LastLook(NOW - timedelta(hours=5))
    assert next_look_s(TriggerKind.SCHEDULE, MINUTELY, missed) < 0, "a time that nobody watched is due at once"


def test_one_that_waits_for_a_file_to_be_still_looks_then() -> None:
    at = NOW + timedelta(seconds=3)
    assert next_look_s(TriggerKind.SOURCE, {"every_s": 30}, LastLook(NOW, again_at=at)) == 3
    assert next_look_s(TriggerKind.SOURCE, {"every_s": 2}, LastLook(NOW, again_at=at)) == 2
