"""Local times of a time zone as arrays: seconds since 1970, of UTC or as a clock on the wall shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from nbpart.errors import DeclarationError, nearest

if TYPE_CHECKING:
    from numpy import bool_, int64
    from numpy.typing import NDArray

_DAY_S = 86_400


def load_zone(name: str) -> ZoneInfo:
    """The time zone of this name, as "America/New_York". Raises `DeclarationError` where there is none."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, TypeError, KeyError):  # what it raises depends on how the name is wrong
        raise DeclarationError(f"there is no time zone {name!r}; {nearest(str(name), available_timezones())}") from None


@dataclass(frozen=True, eq=False)
class Offsets:
    """What a zone's clock is ahead of UTC, by stretches of time in which that does not change.

    ``starts``: the instant at which each stretch begins, in seconds; the first has no beginning. ``ahead``: by how many
    seconds its clock is ahead of UTC. Two changes within one day that cancel each other are not seen.
    """

    starts: NDArray[int64]
    ahead: NDArray[int64]

    @classmethod
    def between(cls, zone: ZoneInfo, since: int, until: int) -> Offsets:
        """Those of all instants from ``since`` to ``until``, and of some around them."""
        years = (datetime.fromtimestamp(at, UTC).year for at in (since - 2 * _DAY_S, until + 2 * _DAY_S))
        return _find_offsets(zone, *years)

    def to_local(self, instants: NDArray[int64]) -> NDArray[int64]:
        """What the clock shows at these instants."""
        return instants + self.ahead[self._stretch(instants)]

    def is_second(self, instants: NDArray[int64]) -> NDArray[bool_]:
        """Whether the clock has shown the same at an earlier instant, because it was put back."""
        import numpy as np

        stretch = self._stretch(instants)
        before = self.ahead[np.maximum(stretch - 1, 0)]
        return (stretch > 0) & (instants + self.ahead[stretch] < self.starts[stretch] + before)

    def from_local(self, local: NDArray[int64]) -> NDArray[int64]:
        """The first instant at which the clock shows this time, or, where it jumps over it, the one of the jump."""
        import numpy as np

        ends = self.starts[1:] + self.ahead[:-1]  # of each stretch but the last, as its clock shows
        stretch = np.searchsorted(ends, local, side="right")
        instants: NDArray[int64] = np.maximum(local - self.ahead[stretch], self.starts[stretch])
        return instants

    def _stretch(self, instants: NDArray[int64]) -> NDArray[int64]:
        import numpy as np

        stretch: NDArray[int64] = np.searchsorted(self.starts, instants, side="right") - 1
        return stretch


@lru_cache(maxsize=64)
def _find_offsets(zone: ZoneInfo, first_year: int, last_year: int) -> Offsets:
    import numpy as np

    years = [_list_changes(zone, year) for year in range(first_year, last_year + 1)]
    changes = [change for _, of_year in years for change in of_year]
    starts = [np.iinfo(np.int64).min // 2, *(at for at, _ in changes)]
    return Offsets(np.array(starts, "int64"), np.array([years[0][0], *(ahead for _, ahead in changes)], "int64"))


@lru_cache(maxsize=4_096)
def _list_changes(zone: ZoneInfo, year: int) -> tuple[int, list[tuple[int, int]]]:
    """What the clock is ahead as a year of UTC begins, and the changes in it: (instant, what it is ahead from then)."""
    since, until = (int(datetime(year + more, 1, 1, tzinfo=UTC).timestamp()) for more in (0, 1))
    days = range(since, until + 1, _DAY_S)
    offsets = [datetime.fromtimestamp(at, zone).utcoffset() for at in days]
    changed = [n for n in range(1, len(days)) if offsets[n] != offsets[n - 1]]
    return _ahead(zone, since), [(_find_change(zone, days[n - 1], days[n]), _ahead(zone, days[n])) for n in changed]


def _find_change(zone: ZoneInfo, before: int, after: int) -> int:
    """The first second with the offset of ``after``; ``before`` has another."""
    target = _ahead(zone, after)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if _ahead(zone, middle) == target else (middle, after)
    return after


def _ahead(zone: ZoneInfo, at: int) -> int:
    offset = datetime.fromtimestamp(at, zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0
