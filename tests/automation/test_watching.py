"""Who watches: the note of a watcher and its lock, as others find them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nbpart import WatchedError
from nbpart.automation.watching import SILENT_AFTER_S, HeldWatch, find_watch, is_held_by, lock_path

NOW = datetime(2026, 1, 2, 18, 2, tzinfo=UTC)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.duckdb"
    path.touch()
    return path


def shown(at: datetime) -> str:
    return f"{at.astimezone():%H:%M}"


def test_nobody_watched_ever(catalog: Path) -> None:
    watch = find_watch(catalog, NOW)
    assert (watch.is_watched, watch.note, watch.describe(NOW)) == (False, None, "nobody watches")
    assert not lock_path(catalog).exists(), "it was only looked at"


def test_one_watches_until_it_ends(catalog: Path) -> None:
    held = HeldWatch(catalog, NOW, "the.log")
    watch = find_watch(catalog, NOW)
    assert watch.is_watched
    assert watch.describe(NOW).startswith(f"watched since {shown(NOW)} by process {os.getpid()} on ")
    later = NOW + timedelta(minutes=5)
    held.beat(later)
    held.close()
    watch = find_watch(catalog, later)
    assert (watch.is_watched, watch.describe(later)) == (False, f"nobody has watched since {shown(later)}")
    HeldWatch(catalog, later).close()


def test_a_second_one_is_told_who_has_it_and_since_when(catalog: Path) -> None:
    held = HeldWatch(catalog, NOW, "the.log")
    with pytest.raises(WatchedError, match=f"process {os.getpid()} on .* since {shown(NOW)}; its log is the.log"):
        HeldWatch(catalog, NOW + timedelta(seconds=5))
    held.close()


def test_one_that_is_not_seen_for_a_while_does_not_watch(catalog: Path) -> None:
    held = HeldWatch(catalog, NOW)
    later = NOW + timedelta(seconds=SILENT_AFTER_S + 1)
    watch = find_watch(catalog, later)
    assert (watch.is_watched, watch.is_held) == (False, True)
    assert watch.describe(later) == f"nobody has watched since {shown(NOW)}"
    with pytest.raises(WatchedError, match=f"was last seen {shown(NOW)}: it was stopped or hangs. End it .kill -9"):
        HeldWatch(catalog, later)
    held.close()


def test_a_watcher_that_was_killed_is_taken_over_at_once(catalog: Path) -> None:
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom datetime import UTC, datetime\n"
        "from nbpart.automation.watching import HeldWatch\n"
        "held = HeldWatch(Path(sys.argv[1]), datetime.now(UTC))\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, catalog], check=False, timeout=60)
    now = datetime.now(UTC)
    assert find_watch(catalog, now).describe(now).startswith("nobody has watched since")
    HeldWatch(catalog, now).close()


def test_the_pid_of_a_dead_watcher_may_be_that_of_another_process(catalog: Path) -> None:
    HeldWatch(catalog, NOW).close()
    assert f'"pid": {os.getpid()}' in lock_path(catalog).read_text(), "a process that lives"
    assert not find_watch(catalog, NOW).is_watched


def test_a_workspace_that_was_copied_is_not_watched(catalog: Path, tmp_path: Path) -> None:
    held = HeldWatch(catalog, NOW)
    copy = tmp_path / "copy" / "catalog.duckdb"
    copy.parent.mkdir()
    for path in (catalog, lock_path(catalog)):
        shutil.copy(path, copy.with_name(path.name))
    watch = find_watch(copy, NOW)
    assert (watch.is_watched, watch.describe(NOW)) == (False, f"nobody has watched since {shown(NOW)}")
    HeldWatch(copy, NOW).close()
    held.close()


def test_a_copy_on_another_machine_is_not_watched_within_a_minute(catalog: Path) -> None:
    HeldWatch(catalog, NOW).close()
    note = json.loads(lock_path(catalog).read_text()) | {"host": "elsewhere"}
    lock_path(catalog).write_text(json.dumps(note))
    assert find_watch(catalog, NOW).is_watched, "a lock that another machine holds may not be seen from here"
    assert not find_watch(catalog, NOW + timedelta(seconds=60)).is_watched


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", '{"pid": "x"}', "\udcff", "x" * 9999])
def test_a_note_that_somebody_spoiled_is_none(catalog: Path, text: str) -> None:
    lock_path(catalog).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert find_watch(catalog, NOW).note is None
    HeldWatch(catalog, NOW).close()
    assert find_watch(catalog, NOW).note is not None


def test_a_time_of_another_day_has_its_date(catalog: Path) -> None:
    HeldWatch(catalog, NOW).close()
    days_later = NOW + timedelta(days=3)
    assert find_watch(catalog, days_later).describe(days_later) == (
        f"nobody has watched since {NOW.astimezone():%Y-%m-%d %H:%M}"
    )


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the system lists no locks")
def test_who_holds_the_watch_is_asked_of_the_system_and_not_of_the_note(catalog: Path) -> None:
    assert not is_held_by(catalog, os.getpid())
    held = HeldWatch(catalog, NOW)
    assert is_held_by(catalog, os.getpid())
    assert not is_held_by(catalog, os.getppid())
    held.close()
    assert not is_held_by(catalog, os.getpid())
