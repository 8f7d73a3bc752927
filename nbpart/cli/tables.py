"""Rows as aligned text for people and as JSON for programs."""

from __future__ import annotations

import base64
import datetime
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import UnionType
from typing import TYPE_CHECKING, Any

import click

from nbpart.cli.text import clip, display_width, printable, shorten

if TYPE_CHECKING:
    import pandas as pd

GAP = "  "
#: A column of text is not made narrower than this; rather the last columns are left out.
NARROWEST = 10
_WHOLE = ("rows", "bytes", "attempt")  # pandas has them as floats where some are absent
#: No cell is longer, however much room there is; in characters. JSON has all of it.
LONGEST_CELL = 400
_NEVER_CUT = ("run_id", "backfill_id", "status")
STATUS_STYLES: Mapping[str, Mapping[str, Any]] = {
    "materialized": {"fg": "green"},
    "succeeded": {"fg": "green"},
    "failed": {"fg": "red", "bold": True},
    "blocked": {"fg": "magenta"},
    "stale": {"fg": "yellow"},
    "interrupted": {"fg": "yellow"},
    "cancelled": {"fg": "yellow"},
    "running": {"fg": "cyan"},
    "queued": {"fg": "cyan"},
    "missing": {"dim": True},
    "planned": {"dim": True},
}


@dataclass(frozen=True)
class Table:
    """Rows of plain values under names of columns; None is absent."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Table:
        """The rows of a frame without its index."""
        columns = tuple(str(name) for name in frame.columns)
        whole = [name in _WHOLE for name in columns]
        rows = [
            tuple(
                int(plain) if is_whole and isinstance(plain, float) else plain
                for is_whole, plain in zip(whole, map(to_plain, row), strict=True)
            )
            for row in frame.itertuples(index=False, name=None)
        ]
        return cls(columns, rows)

    def to_records(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Layout:
    """A table as lines, the columns that found no room, and those with cells that no room would be enough for."""

    lines: list[str]
    left_out: list[str]
    shortened: list[str] = field(default_factory=list)


def lay_out(table: Table, width: int | None, spare: Sequence[str] = ()) -> Layout:
    """The table as aligned lines of at most `width` columns of a terminal, None for as wide as it is.

    Text is shortened where it has to be; numbers, times and ids are not. Where that is not enough columns are left
    out, first those named in `spare`, in their order, then the last ones. Statuses are coloured; whoever prints the
    lines takes the colours away where there are none.
    """
    every = [_measure(table, place) for place in range(len(table.columns))]
    columns = list(every)
    while width is not None and len(columns) > 1 and _room([c.least for c in columns]) > width:
        columns.remove(next((c for name in spare for c in columns if c.name == name), columns[-1]))
    sizes = _shrink([c.natural for c in columns], [c.least for c in columns], width)
    lines = [_line(columns, sizes, row) for row in (None, *range(len(table.rows)))]
    left_out = [column.name for column in every if column not in columns]
    return Layout(lines, left_out, [column.name for column in columns if column.is_cut])


def format_cell(column: str, value: Any) -> str:
    """A value as people read it, on one line, without anything that steers a terminal and not endless."""
    return printable(shorten(_format(column, value), LONGEST_CELL))


def _format(column: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.1f}" if column.endswith("_s") else f"{value:.6g}"
    if isinstance(value, datetime.datetime):
        local = value.astimezone() if value.tzinfo else value
        return f"{local:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def to_json(value: Any) -> str:
    """JSON with nothing in it that is not ASCII, so that it is the same everywhere and steers no terminal."""
    return json.dumps(to_plain(value), indent=2, default=_encode, allow_nan=False).replace("\x7f", "\\u007f")


def to_plain(value: Any) -> Any:
    """`value` as Python knows it: numpy's scalars and arrays unpacked; NaN, infinities and what is absent are None."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): to_plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    if isinstance(value, Decimal):
        return None if not value.is_finite() else int(value) if value == value.to_integral_value() else float(value)
    if hasattr(value, "tolist"):
        return to_plain(value.tolist())
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    return value.to_pydatetime(warn=False) if hasattr(value, "to_pydatetime") else value


def paint(text: str, status: str) -> str:
    """`text` in the colour of a status."""
    return click.style(text, **STATUS_STYLES[status]) if status in STATUS_STYLES else text


def _encode(value: Any) -> Any:
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode("ascii")
    return str(value)


@dataclass(frozen=True, eq=False)
class _Column:
    """A column with the room that it would take and the room that it needs."""

    name: str
    cells: list[str]
    is_right: bool
    natural: int
    least: int
    is_cut: bool


def _measure(table: Table, place: int) -> _Column:
    name, values = table.columns[place], [row[place] for row in table.rows]
    texts = ["" if value is None else _format(name, value) for value in values]
    cells = [printable(shorten(text, LONGEST_CELL)) for text in texts]
    is_right = _are(values, int | float)
    header = printable(name)
    natural = max(map(display_width, [header, *cells]))
    is_fixed = is_right or name in _NEVER_CUT or _are(values, datetime.date)
    least = natural if is_fixed else min(natural, max(NARROWEST, display_width(header)))
    is_cut = any(len(text) > LONGEST_CELL for text in texts)
    return _Column(header, cells, is_right, natural, least, is_cut)


def _are(values: Sequence[Any], kind: type | UnionType) -> bool:
    """Whether all values that are present are of that kind."""
    present = [value for value in values if value is not None]
    return bool(present) and all(isinstance(v, kind) and not isinstance(v, bool) for v in present)


def _room(sizes: Sequence[int]) -> int:
    return sum(sizes) + len(GAP) * (len(sizes) - 1)


def _shrink(natural: Sequence[int], least: Sequence[int], width: int | None) -> list[int]:
    """The widths of columns that fit into `width`: the widest give first."""
    sizes = list(natural)
    while width is not None and (over := _room(sizes) - width) > 0:
        can = [place for place, size in enumerate(sizes) if size > least[place]]
        if not can:
            break
        widest = max(can, key=lambda place: sizes[place])
        next_widest = max((sizes[place] for place in can if sizes[place] < sizes[widest]), default=0)
        sizes[widest] = max(least[widest], sizes[widest] - over, min(next_widest, sizes[widest] - 1))
    return sizes


def _line(columns: Sequence[_Column], sizes: Sequence[int], row: int | None) -> str:
    """One row, or the names of the columns where it is None."""
    parts = []
    for column, size in zip(columns, sizes, strict=True):
        text = clip(column.name if row is None else column.cells[row], size)
        pad = " " * (size - display_width(text))
        styled = click.style(text, bold=True) if row is None else _style(column.name, text)
        parts.append(pad + styled if column.is_right else styled + pad)
    return GAP.join(parts).rstrip()


def _style(column: str, text: str) -> str:
    if column == "status":
        return paint(text, text)
    # a column of counts, as in `nbpart status`
    return paint(text, column) if column in STATUS_STYLES and text != "0" else text
