"""The newest look of each trigger, and when the next one is due, in a small file beside the lock of the watcher.

Looks that asked for nothing are recorded once a minute, all together. Here others see them at once, without the
catalog. It is no record: nothing is lost with it, and it counts only while who wrote it watches.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nbpart.automation.watching import Watch, WatcherNote
from nbpart.catalog import TickRecord
from nbpart.errors import WorkspaceError
from nbpart.storage.own_files import open_own, read_own

#: So much of what a look said is told, in characters.
MOST_SAID = 400
#: Of so many triggers, and of the file so many bytes are read.
_MOST_TRIGGERS, _MOST_BYTES = 1_000, 1 << 20


@dataclass(frozen=True)
class LatestLook:
    """What is not recorded of a trigger: ``looks`` that asked for nothing, if any, and when the next one is due.

    ``looked_at`` is when the newest of them was, ``first_at`` the first, and ``message`` what the newest said.
    """

    next_at: datetime
    looked_at: datetime | None = None
    message: str = ""
    first_at: datetime | None = None
    looks: int = 0


def summarize_looks(next_at: datetime, idle: Sequence[TickRecord]) -> LatestLook:
    """What to tell of a trigger whose next look is due then, and whose looks are not recorded, the newest last."""
    if not idle:
        return LatestLook(next_at)
    return LatestLook(next_at, idle[-1].happened_at, idle[-1].message, idle[0].happened_at, len(idle))


def looks_path(catalog: Path) -> Path:
    """The file of a workspace, beside its catalog."""
    return catalog.with_name("watcher.looks")


def write_latest_looks(catalog: Path, note: WatcherNote, looks: Mapping[int, LatestLook]) -> None:
    """Write the looks of the watcher with that note, by the ids of triggers, in place of those before.

    No reader sees a part of them. Nothing is flushed to the disk. Raises `WorkspaceError` where it cannot be written.
    """
    rows = {
        trigger_id: [*map(_to_iso, (look.next_at, look.looked_at, look.first_at)), look.looks, look.message[:MOST_SAID]]
        for trigger_id, look in list(looks.items())[:_MOST_TRIGGERS]
    }
    path = looks_path(catalog)
    unfinished = path.with_name(f"{path.name}.new")
    file = open_own(unfinished, writes=True, create=True, like=catalog)
    try:
        os.ftruncate(file, 0)
        os.write(file, json.dumps({**_name_watcher(note), "looks": rows}).encode())
        os.replace(unfinished, path)
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be written: {error}") from error
    finally:
        os.close(file)


def read_latest_looks(catalog: Path, watch: Watch) -> Mapping[int, LatestLook]:
    """The looks of the watcher that ``watch`` found, by the ids of triggers; none where nobody watches."""
    if watch.note is None or not watch.is_watched:
        return {}
    try:
        data = json.loads(read_own(looks_path(catalog), _MOST_BYTES))
        if {name: data[name] for name in ("pid", "started_at")} != _name_watcher(watch.note):
            return {}
        return {int(trigger_id): _read_look(*row) for trigger_id, row in data["looks"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # anybody may have written it
        return {}


def remove_latest_looks(catalog: Path) -> None:
    """Remove the file, if it is there: its watcher ends."""
    looks_path(catalog).unlink(missing_ok=True)


def _name_watcher(note: WatcherNote) -> dict[str, Any]:
    return {"pid": note.pid, "started_at": note.started_at.isoformat()}


def _read_look(next_at: str, looked_at: str | None, first_at: str | None, looks: int, message: str) -> LatestLook:
    seen = None if looked_at is None else _from_iso(looked_at)
    first = seen if first_at is None else _from_iso(first_at)
    return LatestLook(_from_iso(next_at), seen, str(message), first, int(looks))


def _to_iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _from_iso(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} is a time without a zone")
    return at
