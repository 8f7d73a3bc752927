"""How many partitions have each status, as a tuple by status code (`nbpart.states.STATUS_CODES`)."""

from __future__ import annotations

from collections.abc import Iterable

from nbpart.states import STATUS_CODES

Counts = tuple[int, ...]
NO_COUNTS: Counts = (0,) * len(STATUS_CODES)


def sum_counts(counts: Iterable[Counts]) -> Counts:
    """Add up any number of counts, status by status."""
    return tuple(map(sum, zip(NO_COUNTS, *counts, strict=True)))


def describe_counts(counts: Counts) -> str:
    """Return them as text, such as "12 missing, 2 failed", without statuses that nothing has; "" where all are 0."""
    return ", ".join(f"{n:,} {status}" for status, n in zip(STATUS_CODES, counts, strict=True) if n)
