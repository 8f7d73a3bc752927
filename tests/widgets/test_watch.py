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
from nbpart.widgets.watch import Watcher, follow, watcher_of
from tests.catalog.story import Story
from tests.processes import wait_for


class Seen:
    """A follower that keeps what it was told."""

    def __init__(self) -> None:
        self.found: list[Any] = []
        self.times: list[float] = []
        self.due = False
        self.watched = True
        self.trouble: Exception | None = None
        self._came = threading.Condition()

    def is_watched(self) -> bool:
        return self.watched

    def is_due(self) -> bool:
        return self.due

    def read(self, batch: Batch, changes: Changes) -> Any:
        if self.trouble:
            raise self.trouble
        touched = changes.touched
        return {
            "sequence": changes.sequence,
            "registered": changes.registered,
            "moved": set(changes.moved_sets),
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
def seen(catalog: Catalog, story: Story) -> Iterator[Seen]:
    follower = Seen()
    watcher = follow(catalog, follower, catalog.sequence())
    yield follower
    watcher.remove(follower)


def test_a_follower_is_told_what_changed(seen: Seen, story: Story, catalog: Catalog) -> None:
    [run_no] = story.claim("model", "b")
    sequence = catalog.sequence()
    told = seen.wait(lambda found: found["sequence"] == sequence)
    assert told["touched"] == [story.key_id("b")]
    assert told["status"] == [2]
    assert told["counts"][story.ids["model"]] == (2, 0, 1, 0, 0, 0)
    assert (told["registered"], told["moved"]) == (False, set())
    story.start(run_no or 0)
    told = seen.wait(lambda found: found["status"] == [3])
    assert told["counts"][story.ids["model"]] == (2, 0, 0, 1, 0, 0)


def test_new_keys_and_new_assets_are_told_apart(seen: Seen, story: Story) -> None:
    story.add("d")
    assert story.files in seen.wait(lambda found: found["moved"])["moved"]
    story.register("report")
    assert seen.wait(lambda found: found["registered"])["counts"][story.ids["report"]] == (4, 0, 0, 0, 0, 0)


def test_another_process_is_followed(seen: Seen, story: Story, catalog: Catalog) -> None:
    code = (
        "import sys; from nbpart.catalog import Catalog, events\n"
        "catalog = Catalog.open(sys.argv[1])\n"
        "catalog.write(lambda b: events.add_keys(b, int(sys.argv[2]), ['elsewhere']))\n"
        "catalog.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(catalog.path), str(story.files)], check=True, timeout=60)
    assert seen.wait(lambda found: found["moved"])["counts"][story.ids["model"]][0] == 4


def test_changes_in_a_row_come_at_most_five_a_second(seen: Seen, story: Story) -> None:
    stop = time.monotonic() + 1.5
    n = 0
    while time.monotonic() < stop:
        n += 1
        story.add(f"k{n}")
    seen.wait(lambda found: found["counts"][story.ids["model"]][0] == 3 + n)
    gaps = [b - a for a, b in zip(seen.times, seen.times[1:], strict=False)]
    assert n > len(seen.times)
    assert min(gaps) >= 0.19


def test_followers_share_one_thread_and_one_batch(catalog: Catalog, story: Story, seen: Seen) -> None:
    other = Seen()
    watcher = follow(catalog, other, catalog.sequence())
    assert watcher is watcher_of(catalog)
    before = watcher.readings
    story.add("x")
    first = seen.wait(lambda found: found["moved"])
    assert other.wait(lambda found: found["moved"]) == first
    assert watcher.readings == before + 1
    watcher.remove(other)


def test_an_idle_watcher_leaves_the_catalog_alone(
    catalog: Catalog, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Semaphore(0)
    sequence = catalog.sequence

    def look() -> int:
        looked.release()
        return sequence()

    monkeypatch.setattr(catalog, "sequence", look)
    before = watcher_of(catalog).readings
    for _ in range(2):
        assert looked.acquire(timeout=10)
    assert watcher_of(catalog).readings == before


def test_who_is_due_is_asked_though_nothing_was_written(catalog: Catalog, seen: Seen) -> None:
    seen.due = True
    watcher_of(catalog).nudge()
    assert seen.wait(lambda found: True)["sequence"] == catalog.sequence()


def test_who_is_not_looked_at_reads_nothing_and_catches_up_later(catalog: Catalog, story: Story, seen: Seen) -> None:
    other = Seen()
    other.watched, other.due = False, True
    watcher = follow(catalog, other, catalog.sequence())
    story.add("x")
    story.add("y")
    last = catalog.sequence()
    seen.wait(lambda found: found["sequence"] == last)
    assert other.found == []
    other.watched, other.due = True, False
    watcher.nudge()
    told = other.wait(lambda found: True)
    assert (told["sequence"], told["counts"][story.ids["model"]][0]) == (last, 5)
    assert told["moved"]
    watcher.remove(other)


def test_a_follower_in_trouble_does_not_spoil_the_batch_of_the_others(
    catalog: Catalog, story: Story, seen: Seen
) -> None:
    bad = Seen()
    bad.trouble = ValueError("no")
    watcher = follow(catalog, bad, catalog.sequence())
    story.add("x")
    assert seen.wait(lambda found: found["moved"])
    assert bad.found == []
    watcher.remove(bad)


def test_a_busy_catalog_is_read_later(
    catalog: Catalog, story: Story, seen: Seen, monkeypatch: pytest.MonkeyPatch
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


def test_the_thread_ends_with_its_last_follower(catalog: Catalog, story: Story) -> None:
    watcher = Watcher(catalog)
    follower = Seen()
    watcher.add(follower, catalog.sequence())
    thread = watcher._thread
    assert thread is not None
    watcher.remove(follower)
    thread.join(10)
    assert not watcher.is_running
    watcher.add(follower, 0)
    assert follower.wait(lambda found: True)["registered"]
    thread = watcher._thread
    assert thread is not None
    del follower
    gc.collect()
    watcher.nudge()
    thread.join(10)
    assert not thread.is_alive()


def test_a_lonely_follower_in_trouble_is_followed_on(
    catalog: Catalog, story: Story, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    seen.trouble = KeyError("no such column")
    story.add("d")
    wait_for(lambda: "no such column" in caplog.text, 20)
    seen.trouble = None
    story.add("e")
    seen.wait(lambda found: found["sequence"] == catalog.sequence())


def test_the_thread_ends_when_the_catalog_is_closed(catalog: Catalog, story: Story, seen: Seen) -> None:
    thread = watcher_of(catalog)._thread
    assert thread is not None
    catalog.close()
    seen.due = True
    watcher_of(catalog).nudge()
    thread.join(10)
    assert not thread.is_alive()


def test_the_interpreter_can_end_while_widgets_live(tmp_path: Path) -> None:
    code = (
        "import sys; from nbpart.catalog import Catalog\n"
        "from nbpart.widgets.watch import follow\n"
        "class Follower:\n"
        "    def is_watched(self): return True\n"
        "    def is_due(self): return True\n"
        "    def read(self, batch, changes): return changes.counts\n"
        "    def apply(self, found): pass\n"
        "catalog = Catalog.open(sys.argv[1]); f = Follower(); follow(catalog, f, 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "c.duckdb")], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
