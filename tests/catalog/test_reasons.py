"""The first cause of every partition of an asset that is not up to date."""

from __future__ import annotations

from nbpart.catalog import Batch, queries
from nbpart.catalog.reasons import create_reasons, load_reasons
from nbpart.states import RunStatus
from tests.catalog.story import Story


def reasons(story: Story, asset: str) -> dict[str | None, str]:
    def read(batch: Batch) -> dict[str | None, str]:
        frame = load_reasons(batch, story.ids[asset])
        assert list(frame.columns) == ["key_id", "reason"]
        return dict(zip(queries.key_texts(batch, frame["key_id"].to_numpy()), frame["reason"], strict=True))

    return story.catalog.read(read)


def test_a_reason_names_what_changed(story: Story) -> None:
    story.add("a", "b")
    story.register("inbox", kind="source")
    story.register("up")
    story.register("down", ("inbox", "same"), ("up", "same"))
    story.register("total", ("up", "all"), set_id=0)
    story.observe("inbox", {"a": "1", "b": "1"})
    for key in ("a", "b"):
        story.make("up", key, "1")
        story.make("down", key, "1")
    story.make("total", None, "1")
    assert reasons(story, "down") == {}
    story.observe("inbox", {"a": "2", "b": "1"})
    story.make("up", "b", "2")
    assert reasons(story, "down") == {"a": "source inbox changed", "b": "input up changed"}
    assert reasons(story, "total") == {None: "input up changed"}
    story.observe("inbox", {"b": "2"})
    story.register("down", ("inbox", "same"), ("up", "same"), code="c2")
    assert reasons(story, "down") == {"a": "code changed", "b": "code changed"}, "the first cause"


def test_reasons_of_some_keys_come_in_their_order(story: Story) -> None:
    story.add("a", "b", "c")
    story.register("x")
    for key in "abc":
        story.make("x", key, "1")
    story.register("x", code="c2")
    asked = [story.key_id("c"), story.key_id("a")]
    frame = story.catalog.read(lambda b: load_reasons(b, story.ids["x"], asked))
    assert frame["key_id"].tolist() == asked
    assert frame["reason"].tolist() == ["code changed"] * 2


def test_every_partition_that_is_not_up_to_date_has_one_reason(story: Story) -> None:
    story.add("made", "never", "failed", "running")
    story.register("x")
    story.make("x", "made", "1")
    [failed] = story.claim("x", "failed")
    assert failed
    story.start(failed)
    story.end(failed, RunStatus.FAILED, error_class="ValueError", error_message="no")
    story.claim("x", "running")
    assert reasons(story, "x") == {"never": "never run", "failed": "its last run failed"}

    def read(batch: Batch) -> list[tuple[int, str]]:
        table = create_reasons(batch, story.ids["x"])
        return batch.rows(f"SELECT key_id, reason FROM {table} ORDER BY key_id")  # noqa: S608

    assert story.catalog.read(read) == [
        (story.key_id("never"), "never run"),
        (story.key_id("failed"), "its last run failed"),
    ]


def test_keys_that_came_and_left_are_named_as_by_why(story: Story) -> None:
    story.add("a", "b")
    story.register("up")
    story.register("total", ("up", "all"), set_id=0)
    story.register("every", ("up", "all"))
    for key in ("a", "b"):
        story.make("up", key, "1")
    story.make("total", None, "1")
    for key in ("a", "b"):
        story.make("every", key, "1")
    story.add("c")
    assert reasons(story, "total") == {None: "input up is not up to date"}, "it has no data yet"
    story.make("up", "c", "1")
    said = "input set changed: +c"
    assert reasons(story, "total") == {None: said}
    assert reasons(story, "every") == {"a": said, "b": said, "c": "never run"}
    story.remove("b")
    assert reasons(story, "total") == {None: "input set changed: +c, -b"}
    story.make("total", None, "2")
    story.make("up", "c", "2")
    assert reasons(story, "total") == {None: "input up changed"}, "other data of the same keys"
