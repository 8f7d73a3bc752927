"""Shortening texts for the little space in a widget."""

from __future__ import annotations

#: In characters.
MAX_LENGTH = 200


def clip(text: str) -> str:
    """Return a text shortened to `MAX_LENGTH` characters, the last of them ``…`` if something was cut off."""
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"


def clip_value(value: float | str) -> float | str:
    """Return a value, shortened as by `clip` if it is a text."""
    return clip(value) if isinstance(value, str) else value
