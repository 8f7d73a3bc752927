"""Making and opening the directory of a workspace."""

from __future__ import annotations

import os
from pathlib import Path

from nbpart.assets.nearness import find_path, keep_path
from nbpart.catalog import Catalog
from nbpart.errors import WorkspaceError
from nbpart.storage import write_bytes_atomic
from nbpart.storage.own_files import share
from nbpart.workspace.trust import MADE, trust_workspace

CATALOG_NAME = "catalog.duckdb"
#: Says where the catalog is, in a workspace that keeps it elsewhere.
POINTER_NAME = "catalog.location"
FOLDERS = ("data", "runs", "code")


def open_folder(
    path: str | os.PathLike[str],
    catalog: str | os.PathLike[str] | None = None,
    *,
    create: bool = True,
    purpose: str = "",
) -> tuple[Path, Catalog]:
    """The absolute directory of a workspace and its catalog, both made if they are not there.

    ``catalog`` is the folder that holds the catalog, if not the workspace itself; the workspace remembers it. Raises
    `WorkspaceError` for a path that cannot be one, `CatalogError` for a catalog that cannot be used.
    """
    root = Path(path).expanduser().absolute()
    if root.exists() and not root.is_dir():
        raise WorkspaceError(f"{root} is a file, not a folder: a workspace is a folder; give another path.")
    place = _find_catalog(root) if catalog is None else Path(catalog).expanduser().absolute()
    exists = (place / CATALOG_NAME).exists()
    if not create and not exists:
        raise WorkspaceError(f"there is no workspace at {root}; `nbpart init` or nbpart.open makes one.")
    _check_writable(root)
    for folder in FOLDERS:
        _make(root / folder)
    opened = Catalog.open(place / CATALOG_NAME, create=True, purpose=purpose)
    if opened.was_made_here:
        trust_workspace(root, opened.workspace_id, MADE)
    if place == root:
        (root / POINTER_NAME).unlink(missing_ok=True)
    elif read_pointer(root) != place:
        write_bytes_atomic(root / POINTER_NAME, f"{keep_path(place, root)}\n".encode())
    return root, opened


def _find_catalog(root: Path) -> Path:
    """The folder of a workspace's catalog. Raises `WorkspaceError` where it is said to be elsewhere and is not."""
    place = read_pointer(root)
    if place is None:
        return root
    if not (place / CATALOG_NAME).is_file():
        raise WorkspaceError(
            f"the workspace {root} keeps its catalog in {place}, but there is none: bring it back, or say where it is "
            "with nbpart.open(path, catalog=its folder)."
        )
    return place


def read_pointer(root: Path) -> Path | None:
    """The folder that a workspace names for its catalog; None where it keeps it itself."""
    try:
        return Path(find_path((root / POINTER_NAME).read_text(encoding="utf-8").rstrip("\n"), root))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _check_writable(root: Path) -> None:
    above = next(folder for folder in (root, *root.parents) if folder.exists())
    if not above.is_dir():
        raise WorkspaceError(f"{above} is a file, so {root} cannot be a folder; give another path.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise WorkspaceError(
            f"{above} is read-only for this user: a workspace records what it does; copy it to a place you can write."
        )


def _make(folder: Path) -> None:
    try:
        if os.path.lexists(folder):  # what is no folder of its own is refused when it is used
            return
        folder.mkdir(parents=True)
        share(os.stat(folder.parent), folder)
    except FileExistsError:  # another process made it
        return
    except OSError as error:
        raise WorkspaceError(f"the folder {folder} cannot be made ({error.strerror}); give another path.") from error
