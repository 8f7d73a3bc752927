"""Values as JSON that JavaScript reads without loss."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

#: The largest whole number up to which JavaScript represents each exactly.
MAX_EXACT = 2**53 - 1


def to_exact_json(value: int | float | bool | str) -> int | float | str:
    """Return a metric as JSON; nan, infinities and whole numbers that JavaScript would round become text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= MAX_EXACT else str(value)
    return value if math.isfinite(value) else str(value)


def to_iso(value: Any) -> Any:
    """Return dates and times as ISO text, and any other value as it is."""
    return value.isoformat() if isinstance(value, date | datetime) else value
