from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from nbpart.catalog import Batch, Catalog, events, queries
from nbpart.catalog.records import AssetRow
from nbpart.catalog.set_tables import build_columns, own_columns
from nbpart.partitions import DynamicPartitions, Param, Parameters
from nbpart.states import STATUS_CODES, PartitionStatus, RunStatus
from tests.catalog.story import Story

NAMES = [status.value for status in PartitionStatus]


def counts(story: Story, asset: str) -> dict[str, int]:
    frame = story.catalog.read(queries.status_counts)
    assert list(frame.columns) == ["asset_id", "status", "n"]
    own = frame[frame["asset_id"] == story.ids[asset]]
    return dict(zip(own["status"], own["n"], strict=True))


def every_status(story: Story) -> dict[str, str]:
    """An asset with one partition of each status, and two untouched ones."""
    story.add("stale", "queued", "running", "failed", "made", "failed again", "untouched", "other")
    story.register("a")
    story.make("a", "stale", "x")
    story.register("a", code="c2")
    for key in ("made", "failed again"):
        story.make("a", key, "x")
    for key in ("failed", "failed again"):
        [run_no] = story.claim("a", key)
        assert run_no is not None
        story.start(run_no)
        story.end(run_no, RunStatus.FAILED, error_class="ValueError", error_message="bad")
    story.claim("a", "queued")
    [running] = story.claim("a", "running")
    assert running is not None
    story.start(running)
    expected = {"failed again": "failed", "made": "materialized", "untouched": "missing", "other": "missing"}
    return {key: expected.get(key, key) for key in story.catalog.read(lambda b: queries.load_members(b, story.files))}


def test_all_queries_of_statuses_agree(story: Story) -> None:
    expected = every_status(story)
    facts = story.catalog.read(lambda b: queries.plan_facts(b, [story.ids["a"]]))[story.ids["a"]]
    keys = story.catalog.read(lambda b: queries.key_texts(b, facts.key_ids)).tolist()
    assert dict(zip(keys, [NAMES[code] for code in facts.status], strict=True)) == expected
    assert list(expected) == keys
    assert (facts.key_ids.dtype, facts.status.dtype, facts.stale.dtype) == (np.int64, np.uint8, np.uint8)
    assert NAMES[STATUS_CODES[PartitionStatus.STALE]] == "stale"
    assert dict(zip(keys, facts.stale.tolist(), strict=True))["stale"] == 1
    frame = story.catalog.read(lambda b: queries.partition_status(b, story.ids["a"]))
    assert dict(zip(frame["partition_key"], frame["status"], strict=True)) == expected
    assert counts(story, "a") == pd.Series(expected).value_counts().to_dict()


def test_keys_that_left_the_set_do_not_count(story: Story) -> None:
    every_status(story)
    story.register("other")
    story.remove("made", "stale")  # leaves holes among the ids, which takes another way
    assert counts(story, "a") == {"missing": 2, "queued": 1, "running": 1, "failed": 2}
    assert counts(story, "other") == {"missing": 6}
    facts = story.catalog.read(lambda b: queries.plan_facts(b, [story.ids["a"]]))[story.ids["a"]]
    assert len(facts.key_ids) == 6
    story.remove("queued", "running", "failed", "failed again", "untouched", "other")
    assert counts(story, "a") == {}
    assert len(story.catalog.read(queries.status_counts)) == 0


def test_unpartitioned_and_removed_assets_count(story: Story) -> None:
    story.register("whole", set_id=0)
    assert counts(story, "whole") == {"missing": 1}
    story.make("whole", None, "x")
    assert counts(story, "whole") == {"materialized": 1}
    frame = story.catalog.read(lambda b: queries.partition_status(b, story.ids["whole"]))
    assert frame["partition_key"].tolist() == [None]
    story.catalog.write(lambda b: events.remove_asset(b, "whole"))
    assert counts(story, "whole") == {}


def test_partition_status_has_the_run_that_the_status_is_about(story: Story) -> None:
    every_status(story)
    frame = story.catalog.read(lambda b: queries.partition_status(b, story.ids["a"])).set_index("partition_key")
    columns = "status reason error late checks stopped_early run_id materialized_at duration_s rows bytes"
    assert list(frame.columns) == columns.split()
    why = {"stale": "code changed", "failed": "its last run failed", "failed again": "its last run failed"}
    assert frame["reason"].dropna().to_dict() == {**why, "untouched": "never run", "other": "never run"}
    assert frame["error"].dropna().to_dict() == {"failed": "ValueError: bad", "failed again": "ValueError: bad"}
    runs = story.catalog.read(lambda b: queries.runs_frame(b, story.ids["a"]))
    last = runs.drop_duplicates("partition_key").set_index("partition_key")["run_id"]
    assert frame["run_id"].dropna().to_dict() == last.to_dict()
    assert frame["run_id"]["untouched"] is None
    assert str(frame["materialized_at"].dt.tz) == "UTC"
    made = frame["materialized_at"].notna()
    assert sorted(made.index[made]) == ["failed again", "made", "stale"]
    assert abs((frame["materialized_at"]["made"] - datetime.now(UTC)).total_seconds()) < 60


