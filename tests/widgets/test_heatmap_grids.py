"""Grids of windows, products, children and parameters: which cell each partition has, and what lines are called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import nbpart
from nbpart.widgets.heatmap_bands import Band, ViewOptions
from nbpart.widgets.heatmap_grids import (
    MAX_ACROSS,
    MAX_DOWN,
    Axis,
    Grid,
    bin_axis,
    choose_axes,
    plan_calendar,
    plan_children,
    plan_grid,
)
from nbpart.widgets.heatmap_state import HeatmapState

NEW_YORK = ZoneInfo("America/New_York")


def calendar(instants: Sequence[datetime], length: timedelta) -> Grid | None:
    starts = np.array([int(at.timestamp()) for at in instants], np.int64)
    local = np.array([int(at.timestamp() + at.utcoffset().total_seconds()) for at in instants], np.int64)  # type: ignore[union-attr]
    return plan_calendar(starts, local, length.total_seconds())


def steps(start: str, n: int, step: timedelta, zone: str = "UTC") -> list[datetime]:
    first = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))
    return [(first + step * i).astimezone(ZoneInfo(zone)) for i in range(n)]


def where(grid: Grid | None, member: int) -> tuple[str, str]:
    """The labels of the row and the column in which a member stands."""
    assert grid is not None
    row, column = divmod(int(grid.cells[member]), len(grid.columns))
    return grid.rows[row], grid.columns[column]


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_hours_have_a_row_a_day_and_the_second_of_two_equal_ones_a_column_of_its_own() -> None:
    hours = steps("2013-11-02", 24 + 25 + 24, HOUR, "America/New_York")
    grid = calendar(hours, HOUR)
    assert grid is not None
    assert (grid.across, grid.down) == ("time", "day")
    assert grid.rows == ("2013-11-02", "2013-11-03", "2013-11-04")
    assert grid.columns[:4] == ("00:00", "01:00", "01:00-0500", "02:00")
    assert [where(grid, 24 + n)[1] for n in (1, 2, 3)] == ["01:00", "01:00-0500", "02:00"]
    counts = grid.count_cells().reshape(3, 25)
    assert counts.sum(axis=1).tolist() == [24, 25, 24]
    assert counts.max() == 1


def test_the_hour_that_a_day_lacks_is_an_empty_cell() -> None:
    grid = calendar(steps("2013-03-09", 24 + 23, HOUR, "America/New_York"), HOUR)
    assert grid is not None
    counts = grid.count_cells().reshape(2, 24)
    assert counts[1].tolist() == [1, 1, 0, *[1] * 21]


@pytest.mark.parametrize(
    ("start", "n", "step", "axes", "first", "last"),
    [
        ("2013-01-30", 40, DAY, ("month", "day"), ("2013-01", "30"), ("2013-03", "10")),
        ("2012-12-31", 60, 7 * DAY, ("year", "week"), ("2013", "W01"), ("2014", "W08")),
        ("2013-01-01", 3, timedelta(minutes=15), ("day", "time"), ("2013-01-01", "00:00"), ("2013-01-01", "00:30")),
        ("2013-01-01", 2_000, HOUR, ("day", "time"), ("2013-01-01", "00:00"), ("2013-03-25", "07:00")),
        ("2013-01-01", 9_000, HOUR, ("month", "day"), ("2013-01", "1"), ("2014-01", "10")),
        ("2013-01-01", 3_653, DAY, ("year", "week"), ("2013", "W01"), ("2022", "W52")),
        ("1950-01-01", 40_000, HOUR, ("month", "day"), ("1950-01", "1"), ("1954-07", "25")),
    ],
)
def test_a_calendar_is_chosen_by_how_long_windows_are_and_how_many(
    start: str, n: int, step: timedelta, axes: tuple[str, str], first: tuple[str, str], last: tuple[str, str]
) -> None:
    grid = calendar(steps(start, n, step), step)
    assert grid is not None
    assert (grid.down, grid.across) == axes
    assert (where(grid, 0), where(grid, n - 1)) == (first, last)
    assert int(grid.count_cells().sum()) == n
    assert len(grid.rows) <= MAX_DOWN
    assert len(grid.columns) <= MAX_ACROSS


def test_months_have_a_row_a_year_and_years_no_calendar() -> None:
    months = [datetime(2013 + m // 12, m % 12 + 1, 1, tzinfo=NEW_YORK) for m in range(30)]
    grid = calendar(months, 30 * DAY)
    assert where(grid, 0) == ("2013", "01")
    assert where(grid, 29) == ("2015", "06")
    assert calendar([datetime(2013 + y, 1, 1, tzinfo=NEW_YORK) for y in range(9)], 365 * DAY) is None
    assert calendar([], HOUR) is None


def test_a_long_axis_has_several_values_a_line() -> None:
    axis = bin_axis("n", 1_000, np.array([0, 9, 10, 999]), 100, lambda places: [str(p) for p in places])
    assert axis.lines.tolist() == [0, 0, 1, 99]
    assert (axis.labels[:2], len(axis.labels)) == (("0 …", "10 …"), 100)
    assert bin_axis("n", 2, np.array([1]), 100, lambda places: [str(p) for p in places]).labels == ("0", "1")


@pytest.mark.parametrize(
    ("chosen", "axes"),
    [
        ((None, None), ("day", "origin")),
        (("fold", None), ("fold", "origin")),
        ((None, "day"), ("origin", "day")),
        (("origin", "fold"), ("origin", "fold")),
        (("day", "day"), ("day", "origin")),
        (("nope", "fold"), ("day", "fold")),
    ],
)
def test_the_sides_of_a_product(chosen: tuple[str | None, str | None], axes: tuple[str, str]) -> None:
    assert choose_axes({"day": 9, "fold": 5, "origin": 300}, ["day"], *chosen) == axes


def test_children_stand_under_their_parents_by_their_own_part_or_by_number() -> None:
    parents = np.array([0, 0, 1, 1])
    shared = plan_children(
        parents, lambda p: [f"p{n}" for n in p], Axis("part", ("a", "b"), np.array([0, 1, 0, 1])), "file"
    )
    assert shared is not None
    assert (shared.down, shared.rows, shared.columns, shared.cells.tolist()) == (
        "file",
        ("p0", "p1"),
        ("a", "b"),
        [0, 1, 2, 3],
    )
    names = tuple("abcdefghij")
    alone = plan_children(np.arange(10), lambda p: [f"p{n}" for n in p], Axis("part", names, np.arange(10)), "file")
    assert alone is not None
    assert (alone.across, alone.columns, alone.cells.tolist()) == ("number", ("1",), list(range(10)))


@pytest.fixture
def ws(tmp_path: Path) -> Any:
    with nbpart.open(tmp_path / "workspace") as ws:
        yield ws


def draw(ws: nbpart.Workspace, options: ViewOptions | None = None) -> Band:
    """The only band of the workspace's heatmap."""
    [band] = HeatmapState(ws.project.catalog, options=options).bands
    return band


