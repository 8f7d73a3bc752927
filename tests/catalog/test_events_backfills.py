from __future__ import annotations

import pandas as pd
import pytest

from nbpart.catalog import events
from tests.catalog.story import Story


@pytest.fixture
def backfill(story: Story) -> int:
    story.add("a", "b", "c", "d", "e", "f")
    story.register("model")
    ids = [story.key_id(key) for key in "abcdef"]
    steps = pd.DataFrame({"asset_id": story.ids["model"], "key_id": ids, "reason": "missing"}, index=range(6, 0, -1))
    return story.catalog.write(lambda b: events.start_backfill(b, "model", {"n": 1}, story.coordinator, steps))[0]


def results(story: Story, number: int, *rows: tuple[int, str, int | None]) -> None:
    frame = pd.DataFrame(rows, columns=["step_no", "status", "run_no"]).assign(cause=None)
    story.catalog.write(lambda b: events.record_step_results(b, number, frame))


def last(story: Story, number: int) -> dict[int, str]:
    sql = "SELECT step_no, arg_max(status, rowid) FROM step_results WHERE backfill_no = ? GROUP BY step_no"
    return dict(story.catalog.read(lambda b: b.rows(sql, number)))


def kinds(story: Story, number: int) -> list[str]:
    sql = "SELECT kind FROM backfill_events WHERE backfill_no = ? ORDER BY rowid"
    return [row[0] for row in story.catalog.read(lambda b: b.rows(sql, number))]


def test_a_backfill_is_recorded_with_its_steps_in_their_order(story: Story, backfill: int) -> None:
    row = story.catalog.read(lambda b: b.row("SELECT selection, options, steps, backfill_id FROM backfills"))
    assert row is not None
    assert row[:3] == ("model", '{"n": 1}', 6)
    assert row[3].endswith(f"-{backfill:04d}")
    sql = "SELECT step_no, key FROM steps JOIN keys USING (key_id) ORDER BY step_no"
    assert story.catalog.read(lambda b: b.rows(sql)) == list(enumerate("abcdef"))
    assert kinds(story, backfill) == ["started"]


def test_a_resumed_backfill_plans_what_was_cut_short(story: Story, backfill: int) -> None:
    results(story, backfill, (0, "queued", 1), (1, "failed", 2), (2, "blocked", None), (3, "cancelled", 3))
    results(story, backfill, (0, "succeeded", 1), (4, "queued", 4), (4, "interrupted", 4))
    story.catalog.write(lambda b: events.finish_backfill(b, backfill, "cancelled"))
    story.catalog.write(lambda b: events.resume_backfill(b, backfill, story.coordinator))
    assert last(story, backfill) == {0: "succeeded", 1: "failed", 2: "blocked", 3: "planned", 4: "planned"}
    assert kinds(story, backfill) == ["started", "cancelled", "resumed"]


def test_a_dead_coordinator_leaves_its_backfill_interrupted(story: Story, backfill: int) -> None:
    results(story, backfill, (0, "queued", 1), (1, "failed", 2), (2, "running", 3), (0, "succeeded", 1))
    story.catalog.write(lambda b: events.interrupt_coordinators(b, [story.coordinator]))
    assert last(story, backfill) == {0: "succeeded", 1: "failed", 2: "interrupted"}
    assert kinds(story, backfill) == ["started", "interrupted"]


def test_a_finished_backfill_or_one_that_another_resumed_is_not_interrupted(story: Story, backfill: int) -> None:
    other = story.catalog.write(lambda b: events.start_coordinator(b, "there", 2, "lock2", ""))
    story.catalog.write(lambda b: events.resume_backfill(b, backfill, other))
    story.catalog.write(lambda b: events.interrupt_coordinators(b, [story.coordinator]))
    assert kinds(story, backfill) == ["started", "resumed"]
    story.catalog.write(lambda b: events.finish_backfill(b, backfill, "succeeded"))
    story.catalog.write(lambda b: events.interrupt_coordinators(b, [other]))
    assert kinds(story, backfill) == ["started", "resumed", "succeeded"]
