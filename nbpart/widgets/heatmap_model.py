"""What a heatmap is made of, as arrays and frozen records; pure.

Three numbers say where a partition is. Its key id never changes. Its *member* number is its place among the keys of its
set, in the order in which they were added, and holds for one version of the set. Its *place* is where it stands on the
screen, after filter and order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nbpart.states import URGENCY, PartitionStatus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Layout = Literal["line", "grid", "cell"]
Range: TypeAlias = tuple[int, int]

#: A grid with more rows or columns than these could not be read: it is drawn as a line.
MAX_DOWN, MAX_ACROSS = 100, 1_000
#: Values are drawn in this many steps; 0 is no value.
STEPS = 255
_LOG_FROM = 1_000.0


class Members:
    """The keys of a set by id, in member order, and the way from an id to its member number."""

    def __init__(self, key_ids: NDArray[np.int64]) -> None:
        import numpy as np

        self.key_ids = key_ids
        self._first = int(key_ids[0]) if len(key_ids) else 0
        self._is_run = bool(len(key_ids)) and bool((np.diff(key_ids) == 1).all())
        self._order = None if self._is_run else np.argsort(key_ids, kind="stable")

    def __len__(self) -> int:
        return len(self.key_ids)

    def find(self, key_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The member number of each id; -1 for one that is not a member."""
        import numpy as np

        n = len(self.key_ids)
        if self._order is None:
            numbers = key_ids - self._first
            return np.where((numbers >= 0) & (numbers < n), numbers, -1)
        if not n:
            return np.full(len(key_ids), -1, np.int64)
        at = np.searchsorted(self.key_ids, key_ids, sorter=self._order)
        numbers = self._order[np.minimum(at, n - 1)]
        return np.where(self.key_ids[numbers] == key_ids, numbers, -1)

    def fill(self, key_ids: NDArray[np.int64], values: NDArray[Any], empty: float) -> NDArray[Any]:
        """An array with a value a member: that of its id, or `empty`. What is no member is left out."""
        import numpy as np

        filled = np.full(len(self.key_ids), empty, values.dtype)
        numbers = self.find(key_ids)
        inside = numbers >= 0
        filled[numbers[inside]] = values[inside]
        return filled


