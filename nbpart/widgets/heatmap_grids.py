"""Partitions by two axes: windows of time as a calendar, products, children under their parents, parameters. Pure.

An axis gives each member a line, by number; several members may have one cell, which then sums them up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

#: The most rows and columns of a grid. Of a longer axis several values share a line, or the grid is none.
MAX_DOWN, MAX_ACROSS = 100, 400
_DAY_S, _HOUR_S = 86_400, 3_600
#: Of a mostly empty grid little can be seen.
_SPARSE = 20


@dataclass(frozen=True, slots=True)
class Grid:
    """Partitions by two axes, named `across` and `down`, whose lines are labelled by `columns` and `rows`.

    `cells` is the cell of each member: its row times the number of columns, plus its column.
    """

    across: str
    down: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: NDArray[np.uint32]

    def count_cells(self) -> NDArray[np.uint32]:
        """How many members each cell has."""
        import numpy as np

        return np.bincount(self.cells, minlength=len(self.columns) * len(self.rows)).astype(np.uint32)


@dataclass(frozen=True, slots=True)
class Axis:
    """One side of a grid: its name, the label of each line, and the line of each member."""

    name: str
    labels: tuple[str, ...]
    lines: Numbers


def make_grid(across: Axis, down: Axis) -> Grid:
    """The grid of two axes."""
    import numpy as np

    cells = (down.lines * len(across.labels) + across.lines).astype(np.uint32)
    return Grid(across.name, down.name, across.labels, down.labels, cells)


def plan_grid(parameters: Mapping[str, Sequence[Any]]) -> Grid | None:
    """Return a grid for keys of two parameters, given by name with a value per member; the one with more values across.

    None for another number of parameters, and for a grid that would be too large or mostly empty.
    """
    if len(parameters) != 2:
        return None
    sides = sorted((_rank(name, values) for name, values in parameters.items()), key=lambda side: -len(side.labels))
    across, down = sides
    size = len(across.labels) * len(down.labels)
    if not size or not _fits(across, down) or len(across.lines) * _SPARSE < size:
        return None
    return make_grid(across, down)


def plan_calendar(starts: Numbers, local: Numbers, length_s: float) -> Grid | None:
    """Return windows of time as a calendar: a row a day, a month or a year, by how long they are and how many.

    ``starts`` are seconds since 1970 by member, ``local`` the same as the clock in their zone shows it, ``length_s`` is
    how long most windows are. Of two windows with one local time the second has a column of its own. None for windows
    of years, and for more than fit.
    """
    if not len(starts):
        return None
    for limit_s, down, across in _CALENDARS:
        if length_s >= limit_s:
            continue
        axes = across(starts, local), down(starts, local)
        if all(axes) and _fits(*axes):  # type: ignore[arg-type]
            return make_grid(*axes)  # type: ignore[arg-type]
    return None


def plan_children(parents: Numbers, labels: Callable[[Numbers], Sequence[str]], own: Axis, name: str) -> Grid | None:
    """Return children under their parents: a row a parent, a column an own part.

    ``parents`` is the place of each member's parent among all parents that have children, in their order; ``labels``
    names parents by place. Where few parents share an own part, children are numbered from 1 within their parent.
    """
    if not len(parents):
        return None
    down = bin_axis(name, int(parents.max()) + 1, parents, MAX_DOWN, labels)
    is_sparse = len(parents) * 2 < len(own.labels) * (int(parents.max()) + 1)
    if is_sparse or len(own.labels) > MAX_ACROSS:
        own = bin_axis("number", *_number_within(parents), MAX_ACROSS, lambda firsts: [str(n + 1) for n in firsts])
    return make_grid(own, down)


def bin_axis(name: str, n: int, places: Numbers, most: int, labels: Callable[[Numbers], Sequence[str]]) -> Axis:
    """The axis of ``n`` values of which each member has one, by ``places``; several a line if they are over ``most``.

    ``labels`` names values by place; a line of several is named by its first, with ``…``.
    """
    import numpy as np

    size = -(-n // most) if n else 1
    names = labels(np.arange(0, n, size))
    return Axis(name, tuple(f"{text} …" if size > 1 else text for text in names), places // size)


def choose_axes(
    sizes: Mapping[str, int], windows: Sequence[str], across: str | None, down: str | None
) -> tuple[str, str]:
    """The dimensions of a product that are drawn across and down, given how many keys each has.

    ``across`` and ``down`` are what a person chose, if the product has them; else a dimension of windows is across, and
    the largest other one down.
    """
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))
    first = [*([across] if across in sizes else []), *(name for name in largest if name in windows), *largest]
    one = next(str(name) for name in first if name == across or name != down)
    rest = [*([down] if down in sizes else []), *largest]
    return one, next(str(name) for name in rest if name != one)


def _fits(across: Axis, down: Axis) -> bool:
    return len(across.labels) <= MAX_ACROSS and len(down.labels) <= MAX_DOWN


def _number_within(groups: Numbers) -> tuple[int, Numbers]:
    """The number of each item within its group, from 0, and one more than the largest."""
    import numpy as np

    order = np.argsort(groups, kind="stable")
    ranked = groups[order]
    numbers = np.empty(len(groups), np.int64)
    numbers[order] = np.arange(len(groups)) - np.searchsorted(ranked, ranked)
    return int(numbers.max()) + 1, numbers


def _rank(name: str, values: Sequence[Any]) -> Axis:
    """The different values in order, as text, and for each value its place among them; None comes last."""
    import numpy as np

    once = sorted({value for value in values if value is not None})
    numbers = {value: n for n, value in enumerate(once)} | {None: len(once)}
    texts = [_spell(value) for value in once] + (["none"] if any(value is None for value in values) else [])
    return Axis(name, tuple(texts), np.array([numbers[value] for value in values], np.int64))


def _spell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# calendars: each side of one is computed from the starts of windows and their local times


def _along(name: str, values: Numbers, most: int, label: Callable[[int], str]) -> Axis | None:
    """An axis of whole numbers without gaps; None where it would have more than ``most`` lines."""
    first, last = int(values.min()), int(values.max())
    if last - first >= most:
        return None
    return Axis(name, tuple(label(value) for value in range(first, last + 1)), values - first)


def _days(starts: Numbers, local: Numbers) -> Axis | None:
    return _along("day", local // _DAY_S, MAX_DOWN, lambda day: str(_date(day, "D")))


def _months(starts: Numbers, local: Numbers) -> Axis | None:
    months = (local // _DAY_S).astype("M8[D]").astype("M8[M]").astype("i8")
    return _along("month", months, MAX_DOWN, lambda month: str(_date(month, "M")))


def _years(starts: Numbers, local: Numbers) -> Axis | None:
    years = (local // _DAY_S).astype("M8[D]").astype("M8[Y]").astype("i8")
    return _along("year", years, MAX_DOWN, lambda year: str(_date(year, "Y")))


def _week_years(starts: Numbers, local: Numbers) -> Axis | None:
    """The years that ISO weeks belong to: those of their Thursdays."""
    return _along("year", _thursdays(local).astype("M8[Y]").astype("i8"), MAX_DOWN, lambda year: str(_date(year, "Y")))


def _times(starts: Numbers, local: Numbers) -> Axis | None:
    """The times of the day, each of two equal ones of a day in a column of its own."""
    import numpy as np

    order = np.lexsort((starts, local))
    is_second = np.zeros(len(local), bool)
    is_second[order[1:]] = local[order[1:]] == local[order[:-1]]
    once, first, lines = np.unique(local % _DAY_S * 2 + is_second, return_index=True, return_inverse=True)
    if len(once) > MAX_ACROSS:
        return None
    offsets = (local - starts)[first]
    labels = tuple(_time(int(a) // 2, int(o) if a % 2 else None) for a, o in zip(once, offsets, strict=True))
    return Axis("time", labels, lines.astype(np.int64))


def _hours(starts: Numbers, local: Numbers) -> Axis | None:
    return _along("hour", local % _DAY_S // _HOUR_S, MAX_ACROSS, lambda hour: f"{hour:02d}")


def _days_of_month(starts: Numbers, local: Numbers) -> Axis | None:
    days = (local // _DAY_S).astype("M8[D]")
    return _along("day", (days - days.astype("M8[M]").astype("M8[D]")).astype("i8") + 1, MAX_ACROSS, str)


def _weeks(starts: Numbers, local: Numbers) -> Axis | None:
    thursdays = _thursdays(local)
    weeks = (thursdays - thursdays.astype("M8[Y]").astype("M8[D]")).astype("i8") // 7 + 1
    return _along("week", weeks, MAX_ACROSS, lambda week: f"W{week:02d}")


def _months_of_year(starts: Numbers, local: Numbers) -> Axis | None:
    months = (local // _DAY_S).astype("M8[D]").astype("M8[M]").astype("i8") % 12 + 1
    return _along("month", months, MAX_ACROSS, lambda month: f"{month:02d}")


def _thursdays(local: Numbers) -> NDArray[np.datetime64]:
    """The Thursday of the ISO week of each local time; 1970 began on one."""
    days = local // _DAY_S
    thursdays: NDArray[np.datetime64] = (days - (days + 3) % 7 + 3).astype("M8[D]")
    return thursdays


def _date(number: int, unit: str) -> np.datetime64:
    import numpy as np

    return np.datetime64(number, unit)  # type: ignore[call-overload,no-any-return]


def _time(second: int, offset_s: int | None) -> str:
    text = f"{second // _HOUR_S:02d}:{second % _HOUR_S // 60:02d}"
    if offset_s is None:
        return text
    minutes = abs(offset_s) // 60
    return f"{text}{'-' if offset_s < 0 else '+'}{minutes // 60:02d}{minutes % 60:02d}"


_Side = Callable[["Numbers", "Numbers"], "Axis | None"]
#: (windows shorter than so many seconds, rows, columns): the first of these that fits is drawn.
_CALENDARS: tuple[tuple[float, _Side, _Side], ...] = (
    (20 * _HOUR_S, _days, _times),
    (20 * _HOUR_S, _days, _hours),
    (5 * _DAY_S, _months, _days_of_month),
    (27 * _DAY_S, _week_years, _weeks),
    (300 * _DAY_S, _years, _months_of_year),
)
