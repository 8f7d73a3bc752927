from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
import pytest

from nbpart.catalog import Batch, events, queries
from nbpart.errors import CatalogError, RecordingError, UnknownNameError
from nbpart.run.report import RecordedEnding
from nbpart.states import RunStatus
from nbpart.storage import FileRecord
from tests.catalog.story import Story, make_outcome, version_of


@pytest.fixture
def story(story: Story) -> Story:
    story.add("x", "y")
    story.register("model")
    return story


def test_a_run_is_queued_then_running_then_succeeded(story: Story) -> None:
    [run_no] = story.claim("model", "x")
    assert run_no is not None
    assert story.statuses("model", "xy") == "queued missing"
    story.start(run_no)
    assert story.status("model", "x") == "running"
    story.end(run_no, content="one")
    assert story.status("model", "x") == "materialized"
    assert story.findings() == []


def test_a_partition_has_one_active_run(story: Story) -> None:
    [first] = story.claim("model", "x")
    assert first is not None
    other = story.catalog.write(lambda b: events.start_coordinator(b, "there", 2, "lock2", ""))
    assert story.claim("model", "x", "y", coordinator=other) == [None, first + 1]
    story.end(first, RunStatus.CANCELLED)
    assert story.claim("model", "x") == [first + 2]


def test_a_claim_says_who_has_the_partition_in_the_order_asked(story: Story) -> None:
    [held] = story.claim("model", "y")
    keys = [story.key_id("x"), story.key_id("y"), story.key_id("x")]
    frame = pd.DataFrame({"backfill_no": 1, "step_no": [7, 3, 5], "asset_id": story.ids["model"], "key_id": keys})
    frame = frame.assign(code_version="c1", settings='{"a": 1}')
    claimed = story.catalog.write(lambda b: events.claim_runs(b, frame, story.coordinator))
    assert held is not None
    new = held + 1
    assert claimed["step_no"].tolist() == [7, 3, 5]
    assert claimed["active_run"].tolist() == [new, held, new]
    assert [None if pd.isna(n) else n for n in claimed["run_no"]] == [new, None, None]
    row = story.catalog.read(lambda b: b.row("SELECT run_id, step_no, settings FROM runs WHERE run_no = ?", new))
    assert row == (claimed["run_id"][0], 7, '{"a": 1}')
    assert claimed["run_id"][0].endswith(f"-{new:06d}")
    assert claimed["run_id"][1:].tolist() == [None, None]


def test_an_empty_claim_is_nothing(story: Story) -> None:
    before = story.catalog.sequence()
    assert story.claim("model") == []
    assert story.catalog.sequence() == before


def test_a_failed_attempt_with_another_to_come_is_queued_again(story: Story) -> None:
    [run_no] = story.claim("model", "x")
    assert run_no is not None
    story.start(run_no)
    story.end(run_no, RunStatus.FAILED, final=False)
    assert story.status("model", "x") == "queued"
    assert story.findings() == []
    story.start(run_no, attempt=2)
    assert story.status("model", "x") == "running"
    story.end(run_no, RunStatus.FAILED, attempt=2, error_class="ValueError", error_cell=3)
    assert story.status("model", "x") == "failed"
    assert story.claim("model", "x") != [None]
    assert story.findings() == []


def test_data_outlives_a_failed_rerun_and_a_cancelled_one_leaves_the_partition_alone(story: Story) -> None:
    story.make("model", "x", "one")
    [again] = story.claim("model", "x")
    assert again is not None
    story.end(again, RunStatus.CANCELLED)
    assert story.status("model", "x") == "materialized"
    [failing] = story.claim("model", "x")
    assert failing is not None
    story.end(failing, RunStatus.FAILED)
    assert story.status("model", "x") == "failed"
    assert story.catalog.read(lambda b: b.value("SELECT materialization_id FROM partition_facts")) is not None