class Places:
    """Which members are shown, and in which order; `members` None shows all of `n` in theirs."""

    def __init__(self, n: int, members: NDArray[np.int64] | None = None) -> None:
        import numpy as np

        self.members = members
        self.n = n if members is None else len(members)
        self._place = None
        if members is not None:
            self._place = np.full(n, -1, np.int64)
            self._place[members] = np.arange(len(members))

    def take(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values by member as values by place."""
        return values if self.members is None else values[self.members]

    def find(self, members: NDArray[np.int64]) -> NDArray[np.int64]:
        """The place of each member number; -1 for one that is not shown or not there."""
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
    """Show the members that `keep` marks, by `rank` (equal ones in member order, nan last)."""
    import numpy as np

    if keep is None and rank is None:
        return Places(n)
    if rank is None:
        return Places(n, np.flatnonzero(keep) if keep is not None else None)
    order = np.argsort(rank, kind="stable")
    return Places(n, order if keep is None else order[keep[order]])


def to_ranges(numbers: NDArray[np.int64]) -> tuple[Range, ...]:
    """Whole numbers as sorted ranges (first, one after the last), each as long as can be."""
    import numpy as np

    if not len(numbers):
        return ()
    once = np.unique(numbers)
    cuts = np.flatnonzero(np.diff(once) > 1) + 1
    firsts, lasts = once[np.r_[0, cuts]], once[np.r_[cuts - 1, len(once) - 1]]
    return tuple((int(a), int(b) + 1) for a, b in zip(firsts, lasts, strict=True))


@dataclass(frozen=True, slots=True)
class Scale:
    """From `low` to `high`, in equal steps or, where `is_log`, in equal ratios."""

    low: float
    high: float
    is_log: bool = False

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Each value as a step from 1 to `STEPS`; 0 for nan. What is outside of the scale is put at its end."""
        import numpy as np

        known = ~np.isnan(values)
        clipped = np.clip(np.where(known, values, self.low), self.low, self.high)
        low, high = self.low, self.high
        if self.is_log:
            clipped, low, high = np.log(clipped), math.log(low), math.log(high)
        # halved: the span of the largest floats is no float
        span = high / 2 - low / 2
        part = (clipped / 2 - low / 2) / span if span > 0 else np.full(len(values), 0.5)
        steps: NDArray[np.uint8] = np.where(known, 1 + np.rint(part * (STEPS - 1)), 0).astype(np.uint8)
        return steps


def fit_scale(values: Iterable[NDArray[np.float64]]) -> Scale | None:
    """The scale that holds all finite values; None where there are none."""
    import numpy as np

    finite = [some[np.isfinite(some)] for some in values]
    ends = [(float(some.min()), float(some.max())) for some in finite if len(some)]
    if not ends:
        return None
    low, high = min(a for a, _ in ends), max(b for _, b in ends)
    return Scale(low, high, low > 0 and high / low >= _LOG_FROM)


def holds(scale: Scale | None, values: NDArray[np.float64]) -> bool:
    """Whether the scale has a place for each of the values that are finite."""
    fitted = fit_scale([values])
    return fitted is None or (scale is not None and scale.low <= fitted.low and fitted.high <= scale.high)


@dataclass(frozen=True, slots=True)
class Grid:
    """Partitions by two parameters: the first across, the second down; `cells` has the cell of each member.

    A cell is its row times the number of columns, plus its column.
    """

    across: str
    down: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: NDArray[np.uint32]


def plan_grid(parameters: Mapping[str, Sequence[Any]]) -> Grid | None:
    """A grid for keys of two parameters, the one with more values across; None where it could not be read as one."""
    import numpy as np

    if len(parameters) != 2:
        return None
    sides = sorted(((name, *_rank(values)) for name, values in parameters.items()), key=lambda side: -len(side[1]))
    (across, columns, column), (down, rows, row) = sides
    # a line says more than a diagonal
    is_sparse = len(column) * 20 < len(columns) * len(rows)
    if not columns or len(columns) > MAX_ACROSS or len(rows) > MAX_DOWN or is_sparse:
        return None
    return Grid(across, down, columns, rows, (row * len(columns) + column).astype(np.uint32))


def _rank(values: Sequence[Any]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The different values in order, as text, and the number of each value among them; None is the last."""
    import numpy as np

    once = sorted({value for value in values if value is not None})
    numbers = {value: n for n, value in enumerate(once)} | {None: len(once)}
    texts = [_spell(value) for value in once] + (["none"] if any(value is None for value in values) else [])
    return tuple(texts), np.array([numbers[value] for value in values], np.int64)


def _spell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def rank_by_status(codes: NDArray[np.uint8], code_of: Mapping[PartitionStatus, int]) -> NDArray[np.uint8]:
    """The most urgent status of each partition over the rows of `codes`, as a rank."""
    import numpy as np

    table = np.zeros(len(code_of), np.uint8)
    for rank, status in enumerate(URGENCY):
        table[code_of[status]] = rank
    urgent: NDArray[np.uint8] = table[codes].min(axis=0)
    return urgent


def rank_by_value(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest value of each partition over the rows comes first; those without any come last."""
    import numpy as np

    largest: NDArray[np.float64] = np.where(np.isnan(values), -np.inf, values).max(axis=0)
    return np.where(largest == -np.inf, np.nan, -largest)


@dataclass(frozen=True, slots=True)
class Selection:
    """Chosen partitions: those of `assets` whose member numbers are in `ranges`, as the set was at `version`.

    `ranges` are (first, one after the last) in member order. `keys` are named where they are few, else None:
    `PartitionHeatmap.selected_keys` reads them.
    """

    set_name: str
    version: int
    assets: tuple[str, ...]
    ranges: tuple[Range, ...]
    keys: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return sum(stop - start for start, stop in self.ranges) * len(self.assets)


@dataclass(frozen=True, slots=True)
class Link:
    """`reader` reads `read` in the way of `mapping`: rows of a heatmap by asset id."""

    reader: int
    read: int
    mapping: str


@dataclass(frozen=True, slots=True)
class Highlight:
    """Partitions of an asset that stand in a relation to what is selected; `ranges` None is all of them."""

    asset_id: int
    role: Literal["read", "reader"]
    ranges: tuple[Range, ...] | None


def plan_highlights(asset_ids: Iterable[int], ranges: tuple[Range, ...], links: Iterable[Link]) -> list[Highlight]:
    """What the selected partitions read themselves, and what reads them itself."""
    chosen = set(asset_ids)
    found: dict[tuple[int, str], Highlight] = {}
    for link in links:
        part = ranges if link.mapping == "same" else None
        if link.reader in chosen and link.read not in chosen:
            found.setdefault((link.read, "read"), Highlight(link.read, "read", part))
        if link.read in chosen and link.reader not in chosen:
            found.setdefault((link.reader, "reader"), Highlight(link.reader, "reader", part))
    return list(found.values())
