"""The backfills that the explorer's panel lists."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nbpart.catalog import Batch, queries
from nbpart.catalog.queries.live import BackfillProgress
from nbpart.widgets import payloads
from nbpart.widgets.explorer_json import backfill_json
from nbpart.widgets.monitor_model import build_monitor

#: So many backfills are listed: those that are open, then those that ended since the panel was made.
MAX_BACKFILLS = 3


class BackfillList:
    """The open backfills of a catalog, and those that were open since this was made, the newest first.

    What ended is not read again. Not thread-safe: its owner calls `take` and `add` with a lock held.
    """

    def __init__(self) -> None:
        self._listed: tuple[str, ...] = ()
        self._ended: dict[str, BackfillProgress] = {}

    def read(self, batch: Batch) -> tuple[BackfillProgress, ...]:
        """Read the progress of all that are to be listed; takes no lock."""
        open_ids = [record.backfill_id for record in queries.open_backfills(batch, MAX_BACKFILLS)]
        ended = {i: progress for i, progress in self._ended.items() if i not in open_ids}
        ids = list(dict.fromkeys([*open_ids, *self._listed]))[:MAX_BACKFILLS]
        found = (ended.get(i) or queries.backfill_progress(batch, i, most=0) for i in ids)
        return tuple(progress for progress in found if progress)

    def take(self, found: Iterable[BackfillProgress], root: Path) -> tuple[payloads.BackfillJson, ...]:
        """Remember what was read and return it as it is sent to pages; ``root`` is the workspace's folder."""
        monitors = [(progress, build_monitor(progress)) for progress in found]
        self._list(monitor.backfill_id for _, monitor in monitors if monitor.is_active)
        self._ended = {monitor.backfill_id: progress for progress, monitor in monitors if not monitor.is_active}
        return tuple(backfill_json(monitor.to_json(root)) for _, monitor in monitors)

    def add(self, backfill_id: str) -> None:
        """List a backfill that was just started or changed, and read it again."""
        self._list([backfill_id])
        self._ended.pop(backfill_id, None)

    def _list(self, backfill_ids: Iterable[str]) -> None:
        self._listed = tuple(dict.fromkeys([*backfill_ids, *self._listed]))[:MAX_BACKFILLS]
