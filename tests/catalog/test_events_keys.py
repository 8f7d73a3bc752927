# ruff: noqa: S608  the names of tables are made here
from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nbpart.catalog import Batch, Catalog, events, queries
from nbpart.catalog.records import KeysAdded
from nbpart.catalog.set_tables import build_columns, columns_table, own_columns
from nbpart.partitions import DynamicPartitions, Param, StaticPartitions
from tests.catalog.story import Story


def members(catalog: Catalog, set_id: int) -> list[str]:
    sql = "SELECT key FROM members AS m JOIN keys USING (key_id) WHERE m.set_id = ? ORDER BY position"
    return [row[0] for row in catalog.read(lambda b: b.rows(sql, set_id))]


def test_a_new_catalog_has_the_unpartitioned_set(catalog: Catalog) -> None:
    assert catalog.read(lambda b: b.row("SELECT set_id, name, kind FROM partition_sets")) == (0, "", "single")
    assert members(catalog, 0) == [""]


def test_a_set_is_made_once_and_brought_up_to_date(catalog: Catalog) -> None:
    trials = DynamicPartitions("trials", {"lr": float})
    more = DynamicPartitions("trials", {"lr": float, "n": Param(int, 3)})
    first = catalog.write(lambda b: events.ensure_set(b, trials))
    assert catalog.write(lambda b: events.ensure_set(b, StaticPartitions(["a"], "other"))) != first
    before = catalog.sequence()
    assert catalog.write(lambda b: events.ensure_set(b, trials)) == first
    assert catalog.sequence() == before
    assert catalog.write(lambda b: events.ensure_set(b, more)) == first
    assert catalog.read(lambda b: queries.find_set(b, "trials")).definition == more


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
    other = story.catalog.write(lambda b: events.ensure_set(b, DynamicPartitions("other")))
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
    trials = DynamicPartitions("trials", {"y": int})
    columns = build_columns(own_columns(trials), [{"y": 1}, {"y": 2}, {"y": 1}])

    def add(batch: Batch) -> list[tuple[str, int]]:
        set_id = events.ensure_set(batch, trials)
        events.add_keys(batch, set_id, ["y=1", "y=2", "y=1"], columns)
        return batch.rows(f"SELECT key, y FROM {columns_table(set_id)} JOIN keys USING (key_id) ORDER BY key_id")

    assert story.catalog.write(add) == [("y=1", 1), ("y=2", 2)]


def test_lists_that_nobody_named_share_their_keys(catalog: Catalog) -> None:
    def add(batch: Batch, keys: list[str], name: str | None = None) -> list[int]:
        set_id = events.ensure_set(batch, StaticPartitions(keys, name))
        events.replace_keys(batch, set_id, keys)
        return queries.key_ids(batch, set_id, keys).tolist()

    few, more, named = catalog.write(lambda b: (add(b, ["a", "b"]), add(b, ["b", "c"]), add(b, ["b"], "mine")))
    assert (few[1] == more[0], more[0] == named[0]) == (True, False)


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
    set_id = shared_catalog.write(lambda b: events.ensure_set(b, DynamicPartitions(name)))
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
            shared_catalog.write(lambda b, keys=keys: events.replace_keys(b, set_id, keys))
            model = keys
        assert members(shared_catalog, set_id) == model
