"""Functions as code that travels: those of a source that is no file, which say what there is and read it; checks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbpart.assets.carrying.carry import carry
from nbpart.assets.code import import_root, is_importable, version_of_function
from nbpart.assets.modules.search_path import path_of_process
from nbpart.assets.source_reading import FunctionCode
from nbpart.errors import DeclarationError


def read_function(function: Any, what: str, takes: int, folder: Path) -> FunctionCode:
    """The code of a function that a source was declared with; ``takes`` is the number of its arguments.

    Raises `DeclarationError` for what is no such function, `CarryError` for one that cannot be carried.
    """
    if not callable(function) or not hasattr(function, "__code__") or inspect.iscoroutinefunction(function):
        raise DeclarationError(f"{what}= is a function, not {type(function).__name__} {function!r:.60}.")
    _check_arguments(function, what, takes)
    return read_code(function, folder)


def read_code(function: Callable[..., Any], folder: Path) -> FunctionCode:
    """The code of a function that is called elsewhere, declared in a folder.

    Raises `DeclarationError` for what is no plain function, `CarryError` for one that cannot be carried.
    """
    root = str(import_root(function)) if is_importable(function) else ""
    roots = [folder, Path(root)] if root else [folder]
    version = version_of_function(function, roots, path_of_process()).version
    if root:
        return FunctionCode(function.__qualname__, str(folder), version, module=function.__module__, root=root)
    carried = carry(function)
    return FunctionCode(carried.call, str(folder), version, source=carried.source)


def _check_arguments(function: Callable[..., Any], what: str, takes: int) -> None:
    try:
        inspect.signature(function).bind(*[None] * takes)
    except TypeError:
        wanted = {"version": "the list of keys", "load": "one key"}[what] if takes else "nothing"
        raise DeclarationError(
            f"{what}={function.__name__} is called with {wanted}; its arguments are {inspect.signature(function)}."
        ) from None
