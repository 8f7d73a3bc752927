"""The part of the actions' protocol that is about triggers, and the records that it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TriggerSummary:
    """A trigger with its last look; times are in ISO format, ``next_look`` is None where nobody is to look."""

    name: str
    kind: str
    is_on: bool
    last_look: str | None
    next_look: str | None
    outcome: str
    message: str
    error: str


@dataclass(frozen=True, slots=True)
class TriggersSummary:
    """All triggers, a sentence about who watches, or "", and whether somebody may begin to watch, or end it, here."""

    watching: str = ""
    triggers: tuple[TriggerSummary, ...] = ()
    can_watch: bool = False
    can_stop: bool = False


@dataclass(frozen=True, slots=True)
class TickSummary:
    """One look of a trigger: what it said, the first keys that came or went by it, and the backfills it asked for.

    Each of ``keys`` is (partitions, key, what became of it); ``other_keys`` is the number of those not listed.
    ``traceback`` is "" where it did not fail, ``printed`` is what its function printed. Several ``looks`` in a row that
    found nothing and said the same are one, from ``first_at`` to ``happened_at``.
    """

    happened_at: str
    outcome: str
    message: str
    error: str = ""
    keys: tuple[tuple[str, str, str], ...] = ()
    other_keys: int = 0
    backfills: tuple[str, ...] = ()
    traceback: str = ""
    printed: str = ""
    first_at: str = ""
    looks: int = 1


@dataclass(frozen=True, slots=True)
class TriggerResult:
    """What was done with a trigger, as a sentence to show; ``backfills`` are those that were started, if any."""

    message: str
    code: str
    backfills: tuple[str, ...] = ()


class TriggerActions(Protocol):
    """What widgets can do with triggers."""

    def read_triggers(self) -> TriggersSummary:
        """Return all triggers, with who watches now; the catalog is read only where it changed since the last time."""

    def read_ticks(self, trigger: str) -> Sequence[TickSummary]:
        """Return the newest looks of a trigger, the newest first; the catalog is read only where it changed since."""

    def tick(self, trigger: str) -> TriggerResult:
        """Look once with a trigger; backfills that it asks for are begun in this process and not waited for.

        A look that fails is recorded, and says so here; raises what kept it from looking.
        """

    def switch_trigger(self, trigger: str, is_on: bool) -> TriggerResult:
        """Turn a trigger on or off for watchers."""

    def watch(self) -> TriggerResult:
        """Start a process that watches, unless one does."""

    def stop_watching(self) -> TriggerResult:
        """Tell the process that watches to end after the steps that run."""

    def describe_backfill(self, backfill_id: str) -> TriggerResult:
        """Return what has become of a backfill. Raises `UnknownNameError`."""
