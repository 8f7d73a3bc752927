"""Late partitions: the column, the condition, the sentence of why; and the same in SQL as by the rule."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import numpy as np
import pytest

import nbpart
from nbpart.catalog.lateness import count_late, find_next_due, load_expectations, load_late
from tests.backfill.pools import Stage
from tests.clocks import Clock, read_moment, set_clock
from tests.recording import record

NEW_YORK = "America/New_York"
NINE = nbpart.expect(by="09:00")


def visits(partition_key: str) -> str:
    return partition_key


def report() -> str:
    return "made"


@pytest.fixture
def ws(ws: nbpart.Workspace) -> nbpart.Workspace:
    ws.project.make_pool = Stage().make_pool
    set_clock(ws, "2026-03-07T12:00-05:00")
    days = ws.partitions(nbpart.DailyPartitions("days", start="2026-03-01", timezone=NEW_YORK))
    ws.asset(visits, partitions=days, fresh=NINE)
    return ws


def make(ws: nbpart.Workspace, asset: str, key: str | None = None) -> None:
    """Materialize a partition now, as the clock of the workspace has it."""
    with mock.patch("nbpart.project.manual_run.datetime", Clock(ws.project.catalog.clock())):
        record(ws, asset, key)


def list_late(ws: nbpart.Workspace, asset: str = "visits") -> list[str]:
    return ws.partition_status(asset, where="late").partition_key.tolist()  # type: ignore[no-any-return]


def test_a_day_is_late_from_nine_until_it_is_made(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2026-03-08T08:59-04:00")
    assert list_late(ws) == ["2026-03-06"]
    set_clock(ws, "2026-03-08T09:00-04:00")
    frame = ws.partition_status("visits").set_index("partition_key")
    assert frame.late.dtype == bool
    assert frame.index[frame.late].tolist() == list_late(ws) == ["2026-03-07"]
    assert frame.reason["2026-03-07"] == "never run", "why it is outdated comes first"
    why = ws.why("visits", "2026-03-07")
    assert why.late_since == read_moment("2026-03-08T09:00-04:00")
    assert why.text.startswith("missing: never run; late since ")
    assert "".join(text for text, _ in why.parts) == why.text
    assert ws.why("visits", "2026-03-06").text == "missing: never run"
    make(ws, "visits", "2026-03-07")
    assert list_late(ws) == []
    assert not ws.partition_status("visits").late.any()


def test_the_backfill_of_old_days_changes_nobodys_lateness(ws: nbpart.Workspace) -> None:
    set_clock(ws, "2026-03-08T10:00-04:00")
    for day in ("2026-03-01", "2026-03-02"):
        make(ws, "visits", day)
    assert list_late(ws) == ["2026-03-07"]
    ws.wipe("visits", keys="2026-03-01")
    assert list_late(ws) == ["2026-03-07"]


def test_a_day_that_was_made_before_its_end_is_late(ws: nbpart.Workspace) -> None:
    early = nbpart.DailyPartitions("early", start="2026-03-01", timezone=NEW_YORK, end_offset=1)
    ws.asset(visits, name="so_far", partitions=ws.partitions(early), fresh=NINE)
    make(ws, "so_far", "2026-03-07")
    set_clock(ws, "2026-03-08T09:30-04:00")
    assert list_late(ws, "so_far") == ["2026-03-07"]
    frame = ws.partition_status("so_far", where="late")
    assert (frame.status[0], frame.reason[0]) == ("materialized", "late")
    assert ws.why("so_far", "2026-03-07").text.startswith("materialized: made ")


def test_an_asset_without_windows_is_late_by_its_newest_materialization(ws: nbpart.Workspace) -> None:
    ws.asset(report, fresh=nbpart.expect(by="09:00", timezone=NEW_YORK, within="2d"))
    assert ws.partition_status("report").late.tolist() == [False], "it came after nine"
    set_clock(ws, "2026-03-08T09:00-04:00")
    assert ws.partition_status("report").late.tolist() == [True]
    make(ws, "report")
    for now, late in (("2026-03-10T08:59", False), ("2026-03-10T09:00", False), ("2026-03-11T09:00", True)):
        set_clock(ws, f"{now}-04:00")
        assert ws.partition_status("report").late.tolist() == [late]
    assert ws.partition_status("report").reason.tolist() == ["late"]


def test_a_key_is_not_late_before_it_came(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add("a")
    ws.asset(visits, name="clean", partitions=files, fresh=NINE)
    set_clock(ws, "2026-03-09T12:00Z")
    files.add("b")
    ws.asset(visits, name="by_shop", partitions=nbpart.MultiPartitions({"f": files, "s": ["x"]}, name="fs"), fresh=NINE)
    assert list_late(ws, "clean") == ["a"]
    assert list_late(ws, "by_shop") == []
    set_clock(ws, "2026-03-10T09:00Z")
    assert list_late(ws, "clean") == ["a", "b"]
    set_clock(ws, "2026-03-10T09:01Z")
    files.add("c")
    assert list_late(ws, "by_shop") == ["f=a,s=x", "f=b,s=x"]


def test_of_a_product_that_is_late_whose_window_is(ws: nbpart.Workspace) -> None:
    days = ws.partitions("days")
    grid = nbpart.MultiPartitions({"day": days, "shop": ["a", "b"]}, name="day_shop")
    ws.asset(visits, name="by_shop", partitions=grid, fresh=NINE)
    hours = nbpart.HourlyPartitions("hours", start="2026-03-07", timezone=NEW_YORK)
    ws.asset(visits, name="both", partitions=nbpart.MultiPartitions({"d": days, "h": hours}, name="dh"), fresh=NINE)
    set_clock(ws, "2026-03-08T09:30-04:00")
    make(ws, "by_shop", "day=2026-03-07,shop=b")
    assert list_late(ws, "by_shop") == ["day=2026-03-07,shop=a"]
    late = set(list_late(ws, "both"))
    assert "d=2026-03-01,h=2026-03-08T08:00" in late, "the later of its two windows ended within the last day"
    assert "d=2026-03-07,h=2026-03-07T00:00" in late
    assert "d=2026-03-01,h=2026-03-07T00:00" not in late


def test_what_nothing_is_expected_of_is_never_late_and_may_be_asked(ws: nbpart.Workspace) -> None:
    ws.asset(report)
    assert ws.partition_status("report").late.tolist() == [False]
    assert ws.partition_status("report", where="late").empty
    set_clock(ws, "2026-03-08T10:00-04:00")
    plan = ws.plan("*", where="late")
    assert plan.frame.partition_key.tolist() == ["2026-03-07"]
    assert not plan.untouched
    assert ws.project.catalog.read(lambda batch: count_late(batch)) == {id_of(ws, "visits"): 1}
    ws.asset(visits, partitions=ws.partitions("days"))
    assert list_late(ws) == []
    assert ws.project.catalog.read(load_expectations) == {}
    assert ws.project.catalog.read(find_next_due) is None


def test_what_is_expected_is_no_part_of_the_code(ws: nbpart.Workspace) -> None:
    make(ws, "visits", "2026-03-05")
    before = ws.assets["visits"].code_version
    ws.asset(visits, partitions=ws.partitions("days"), fresh=nbpart.expect(by="07:00", within="3d"))
    assert ws.assets["visits"].code_version == before
    assert ws.partition_status("visits").set_index("partition_key").status["2026-03-05"] == "materialized"
    assert ws.assets["visits"].fresh == nbpart.expect(by="07:00", timezone=NEW_YORK, within="3d")


def id_of(ws: nbpart.Workspace, asset: str) -> int:
    return ws.project.registry()[asset].asset_id


@pytest.mark.parametrize("seed", range(6))
def test_the_query_equals_the_rule(ws: nbpart.Workspace, seed: int) -> None:
    pick = random.Random(seed)
    fresh: Any = nbpart.expect(
        by=pick.choice(["00:00", "02:30", "09:00"]), timezone=NEW_YORK, within=pick.choice(["1d", "3d", "30h", "90m"])
    )
    start = read_moment("2026-03-01T00:00-05:00")
    set_clock(ws, "2026-03-01T00:00-05:00")
    files = ws.dynamic_partitions("files")
    hours = nbpart.HourlyPartitions("hours", start="2026-03-01", timezone=NEW_YORK, end_offset=3)
    ws.asset(visits, name="by_hour", partitions=ws.partitions(hours), fresh=fresh)
    ws.asset(visits, name="by_file", partitions=files, fresh=fresh)
    came, made = dict[str, datetime](), dict[tuple[str, str], datetime]()
    now = start
    for n in range(10):
        now += timedelta(seconds=pick.choice([1, 3_600, 40_000, 86_400]) * pick.random())
        set_clock(ws, now.isoformat())
        files.add(f"f{n}")
        came[f"f{n}"] = now
        for asset in ("by_hour", "by_file"):
            keys = ws.partition_status(asset).partition_key.tolist()
            for key in pick.sample(keys, min(len(keys), pick.randrange(3))):
                make(ws, asset, key)
                made[asset, key] = now
    now += timedelta(hours=pick.choice([0, 5, 9, 33]))
    set_clock(ws, now.isoformat())
    for asset in ("by_hour", "by_file"):
        frame = ws.partition_status(asset)
        ends = frame.window_end if "window_end" in frame else [None] * len(frame)
        expected = {}
        for key, end in zip(frame.partition_key, ends, strict=True):
            known = {"made_at": made.get((asset, key)), "came_at": came.get(key, start)}
            if since := fresh.late_since(ends_at=end and end.to_pydatetime(), now=now, **known):
                expected[key] = since.astimezone(UTC)
        assert frame.partition_key[frame.late].tolist() == list(expected), asset
        late = ws.project.catalog.read(lambda batch, asset=asset: load_late(batch, id_of(ws, asset)))  # type: ignore[misc]
        assert late is not None
        assert np.sort(late.since).tolist() == sorted(at.timestamp() for at in expected.values())
