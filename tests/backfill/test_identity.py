"""Runs, backfills and their results are told from each other by numbers that the catalog hands out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart.catalog import Batch, check
from nbpart.run.spec import RunSpec
from tests.backfill.pools import ScriptedPool, Stage, make_result
from tests.processes import wait_for


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def ws(tmp_path: Path, stage: Stage) -> Iterator[nbpart.Workspace]:
    with nbpart.open(tmp_path / "workspace") as workspace:
        workspace.project.make_pool = stage.make_pool

        @workspace.asset(partitions=workspace.dynamic_partitions("keys"))
        def one(partition_key: str) -> str:
            return partition_key

        yield workspace
        assert workspace.project.catalog.read(check.check) == []


def rows(ws: nbpart.Workspace, sql: str) -> list[tuple[Any, ...]]:
    def read(batch: Batch) -> list[tuple[Any, ...]]:
        return batch.rows(sql)

    return ws.project.catalog.read(read)


def test_each_of_thousands_of_keys_of_one_run_has_its_own_run_id_and_data(ws: nbpart.Workspace, stage: Stage) -> None:
    n = 3_000
    ws.dynamic_partitions("keys").add([f"key {i}" for i in range(n)])
    stage.answer_member = lambda member: member.partition_key
    backfill = ws.backfill("one", policy="single_run").wait(progress=False)
    assert backfill.counts()["succeeded"] == n
    [found] = rows(ws, "SELECT count(DISTINCT run_id), count(DISTINCT run_no), min(run_no), max(run_no) FROM runs")
    assert found == (n, n, 1, n)
    assert rows(ws, "SELECT count(DISTINCT path) FROM data_files") == [(n,)]
    assert [ws.load("one", key) for key in ("key 0", "key 777", "key 2999")] == ["key 0", "key 777", "key 2999"]


def test_ids_carry_the_number_and_sort_by_time(ws: nbpart.Workspace) -> None:
    ws.dynamic_partitions("keys").add("a", "b")
    ids = [ws.backfill("one", status=status).wait(progress=False).id for status in ("missing", "materialized")]
    assert [backfill_id[-5:] for backfill_id in ids] == ["-0001", "-0002"]
    assert sorted(ids) == ids
    found = rows(ws, "SELECT run_no, run_id FROM runs ORDER BY run_no")
    assert [run_id[18:] for _, run_id in found] == [f"-{run_no:06d}" for run_no, _ in found]
    assert sorted(run_id for _, run_id in found) == [run_id for _, run_id in found]


def test_a_result_with_the_number_of_an_unknown_run_is_ignored(
    ws: nbpart.Workspace, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    ws.dynamic_partitions("keys").add("a")
    stage.answer = lambda spec: None
    backfill = ws.backfill("one")
    wait_for(lambda: stage.started, 60, "the run has begun")
    [spec] = stage.started
    pool = stage.pools[-1]
    deliver(pool, stage, dataclasses.replace(spec, run_no=(spec.run_no or 0) + 7))
    wait_for(lambda: "that nobody waits for" in caplog.text, 60, "the stranger is refused")
    assert backfill.is_running
    pool.end(spec, "mine")
    backfill.wait(progress=False)
    assert ws.load("one", "a") == "mine"


@pytest.mark.parametrize("other", ["key", "place"])
def test_a_result_that_does_not_match_fails_its_own_run(ws: nbpart.Workspace, stage: Stage, other: str) -> None:
    ws.dynamic_partitions("keys").add("a", "b", "c")
    stage.answer = lambda spec: None if spec.partition_key == "b" else "good"
    backfill = ws.backfill("one", max_workers=3)
    wait_for(lambda: len(stage.started) == 3, 60, "all have begun")
    [spec] = [spec for spec in stage.started if spec.partition_key == "b"]
    [first] = [spec for spec in stage.started if spec.partition_key == "a"]
    wrong = {"key": {"partition_key": "a"}, "place": {"data_prefix": first.data_prefix}}[other]
    deliver(stage.pools[-1], stage, dataclasses.replace(spec, **wrong))
    backfill.wait(progress=False)
    assert {s.partition_key: s.status for s in backfill.steps().itertuples()} == {
        "a": "succeeded", "b": "failed", "c": "succeeded",
    }  # fmt: skip
    run = ws.get_run(ws.runs("one", "b")["run_id"].iloc[0])
    assert (run.error or "").startswith("RecordingError: what this run came to cannot be recorded")


def test_a_partition_that_is_missing_in_the_report_of_its_run_failed(ws: nbpart.Workspace, stage: Stage) -> None:
    ws.dynamic_partitions("keys").add("a", "b")
    stage.answer = lambda spec: None
    backfill = ws.backfill("one", policy="single_run")
    wait_for(lambda: stage.started, 60, "the run has begun")
    [spec] = stage.started
    pool = stage.pools[-1]
    whole = make_result(spec, "whole", stage)
    members = {run_no: member for run_no, member in whole.members.items() if member.partition_key == "a"}
    with pool._changed:
        del pool.running[spec.run_id]
        pool._results.append(dataclasses.replace(whole, members=members, files=()))
        pool._changed.notify_all()
    backfill.wait(progress=False)
    assert backfill.steps().set_index("partition_key")["status"].to_dict() == {"a": "succeeded", "b": "failed"}
    assert "says nothing of it" in (ws.get_run(ws.runs("one", "b")["run_id"].iloc[0]).error or "")


def deliver(pool: ScriptedPool, stage: Stage, spec: RunSpec) -> None:
    """Let a result come that the pool does not write_later."""
    with pool._changed:
        pool._results.append(make_result(spec, "another's", stage))
        pool._changed.notify_all()