def test_a_result_that_comes_twice_is_recorded_once(story: Story) -> None:
    run_no = story.make("model", "x", "one")
    facts = "SELECT * FROM partition_facts"
    before = story.catalog.read(lambda b: b.rows(facts))
    sequence = story.catalog.sequence()
    story.end(run_no, content="two")
    story.end(run_no, RunStatus.FAILED)
    assert story.catalog.read(lambda b: b.rows(facts)) == before
    assert (story.count("outcomes"), story.count("materializations")) == (1, 1)
    assert story.catalog.sequence() == sequence
    [other] = story.claim("model", "y")
    assert other is not None
    both = [make_outcome(other, 1, RunStatus.FAILED, final) for final in (False, True, True)]
    story.catalog.write(lambda b: events.record_outcomes(b, both))
    assert story.count("outcomes") == 3
    assert story.status("model", "y") == "failed"


def test_a_late_attempt_does_not_replace_its_retry(story: Story) -> None:
    [run_no] = story.claim("model", "x")
    assert run_no is not None
    story.start(run_no)
    story.end(run_no, RunStatus.FAILED, final=False, error_class="Lost")
    story.end(run_no, RunStatus.FAILED, final=False, error_class="told twice")
    assert story.count("outcomes") == 1
    story.start(run_no, attempt=2)
    facts = "SELECT * FROM partition_facts"
    before = story.catalog.read(lambda b: b.rows(facts))
    story.end(run_no, attempt=1, content="late")
    story.end(run_no, RunStatus.FAILED, attempt=1, final=False)
    assert (story.count("outcomes"), story.count("materializations")) == (1, 0)
    assert story.catalog.read(lambda b: b.rows(facts)) == before
    story.end(run_no, attempt=2, content="the retry's")
    story.end(run_no, attempt=1, content="later still")
    version = story.catalog.read(lambda b: b.rows("SELECT data_version FROM materializations"))
    assert version == [(version_of("the retry's"),)]
    assert story.status("model", "x") == "materialized"
    assert story.findings() == []


def test_of_outcomes_that_come_together_those_of_a_replaced_attempt_are_left_out(story: Story) -> None:
    [run_no] = story.claim("model", "x")
    assert run_no is not None
    story.start(run_no)
    story.start(run_no, attempt=2)
    given = [make_outcome(run_no, attempt, RunStatus.SUCCEEDED) for attempt in (1, 2)]
    story.catalog.write(lambda b: events.record_outcomes(b, given))
    assert story.catalog.read(lambda b: b.rows("SELECT attempt FROM outcomes")) == [(2,)]


def test_an_outcome_of_no_run_is_refused_and_nothing_of_it_recorded(story: Story) -> None:
    [run_no] = story.claim("model", "x")
    assert run_no is not None
    given = [make_outcome(n, 1, RunStatus.FAILED) for n in (run_no, 99)]
    with pytest.raises(UnknownNameError, match="never claimed"):
        story.catalog.write(lambda b: events.record_outcomes(b, given))
    assert story.count("outcomes") == 0


def test_everything_of_an_outcome_is_kept(story: Story) -> None:
    [run_no] = story.claim("model", "x")
    assert run_no is not None
    files = [
        FileRecord(
            "",
            "frame",
            "parquet",
            f"data/{story.place(run_no)}.parquet",
            rows=3,
            bytes=10,
            data_version="ab",
            schema="{}",
        ),
        FileRecord("roc", "figure", "png", f"data/{story.place(run_no)}.roc.png"),
    ]
    metrics = {"loss": np.float32(0.5), "n": 3, "ok": True, "name": "ü"}
    more: dict[str, Any] = {
        "missing_inputs": {"inbox": ["z"]},
        "kernel": "python3",
        "code_version": "c9",
    }
    story.end(run_no, files=files, metrics=metrics, **more)
    read = story.catalog.read
    assert read(lambda b: b.rows("SELECT name, format, rows, schema FROM data_files ORDER BY name")) == [
        ("", "parquet", 3, "{}"),
        ("roc", "png", None, None),
    ]
    assert read(lambda b: b.rows("SELECT name, number, text FROM metrics ORDER BY name")) == [
        ("loss", 0.5, None),
        ("n", 3.0, None),
        ("name", None, "ü"),
        ("ok", 1.0, "true"),
    ]
    row = read(lambda b: b.row("SELECT code_version, data_version, data_hash, rows, bytes FROM materializations"))
    version = hashlib.sha256(b"\0ab\nroc\0").hexdigest()
    assert row == ("c9", version, int(version[:16], 16), 3, 10)
    missing_inputs, kernel = read(lambda b: b.rows("SELECT missing_inputs, kernel FROM outcomes"))[0]
    assert (json.loads(missing_inputs), kernel) == ({"inbox": ["z"]}, "python3")


