"""Rows as aligned text for people and as JSON for programs."""

from __future__ import annotations

import base64
import datetime
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from nbpart.cli.text import clip, display_width, printable

if TYPE_CHECKING:
    import pandas as pd

GAP = "  "
#: A column of text is not made narrower than this; rather the last columns are left out.
NARROWEST = 10
_WHOLE = ("rows", "bytes", "attempt")  # pandas has them as floats where some are absent
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
    """A table as lines, and the columns that found no room."""

    lines: list[str]
    left_out: list[str]


def lay_out(table: Table, width: int | None) -> Layout:
    """The table as aligned lines of at most `width` columns of a terminal, None for as wide as it is.

    Text is shortened where it has to be, numbers and ids are not; where that is not enough the last columns are left
    out. Statuses are coloured; whoever prints the lines takes the colours away where there are none.
    """
    cells = [[format_cell(name, row[i]) for row in table.rows] for i, name in enumerate(table.columns)]
    names = [printable(name) for name in table.columns]
    right = [_is_numeric(row[i] for row in table.rows) for i in range(len(names))]
    natural = [max(map(display_width, [name, *column])) for name, column in zip(names, cells, strict=True)]
    least = [
        size if is_right or name in _NEVER_CUT else min(size, max(NARROWEST, display_width(name)))
        for name, size, is_right in zip(names, natural, right, strict=True)
    ]
    shown = _how_many_fit(least, width)
    sizes = _shrink(natural[:shown], least[:shown], width)
    lines = [_line(names, sizes, right, names, header=True)]
    lines += [_line(names, sizes, right, [column[n] for column in cells]) for n in range(len(table.rows))]
    return Layout(lines, names[shown:])


def format_cell(column: str, value: Any) -> str:
    """A value as people read it, on one line and without anything that steers a terminal."""
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
        return printable(json.dumps(value, default=str, ensure_ascii=False))
    return printable(str(value))


def to_json(value: Any) -> str:
    """JSON with nothing in it that is not ASCII, so that it is the same everywhere and steers no terminal."""
    return json.dumps(to_plain(value), indent=2, default=_encode, allow_nan=False)


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


def _is_numeric(values: Any) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in present)


def _how_many_fit(least: Sequence[int], width: int | None) -> int:
    if width is None:
        return len(least)
    used, shown = 0, 0
    for size in least:
        used += size + (len(GAP) if shown else 0)
        if used > width and shown:
            break
        shown += 1
    return shown


def _shrink(natural: Sequence[int], least: Sequence[int], width: int | None) -> list[int]:
    """The widths of columns that fit into `width`: the widest give first."""
    sizes = list(natural)
    if width is None:
        return sizes
    room = width - len(GAP) * (len(sizes) - 1)
    while (over := sum(sizes) - room) > 0:
        can = [i for i, size in enumerate(sizes) if size > least[i]]
        if not can:
            break
        widest = max(can, key=lambda i: sizes[i])
        others = [sizes[i] for i in can if sizes[i] < sizes[widest]]
        sizes[widest] = max(least[widest], sizes[widest] - over, min(max(others, default=0), sizes[widest] - 1))
    return sizes


def _line(
    names: Sequence[str], sizes: Sequence[int], right: Sequence[bool], cells: Sequence[str], *, header: bool = False
) -> str:
    parts = []
    for place, (name, size, is_right, cell) in enumerate(zip(names, sizes, right, cells, strict=False)):
        text = clip(cell, size)
        pad = " " * (size - display_width(text))
        last = place == len(sizes) - 1
        styled = click.style(text, bold=True) if header else _style(name, text)
        parts.append(pad + styled if is_right else styled if last else styled + pad)
    return GAP.join(parts).rstrip()


def _style(column: str, text: str) -> str:
    if column == "status":
        return paint(text, text)
    # a column of counts, as in `nbpart status`
    return paint(text, column) if column in STATUS_STYLES and text != "0" else text
