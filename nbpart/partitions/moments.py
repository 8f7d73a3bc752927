"""Moments as people give them: a date, or a time with or without an offset."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TypeAlias
from zoneinfo import ZoneInfo

from nbpart.errors import DeclarationError
from nbpart.partitions import values as v
from nbpart.partitions.keys import shorten

#: What can be given as a moment: an aware datetime, or what the clock of the set's zone shows.
Moment: TypeAlias = str | date | datetime


def read_moment(moment: Moment, zone: ZoneInfo, what: str) -> datetime:
    """The moment as an aware time in ``zone``, whose clock shows it where it has no offset.

    Raises `DeclarationError` for what is none; ``what`` is what the message calls it.
    """
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            raise DeclarationError(
                f"{what} {moment!r} is no date or time: write it as 2013-01-31 or 2013-01-31T05:00."
            ) from None
    if not isinstance(moment, datetime):
        if not isinstance(moment, date):
            raise DeclarationError(f"{what} is a date or a time, not {shorten(moment)}.")
        moment = datetime(moment.year, moment.month, moment.day)
    return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)


def read_date_or_time(given: object) -> date | datetime | None:
    """A date, or a time in plain Python's form, of what a person gives for one; None where it is neither.

    That may be a text in ISO form, a Timestamp of pandas or a datetime64 of numpy. Midnight without an offset is a time
    too, if it is given as one.
    """
    if isinstance(given, str):
        try:
            return date.fromisoformat(given) if len(given) == len("2013-01-31") else datetime.fromisoformat(given)
        except ValueError:
            return None
    if getattr(getattr(given, "dtype", None), "kind", None) == "M" and type(day := given.item()) is date:  # type: ignore[attr-defined]
        return day
    try:
        plain = v.to_plain(given)
    except ValueError:
        return None
    return plain if isinstance(plain, date) else None


def is_midnight(moment: datetime) -> bool:
    """Whether the clock shows the beginning of a day."""
    return moment.time() == time()
