"""The types of what the explorer's panel is sent about triggers; see `nbpart.widgets.payloads`."""

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


class TickJson(TypedDict):
    """A look of a trigger with the first keys that came or went by it, each as (set, key, what became of it)."""

    happened_at: str
    outcome: str
    said: str
    error: str
    keys: list[tuple[str, str, str]]
    other_keys: int
    backfills: list[str]


class TicksJson(TypedDict):
    """The newest looks of a trigger."""

    ticks: list[TickJson]
