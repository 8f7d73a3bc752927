"""One row of a heatmap drawn by two axes, as SVG without scripts, with labels. Every text is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nbpart.states import COLUMN_ORDER, STATUS_CODES, PartitionStatus
from nbpart.widgets.heatmap_grids import Grid
from nbpart.widgets.palette import MARKS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Of more cells the statuses along all partitions are drawn instead.
MAX_CELLS = 10_000
_LABEL_WIDTH, _LINE = 110, 14
#: At the right, for the last label.
_MARGIN = 60
_WIDTH, _HEIGHT = 640, 300
_CELL_MOST, _CELL_LEAST = (28, 16), (2, 3)
_CHAR_WIDTH = 6.2
_GLYPH_SIZE = (10, 10)


def draw_grid(grid: Grid, codes: NDArray[np.uint8], label: str) -> str:
    """Draw the statuses of partitions in the cells of a grid, ``codes`` by member; a screen reader says ``label``."""
    across, down = len(grid.columns), len(grid.rows)
    width = max(_CELL_LEAST[0], min(_CELL_MOST[0], _WIDTH // across))
    height = max(_CELL_LEAST[1], min(_CELL_MOST[1], _HEIGHT // down))
    paths, glyphs = _draw_cells(_count_by_cell(grid, codes), across, width, height)
    drawn = "".join(f'<path class="s-{status}" d="{path}"/>' for status, path in paths.items() if path)
    whole = _LABEL_WIDTH + across * width + _MARGIN
    box = f"0 0 {whole} {down * height + _LINE}"
    texts = _label_rows(grid, height) + _label_columns(grid, width, down * height)
    return (
        f'<svg class="grid" viewBox="{box}" style="max-width:{whole}px" role="img"'
        f' aria-label="{escape(label)}">{drawn}{glyphs}{texts}</svg>'
    )


def _count_by_cell(grid: Grid, codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many partitions of each cell have each status, by code."""
    import numpy as np

    n = len(grid.columns) * len(grid.rows)
    numbers = grid.cells.astype(np.int64) * len(STATUS_CODES) + codes
    return np.bincount(numbers, minlength=n * len(STATUS_CODES)).reshape(n, len(STATUS_CODES))


def _draw_cells(
    counts: NDArray[np.int64], across: int, width: int, height: int
) -> tuple[dict[PartitionStatus, str], str]:
    """The path of each status, a cell being a stack of what its partitions have, and the glyphs where some failed."""
    paths: dict[PartitionStatus, str] = dict.fromkeys(COLUMN_ORDER, "")
    glyphs = ""
    gap = 1 if width > 3 and height > 3 else 0
    failed = STATUS_CODES[PartitionStatus.FAILED]
    for cell, row in enumerate(counts.tolist()):
        total, top = sum(row), cell // across * height
        x = _LABEL_WIDTH + cell % across * width
        done = 0
        for status in COLUMN_ORDER if total else ():
            if n := row[STATUS_CODES[status]]:
                y, done = (height - gap) * done / total, done + n
                size = (height - gap) * n / total
                paths[status] += f"M{x} {top + y:.4g}h{width - gap}v{size:.4g}h{gap - width}z"
        if row[failed] and width >= _GLYPH_SIZE[0] and height >= _GLYPH_SIZE[1]:
            glyph = MARKS[PartitionStatus.FAILED].glyph
            glyphs += f'<text class="mark" x="{x + width / 2:g}" y="{top + height / 2 + 3.5:g}">{glyph}</text>'
    return paths, glyphs


def _label_rows(grid: Grid, height: int) -> str:
    every = -(-11 // height)
    shown = [(row, escape(_shorten(text, 16))) for row, text in enumerate(grid.rows) if row % every == 0]
    x = _LABEL_WIDTH - 6
    return "".join(f'<text class="end" x="{x}" y="{(row + 0.5) * height + 3.5:g}">{text}</text>' for row, text in shown)


def _label_columns(grid: Grid, width: int, top: int) -> str:
    widest = min(12, max(map(len, grid.columns)))
    every = max(1, -(-int(widest * _CHAR_WIDTH + 6) // width))
    axes = f'<text class="end" x="{_LABEL_WIDTH - 6}" y="{top + 11}">{escape(_shorten(_name_axes(grid), 18))}</text>'
    return axes + "".join(
        f'<text x="{_LABEL_WIDTH + column * width}" y="{top + 11}">{escape(_shorten(text, 12))}</text>'
        for column, text in enumerate(grid.columns)
        if column % every == 0
    )


def _name_axes(grid: Grid) -> str:
    return f"{grid.across} \N{RIGHTWARDS ARROW} {grid.down} \N{DOWNWARDS ARROW}"


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
