"""What users of other tools met with windows of time."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import nbpart
from nbpart.errors import DeclarationError
from tests.clocks import Clock, set_clock
from tests.recording import record


def hours_of(windows: Any) -> list[float]:
    frame = windows.frame
    return ((frame["window_end"] - frame["window_start"]) / pd.Timedelta(hours=1)).tolist()  # type: ignore[no-any-return]


def report(partition_key: str) -> str:
    return partition_key


@pytest.mark.parametrize("is_cron", [False, True])
def test_weeks_from_a_midnight_that_the_clock_jumps_over_go_on(ws: nbpart.Workspace, is_cron: bool) -> None:
    set_clock(ws, "2022-10-01")
    given: Any = {"start": "2022-08-21", "timezone": "America/Santiago"}
    weeks = ws.partitions(
        nbpart.TimeWindowPartitions("weeks", "0 0 * * 0", **given)
        if is_cron
        else nbpart.WeeklyPartitions("weeks", weekday=0, **given)
    )
    assert list(weeks) == ["2022-08-21", "2022-08-28", "2022-09-04", "2022-09-11", "2022-09-18"]
    assert hours_of(weeks) == [168, 168, 168, 167, 168]
    assert weeks.row("2022-09-11")["window_start"].isoformat() == "2022-09-11T01:00:00-03:00"
    frame = weeks.frame
    assert frame["window_start"][3].isoformat() == "2022-09-11T01:00:00-03:00"
    assert frame["window_start"][1:].tolist() == frame["window_end"][:-1].tolist(), "without gap or overlap"


@pytest.mark.parametrize(("end_offset", "more"), [(0, []), (1, []), (2, ["2026-03-06"])])
def test_an_excluded_day_is_not_made_up_for_by_a_later_one(
    ws: nbpart.Workspace, end_offset: int, more: list[str]
) -> None:
    set_clock(ws, "2026-03-05T12:00-05:00")
    days = ws.partitions(
        nbpart.TimeWindowPartitions(
            "days",
            "0 0 * * *",
            "2026-03-01",
            timezone="America/New_York",
            exclude="2026-03-05",
            end_offset=end_offset,
        )
    )
    assert list(days) == ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04", *more]


def test_a_year_and_a_week_that_do_not_belong_together_are_refused_when_declared(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2024-06-01")
    with pytest.raises(DeclarationError, match=r"'2024-W01'.* 2024-01-01.* and 2024-12-30"):
        ws.partitions(nbpart.WeeklyPartitions("weeks", "2024-01-01", fmt="%Y-W%V"))
    weeks = ws.partitions(nbpart.WeeklyPartitions("weeks", "2020-12-21", fmt="%G-W%V"))
    assert (weeks[0], weeks[1], weeks[-1]) == ("2020-W52", "2020-W53", "2024-W21")
    set_clock(ws, "2025-01-06")
    assert weeks[-1] == "2025-W01"


def test_a_start_that_is_moved_back_asks_for_the_new_day_alone(ws: nbpart.Workspace, clock: Clock) -> None:
    clock.set("2021-01-04")
    ws.partitions(nbpart.DailyPartitions("days", start="2021-01-02"))
    ws.register(nbpart.asset(report, partitions=ws.partitions("days")))  # type: ignore[call-overload]
    for key in ("2021-01-02", "2021-01-03"):
        record(ws, "report", key, key)
    history = ws.runs("report")
    days = ws.partitions(nbpart.DailyPartitions("days", start="2021-01-01"))
    assert list(days) == ["2021-01-01", "2021-01-02", "2021-01-03"]
    assert ws.plan("report").frame["partition_key"].tolist() == ["2021-01-01"]
    assert ws.load("report", "2021-01-02") == "2021-01-02"
    pd.testing.assert_frame_equal(ws.runs("report"), history)
