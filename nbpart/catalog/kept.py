"""What one batch read and the next need not read again: declarations, as long as nothing but runs is recorded."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar, cast

T = TypeVar("T")

#: The tables in which runs and backfills are recorded. What is kept is read from others.
_RECORDED = (
    ("runs", "run_columns", "attempts", "outcomes", "materializations", "data_files", "inputs", "metrics"),
    ("check_outcomes", "check_facts", "partition_facts", "ledgers", "group_ledgers"),
    ("backfills", "backfill_events", "steps", "step_results", "place_waits"),
)
_OF_RUNS = frozenset(name for names in _RECORDED for name in names)
_CHANGES = re.compile(r"\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)", re.IGNORECASE)


class Kept:
    """Values by name, for the batches of one process; used by one thread."""

    def __init__(self) -> None:
        self._values: dict[str, object] = {}
        self._sequence = -1

    def get(self, name: str, load: Callable[[], T]) -> T:
        """What ``load`` gives, or gave before. It must not be changed by who gets it."""
        if name not in self._values:
            self._values[name] = load()
        return cast("T", self._values[name])

    def check(self, sequence: int) -> None:
        """A batch begins on the state of this commit: nothing is kept of another one."""
        if sequence != self._sequence:
            self.clear()
        self._sequence = sequence

    def note_change(self, sql: str) -> None:
        """A statement changes the catalog: nothing is kept unless it is known to record runs alone."""
        found = _CHANGES.match(sql)
        if found is None or found[1].lower() not in _OF_RUNS:
            self.clear()

    def note_commit(self, sequence: int) -> None:
        """What is kept is as of this commit, which is the batch's own."""
        self._sequence = sequence

    def clear(self) -> None:
        """Keep nothing."""
        self._values.clear()
