from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbpart.errors import ParameterError, PartitionKeyError, UnknownNameError
from nbpart.partitions import (
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    Param,
    StaticPartitions,
    TimeWindowPartitions,
    WeeklyPartitions,
    spell_keys,
)

files = DynamicPartitions("files")
trials = DynamicPartitions("trials", params={"lr": float, "depth": Param(int, default=3)})
regions = StaticPartitions(["north", "south"])
days = DailyPartitions("days", "2013-01-01", timezone="America/New_York")
from_two = DailyPartitions("from_two", "2013-01-01", hour=2, timezone="America/New_York")
weeks = WeeklyPartitions("weeks", "2013-01-01")
months = MonthlyPartitions("months", "2013-01-01")
hours = HourlyPartitions("hours", "2013-01-01", timezone="America/New_York")


def test_one_key_or_many() -> None:
    assert spell_keys(files, "a.csv") == ["a.csv"]
    assert spell_keys(files, ["b", "a", "b"]) == ["b", "a", "b"]
    assert spell_keys(files, (c for c in "ab")) == ["a", "b"]
    assert [type(key) for key in spell_keys(files, np.array(["a"]))] == [str]
    assert spell_keys(trials, {"lr": 0.1}) == ["depth=3,lr=0.1"]
    assert spell_keys(trials, "lr=0.10,depth=5") == ["depth=5,lr=0.1"]
    assert spell_keys(trials, [{"lr": 1}, "lr=1", {"lr": 2, "depth": 1}]) == ["depth=3,lr=1.0"] * 2 + ["depth=1,lr=2.0"]
    assert spell_keys(regions, ["south"]) == ["south"]
    assert spell_keys(files, []) == []
    assert spell_keys(days, pd.date_range("2013-01-30", periods=3)) == ["2013-01-30", "2013-01-31", "2013-02-01"]
    assert spell_keys(days, date(2013, 1, 30)) == ["2013-01-30"]


@pytest.mark.parametrize(
    ("definition", "key", "text"),
    [
        (days, date(2013, 1, 31), "2013-01-31"),
        (days, datetime(2013, 1, 31), "2013-01-31"),
        (days, pd.Timestamp("2013-01-31"), "2013-01-31"),
        (days, np.datetime64("2013-01-31"), "2013-01-31"),
        (days, np.datetime64("2013-01-31", "ns"), "2013-01-31"),
        (days, np.datetime64("2013-02"), "2013-02-01"),
        (days, pd.Timestamp("2013-01-31", tz="America/New_York"), "2013-01-31"),
        (days, datetime(2013, 1, 31, 5, tzinfo=UTC), "2013-01-31"),
        (days, "2013-01-31T00:00:00-05:00", "2013-01-31"),
        (days, "2013-01-31 00:00:00", "2013-01-31"),
        (from_two, date(2013, 3, 10), "2013-03-10"),  # 02:00 does not exist on that day
        (from_two, pd.Timestamp("2013-03-11"), "2013-03-11"),
        (from_two, datetime(2013, 3, 11, 2), "2013-03-11"),
        (weeks, date(2013, 1, 7), "2013-01-07"),
        (months, date(2013, 2, 1), "2013-02"),
        (months, "2013-02-01", "2013-02"),
        (months, "2013-02", "2013-02"),
        (hours, datetime(2013, 1, 31, 5), "2013-01-31T05:00"),
        (hours, "2013-01-31 05:00:00", "2013-01-31T05:00"),
        (hours, datetime(2013, 1, 31, 10, tzinfo=UTC), "2013-01-31T05:00"),
        (hours, date(2013, 1, 31), "2013-01-31T00:00"),
        (hours, datetime(2013, 11, 3, 1), "2013-11-03T01:00"),
        (hours, datetime(2013, 11, 3, 1, fold=1), "2013-11-03T01:00-0500"),
        (hours, datetime(2013, 11, 3, 6, tzinfo=UTC), "2013-11-03T01:00-0500"),
        (hours, "2013-11-03T01:00-05:00", "2013-11-03T01:00-0500"),
        (DailyPartitions("d", "2021/05/05".replace("/", "-"), fmt="%Y/%m/%d"), date(2021, 5, 7), "2021/05/07"),
        (DailyPartitions("d", "2021-05-05", fmt="%Y/%m/%d"), "2021-05-07", "2021/05/07"),
    ],
)
def test_dates_and_times_are_taken_for_windows(definition: TimeWindowPartitions, key: Any, text: str) -> None:
    assert spell_keys(definition, key) == [text]


@pytest.mark.parametrize(
    ("definition", "keys", "error", "says"),
    [
        (files, "", PartitionKeyError, "Partitions 'files': .*empty"),
        (files, 3, PartitionKeyError, "int"),
        (files, ["a", None], PartitionKeyError, "NoneType"),
        (files, {"lr": 0.1}, ParameterError, "Partitions 'files': They have no parameters"),
        (trials, "a.csv", PartitionKeyError, "depth=…,lr=…"),
        (trials, [{"lr": "x"}], ParameterError, "Partitions 'trials': Parameter 'lr' takes float"),
        (trials, 3, PartitionKeyError, "int"),
        (regions, "nroth", UnknownNameError, "did you mean 'north'"),
        (
            days,
            "2012-12-31",
            UnknownNameError,
            "Partitions 'days': no window begins at .*the first begins at 2013-01-01",
        ),
        (days, "x", UnknownNameError, "'x' is no key of theirs, which are spelled as '2013-01-01' is"),
        (days, 3, UnknownNameError, "3 is no key"),
        (days, pd.NaT, UnknownNameError, "NaT is no key"),
        (days, datetime(2013, 1, 31, 5), UnknownNameError, "lies in '2013-01-31'"),
        (days, pd.Timestamp("2013-01-31", tz="UTC"), UnknownNameError, "lies in '2013-01-30'"),
        (days, {"day": 3}, UnknownNameError, "is no key"),
        (weeks, date(2013, 1, 9), UnknownNameError, "lies in '2013-01-07'"),
        (months, "2013-02-03", UnknownNameError, "lies in '2013-02'"),
        (hours, datetime(2013, 3, 10, 2), UnknownNameError, "no window begins at .*"),
        (
            DailyPartitions("d", "2013-01-01", end="2013-01-03"),
            "2013-01-03",
            UnknownNameError,
            "they end at 2013-01-03",
        ),
        (DailyPartitions("d", "2013-01-01", exclude="2013-01-03"), "2013-01-03", UnknownNameError, "excluded"),
        (
            DailyPartitions("d", "2011-12-28", timezone="Pacific/Apia"),
            "2011-12-30",
            UnknownNameError,
            "no window begins",
        ),
    ],
)
def test_keys_that_are_refused(definition: Any, keys: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        spell_keys(definition, keys)


def test_every_window_is_found_by_its_start() -> None:
    now = datetime(2014, 1, 1, tzinfo=UTC)
    for definition in (days, from_two, weeks, months, hours):
        windows = definition.windows(now)
        starts = pd.to_datetime(windows.starts, unit="s", utc=True)
        assert spell_keys(definition, starts[:400]) == windows.keys[:400]
        assert spell_keys(definition, windows.keys[-50:]) == windows.keys[-50:]
