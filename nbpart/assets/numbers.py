"""Numbers that a person gives, each checked with one sentence wherever it may stand."""

from __future__ import annotations

import re
from typing import Any

from nbpart.errors import DeclarationError

#: More attempts than this are no repair.
MOST_RETRIES = 100
_INTERVAL = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def check_count(name: str, value: Any, least: int = 0, most: int | None = None) -> int:
    """A whole number of at least ``least`` and at most ``most``. Raises `DeclarationError`."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or value < least or (most is not None and value > most):
        bounds = f"of at least {least:,}" if most is None else f"from {least:,} to {most:,}"
        raise DeclarationError(f"{name} is a whole number {bounds}, not {value!r}.")
    return int(value)


def check_seconds(name: str, value: Any, *, above_zero: bool = False) -> None:
    """Raise `DeclarationError` for what is no number of seconds."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value < float("inf") or (above_zero and not value):
        raise DeclarationError(f"{name} is a number of seconds{' above 0' if above_zero else ''}, not {value!r}.")


def read_interval(every: str | float, name: str = "every", *, above_zero: bool = True) -> float:
    """The seconds in ``30``, ``"30s"``, ``"5m"``, ``"1h"`` or ``"1d"``. Raises `DeclarationError` for anything else."""
    match = _INTERVAL.fullmatch(str(every).strip())
    seconds = float("nan")
    if isinstance(every, int | float) and not isinstance(every, bool):
        seconds = float(every)
    elif match is not None:
        seconds = float(match[1]) * _SECONDS[match[2]]
    if not (0 < seconds < float("inf") or (seconds == 0 and not above_zero)):
        raise DeclarationError(f"{name}={every!r} is no interval: give seconds, or text as '30s', '5m', '1h'.")
    return seconds
