"""What is kept from one batch to the next, and when it is read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbpart.catalog import Batch, Catalog, events, queries
from nbpart.catalog.dependencies import load_dependencies
from nbpart.catalog.set_tables import load_stored_sets
from nbpart.partitions import DynamicPartitions
from nbpart.states import RunStatus
from tests.catalog.story import Story


class Counted:
    """What counts how often it was loaded: the names of all sets."""

    def __init__(self) -> None:
        self.loads = 0

    def get(self, batch: Batch) -> list[str]:
        return batch.keep("names", lambda: self._load(batch))

    def _load(self, batch: Batch) -> list[str]:
        self.loads += 1
        return [name for (name,) in batch.rows("SELECT name FROM partition_sets WHERE set_id <> 0 ORDER BY set_id")]


@pytest.fixture
def other(path: Path, story: Story) -> Iterator[Catalog]:
    """The same file, as another process has it."""
    catalog = Catalog.open(path, timeout_s=30)
    yield catalog
    catalog.close()


def add_set(name: str) -> Callable[[Batch], int]:
    return lambda batch: events.ensure_set(batch, DynamicPartitions(name))


def test_it_is_read_once_while_nothing_but_runs_is_recorded(story: Story) -> None:
    counted = Counted()
    story.register("a")
    story.add("k")
    assert story.catalog.read(counted.get) == ["files"]
    [first] = story.claim("a", "k")
    story.start(first)
    story.end(first, content="content")
    [second] = story.claim("a", "k")
    story.end(second, RunStatus.FAILED)
    assert story.catalog.write(counted.get) == ["files"]
    assert story.catalog.read(counted.get) == ["files"]
    assert counted.loads == 1


def test_it_is_read_again_after_anything_else(story: Story) -> None:
    counted = Counted()
    story.catalog.read(counted.get)
    for change in (
        add_set("more"),
        lambda batch: events.add_keys(batch, story.files, ["k"]),
        lambda batch: events.set_run_limits(batch, {"a": 2}),
    ):
        before = counted.loads
        story.catalog.write(change)
        story.catalog.read(counted.get)
        assert counted.loads == before + 1
    assert story.catalog.read(counted.get) == ["files", "more"]


def test_a_batch_sees_what_it_wrote_itself(story: Story) -> None:
    counted = Counted()

    def work(batch: Batch) -> tuple[list[str], list[str]]:
        before = counted.get(batch)
        add_set("more")(batch)
        return before, counted.get(batch)

    assert story.catalog.write(work) == (["files"], ["files", "more"])
    assert story.catalog.read(counted.get) == ["files", "more"]
    assert counted.loads == 2


def test_what_was_rolled_back_is_forgotten(story: Story) -> None:
    counted = Counted()

    def work(batch: Batch) -> None:
        add_set("more")(batch)
        assert counted.get(batch) == ["files", "more"]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        story.catalog.write(work)
    assert story.catalog.read(counted.get) == ["files"]


def test_what_another_process_committed_is_read(story: Story, other: Catalog) -> None:
    counted = Counted()
    assert story.catalog.read(counted.get) == ["files"]
    other.write(add_set("more"))
    assert story.catalog.read(counted.get) == ["files", "more"]
    other.write(add_set("most"))
    assert story.catalog.write(counted.get) == ["files", "more", "most"]


def test_another_file_in_its_place_is_read_though_its_number_is_the_same(story: Story, path: Path) -> None:
    counted = Counted()
    story.catalog.read(lambda batch: None)
    before = path.read_bytes()
    story.catalog.write(add_set("more"))
    assert story.catalog.read(counted.get) == ["files", "more"]
    # a copy from before, in which something else was recorded under the same number
    copy = path.with_name("copy.duckdb")
    copy.write_bytes(before)
    restored = Catalog.open(copy)
    restored.write(add_set("less"))
    restored.close()
    copy.replace(path)
    assert story.catalog.read(counted.get) == ["files", "less"]


def test_declarations_that_are_kept_follow_what_is_declared(story: Story, other: Catalog) -> None:
    def load(batch: Batch) -> tuple[int, int, dict[str, int]]:
        return len(load_dependencies(batch)), len(load_stored_sets(batch)), queries.load_run_limits(batch)

    story.register("a")
    assert story.catalog.read(load) == (0, 1, {})
    story.register("b", ("a", "same"))
    assert story.catalog.read(load) == (1, 1, {})
    other.write(lambda batch: events.set_run_limits(batch, {"a": 2}))
    other.write(add_set("more"))
    assert story.catalog.read(load) == (1, 2, {"a": 2})
    story.register("b")
    assert story.catalog.read(load) == (0, 2, {"a": 2})


def test_who_gets_a_list_may_change_it(story: Story) -> None:
    story.register("a")
    story.register("b", ("a", "same"))
    story.catalog.read(lambda batch: load_dependencies(batch).clear())
    assert len(story.catalog.read(load_dependencies)) == 1
