"""A result that comes after its attempt was given up, or twice, changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbpart
from nbpart.run.spec import RunSpec
from tests.backfill.pools import ScriptedPool, Stage, make_result
from tests.processes import wait_for


def deliver(pool: ScriptedPool, stage: Stage, spec: RunSpec, outcome: str) -> None:
    """Let a result come that the pool does not write_later."""
    with pool._changed:
        pool._results.append(make_result(spec, outcome, stage))
        pool._changed.notify_all()


def test_a_late_attempt_does_not_replace_its_retry(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(lambda spec: ValueError("lost") if spec.attempt == 1 else None)
    with nbpart.open(tmp_path / "workspace") as ws:
        ws.project.make_pool = stage.make_pool

        @ws.asset
        def one() -> str:
            return ""

        backfill = ws.backfill("one", retries=1, backoff_s=0.0)
        wait_for(lambda: len(stage.started) == 2, 60, "the retry has begun")
        first, retry = stage.started
        deliver(stage.pools[-1], stage, first, "of the first attempt")
        wait_for(lambda: f"a result of run {first.run_id}, attempt 1" in caplog.text, 60, "the late result is refused")
        assert backfill.is_running
        stage.pools[-1].end(retry, "of the retry")
        deliver(stage.pools[-1], stage, first, "of the first attempt")
        assert backfill.wait(progress=False).status == "succeeded"
        assert ws.load("one") == "of the retry"
        [row] = ws.project.catalog.read(lambda batch: batch.rows("SELECT path FROM data_files"))
        assert row[0].endswith("-2.txt")
        assert ws.project.catalog.read(lambda b: b.rows("SELECT attempt, status FROM outcomes ORDER BY ALL")) == [
            (1, "failed"),
            (2, "succeeded"),
        ]
