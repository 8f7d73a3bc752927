"""Paths of code as a catalog keeps them: relative where they move with the workspace, absolute elsewhere.

What lies below the folder that holds the workspace is near: a project is moved and copied with both.
"""

from __future__ import annotations

import os
from pathlib import Path


def keep_path(path: str | os.PathLike[str], root: Path) -> str:
    """A path as it is kept: relative to the folder that holds the workspace ``root`` if it lies there or below."""
    text = os.fspath(path)
    if not os.path.isabs(text):
        return text
    for place, base in ((Path(text), root.parent), (_resolve(text), root.parent.resolve())):
        if place.is_relative_to(base):
            return str(place.relative_to(base))
    return text


def find_path(kept: str, root: Path) -> str:
    """Where a path that `keep_path` kept is now, absolute."""
    return os.path.normpath(root.parent / kept)


def _resolve(text: str) -> Path:
    """The path without links in its folders; the last part, which may be a pattern or a link itself, stays."""
    path = Path(text)
    return path.parent.resolve() / path.name