def test_a_run_that_saved_nothing_is_another_each_time(story: Story) -> None:
    for _ in range(2):
        [run_no] = story.claim("model", "x")
        assert run_no is not None
        story.end(run_no)
        assert story.status("model", "x") == "materialized"
    assert story.catalog.read(lambda b: b.value("SELECT count(DISTINCT data_hash) FROM materializations")) == 2


def test_a_dead_coordinator_leaves_its_runs_interrupted(story: Story) -> None:
    story.make("model", "x", "one")
    dead = story.catalog.write(lambda b: events.start_coordinator(b, "here", 2, "lock2", ""))
    x, y = story.claim("model", "x", "y", coordinator=dead)
    assert x is not None
    assert y is not None
    story.start(x)
    story.register("other")
    story.claim("other", "x")
    assert story.catalog.write(lambda b: events.interrupt_coordinators(b, [dead])) == 2
    assert story.statuses("model", "xy") == "materialized missing"
    assert story.status("other", "x") == "queued"
    ended = "SELECT run_no, attempt, status, final FROM outcomes WHERE run_no >= ? ORDER BY run_no"
    assert story.catalog.read(lambda b: b.rows(ended, x)) == [(x, 1, "interrupted", True), (y, 0, "interrupted", True)]
    ended_at = "SELECT ended_at IS NOT NULL FROM coordinators ORDER BY coordinator_no"
    assert story.catalog.read(lambda b: b.rows(ended_at)) == [(False,), (True,)]
    assert story.catalog.write(lambda b: events.interrupt_coordinators(b, [dead])) == 0
    story.end(x, content="late")
    assert story.count("materializations") == 1
    assert story.findings() == []


def test_a_data_file_of_another_is_refused(story: Story) -> None:
    first, second = story.claim("model", "x", "y")
    assert first is not None
    assert second is not None
    places = [story.place(first), f"{story.place(second)[:-1]}2", "../outside", f"{story.place(second)}.d/x"]
    for place in places:
        with pytest.raises(RecordingError, match="is not one of run"):
            story.end(second, content="1", files=[FileRecord("", "file", "text", f"data/{place}.txt")])
    assert story.count("data_files") == 0
    story.end(second, content="1")
    assert story.findings() == []


def test_a_reserved_run_is_claimed_once(story: Story) -> None:
    reserved = story.catalog.write(events.reserve_run)
    [later] = story.claim("model", "y")
    assert later == reserved.run_no + 1
    frame = pd.DataFrame({"backfill_no": pd.array([None], dtype="Int64"), "step_no": 0, "asset_id": story.ids["model"]})
    frame = frame.assign(key_id=story.key_id("x"), code_version="c1", settings=None)

    def claim(batch: Batch) -> bool:
        return events.claim_reserved(batch, reserved, frame, story.coordinator)

    assert story.catalog.write(claim)
    with pytest.raises(CatalogError, match="recorded already"):
        story.catalog.write(claim)
    other = story.catalog.write(events.reserve_run)
    assert not story.catalog.write(lambda b: events.claim_reserved(b, other, frame, story.coordinator))
    assert story.findings() == []


def test_every_field_of_an_ending_is_recorded_and_read(story: Story) -> None:
    [run_no] = story.claim("model", "x")
    assert run_no is not None
    story.start(run_no)
    values: dict[Any, Any] = {
        str | None: "text", int | None: 2**40, float | None: 0.25, Mapping[str, tuple[str, ...]]: {"inbox": ["z"]},
        datetime | None: datetime(2024, 5, 1, tzinfo=UTC), RunStatus: RunStatus.FAILED, bool: True,
    }  # fmt: skip
    given = {name: values[kind] for name, kind in get_type_hints(RecordedEnding).items()}
    outcome = make_outcome(run_no, 1, **given)
    story.catalog.write(lambda b: events.record_outcomes(b, [outcome]))
    run_id = story.run_id(run_no)
    found = story.catalog.read(lambda b: queries.find_run(b, run_id))
    assert {entry.name: getattr(found, entry.name) for entry in fields(RecordedEnding)} == given
