"""Values in the formats that are asked for by name, as files and back."""

from __future__ import annotations

import importlib
import importlib.util
import pickle
import textwrap
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from nbpart.errors import ExtraRequiredError, NbpartError, UnreadableDataError, UnsupportedTypeError
from nbpart.storage.frames import is_instance
from nbpart.storage.named_format import NamedFormat
from nbpart.storage.store import Store

#: Python 3.8 reads it too, and large arrays are written once.
_PROTOCOL = 5
_LONGEST_ERROR = 400


def require_package(format: NamedFormat) -> None:
    """Raise ExtraRequiredError where the package of a format is not installed here; it is not imported."""
    if format.needs_package and importlib.util.find_spec(format.value) is None:
        raise _lacks_package(format)


def write_named(path: Path, value: Any, format: NamedFormat) -> None:
    """Write a value to a file that is there.

    Raises UnsupportedTypeError for what the format cannot hold, ExtraRequiredError where its package is not installed.
    """
    require_package(format)
    try:
        _WRITERS[format](path, value)
    except (OSError, NbpartError, MemoryError):
        raise
    except Exception as error:
        raise UnsupportedTypeError(f"the value cannot be saved as {format} ({_tell(error)}).") from error


def load_named(store: Store, path: str, format: NamedFormat, trusted: Collection[str] = ()) -> Any:
    """The value of a file that was written so; a pickle of it runs what it says.

    `trusted` names types that skops may make besides those that it knows to be harmless.
    Raises UnreadableDataError for what cannot be loaded here, FileNotFoundError where there is no file.
    """
    require_package(format)
    try:
        if format is NamedFormat.SKOPS:
            return _load_skops(store, path, trusted)
        return _LOADERS[format](store, path)
    except (OSError, NbpartError, MemoryError):
        raise
    except Exception as error:
        raise UnreadableDataError(_tell(error)) from error


def _lacks_package(format: NamedFormat) -> ExtraRequiredError:
    return ExtraRequiredError(
        f"format={format.value!r} needs a package that is not installed: install nbpart[{format}], also where runs "
        "execute."
    )


def _tell(error: Exception) -> str:
    text = textwrap.shorten(str(error), _LONGEST_ERROR, placeholder=" …").rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _write_joblib(path: Path, value: Any) -> None:
    import joblib

    with open(path, "wb") as file:  # by a name, its ending would choose a compression
        joblib.dump(value, file, protocol=_PROTOCOL)


def _load_joblib(store: Store, path: str) -> Any:
    import joblib

    with store.read(path) as file:
        return joblib.load(file)


def _write_pickle(path: Path, value: Any) -> None:
    with open(path, "wb") as file:
        pickle.dump(value, file, protocol=_PROTOCOL)


def _load_pickle(store: Store, path: str) -> Any:
    with store.read(path) as file:
        return pickle.load(file)  # noqa: S301  asked for by name, and `load_file` has been told that it is trusted


def _write_skops(path: Path, value: Any) -> None:
    import skops.io

    skops.io.dump(value, path)


def _load_skops(store: Store, path: str, trusted: Collection[str]) -> Any:
    import skops.io

    if store.stat(path) is None:
        raise FileNotFoundError(path)
    place = store.local_path(path)
    trusted = [trusted] if isinstance(trusted, str) else trusted
    unknown = sorted(set(skops.io.get_untrusted_types(file=place)).difference(trusted))
    if unknown:
        raise UnreadableDataError(
            f"holds types that skops does not know to be harmless: {', '.join(unknown)}; look at what they are, "
            f"and load it with trusted={unknown!r}, which load() of a workspace and of a run take"
        )
    return skops.io.load(place, trusted=list(trusted))


def _write_safetensors(path: Path, value: Any) -> None:
    library = _find_tensor_library(value)
    tensors = {str(name): _make_dense(tensor) for name, tensor in value.items()}
    save = importlib.import_module(f"safetensors.{library}").save_file
    save(tensors, path, metadata={"format": _MARKS[library]})


def _load_safetensors(store: Store, path: str) -> Any:
    from safetensors import safe_open

    if store.stat(path) is None:
        raise FileNotFoundError(path)
    place = str(store.local_path(path))
    with safe_open(place, framework="np") as file:
        mark = (file.metadata() or {}).get("format")
    library = "torch" if mark == _MARKS["torch"] else "numpy"
    return importlib.import_module(f"safetensors.{library}").load_file(place)


#: How files of others say too which library made their tensors.
_MARKS = {"torch": "pt", "numpy": "np"}


def _find_tensor_library(value: Any) -> str:
    """The library whose arrays a dict holds. Raises UnsupportedTypeError for anything else."""
    if not isinstance(value, Mapping):
        raise UnsupportedTypeError(
            f"safetensors holds a dict of names and arrays or tensors, not a {type(value).__name__}; save "
            '{"name": value}, or ask for another format.'
        )
    libraries = set()
    for name, tensor in value.items():
        if not isinstance(name, str):
            raise UnsupportedTypeError(f"safetensors has only text for names, not {name!r:.60}; use str().")
        if is_instance(tensor, "torch", "Tensor"):
            libraries.add("torch")
        elif is_instance(tensor, "numpy", "ndarray"):
            libraries.add("numpy")
        else:
            raise UnsupportedTypeError(
                f"safetensors holds numpy arrays or torch tensors, and {name!r} is a {type(tensor).__name__}; make "
                "one of it, or ask for another format."
            )
    if len(libraries) > 1:
        raise UnsupportedTypeError("safetensors holds arrays of one library, not of numpy and torch; convert some.")
    return libraries.pop() if libraries else "numpy"


def _make_dense(tensor: Any) -> Any:
    """The tensor with its values one behind the other: safetensors writes memory as it lies there."""
    if is_instance(tensor, "torch", "Tensor"):
        return tensor.detach().contiguous()
    import numpy as np

    return np.asarray(tensor, order="C")


_WRITERS: dict[NamedFormat, Callable[[Path, Any], None]] = {
    NamedFormat.JOBLIB: _write_joblib,
    NamedFormat.PICKLE: _write_pickle,
    NamedFormat.SKOPS: _write_skops,
    NamedFormat.SAFETENSORS: _write_safetensors,
}
_LOADERS: dict[NamedFormat, Callable[[Store, str], Any]] = {
    NamedFormat.JOBLIB: _load_joblib,
    NamedFormat.PICKLE: _load_pickle,
    NamedFormat.SAFETENSORS: _load_safetensors,
}
