from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from nbpart.errors import PartitionKeyError
from nbpart.partitions import (
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    MultiPartitions,
    StaticPartitions,
)
from nbpart.partitions.key_values import count_windows, key_parameters, key_values, key_window

NEW_YORK = ZoneInfo("America/New_York")
DAYS = DailyPartitions("days", start="2024-03-01", timezone="America/New_York")
TRIALS = DynamicPartitions("trials", {"lr": float}, {"note": str})


def test_a_plain_key_spells_nothing() -> None:
    assert key_values(DynamicPartitions("files"), "a.csv") == {}
    assert key_values(StaticPartitions(["a"]), "a") == {}
    assert (key_parameters(None, None), key_window(None, None)) == ({}, None)


def test_typed_keys_and_parameters_are_values() -> None:
    assert key_values(StaticPartitions(range(11), column="fold"), "10") == {"fold": 10}
    assert key_values(TRIALS, "lr=0.5") == key_parameters(TRIALS, "lr=0.5") == {"lr": 0.5}  # a note is no part of a key


def test_a_window_has_aware_times_in_its_zone() -> None:
    start, end = datetime(2024, 3, 10, tzinfo=NEW_YORK), datetime(2024, 3, 11, tzinfo=NEW_YORK)
    assert key_values(DAYS, "2024-03-10") == {"days": date(2024, 3, 10), "window_start": start, "window_end": end}
    assert key_window(DAYS, "2024-03-10") == (start, end)
    assert end.astimezone(ZoneInfo("UTC")) - start.astimezone(ZoneInfo("UTC")) == timedelta(hours=23)
    hours = HourlyPartitions("hours", start="2024-11-03", timezone="America/New_York")
    first, second = (key_values(hours, key)["hours"] for key in ("2024-11-03T01:00", "2024-11-03T01:00-0500"))
    assert first == second == datetime(2024, 11, 3, 1)
    with pytest.raises(PartitionKeyError, match="names no window"):
        key_values(DAYS, "2023-01-01")


def test_products_and_children_have_what_their_parts_have() -> None:
    grid = MultiPartitions({"day": DAYS, "trial": TRIALS, "origin": ["E/R"]}, name="grid")
    key = grid.spell({"day": "2024-03-02", "trial": "lr=0.5", "origin": "E/R"})
    found = key_values(grid, key)
    assert list(found) == ["day", "day_start", "day_end", "origin", "trial", "lr"]
    assert (found["day"], found["origin"], found["trial"]) == (date(2024, 3, 2), "E/R", "lr=0.5")
    assert key_parameters(grid, key) == {"lr": 0.5}
    assert key_window(grid, key) == (found["day_start"], found["day_end"])
    chunks = DynamicPartitions("chunks", {"n": int}, under={"cell": grid})
    child = chunks.spell(key, "n=7")
    assert key_values(chunks, child)["day"] == date(2024, 3, 2)
    assert key_parameters(chunks, child) == {"lr": 0.5, "n": 7}
    assert key_values(DynamicPartitions("lines", under={"file": ["a/b"]}), "a%2Fb/x") == {"file": "a/b", "lines": "x"}


def test_two_windows_are_no_window() -> None:
    both = MultiPartitions({"sent": DAYS, "seen": DailyPartitions("others", start="2024-01-01")}, name="both")
    assert count_windows(both) == 2
    assert key_window(both, both.spell({"sent": "2024-03-02", "seen": "2024-03-03"})) is None
