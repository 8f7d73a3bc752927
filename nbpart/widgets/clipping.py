"""Texts of any length in the little room of a widget."""

from __future__ import annotations

#: In characters.
LONGEST = 200


def clip(text: str) -> str:
    """The beginning of a text, with ``…`` where something was cut off."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def clip_value(value: float | str) -> float | str:
    """A value, clipped where it is a text."""
    return clip(value) if isinstance(value, str) else value
