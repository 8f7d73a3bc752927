"""When what ended is recorded: with others where that keeps nobody waiting, else at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import nbpart
from tests.backfill.pools import Stage
from tests.processes import wait_for

KEYS = [f"k{n:03}" for n in range(120)]


@pytest.fixture
def stage() -> Stage:
    return Stage(lambda spec: None)


@pytest.fixture
def ws(tmp_path: Path, stage: Stage) -> Iterator[nbpart.Workspace]:
    with nbpart.open(tmp_path / "workspace") as workspace:
        workspace.project.make_pool = stage.make_pool
        keys = workspace.dynamic_partitions("keys")
        keys.add(KEYS)

        @workspace.asset(partitions=keys)
        def one(partition_key: str) -> str:
            return partition_key

        yield workspace


def test_short_runs_are_recorded_many_at_a_time(ws: nbpart.Workspace, stage: Stage) -> None:
    before = ws.project.catalog.sequence()
    backfill = ws.backfill("one", max_workers=2)
    pool = stage.pools[-1]
    for _ in KEYS:
        wait_for(lambda: pool.running, 60, "a run has begun")
        time.sleep(0.01)
        pool.end(next(iter(pool.running.values())), "made", took_s=0.02)
    assert backfill.wait(progress=False).status == "succeeded"
    assert ws.partition_status("one")["status"].tolist() == ["materialized"] * len(KEYS)
    # twice as many where no more is handed out ahead than of long runs
    assert ws.project.catalog.sequence() - before < len(KEYS) / 6


def test_a_result_is_recorded_while_others_go_on(ws: nbpart.Workspace, stage: Stage) -> None:
    backfill = ws.backfill("one", max_workers=2)
    pool = stage.pools[-1]
    wait_for(lambda: len(pool.running) == 2, 60, "two runs have begun")
    first, second = pool.running.values()
    pool.end(first, "made", took_s=60.0)
    wait_for(lambda: backfill.counts()["succeeded"] == 1, 60, "the first has ended")
    wait_for(lambda: len(ws.partition_status("one", where="status = 'materialized'")) == 1, 60, "it is recorded")
    assert second.run_id in pool.running
    backfill.cancel()
    assert backfill.wait(progress=False).status == "cancelled"
