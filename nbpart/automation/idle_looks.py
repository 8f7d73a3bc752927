"""The looks of a watcher that asked for nothing, kept until they are recorded, all in one transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from nbpart.catalog import Catalog, TickRecord, TriggerRecord, events, queries
from nbpart.catalog.batch import Batch
from nbpart.errors import NbpartError


@dataclass(frozen=True)
class KeptCursor:
    """The cursor of an automation that asked for nothing, until it is recorded, and the recorded one before it."""

    cursor: str
    replaces: str | None


class IdleLooks:
    """Ticks that asked for nothing, and the cursors that such looks of automations left; any thread may add to them."""

    def __init__(self) -> None:
        self._ticks: list[TickRecord] = []
        self._cursors: dict[int, KeptCursor] = {}
        self._guard = threading.Lock()

    def keep(self, tick: TickRecord) -> None:
        """Keep a tick that asked for nothing."""
        with self._guard:
            self._ticks.append(tick)

    def keep_cursor(self, trigger: TriggerRecord, cursor: str) -> None:
        """Keep the cursor that a look of an automation left, for its next look."""
        self._cursors[trigger.trigger_id] = KeptCursor(cursor, trigger.cursor)

    def drop_cursor(self, trigger_id: int) -> None:
        """Forget a cursor: a newer one was recorded."""
        self._cursors.pop(trigger_id, None)

    def find_cursors(self, triggers: Iterable[TriggerRecord]) -> dict[int, str]:
        """The kept cursors that are newer than what is recorded of these triggers, by their ids."""
        found = {one.trigger_id: (one.cursor, self._cursors.get(one.trigger_id)) for one in triggers}
        return {number: kept.cursor for number, (recorded, kept) in found.items() if kept and kept.replaces == recorded}

    def list_by_trigger(self) -> dict[int, list[TickRecord]]:
        """The ticks that are not recorded yet, the newest last, by the ids of their triggers."""
        with self._guard:
            ticks = list(self._ticks)
        found: dict[int, list[TickRecord]] = {}
        for tick in ticks:
            found.setdefault(tick.trigger_id, []).append(tick)
        return found

    def record(self, catalog: Catalog) -> None:
        """Record all of them. Where that fails they are kept, and its error is raised."""
        with self._guard:
            ticks, self._ticks = self._ticks, []
        if not ticks:
            return
        try:
            catalog.write(partial(_record, ticks, dict(self._cursors)))
        except NbpartError:
            with self._guard:
                self._ticks[:0] = ticks
            raise

    def __len__(self) -> int:
        return len(self._ticks)


def _record(ticks: Iterable[TickRecord], cursors: Mapping[int, KeptCursor], batch: Batch) -> None:
    for tick in ticks:
        events.record_tick(batch, tick, events.take_tick_id(batch))
    for record in queries.load_triggers(batch):
        kept = cursors.get(record.trigger_id)
        if kept is not None and kept.replaces == record.cursor:
            events.set_cursor(batch, record.trigger_id, kept.cursor)