def cells_of(band: Band) -> dict[tuple[str, str], int]:
    """How many partitions each cell has, by the labels of its row and column; empty cells are left out."""
    assert band.grid is not None
    counts, width = band.grid.count_cells(), len(band.grid.columns)
    return {
        (band.grid.rows[n // width], band.grid.columns[n % width]): int(count)
        for n, count in enumerate(counts)
        if count
    }


def use(ws: nbpart.Workspace, definition: Any) -> None:
    @ws.asset(partitions=definition)
    def one(partition_key: str) -> str:
        return partition_key


def test_a_set_of_hours_is_drawn_as_a_calendar_in_its_zone(ws: nbpart.Workspace) -> None:
    use(ws, nbpart.HourlyPartitions("hours", start="2013-11-03", end="2013-11-04", timezone="America/New_York"))
    band = draw(ws)
    assert band.layout == "grid"
    assert len(cells_of(band)) == 25
    assert cells_of(band)["2013-11-03", "01:00-0500"] == 1


def test_a_product_is_drawn_by_its_window_and_its_largest_dimension(ws: nbpart.Workspace) -> None:
    days = nbpart.DailyPartitions("days", start="2013-01-01", end="2013-01-03")
    folds, origins = nbpart.StaticPartitions(["f"]), ws.dynamic_partitions("origins")
    origins.add("<b>Midway</b>", "EWR")
    use(ws, nbpart.MultiPartitions({"day": days, "fold": folds, "origin": origins}))
    band = draw(ws)
    assert band.grid is not None
    assert (band.grid.across, band.grid.down) == ("day", "origin")
    assert set(cells_of(band)) == {(o, d) for o in ("<b>Midway</b>", "EWR") for d in ("2013-01-01", "2013-01-02")}
    other = draw(ws, ViewOptions(across="origin", down="fold"))
    assert cells_of(other) == {("f", "<b>Midway</b>"): 2, ("f", "EWR"): 2}
    assert draw(ws, ViewOptions(text="EWR")).layout == "line"


def test_the_partitions_of_a_cell_stand_together(ws: nbpart.Workspace) -> None:
    many = {
        name: nbpart.StaticPartitions([f"{name}{n}" for n in range(size)])
        for name, size in zip("abc", (4, 3, 5), strict=True)
    }
    use(ws, nbpart.MultiPartitions(many))
    band = draw(ws)
    assert band.grid is not None
    by_place = band.places.take(band.grid.cells)
    assert (np.diff(by_place.astype(int)) >= 0).all()
    assert np.bincount(by_place).tolist() == [3] * 20


def test_children_are_drawn_under_their_parents(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add("a/b", "none", "c")
    chunks = ws.dynamic_partitions("chunks", under={"file": files}, params={"n": int})
    chunks.add({"file": "c", "n": 10}, {"file": "c", "n": 9}, {"file": "a/b", "n": 9})
    use(ws, chunks)
    assert cells_of(draw(ws)) == {("a/b", "n=9"): 1, ("c", "n=10"): 1, ("c", "n=9"): 1}
    parts = ws.dynamic_partitions("parts", under={"chunk": chunks})
    parts.add({"chunk": {"file": "c", "n": 9}, "parts": "x"})
    use(ws, parts)
    [label, own] = next(iter(cells_of(draw(ws))))
    assert own == "x"
    assert label.startswith("c/")


def test_the_static_form_has_the_labels_of_both_sides_escaped(ws: nbpart.Workspace) -> None:
    days = nbpart.DailyPartitions("days", start="2013-01-01", end="2013-01-03")
    origins = ws.dynamic_partitions("origins")
    origins.add("<b>Midway</b>", "EWR")
    use(ws, nbpart.MultiPartitions({"day": days, "origin": origins}))
    html = ws.heatmap().static_html()
    assert "&lt;b&gt;Midway&lt;/b&gt;</text>" in html
    assert "<b>Midway" not in html
    assert ">2013-01-01</text>" in html
    assert 'aria-label="○ 4 missing"' in html


def test_a_set_without_keys_says_where_they_come_from(ws: nbpart.Workspace) -> None:
    use(ws, nbpart.DailyPartitions("days", start="2999-01-01", timezone="America/New_York"))
    heat = ws.heatmap()
    line = "Windows of time in America/New_York from 2999-01-01 00:00: each comes when it has ended."
    assert line in heat.static_html()
    assert heat.state()["head"]["bands"][0]["origin"] == line


def test_a_set_without_keys_is_no_grid(ws: nbpart.Workspace) -> None:
    use(ws, nbpart.DailyPartitions("days", start="2999-01-01"))
    band = draw(ws)
    assert band.layout == "line"
    assert band.places.n == 0


def test_two_parameters_make_a_grid_with_the_longer_one_across() -> None:
    grid = plan_grid({"depth": [3, 3, 5], "lr": [0.1, 0.01, 0.3]})
    assert isinstance(grid, Grid)
    assert (grid.across, grid.columns) == ("lr", ("0.01", "0.1", "0.3"))
    assert (grid.down, grid.rows) == ("depth", ("3", "5"))
    assert grid.cells.tolist() == [1, 0, 5]


def test_none_and_booleans_are_spelled_and_none_comes_last() -> None:
    grid = plan_grid({"a": [None, 2, 1], "b": [True, False, True]})
    assert grid is not None
    assert (grid.columns, grid.rows) == (("1", "2", "none"), ("false", "true"))
    assert grid.cells.tolist() == [5, 1, 3]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"a": [1, 2]},
        {"a": [1], "b": [1], "c": [1]},
        {"a": list(range(2000)), "b": [0] * 2000},
        {"a": list(range(90)), "b": list(range(90))},
    ],
)
def test_what_could_not_be_read_as_a_grid_is_none(parameters: dict[str, list[int]]) -> None:
    assert plan_grid(parameters) is None
