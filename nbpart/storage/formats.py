"""Values as files, and back: frames, JSON, text, bytes, figures, and files that a run wrote itself."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.errors import MissingInputError, UnsupportedTypeError
from nbpart.storage.files import hash_file, write_atomic, write_bytes_atomic

if TYPE_CHECKING:
    import pyarrow

#: Every format a value can be stored in: its name and its file's extension ("" = the file keeps its own).
FORMATS = {
    "frame": ".parquet",
    "json": ".json",
    "text": ".txt",
    "bytes": ".bin",
    "figure": ".png",
    "plotly": ".plotly.json",
    "file": "",
}
POSSIBLE = (
    "a frame (pandas, polars or pyarrow), a dict or list, a str, bytes, a matplotlib or plotly figure, or the Path of"
    " a file that you wrote"
)


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A value on disk.

    `kind` says how the data is kept ("file"), `format` is one of FORMATS, `rows` is set for frames, `bytes` is the
    file's size, `data_version` the sha256 of its content, and `schema` a JSON list of a frame's columns with types.
    """

    path: Path
    format: str
    kind: str
    rows: int | None
    bytes: int
    data_version: str
    schema: str | None


def save_value(value: Any, path_without_ext: str | Path) -> SavedFile:
    """Write a value to a new file, atomically; equal values get equal data versions.

    A Series is saved as a frame of one column, an Axes as its figure, a tuple as a list, a pyarrow or polars frame
    comes back as a pandas frame. A Path is not copied: it is recorded where it is. Raises UnsupportedTypeError for
    anything else and MissingInputError for a Path without a file.
    """
    if isinstance(value, Path):
        return _save_file(value)
    if isinstance(value, str):
        return _save_bytes(_encode_text(value), path_without_ext, "text")
    if isinstance(value, bytes | bytearray | memoryview):
        return _save_bytes(bytes(value), path_without_ext, "bytes")
    if isinstance(value, dict | list | tuple):
        return _save_json(value, path_without_ext)
    table = _as_table(value)
    if table is not None:
        return _save_table(table, path_without_ext)
    if _is_instance(value, "plotly.basedatatypes", "BaseFigure"):
        return _save_bytes(value.to_json().encode(), path_without_ext, "plotly")
    figure = _as_figure(value)
    if figure is not None:
        return _save_figure(figure, path_without_ext)
    raise UnsupportedTypeError(
        f"a value of type {_type_name(value)} cannot be saved; {_advice(value)} What can be saved is {POSSIBLE}."
    )


def load_file(path: str | Path, format: str) -> Any:
    """The value that was saved; a figure comes back as an IPython Image, a file as its Path.

    Raises MissingInputError when the file is gone, or is not what was saved.
    """
    path = Path(path)
    if not path.exists():
        raise MissingInputError(f"the data file {str(path)!r} is gone; materialize its partition again.")
    loader = _LOADERS.get(format)
    if loader is None:
        raise UnsupportedTypeError(
            f"{str(path)!r} has the format {format!r}, which this nbpart does not know; update it."
        )
    try:
        return loader(path)
    except (ValueError, OSError) as error:
        if getattr(error, "errno", None) is not None:  # the file cannot be reached
            raise
        reason = str(error).partition("\n")[0].rstrip(".")
        raise MissingInputError(
            f"the data file {str(path)!r} is damaged or not whole ({reason}); materialize its partition again."
        ) from error


def _target(path_without_ext: str | Path, format: str) -> Path:
    # not with_suffix: what is given may hold dots of its own
    return Path(f"{path_without_ext}{FORMATS[format]}")


def _save_bytes(content: bytes, path_without_ext: str | Path, format: str) -> SavedFile:
    path = _target(path_without_ext, format)
    write_bytes_atomic(path, content)
    return SavedFile(path, format, "file", None, len(content), hashlib.sha256(content).hexdigest(), None)


def _save_file(path: Path) -> SavedFile:
    if not path.is_file():
        raise MissingInputError(f"there is no file at {str(path)!r}; write it before saving it.")
    return SavedFile(path, "file", "file", None, path.stat().st_size, hash_file(path), None)


