"""Finding the workspace that a folder belongs to, where none was named.

As git does with a repository: a workspace found in a folder above may have been planted by somebody else (everybody can
make ``/tmp/workspace``), so it must belong to this user, or be on the list of workspaces that this user trusts.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from nbpart.errors import WorkspaceError
from nbpart.project.folder import CATALOG_NAME, POINTER_NAME, read_pointer
from nbpart.project.ownership import is_mine, name_owner
from nbpart.project.trust import load_trusted


def find_workspace(start: Path) -> Path | None:
    """The nearest workspace at or above a folder: the folder itself, or a folder ``workspace`` in it; None without one.

    The search ends where another file system is mounted. Raises `WorkspaceError` where the workspace belongs to another
    user and is not trusted: then it has to be named.
    """
    for folder in _list_parents(start):
        for candidate in (folder, folder / "workspace"):
            if _is_workspace(candidate):
                _check_owner(candidate)
                return candidate
    return None


def _is_workspace(folder: Path) -> bool:
    try:
        return (folder / CATALOG_NAME).is_file() or (folder / POINTER_NAME).is_file()
    except PermissionError:
        return False


def _list_parents(start: Path) -> list[Path]:
    """A folder and those above it on the same file system, lowest first."""
    device = start.stat().st_dev
    return [start, *itertools.takewhile(lambda folder: folder.stat().st_dev == device, start.parents)]


def _check_owner(root: Path) -> None:
    """Raise `WorkspaceError` where a part of the workspace belongs to another user and the workspace is not trusted."""
    pointer = root / POINTER_NAME
    place = read_pointer(root) or root
    parts = [root, place, place / CATALOG_NAME, *([pointer] if pointer.exists() else [])]
    stranger = next((part for part in parts if part.exists() and not is_mine(part)), None)
    if stranger is None or any(trusted.path == str(root.resolve()) for trusted in load_trusted()):
        return
    raise WorkspaceError(
        f"the workspace {root} was only found on the way up from here and is not yours: {stranger} belongs to "
        f"{name_owner(stranger)}; if it is the one that you mean, name it: -w {root} on the command line, "
        "NBPART_WORKSPACE in the environment, workspace= in nbpart.current_run."
    )
