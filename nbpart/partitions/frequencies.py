"""Time windows of the usual lengths: hours, days, weeks, months."""

from __future__ import annotations

from collections.abc import Iterable

from nbpart.partitions.moments import Moment
from nbpart.partitions.windows import TimeWindowPartitions


class HourlyPartitions(TimeWindowPartitions):
    """Hours, each from ``minute`` minutes past the full one; other arguments are those of `TimeWindowPartitions`."""

    def __init__(  # noqa: PLR0913
        self,
        name: str,
        start: Moment,
        *,
        minute: int = 0,
        end: Moment | None = None,
        timezone: str = "UTC",
        end_offset: int = 0,
        fmt: str | None = None,
        exclude: Moment | Iterable[Moment] = (),
        column: str | None = None,
    ) -> None:
        cron = f"{minute} * * * *"
        super().__init__(
            name,
            cron,
            start,
            end=end,
            timezone=timezone,
            end_offset=end_offset,
            fmt=fmt,
            exclude=exclude,
            column=column,
        )


class DailyPartitions(TimeWindowPartitions):
    """Days, each from this ``hour`` and ``minute``; the other arguments are those of `TimeWindowPartitions`."""

    def __init__(  # noqa: PLR0913
        self,
        name: str,
        start: Moment,
        *,
        hour: int = 0,
        minute: int = 0,
        end: Moment | None = None,
        timezone: str = "UTC",
        end_offset: int = 0,
        fmt: str | None = None,
        exclude: Moment | Iterable[Moment] = (),
        column: str | None = None,
    ) -> None:
        cron = f"{minute} {hour} * * *"
        super().__init__(
            name,
            cron,
            start,
            end=end,
            timezone=timezone,
            end_offset=end_offset,
            fmt=fmt,
            exclude=exclude,
            column=column,
        )


class WeeklyPartitions(TimeWindowPartitions):
    """Weeks, each from this ``weekday`` (0 is Sunday, 1 Monday as in cron), ``hour`` and ``minute``.

    The other arguments are those of `TimeWindowPartitions`.
    """

    def __init__(  # noqa: PLR0913
        self,
        name: str,
        start: Moment,
        *,
        weekday: int = 1,
        hour: int = 0,
        minute: int = 0,
        end: Moment | None = None,
        timezone: str = "UTC",
        end_offset: int = 0,
        fmt: str | None = None,
        exclude: Moment | Iterable[Moment] = (),
        column: str | None = None,
    ) -> None:
        cron = f"{minute} {hour} * * {weekday}"
        super().__init__(
            name,
            cron,
            start,
            end=end,
            timezone=timezone,
            end_offset=end_offset,
            fmt=fmt,
            exclude=exclude,
            column=column,
        )


class MonthlyPartitions(TimeWindowPartitions):
    """Months, each from this ``day``, ``hour`` and ``minute``; a month without that day begins none.

    The other arguments are those of `TimeWindowPartitions`.
    """

    def __init__(  # noqa: PLR0913
        self,
        name: str,
        start: Moment,
        *,
        day: int = 1,
        hour: int = 0,
        minute: int = 0,
        end: Moment | None = None,
        timezone: str = "UTC",
        end_offset: int = 0,
        fmt: str | None = None,
        exclude: Moment | Iterable[Moment] = (),
        column: str | None = None,
    ) -> None:
        cron = f"{minute} {hour} {day} * *"
        super().__init__(
            name,
            cron,
            start,
            end=end,
            timezone=timezone,
            end_offset=end_offset,
            fmt=fmt,
            exclude=exclude,
            column=column,
        )
