"""What `+` adds to chosen keys: what the mappings of what is read lead to, up and down."""

from __future__ import annotations

from typing import Any

import pytest

import nbpart

WINDOW = {"start": "2024-03-01", "end": "2024-03-11", "timezone": "America/New_York"}


@pytest.fixture
def ws(ws: nbpart.Workspace) -> nbpart.Workspace:
    days = ws.partitions(nbpart.DailyPartitions("days", **WINDOW))
    hours = ws.partitions(nbpart.HourlyPartitions("hours", **WINDOW))
    weeks = ws.partitions(nbpart.WeeklyPartitions("weeks", **{**WINDOW, "start": "2024-02-26"}))
    shops = ws.dynamic_partitions("shops")
    shops.add("north", "south")
    ws.partitions(nbpart.MultiPartitions({"day": days, "shop": shops}, name="sales"))

    @ws.asset(partitions=hours)
    def clicks(partition_key: str) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=days)
    def visits(clicks: Any) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=days, deps={"visits": nbpart.overlap(start=-2)})
    def rolling(visits: Any) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=weeks)
    def weekly(visits: Any) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=days, deps={"before": nbpart.previous(of="balance"), "visits": nbpart.overlap()})
    def balance(before: Any, visits: Any) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=ws.partitions("sales"))
    def share(visits: Any) -> str: ...  # type: ignore[empty-body]

    @ws.asset
    def report(rolling: Any) -> str: ...  # type: ignore[empty-body]

    return ws


def steps(ws: nbpart.Workspace, selection: str, keys: Any) -> dict[str, list[Any]]:
    frame = ws.plan(selection, keys=keys).frame
    return {str(asset): list(some) for asset, some in frame.groupby("asset")["partition_key"]}


def days(first: int, last: int) -> list[str]:
    return [f"2024-03-{day:02}" for day in range(first, last + 1)]


def test_above_are_the_keys_that_are_read(ws: nbpart.Workspace) -> None:
    found = steps(ws, "+rolling", "2024-03-06")
    assert {name: len(some) for name, some in found.items()} == {"clicks": 72, "visits": 3, "rolling": 1}
    assert found["visits"] == days(4, 6)
    assert found["clicks"][0] == "2024-03-04T00:00"
    assert steps(ws, "+weekly", "2024-03-04")["visits"] == days(4, 10)
    assert len(steps(ws, "+weekly", "2024-03-04")["clicks"]) == 7 * 24 - 1, "the clocks go forward on the last day"
    assert steps(ws, "+share", {"day": "2024-03-02", "shop": "north"}) == {
        "clicks": [f"2024-03-02T{hour:02}:00" for hour in range(24)],
        "visits": ["2024-03-02"],
        "share": ["day=2024-03-02,shop=north"],
    }


def test_below_are_the_keys_that_read(ws: nbpart.Workspace) -> None:
    found = steps(ws, "clicks+", "2024-03-06T05:00")
    assert found.pop("balance") == days(6, 10), "a balance is carried on to all later days"
    assert found == {
        "clicks": ["2024-03-06T05:00"],
        "visits": ["2024-03-06"],
        "rolling": days(6, 8),
        "weekly": ["2024-03-04"],
        "share": ["day=2024-03-06,shop=north", "day=2024-03-06,shop=south"],
        "report": [None],
    }


def test_an_asset_that_reads_itself_is_followed_both_ways(ws: nbpart.Workspace) -> None:
    assert steps(ws, "balance", "2024-03-04") == {"balance": ["2024-03-04"]}
    assert steps(ws, "balance+", "2024-03-04") == {"balance": days(4, 10)}
    above = steps(ws, "+balance", "2024-03-04")
    assert (above["balance"], above["visits"]) == (days(1, 4), days(1, 4))
    assert len(above["clicks"]) == 96


def test_above_and_below_start_both_from_what_is_named(ws: nbpart.Workspace) -> None:
    found = steps(ws, "+visits+", "2024-03-10")
    assert (len(found["clicks"]), found["visits"], found["rolling"]) == (23, ["2024-03-10"], ["2024-03-10"])
    assert found["balance"] == ["2024-03-10"], "what else these read is not added"


def test_what_reads_in_several_ways_is_reached_by_each(ws: nbpart.Workspace) -> None:
    both = {"now": nbpart.overlap(of="visits"), "later": nbpart.overlap(1, 1, of="visits")}

    @ws.asset(partitions=ws.partitions("days"), deps=both)
    def change(now: Any, later: Any) -> str: ...  # type: ignore[empty-body]

    assert steps(ws, "+change", "2024-03-04")["visits"] == days(4, 5)
    assert steps(ws, "visits+", "2024-03-04")["change"] == days(3, 4)


def test_so_many_steps_are_followed_from_asset_to_asset(ws: nbpart.Workspace) -> None:
    assert set(steps(ws, "1+rolling", "2024-03-06")) == {"visits", "rolling"}
    assert steps(ws, "2+rolling", "2024-03-06") == steps(ws, "+rolling", "2024-03-06")
    found = steps(ws, "clicks+1", "2024-03-06T05:00")
    assert found == {"clicks": ["2024-03-06T05:00"], "visits": ["2024-03-06"]}
    both = steps(ws, ["1+rolling", "visits+1"], "2024-03-06")
    assert both["visits"] == days(4, 6)
    assert both["rolling"] == days(6, 8)
    assert both["balance"] == days(6, 10), "what an asset reads of itself is no step to another"
    assert "report" not in both
    assert steps(ws, "visits+2", "2024-03-06")["report"] == [None]
