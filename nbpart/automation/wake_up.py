"""Waking up when something happens in local folders: a hint to look before the next look is due.

What happened is told by a listing alone: events can be lost, and come from no share of another machine. Without the
package watchfiles there are none, and whoever waits sleeps.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import threading
import time
from collections.abc import Iterable

log = logging.getLogger("nbpart")

#: Folders that are not there are looked for so often, in seconds; milliseconds in which what happens is one event.
_LOOK_EVERY_S, _GATHER_MS, _STEP_MS = 1.0, 400, 100


class Wakeups:
    """What happens in some local folders and the folders below them, from now on until it is closed.

    A folder need not be there: that it came counts as an event. A second thread that calls `wait` is not meant.
    """

    def __init__(self, folders: Iterable[str]) -> None:
        self._folders = {os.path.abspath(folder) for folder in folders}
        self._touched: set[str] = set()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._watched: dict[str, tuple[int, int]] = {}
        self._start()

    @property
    def folders(self) -> frozenset[str]:
        """The folders, as absolute paths."""
        return frozenset(self._folders)

    def wait(self, timeout_s: float) -> set[str]:
        """Wait until something happened in one of the folders; returns these, none after ``timeout_s`` seconds."""
        end = time.monotonic() + timeout_s
        while True:
            with self._changed:
                left = end - time.monotonic()
                if not self._touched and left > 0:
                    self._changed.wait(left if len(self._watched) == len(self._folders) else min(left, _LOOK_EVERY_S))
                touched, self._touched = self._touched, set()
            touched |= self._find_arrived()
            if touched or time.monotonic() >= end:
                return touched

    def wake(self) -> None:
        """End a `wait` of another thread at once."""
        with self._changed:
            self._touched |= {""}
            self._changed.notify_all()

    def close(self) -> None:
        """Watch no more. Only the first call has an effect."""
        self._stop.set()

    def _find_arrived(self) -> set[str]:
        """The folders that came into being since they were looked for; those that went are looked for from now on."""
        there = self._identify()
        if there == self._watched or self._stop.is_set():
            return set()
        arrived = {folder for folder, place in there.items() if self._watched.get(folder) != place}
        self._start()
        return arrived

    def _identify(self) -> dict[str, tuple[int, int]]:
        """The folders that are there, each with what another one of its name would not have."""
        found = {}
        for folder in self._folders:
            with contextlib.suppress(OSError):
                status = os.stat(folder)
                if stat.S_ISDIR(status.st_mode):
                    found[folder] = (status.st_dev, status.st_ino)
        return found

    def _start(self) -> None:
        """Watch the folders that are there, in a thread of its own, in place of those that were watched."""
        self._stop.set()
        self._stop = threading.Event()
        self._watched = self._identify()
        if self._watched:
            arguments = (frozenset(self._watched), self._stop)
            threading.Thread(target=self._watch, args=arguments, name="nbpart-wakeups", daemon=True).start()

    def _watch(self, folders: frozenset[str], stop: threading.Event) -> None:
        try:
            import watchfiles
        except ImportError:
            return
        quiet = logging.getLogger("watchfiles")
        quiet.setLevel(max(quiet.level, logging.WARNING))  # it tells each event
        try:
            events = watchfiles.watch(
                *sorted(folders),
                watch_filter=None,
                debounce=_GATHER_MS,
                step=_STEP_MS,
                stop_event=stop,
                raise_interrupt=False,
                ignore_permission_denied=True,
            )
            for changes in events:
                self._touch(folders, {path for _, path in changes})
        except FileNotFoundError:  # it went meanwhile
            return
        except (OSError, RuntimeError) as error:  # too many folders for the system
            log.warning("events of folders are not watched (%s); they are listed when it is time.", error)

    def _touch(self, folders: frozenset[str], paths: set[str]) -> None:
        touched = {
            folder
            for folder in folders
            if any(path == folder or path.startswith(f"{folder.rstrip(os.sep)}{os.sep}") for path in paths)
        }
        with self._changed:
            self._touched |= touched
            self._changed.notify_all()

    def __enter__(self) -> Wakeups:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
