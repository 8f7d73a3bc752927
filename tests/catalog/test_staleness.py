from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.staleness import Chain
from nbpart.assets.definition import Input
from nbpart.catalog import events
from nbpart.catalog.check import check
from nbpart.catalog.expressions import STALE_ABOVE
from nbpart.catalog.records import AssetRow, InputRead
from nbpart.partitions import DynamicPartitions
from nbpart.partitions.mapping import AllKeys, Mapping, Same
from nbpart.states import RunStatus
from nbpart.storage import FileRecord
from tests.catalog.story import Story, make_outcome, version_of


@pytest.fixture
def chain(story: Story) -> Story:
    """inbox -> clean -> report, key to key, all made for x and y."""
    story.add("x", "y")
    story.register("inbox", kind="source")
    story.register("clean", ("inbox", "same"))
    story.register("report", ("clean", "same"))
    story.observe("inbox", {"x": "one", "y": "two"})
    for key in ("x", "y"):
        story.make("clean", key, f"clean {key}")
        story.make("report", key, f"report {key}")
    assert story.statuses("report", "xy") == "materialized materialized"
    return story


def test_a_changed_source_makes_stale_what_reads_it_and_what_lies_below(chain: Story) -> None:
    chain.observe("inbox", {"x": "ONE", "y": "two"})
    assert chain.statuses("clean", "xy") == "stale materialized"
    assert chain.statuses("report", "xy") == "stale materialized"
    assert chain.findings() == []
    chain.observe("inbox", {"x": "one"})
    assert chain.statuses("clean", "xy") == "materialized materialized"
    assert chain.statuses("report", "xy") == "materialized materialized"
    assert chain.findings() == []


def test_making_it_again_with_the_same_content_leaves_the_readers_alone(chain: Story) -> None:
    chain.observe("inbox", {"x": "ONE"})
    chain.make("clean", "x", "clean x")
    assert chain.status("clean", "x") == "materialized"
    assert chain.status("report", "x") == "materialized"
    chain.make("clean", "x", "clean x, another way")
    assert chain.statuses("report", "xy") == "stale materialized"
    assert chain.findings() == []


def test_a_vanished_source_makes_its_readers_stale(chain: Story) -> None:
    chain.observe("inbox", {"y": None})
    assert chain.statuses("clean", "xy") == "materialized stale"
    assert chain.findings() == []


def test_new_code_makes_stale_and_the_old_one_clears_it(chain: Story) -> None:
    chain.register("clean", ("inbox", "same"), code="c2")
    assert chain.statuses("clean", "xy") == "stale stale"
    assert chain.statuses("report", "xy") == "stale stale"
    chain.make("clean", "x", "clean x")
    assert chain.statuses("clean", "xy") == "materialized stale"
    assert chain.statuses("report", "xy") == "materialized stale"
    assert chain.findings() == []
    chain.register("clean", ("inbox", "same"), code="c1")
    assert chain.statuses("clean", "xy") == "stale materialized"
    assert chain.findings() == []


def test_new_code_stays_a_reason_while_what_it_reads_becomes_stale_and_is_made_again(chain: Story) -> None:
    chain.register("total", ("clean", "same"), ("inbox", "same"))
    chain.make("total", "x", "total x")
    chain.register("total", ("clean", "same"), ("inbox", "same"), code="c2")
    chain.register("clean", ("inbox", "same"), code="c2")
    assert chain.findings() == []
    chain.register("clean", ("inbox", "same"), code="c1")
    assert chain.status("clean", "x") == "materialized"
    assert chain.status("total", "x") == "stale"
    assert chain.findings() == []


@pytest.mark.parametrize("middle", [Same(), AllKeys()])
def test_what_changes_for_very_many_at_once_is_what_is_decided_from_nothing(tmp_path: Path, middle: Mapping) -> None:
    chain = Chain(tmp_path, 10_100, middle, assets=4)
    counts = "SELECT asset_id, count(*) FILTER (stale <> 0) FROM partition_facts GROUP BY ALL ORDER BY asset_id"

    def stale() -> list[int]:
        return [count for _, count in chain.catalog.read(lambda b: b.rows(counts))]

    for code, expected in (("c2", chain.size), ("c1", 0)):
        chain.register(0, code)
        assert stale() == [expected] * 4
        assert chain.catalog.read(check) == []
    outcomes = chain.claim(0, [5])
    chain.catalog.write(lambda b: events.record_outcomes(b, outcomes))
    assert stale() == ([0, 1, 1, 1] if middle == Same() else [0, 1, chain.size, chain.size])
    assert chain.catalog.read(check) == []
    chain.close()


def test_a_run_that_began_before_its_code_or_input_changed_ends_stale(chain: Story) -> None:
    [by_code, by_input] = chain.claim("report", "x", "y")
    assert by_code is not None
    assert by_input is not None
    before = chain.read_inputs("report", "y")
    chain.make("clean", "y", "new")
    chain.end(by_input, content="r", inputs=before)
    assert chain.status("report", "y") == "stale"
    chain.register("report", ("clean", "same"), code="c2")
    chain.end(by_code, content="r", code_version="c1")
    assert chain.status("report", "x") == "stale"
    assert chain.findings() == []


def test_a_failed_upstream_run_makes_nothing_stale(chain: Story) -> None:
    [run_no] = chain.claim("clean", "x")
    assert run_no is not None
    chain.end(run_no, RunStatus.FAILED)
    assert chain.status("report", "x") == "materialized"


