"""Previews of data files, logs and notebooks for a widget: bounded parts of files that may be large.

A preview is text or the bytes of a PNG; HTML and scripts in a file are never rendered.
"""

from __future__ import annotations

import base64
import codecs
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbpart.errors import MissingInputError
from nbpart.storage import Store, StoredFile
from nbpart.storage.named_format import find_named
from nbpart.storage.written_with import spell_versions
from nbpart.widgets.actions import DataPreview, ExecutedCell, ExecutedNotebook

MAX_ROWS, MAX_COLUMNS, MAX_CELL_CHARS = 50, 40, 200
MAX_TEXT_CHARS = 20_000
#: A larger picture is not sent; in bytes.
MAX_IMAGE_BYTES = 4_000_000
MAX_CELLS, MAX_OUTPUTS, MAX_OUTPUT_CHARS = 100, 20, 5_000
_PNG = b"\x89PNG\r\n\x1a\n"


def preview_file(store: Store, path: str, format: str, code: str, schema: str | None = None) -> DataPreview:
    """The beginning of a data file; ``code`` is the line of Python that loads it, ``schema`` that of its `SavedFile`.

    Of a file in a named format, which is not loaded, it says with which versions it was written.

    Raises `MissingInputError` where the file is gone.
    """
    found, name = store.stat(path), path.rpartition("/")[2]
    if found is None:
        raise MissingInputError(f"the data is gone ({path}); materialize it again.")
    if format == "frame":
        return _preview_frame(store.local_path(path), code)
    if format == "figure" and (image := _read_png(store, found)):
        return DataPreview("image", name, code, image=image)
    if format in ("json", "text"):
        with store.read(path) as file:
            text = file.read(MAX_TEXT_CHARS * 4).decode("utf-8", errors="replace")
        return preview_text(_pretty(text), "JSON", code) if format == "json" else preview_text(text, "text", code)
    about = [f"{name}: {found.bytes:,} bytes", spell_versions(schema) if find_named(format) else ""]
    return preview_text("\n".join(filter(None, about)), format or "a file", code)


def preview_text(text: str, caption: str, code: str) -> DataPreview:
    """The beginning of a text; the caption says if it was cut."""
    if len(text) > MAX_TEXT_CHARS:
        caption = f"{caption}, the first {MAX_TEXT_CHARS:,} characters"
    return DataPreview("text", caption, code, text=text[:MAX_TEXT_CHARS])


def _preview_frame(path: Path, code: str) -> DataPreview:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        rows, names = file.metadata.num_rows, file.schema_arrow.names
        types = tuple(str(kind) for kind in file.schema_arrow.types[:MAX_COLUMNS])
        batches = file.iter_batches(batch_size=MAX_ROWS, columns=names[:MAX_COLUMNS])
        first = next(batches, None)
    columns = tuple(str(name) for name in names[:MAX_COLUMNS])
    values = [] if first is None else [column.to_pylist() for column in first.columns]
    shown = tuple(tuple(_cell(value) for value in row) for row in zip(*values, strict=True))
    caption = f"{rows:,} rows, {len(names):,} columns"
    if rows > len(shown) or len(names) > len(columns):
        caption += f"; the first {len(shown):,} and {len(columns):,} are shown"
    return DataPreview("table", caption, code, columns, types, shown)


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= MAX_CELL_CHARS else text[: MAX_CELL_CHARS - 1] + "…"


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:  # cut off in its middle
        return text


def read_log(path: Path, after: int | None, max_bytes: int) -> tuple[str, int, int]:
    """A part of a log as (text, offset of its first byte, offset behind its last byte).

    That is what follows the offset ``after``, at most the last ``max_bytes`` bytes of the file. Without ``after``, and
    where the file became shorter than that, it is the last ``max_bytes`` bytes.
    """
    size = path.stat().st_size
    start = max(0, size - max_bytes)
    if after is not None and start <= after <= size:
        start = after
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(max_bytes)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text = decoder.decode(data)
    cut_off, _ = decoder.getstate()  # the half of a character that is still being written
    return text, start, start + len(data) - len(cut_off)


def read_notebook(path: Path) -> ExecutedNotebook:
    """The first cells of an executed notebook. Raises `MissingInputError` where the file is gone or no notebook."""
    try:
        cells = list(json.loads(path.read_text(encoding="utf-8"))["cells"])
    except (OSError, ValueError, KeyError, TypeError):
        raise MissingInputError(f"the executed notebook is gone or cannot be read ({path}).") from None
    shown = tuple(
        ExecutedCell(
            str(cell.get("cell_type", "")),
            _joined(cell.get("source", ""))[:MAX_TEXT_CHARS],
            tuple(out for output in cell.get("outputs", ())[:MAX_OUTPUTS] if (out := _show_output(output))),
        )
        for cell in cells[:MAX_CELLS]
    )
    return ExecutedNotebook(shown, max(0, len(cells) - MAX_CELLS))


def _show_output(output: Mapping[str, Any]) -> str | bytes:
    data = output.get("data", {})
    if "image/png" in data:
        try:
            image = base64.b64decode(_joined(data["image/png"]), validate=False)
        except ValueError:
            image = b""
        if image.startswith(_PNG) and len(image) <= MAX_IMAGE_BYTES:
            return image
    if output.get("output_type") == "error":
        text = "\n".join(output.get("traceback", ())) or f"{output.get('ename')}: {output.get('evalue')}"
    else:
        text = _joined(output.get("text", "") or data.get("text/plain", ""))
    return text if len(text) <= MAX_OUTPUT_CHARS else text[:MAX_OUTPUT_CHARS] + " …"


def _joined(text: Any) -> str:
    return text if isinstance(text, str) else "".join(str(part) for part in text)


def _read_png(store: Store, file: StoredFile) -> bytes:
    if file.bytes > MAX_IMAGE_BYTES:
        return b""
    with store.read(file.path) as opened:
        image = opened.read()
    return image if image.startswith(_PNG) else b""
