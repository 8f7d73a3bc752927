"""Paths as they are written down: relative to a workspace, so that they hold wherever it is moved or copied."""

from __future__ import annotations

import os
from pathlib import Path

from nbpart.storage.url_template import is_url


def to_relative(path: str, root: str) -> str:
    """A path relative to the workspace `root`, with ``..`` in front where it lies beside the workspace.

    Only the text counts, links are not followed. A URL stays as it is, and so does what lies outside of the folder that
    holds the workspace: it does not move with it.
    """
    if path.startswith(inside := f"{root.rstrip(os.sep)}{os.sep}"):
        return path.removeprefix(inside)
    project = os.path.dirname(root.rstrip(os.sep))
    moves_along = project != os.sep and f"{path}{os.sep}".startswith(f"{project}{os.sep}")
    return os.path.relpath(path, root) if moves_along else path


def to_absolute(path: str, root: str) -> str:
    """Where a path that `to_relative` made is now. A URL stays as it is."""
    return path if is_url(path) or os.path.isabs(path) else os.path.normpath(os.path.join(root, path))


def absolute_folder(path: str | os.PathLike[str]) -> Path:
    """An absolute path without ``..``; ``~`` is the user's home.

    What stands before a ``..`` is resolved as the system does it. Links after the last one are kept as they are.
    """
    folder = Path(path).expanduser().absolute()
    steps = folder.parts
    if ".." not in steps:
        return folder
    after = len(steps) - steps[::-1].index("..")
    return Path(*steps[:after]).resolve().joinpath(*steps[after:])
