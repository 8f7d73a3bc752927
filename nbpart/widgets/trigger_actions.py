"""The part of the actions' protocol that is about triggers, and the records that it returns."""

from __future__ import annotations

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
    """All triggers, and a sentence about who watches, or ""."""

    watching: str = ""
    triggers: tuple[TriggerSummary, ...] = ()


class TriggerActions(Protocol):
    """What widgets can do with triggers."""

    def read_triggers(self) -> TriggersSummary:
        """Return all triggers, with who watches now."""
