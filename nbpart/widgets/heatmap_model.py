"""The parts of a heatmap as arrays and frozen records; pure.

Three numbers identify a partition. Its key id never changes. Its *member* number is its position among the keys of its
set, in the order in which they were added, and is right for one version of the set. Its *place* is its position on the
screen, after filtering and sorting.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nbpart.partitions.mapping import Mapping as KeyMapping
from nbpart.states import URGENCY, PartitionStatus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Layout = Literal["line", "grid", "cell"]
Range: TypeAlias = tuple[int, int]

#: The number of levels that values are drawn in, from 1 up; level 0 is no value.
LEVELS = 255
_LOG_FROM = 1_000.0
#: Ids are looked up in a table of numbers where that has at most so many places a key.
_TABLE_PER_KEY = 8


class Members:
    """The key ids of a set in member order, with a search for the member number of an id."""

    def __init__(self, key_ids: NDArray[np.int64]) -> None:
        import numpy as np

        self.key_ids = key_ids
        self._first = int(key_ids.min()) if len(key_ids) else 0
        span = int(key_ids.max()) + 1 - self._first if len(key_ids) else 0
        self._is_run = span == len(key_ids) and bool((np.diff(key_ids) == 1).all())
        self._numbers: NDArray[np.int32] | None = None
        self._order: NDArray[np.int64] | None = None
        if self._is_run:
            return
        if span <= _TABLE_PER_KEY * len(key_ids):
            self._numbers = np.full(span, -1, np.int32)
            self._numbers[key_ids - self._first] = np.arange(len(key_ids), dtype=np.int32)
        else:
            self._order = np.argsort(key_ids, kind="stable")

    def __len__(self) -> int:
        return len(self.key_ids)

    def find(self, key_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the member number of each id; -1 for one that is not a member."""
        import numpy as np

        n = len(self.key_ids)
        if not n:
            return np.full(len(key_ids), -1, np.int64)
        if self._order is None:
            numbers = key_ids - self._first
            size = n if self._numbers is None else len(self._numbers)
            inside = (numbers >= 0) & (numbers < size)
            if self._numbers is not None:
                numbers = self._numbers[np.where(inside, numbers, 0)].astype(np.int64)
            return np.where(inside, numbers, -1)
        at = np.searchsorted(self.key_ids, key_ids, sorter=self._order)
        numbers = self._order[np.minimum(at, n - 1)]
        return np.where(self.key_ids[numbers] == key_ids, numbers, -1)

    def fill(self, key_ids: NDArray[np.int64], values: NDArray[Any], empty: float) -> NDArray[Any]:
        """Return an array of a value per member: that given for its id, or `empty`. Ids of no member are ignored."""
        import numpy as np

        filled = np.full(len(self.key_ids), empty, values.dtype)
        numbers = self.find(key_ids)
        inside = numbers >= 0
        filled[numbers[inside]] = values[inside]
        return filled


