from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nbpart.catalog import Catalog, events
from nbpart.catalog.records import KeysAdded
from tests.catalog.story import Story


def members(catalog: Catalog, set_id: int) -> list[str]:
    sql = "SELECT key FROM members JOIN keys USING (key_id) WHERE set_id = ? ORDER BY position"
    return [row[0] for row in catalog.read(lambda b: b.rows(sql, set_id))]


def test_a_new_catalog_has_the_unpartitioned_set(catalog: Catalog) -> None:
    assert catalog.read(lambda b: b.row("SELECT set_id, name, kind FROM partition_sets")) == (0, "", "single")
    assert members(catalog, 0) == [""]


def test_a_set_is_made_once_and_brought_up_to_date(catalog: Catalog) -> None:
    first = catalog.write(lambda b: events.ensure_set(b, "trials", "dynamic", "[1]"))
    assert catalog.write(lambda b: events.ensure_set(b, "other", "static")) != first
    before = catalog.sequence()
    assert catalog.write(lambda b: events.ensure_set(b, "trials", "dynamic", "[1]")) == first
    assert catalog.sequence() == before
    assert catalog.write(lambda b: events.ensure_set(b, "trials", "dynamic", "[1, 2]")) == first
    assert catalog.read(lambda b: b.value("SELECT params FROM partition_sets WHERE set_id = ?", first)) == "[1, 2]"


def test_keys_keep_their_order_and_fold(story: Story) -> None:
    assert story.add("b", "a", "b") == ["b", "a"]
    assert story.add("c", "a", "A") == ["c", "A"]
    assert members(story.catalog, story.files) == ["b", "a", "c", "A"]
    assert story.count("member_events") == 4


def test_adding_what_is_there_changes_nothing(story: Story) -> None:
    story.add("a")
    before = story.catalog.sequence()
    assert story.add("a") == []
    assert story.add() == []
    assert story.catalog.sequence() == before


def test_a_key_has_one_id_in_all_sets_and_keeps_it(story: Story) -> None:
    story.add("a", "b")
    other = story.catalog.write(lambda b: events.ensure_set(b, "other", "dynamic"))
    added = story.catalog.write(lambda b: events.add_keys(b, other, ["z", "b"]))
    assert added == KeysAdded(["z", "b"], [])
    before = story.key_id("b")
    assert story.remove("b", "nowhere", "b") == ["b"]
    assert members(story.catalog, other) == ["z", "b"]
    again = story.catalog.write(lambda b: events.add_keys(b, story.files, ["n", "b"]))
    assert again == KeysAdded(["n", "b"], ["b"])
    assert story.key_id("b") == before
    assert members(story.catalog, story.files) == ["a", "n", "b"]
    assert story.catalog.read(lambda b: b.value("SELECT count(*) - count(DISTINCT key_id) FROM keys")) == 0


def test_parameters_stand_beside_their_key(story: Story) -> None:
    story.catalog.write(lambda b: events.add_keys(b, story.files, ["y=1", "y=2", "y=1"], ['{"y":1}', '{"y":2}', "?"]))
    sql = "SELECT key, params FROM members JOIN keys USING (key_id) WHERE set_id = ? ORDER BY position"
    assert story.catalog.read(lambda b: b.rows(sql, story.files)) == [("y=1", '{"y":1}'), ("y=2", '{"y":2}')]


def test_a_change_of_membership_moves_the_version_of_the_set(story: Story) -> None:
    story.add("a")
    sql = "SELECT version FROM partition_sets WHERE name = 'files'"
    first = story.catalog.read(lambda b: b.value(sql))
    assert first == story.catalog.sequence()
    story.remove("a")
    assert story.catalog.read(lambda b: b.value(sql)) == story.catalog.sequence() > first


lists = st.lists(st.sampled_from("abcdef"), unique=True)


@settings(deadline=None, max_examples=40)
@given(steps=st.lists(st.tuples(st.sampled_from(["add", "remove", "replace"]), lists), max_size=6))
def test_a_set_equals_a_model_of_a_list(steps: list[tuple[str, list[str]]], shared_catalog: Catalog) -> None:
    name = f"set-{shared_catalog.sequence()}"
    set_id = shared_catalog.write(lambda b: events.ensure_set(b, name, "dynamic"))
    model: list[str] = []
    for action, keys in steps:
        if action == "add":
            new = shared_catalog.write(lambda b, keys=keys: events.add_keys(b, set_id, keys)).new
            assert new == [key for key in keys if key not in model]
            model += new
        elif action == "remove":
            gone = shared_catalog.write(lambda b, keys=keys: events.remove_keys(b, set_id, keys))
            assert gone == [key for key in keys if key in model]
            model = [key for key in model if key not in keys]
        else:
            shared_catalog.write(lambda b, keys=keys: events.set_static_keys(b, set_id, keys))
            model = keys
        assert members(shared_catalog, set_id) == model
