"""Partitions that are windows of time: an hour, a day, a week, a month, or what lies between the ticks of a cron."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from nbpart.errors import DeclarationError, PartitionKeyError, UnknownNameError
from nbpart.partitions.columns import Column, ColumnSource
from nbpart.partitions.cron import Cron
from nbpart.partitions.definition import PartitionsDefinition
from nbpart.partitions.keys import check_key, shorten
from nbpart.partitions.moments import Moment, is_midnight, read_date_or_time, read_moment
from nbpart.partitions.names import RESERVED_COLUMNS, check_column_name, check_set_name, make_name
from nbpart.partitions.values import Kind
from nbpart.partitions.zones import Offsets, load_zone

if TYPE_CHECKING:
    from numpy import bool_, int64, str_, uint32
    from numpy.typing import NDArray

_MONTH, _DAY, _MINUTE = "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M"
#: Units in which numpy spells what these formats spell.
_UNITS: dict[str, Literal["M", "D"]] = {_MONTH: "M", _DAY: "D"}
#: What strptime needs beside these to know a day.
_COMPLETED = {"%V": "%u", "%U": "%w", "%W": "%w"}
#: A format is tried on the first windows, so many, and on some of the windows of each of the years that follow.
_TRIED, _TRIED_A_YEAR, _TRIED_YEARS = 500, 30, 4
_DAY_S = 86_400
_DATE_LENGTH = len("2013-01-31")
#: After so many windows that are all excluded, one by one, nobody looks for another.
_MOST_EXCLUDED = 10_000


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows in the order of time, as arrays of one length: their keys, and first and last instant in seconds.

    A window begins at its start and ends before its end.
    """

    keys: list[str]
    starts: NDArray[int64]
    ends: NDArray[int64]

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, init=False, eq=False, repr=False)
class TimeWindowPartitions(PartitionsDefinition):
    """A set of windows that follow each other without a gap, each a partition once it has ended.

    ``cron`` gives their boundaries, as the clock in ``timezone`` shows them: a day on which the clock is changed has 23
    or 25 hours. The first window is the first that begins at ``start`` or later; the last ends at ``end`` or before.
    ``end_offset`` shows so many windows more than have ended, or, where it is negative, so many less. ``exclude``
    leaves windows out: those that begin at an instant of a cron expression, that hold a moment, or that begin on a
    date. ``fmt`` spells the start of a window as its key, in the format of strftime; of two windows with equal local
    starts the second has its offset in its key.

    Raises `DeclarationError` for what cannot be: a time zone or a cron expression that is none, an end before the
    start, a format by which two windows have one key.
    """

    name: str
    cron: str
    start: datetime
    end: datetime | None
    timezone: str
    end_offset: int
    fmt: str
    exclude: tuple[str | date | datetime, ...]
    column: str | None
    _zone: ZoneInfo = field(repr=False)

    kind: ClassVar[Literal["time_window"]] = "time_window"

    def __init__(  # noqa: PLR0913
        self,
        name: str,
        cron: str,
        start: Moment,
        *,
        end: Moment | None = None,
        timezone: str = "UTC",
        end_offset: int = 0,
        fmt: str | None = None,
        exclude: Moment | Iterable[Moment] = (),
        column: str | None = None,
    ) -> None:
        give = object.__setattr__
        give(self, "name", check_set_name(name))
        try:
            give(self, "_zone", load_zone(timezone))
            give(self, "timezone", timezone)
            give(self, "cron", Cron.parse(cron).text)
            give(self, "start", self._read_moment(start, "start"))
            give(self, "end", None if end is None else self._read_moment(end, "end"))
            give(self, "end_offset", _check_offset(end_offset))
            give(self, "exclude", self._read_excluded(exclude))
            give(self, "column", None if column is None else check_column_name(column, "column"))
            if self.end is not None and self.end <= self.start:
                raise DeclarationError(f"its end, {self.end.isoformat()}, is not after its start: give a later one.")
            give(self, "fmt", self._check_format(fmt) if fmt is not None else self._choose_format())
        except DeclarationError as error:
            raise DeclarationError(f"Partitions {name!r}: {error}") from None

    def __repr__(self) -> str:
        """As it is declared, without what is the default."""
        own = [repr(self.name), *([repr(self.cron)] if type(self) is TimeWindowPartitions else [])]
        for name in ("start", "end"):
            if (moment := getattr(self, name)) is not None:
                local = moment.astimezone(self._zone).replace(tzinfo=None)
                own.append(f"{name}='{local.isoformat(' ').removesuffix(' 00:00:00')}'")
        given = (("timezone", "UTC"), ("end_offset", 0), ("exclude", ()), ("column", None))
        own += [f"{name}={shorten(getattr(self, name))}" for name, usual in given if getattr(self, name) != usual]
        return f"{type(self).__name__}({', '.join(own)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TimeWindowPartitions) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.name, self.cron, self.timezone))

    @property
    def set_name(self) -> str:
        return self.name

    @cached_property
    def value_column(self) -> Column:
        """Its start as a date, or as a time without offset, called as ``column`` says, else as the set is."""
        name = self.column or make_name(self.name, "window", RESERVED_COLUMNS)
        return Column(name, Kind.DATE if self.is_dated else Kind.DATETIME, ColumnSource.WINDOW_LOCAL)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        start = Column("window_start", Kind.DATETIME, ColumnSource.WINDOW_START)
        return (self.value_column, start, Column("window_end", Kind.DATETIME, ColumnSource.WINDOW_END))

    @property
    def unit(self) -> str:
        """What messages call one of its windows: hour, day, week, month, or window."""
        minute, hour, day, month, weekday = self.cron.split()
        if not minute.isdigit() or month != "*":
            return "window"
        if (hour, day, weekday) == ("*", "*", "*"):
            return "hour"
        if not hour.isdigit():
            return "window"
        if day == "*":
            return "day" if weekday == "*" else "week" if weekday.isdigit() else "window"
        return "month" if day.isdigit() and weekday == "*" else "window"

    @property
    def is_dated(self) -> bool:
        """Whether a window is named by a date: a day, a week, a month."""
        return "%H" not in self.fmt and "%I" not in self.fmt

    def windows(self, now: datetime, *, after: int | None = None) -> Windows:
        """The windows that are partitions at ``now``, an aware time; only those that begin ``after`` an instant."""
        import numpy as np

        until = int(min(now.timestamp(), self._end_s))
        boundaries = self._cron.instants(self._zone, self._start_s, until + 1)
        if self.end_offset > 0:
            later = [int(boundaries[-1])] if len(boundaries) else [self._cron.following(self._zone, self._start_s - 1)]
            while len(later) <= self.end_offset and (end := self._cron.following(self._zone, later[-1])) <= self._end_s:
                later.append(end)
            boundaries = np.append(boundaries[:-1], np.array(later, "int64"))
        elif self.end_offset < 0:
            boundaries = boundaries[: self.end_offset]
        starts, ends = self._leave_out(boundaries[:-1], boundaries[1:])
        if after is not None:
            first = np.searchsorted(starts, after, side="right")
            starts, ends = starts[first:], ends[first:]
        return Windows(self._spell(starts), starts, ends)

    def every_window(self, since: int, until: int) -> tuple[NDArray[int64], NDArray[int64]]:
        """Starts and ends of all windows that overlap the time from ``since`` to before ``until``.

        Also of those that are no partitions: before its start, after its end, or not ended. Excluded ones are none.
        """
        import numpy as np

        if since >= until:
            return np.empty(0, "int64"), np.empty(0, "int64")
        first, last = self._cron.preceding(self._zone, since + 1), self._cron.following(self._zone, until - 1)
        boundaries = self._cron.instants(self._zone, first, last + 1)
        return self._leave_out(boundaries[:-1], boundaries[1:])

    def next_end(self, now: datetime) -> datetime | None:
        """When the next window ends after ``now``; None where no window comes any more.

        With an ``end_offset`` also one that is excluded, as by its end another comes into being.
        """
        at = int(now.timestamp())
        since = self._start_s if at < self._start_s else self._cron.preceding(self._zone, at + 1)
        following = next((end for _, end in self._iterate(since, self.end_offset == 0) if end > at), None)
        return None if following is None else self._at(following)

    def local_starts(self, windows: Windows) -> NDArray[int64]:
        """What the clock in the set's zone shows as each window begins, in seconds since 1970 on that clock."""
        return self._offsets(windows.starts).to_local(windows.starts) if len(windows) else windows.starts

    def parse(self, key: str) -> tuple[datetime, datetime] | None:
        """Start and end of the window that has this key, ended or not; None where none has it."""
        for instant in self._candidates(key):
            start, end = next(self._iterate(instant), (None, None))
            if start is not None and end is not None and self.spell_start(start) == key:
                return self._at(start), self._at(end)
        return None

    def key_at(self, moment: Moment) -> str | None:
        """The key of the window that holds this moment, ended or not; None where none does."""
        at = int(self._read_moment(moment, "the moment").timestamp())
        start, end = next(self._iterate(self._cron.preceding(self._zone, at + 1)), (at, at))
        return self.spell_start(start) if start <= at < end else None

    def spell_key(self, key: object) -> str:
        """The key of a window, ended or not, given as its text or by its start: a date or a time in any form."""
        if isinstance(key, str) and self.parse(key) is not None:
            return str.__str__(key)
        found = read_date_or_time(key)
        if found is None:
            raise UnknownNameError(
                f"Partitions {self.name!r}: {shorten(key)} is no key of theirs, which are spelled as "
                f"{self.spell_start(int(self._starts_to_try()[0]))!r} is."
            )
        if (text := self._key_that_begins(found)) is not None:
            return text
        holding = self.key_at(found)
        says = f"that lies in {holding!r}" if holding is not None else self._explain_no_window(found)
        raise UnknownNameError(f"Partitions {self.name!r}: no window begins at {shorten(key)}; {says}.")

    def localize(self, local: datetime) -> datetime:
        """The instant at which the clock in the set's zone shows this; the first of two."""
        return self._read_moment(local, "the time")

    def to_json(self) -> dict[str, Any]:
        """What it is made of, as JSON: `from_json` makes an equal one of it."""
        return {
            "name": self.name, "cron": self.cron, "start": self.start.isoformat(),
            "end": None if self.end is None else self.end.isoformat(), "timezone": self.timezone,
            "end_offset": self.end_offset, "fmt": self.fmt, "column": self.column,
            "exclude": [one if isinstance(one, str) else one.isoformat() for one in self.exclude],
        }  # fmt: skip

    @classmethod
    def from_json(cls, recorded: Mapping[str, Any]) -> TimeWindowPartitions:
        return TimeWindowPartitions(**recorded)

    def _key_that_begins(self, at: date | datetime) -> str | None:
        """The key of the window that begins at a time, or, where windows have dates, on this date."""
        if isinstance(at, datetime) and self.is_dated and is_midnight(at.astimezone(self._zone) if at.tzinfo else at):
            at = at.astimezone(self._zone).date() if at.tzinfo else at.date()
        if isinstance(at, datetime) or not self.is_dated:
            moment = self._read_moment(at, "the key")
            if not moment.tzinfo or moment.astimezone(UTC).astimezone(self._zone) != moment:
                return None
            since, until = int(moment.timestamp()), int(moment.timestamp()) + 1
        else:
            since, until = (int(self._read_moment(at + timedelta(days=days), "the key").timestamp()) for days in (0, 1))
        start, _ = next(self._iterate(since), (until, until))
        return self.spell_start(start) if start < until else None

    def _explain_no_window(self, at: Moment) -> str:
        moment = self._read_moment(at, "the key")
        if moment < self.start:
            return f"the first begins at {self.start.isoformat()}"
        if self.end is not None and moment >= self.end:
            return f"they end at {self.end.isoformat()}"
        return "it is excluded, or the clock jumps over it"

    @cached_property
    def _start_s(self) -> int:
        return math.ceil(self.start.timestamp())

    @cached_property
    def _end_s(self) -> float:
        return math.inf if self.end is None else self.end.timestamp()

    @cached_property
    def _cron(self) -> Cron:
        return Cron(self.cron)

    def _at(self, instant: int) -> datetime:
        return datetime.fromtimestamp(instant, self._zone)

    def _leave_out(self, starts: NDArray[int64], ends: NDArray[int64]) -> tuple[NDArray[int64], NDArray[int64]]:
        """These windows without those that are excluded."""
        kept = ~self._is_excluded(starts, ends)
        return starts[kept], ends[kept]

    def _iterate(self, since: int, leaves_out: bool = True) -> Iterator[tuple[int, int]]:
        """Start and end of one window after the other, from the first that begins at ``since`` or later.

        Excluded ones are left out if ``leaves_out``.
        """
        import numpy as np

        start = self._cron.following(self._zone, max(since, self._start_s) - 1)
        excluded = 0
        while (end := self._cron.following(self._zone, start)) <= self._end_s and excluded < _MOST_EXCLUDED:
            if leaves_out and self.exclude and self._is_excluded(np.array([start]), np.array([end]))[0]:
                excluded += 1
            else:
                excluded = 0
                yield start, end
            start = end

    def _is_excluded(self, starts: NDArray[int64], ends: NDArray[int64]) -> NDArray[bool_]:
        import numpy as np

        left_out = np.zeros(len(starts), "bool")
        if not self.exclude or not len(starts):
            return left_out
        days = self._offsets(starts).to_local(starts) // 86_400
        for one in self.exclude:
            if isinstance(one, str):
                left_out |= np.isin(starts, Cron(one).instants(self._zone, int(starts[0]), int(starts[-1]) + 1))
            elif isinstance(one, datetime):
                left_out |= (starts <= one.timestamp()) & (one.timestamp() < ends)
            else:
                left_out |= days == (one - date(1970, 1, 1)).days
        return left_out

    def _offsets(self, instants: NDArray[int64]) -> Offsets:
        return Offsets.between(self._zone, int(instants[0]), int(instants[-1]))

    def spell_start(self, start: int) -> str:
        """The key of the window that begins at an instant, in seconds since 1970, whether or not there is one."""
        local = self._at(start)
        key = local.strftime(self.fmt)
        return key + local.strftime("%z") if local.fold and not self.is_dated and "%z" not in self.fmt else key

    def _spell(self, starts: NDArray[int64], fmt: str | None = None) -> list[str]:
        """The keys of windows that begin at these instants."""
        import numpy as np

        fmt = fmt or self.fmt
        if not len(starts):
            return []
        offsets = self._offsets(starts)
        if fmt == _MINUTE:
            keys = _spell_minutes(offsets.to_local(starts))
        elif unit := _UNITS.get(fmt):
            keys = np.datetime_as_string(offsets.to_local(starts).astype("datetime64[s]"), unit=unit).tolist()
        else:
            keys = [self._at(start).strftime(fmt) for start in starts.tolist()]
        if "%H" in fmt or "%I" in fmt:
            for n in np.flatnonzero(offsets.is_second(starts)).tolist() if "%z" not in fmt else ():
                keys[n] += self._at(int(starts[n])).strftime("%z")
        return keys

    def _candidates(self, key: str, fmt: str = "") -> list[int]:
        """The instants from which on the window may begin that has this key."""
        fmt = fmt or self.fmt
        completed = next((f"{fmt} {more}" for part, more in _COMPLETED.items() if part in fmt and more not in fmt), fmt)
        given = key if completed == fmt else f"{key} 1"
        for spelled in (completed, f"{completed}%z"):
            try:
                parsed = datetime.strptime(given, spelled)
            except ValueError:
                continue
            if parsed.tzinfo is not None:
                return [int(parsed.timestamp())]
            first, second = (parsed.replace(tzinfo=self._zone, fold=fold).timestamp() for fold in (0, 1))
            return [int(first)] if first >= second else [int(first), int(second)]
        return []

    def _read_moment(self, moment: Moment, what: str) -> datetime:
        return read_moment(moment, self._zone, what)

    def _read_excluded(self, exclude: Moment | Iterable[Moment]) -> tuple[str | date | datetime, ...]:
        listed = [exclude] if isinstance(exclude, str | date) else list(exclude)
        return tuple(self._read_exclusion(one) for one in listed)

    def _read_exclusion(self, one: Moment) -> str | date | datetime:
        if isinstance(one, str):
            if " " in one.strip():
                return Cron.parse(one).text
            if len(one) == len("2013-01-31"):
                return self._read_moment(one, "exclude").date()
        if isinstance(one, date) and not isinstance(one, datetime):
            return one
        return self._read_moment(one, "exclude")

    def _choose_format(self) -> str:
        """The coarsest of the usual ones by which each window has a key of its own."""
        if self._cron.is_hourly:
            return _MINUTE
        starts = self._starts_to_try()
        usual = (_MONTH, _DAY) if self._cron.is_monthly else (_DAY,)
        return next((fmt for fmt in usual if len(set(self._spell(starts, fmt))) == len(starts)), _MINUTE)

    def _check_format(self, fmt: str) -> str:
        if not isinstance(fmt, str) or "%" not in fmt:
            raise DeclarationError(f"fmt is a format of strftime, as '%Y-%m-%d', not {shorten(fmt)}.")
        starts = self._starts_to_try()
        keys = self._spell(starts, fmt)
        seen: dict[str, int] = {}
        for key, start in zip(keys, starts.tolist(), strict=True):
            if key in seen:
                raise DeclarationError(
                    f"by fmt={fmt!r} two windows have the key {key!r}, those that begin at "
                    f"{self._at(seen[key]).isoformat()} and {self._at(start).isoformat()}: give a finer format."
                )
            seen[key] = start
        for key in keys[:1]:
            _check_spelling(key, fmt, is_read=bool(self._candidates(key, fmt)))
        return fmt

    def _starts_to_try(self) -> NDArray[int64]:
        """Starts of windows, by which it is seen whether two of them have one key."""
        import numpy as np

        found = [self._cron.first_instants(self._zone, self._start_s, _TRIED)]
        for n, days in itertools.product(range(1, _TRIED_YEARS + 1), (365, 366)):
            found.append(self._cron.first_instants(self._zone, self._start_s + n * days * _DAY_S, _TRIED_A_YEAR))
        starts = np.unique(np.concatenate(found))
        return starts[starts < self._end_s]