class Places:
    """Which members are shown at which places: `members` by place, or None for all `n` members in member order."""

    def __init__(self, n: int, members: NDArray[np.int64] | None = None) -> None:
        import numpy as np

        self.members = members
        self.n = n if members is None else len(members)
        self._place = None
        if members is not None:
            self._place = np.full(n, -1, np.int64)
            self._place[members] = np.arange(len(members))

    def take(self, values: NDArray[Any]) -> NDArray[Any]:
        """Turn values by member into values by place."""
        return values if self.members is None else values[self.members]

    def find(self, members: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the place of each member number; -1 for one that is not shown, and for -1."""
        import numpy as np

        if self._place is None:
            return members
        return np.where(members >= 0, self._place[np.maximum(members, 0)], -1) if len(self._place) else members * 0 - 1

    def member_ranges(self, start: int, stop: int) -> tuple[Range, ...]:
        """The members at the places from start up to stop, as ranges in member order."""
        if self.members is None:
            return ((start, stop),) if stop > start else ()
        return to_ranges(self.members[start:stop])


def plan_places(n: int, keep: NDArray[np.bool_] | None = None, rank: NDArray[Any] | None = None) -> Places:
    """Place the members that the mask `keep` selects in order of `rank` (equal ones in member order, nan last)."""
    import numpy as np

    if keep is None and rank is None:
        return Places(n)
    if rank is None:
        return Places(n, np.flatnonzero(keep) if keep is not None else None)
    order = np.argsort(rank, kind="stable")
    return Places(n, order if keep is None else order[keep[order]])


def to_ranges(numbers: NDArray[np.int64]) -> tuple[Range, ...]:
    """Return whole numbers as sorted ranges (first, one after the last), as few as possible."""
    import numpy as np

    if not len(numbers):
        return ()
    once = np.sort(numbers)  # np.unique takes forty times as long for a million
    once = once[np.r_[True, once[1:] != once[:-1]]]
    cuts = np.flatnonzero(np.diff(once) > 1) + 1
    firsts, lasts = once[np.r_[0, cuts]], once[np.r_[cuts - 1, len(once) - 1]]
    return tuple((int(a), int(b) + 1) for a, b in zip(firsts, lasts, strict=True))


@dataclass(frozen=True, slots=True)
class Scale:
    """Divides the values from `low` to `high` into levels, of equal differences or, if `is_log`, of equal ratios."""

    low: float
    high: float
    is_log: bool = False

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return the level of each value, 1 to `LEVELS`; 0 for nan. Values outside the scale get the nearest level."""
        import numpy as np

        known = ~np.isnan(values)
        clipped = np.clip(np.where(known, values, self.low), self.low, self.high)
        low, high = self.low, self.high
        if self.is_log:
            clipped, low, high = np.log(clipped), math.log(low), math.log(high)
        # halved, as the span between the largest floats overflows
        span = high / 2 - low / 2
        part = (clipped / 2 - low / 2) / span if span > 0 else np.full(len(values), 0.5)
        levels: NDArray[np.uint8] = np.where(known, 1 + np.rint(part * (LEVELS - 1)), 0).astype(np.uint8)
        return levels


def fit_scale(values: Iterable[NDArray[np.float64]]) -> Scale | None:
    """Return the scale from the smallest to the largest finite value; None if there is none.

    It is logarithmic for positive values over three orders of magnitude or more.
    """
    import numpy as np

    finite = [some[np.isfinite(some)] for some in values]
    ends = [(float(some.min()), float(some.max())) for some in finite if len(some)]
    if not ends:
        return None
    low, high = min(a for a, _ in ends), max(b for _, b in ends)
    return Scale(low, high, low > 0 and high / low >= _LOG_FROM)


def fits(scale: Scale | None, values: NDArray[np.float64]) -> bool:
    """Whether every finite value lies within the scale."""
    fitted = fit_scale([values])
    return fitted is None or (scale is not None and scale.low <= fitted.low and fitted.high <= scale.high)


def rank_by_status(codes: NDArray[np.uint8], code_of: Mapping[PartitionStatus, int]) -> NDArray[np.uint8]:
    """Return per partition the position in URGENCY of the most urgent of its statuses over all rows of `codes`."""
    import numpy as np

    table = np.zeros(len(code_of), np.uint8)
    for rank, status in enumerate(URGENCY):
        table[code_of[status]] = rank
    urgent: NDArray[np.uint8] = table[codes].min(axis=0)
    return urgent


def rank_by_value(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return per partition the rank of the largest of its values over all rows: the largest first, nan for none."""
    import numpy as np

    largest: NDArray[np.float64] = np.where(np.isnan(values), -np.inf, values).max(axis=0)
    return np.where(largest == -np.inf, np.nan, -largest)


@dataclass(frozen=True, slots=True)
class Selection:
    """Selected partitions: those of `assets` whose member numbers are in `ranges`, as the set was at `version`.

    `ranges` are (first, one after the last), sorted. `keys` are listed if they are few, else None; then
    `PartitionHeatmap.selected_keys` reads them. Its length is the number of partitions.
    """

    set_name: str
    version: int
    assets: tuple[str, ...]
    ranges: tuple[Range, ...]
    keys: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return sum(stop - start for start, stop in self.ranges) * len(self.assets)


@dataclass(frozen=True, slots=True)
class Dependency:
    """The asset `reader` reads the asset `input`, both by id, under a partition mapping."""

    reader: int
    input: int
    mapping: KeyMapping
