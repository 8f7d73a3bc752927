"""Where two data files differ: what of them, and how it is in each. Nothing that would run code is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbpart.errors import NbpartError
from nbpart.storage import FileRecord, Store, load_file
from nbpart.storage.named_format import find_named

if TYPE_CHECKING:
    import pyarrow as pa

#: Larger files are compared by size and content alone, in bytes.
MOST_BYTES = 1 << 30
#: So many differing names of a dict are listed.
_MOST_NAMED = 50


@dataclass(frozen=True)
class DataFile:
    """A data file of a run, and the store that it lies in."""

    store: Store
    record: FileRecord


def compare_files(a: DataFile | None, b: DataFile | None) -> Iterator[tuple[str, Any, Any]]:
    """What differs, each as (what, in a, in b); nothing where both hold the same."""
    if a is None or b is None:
        if a is not b:
            yield "data", _name_format(a), _name_format(b)
        return
    if a.record.data_version is not None and a.record.data_version == b.record.data_version:
        return
    if a.record.format != b.record.format:
        yield "format", a.record.format, b.record.format
        return
    if max(a.record.bytes or 0, b.record.bytes or 0) <= MOST_BYTES and find_named(a.record.format) is None:
        try:
            found = list(_compare_values(a, b))
        except (OSError, ValueError, NbpartError) as error:
            found = [("data", "cannot be compared", f"{type(error).__name__}: {error}")]
        yield from found
        if found:
            return
    if a.record.bytes != b.record.bytes:
        yield "bytes", a.record.bytes, b.record.bytes
    else:
        mine, theirs = (f"{(one.record.data_version or '')[:12]}…" for one in (a, b))
        yield "content", mine, theirs


def _name_format(file: DataFile | None) -> str | None:
    return None if file is None else file.record.format


def _compare_values(a: DataFile, b: DataFile) -> Iterator[tuple[str, Any, Any]]:
    if a.record.format == "frame":
        yield from _compare_frames(a, b)
    elif a.record.format == "json":
        yield from _compare_json(*(load_file(one.store, one.record.path, "json") for one in (a, b)))
    elif a.record.format == "text":
        lines = [str(load_file(one.store, one.record.path, "text")).splitlines() for one in (a, b)]
        first = next((n for n, pair in enumerate(zip(*lines, strict=False)) if pair[0] != pair[1]), None)
        place = min(map(len, lines)) if first is None else first
        mine, theirs = (one[place] if place < len(one) else None for one in lines)
        yield f"line {place + 1}", mine, theirs
        if len(lines[0]) != len(lines[1]):
            yield "lines", len(lines[0]), len(lines[1])
    elif a.record.format == "array":
        arrays = [load_file(one.store, one.record.path, "array") for one in (a, b)]
        for what in ("shape", "dtype"):
            pair = [str(getattr(one, what)) for one in arrays]
            if pair[0] != pair[1]:
                yield what, pair[0], pair[1]
        if arrays[0].shape == arrays[1].shape:
            yield "values", "", f"{int((arrays[0] != arrays[1]).sum()):,} of {arrays[0].size:,} differ"


def _compare_json(a: Any, b: Any) -> Iterator[tuple[str, Any, Any]]:
    if not isinstance(a, dict) or not isinstance(b, dict):
        yield "value", _spell(a), _spell(b)
        return
    names = [name for name in dict.fromkeys([*a, *b]) if name not in a or name not in b or a[name] != b[name]]
    for name in names[:_MOST_NAMED]:
        yield f"[{name!r}]", _spell(a[name]) if name in a else None, _spell(b[name]) if name in b else None
    if len(names) > _MOST_NAMED:
        yield "more names", "", f"{len(names) - _MOST_NAMED:,}"


def _spell(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _compare_frames(a: DataFile, b: DataFile) -> Iterator[tuple[str, Any, Any]]:
    """Rows, columns, types, and of frames with equally many rows in how many of them a column differs, in order."""
    import pyarrow.parquet

    files = [pyarrow.parquet.ParquetFile(one.store.local_path(one.record.path)) for one in (a, b)]
    try:
        rows = [file.metadata.num_rows for file in files]
        if rows[0] != rows[1]:
            yield "rows", rows[0], rows[1]
        schemas = [file.schema_arrow for file in files]
        for name in dict.fromkeys([*schemas[0].names, *schemas[1].names]):
            types = [str(one.field(name).type) if name in one.names else None for one in schemas]
            if types[0] != types[1]:
                yield f"column {name}", types[0], types[1]
            elif rows[0] == rows[1]:
                columns = [file.read([name]).column(0) for file in files]
                if count := _count_different(*columns):
                    yield f"column {name}", "", f"{count:,} of {rows[0]:,} values differ"
    finally:
        for file in files:
            file.close()


def _count_different(a: pa.ChunkedArray, b: pa.ChunkedArray) -> int:
    """In how many places two columns of one type and length differ; null equals null and nan equals nan."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if a.equals(b):
        return 0
    try:
        same = pc.equal(a, b)
    except pa.ArrowNotImplementedError:  # lists and structs
        return sum(x != y for x, y in zip(a.to_pylist(), b.to_pylist(), strict=True))
    same = pc.fill_null(same, pc.and_(pc.is_null(a), pc.is_null(b)))
    if pa.types.is_floating(a.type):
        same = pc.or_(same, pc.fill_null(pc.and_(pc.is_nan(a), pc.is_nan(b)), False))
    return len(a) - (pc.sum(same).as_py() or 0)
