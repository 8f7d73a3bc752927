from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbpart.catalog import Batch, Catalog
from nbpart.catalog.queries import Changes
from nbpart.errors import CatalogBusyError
from nbpart.widgets.change_feed import ChangeFeed, feed_of, subscribe
from tests.catalog.story import Story
from tests.processes import wait_for


class RecordingSubscriber:
    """A subscriber that keeps all that it was given."""

    def __init__(self) -> None:
        self.found: list[Any] = []
        self.times: list[float] = []
        self.is_due = False
        self.is_watched = True
        self.error: Exception | None = None
        self._came = threading.Condition()

    def has_viewers(self) -> bool:
        return self.is_watched

    def on_poll(self) -> bool:
        return self.is_due

    def read(self, batch: Batch, changes: Changes) -> Any:
        if self.error:
            raise self.error
        touched = changes.touched
        return {
            "sequence": changes.sequence,
            "registered": changes.registered,
            "moved": set(changes.changed_sets),
            "touched": None if touched is None else sorted(touched.key_ids.tolist()),
            "status": None if touched is None else touched.status.tolist(),
            "counts": changes.counts,
        }

    def apply(self, found: Any) -> None:
        with self._came:
            self.found.append(found)
            self.times.append(time.monotonic())
            self._came.notify_all()

    def wait(self, wanted: Callable[[Any], bool], timeout_s: float = 20) -> Any:
        with self._came:
            assert self._came.wait_for(lambda: any(map(wanted, self.found)), timeout_s), self.found
            return next(filter(wanted, self.found))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog.open(tmp_path / "catalog.duckdb", timeout_s=30)
    yield catalog
    catalog.close()


@pytest.fixture
def story(catalog: Catalog) -> Story:
    story = Story(catalog)
    story.register("model")
    story.add("a", "b", "c")
    return story


@pytest.fixture
def seen(catalog: Catalog, story: Story) -> Iterator[RecordingSubscriber]:
    subscriber = RecordingSubscriber()
    feed = subscribe(catalog, subscriber, catalog.sequence())
    yield subscriber
    feed.remove(subscriber)


def test_a_subscriber_gets_what_changed(seen: RecordingSubscriber, story: Story, catalog: Catalog) -> None:
    [run_no] = story.claim("model", "b")
    sequence = catalog.sequence()
    got = seen.wait(lambda found: found["sequence"] == sequence)
    assert got["touched"] == [story.key_id("b")]
    assert got["status"] == [2]
    assert got["counts"][story.ids["model"]] == (2, 0, 1, 0, 0, 0)
    assert (got["registered"], got["moved"]) == (False, set())
    story.start(run_no or 0)
    got = seen.wait(lambda found: found["status"] == [3])
    assert got["counts"][story.ids["model"]] == (2, 0, 0, 1, 0, 0)


def test_new_keys_and_new_assets_are_distinguished(seen: RecordingSubscriber, story: Story) -> None:
    story.add("d")
    assert story.files in seen.wait(lambda found: found["moved"])["moved"]
    story.register("report")
    assert seen.wait(lambda found: found["registered"])["counts"][story.ids["report"]] == (4, 0, 0, 0, 0, 0)


