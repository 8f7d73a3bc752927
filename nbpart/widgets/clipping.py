"""Making texts fit for a widget: short, and without what only a terminal understands."""

from __future__ import annotations

import re

#: In characters.
MAX_LENGTH = 200
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def clip(text: str) -> str:
    """Return a text shortened to `MAX_LENGTH` characters, the last of them ``…`` if something was cut off."""
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"


def clip_value(value: float | str) -> float | str:
    """Return a value, shortened as by `clip` if it is a text."""
    return clip(value) if isinstance(value, str) else value


def strip_terminal_codes(text: str) -> str:
    """Return the text without the escape sequences and control characters that a terminal acts on."""
    return _TERMINAL_CODES.sub("", text)
