"""Values as they travel to a front end."""

from __future__ import annotations

import math

#: JavaScript has no whole numbers beyond this: the next one would become another.
MAX_EXACT = 2**53 - 1


def to_exact_json(value: int | float | bool | str) -> int | float | str:
    """A metric as JSON and JavaScript hold it exactly: what they cannot (nan, large whole numbers) as text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= MAX_EXACT else str(value)
    return value if math.isfinite(value) else str(value)