def test_writes_of_another_process_are_delivered(seen: RecordingSubscriber, story: Story, catalog: Catalog) -> None:
    code = (
        "import sys; from nbpart.catalog import Catalog, events\n"
        "catalog = Catalog.open(sys.argv[1])\n"
        "catalog.write(lambda b: events.add_keys(b, int(sys.argv[2]), ['elsewhere']))\n"
        "catalog.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(catalog.path), str(story.files)], check=True, timeout=60)
    assert seen.wait(lambda found: found["moved"])["counts"][story.ids["model"]][0] == 4


def test_changes_in_a_row_are_delivered_at_most_five_times_a_second(seen: RecordingSubscriber, story: Story) -> None:
    stop = time.monotonic() + 1.5
    n = 0
    while time.monotonic() < stop:
        n += 1
        story.add(f"k{n}")
    seen.wait(lambda found: found["counts"][story.ids["model"]][0] == 3 + n)
    gaps = [b - a for a, b in zip(seen.times, seen.times[1:], strict=False)]
    assert n > len(seen.times)
    assert min(gaps) >= 0.19


def test_subscribers_share_one_thread_and_one_batch(catalog: Catalog, story: Story, seen: RecordingSubscriber) -> None:
    other = RecordingSubscriber()
    feed = subscribe(catalog, other, catalog.sequence())
    assert feed is feed_of(catalog)
    before = feed.read_count
    story.add("x")
    first = seen.wait(lambda found: found["moved"])
    assert other.wait(lambda found: found["moved"]) == first
    assert feed.read_count == before + 1
    feed.remove(other)


def test_while_nothing_changes_the_catalog_is_not_read(
    catalog: Catalog, seen: RecordingSubscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Semaphore(0)
    sequence = catalog.sequence

    def look() -> int:
        looked.release()
        return sequence()

    monkeypatch.setattr(catalog, "sequence", look)
    before = feed_of(catalog).read_count
    for _ in range(2):
        assert looked.acquire(timeout=10)
    assert feed_of(catalog).read_count == before


def test_on_poll_asks_to_be_read_though_nothing_changed(catalog: Catalog, seen: RecordingSubscriber) -> None:
    seen.is_due = True
    feed_of(catalog).poll_now()
    assert seen.wait(lambda found: True)["sequence"] == catalog.sequence()


def test_without_viewers_nothing_is_read_until_later(catalog: Catalog, story: Story, seen: RecordingSubscriber) -> None:
    other = RecordingSubscriber()
    other.is_watched, other.is_due = False, True
    feed = subscribe(catalog, other, catalog.sequence())
    story.add("x")
    story.add("y")
    last = catalog.sequence()
    seen.wait(lambda found: found["sequence"] == last)
    assert other.found == []
    other.is_watched, other.is_due = True, False
    feed.poll_now()
    got = other.wait(lambda found: True)
    assert (got["sequence"], got["counts"][story.ids["model"]][0]) == (last, 5)
    assert got["moved"]
    feed.remove(other)


def test_a_subscriber_that_fails_does_not_keep_changes_from_the_others(
    catalog: Catalog, story: Story, seen: RecordingSubscriber
) -> None:
    failing = RecordingSubscriber()
    failing.error = ValueError("no")
    feed = subscribe(catalog, failing, catalog.sequence())
    story.add("x")
    assert seen.wait(lambda found: found["moved"])
    assert failing.found == []
    feed.remove(failing)


def test_a_busy_catalog_is_read_later(
    catalog: Catalog, story: Story, seen: RecordingSubscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = catalog.read
    refused = threading.Event()

    def refuse(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread().name == "nbpart-watch" and not refused.is_set():
            refused.set()
            raise CatalogBusyError("held by another")
        return read(*args, **kwargs)

    monkeypatch.setattr(catalog, "read", refuse)
    story.add("x")
    assert refused.wait(10)
    assert seen.wait(lambda found: found["moved"])


def test_the_thread_ends_with_its_last_subscriber(catalog: Catalog, story: Story) -> None:
    feed = ChangeFeed(catalog)
    subscriber = RecordingSubscriber()
    feed.add(subscriber, catalog.sequence())
    thread = feed._thread
    assert thread is not None
    feed.remove(subscriber)
    thread.join(10)
    assert not feed.is_running
    feed.add(subscriber, 0)
    assert subscriber.wait(lambda found: True)["registered"]
    thread = feed._thread
    assert thread is not None
    del subscriber
    gc.collect()
    feed.poll_now()
    thread.join(10)
    assert not thread.is_alive()


def test_the_only_subscriber_gets_later_changes_after_it_failed(
    catalog: Catalog, story: Story, seen: RecordingSubscriber, caplog: pytest.LogCaptureFixture
) -> None:
    seen.error = KeyError("no such column")
    story.add("d")
    wait_for(lambda: "no such column" in caplog.text, 20)
    seen.error = None
    story.add("e")
    seen.wait(lambda found: found["sequence"] == catalog.sequence())


def test_the_thread_ends_when_the_catalog_is_closed(catalog: Catalog, story: Story, seen: RecordingSubscriber) -> None:
    thread = feed_of(catalog)._thread
    assert thread is not None
    catalog.close()
    seen.is_due = True
    feed_of(catalog).poll_now()
    thread.join(10)
    assert not thread.is_alive()


def test_the_interpreter_can_end_while_widgets_live(tmp_path: Path) -> None:
    code = (
        "import sys; from nbpart.catalog import Catalog\n"
        "from nbpart.widgets.change_feed import subscribe\n"
        "class Subscriber:\n"
        "    def has_viewers(self): return True\n"
        "    def on_poll(self): return True\n"
        "    def read(self, batch, changes): return changes.counts\n"
        "    def apply(self, found): pass\n"
        "catalog = Catalog.open(sys.argv[1]); f = Subscriber(); subscribe(catalog, f, 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "c.duckdb")], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
