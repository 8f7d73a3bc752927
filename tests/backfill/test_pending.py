"""What cannot be recorded fails its own run and takes nothing with it."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nbpart
from nbpart.catalog import Batch, Outcome, check, events
from nbpart.run.report import RunReport
from nbpart.run.spec import RunSpec
from tests.backfill.pools import Stage, make_result

#: What a run may say that no catalog can hold, or that nobody wants there as it is.
UNRECORDABLE: dict[str, dict[str, Any]] = {
    "a whole number of 330 digits": {"metrics": {"ways": math.factorial(180)}},
    "a text that is no UTF-8": {"metrics": {"file": os.fsdecode(b"caf\xe9.csv")}},
    "a metric that is no number": {"metrics": {"things": [1, 2]}},
    "metrics that are no mapping": {"metrics": None},
    "a metric of a type that JSON has not": {"metrics": {"wide": np.longdouble(1)}},
}
#: What is recorded, though not as it was.
MENDED: dict[str, dict[str, Any]] = {
    "a message of 50 MB": {"error_class": "ValueError", "error_message": "x" * 50_000_000},
    "a traceback with half of a surrogate pair": {"error_class": "ValueError", "traceback": "at \ud800"},
    "a message with NUL": {"error_class": "ValueError", "error_message": "a\0b\udce9"},
    "an exit code of 64 bits": {"error_class": "DeadKernel", "exit_code": 2**40},
}


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[nbpart.Workspace]:
    with nbpart.open(tmp_path / "workspace") as workspace:

        @workspace.asset(partitions=workspace.dynamic_partitions("keys"))
        def one(partition_key: str) -> str:
            return partition_key

        @workspace.asset(partitions=workspace.dynamic_partitions("keys"))
        def two(one: str) -> str:
            return one

        workspace.dynamic_partitions("keys").add("a", "b", "c")
        yield workspace
        assert workspace.project.catalog.read(check.check) == []


def let_b_say(ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch, says: dict[str, Any], *, fails: bool) -> Stage:
    """Play runs of which the one of one/b says this."""
    stage = Stage(lambda spec: ValueError("b") if fails and is_b(spec) else f"{spec.asset} {spec.partition_key}")

    def make(spec: RunSpec, outcome: str | Exception, stage: Stage) -> RunReport:
        result = make_result(spec, outcome, stage)
        return dataclasses.replace(result, **says) if is_b(spec) else result

    monkeypatch.setattr("tests.backfill.pools.make_result", make)
    ws.project.make_pool = stage.make_pool
    return stage


def is_b(spec: RunSpec) -> bool:
    return (spec.asset, spec.partition_key) == ("one", "b")


def statuses(backfill: Any) -> dict[tuple[str, str], str]:
    return {(s.asset, s.partition_key): s.status for s in backfill.steps().itertuples()}


ONE_FAILED = {
    ("one", "a"): "succeeded", ("one", "b"): "failed", ("one", "c"): "succeeded",
    ("two", "a"): "succeeded", ("two", "b"): "blocked", ("two", "c"): "succeeded",
}  # fmt: skip


@pytest.mark.parametrize("says", UNRECORDABLE.values(), ids=UNRECORDABLE)
def test_what_cannot_be_recorded_fails_its_own_run(
    ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch, says: dict[str, Any]
) -> None:
    let_b_say(ws, monkeypatch, says, fails=False)
    backfill = ws.backfill("*", max_workers=6).wait(progress=False)
    assert statuses(backfill) == ONE_FAILED
    run = ws.get_run(ws.runs("one", "b")["run_id"].iloc[0])
    assert (run.error or "").startswith("RecordingError: what this run came to cannot be recorded: ")
    for name in says["metrics"] or ():
        assert repr(name) in (run.error or "")


@pytest.mark.parametrize("says", MENDED.values(), ids=MENDED)
def test_what_a_failed_run_says_is_recorded_as_it_can_be(
    ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch, says: dict[str, Any]
) -> None:
    let_b_say(ws, monkeypatch, says, fails=True)
    backfill = ws.backfill("*", max_workers=6).wait(progress=False)
    assert statuses(backfill) == ONE_FAILED
    run = ws.get_run(ws.runs("one", "b")["run_id"].iloc[0])
    assert run.error is not None
    assert run.error.startswith(says["error_class"])
    assert len(run.error) < 11_000
    if "traceback" in says:
        assert run.traceback == "at \\ud800"


@pytest.mark.parametrize("twice", [False, True], ids=["at first", "always"])
def test_outcomes_that_fail_together_are_recorded_one_by_one(
    ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch, twice: bool
) -> None:
    """Whatever the catalog will not take: here it says so of one/b, or of all at once."""
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    record, refused = events.record_outcomes, []

    def record_or_refuse(batch: Batch, outcomes: list[Outcome]) -> None:
        bad = [o for o in outcomes if o.status == "succeeded" and any("one/b/" in file.path for file in o.report.files)]
        if bad and (twice or not refused):
            refused.append(bad)
            batch.execute("SELECT 'no number'::INTEGER")
        record(batch, outcomes)

    monkeypatch.setattr(events, "record_outcomes", record_or_refuse)
    backfill = ws.backfill("*", max_workers=6).wait(progress=False)
    assert refused
    if not twice:
        assert set(statuses(backfill).values()) == {"succeeded"}
        return
    assert statuses(backfill) == ONE_FAILED
    assert backfill.status == "failed"
    run = ws.get_run(ws.runs("one", "b")["run_id"].iloc[0])
    assert "RecordingError: what this run came to cannot be recorded: " in (run.error or "")
    assert "no number" in (run.error or "")
    monkeypatch.setattr(events, "record_outcomes", record)
    again: Callable[[], Any] = backfill.retry_failed
    assert set(statuses(again().wait(progress=False)).values()) == {"succeeded"}


def test_a_full_disk_is_no_fault_of_an_outcome(ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    record, asked = events.record_outcomes, []

    def fail(batch: Batch, outcomes: list[Outcome]) -> None:
        asked.append(outcomes)
        if len(asked) == 1:
            raise OSError(28, os.strerror(28))
        record(batch, outcomes)

    monkeypatch.setattr(events, "record_outcomes", fail)
    with pytest.raises(OSError, match="left as it was"):
        ws.backfill("one").wait(progress=False)
    assert rows(ws, "SELECT count(*) FROM outcomes WHERE error_class = 'RecordingError'") == [(0,)]


def rows(ws: nbpart.Workspace, sql: str) -> list[tuple[Any, ...]]:
    def read(batch: Batch) -> list[tuple[Any, ...]]:
        return batch.rows(sql)

    return ws.project.catalog.read(read)
