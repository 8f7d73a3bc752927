"""The watcher in this process, without kernels: runs are played by threads that answer at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart import WatchedError
from nbpart.automation.hooks import HookTold
from nbpart.automation.latest_looks import looks_path
from nbpart.automation.sensor_children import SensorChildren
from nbpart.automation.watcher import LookDone, Watcher
from nbpart.automation.watching import find_watch
from nbpart.run.notebook import NotebookRun
from nbpart.run.report import RunReport
from nbpart.states import RunStatus
from nbpart.workspace.automating import OPENER
from tests.run.conftest import make_report

pytestmark = pytest.mark.xdist_group("watcher")


class Played:
    """Runs that are played: which, how many at a time; those in ``held`` wait until they are let go."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, str | None]] = []
        self.failing: set[str] = set()
        self.go = threading.Event()
        self.go.set()
        self.running = self.most = 0
        self._lock = threading.Lock()

    def execute(self, run: NotebookRun) -> RunReport:
        with self._lock:
            self.ran.append((run.spec.asset, run.spec.partition_key))
            self.running += 1
            self.most = max(self.most, self.running)
        while not self.go.wait(0.01) and not run._is_stopped():
            pass
        with self._lock:
            self.running -= 1
        stopped = run._is_stopped()
        failed = run.spec.asset in self.failing
        status = RunStatus.CANCELLED if stopped else RunStatus.FAILED if failed else RunStatus.SUCCEEDED
        return make_report(run.spec, status)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    played = Played()
    monkeypatch.setattr(NotebookRun, "execute", lambda run: played.execute(run))
    monkeypatch.setattr(NotebookRun, "start_ahead", lambda run: None)
    return played


def make_children() -> SensorChildren:
    return SensorChildren(OPENER, forks=True)


