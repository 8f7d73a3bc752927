"""What is seen of data files that were recorded: deleted is missing, damaged is stale, good again is as before."""

from __future__ import annotations

import pytest

from nbpart.catalog import DataObservation, events
from nbpart.catalog.reasons import load_reasons
from nbpart.states import DataState, RunStatus
from tests.catalog.story import Story

DELETED = "its data file was deleted"
DAMAGED = "its data file was replaced or damaged"


@pytest.fixture
def made(story: Story) -> Story:
    """`b` reads `a` key by key, `all` reads all of it, `c` reads `b`; each is made of x and y."""
    story.add("x", "y")
    story.register("a")
    story.register("b", ("a", "same"))
    story.register("c", ("b", "same"))
    story.register("all", ("a", "all"), set_id=0)
    for asset in ("a", "b", "c"):
        for key in ("x", "y"):
            story.make(asset, key, f"{asset} {key}")
    story.make("all", None, "all")
    return story


def see(story: Story, asset: str, key: str, state: DataState, reason: str = "") -> int:
    newest = "SELECT max(materialization_id) FROM materializations WHERE asset_id = ? AND key_id = ?"
    key_id = story.key_id(key)
    number = story.catalog.read(lambda b: b.value(newest, story.ids[asset], key_id))
    return story.catalog.write(lambda b: events.record_data_observations(b, [DataObservation(number, state, reason)]))


def everything(story: Story) -> str:
    told = [story.statuses(asset, ["x", "y"]) for asset in ("a", "b", "c")]
    return " / ".join([*told, story.status("all", None)])


def reasons(story: Story, asset: str) -> list[str]:
    return story.catalog.read(lambda b: load_reasons(b, story.ids[asset]))["reason"].tolist()


GOOD = "materialized materialized / materialized materialized / materialized materialized / materialized"


def test_deleted_data_is_missing_and_its_readers_are_stale(made: Story) -> None:
    assert everything(made) == GOOD
    assert see(made, "a", "x", DataState.DELETED, DELETED) == 1
    assert everything(made) == "missing materialized / stale materialized / stale materialized / stale"
    assert reasons(made, "a") == [DELETED]
    assert reasons(made, "b") == ["input a changed"]
    assert made.findings() == []


def test_equal_data_made_again_makes_readers_fresh(made: Story) -> None:
    see(made, "a", "x", DataState.DELETED, DELETED)
    made.make("a", "x", "a x")
    assert everything(made) == GOOD
    assert reasons(made, "a") == []
    assert made.findings() == []


def test_damaged_data_is_stale_with_all_that_lies_below(made: Story) -> None:
    assert see(made, "a", "x", DataState.DAMAGED, DAMAGED) == 1
    below = "stale materialized / stale materialized / stale materialized / stale"
    assert everything(made) == below
    assert reasons(made, "a") == [DAMAGED]
    assert made.findings() == []
    made.make("a", "x", "another")
    assert everything(made) == below.replace("stale", "materialized", 1)
    assert made.findings() == []


@pytest.mark.parametrize("state", [DataState.DELETED, DataState.DAMAGED])
def test_data_that_is_good_again_has_its_facts_of_before(made: Story, state: DataState) -> None:
    see(made, "a", "x", state, DELETED)
    assert see(made, "a", "x", DataState.GOOD) == 1
    assert everything(made) == GOOD
    assert made.findings() == []


def test_what_changed_meanwhile_is_seen_when_the_data_is_good_again(made: Story) -> None:
    see(made, "b", "x", DataState.DELETED, DELETED)
    made.make("a", "x", "another")
    made.register("b", ("a", "same"), code="c2")
    see(made, "b", "x", DataState.GOOD)
    assert made.status("b", "x") == "stale"
    assert reasons(made, "b")[0] == "code changed"
    assert made.findings() == []


def test_an_observation_made_twice_is_recorded_once(made: Story) -> None:
    assert see(made, "a", "x", DataState.GOOD) == 0
    assert made.count("data_seen") == 0
    sequence = made.catalog.sequence()
    assert see(made, "a", "x", DataState.DAMAGED, DAMAGED) == 1
    assert see(made, "a", "x", DataState.DAMAGED, DAMAGED) == 0
    assert (made.count("data_seen"), made.catalog.sequence()) == (1, sequence + 1)
    assert see(made, "a", "x", DataState.DELETED, DELETED) == 1
    assert made.status("a", "x") == "missing"


def test_old_data_says_nothing_about_what_came_after_it(made: Story) -> None:
    old = made.catalog.read(
        lambda b: b.value("SELECT min(materialization_id) FROM materializations WHERE asset_id = ?", made.ids["a"])
    )
    made.make("a", "x", "newer")
    assert (
        made.catalog.write(
            lambda b: events.record_data_observations(b, [DataObservation(old, DataState.DELETED, DELETED)])
        )
        == 0
    )
    assert made.status("a", "x") == "materialized"
    assert made.findings() == []


def test_a_run_that_could_not_read_its_input_records_it_with_its_outcome(made: Story) -> None:
    newest = "SELECT materialization_id FROM partition_facts WHERE asset_id = ? AND key_id = ?"
    key_id = made.key_id("x")
    number = made.catalog.read(lambda b: b.value(newest, made.ids["a"], key_id))
    [run_no] = made.claim("b", "x")
    assert run_no is not None
    made.start(run_no)
    made.end(run_no, RunStatus.FAILED, data_observations=[DataObservation(number, DataState.DELETED, DELETED)])
    assert made.statuses("a", ["x", "y"]) == "missing materialized"
    assert made.status("b", "x") == "failed"
    assert made.status("all", None) == "stale"
    assert made.findings() == []


def test_facts_rebuilt_from_events_include_observations_of_data(made: Story) -> None:
    from nbpart.catalog.check import repair

    see(made, "a", "x", DataState.DELETED, DELETED)
    see(made, "a", "y", DataState.DAMAGED, DAMAGED)
    before = everything(made)
    made.catalog.write(lambda b: b.execute("DELETE FROM partition_facts"))
    assert made.catalog.write(repair) == 7
    assert everything(made) == before
    assert before.startswith("missing stale /")
