"""Requests with run keys: obeyed once, for ever, and never without a word; requests alike are one backfill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import nbpart
from nbpart import RunRequest, SensorResult
from tests.backfill.pools import Stage


def raw(partition_key: str) -> str:
    return ""


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def ws(ws: nbpart.Workspace, stage: Stage) -> nbpart.Workspace:
    ws.project.make_pool = stage.make_pool
    ws.asset(raw, partitions=ws.dynamic_partitions("files"))
    return ws


def ask(ws: nbpart.Workspace, *requests: RunRequest, adds: tuple[str, ...] = ()) -> Any:
    """A look of a sensor that gives these requests."""
    files = ws.partitions("files")
    changes = [files.build_add_request(list(adds))] if adds else []

    def asking(context: Any) -> SensorResult | None:
        return None

    ws.sensor(asking)
    ws._sensors["asking"] = nbpart.sensor(lambda context: SensorResult(requests, changes), name="asking")
    return ws.tick("asking", here=True, progress=False)


def test_requests_whose_run_keys_were_used_are_dropped_and_their_keys_are_there(
    ws: nbpart.Workspace, stage: Stage
) -> None:
    keys = [f"k{n}" for n in range(5)]
    week_ago = datetime.now(UTC) - timedelta(days=7)
    ws.project.catalog.clock = lambda: week_ago
    ask(
        ws,
        *(RunRequest(partition_key=f"old{n}", run_key=f"r{n}") for n in range(5)),
        adds=tuple(f"old{n}" for n in range(5)),
    )
    stage.started.clear()
    ws.project.catalog.clock = lambda: datetime.now(UTC)
    tick = ask(ws, *(RunRequest(partition_key=key, run_key=f"r{n}") for n, key in enumerate(keys)), adds=tuple(keys))
    assert (tick.added, tick.dropped, tick.backfill, stage.started) == ({"files": keys}, 5, None, [])
    said = f"5 requests dropped, as their run keys were used before: 'r0' {week_ago:%Y-%m-%d %H:%M} UTC, "
    assert tick.message.startswith(said)
    assert all(f"'r{n}'" in tick.message for n in range(5))
    row = ws.ticks("asking").iloc[0]
    assert (row.dropped, row.added, row.message) == (5, 5, tick.message)
    assert ws.triggers.frame.message.tolist() == [tick.message]
    frame = ws.partitions("files").frame.set_index("partition_key")
    assert set(frame.added_by[keys]) == {"asking"}
    assert set(ws.partition_status("raw").set_index("partition_key").status[keys]) == {"missing"}


def test_a_run_key_stays_used_whatever_becomes_of_its_runs(ws: nbpart.Workspace, stage: Stage) -> None:
    fails = {"now": True}
    stage.answer = lambda spec: ValueError("broken") if fails["now"] else "done"
    ask(ws, RunRequest(partition_key="a", run_key="k1"), adds=("a",))
    assert ws.status().loc["raw", "failed"] == 1
    fails["now"] = False
    for _ in range(2):
        ws.backfill("raw", status="all").wait(progress=False)
    ws.wipe("raw", data=True)
    ws.prune()
    stage.started.clear()
    for _ in range(2):
        tick = ask(ws, RunRequest(partition_key="a", run_key="k1"))
        assert (tick.dropped, tick.backfill, stage.started) == (1, None, [])
        assert tick.message.startswith("1 request dropped, as its run key was used before: 'k1' ")
    assert ws.ticks("asking").error.isna().all()


def test_of_several_requests_with_one_run_key_the_first_counts(ws: nbpart.Workspace, stage: Stage) -> None:
    tick = ask(
        ws, RunRequest(partition_key="a", run_key="k"), RunRequest(partition_key="b", run_key="k"), adds=("a", "b")
    )
    assert ([spec.partition_key for spec in stage.started], tick.dropped) == (["a"], 1)


def test_requests_with_equal_settings_and_tags_are_one_backfill(ws: nbpart.Workspace, stage: Stage) -> None:
    ws.asset(name="raw", partitions=ws.partitions("files"))(with_setting)
    tick = ask(
        ws,
        RunRequest(partition_key="a", settings={"n": 2}, tags={"why": "new"}),
        RunRequest(partition_key="b", tags={"why": "new"}, settings={"n": 2}),
        RunRequest(partition_key="c", settings={"n": 3}, tags={"why": "new"}),
        RunRequest(partition_key="d"),
        adds=("a", "b", "c", "d"),
    )
    assert len(tick.backfills) == 3
    ran = {spec.partition_key: spec.settings.get("n") for spec in stage.started}
    assert ran == {"a": 2, "b": 2, "c": 3, "d": None}
    assert [len(ids) for ids in ws.ticks("asking").backfills] == [3]


def with_setting(partition_key: str, n: int = 1) -> str:
    return ""
