"""A watcher in a process of its own, which outlives the kernel that started it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from nbpart.automation.triggers import Triggers, display_triggers
from nbpart.automation.watching import Watch, find_watch, is_held_by
from nbpart.errors import WatchedError, WorkspaceError
from nbpart.project.project import Project
from nbpart.run.kernels.processes import GUARDIAN_VARIABLE
from nbpart.storage.own_files import make_folder, open_own

#: How long a process may take to begin to watch, in seconds.
_BEGIN_LIMIT_S = 60.0
_PAUSE_S = 0.05
_MOST_SHOWN = 2_000


class WatchProcess:
    """The process that watches a workspace, from wherever it was started; displays as the live table of triggers."""

    def __init__(self, project: Project, triggers: Triggers) -> None:
        self._project, self.triggers = project, triggers

    @property
    def is_running(self) -> bool:
        """Whether a process watches now."""
        return self._watch.is_watched

    @property
    def pid(self) -> int | None:
        """The number of the process that watches, or did last."""
        return self._watch.note.pid if self._watch.note else None

    @property
    def log(self) -> str:
        """The path of its log; "" for one that writes to a terminal."""
        return self._watch.note.log if self._watch.note else ""

    def stop(self, timeout_s: float | None = None) -> bool:
        """End it after the runs that have begun; what is left is resumed by the next one.

        Returns whether it has ended within ``timeout_s`` seconds (None: however long that takes); with 0 it is only
        asked to. Raises `WatchedError` where it runs on another machine.
        """
        watch = self._watch
        if watch.note is None or not (watch.is_held or watch.is_watched):
            return True
        if watch.note.host != socket.gethostname():
            raise WatchedError(f"the watcher is process {watch.note.pid} on {watch.note.host}: end it there.")
        if not is_held_by(self._project.catalog.path, watch.note.pid):
            raise WatchedError(f"process {watch.note.pid} is not the one that watches, whatever its note says.")
        if not watch.note.is_ending:  # a second signal would end it at once
            with contextlib.suppress(ProcessLookupError):
                os.kill(watch.note.pid, signal.SIGTERM)
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while self._watch.is_held:
            if end is not None and time.monotonic() >= end:
                return False
            time.sleep(_PAUSE_S)
        return True

    @property
    def _watch(self) -> Watch:
        return find_watch(self._project.catalog.path, self._project.catalog.clock())

    def _ipython_display_(self) -> None:
        """Show the live table of triggers in a notebook, and the repr elsewhere."""
        display_triggers(self._project, repr(self))

    def __repr__(self) -> str:
        log = f", log {self.log}" if self.log else ""
        return f"<{self._watch.describe(self._project.catalog.clock())}{log}>"


def watch_log_path(root: Path) -> Path:
    """The log of a watcher that was started from a kernel."""
    return root / "runs" / "_watcher" / "watcher.log"


def start_watching(project: Project, triggers: Triggers, options: dict[str, Any]) -> WatchProcess:
    """Start a process that watches, unless one does; returned once it has begun.

    ``options`` are those of ``nbpart watch``, by their names in a terminal. Raises `WorkspaceError` where it could not
    begin, with the end of its log, and `UntrustedWorkspaceError`.
    """
    project.check_trust()
    started = WatchProcess(project, triggers)
    if started.is_running:
        return started
    path = watch_log_path(project.root)
    make_folder(project.root, path.parent)
    words = [word for name, value in options.items() if value is not None for word in (f"--{name}", str(value))]
    with os.fdopen(open_own(path, writes=True, create=True), "r+b") as log:
        log.seek(0, os.SEEK_END)
        begin = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "nbpart.cli", "--workspace", str(project.root), "watch", "--log", str(path), *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, GUARDIAN_VARIABLE: ""},
            start_new_session=True,
        )
    # whoever starts a process has to wait for it, or it stays a zombie
    threading.Thread(target=process.wait, name="nbpart watcher", daemon=True).start()
    end = time.monotonic() + _BEGIN_LIMIT_S
    while not (started.is_running and started.pid == process.pid):
        if process.poll() is not None or time.monotonic() > end:
            if started.is_running:  # another one was faster
                return started
            raise WorkspaceError(f"the watcher could not begin: {_read_end(path, begin)}")
        time.sleep(_PAUSE_S)
    return started


def _read_end(path: Path, begin: int) -> str:
    with open(path, "rb") as log:
        log.seek(begin)
        text = log.read().decode("utf-8", "replace").strip()
    return text[-_MOST_SHOWN:] or f"see {path}"
