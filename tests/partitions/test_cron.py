"""What is computed as arrays is what cronsim counts up to, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
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


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Europe/Berlin"])
@pytest.mark.parametrize(
    "cron", ["30 1 * * *", "0 2 * * *", "0 * * * *", "30 1,3 * * *", "0 */2 * * *", "0 0 * * 1-5", "0 0 1 1 *"]
)
def test_what_follows_and_precedes_is_the_next_of_all_instants(cron: str, zone: str) -> None:
    expression, place = Cron.parse(cron), ZoneInfo(zone)
    for change in ("2024-03-10", "2024-04-06", "2024-10-26", "2024-11-03"):
        since = int(datetime.fromisoformat(change).replace(tzinfo=UTC).timestamp())
        instants = expression.instants(place, since - 800 * 86_400, since + 800 * 86_400)
        for at in range(since, since + 36 * 3_600, 1_800):
            assert expression.following(place, at) == instants[np.searchsorted(instants, at, side="right")]
            assert expression.preceding(place, at) == instants[np.searchsorted(instants, at) - 1]
