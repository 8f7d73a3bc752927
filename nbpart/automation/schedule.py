"""Schedules: what they are declared by, and which of their times are due; pure, the clock is passed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from nbpart.assets.selection import describe
from nbpart.errors import DeclarationError, PartitionKeyError
from nbpart.partitions.cron import Cron
from nbpart.partitions.filters import Condition, read_condition
from nbpart.partitions.keys import check_key
from nbpart.partitions.zones import load_zone

#: A time that is answered so soon after it has come was watched.
ON_TIME_S = 10
#: Times that passed are counted so far.
MOST_COUNTED = 10_000
#: A look that was further ahead of the clock than this was on a clock that went wrong.
_MOST_AHEAD = timedelta(days=1)


@dataclass(frozen=True)
class ScheduleTimes:
    """When a schedule asks: a cron expression, as the clock in a time zone shows it."""

    cron: Cron
    timezone: str

    @classmethod
    def parse(cls, cron: str, timezone: str) -> ScheduleTimes:
        """Read both. Raises `DeclarationError` for a cron that is none or never comes, and for an unknown zone."""
        return cls(Cron.parse(cron), load_zone(timezone).key)

    def next_after(self, at: datetime) -> datetime:
        """The first time after ``at``."""
        zone = load_zone(self.timezone)
        return datetime.fromtimestamp(self.cron.following(zone, _floor(at)), zone)

    def find_passed(self, since: datetime, now: datetime) -> PassedTimes | None:
        """The times after ``since`` that have come by ``now``; None where there is none."""
        zone = load_zone(self.timezone)
        first, end = _floor(since) + 1, _floor(now) + 1
        last = self.cron.preceding(zone, end) if first < end else 0
        if last < first:
            return None
        count = self.cron.count(zone, first, end, MOST_COUNTED)
        is_watched = now.timestamp() - last <= ON_TIME_S
        return PassedTimes(datetime.fromtimestamp(last, zone), count, count - is_watched)


@dataclass(frozen=True)
class PassedTimes:
    """Times of a schedule that have come: the ``last`` of them, which is answered for all, and how many they are.

    ``unwatched`` are those at which nobody looked. Both count to `MOST_COUNTED` and no further.
    """

    last: datetime
    count: int
    unwatched: int

    def describe(self) -> str:
        """A sentence for the tick."""
        last = show_time(self.last)
        if not self.unwatched:
            return f"due {last}"
        more = "at least " if self.count >= MOST_COUNTED else ""
        if self.unwatched == self.count:
            passed = f"{more}{self.count:,} times passed unwatched, the last {last}" if self.count > 1 else ""
            return f"{passed or f'{last} passed unwatched'}: made up for once"
        times = "1 time" if self.unwatched == 1 else f"{more}{self.unwatched:,} times"
        return f"due {last}; {times} before it passed unwatched"


def find_start(changed_at: datetime, answered_at: datetime | None, now: datetime) -> datetime:
    """The time after which the times of a schedule are its own: it was changed or turned on, or answered the last one.

    What lies far ahead of ``now`` is from a clock that went wrong, and does not count.
    """
    # in UTC: of two times in one zone Python compares what its clock shows
    known = [at.astimezone(UTC) for at in (changed_at, answered_at) if at is not None]
    return max((at for at in known if at <= now.astimezone(UTC) + _MOST_AHEAD), default=now)


@dataclass(frozen=True)
class Schedule:
    """A declared schedule: at its times a backfill of what is outdated of ``selection``, of what ``where`` chooses."""

    name: str
    selection: str
    times: ScheduleTimes
    where: Condition | None = None

    def to_json(self) -> dict[str, Any]:
        condition = self.where and self.where.to_json()
        cron, timezone = self.times.cron.text, self.times.timezone
        return {"selection": self.selection, "cron": cron, "timezone": timezone, "where": condition}

    @classmethod
    def from_json(cls, name: str, data: Mapping[str, Any]) -> Schedule:
        """Read `to_json` back."""
        where = Condition.from_json(data["where"]) if data["where"] else None
        return cls(name, data["selection"], ScheduleTimes.parse(data["cron"], data["timezone"]), where)

    def __repr__(self) -> str:
        return f"<nbpart schedule {self.name!r}: {self.times.cron.text!r} {self.times.timezone}>"


def schedule(
    selection: Any, *, cron: str, timezone: str = "UTC", where: Any = None, name: str | None = None
) -> Schedule:
    """Declare a schedule: a backfill of what is outdated of a ``selection`` at the times of a cron expression.

    What failed is run again, as when a person asks. ``cron`` has five fields ("0 6 * * *"), as the clock in
    ``timezone`` shows them: a time that the clock jumps over is that of the jump, one that comes twice is the first of
    both, unless every hour is meant. ``where`` chooses partitions by a condition (see `Workspace.plan`). ``name`` is
    that of the trigger; without one it is the selection as a text. Times that nobody watched are made up for by one
    backfill. Raises `DeclarationError` for a cron that is none or never comes and for an unknown time zone,
    `ConditionError` for a ``where`` that is none.
    """
    text = describe(selection)
    times = ScheduleTimes.parse(cron, timezone)
    condition = None if where is None else read_condition(where)
    return Schedule(_check_name(text if name is None else name), text, times, condition)


def next_time(definition: Mapping[str, Any], now: datetime) -> datetime:
    """When the schedule with this definition, as the catalog has it, comes next, in its zone."""
    return ScheduleTimes.parse(definition["cron"], definition["timezone"]).next_after(now)


def show_time(at: datetime) -> str:
    """A time of a schedule in a sentence: ``2026-03-08 03:00 EDT``."""
    return f"{at:%Y-%m-%d %H:%M %Z}"


def _check_name(name: object) -> str:
    try:
        return check_key(name)
    except PartitionKeyError as error:
        raise DeclarationError(f"A schedule needs a name of the form of a key: name=... {error}") from None


def _floor(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp() // 1)
