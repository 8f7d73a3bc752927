from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest

from nbpart.catalog import events, queries
from nbpart.states import StepStatus
from tests.catalog.story import Story


@pytest.fixture
def number(story: Story) -> int:
    """A backfill of x over a, b, c and of the unpartitioned y."""
    story.add("a", "b", "c")
    story.register("x")
    story.register("y", set_id=0)
    frame = pd.DataFrame(
        {
            "asset_id": [story.ids["x"]] * 3 + [story.ids["y"]],
            "key_id": [story.key_id(key) for key in ("a", "b", "c", None)],
            "reason": ["missing"] * 3 + [None],
        }
    )
    return story.catalog.write(lambda b: events.start_backfill(b, "x+", {"retries": 1}, story.coordinator, frame))[0]


def id_of(story: Story, number: int) -> str:
    """The id of a backfill."""
    return str(story.catalog.read(lambda b: b.value("SELECT backfill_id FROM backfills WHERE backfill_no = ?", number)))


def begin(story: Story) -> tuple[int, str]:
    """A backfill of x over a."""
    frame = pd.DataFrame({"asset_id": [story.ids["x"]], "key_id": [story.key_id("a")], "reason": ["missing"]})
    return story.catalog.write(lambda b: events.start_backfill(b, "x", {}, story.coordinator, frame))


def opened(story: Story, most: int = 10) -> list[str]:
    return [b.backfill_id for b in story.catalog.read(lambda b: queries.open_backfills(b, most))]


def claim(story: Story, number: int, steps: Sequence[int], asset: str, keys: Sequence[str | None]) -> list[int]:
    frame = pd.DataFrame(
        {
            "backfill_no": number,
            "step_no": steps,
            "asset_id": story.ids[asset],
            "key_id": [story.key_id(key) for key in keys],
            "code_version": "c1",
            "settings": None,
        }
    )
    return story.catalog.write(lambda b: events.claim_runs(b, frame, story.coordinator))["run_no"].astype(int).tolist()


def record(
    story: Story, number: int, step: int, status: str, run_no: int | None = None, cause: str | None = None
) -> None:
    row = pd.DataFrame({"step_no": [step], "status": [status], "run_no": [run_no], "cause": [cause]})
    story.catalog.write(lambda b: events.record_step_results(b, number, row))


def steps(story: Story, number: int) -> pd.DataFrame:
    frame = story.catalog.read(lambda b: queries.steps_frame(b, number))
    assert list(frame.columns) == ["asset", "partition_key", "reason", "status", "run_id", "cause"]
    return frame


def test_steps_follow_their_runs_and_results(story: Story, number: int) -> None:
    assert steps(story, number)["status"].tolist() == ["planned"] * 4
    assert steps(story, number)["partition_key"].tolist() == ["a", "b", "c", None]
    assert steps(story, number)["reason"].tolist() == ["missing"] * 3 + [None]
    a, b = claim(story, number, [0, 1], "x", ["a", "b"])
    story.start(a)
    frame = steps(story, number)
    assert frame["status"].tolist() == ["running", "queued", "planned", "planned"]
    assert [run_id and int(run_id.rpartition("-")[2]) for run_id in frame["run_id"]] == [a, b, None, None]
    story.end(a, content="1")
    record(story, number, 0, "failed", a)
    record(story, number, 0, "succeeded", a)
    record(story, number, 3, "blocked", cause="needs x/c, it's missing")
    frame = steps(story, number)
    assert frame["status"].tolist() == ["succeeded", "queued", "planned", "blocked"]
    assert frame["cause"].tolist() == [None, None, None, "needs x/c, it's missing"]
    counted = story.catalog.read(lambda b: queries.step_counts(b, number))
    assert list(counted) == [status.value for status in StepStatus]
    assert {k: n for k, n in counted.items() if n} == {"planned": 1, "blocked": 1, "queued": 1, "succeeded": 1}
    found = story.catalog.read(lambda b: queries.steps_with_status(b, number, [StepStatus.PLANNED, StepStatus.BLOCKED]))
    assert list(found.columns) == ["step_no", "asset_id", "key_id", "status", "reason"]
    assert found["step_no"].tolist() == [2, 3]
    assert len(story.catalog.read(lambda b: queries.steps_with_status(b, number, []))) == 0


def test_the_run_of_another_backfill_is_not_ours(story: Story, number: int) -> None:
    [other] = story.claim("x", "c")
    assert steps(story, number)["status"].tolist() == ["planned"] * 4
    record(story, number, 2, "queued", other)
    story.start(other or 0)
    assert steps(story, number)["status"].tolist()[2] == "running"
    story.end(other or 0, content="1")
    record(story, number, 2, "succeeded", other)
    assert steps(story, number)["status"].tolist()[2] == "succeeded"


def test_backfills_by_what_happened_last(story: Story, number: int) -> None:
    backfill_id = id_of(story, number)
    found = story.catalog.read(lambda b: queries.find_backfill(b, backfill_id))
    assert found is not None
    assert (found.backfill_no, found.selection, found.options, found.steps) == (number, "x+", {"retries": 1}, 4)
    assert found.status == "running"
    assert found.coordinator is not None
    assert (found.coordinator.coordinator_no, found.coordinator.pid) == (story.coordinator, 1)
    assert opened(story) == [backfill_id]
    story.catalog.write(lambda b: events.finish_backfill(b, number, "cancelled"))
    frame = story.catalog.read(queries.backfills_frame)
    assert list(frame.columns) == ["backfill_id", "selection", "status", "steps", "created_at", "changed_at"]
    assert frame["status"].tolist() == ["cancelled"]
    story.catalog.write(lambda b: events.resume_backfill(b, number, story.coordinator))
    assert opened(story) == [backfill_id]
    assert story.catalog.read(lambda b: queries.find_backfill(b, "bf-2")) is None


def test_open_backfills_run_or_wait_or_were_interrupted_last(story: Story, number: int) -> None:
    def finish(which: int, kind: str) -> None:
        story.catalog.write(lambda b: events.finish_backfill(b, which, kind))

    first = id_of(story, number)
    finish(number, "interrupted")
    assert opened(story) == [first]
    second, second_id = begin(story)
    assert opened(story) == [second_id, first]
    finish(second, "cancelled")
    assert opened(story) == [second_id, first]
    assert opened(story, most=1) == [second_id]
    wanted = {story.ids["x"]: None}
    _, asked = story.catalog.write(lambda b: events.request_backfill(b, "x", {}, wanted))
    assert opened(story) == [asked, second_id, first]
    third, third_id = begin(story)
    assert opened(story) == [third_id, asked, second_id, first]
    finish(third, "failed")
    assert opened(story) == [asked]


def test_coordinators_live_until_their_end(story: Story) -> None:
    assert [c.coordinator_no for c in story.catalog.read(queries.live_coordinators)] == [story.coordinator]
    story.catalog.write(lambda b: events.end_coordinator(b, story.coordinator))
    assert story.catalog.read(queries.live_coordinators) == []
