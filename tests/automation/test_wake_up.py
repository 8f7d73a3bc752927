"""Waking up by what happens in folders."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nbpart.automation.wake_up import Wakeups


def do_soon(work: Callable[[], object]) -> None:
    threading.Timer(0.3, work).start()


def test_a_file_that_lands_wakes_who_waits_for_its_folder(tmp_path: Path) -> None:
    inbox, other = tmp_path / "inbox", tmp_path / "other"
    inbox.mkdir()
    other.mkdir()
    with Wakeups([str(inbox), str(other)]) as wakeups:
        do_soon(lambda: (inbox / "a").write_text("a"))
        assert wakeups.wait(30) == {str(inbox)}
        (other / "below").mkdir()
        assert wakeups.wait(30) == {str(other)}


def test_nothing_that_happens_ends_the_wait_in_time(tmp_path: Path) -> None:
    with Wakeups([str(tmp_path)]) as wakeups:
        began = time.monotonic()
        assert wakeups.wait(0.2) == set()
        assert 0.2 <= time.monotonic() - began < 5


def test_a_folder_that_comes_later_is_an_event_and_is_watched_from_then_on(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    with Wakeups([str(inbox)]) as wakeups:
        assert wakeups.wait(0.1) == set()
        do_soon(inbox.mkdir)
        assert wakeups.wait(30) == {str(inbox)}
        do_soon(lambda: (inbox / "a").write_text("a"))
        assert wakeups.wait(30) == {str(inbox)}


def test_another_folder_of_the_same_name_is_watched_in_its_place(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with Wakeups([str(inbox)]) as wakeups:
        inbox.rename(tmp_path / "away")
        inbox.mkdir()
        wakeups.wait(1.5)
        while wakeups.wait(1):
            pass
        do_soon(lambda: (inbox / "a").write_text("a"))
        assert wakeups.wait(30) == {str(inbox)}


def test_what_lands_in_a_folder_that_was_made_since_wakes_as_well(tmp_path: Path) -> None:
    with Wakeups([str(tmp_path)]) as wakeups:
        for name in ("B0", "B0/again"):
            (tmp_path / name).mkdir()
            assert wakeups.wait(30) == {str(tmp_path)}
            while wakeups.wait(0.6):
                pass
            do_soon((tmp_path / name / "a.csv").touch)
            assert wakeups.wait(30) == {str(tmp_path)}


@pytest.mark.parametrize("folders", [[], ["/nowhere/at/all"]])
def test_without_a_folder_it_sleeps(folders: list[str]) -> None:
    with Wakeups(folders) as wakeups:
        assert wakeups.wait(0.1) == set()


def test_without_the_package_it_sleeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with Wakeups([str(tmp_path)]) as wakeups:
        (tmp_path / "a").write_text("a")
        assert wakeups.wait(0.3) == set()


def test_another_thread_can_end_a_wait(tmp_path: Path) -> None:
    with Wakeups([str(tmp_path)]) as wakeups:
        do_soon(wakeups.wake)
        began = time.monotonic()
        wakeups.wait(30)
        assert time.monotonic() - began < 20


def test_its_thread_ends_when_it_is_closed(tmp_path: Path) -> None:
    before = threading.active_count()
    wakeups = Wakeups([str(tmp_path)])
    wakeups.wait(0.1)
    wakeups.close()
    for _ in range(100):
        if threading.active_count() <= before:
            return
        time.sleep(0.1)
    pytest.fail("a thread goes on")