def test_a_cancelled_run_leaves_the_data_and_its_run(story: Story) -> None:
    story.add("k")
    story.register("a")
    story.make("a", "k", "x")
    first = story.catalog.read(lambda b: queries.partition_status(b, story.ids["a"]))["run_id"].tolist()
    [run_no] = story.claim("a", "k")
    assert run_no is not None
    story.end(run_no, RunStatus.CANCELLED)
    frame = story.catalog.read(lambda b: queries.partition_status(b, story.ids["a"]))
    assert (frame["status"].tolist(), frame["run_id"].tolist()) == (["materialized"], first)


def trials(story: Story, parameters: Parameters, values: list[dict[str, Any]]) -> int:
    def work(batch: Batch) -> int:
        set_id = events.ensure_set(batch, DynamicPartitions("trials", parameters))
        keys = [parameters.spell(v) for v in values]
        events.add_keys(
            batch,
            set_id,
            keys,
            build_columns(
                own_columns(DynamicPartitions("trials", parameters)), [parameters.canonical(v) for v in values]
            ),
        )
        return set_id

    return story.catalog.write(work)


def test_parameters_are_typed_columns(story: Story) -> None:
    declared = {
        "depth": int,
        "lr": float,
        "name": str,
        "fast": bool,
        "day": type(datetime.now().date()),
        "at": datetime,
    }
    parameters = Parameters.declare({**declared, "é": int | None})
    value = {"depth": 2**62, "lr": float("inf"), "name": 'it\'s "x"', "fast": True, "day": datetime(2026, 1, 2).date()}
    value |= {"at": datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "é": None}
    story.register("model", set_id=trials(story, parameters, [value, value | {"é": 7, "fast": False}]))
    frame = story.catalog.read(lambda b: queries.partition_status(b, story.ids["model"]))
    assert list(frame.columns[12:]) == sorted([*declared, "é"])
    assert frame["depth"].tolist() == [2**62, 2**62]
    assert frame["lr"].tolist() == [float("inf")] * 2
    assert frame["name"].tolist() == ['it\'s "x"'] * 2
    assert frame["fast"].tolist() == [True, False]
    assert str(frame["day"][0])[:10] == "2026-01-02"
    assert frame["at"][0] == pd.Timestamp("2026-01-02T03:04")
    assert frame["é"].isna().tolist() == [True, False]
    assert frame["é"][1] == 7


def test_a_late_parameter_means_its_default(story: Story) -> None:
    before = Parameters.declare({"lr": float})
    trials(story, before, [{"lr": 0.1}])
    after = before.extended_by(Parameters.declare({"lr": float, "fast": Param(bool, True), "tag": Param(str, "it's")}))
    story.register("model", set_id=trials(story, after, [{"lr": 0.2, "fast": False}]))
    frame = story.catalog.read(lambda b: queries.partition_status(b, story.ids["model"]))
    assert frame["partition_key"].tolist() == ["lr=0.1", "fast=false,lr=0.2"]
    assert frame["fast"].tolist() == [True, False]
    assert frame["tag"].tolist() == ["it's", "it's"]


def test_metrics_are_columns(story: Story) -> None:
    story.add("a", "b", "c")
    story.register("m")
    for key, metrics in (("a", {"acc": 0.5, "note": "it's"}), ("b", {"Acc": 0.7, "mixed": 1}), ("c", {"mixed": "x"})):
        [run_no] = story.claim("m", key)
        assert run_no is not None
        story.start(run_no)
        story.end(run_no, content=key, metrics=metrics)
    frame = story.catalog.read(lambda b: queries.partition_status(b, story.ids["m"]))
    assert list(frame.columns[12:]) == ["Acc", "mixed", "note"]
    assert frame["Acc"].tolist()[:2] == [0.5, 0.7]
    assert frame["note"].tolist() == ["it's", None, None]
    assert frame["mixed"].tolist()[2] == "x"


def test_an_asset_on_another_set_forgets_nothing_and_counts_the_new(catalog: Catalog, story: Story) -> None:
    story.add("a", "b")
    story.register("x")
    story.make("x", "a", "1")

    def move(batch: Batch) -> None:
        other = events.ensure_set(batch, DynamicPartitions("others"))
        events.add_keys(batch, other, ["z", "b", "y"])
        events.register_assets(batch, [AssetRow("x", "function", other, "c1", {}, ())])

    catalog.write(move)
    assert counts(story, "x") == {"missing": 3}


def test_truth_values_come_back_as_such(story: Story) -> None:
    story.register("raw")
    story.add("a", "b")
    for key, is_good in (("a", True), ("b", False)):
        [run_no] = story.claim("raw", key)
        assert run_no is not None
        story.start(run_no)
        story.end(run_no, content=key, metrics={"good": is_good, "mixed": is_good if key == "a" else "maybe"})
    frame = story.catalog.read(lambda b: queries.partition_status(b, story.ids["raw"]))
    assert frame["good"].tolist() == [True, False]
    assert frame["mixed"].tolist() == ["true", "maybe"]
