"""The types of what pages are sent about triggers; see `nbpart.widgets.payloads`."""

from __future__ import annotations

from typing import TypedDict


class TriggerJson(TypedDict):
    """A trigger with its last look; times are in ISO format, ``next_look`` is null where nobody is to look."""

    name: str
    kind: str
    is_on: bool
    last_look: str | None
    next_look: str | None
    outcome: str
    said: str
    error: str


class WatchJson(TypedDict):
    """How many triggers are on and who watches, as a sentence, or "", and which buttons there are."""

    says: str
    can_watch: bool
    can_stop: bool


class TriggersViewJson(TypedDict):
    """All that a table of triggers draws."""

    watch: WatchJson
    triggers: list[TriggerJson]


class TriggersState(TypedDict):
    """The state of the table of triggers."""

    shown: TriggersViewJson


class TickJson(TypedDict):
    """A look of a trigger with the first keys that came or went by it, each as (set, key, what became of it).

    Several ``looks`` in a row that found nothing are one, from ``first_at`` to ``happened_at``.
    """

    happened_at: str
    first_at: str
    looks: int
    outcome: str
    said: str
    error: str
    keys: list[tuple[str, str, str]]
    other_keys: int
    backfills: list[str]
    traceback: str
    printed: str


class TicksJson(TypedDict):
    """The newest looks of a trigger."""

    ticks: list[TickJson]
