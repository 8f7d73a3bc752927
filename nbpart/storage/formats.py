"""Values as files, and back: frames, JSON, text, bytes, figures, formats that are asked for by name, and files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from nbpart.errors import (
    MissingInputError,
    UnreadableDataError,
    UnsupportedTypeError,
    UntrustedWorkspaceError,
    WorkspaceError,
)
from nbpart.storage.files import hash_file, hash_stream
from nbpart.storage.frames import is_instance, make_readable, read_frame, to_table, write_table
from nbpart.storage.named_format import NamedFormat, find_named
from nbpart.storage.named_values import load_named, write_named
from nbpart.storage.store import Store, StoredFile, publish_file
from nbpart.storage.written_with import explain_failure, find_own_types, list_versions

if TYPE_CHECKING:
    import pyarrow

#: Every format a value can be stored in: its name and its file's extension ("" = the file keeps its own).
FORMATS = {
    "frame": ".parquet",
    "json": ".json",
    "text": ".txt",
    "bytes": ".bin",
    "array": ".npy",
    "figure": ".png",
    "plotly": ".plotly.json",
    "file": "",
    **{format.value: format.ending for format in NamedFormat},
}
#: How deep a dict or list may be nested: what reads it again goes as deep, and Python's stack ends at 1,000.
_DEEPEST = 200
#: Numbers of more bits have more digits than Python reads by default.
_MOST_BITS = 14_000
_LONGEST_PLACE = 80
POSSIBLE = (
    "a frame (pandas, polars or pyarrow), a numpy array, a dict or list, a str, bytes, a matplotlib or plotly figure,"
    " or the Path of a file that you wrote"
)


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A value as a file of a store.

    `path` is that in the store, `kind` says how the data is kept ("file"), `format` is one of FORMATS, `rows` is set
    for frames, `bytes` is the file's size, `data_version` the sha256 of its content, and `schema` a JSON list of a
    frame's columns with types; of a named format it is a JSON object of the versions that it was written with.
    `changes` says, a sentence each, in what the value will be different when it is loaded.
    """

    path: str
    format: str
    kind: str
    rows: int | None
    bytes: int
    data_version: str
    schema: str | None
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value goes: a store, the path without its ending, and the only files that may be replaced there."""

    store: Store
    stem: str
    own: Collection[str] | None

    def path(self, format: str) -> str:
        # not with_suffix: the stem may hold dots of its own
        return f"{self.stem}{FORMATS[format]}"

    def publish(self, format: str, write: Callable[[Path], None]) -> StoredFile:
        path = self.path(format)
        return self.store.publish(path, write, is_new=self.own is not None and path not in self.own)


def save_value(
    store: Store,
    value: Any,
    path_without_ext: str,
    own: Collection[str] | None = None,
    format: NamedFormat | None = None,
) -> SavedFile:
    """Publish a value as a file of a store; equal values get equal data versions, unless they are asked for `format`.

    `own`: the only files that may be replaced, by their paths; FileExistsError where another one is in the way.
    `format`: the one that is asked for by name; without it the type of the value says which.

    A Series is saved as a frame of one column, an Axes as its figure, a tuple as a list, a pyarrow or polars frame
    comes back as a pandas frame. Raises UnsupportedTypeError for anything else; what is a file already is stored by
    `save_file`.
    """
    place = _Place(store, path_without_ext, own)
    if format is not None:
        return _save_named(value, place, format)
    if isinstance(value, str):
        return _save_bytes(_encode_text(value), place, "text")
    if isinstance(value, bytes | bytearray | memoryview):
        return _save_bytes(bytes(value), place, "bytes")
    if isinstance(value, Mapping | list | tuple):
        return _save_json(value if isinstance(value, dict | list | tuple) else dict(value), place)
    table = to_table(value)
    if table is not None:
        return _save_table(table, place)
    if is_instance(value, "plotly.basedatatypes", "BaseFigure"):
        return _save_bytes(value.to_json().encode(), place, "plotly")
    if is_instance(value, "numpy", "ndarray"):
        return _save_array(value, place)
    figure = _as_figure(value)
    if figure is not None:
        return _save_figure(figure, place)
    raise UnsupportedTypeError(
        f"a value of type {_type_name(value)} cannot be saved; {_advice(value)} What can be saved is {POSSIBLE}."
    )


def save_file(store: Store, path: str, file: Path) -> SavedFile:
    """Store a file that a program wrote, under a path of the store; it is not copied where it was written there.

    Raises MissingInputError where there is none.
    """
    if not file.is_file():
        raise MissingInputError(f"there is no file at {str(file)!r}; write it before saving it.")
    version = hash_file(file)
    return SavedFile(path, "file", "file", None, publish_file(store, path, file).bytes, version, None)


def load_file(
    store: Store,
    path: str,
    format: str,
    *,
    may_run_code: bool = False,
    trusted: Collection[str] = (),
    of: str = "",
    written_with: str | None = None,
) -> Any:
    """The value that was saved; a figure comes back as an IPython Image, a file as a local Path.

    `may_run_code`: whoever asks trusts the file, so that pickles may be loaded. `trusted` names types that skops may
    make. `of` is what the data is of, and `written_with` the `schema` of its `SavedFile`, for an error.
    Raises MissingInputError when the file is gone, or is not what was saved, UnreadableDataError where it is what was
    saved and cannot be loaded here, UntrustedWorkspaceError for a pickle that is not trusted.
    """
    named = find_named(format)
    if named is not None and named.runs_code and not may_run_code:
        raise UntrustedWorkspaceError(f"{path!r} is {format} data, and loading it would run what it says.")
    loader = _LOADERS.get(format) if named is None else partial(load_named, format=named, trusted=trusted)
    if loader is None:
        raise UnsupportedTypeError(f"{path!r} has the format {format!r}, which this nbpart does not know; update it.")
    try:
        return loader(store, path)
    except FileNotFoundError as error:
        raise MissingInputError(f"the data file {path!r} is gone; materialize its partition again.") from error
    except UnreadableDataError as error:
        what = f"the {format} data of {of or repr(path)}"
        if error.__cause__ is None:  # it could be loaded here, and may not be
            raise UnreadableDataError(f"{what} {error}.") from None
        raise UnreadableDataError(
            f"{what} cannot be loaded here ({error}); {explain_failure(error.__cause__, written_with)}"
        ) from error.__cause__
    except (ValueError, OSError) as error:
        # the file cannot be reached, or is not one of the workspace
        if getattr(error, "errno", None) is not None or isinstance(error, WorkspaceError):
            raise
        reason = str(error).partition("\n")[0].rstrip(".")
        raise MissingInputError(
            f"the data file {path!r} is damaged or not whole ({reason}); materialize its partition again."
        ) from error


def hash_saved(file: IO[bytes], format: str) -> str:
    """The data version of a file that was saved, computed again from what it holds now.

    Raises ValueError for what is no file of that format.
    """
    if format != "json":
        return hash_stream(file)
    try:
        return _json_version(json.loads(file.read()))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def describe_frame(path: Path) -> tuple[int, list[list[str]]]:
    """The rows of a Parquet file, and its columns as [name, type]; ValueError for a file that is none."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        return file.metadata.num_rows, [[field.name, str(field.type)] for field in file.schema_arrow]


