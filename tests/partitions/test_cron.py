"""What is computed as arrays is what cronsim counts up to, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from nbpart.partitions.cron import Cron
from tests.partitions.test_windows import CRONS, STARTS, ZONES


@given(CRONS, ZONES, STARTS, st.integers(1, 200))
def test_instants_are_those_of_cronsim(cron: str, zone: str, since: datetime, days: int) -> None:
    first = since.replace(tzinfo=UTC, microsecond=0)
    until = first + timedelta(days=days if not cron.endswith("* * * *") else days / 20)
    found = Cron.parse(cron).instants(ZoneInfo(zone), int(first.timestamp()), int(until.timestamp()))
    expected = []
    for tick in CronSim(cron, (first - timedelta(seconds=60)).astimezone(ZoneInfo(zone))):
        if tick.timestamp() >= until.timestamp():
            break
        if tick.timestamp() >= first.timestamp():
            expected.append(int(tick.timestamp()))
    assert found.tolist() == expected