def _spell_minutes(local: NDArray[int64]) -> list[str]:
    """Local times as ``2013-01-31T05:00``; each date and each time of day is spelled once."""
    import numpy as np

    days = local // _DAY_S
    begins = np.append(True, days[1:] != days[:-1])
    dates = _list_characters(np.datetime_as_string(days[begins].astype("datetime64[D]")))[:, :_DATE_LENGTH]
    times = _list_times_of_day()
    spelled = np.empty((len(local), _DATE_LENGTH + times.shape[1]), "uint32")
    spelled[:, :_DATE_LENGTH] = dates[np.cumsum(begins) - 1]
    spelled[:, _DATE_LENGTH:] = times[local % _DAY_S // 60]
    keys: list[str] = spelled.view(f"U{spelled.shape[1]}")[:, 0].tolist()
    return keys


@lru_cache(maxsize=1)
def _list_times_of_day() -> NDArray[uint32]:
    """The characters of ``T00:00`` to ``T23:59``, a row each."""
    import numpy as np

    return _list_characters(np.array([f"T{minute // 60:02}:{minute % 60:02}" for minute in range(24 * 60)]))


def _list_characters(texts: NDArray[str_]) -> NDArray[uint32]:
    """The code points of the characters of texts, a row each; 0 where a text is shorter than others."""
    return texts.view("uint32").reshape(len(texts), -1)


def _check_offset(end_offset: object) -> int:
    if not isinstance(end_offset, int) or isinstance(end_offset, bool):
        raise DeclarationError(f"end_offset is a whole number of windows, not {shorten(end_offset)}.")
    return end_offset


def _check_spelling(key: str, fmt: str, *, is_read: bool) -> None:
    try:
        check_key(key)
    except PartitionKeyError as error:
        raise DeclarationError(f"fmt={fmt!r} does not make keys. {error}") from None
    if not is_read:
        raise DeclarationError(f"the key {key!r}, made by fmt={fmt!r}, cannot be read back as a time.")