def _save_bytes(content: bytes, place: _Place, format: str) -> SavedFile:
    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    place.publish(format, write)
    version = hashlib.sha256(content).hexdigest()
    return SavedFile(place.path(format), format, "file", None, len(content), version, None)


def _encode_text(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnsupportedTypeError(
            f"the text cannot be saved as UTF-8 ({error.reason}); save bytes instead."
        ) from error


def _save_json(value: Any, place: _Place) -> SavedFile:
    plain = _plain(value, "", ())
    saved = _save_bytes(json.dumps(plain, ensure_ascii=False, indent=1).encode(), place, "json")
    return SavedFile(saved.path, "json", "file", None, saved.bytes, _json_version(plain), None)


def _json_version(plain: Any) -> str:
    # the version ignores the order of a dict's keys: dicts that differ in it are equal
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _plain(value: Any, where: str, around: tuple[int, ...]) -> Any:
    """The value as JSON would give it back, or UnsupportedTypeError that says where it is not.

    `around` holds the ids of the dicts and lists that the value stands in.
    """
    if value is None or type(value) in (bool, float):
        return value
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise UnsupportedTypeError(f"the number{_at(where)} has more than 4,000 digits; save it as text, str(value).")
    if isinstance(value, str):
        _encode_text(value)
        return str.__str__(value)
    if isinstance(value, dict | list | tuple):
        return _plain_container(value, where, _enter(value, where, around))
    if type(value).__module__ == "numpy" and hasattr(value, "item") and not getattr(value, "shape", None):
        return _plain(value.item(), where, around)
    if isinstance(value, int):  # an enum, or another subclass
        return int(value)
    if isinstance(value, float):
        return float(value)
    raise UnsupportedTypeError(
        f"the value{_at(where)} is of type {_type_name(value)}, which JSON cannot hold; convert it to text or numbers, "
        f"or ask for a format by name ({', '.join(NamedFormat)}): format= of its asset or of run.save."
    )


def _plain_container(value: Any, where: str, around: tuple[int, ...]) -> Any:
    if not isinstance(value, dict):
        return [_plain(item, f"{where}[{number}]", around) for number, item in enumerate(value)]
    for key in value:
        if not isinstance(key, str):
            raise UnsupportedTypeError(
                f"the dict{_at(where)} has the key {key!r}, and JSON has only text for keys; use str({key!r})."
            )
        _encode_text(key)
    return {str.__str__(key): _plain(item, f"{where}[{key!r}]", around) for key, item in value.items()}


def _enter(value: Any, where: str, around: tuple[int, ...]) -> tuple[int, ...]:
    if id(value) in around:
        raise UnsupportedTypeError(f"the value{_at(where)} holds itself, which JSON cannot say; save a copy without.")
    if len(around) >= _DEEPEST:
        raise UnsupportedTypeError(
            f"the value is nested more than {_DEEPEST} levels deep{_at(where)}; save it flat, or as a file of your own."
        )
    return (*around, id(value))


def _at(where: str) -> str:
    return f" at {where if len(where) <= _LONGEST_PLACE else where[:_LONGEST_PLACE] + '…'}" if where else ""


def _save_table(table: pyarrow.Table, place: _Place) -> SavedFile:
    table, changes = make_readable(table)
    size, version = _publish_hashed(place, "frame", lambda temporary: write_table(table, temporary))
    schema = json.dumps([[field.name, str(field.type)] for field in table.schema], ensure_ascii=False)
    return SavedFile(place.path("frame"), "frame", "file", table.num_rows, size, version, schema, tuple(changes))


def _publish_hashed(place: _Place, format: str, write: Callable[[Path], None]) -> tuple[int, str]:
    """Publish what `write` writes; its size in bytes and its data version."""
    versions: list[str] = []

    def write_and_hash(temporary: Path) -> None:
        write(temporary)
        versions.append(hash_file(temporary))

    stored = place.publish(format, write_and_hash)
    return stored.bytes, versions[-1]


def _save_array(array: Any, place: _Place) -> SavedFile:
    import numpy as np

    if array.dtype.hasobject:
        raise UnsupportedTypeError("an array of objects cannot be saved; give it a dtype, or save value.tolist().")
    # a subclass, as a matrix, comes back as the array that it is
    size, version = _publish_hashed(place, "array", lambda temporary: _write_array(temporary, np.asarray(array)))
    return SavedFile(place.path("array"), "array", "file", None, size, version, None)


def _write_array(path: Path, array: Any) -> None:
    import numpy as np

    with open(path, "wb") as file:  # by name it would add an ending
        np.save(file, array, allow_pickle=False)


def _load_array(store: Store, path: str) -> Any:
    import numpy as np

    with store.read(path) as file:
        return np.load(file, allow_pickle=False)


def _save_named(value: Any, place: _Place, format: NamedFormat) -> SavedFile:
    size, version = _publish_hashed(place, format, lambda temporary: write_named(temporary, value, format))
    versions = json.dumps(list_versions(value, format))
    own = [
        f"{name} is defined by the notebook itself, and only a notebook that defines it too can load the data; put it "
        "in a module"
        for name in find_own_types(value)
    ]
    return SavedFile(place.path(format), format.value, "file", None, size, version, versions, tuple(own))


def _as_figure(value: Any) -> Any | None:
    if is_instance(value, "matplotlib.axes", "Axes"):
        value = value.figure
    # a sub-figure's figure is the whole one, and a figure's is itself
    return value.figure if is_instance(value, "matplotlib.figure", "FigureBase") else None


def _save_figure(figure: Any, place: _Place) -> SavedFile:
    def write(temporary: Path) -> None:
        # without the name of the software and its version an equal picture is an equal file
        figure.savefig(temporary, format="png", bbox_inches="tight", metadata={"Software": None})

    size, version = _publish_hashed(place, "figure", write)
    return SavedFile(place.path("figure"), "figure", "file", None, size, version, None)


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
        return "save value.item() in a dict."
    if is_instance(value, "torch", "Tensor"):
        return 'ask for a format by name, and save {"name": value} with format="safetensors".'
    return (
        f"ask for a format by name, as format={NamedFormat.JOBLIB.value!r} of its asset or of run.save "
        f"({', '.join(NamedFormat)}), or write it to run.output_path('name.ext') yourself and save that path."
    )


def _load_frame(store: Store, path: str) -> Any:
    return read_frame(store.local_path(path))


def _load_bytes(store: Store, path: str) -> bytes:
    with store.read(path) as file:
        return file.read()


def _load_json(store: Store, path: str) -> Any:
    return json.loads(_load_bytes(store, path))


def _load_text(store: Store, path: str) -> str:
    return _load_bytes(store, path).decode("utf-8")


def _load_image(store: Store, path: str) -> Any:
    from IPython.display import Image

    return Image(data=_load_bytes(store, path), format="png")  # type: ignore[no-untyped-call]


def _load_plotly(store: Store, path: str) -> Any:
    import plotly.io

    return plotly.io.from_json(_load_text(store, path))


def _load_path(store: Store, path: str) -> Path:
    if store.stat(path) is None:
        raise FileNotFoundError(path)
    return store.local_path(path)


_LOADERS: dict[str, Callable[[Store, str], Any]] = {
    "frame": _load_frame,
    "json": _load_json,
    "text": _load_text,
    "bytes": _load_bytes,
    "array": _load_array,
    "figure": _load_image,
    "plotly": _load_plotly,
    "file": _load_path,
}
