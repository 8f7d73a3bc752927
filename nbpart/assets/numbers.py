"""Numbers that a person gives, each checked with one sentence wherever it may stand."""

from __future__ import annotations

from typing import Any

from nbpart.errors import DeclarationError

#: More attempts than this are no repair.
MOST_RETRIES = 100


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
