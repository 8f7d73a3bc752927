"""By when partitions are expected, and since when one is late: a function of what was made, and of the time now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from nbpart.errors import DeclarationError
from nbpart.partitions import PartitionsDefinition
from nbpart.partitions.cron import Cron
from nbpart.partitions.key_values import window_zones
from nbpart.partitions.zones import load_zone

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Seconds = NDArray[np.float64]

_BY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_WITHIN = re.compile(r"(\d{1,6})\s*(m|h|d)")
_SECONDS = {"m": 60, "h": 3_600}
_DAY_S = 86_400
_MOST_DAYS = 3_660


@dataclass(frozen=True)
class Expectation:
    """What `expect` declares: partitions are there ``by`` a time of day in ``timezone``, and ``within`` so long.

    A window is late from the first ``by`` at or after its end unless it was made since its end, until it is made, and
    only while that ``by`` is less than ``within`` ago. What has no window is late where at a ``by`` the newest
    materialization is older than ``within``, until it is made; what was never made from the first ``by`` at or after
    the moment at which it came to be. Days are those of the calendar: from one ``by`` to the next.
    """

    by: str
    timezone: str | None
    within: str

    @property
    def zone(self) -> ZoneInfo:
        return load_zone(self.timezone or "UTC")

    def in_zone_of(self, partitions: PartitionsDefinition | None) -> Expectation:
        """The same in the zone of these partitions' windows, if it names none itself; in UTC where they have none."""
        if self.timezone is not None:
            return self
        zones = [str(zone) for zone in window_zones(partitions).values()]
        return replace(self, timezone=zones[0] if zones else "UTC")

    def to_json(self) -> dict[str, Any]:
        return {"by": self.by, "timezone": self.timezone, "within": self.within}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Expectation:
        return cls(data["by"], data["timezone"], data["within"])

    def describe(self) -> str:
        """By when it is expected, in a sentence: ``09:00 America/New_York``."""
        return f"{self.by} {self.timezone or 'UTC'}"

    def late_since(
        self, *, ends_at: datetime | None, made_at: datetime | None, came_at: datetime, now: datetime
    ) -> datetime | None:
        """Since when a partition is late, a ``by``; None where it is not.

        ``ends_at`` is when its window ends, None where it has none, ``made_at`` when the newest materialization was
        made that it has, ``came_at`` when the partition came to be.
        """
        at = now.timestamp()
        if ends_at is not None:
            if made_at is not None and made_at.timestamp() >= ends_at.timestamp():
                return None
            due = self._first_from(ends_at.timestamp())
            is_late = due <= at < self._later(due)
        elif made_at is None:
            due = self._first_from(came_at.timestamp())
            is_late = due <= at
        else:
            due = self._first_too_old(made_at.timestamp())
            is_late = due <= at
        return datetime.fromtimestamp(due, self.zone) if is_late else None

    def bounds(self, now: datetime) -> LateBounds:
        """The times that decide what is late now, for many partitions at once."""
        at = int(now.timestamp() // 1)
        last = self._preceding(at + 1)
        kind, n = self._span
        if kind == "d":
            first = self._step(last, 1 - n)
            oldest = self._step(first, -1)
        else:
            first = self._following(at - n)
            oldest = last - n
        after = self._preceding(first) if first <= last else last
        return LateBounds(_utc(after), _utc(last), _utc(oldest))

    def next_change(self, now: datetime) -> datetime:
        """When something can become late after ``now``, or stop being late, by the time alone."""
        at = int(now.timestamp() // 1)
        kind, n = self._span
        following = self._following(at)
        passed = following if kind == "d" else self._following(at - n) + n
        return _utc(min(following, passed))

    def list_due(self, *, ends: Seconds, made: Seconds, came: Seconds, has_window: bool, now: datetime) -> Seconds:
        """Since when partitions are late that are: as `late_since` for many, in seconds; nan is none."""
        import numpy as np

        start = np.where(np.isnan(made), came, made) if not has_window else ends
        if not len(start):
            return start
        grid = self._cron.instants(self.zone, int(start.min()) - 2 * _DAY_S, int(now.timestamp()) + 1).astype(float)
        if has_window:
            return grid[np.searchsorted(grid, ends, "left")]
        kind, n = self._span
        too_old = np.searchsorted(grid, made if kind == "d" else made + n, "right") + (n if kind == "d" else 0)
        places = np.where(np.isnan(made), np.searchsorted(grid, came, "left"), too_old)
        due: Seconds = grid[np.minimum(places, len(grid) - 1)]
        return due

    @cached_property
    def _cron(self) -> Cron:
        hour, minute = self.by.split(":")
        return Cron.parse(f"{int(minute)} {int(hour)} * * *")

    @cached_property
    def _span(self) -> tuple[str, int]:
        """``within``: days and their number, or "s" and seconds."""
        found = _WITHIN.fullmatch(self.within)
        assert found is not None, "it was checked when declared"
        n, unit = int(found[1]), found[2]
        return ("d", n) if unit == "d" else ("s", n * _SECONDS[unit])

    def _following(self, at: int) -> int:
        return self._cron.following(self.zone, at)

    def _preceding(self, at: int) -> int:
        return self._cron.preceding(self.zone, at)

    def _first_from(self, at: float) -> int:
        """The first ``by`` at or after a moment."""
        return self._following(int(-(-at // 1)) - 1)

    def _first_too_old(self, made: float) -> int:
        """The first ``by`` at which what was made then is older than ``within``."""
        kind, n = self._span
        if kind == "d":
            return self._step(self._following(int(made // 1)), n)
        return self._following(int((made + n) // 1))

    def _later(self, by: int) -> int:
        """When ``within`` has passed since a ``by``."""
        kind, n = self._span
        return self._step(by, n) if kind == "d" else by + n

    def _step(self, by: int, steps: int) -> int:
        """So many times ``by`` later, or earlier."""
        for _ in range(abs(steps)):
            by = self._following(by) if steps > 0 else self._preceding(by)
        return by


@dataclass(frozen=True)
class LateBounds:
    """What is late at some time: windows that end after ``after`` and at ``until`` at the latest, of which nothing was
    made since their end; what has no window and was made before ``oldest``, or never and came at ``until`` at the
    latest."""

    after: datetime
    until: datetime
    oldest: datetime


def expect(*, by: str, timezone: str | None = None, within: str = "1d") -> Expectation:
    """Expect the partitions of an asset by a time of day: ``@ws.asset(fresh=nbpart.expect(by="09:00"))``.

    ``by`` is what the clock in ``timezone`` shows, which is that of the windows of the asset if it is not given, else
    UTC. A window (a day) is *late* from the first ``by`` at or after its end until it is made, unless it was made since
    its end; it is judged while that ``by`` is less than ``within`` ago, as "1d", "36h" or "90m", so that an old day
    that nobody made is not late for ever. An asset or partition without windows is late where at ``by`` its newest
    materialization is older than ``within``. Raises `DeclarationError` for what is no such time or length.
    """
    found = _BY.fullmatch(by.strip()) if isinstance(by, str) else None
    if found is None:
        raise DeclarationError(f'expect: by={by!r:.60} is no time of day; write it as "09:00".')
    length = _WITHIN.fullmatch(within.strip()) if isinstance(within, str) else None
    if length is None or int(length[1]) == 0 or _in_days(length) > _MOST_DAYS:
        raise DeclarationError(f'expect: within={within!r:.60} is no length of time; write it as "1d", "36h" or "90m".')
    zone = None if timezone is None else load_zone(timezone).key
    return Expectation(f"{int(found[1]):02}:{found[2]}", zone, f"{int(length[1])}{length[2]}")


def check_expectation(asset: str, given: object, partitions: PartitionsDefinition | None) -> Expectation | None:
    """What ``fresh=`` of an asset with these partitions says. Raises `DeclarationError` for what is no expectation."""
    if given is None:
        return None
    if not isinstance(given, Expectation):
        raise DeclarationError(
            f'asset {asset!r}: fresh={given!r:.60} is nothing to expect; write nbpart.expect(by="09:00").'
        )
    return given.in_zone_of(partitions)


def _in_days(length: re.Match[str]) -> float:
    return int(length[1]) / {"m": 1_440, "h": 24, "d": 1}[length[2]]


def _utc(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
