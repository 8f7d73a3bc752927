"""Parts of a date, as people give them for all that lies within: a year, a month, a day, an hour."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nbpart.partitions.moments import read_date_or_time

_PART_OF_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}))?)?)?")


@dataclass(frozen=True, slots=True)
class DatePart:
    """All within a part of a date: whose date, or the local start of whose window, is in it.

    ``since`` belongs to it and ``until`` does not; both are what a clock shows, without offset.
    """

    text: str
    since: datetime
    until: datetime


def read_date_part(given: object) -> DatePart | None:
    """A year, a month, a day or an hour, as ``2013``, ``2013-01``, ``2013-01-31``, ``2013-01-31T05``, or a date."""
    text = read_date_or_time(given).isoformat() if _is_day(given) else given  # type: ignore[union-attr]
    found = _PART_OF_DATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day, hour = (None if part is None else int(part) for part in found.groups())
    try:
        since = datetime(year or 0, month or 1, day or 1, hour or 0)
        if hour is not None or day is not None:
            until = since + (timedelta(days=1) if hour is None else timedelta(hours=1))
        else:
            until = since.replace(year=since.year + 1) if month is None else _next_month(since)
    except (ValueError, OverflowError):
        return None
    return DatePart(found[0], since, until)


def _is_day(given: object) -> bool:
    """Whether a date is given, and not as text."""
    found = None if isinstance(given, str | Mapping) else read_date_or_time(given)
    return found is not None and not isinstance(found, datetime)


def _next_month(since: datetime) -> datetime:
    return since.replace(year=since.year + since.month // 12, month=since.month % 12 + 1)
