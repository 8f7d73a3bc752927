from __future__ import annotations

import json

import pandas as pd
import pytest

from nbpart.assets.definition import Input
from nbpart.catalog import Catalog, events
from nbpart.catalog.records import AssetRow
from nbpart.errors import DeclarationError, UnknownNameError
from nbpart.partitions.mapping import AllKeys, Whole, mapping_from_json
from tests.catalog.story import Story


def test_registering_again_replaces_and_returns_the_code_version_before(story: Story) -> None:
    first = story.register("model", code="c1")
    assert first.before is None
    before = story.catalog.sequence()
    assert story.register("model", code="c1").before == "c1"
    assert story.catalog.sequence() == before
    again = story.register("Model", code="c2")
    assert (again.asset_id, again.before) == (first.asset_id, "c1")
    assert story.catalog.read(lambda b: b.rows("SELECT name, code_version FROM assets")) == [("Model", "c2")]
    versions = "SELECT code_version FROM asset_versions ORDER BY sequence"
    assert story.catalog.read(lambda b: b.rows(versions)) == [("c1",), ("c2",)]


def test_a_removed_asset_comes_back_under_its_id(story: Story) -> None:
    first = story.register("model").asset_id
    story.catalog.write(lambda b: events.remove_asset(b, "MODEL"))
    assert story.catalog.read(lambda b: b.value("SELECT active FROM assets")) is False
    with pytest.raises(UnknownNameError, match="model"):
        story.catalog.write(lambda b: events.remove_asset(b, "model"))
    again = story.register("model")
    assert (again.asset_id, again.before) == (first, "c1")
    assert story.register("other").asset_id != first


def test_dependencies_are_those_of_the_last_registration(story: Story) -> None:
    story.register("a")
    story.register("b")
    story.register("c", ("A", "same"), ("b", "all"))
    sql = "SELECT input_id, mapping->>'kind' FROM dependencies ORDER BY ALL"
    assert story.catalog.read(lambda b: b.rows(sql)) == [(story.ids["a"], "same"), (story.ids["b"], "all_keys")]
    story.register("c", ("b", "same"))
    assert story.catalog.read(lambda b: b.rows(sql)) == [(story.ids["b"], "same")]


def test_what_new_keys_mean_is_part_of_the_stored_mapping(story: Story) -> None:
    story.register("a")
    for mapping in (AllKeys("ignore"), AllKeys()):
        row = AssetRow("total", "function", 0, "c", {}, [Input("a", mapping)])
        story.catalog.write(lambda b, row=row: events.register_assets(b, [row]))
        (stored,) = story.catalog.read(lambda b: b.rows("SELECT mapping FROM dependencies"))
        assert mapping_from_json(json.loads(stored[0])) == mapping


def test_several_are_registered_together_or_not_at_all(catalog: Catalog) -> None:
    def row(name: str, *inputs: str) -> AssetRow:
        return AssetRow(name, "function", 0, "c", {}, [Input(read, Whole()) for read in inputs])

    with pytest.raises(UnknownNameError, match=r"'b' reads 'nowhere'.*'a'"):
        catalog.write(lambda b: events.register_assets(b, [row("a"), row("b", "nowhere")]))
    with pytest.raises(DeclarationError, match="twice"):
        catalog.write(lambda b: events.register_assets(b, [row("a"), row("A")]))
    assert catalog.read(lambda b: b.value("SELECT count(*) FROM assets")) == 0
    done = catalog.write(lambda b: events.register_assets(b, [row("b", "a"), row("a")]))
    assert sorted(done) == ["a", "b"]
    assert catalog.read(lambda b: b.value("SELECT count(*) FROM dependencies")) == 1


def test_a_removed_asset_is_no_input(story: Story) -> None:
    story.register("a")
    story.catalog.write(lambda b: events.remove_asset(b, "a"))
    with pytest.raises(UnknownNameError, match="reads 'a'"):
        story.register("b", ("a", "same"))


def test_observing_the_same_again_changes_nothing(story: Story) -> None:
    story.add("x", "y")
    story.register("inbox", kind="source")
    assert story.observe("inbox", {"x": "one", "y": "two"}) == 2
    assert story.statuses("inbox", "xy") == "materialized materialized"
    changed_at = story.count("materializations")
    assert story.observe("inbox", {"x": "one", "y": "two"}) == 0
    assert story.count("materializations") == changed_at
    assert story.count("observed") == 2


def test_a_file_that_was_touched_is_remembered_with_its_new_time(story: Story) -> None:
    story.add("x")
    story.register("inbox", kind="source")
    story.observe("inbox", {"x": "one"})
    sql = "SELECT proof, materialization_id FROM observed"
    before = story.catalog.read(lambda b: b.row(sql))
    assert story.observe("inbox", {"x": "one"}) == 0
    after = story.catalog.read(lambda b: b.row(sql))
    assert before is not None
    assert after is not None
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_a_file_that_vanished_is_missing_until_it_is_back(story: Story) -> None:
    story.add("x")
    story.register("inbox", kind="source")
    assert story.observe("inbox", {"x": None}) == 0
    assert story.count("partition_facts") == 0
    story.observe("inbox", {"x": "one"})
    assert story.observe("inbox", {"x": None}) == 1
    assert story.status("inbox", "x") == "missing"
    assert story.count("observed") == 0
    assert story.observe("inbox", {"x": None}) == 0
    assert story.observe("inbox", {"x": "one"}) == 1
    assert story.status("inbox", "x") == "materialized"
    assert story.findings() == []


def test_observing_nothing_changes_nothing(story: Story) -> None:
    story.add("x")
    story.register("inbox", kind="source")
    assert story.observe("inbox", {}) == 0


def test_a_file_can_be_observed_by_the_id_of_its_key_but_not_for_a_key_that_never_was(story: Story) -> None:
    story.add("x")
    story.register("inbox", kind="source")
    frame = pd.DataFrame({"key_id": [story.key_id("x")], "size": [1], "proof": ["1"], "version": ["etag-1"]})
    assert story.catalog.write(lambda b: events.record_observations(b, story.ids["inbox"], frame)) == 1
    with pytest.raises(UnknownNameError, match="add the key"):
        story.observe("inbox", {"nowhere": "one"})