def _encode_text(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnsupportedTypeError(
            f"the text cannot be saved as UTF-8 ({error.reason}); save bytes instead."
        ) from error


def _save_json(value: Any, path_without_ext: str | Path) -> SavedFile:
    plain = _plain(value, "")
    saved = _save_bytes(json.dumps(plain, ensure_ascii=False, indent=1).encode(), path_without_ext, "json")
    # the version ignores the order of a dict's keys: dicts that differ in it are equal
    content = json.dumps(plain, sort_keys=True).encode()
    return SavedFile(saved.path, "json", "file", None, saved.bytes, hashlib.sha256(content).hexdigest(), None)


def _plain(value: Any, where: str) -> Any:
    """The value as JSON would give it back, or UnsupportedTypeError that says where it is not."""
    if value is None or type(value) in (bool, int, float):
        return value
    if isinstance(value, str):
        _encode_text(value)
        return str.__str__(value)
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise UnsupportedTypeError(
                    f"the dict{_at(where)} has the key {key!r}, and JSON has only text for keys; use str({key!r})."
                )
        return {str.__str__(key): _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{number}]") for number, item in enumerate(value)]
    if type(value).__module__ == "numpy" and hasattr(value, "item") and not getattr(value, "shape", None):
        return _plain(value.item(), where)
    if isinstance(value, int):  # an enum, or another subclass
        return int(value)
    if isinstance(value, float):
        return float(value)
    raise UnsupportedTypeError(
        f"the value{_at(where)} is of type {_type_name(value)}, which JSON cannot hold; convert it to text or numbers."
    )


def _at(where: str) -> str:
    return f" at {where}" if where else ""


def _as_table(value: Any) -> pyarrow.Table | None:
    """The value as an Arrow table with stable metadata, if it is a frame of any kind that is known."""
    if _is_instance(value, "pandas", "Series"):
        value = value.to_frame("value" if value.name is None else value.name)
    if _is_instance(value, "pandas", "DataFrame"):
        return _pandas_table(value)
    if _is_instance(value, "polars", "DataFrame"):
        value = value.to_arrow()
    if _is_instance(value, "pyarrow", "Table"):
        _check_columns([str(name) for name in value.column_names])
        return value
    return None


def _pandas_table(frame: Any) -> pyarrow.Table:
    import pyarrow

    others = [column for column in frame.columns if not isinstance(column, str)]
    if others:
        shown = ", ".join(repr(column) for column in others[:5])
        raise UnsupportedTypeError(
            f"the frame has columns whose names are not text ({shown}); rename them first, as by"
            " frame.columns = [str(c) for c in frame.columns]."
        )
    _check_columns(list(frame.columns))
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


def _save_table(table: pyarrow.Table, path_without_ext: str | Path) -> SavedFile:
    import pyarrow
    import pyarrow.parquet

    path = _target(path_without_ext, "frame")

    def write(temporary: Path) -> None:
        pyarrow.parquet.write_table(table, temporary, compression="zstd", version="2.6")

    try:
        write_atomic(path, write)
    except pyarrow.ArrowNotImplementedError as error:
        raise UnsupportedTypeError(
            f"the frame cannot be saved as Parquet: {error}. Convert that column first."
        ) from error
    schema = json.dumps([[field.name, str(field.type)] for field in table.schema], ensure_ascii=False)
    return SavedFile(path, "frame", "file", table.num_rows, path.stat().st_size, hash_file(path), schema)


def _as_figure(value: Any) -> Any | None:
    if _is_instance(value, "matplotlib.axes", "Axes"):
        value = value.figure
    # a sub-figure's figure is the whole one, and a figure's is itself
    return value.figure if _is_instance(value, "matplotlib.figure", "FigureBase") else None


def _save_figure(figure: Any, path_without_ext: str | Path) -> SavedFile:
    path = _target(path_without_ext, "figure")

    def write(temporary: Path) -> None:
        # without the name of the software and its version an equal picture is an equal file
        figure.savefig(temporary, format="png", bbox_inches="tight", metadata={"Software": None})

    write_atomic(path, write)
    return SavedFile(path, "figure", "file", None, path.stat().st_size, hash_file(path), None)


def _is_instance(value: Any, module: str, name: str) -> bool:
    """Whether the value is of a class of a package that may not be there: only looked up where it is loaded."""
    loaded = sys.modules.get(module)
    kind = getattr(loaded, name, None) if loaded is not None else None
    return isinstance(kind, type) and isinstance(value, kind)


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _advice(value: Any) -> str:
    if value is None:
        return "a run that has nothing to save need not call save()."
    if isinstance(value, bool | int | float):
        return "log a number by run.log(name=value), or save a dict."
    if isinstance(value, set | frozenset):
        return "save sorted(value), a list."
    if hasattr(value, "collect") and type(value).__module__.startswith("polars"):
        return "collect() it first."
    if type(value).__module__ == "numpy":
        return "save pandas.DataFrame(value), or value.tolist()."
    return "write it to run.output_path('name.ext') yourself and save that path."


def _load_frame(path: Path) -> Any:
    import pyarrow.parquet

    # not read_table: it reads columns out of folders named like "lr=0.1"
    with pyarrow.parquet.ParquetFile(path) as file:
        return file.read().to_pandas()


def _load_json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _load_text(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def _load_image(path: Path) -> Any:
    from IPython.display import Image

    return Image(filename=str(path))  # type: ignore[no-untyped-call]


def _load_plotly(path: Path) -> Any:
    import plotly.io

    return plotly.io.from_json(path.read_text("utf-8"))


_LOADERS: dict[str, Callable[[Path], Any]] = {
    "frame": _load_frame,
    "json": _load_json,
    "text": _load_text,
    "bytes": Path.read_bytes,
    "figure": _load_image,
    "plotly": _load_plotly,
    "file": Path,
}
