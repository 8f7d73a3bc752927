"""The instants of a cron expression in a time zone, as arrays of seconds since 1970."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from nbpart.errors import DeclarationError
from nbpart.partitions.zones import Offsets

if TYPE_CHECKING:
    from numpy import bool_, int64
    from numpy.typing import NDArray

_DAY_S = 86_400
#: Instants that are asked for one by one are computed for so long at once.
_BLOCK_S = 16 * _DAY_S
_MINUTES = re.compile(r"(\*/\d+|\d+(?:,\d+)*) \* \* \* \*")
_DATES = re.compile(r"(\d+) (\d+) (\d+|\*) \* (\d|\*)")


@dataclass(frozen=True)
class Cron:
    """A cron expression: minute, hour, day of month, month, day of week, as Vixie cron and cronsim read them.

    Of a local time that comes twice the first counts, unless every hour is meant; of one that the clock jumps over the
    instant of the jump does. Minutes of every hour, and one time on every day, on a day of the week or of the month are
    computed as arrays; any other expression by cronsim, some 10,000 instants a second.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Read an expression. Raises `DeclarationError` where it is none or never comes."""
        plain = " ".join(text.split()) if isinstance(text, str) else str(text)
        try:
            next(CronSim(plain, datetime(2024, 1, 1, tzinfo=UTC)))
        except (CronSimError, StopIteration) as error:
            if _never_comes(plain):
                raise DeclarationError(f"{plain!r} never comes: none of its months has such a day.") from None
            raise DeclarationError(f"{plain!r} is no cron expression of five fields: {error}.") from None
        if len(plain.split()) == 6:
            raise DeclarationError(f"{plain!r} has a field of seconds: give a cron expression of five fields.")
        return cls(plain)

    @property
    def is_hourly(self) -> bool:
        """Whether it is about minutes of every hour."""
        return _MINUTES.fullmatch(self.text) is not None

    @property
    def is_monthly(self) -> bool:
        """Whether it is one time on one day of every month."""
        return (found := _DATES.fullmatch(self.text)) is not None and found[3] != "*" and found[4] == "*"

    def instants(self, zone: ZoneInfo, since: int, until: int) -> NDArray[int64]:
        """All its instants from ``since``, itself included, to before ``until``, rising."""
        import numpy as np

        if since >= until:
            return np.empty(0, "int64")
        offsets = Offsets.between(zone, since, until)
        if found := _MINUTES.fullmatch(self.text):
            instants = _minutes_of_hours(offsets, _read_minutes(found[1]), since, until)
        elif (found := _DATES.fullmatch(self.text)) and "*" in (found[3], found[4]):
            local = _days(found[3], found[4], since, until) * _DAY_S + int(found[2]) * 3_600 + int(found[1]) * 60
            instants = np.unique(offsets.from_local(local))  # a day that a zone skips begins with the next
        else:
            instants = self._simulate(zone, since, until)
        return instants[(instants >= since) & (instants < until)]

    def first_instants(self, zone: ZoneInfo, since: int, count: int) -> NDArray[int64]:
        """Its first instants from ``since``, itself included, ``count`` of them or a few more."""
        import numpy as np

        if step_s := self._longest_step_s():
            return self.instants(zone, since, since + (count + 1) * step_s)
        ticks = itertools.dropwhile(lambda tick: tick < since, self._ticks(zone, since - _DAY_S))
        return np.array(list(itertools.islice(ticks, count)), "int64")

    def count(self, zone: ZoneInfo, since: int, until: int, most: int) -> int:
        """How many instants it has from ``since``, itself included, to before ``until``; no more than ``most``."""
        if self._longest_step_s():
            return min(len(self.instants(zone, since, until)), most)
        ticks = itertools.takewhile(lambda tick: tick < until, self._ticks(zone, since - _DAY_S))
        return sum(1 for _ in itertools.islice((tick for tick in ticks if tick >= since), most))

    def _longest_step_s(self) -> int:
        """No two instants that follow each other are further apart; 0 where the array is not computed."""
        if self.is_hourly:
            return 2 * 3_600
        found = _DATES.fullmatch(self.text)
        if found is None or "*" not in (found[3], found[4]):
            return 0
        days = 62 if found[3] != "*" else 8 if found[4] != "*" else 3
        return days * _DAY_S

    def following(self, zone: ZoneInfo, at: int) -> int:
        """Its first instant after ``at``."""
        if self._longest_step_s():
            blocks = (_list_block(self, zone, block) for block in itertools.count(at // _BLOCK_S))
            return next(block[n] for block in blocks if (n := bisect.bisect_right(block, at)) < len(block))
        return next(tick for tick in self._ticks(zone, at - _DAY_S) if tick > at)

    def preceding(self, zone: ZoneInfo, at: int) -> int:
        """Its last instant before ``at``."""
        if self._longest_step_s():
            blocks = (_list_block(self, zone, block) for block in itertools.count(at // _BLOCK_S, -1))
            return next(block[n - 1] for block in blocks if (n := bisect.bisect_left(block, at)) > 0)
        # backwards, or begun in an hour that comes twice, cronsim may give other instants than forwards
        found = int(next(CronSim(self.text, datetime.fromtimestamp(at, zone), reverse=True)).timestamp())
        for tick in itertools.takewhile(lambda tick: tick < at, self._ticks(zone, min(found, at) - 2 * _DAY_S)):
            found = tick
        return found

    def _ticks(self, zone: ZoneInfo, since: int) -> Iterator[int]:
        return (int(tick.timestamp()) for tick in CronSim(self.text, datetime.fromtimestamp(since, zone)))

    def _simulate(self, zone: ZoneInfo, since: int, until: int) -> NDArray[int64]:
        import numpy as np

        ticks = itertools.takewhile(lambda tick: tick < until, self._ticks(zone, since - _DAY_S))
        return np.array(list(ticks), "int64")


@lru_cache(maxsize=64)
def _never_comes(text: str) -> bool:
    """Whether each field is one of a cron expression, and only day and month together are not."""
    fields = text.split()
    if len(fields) != 5:
        return False
    minute, hour, day, month, weekday = fields
    return _is_cron(f"{minute} {hour} {day} * {weekday}") and _is_cron(f"0 0 * {month} *")


def _is_cron(text: str) -> bool:
    try:
        CronSim(text, datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError:
        return False
    return True


def _list_block(cron: Cron, zone: ZoneInfo, block: int) -> list[int]:
    """The instants within one stretch of time, which are asked for one by one."""
    instants: list[int] = cron.instants(zone, block * _BLOCK_S, (block + 1) * _BLOCK_S).tolist()
    return instants


def _read_minutes(field: str) -> list[int]:
    if field.startswith("*/"):
        return list(range(0, 60, int(field[2:])))
    return sorted({int(minute) for minute in field.split(",")})


def _minutes_of_hours(offsets: Offsets, minutes: list[int], since: int, until: int) -> NDArray[int64]:
    """The instants at which the clock shows one of these minutes, whatever the hour."""
    import numpy as np

    found = []
    for n, ahead in enumerate(offsets.ahead):
        first = max(since, int(offsets.starts[n]))
        last = min(until, int(offsets.starts[n + 1])) if n + 1 < len(offsets.starts) else until
        if first < last:
            hours = np.arange((first + ahead) // 3_600, (last + ahead) // 3_600 + 1, dtype="int64") * 3_600
            instants = (hours[:, None] + np.array(minutes, "int64") * 60 - ahead).ravel()
            found.append(instants[(instants >= first) & (instants < last)])
    return np.concatenate(found)


def _days(day: str, weekday: str, since: int, until: int) -> NDArray[int64]:
    """The days that these fields name, as numbers since 1970, from two before ``since`` to two after ``until``."""
    import numpy as np

    days: NDArray[int64] = np.arange(since // _DAY_S - 2, until // _DAY_S + 3, dtype="int64")
    named: NDArray[bool_] = np.ones(len(days), "bool")
    if weekday != "*":
        named = (days + 4) % 7 == int(weekday) % 7  # 1970 began on a Thursday
    elif day != "*":
        dates = days.astype("datetime64[D]")
        named = (dates - dates.astype("datetime64[M]")).astype("int64") == int(day) - 1
    return days[named]