class Watched:
    """A watcher that runs in a thread, and what it reported."""

    def __init__(self, ws: nbpart.Workspace, grace_s: float | None = None) -> None:
        self.done: list[LookDone] = []
        self.ended: list[str] = []
        self.told: list[HookTold] = []
        self.watcher = Watcher(
            ws.project,
            make_children(),
            max_workers=2,
            report=self.done.append,
            report_end=self.ended.append,
            report_hook=self.told.append,
        )
        self.stop = threading.Event()
        self._thread = threading.Thread(target=lambda: self.watcher.run(self.stop, grace_s))

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        self.stop.set()
        self.watcher.wake()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def wait_for(self, condition: Callable[[], object], timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, [str(one.error) for one in self.done]
            time.sleep(0.02)


def daily() -> dict[str, str]:
    return {}


def read(inbox: Any) -> dict[str, str]:
    return {}


def second(first: Any) -> dict[str, str]:
    return {}


def by_file(partition_key: str) -> dict[str, str]:
    return {}


@pytest.fixture
def ws(ws: nbpart.Workspace, project: Path) -> nbpart.Workspace:
    files = ws.dynamic_partitions("files")
    ws.asset(by_file, partitions=files)

    @ws.sensor(every=0.2, partitions=files)
    def find_files(context: Any) -> Any:
        import os

        return sorted(name for name in os.listdir("inbox") if name not in context.partitions("files"))

    return ws


def test_a_file_that_lands_is_made_without_a_word(ws: nbpart.Workspace, project: Path, played: Played) -> None:
    with Watched(ws) as watched:
        watched.wait_for(lambda: ws.triggers.watch.is_watched)
        (project / "inbox" / "a.csv").write_text("a")
        watched.wait_for(lambda: played.ran == [("by_file", "a.csv")])
        watched.wait_for(lambda: watched.ended)
    [asked] = [one for one in watched.done if one.recorded]
    assert asked.recorded is not None
    assert asked.recorded.added == {"files": ["a.csv"]}
    assert not find_watch(ws.project.catalog.path, ws.project.catalog.clock()).is_watched


def test_ticks_that_found_nothing_are_recorded_together(ws: nbpart.Workspace, played: Played) -> None:
    with Watched(ws) as watched:
        time.sleep(1)
        sequence = ws.project.catalog.sequence()
        time.sleep(1)
        assert ws.project.catalog.sequence() == sequence, "a look that finds nothing writes nothing"
        watched.end()
    ticks = ws.ticks("find_files")
    assert len(ticks) >= 2
    assert set(ticks.outcome) == {"skipped"}
    assert ticks.happened_at.is_monotonic_decreasing


def test_looks_that_found_nothing_are_seen_before_they_are_recorded(ws: nbpart.Workspace, played: Played) -> None:
    @ws.sensor(every=0.2)
    def waiting(context: Any) -> Any:
        import nbpart

        return nbpart.SkipReason("it rains")

    with Watched(ws) as watched:
        watched.wait_for(lambda: ws.triggers.frame.last_look.notna().all())
        sequence = ws.project.catalog.sequence()
        seen = ws.triggers.frame
        watched.wait_for(lambda: (ws.triggers.frame.last_look > seen.last_look).all())
        row = ws.triggers.frame.set_index("trigger").loc["waiting"]
        assert (row.outcome, row.message) == ("skipped", "it rains")
        assert row.next_look - row.last_look < timedelta(seconds=1)
        assert ws.project.catalog.sequence() == sequence, "nobody wrote into the catalog"
        assert len(ws.ticks()) == 0
    assert not looks_path(ws.project.catalog.path).exists()
    assert (ws.triggers.frame.last_look >= row.last_look).any(), "what was shown is recorded in the end"


def test_one_that_fails_stops_no_other_and_backs_off(ws: nbpart.Workspace, project: Path, played: Played) -> None:
    @ws.sensor(every=0.3)
    def failing(context: Any) -> None:
        raise OSError("no network")

    @ws.sensor(every=0.3, timeout_s=0.5)
    def hanging(context: Any) -> None:
        import time

        time.sleep(60)

    (project / "inbox" / "a.csv").write_text("a")
    with Watched(ws) as watched:
        watched.wait_for(lambda: played.ran)
        watched.wait_for(lambda: len(ws.ticks("failing")) >= 3)
    failures = ws.ticks("failing")
    assert failures.error.tolist()[0] == "sensor 'failing' raised OSError: no network"
    gaps = -failures.happened_at.diff().dt.total_seconds().dropna()
    assert gaps.tolist() == sorted(gaps, reverse=True), "the newest gap is the longest"
    assert set(ws.ticks("hanging").outcome) == {"failed"}


def test_a_trigger_that_is_off_does_not_look(ws: nbpart.Workspace, played: Played) -> None:
    ws.triggers["find_files"].off()
    with Watched(ws) as watched:
        time.sleep(0.7)
        assert len(ws.ticks("find_files")) == 0
        ws.triggers["find_files"].on()
        watched.wait_for(lambda: watched.watcher._last)
    assert len(ws.ticks("find_files")) > 0


def test_a_trigger_that_is_declared_while_it_watches_is_taken_up(ws: nbpart.Workspace, played: Played) -> None:
    with Watched(ws) as watched:
        watched.wait_for(lambda: ws.triggers.watch.is_watched)

        @ws.sensor(every=60, partitions=ws.dynamic_partitions("files"))
        def late(context: Any) -> str:
            return "late.csv"

        watched.wait_for(lambda: ("by_file", "late.csv") in played.ran)


def test_all_that_it_starts_share_one_pool(ws: nbpart.Workspace, played: Played) -> None:
    played.go.clear()

    @ws.sensor(every=60, partitions=ws.dynamic_partitions("files"))
    def one(context: Any) -> list[str]:
        return ["a", "b", "c"]

    @ws.sensor(every=60, partitions=ws.dynamic_partitions("files"))
    def two(context: Any) -> list[str]:
        return ["d", "e", "f"]

    with Watched(ws) as watched:
        watched.wait_for(lambda: len([one for one in watched.done if one.recorded]) == 2)
        watched.wait_for(lambda: played.running == 2)
        time.sleep(0.3)
        played.go.set()
        watched.wait_for(lambda: len(watched.ended) == 2)
    assert (played.most, len(played.ran)) == (2, 6)


def test_it_ends_after_the_runs_that_have_begun_and_the_next_one_goes_on(ws: nbpart.Workspace, played: Played) -> None:
    played.go.clear()

    @ws.sensor(every=60, partitions=ws.dynamic_partitions("files"))
    def many(context: Any) -> list[str]:
        return [f"f{n}" for n in range(8)]

    watched = Watched(ws)
    with watched:
        watched.wait_for(lambda: played.running == 2)
        [runner] = ws.project.runners.values()
        watched.stop.set()
        watched.wait_for(lambda: runner.is_draining)
        assert "; it ends after the steps that run" in repr(ws.triggers)
        time.sleep(0.3)
        played.go.set()
    assert len(played.ran) == 2, "those that had begun came to their end, no other began"
    [backfill] = ws.backfills.values()
    assert (backfill.status, backfill.counts()["succeeded"]) == ("interrupted", 2)
    other = Watched(ws)
    with other:
        other.wait_for(lambda: backfill.status == "succeeded")
    assert sorted(set(played.ran)) == sorted(played.ran), "each was run once"
    assert len(played.ran) == 8


def test_after_its_grace_it_stops_what_runs(ws: nbpart.Workspace, played: Played) -> None:
    played.go.clear()

    @ws.sensor(every=60, partitions=ws.dynamic_partitions("files"))
    def one(context: Any) -> str:
        return "f"

    with Watched(ws, grace_s=0.2) as watched:
        watched.wait_for(lambda: played.running == 1)
    assert played.running == 0
    [backfill] = ws.backfills.values()
    assert backfill.status == "interrupted"


def test_a_second_one_is_refused(ws: nbpart.Workspace, played: Played) -> None:
    with Watched(ws) as watched:
        watched.wait_for(lambda: ws.triggers.watch.is_watched)
        with pytest.raises(WatchedError, match="watches this workspace since"):
            Watcher(ws.project, make_children(), max_workers=1).run(threading.Event())


def test_looking_once_runs_what_is_asked_for_and_ends(ws: nbpart.Workspace, project: Path, played: Played) -> None:
    (project / "inbox" / "a.csv").write_text("a")
    done = Watcher(ws.project, make_children(), max_workers=2).look_once()
    assert [(one.trigger.name, one.error) for one in done] == [("find_files", None)]
    assert played.ran == [("by_file", "a.csv")]
    assert not ws.triggers.watch.is_watched


def test_hooks_are_told_once_of_what_failed(ws: nbpart.Workspace, project: Path, played: Played) -> None:
    played.failing.add("by_file")

    @ws.on_failure
    def tell(event: Any) -> None:
        with open("told.txt", "a") as file:
            file.write(f"{event.what} {event.name} {dict(event.counts)} {list(event.partitions)} {event.error}\n")

    @ws.on_failure(name="broken")
    def broken(event: Any) -> None:
        raise OSError("no mail today")

    @ws.sensor(every=0.2)
    def failing(context: Any) -> None:
        raise OSError("no network")

    for name in ("a.csv", "b.csv"):
        (project / "inbox" / name).write_text("a")
    told = project / "told.txt"
    with Watched(ws) as watched:
        watched.wait_for(lambda: watched.ended and told.exists() and len(told.read_text().splitlines()) == 2)
        watched.wait_for(lambda: len(ws.ticks("failing")) >= 2)
        watched.wait_for(lambda: len(watched.told) == 4)
    lines = sorted(told.read_text().splitlines())
    assert len(lines) == 2, lines
    backfill, tick = lines
    assert backfill.startswith("backfill by_file+ {'failed': 2} ['by_file/")  # which of two failed first is chance
    assert all(f"'by_file/{name}'" in backfill for name in ("a.csv", "b.csv"))
    assert tick == "tick failing {} [] sensor 'failing' raised OSError: no network"
    assert [one.error for one in watched.told if one.error] == ["hook 'broken' raised OSError: no mail today"] * 2


@pytest.mark.parametrize("fails_again", [False, True])
def test_a_backfill_that_the_next_watcher_resumes_is_told_of_again_only_where_more_failed(
    ws: nbpart.Workspace, played: Played, fails_again: bool
) -> None:
    played.go.clear()
    played.failing.add("by_file")

    @ws.on_failure
    def tell(event: Any) -> None:
        print(event.counts["failed"])

    @ws.sensor(every=60, partitions=ws.dynamic_partitions("files"))
    def many(context: Any) -> list[str]:
        return ["a", "b", "c", "d"]

    with Watched(ws) as first:
        first.wait_for(lambda: played.running == 2)
        [runner] = ws.project.runners.values()
        first.stop.set()
        first.wait_for(lambda: runner.is_draining)
        time.sleep(0.3)
        played.go.set()
    if not fails_again:
        played.failing.clear()
    with Watched(ws) as second:
        second.wait_for(lambda: second.ended)
    assert [one.printed for one in first.told] == ["2"]
    assert [one.printed for one in second.told] == (["4"] if fails_again else [])
    [backfill] = ws.backfills.values()
    assert backfill.counts()["failed"] == (4 if fails_again else 2)


def test_looking_once_tells_hooks_before_it_ends(ws: nbpart.Workspace, project: Path, played: Played) -> None:
    played.failing.add("by_file")
    ws.asset(daily, fresh=nbpart.expect(by="00:00", within="1d"))

    @ws.on_failure
    def failed(event: Any) -> None:
        print(event.what)

    @ws.on_late
    def late(event: Any) -> None:
        print(event.what)

    now = ws.project.catalog.clock
    ws.project.catalog.clock = lambda: now() + timedelta(days=2)
    (project / "inbox" / "a.csv").write_text("a")
    told: list[HookTold] = []
    Watcher(ws.project, make_children(), max_workers=2, report_hook=told.append).look_once()
    assert sorted((one.hook, one.printed, one.error) for one in told) == [
        ("failed", "backfill", ""), ("late", "late", ""),
    ]  # fmt: skip


def test_hooks_are_told_of_what_is_late(ws: nbpart.Workspace, project: Path, played: Played) -> None:
    ws.asset(daily, fresh=nbpart.expect(by="00:00", within="1d"))

    @ws.on_late
    def tell(event: Any) -> None:
        print(event)

    now = ws.project.catalog.clock
    ws.project.catalog.clock = lambda: now() + timedelta(days=2)
    with Watched(ws) as watched:
        watched.wait_for(lambda: watched.told)
        time.sleep(0.3)
    assert [(one.hook, one.printed) for one in watched.told] == [("tell", "late daily: 1 late: daily")]


def test_a_file_that_lands_in_a_watched_folder_is_made_soon_after_it_is_still(
    ws: nbpart.Workspace, project: Path, played: Played
) -> None:
    files = ws.partitions("files")
    inbox = ws.source("inbox", "drop/{partition_key}", partitions=files)
    ws.asset(read, partitions=files, deps=["inbox"])
    inbox.watch(every="60s", settle="0.5s", run="read")
    (project / "drop").mkdir()
    with Watched(ws) as watched:
        watched.wait_for(lambda: len(watched.watcher._last) == 2)
        (project / "drop" / "new.csv").write_text("a")
        began = time.monotonic()
        watched.wait_for(lambda: ("read", "new.csv") in played.ran)
        assert time.monotonic() - began < 30, "it was woken, and did not wait for its interval"


def test_what_automations_ask_for_goes_down_a_chain_in_one_backfill(ws: nbpart.Workspace, played: Played) -> None:
    files = ws.partitions("files")
    ws.triggers["find_files"].off()
    ws.asset(name="first", partitions=files, automation=nbpart.eager())(by_file)
    ws.asset(name="second", partitions=files, deps=["first"], automation=nbpart.eager())(second)
    with Watched(ws) as watched:
        watched.wait_for(lambda: len(watched.watcher._last) >= 2)
        files.add("a.csv", "b.csv")
        watched.wait_for(lambda: len(watched.ended) == 1)
        time.sleep(0.5)
        sequence = ws.project.catalog.sequence()
        time.sleep(1.5)
        assert ws.project.catalog.sequence() == sequence, "looks that find nothing write nothing"
    assert sorted(played.ran) == [
        ("first", "a.csv"), ("first", "b.csv"), ("second", "a.csv"), ("second", "b.csv"),
    ]  # fmt: skip
    assert len(ws.backfills) == 1
