from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nbpart.catalog import queries
from nbpart.states import RunStatus
from tests.catalog.story import Story

COLUMNS = ["run_id", "asset", "partition_key", "status", "attempt", "backfill_id", "started_at", "duration_s", "error"]


def runs(story: Story, **wanted: Any) -> pd.DataFrame:
    return story.catalog.read(lambda b: queries.runs_frame(b, **wanted))


def begun(story: Story, asset: str, key: str | None) -> int:
    [run_no] = story.claim(asset, key)
    assert run_no is not None
    story.start(run_no)
    return run_no


def test_a_run_from_its_claim_to_its_end(story: Story) -> None:
    story.add("a")
    story.register("x")
    [run_no] = story.claim("x", "a")
    assert run_no is not None
    seen = [runs(story)]
    story.start(run_no)
    seen.append(runs(story))
    story.end(run_no, RunStatus.FAILED, final=False, error_class="ValueError", error_message="first: it's bad")
    seen.append(runs(story))
    story.start(run_no, attempt=2)
    seen.append(runs(story))
    story.end(run_no, RunStatus.SUCCEEDED, attempt=2, content="x")
    seen.append(runs(story))
    assert all(list(frame.columns) == COLUMNS for frame in seen)
    assert [frame["status"][0] for frame in seen] == ["queued", "running", "queued", "running", "succeeded"]
    assert [frame["attempt"][0] for frame in seen] == [0, 1, 1, 2, 2]
    assert [frame["error"][0] for frame in seen] == [None, None, "ValueError: first: it's bad", None, None]
    assert pd.isna(seen[0]["started_at"][0])
    assert str(seen[1]["started_at"].dt.tz) == "UTC"
    assert seen[3]["started_at"][0] > seen[2]["started_at"][0]
    assert seen[4]["backfill_id"][0] is None


def test_runs_are_newest_first_and_chosen(story: Story) -> None:
    story.add("a", "b")
    story.register("x")
    story.register("whole", set_id=0)
    for asset, key in (("x", "a"), ("x", "b"), ("whole", None), ("x", "a")):
        story.make(asset, key, "1")
    assert runs(story)["partition_key"].tolist() == ["a", None, "b", "a"]
    assert runs(story, limit=2)["asset"].tolist() == ["x", "whole"]
    assert runs(story, asset_id=story.ids["x"], limit=2)["partition_key"].tolist() == ["a", "b"]
    assert len(runs(story, asset_id=story.ids["x"], key_ids=np.array([story.key_id("a")]))) == 2
    assert len(runs(story, backfill_no=7)) == 0
    assert len(runs(story, limit=0)) == 0


def test_find_run_has_everything(story: Story) -> None:
    story.add("a")
    story.register("x")
    run_no = begun(story, "x", "a")
    story.end(
        run_no,
        RunStatus.FAILED,
        error_class="ValueError",
        error_message="bad",
        error_cell=3,
        traceback="Traceback",
        exit_code=1,
        missing_inputs={"up": ["k"]},
        kernel="python3",
    )
    run_id = runs(story)["run_id"][0]
    record = story.catalog.read(lambda b: queries.find_run(b, run_id))
    assert record is not None
    assert (record.run_no, record.run_id, record.asset, record.partition_key) == (run_no, run_id, "x", "a")
    assert (record.status, record.attempt, record.duration_s) == (RunStatus.FAILED, 1, 0.1)
    assert isinstance(record.status, RunStatus)
    assert (record.error_class, record.error_message, record.error_cell) == ("ValueError", "bad", 3)
    assert (record.traceback, record.exit_code, record.kernel) == ("Traceback", 1, "python3")
    assert (record.notebook, record.log, record.code_version) == ("a.ipynb", "a.log", "c1")
    assert (record.settings, record.missing_inputs) == ({}, {"up": ["k"]})
    assert record.started_at is not None
    assert record.finished_at is not None
    assert record.finished_at.utcoffset() is not None
    assert story.catalog.read(lambda b: queries.find_run(b, "'; --")) is None


def test_final_statuses_are_of_runs_that_ended(story: Story) -> None:
    story.add("a", "b", "c")
    story.register("x")
    made = story.make("x", "a", "1")
    open_run = begun(story, "x", "b")
    cancelled = begun(story, "x", "c")
    story.end(cancelled, RunStatus.CANCELLED)
    found = story.catalog.read(lambda b: queries.final_statuses(b, [made, open_run, cancelled]))
    assert found == {made: RunStatus.SUCCEEDED, cancelled: RunStatus.CANCELLED}
    assert story.catalog.read(lambda b: queries.final_statuses(b, [])) == {}