def test_an_input_that_was_missing_and_comes_makes_stale(story: Story) -> None:
    story.add("x")
    story.register("a")
    story.register("b", ("a", "same"))
    story.make("b", "x", "without a")
    assert story.status("b", "x") == "stale"  # what it reads has no data
    story.make("a", "x", "here")
    assert story.status("b", "x") == "stale"
    story.make("b", "x", "with a")
    assert story.status("b", "x") == "materialized"
    assert story.findings() == []


def test_an_unpartitioned_input_makes_all_its_readers_stale(story: Story) -> None:
    story.add("x", "y")
    story.register("table", set_id=0)
    story.register("b", ("table", "whole"))
    story.make("table", None, "one")
    for key in ("x", "y"):
        story.make("b", key, key)
    story.make("table", None, "two")
    assert story.statuses("b", "xy") == "stale stale"
    story.make("b", "y", "again")
    assert story.statuses("b", "xy") == "stale materialized"
    assert story.findings() == []


@pytest.fixture
def summary(story: Story) -> Story:
    """summary reads all keys of part, made for x and y."""
    story.add("x", "y")
    story.register("part")
    story.register("summary", ("part", "all"), set_id=0)
    for key in ("x", "y"):
        story.make("part", key, key)
    story.make("summary", None, "xy")
    assert story.status("summary", None) == "materialized"
    return story


def test_a_reader_of_all_keys_sees_new_changed_and_removed_data(summary: Story) -> None:
    summary.add("z")
    assert summary.status("summary", None) == "stale"
    summary.make("part", "z", "z")
    assert summary.status("summary", None) == "stale"
    summary.make("summary", None, "xyz")
    assert summary.status("summary", None) == "materialized"
    summary.make("part", "x", "X")
    assert summary.status("summary", None) == "stale"
    summary.make("part", "x", "x")
    assert summary.status("summary", None) == "materialized"
    summary.remove("y")
    assert summary.status("summary", None) == "stale"
    summary.add("y")
    assert summary.status("summary", None) == "materialized"
    assert summary.findings() == []


def test_a_key_that_comes_and_goes_leaves_a_reader_of_all_as_it_was(summary: Story) -> None:
    summary.add("new")
    assert summary.status("summary", None) == "stale"
    summary.remove("new")
    assert summary.status("summary", None) == "materialized"
    assert summary.findings() == []


def test_a_failure_that_is_recorded_with_a_success_counts_for_no_reader_of_all(summary: Story) -> None:
    first, second = summary.claim("part", "x", "y")
    assert first is not None
    assert second is not None
    summary.start(first, second)
    path, version = f"data/{summary.place(first)}.json", version_of("X")
    succeeded = make_outcome(
        first,
        1,
        RunStatus.SUCCEEDED,
        run_id=summary.run_id(first),
        files=(FileRecord("", "value", "json", path, data_version=version),),
    )
    failed = make_outcome(second, 1, RunStatus.FAILED, run_id=summary.run_id(second))
    summary.catalog.write(lambda b: events.record_outcomes(b, [succeeded, failed]))
    assert summary.findings() == []


def test_data_that_two_keys_swapped_is_another_input(summary: Story) -> None:
    summary.make("part", "x", "y")
    summary.make("part", "y", "x")
    assert summary.status("summary", None) == "stale"


def test_moving_an_input_to_another_set_reaches_its_reader_of_all(summary: Story) -> None:
    other = summary.catalog.write(lambda b: events.ensure_set(b, DynamicPartitions("other")))
    summary.register("part", set_id=other)
    assert summary.status("summary", None) == "stale"
    assert summary.findings() == []
    summary.register("part", set_id=summary.files)
    assert summary.status("summary", None) == "materialized"


def test_an_input_that_is_read_no_more_does_not_count(chain: Story) -> None:
    chain.observe("inbox", {"x": "ONE"})
    chain.register("clean")
    assert chain.statuses("clean", "xy") == "materialized materialized"
    assert chain.statuses("report", "xy") == "materialized materialized"
    chain.catalog.write(lambda b: events.remove_asset(b, "report"))
    chain.make("clean", "x", "other")
    assert chain.findings() == []
    chain.register("report", ("clean", "same"))
    assert chain.statuses("report", "xy") == "stale materialized"
    assert chain.findings() == []


@pytest.mark.parametrize(
    ("before", "after"), [(Same(), AllKeys(new="ignore")), (Same(), AllKeys()), (AllKeys(), Same())]
)
def test_what_a_run_went_on_without_is_known_by_whichever_mapping_it_read(
    story: Story, before: Mapping, after: Mapping
) -> None:
    story.add("x", "y")
    story.register("inbox", kind="source")
    story.observe("inbox", {"y": "two"})

    def register(mapping: Mapping) -> None:
        given = {"on_missing_input": "skip"}
        row = AssetRow("clean", "function", story.files, "c1", given, [Input("inbox", mapping)])
        story.ids["clean"] = story.catalog.write(lambda b: events.register_assets(b, [row]))["clean"].asset_id

    register(before)
    story.codes["clean"], story.inputs["clean"] = "c1", []
    [run_no] = story.claim("clean", "x")
    assert run_no is not None
    story.start(run_no)
    x, inbox = story.key_id("x"), story.ids["inbox"]
    alone = InputRead(inbox, "inbox", x, 0, None)
    story.end(
        run_no, content="1", inputs=[alone if before == Same() else InputRead(inbox, "inbox", None, 1, 5, 1, [x])]
    )
    register(after)
    bits = story.catalog.read(
        lambda b: b.value("SELECT stale FROM partition_facts WHERE asset_id = ? AND key_id = ?", story.ids["clean"], x)
    )
    assert not bits & STALE_ABOVE
    story.observe("inbox", {"x": "one"})
    assert story.status("clean", "x") == "stale"
    assert story.findings() == []
