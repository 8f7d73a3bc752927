"""Functions as code that travels: those of a source that is no file, which say what there is and read it; checks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbpart.assets.carrying.carry import carry
from nbpart.assets.code import (
    LocalModule,
    import_root,
    is_importable,
    version_of_definition,
    version_of_function,
)
from nbpart.assets.modules.search_path import NOWHERE, SearchPath, path_of_process
from nbpart.assets.source_reading import FunctionCode
from nbpart.assets.sources import read_source
from nbpart.errors import DeclarationError


def read_function(function: Any, what: str, takes: int, folder: Path) -> FunctionCode:
    """The code of a function that a source was declared with; ``takes`` is the number of its arguments.

    Raises `DeclarationError` for what is no such function, `CarryError` for one that cannot be carried.
    """
    if not callable(function) or not hasattr(function, "__code__") or inspect.iscoroutinefunction(function):
        raise DeclarationError(f"{what}= is a function, not {type(function).__name__} {function!r:.60}.")
    _check_arguments(function, what, takes)
    return read_code(function, folder, path_of_process())


def read_code(function: Callable[..., Any], folder: Path, search: SearchPath = NOWHERE) -> FunctionCode:
    """The code of a function that is called elsewhere, declared in a folder.

    Of the local modules that it imports those below that folder and its own root count, and those on the ``search``
    path. Raises `DeclarationError` for what is no plain function, `CarryError` for one that cannot be carried.
    """
    root = str(import_root(function)) if is_importable(function) else ""
    roots = [folder, Path(root)] if root else [folder]
    version = version_of_function(function, roots, search).version
    if root:
        return FunctionCode(function.__qualname__, str(folder), version, module=function.__module__, root=root)
    carried = carry(function)
    return FunctionCode(carried.call, str(folder), version, source=carried.source)


def find_version(code: FunctionCode) -> str | None:
    """The version of a function of a module as its file is now; nothing is imported.

    None where it is carried, and where the file cannot be read; "" where that has no such function any more.
    """
    if not code.module:
        return None
    place = Path(code.root, *code.module.split("."))
    try:
        path = next(path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file())
        own = LocalModule(code.module, path, read_source(path))
        return version_of_definition(own, code.call, [Path(code.folder), Path(code.root)]).version
    except DeclarationError:
        return ""
    except (StopIteration, OSError, ValueError, SyntaxError):
        return None


def _check_arguments(function: Callable[..., Any], what: str, takes: int) -> None:
    try:
        inspect.signature(function).bind(*[None] * takes)
    except TypeError:
        wanted = {"version": "the list of keys", "load": "one key"}[what] if takes else "nothing"
        raise DeclarationError(
            f"{what}={function.__name__} is called with {wanted}; its arguments are {inspect.signature(function)}."
        ) from None
