"""Frames as Parquet files that can be read again: by pandas, with the index and the types that they had.

pandas notes in a table's metadata how to rebuild a frame from it, and can write notes that it cannot read: a header of
categories, a column of lists typed by Arrow (pandas-dev/pandas#53011, apache/arrow#33727). So what is written is read
again, without its rows, before it counts as saved; notes that break are mended, and each change is described.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.errors import UnsupportedTypeError

if TYPE_CHECKING:
    import pyarrow

#: What reading a table into pandas raises for notes that it does not understand.
_UNREADABLE = (TypeError, ValueError, LookupError, AttributeError, NotImplementedError)


def to_table(value: Any) -> pyarrow.Table | None:
    """A frame of pandas, polars or pyarrow, or a Series, as an Arrow table; None for anything else.

    Raises UnsupportedTypeError for a frame that Parquet cannot hold, which names the column where that is known.
    """
    if is_instance(value, "pandas", "Series"):
        value = value.to_frame("value" if value.name is None else value.name)
    if is_instance(value, "pandas", "DataFrame"):
        return _pandas_to_table(value)
    if is_instance(value, "polars", "DataFrame"):
        value = value.to_arrow()
    if is_instance(value, "pyarrow", "Table"):
        _check_columns([str(name) for name in value.column_names])
        return value
    return None


def make_readable(table: pyarrow.Table) -> tuple[pyarrow.Table, list[str]]:
    """The table with notes for pandas that can be read, and what that changes, a sentence each."""
    described = _describe_categories(table)
    if _is_readable(table):
        return table, described
    mended, changes = _mend_notes(table)
    if mended is None or not _is_readable(mended):
        metadata = {name: text for name, text in (table.schema.metadata or {}).items() if name != b"pandas"}
        mended = table.replace_schema_metadata(metadata or None)
        changes = ["pandas could not have read its own notes on the frame: an index comes back as a column"]
    return mended, described + changes


def write_table(table: pyarrow.Table, path: Path) -> None:
    """Write a table as Parquet and read it again, but for its rows; of nested columns the first row group too.

    Raises UnsupportedTypeError, which names the column, for what Parquet cannot hold or pandas cannot read.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        pyarrow.parquet.write_table(table, path, compression="zstd", version="2.6")
    except (pyarrow.ArrowNotImplementedError, pyarrow.ArrowInvalid) as error:
        name = next((name for name in table.column_names if not _is_writable(table.select([name]))), None)
        column = "the frame" if name is None else f"the column {name!r} of the frame"
        raise UnsupportedTypeError(
            f"{column} cannot be saved as Parquet: {error}. Convert it first, as by .astype(str)."
        ) from error
    with pyarrow.parquet.ParquetFile(path) as file:
        fields = list(file.schema_arrow)
        nested = [field.name for field in fields if pyarrow.types.is_nested(field.type)]
        read = file.schema_arrow.empty_table()
        try:
            _to_pandas(read)
            if nested and file.num_row_groups:
                _to_pandas(file.read_row_group(0, columns=nested))
        except (*_UNREADABLE, OverflowError, pyarrow.ArrowException) as error:
            name = next((field.name for field in fields if not _is_column_readable(file, field.name)), "")
            column = f"the column {name!r} of the frame" if name else "the frame"
            raise UnsupportedTypeError(
                f"{column} could be written as Parquet but not read again ({error}); convert it first."
            ) from error


def read_frame(path: Path) -> Any:
    """The pandas frame that a Parquet file holds, also where pandas does not understand the notes in it."""
    import pyarrow.parquet

    # not read_table: it reads columns out of folders named like "lr=0.1"
    with pyarrow.parquet.ParquetFile(path) as file:
        table = file.read()
    try:
        return _to_pandas(table)
    except _UNREADABLE:
        return _to_pandas(make_readable(table)[0])


def is_instance(value: Any, module: str, name: str) -> bool:
    """Whether the value is an instance of a class of a package that may not be installed; imports nothing."""
    loaded = sys.modules.get(module)
    kind = getattr(loaded, name, None) if loaded is not None else None
    return isinstance(kind, type) and isinstance(value, kind)


