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
from nbpart.states import PartitionStatus, StepStatus

if TYPE_CHECKING:
    import pandas as pd

GAP = "  "
#: A column of text is not made narrower than this; columns are left out before.
MIN_TEXT_WIDTH = 10
_INTEGER_COLUMNS = ("rows", "bytes", "attempt")  # pandas has them as floats where some are absent
#: A longer cell is cut, however wide the terminal is; JSON has all of it.
MAX_CELL_CHARS = 400
_NEVER_CUT = ("run_id", "backfill_id", "status")
STATUS_STYLES: Mapping[str, Mapping[str, Any]] = {
    PartitionStatus.MATERIALIZED: {"fg": "green"},
    StepStatus.SUCCEEDED: {"fg": "green"},
    StepStatus.SKIPPED: {"fg": "green", "dim": True},
    StepStatus.FAILED: {"fg": "red", "bold": True},
    StepStatus.BLOCKED: {"fg": "magenta"},
    PartitionStatus.STALE: {"fg": "yellow"},
    StepStatus.INTERRUPTED: {"fg": "yellow"},
    StepStatus.CANCELLED: {"fg": "yellow"},
    StepStatus.RUNNING: {"fg": "cyan"},
    StepStatus.QUEUED: {"fg": "cyan"},
    PartitionStatus.MISSING: {"dim": True},
    StepStatus.PLANNED: {"dim": True},
}


@dataclass(frozen=True)
class Table:
    """Rows of plain Python values under column names; None is a missing value."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Table:
        """The rows of a frame without its index."""
        columns = tuple(str(name) for name in frame.columns)
        whole = [name in _INTEGER_COLUMNS for name in columns]
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
    """A table as lines of text, with the columns that were left out and those with cells cut at `MAX_CELL_CHARS`."""

    lines: list[str]
    left_out: list[str]
    shortened: list[str] = field(default_factory=list)


def lay_out(table: Table, width: int | None, droppable: Sequence[str] = ()) -> Layout:
    """The table as aligned lines of at most ``width`` terminal columns, None for any width.

    Texts are shortened to fit; numbers, times and ids are not. Where that is not enough columns are left out, first
    those named in ``droppable``, in that order, then the last ones. Statuses are coloured by escape sequences, which
    `click.echo` strips where they are not wanted.
    """
    every = [_measure(table, index) for index in range(len(table.columns))]
    columns = list(every)
    while width is not None and len(columns) > 1 and _total_width([c.least for c in columns]) > width:
        columns.remove(next((c for name in droppable for c in columns if c.name == name), columns[-1]))
    sizes = _shrink([c.natural for c in columns], [c.least for c in columns], width)
    lines = [_format_row(columns, sizes, row) for row in (None, *range(len(table.rows)))]
    left_out = [column.name for column in every if column not in columns]
    return Layout(lines, left_out, [column.name for column in columns if column.is_cut])


def format_cell(column: str, value: Any) -> str:
    """A value as text for people, on one line, cut at `MAX_CELL_CHARS` and with control characters escaped."""
    return printable(shorten(_format(column, value), MAX_CELL_CHARS))


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
    """JSON in printable ASCII only, so that it is the same everywhere and controls no terminal."""
    return json.dumps(to_plain(value), indent=2, default=_encode, allow_nan=False).replace("\x7f", "\\u007f")


def to_plain(value: Any) -> Any:
    """``value`` as builtin types: numpy scalars and arrays converted; NaN, infinities and missing values are None."""
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


def colour_status(status: str, text: str | None = None) -> str:
    """A status, or the text given for it, in the colour of the status."""
    text = status if text is None else text
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
    """A column as text: its width in full and the least width it can be shortened to, in terminal columns."""

    name: str
    cells: list[str]
    is_right: bool
    natural: int
    least: int
    is_cut: bool


def _measure(table: Table, index: int) -> _Column:
    name, values = table.columns[index], [row[index] for row in table.rows]
    texts = ["" if value is None else _format(name, value) for value in values]
    cells = [printable(shorten(text, MAX_CELL_CHARS)) for text in texts]
    is_right = _are_all(values, int | float)
    header = printable(name)
    natural = max(map(display_width, [header, *cells]))
    is_fixed = is_right or name in _NEVER_CUT or _are_all(values, datetime.date)
    least = natural if is_fixed else min(natural, max(MIN_TEXT_WIDTH, display_width(header)))
    is_cut = any(len(text) > MAX_CELL_CHARS for text in texts)
    return _Column(header, cells, is_right, natural, least, is_cut)


def _are_all(values: Sequence[Any], kind: type | UnionType) -> bool:
    """Whether there are values that are not None, and all of these are of that kind."""
    present = [value for value in values if value is not None]
    return bool(present) and all(isinstance(v, kind) and not isinstance(v, bool) for v in present)


def _total_width(sizes: Sequence[int]) -> int:
    return sum(sizes) + len(GAP) * (len(sizes) - 1)


def _shrink(natural: Sequence[int], least: Sequence[int], width: int | None) -> list[int]:
    """The widths of columns so that they fit into ``width``: the widest are shortened first."""
    sizes = list(natural)
    while width is not None and (over := _total_width(sizes) - width) > 0:
        shrinkable = [index for index, size in enumerate(sizes) if size > least[index]]
        if not shrinkable:
            break
        widest = max(shrinkable, key=lambda index: sizes[index])
        next_widest = max((sizes[index] for index in shrinkable if sizes[index] < sizes[widest]), default=0)
        sizes[widest] = max(least[widest], sizes[widest] - over, min(next_widest, sizes[widest] - 1))
    return sizes


def _format_row(columns: Sequence[_Column], sizes: Sequence[int], row: int | None) -> str:
    """One row, or the names of the columns where it is None."""
    parts = []
    for column, size in zip(columns, sizes, strict=True):
        text = clip(column.name if row is None else column.cells[row], size)
        pad = " " * (size - display_width(text))
        styled = click.style(text, bold=True) if row is None else _colour_cell(column.name, text)
        parts.append(pad + styled if column.is_right else styled + pad)
    return GAP.join(parts).rstrip()


def _colour_cell(column: str, text: str) -> str:
    if column == "status":
        return colour_status(text)
    # a column of counts, as in `nbpart status`
    return colour_status(column, text) if column in STATUS_STYLES and text != "0" else text
