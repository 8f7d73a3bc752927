"""Who watches a workspace: one process at a time, which holds a lock and writes when it was last seen beside it.

A watcher that died holds the lock no more; one that was stopped holds it and is not seen. The lock file of a workspace
that was copied is held by nobody.
"""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbpart.errors import WatchedError, WorkspaceError
from nbpart.storage.locks import LockFile, on_own_thread
from nbpart.storage.own_files import read_own

#: How often a watcher writes that it is there, and after how long without it nobody watches, in seconds.
BEAT_EVERY_S, SILENT_AFTER_S = 10.0, 45.0
_MOST_BYTES = 4_096
_PAUSES_S = (0.02, 0.05, 0.1, 0.2, 0.0)


@dataclass(frozen=True)
class WatcherNote:
    """What a watcher says of itself: its process, since when it watches, when it was last seen, where its log is.

    One that ``is_ending`` was told to, and waits for the steps that run.
    """

    pid: int
    host: str
    started_at: datetime
    seen_at: datetime
    log: str = ""
    is_ending: bool = False

    def to_json(self) -> str:
        fields = {"pid": self.pid, "host": self.host, "log": self.log, "is_ending": self.is_ending}
        return json.dumps(fields | {"started_at": self.started_at.isoformat(), "seen_at": self.seen_at.isoformat()})

    @classmethod
    def from_json(cls, text: str) -> WatcherNote:
        """Read a note. Raises ValueError, TypeError or KeyError for what is none."""
        data = json.loads(text)
        started_at, seen_at = (datetime.fromisoformat(data[name]) for name in ("started_at", "seen_at"))
        log, is_ending = str(data.get("log", "")), bool(data.get("is_ending"))
        return cls(int(data["pid"]), str(data["host"]), started_at, seen_at, log, is_ending)


@dataclass(frozen=True)
class Watch:
    """Whether somebody watches a workspace, and the note of who does or did last; None where nobody ever did."""

    is_watched: bool
    is_held: bool
    note: WatcherNote | None

    def describe(self, now: datetime) -> str:
        """``watched since 10:02 by process 12 on host``, or ``nobody has watched since 18:02``."""
        note = self.note
        if note is None:
            return "nobody watches"
        if self.is_watched:
            since = f"watched since {show_time(note.started_at, now)} by process {note.pid} on {note.host}"
            return f"{since}; it ends after the steps that run" if note.is_ending else since
        return f"nobody has watched since {show_time(note.seen_at, now)}"


def show_time(at: datetime, now: datetime) -> str:
    """A time as a person reads it here and now: ``18:02``, or with its date where that is another one."""
    local, today = at.astimezone(), now.astimezone()
    return f"{local:%H:%M}" if local.date() == today.date() else f"{local:%Y-%m-%d %H:%M}"


def lock_path(catalog: Path) -> Path:
    """The lock file of a workspace's watcher, beside its catalog."""
    return catalog.with_name("watcher.lock")


def find_watch(catalog: Path, now: datetime) -> Watch:
    """Who watches the workspace of a catalog; it is only looked at."""
    path = lock_path(catalog)
    note = _read_note(path)
    if note is None:
        return Watch(is_watched=False, is_held=False, note=None)
    is_held = on_own_thread(lambda: _is_held(path))
    is_seen = now - note.seen_at < timedelta(seconds=SILENT_AFTER_S)
    # a lock that another machine holds may not be seen from here
    is_elsewhere = note.host != socket.gethostname()
    return Watch(is_watched=is_seen and (is_held or is_elsewhere), is_held=is_held, note=note)


class HeldWatch:
    """The watch of this process, until it is closed; ``note`` is what it says of itself."""

    def __init__(self, catalog: Path, now: datetime, log: str = "") -> None:
        """Take the watch of a workspace. Raises `WatchedError`, which says who has it and since when."""
        path = lock_path(catalog)
        before = find_watch(catalog, now)
        self._lock = on_own_thread(lambda: _take(path, catalog))
        if self._lock is None or (before.is_watched and not before.is_held):
            if self._lock is not None:
                self._lock.close()
            raise WatchedError(_explain(find_watch(catalog, now), now))
        self.note = WatcherNote(os.getpid(), socket.gethostname(), now, now, log)
        self.beat(now)

    def beat(self, now: datetime, *, is_ending: bool = False) -> None:
        """Write that this process is there; one that ``is_ending`` goes on to end."""
        assert self._lock is not None
        self.note = replace(self.note, seen_at=now, is_ending=is_ending or self.note.is_ending)
        data = self.note.to_json().encode().ljust(_MOST_BYTES // 4)
        os.pwrite(self._lock.descriptor, data, 0)
        os.ftruncate(self._lock.descriptor, len(data))

    def close(self) -> None:
        """Let go of the watch."""
        if self._lock is not None:
            self._lock.close()


def is_held_by(catalog: Path, pid: int) -> bool:
    """Whether a process of this machine holds the watch of a workspace; a note alone may name any process.

    Where the system lists no locks, what the note says counts.
    """
    try:
        found, held = lock_path(catalog).stat(), Path("/proc/locks").read_text().splitlines()
    except FileNotFoundError:
        return not Path("/proc/locks").exists()
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    return any(fields[1] == "FLOCK" and fields[4:6] == [str(pid), place] for fields in map(str.split, held))


def can_stop(catalog: Path, watch: Watch) -> bool:
    """Whether who watches can be told to end from here: a process of this machine that was not told so before."""
    note = watch.note
    if note is None or note.is_ending or note.host != socket.gethostname():
        return False
    return watch.is_held and is_held_by(catalog, note.pid)


def _take(path: Path, like: Path) -> LockFile | None:
    lock = LockFile(path, like=like)
    try:
        for pause_s in _PAUSES_S:
            if lock.try_lock():
                return lock
            time.sleep(pause_s)  # who only looks holds it for a moment
    except OSError as error:
        lock.close()
        raise WorkspaceError(f"{path} cannot be locked, so that nothing can watch here: {error}") from error
    lock.close()
    return None


def _is_held(path: Path) -> bool:
    try:
        lock = LockFile(path, create=False)
    except (FileNotFoundError, WorkspaceError):
        return False
    try:
        return not lock.try_lock()
    except OSError:
        return False
    finally:
        lock.close()


def _read_note(path: Path) -> WatcherNote | None:
    """The note in a lock file, which anybody may have written; None where there is none."""
    try:
        return WatcherNote.from_json(read_own(path, _MOST_BYTES).decode())
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _explain(watch: Watch, now: datetime) -> str:
    note = watch.note
    if note is None:
        return "another process watches this workspace already; there is one watcher a workspace."
    since = f"process {note.pid} on {note.host} watches this workspace since {show_time(note.started_at, now)}"
    if watch.is_watched:
        where = f"; its log is {note.log}" if note.log else ""
        return f"{since}{where}. There is one watcher a workspace: end that process first."
    return (
        f"{since}, and was last seen {show_time(note.seen_at, now)}: it was stopped or hangs. "
        f"End it (kill -9 {note.pid} on {note.host}), then watch again."
    )


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)