def _pandas_to_table(frame: Any) -> pyarrow.Table:
    import pyarrow

    others = [column for column in frame.columns if not isinstance(column, str)]
    if others:
        shown = ", ".join(repr(column) for column in others[:5])
        raise UnsupportedTypeError(
            f"the frame has columns whose names are not text ({shown}); rename them first, as by"
            " frame.columns = [str(c) for c in frame.columns]."
        )
    _check_columns(list(frame.columns))
    if is_instance(frame.columns, "pandas", "CategoricalIndex"):
        # as it is after a pivot: the names are text, and pandas could not read them as categories
        frame = frame.set_axis(frame.columns.astype("str"), axis="columns")
    try:
        return pyarrow.Table.from_pandas(frame)
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError) as error:
        reason = "; ".join(str(part) for part in error.args)
        raise UnsupportedTypeError(
            f"the frame cannot be saved as Parquet: {reason}. Convert that column first."
        ) from error


def _check_columns(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise UnsupportedTypeError(f"the frame has the column {twice[0]!r} more than once; rename one of them.")


def _is_readable(table: pyarrow.Table) -> bool:
    import pyarrow

    try:
        _to_pandas(table.schema.empty_table())
    except (*_UNREADABLE, pyarrow.ArrowException):
        return False
    return True


def _is_writable(table: pyarrow.Table) -> bool:
    import pyarrow
    import pyarrow.parquet

    try:
        pyarrow.parquet.write_table(table, pyarrow.BufferOutputStream(), version="2.6")
    except (pyarrow.ArrowNotImplementedError, pyarrow.ArrowInvalid):
        return False
    return True


def _is_column_readable(file: Any, name: str) -> bool:
    import pyarrow

    try:
        column = file.read_row_group(0, columns=[name]) if file.num_row_groups else file.schema_arrow.empty_table()
        _to_pandas(column.replace_schema_metadata(None))
    except (*_UNREADABLE, OverflowError, pyarrow.ArrowException):
        return False
    return True


def _to_pandas(table: pyarrow.Table) -> Any:
    return table.to_pandas()


def _load_notes(table: pyarrow.Table) -> dict[str, Any]:
    """What pandas noted on a frame; {} where it noted nothing, or nothing that is JSON."""
    try:
        notes = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}"))
    except ValueError:
        return {}
    return notes if isinstance(notes, dict) else {}


def _mend_notes(table: pyarrow.Table) -> tuple[pyarrow.Table | None, list[str]]:
    """The table without the types in its notes that pandas does not understand; None where there are no notes."""
    notes = _load_notes(table)
    if not notes:
        return None, []
    changes = []
    for column in notes.get("columns", ()):
        if not _is_dtype(column.get("numpy_type")):
            changes.append(
                f"the column {column.get('name')!r} comes back with the dtype object, as pandas cannot read "
                f"{column['numpy_type']} again"
            )
            column["numpy_type"] = "object"
    for header in notes.get("column_indexes", ()):
        if header.get("pandas_type") == "categorical" or not _is_dtype(header.get("numpy_type")):
            header.update(pandas_type="unicode", numpy_type="object", metadata={"encoding": "UTF-8"})
            changes.append("the names of the columns come back as text")
    metadata = {**table.schema.metadata, b"pandas": json.dumps(notes).encode()}
    return table.replace_schema_metadata(metadata), changes


def _is_dtype(name: Any) -> bool:
    import pandas as pd

    if name == "category":
        return True
    try:
        pd.api.types.pandas_dtype(name)
    except _UNREADABLE:
        return False
    return True


def _describe_categories(table: pyarrow.Table) -> list[str]:
    """The columns of categories that come back as what their categories are."""
    import pyarrow.types

    return [
        f"the column {field.name!r} comes back as {field.type.value_type}, as Parquet keeps categories of text alone"
        for field in table.schema
        if pyarrow.types.is_dictionary(field.type) and not _is_text(field.type.value_type)
    ]


def _is_text(type: pyarrow.DataType) -> bool:
    import pyarrow.types

    return bool(pyarrow.types.is_string(type) or pyarrow.types.is_large_string(type))
