"""The beginning of a data file, for who looks: never all of what may be large."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nbpart.errors import MissingInputError
from nbpart.widgets.actions import DataShown

MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 50, 40, 200
LONGEST_TEXT = 20_000
#: A larger picture is not sent.
LARGEST_IMAGE = 4_000_000


def preview_file(path: Path, format: str, code: str) -> DataShown:
    """What a file of that format begins with. Raises `MissingInputError` where it is gone."""
    if not path.exists():
        raise MissingInputError(f"the data is gone ({path}); materialize it again.")
    if format == "frame":
        return _preview_frame(path, code)
    if format == "figure" and path.stat().st_size <= LARGEST_IMAGE:
        return DataShown("image", path.name, code, image=path.read_bytes())
    if format == "json":
        text = path.read_bytes()[: LONGEST_TEXT * 4].decode("utf-8", errors="replace")
        return preview_text(_pretty(text), "JSON", code)
    if format == "text":
        with path.open("rb") as file:
            return preview_text(file.read(LONGEST_TEXT * 4).decode("utf-8", errors="replace"), "text", code)
    return preview_text(f"{path.name}: {path.stat().st_size:,} bytes", format or "a file", code)


def preview_text(text: str, told: str, code: str) -> DataShown:
    cut = f"{told}, the first {LONGEST_TEXT:,} characters" if len(text) > LONGEST_TEXT else told
    return DataShown("text", cut, code, text=text[:LONGEST_TEXT])


def _preview_frame(path: Path, code: str) -> DataShown:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        rows, names = file.metadata.num_rows, file.schema_arrow.names
        batches = file.iter_batches(batch_size=MOST_ROWS, columns=names[:MOST_COLUMNS])
        first = next(batches, None)
    columns = tuple(str(name) for name in names[:MOST_COLUMNS])
    values = [] if first is None else [column.to_pylist() for column in first.columns]
    shown = tuple(tuple(_cell(value) for value in row) for row in zip(*values, strict=True))
    told = f"{rows:,} rows, {len(names):,} columns"
    if rows > len(shown) or len(names) > len(columns):
        told += f"; the first {len(shown):,} and {len(columns):,} are shown"
    return DataShown("table", told, code, columns=columns, rows=shown)


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:  # cut off in its middle
        return text
