"""Making and opening the directory of a workspace."""

from __future__ import annotations

import os
from pathlib import Path

from nbpart.catalog import Catalog
from nbpart.errors import WorkspaceError

CATALOG_NAME = "catalog.duckdb"
FOLDERS = ("data", "runs", "code")


def open_folder(
    path: str | os.PathLike[str],
    catalog: str | os.PathLike[str] | None = None,
    *,
    create: bool = True,
    purpose: str = "",
) -> tuple[Path, Catalog]:
    """The absolute directory of a workspace and its catalog, both made if they are not there.

    ``catalog`` is the folder that holds the catalog, if not the workspace itself. Raises `WorkspaceError` for a path
    that cannot be one, `CatalogError` for a catalog that cannot be used.
    """
    root = Path(path).expanduser().absolute()
    if root.exists() and not root.is_dir():
        raise WorkspaceError(f"{root} is a file, not a folder: a workspace is a folder; give another path.")
    place = Path(catalog).expanduser().absolute() if catalog is not None else root
    exists = (place / CATALOG_NAME).exists()
    if not create and not exists:
        raise WorkspaceError(f"there is no workspace at {root}; `nbpart init` or nbpart.open makes one.")
    _check_writable(root)
    for folder in FOLDERS:
        _make(root / folder)
    return root, Catalog.open(place / CATALOG_NAME, create=True, purpose=purpose)


def find_workspace(start: Path) -> Path | None:
    """The workspace at, in, or above a folder: one that is itself a workspace or holds one named ``workspace``."""
    for folder in (start, *start.parents):
        for candidate in (folder, folder / "workspace"):
            if (candidate / CATALOG_NAME).is_file():
                return candidate
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
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"the folder {folder} cannot be made ({error.strerror}); give another path.") from error
