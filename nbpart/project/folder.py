"""Making and opening the directory of a workspace."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nbpart.assets.kept_paths import find_path, keep_path
from nbpart.catalog import Catalog
from nbpart.errors import WorkspaceError
from nbpart.project.trust import MADE, is_trusted, trust_workspace
from nbpart.storage import write_bytes_atomic
from nbpart.storage.files import is_url
from nbpart.storage.own_files import read_own, share

CATALOG_NAME = "catalog.duckdb"
#: Says where the catalog is, in a workspace that keeps it elsewhere.
POINTER_NAME = "catalog.location"
#: Beside such a catalog: the token that the workspace has to know.
TOKEN_NAME = "catalog.token"
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
    for given in (path, *(() if catalog is None else (catalog,))):
        _check_local(given)
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
    opened = Catalog.open(place / CATALOG_NAME, create=True, purpose=purpose, is_known=partial(is_trusted, root))
    if opened.was_made_here:
        trust_workspace(root, opened.workspace_id, MADE)
    if place == root:
        (root / POINTER_NAME).unlink(missing_ok=True)
    else:
        _save_pointer(root, place)
        opened.stay_with(root)  # of a catalog in the workspace itself it is seen by the catalog's file
    return root, opened


def _find_catalog(root: Path) -> Path:
    """The folder of a workspace's catalog. Raises `WorkspaceError` where it is said to be elsewhere and is not.

    What a workspace says is no reason to write to another one's catalog: both hold one token, which somebody who only
    made the workspace does not know.
    """
    pointer = _read_pointer(root)
    if pointer is None:
        return root
    place = pointer.place
    if not (place / CATALOG_NAME).is_file():
        raise WorkspaceError(
            f"the workspace {root} keeps its catalog in {place}, but there is none: bring it back, or say where it is "
            "with nbpart.open(path, catalog=its folder)."
        )
    if not pointer.token or _read_token(place) != pointer.token:
        raise WorkspaceError(
            f"the workspace {root} names the catalog in {place}, which is not known to be its own; if it is, say so "
            f"once with nbpart.open({str(root)!r}, catalog={str(place)!r})."
        )
    return place


def read_pointer(root: Path) -> Path | None:
    """The folder that a workspace names for its catalog; None where it keeps it itself."""
    pointer = _read_pointer(root)
    return None if pointer is None else pointer.place


@dataclass(frozen=True, slots=True)
class _Pointer:
    """What a workspace says of a catalog elsewhere: its folder, and the token that stands there too."""

    place: Path
    token: str


def _read_pointer(root: Path) -> _Pointer | None:
    path = root / POINTER_NAME
    if not os.path.lexists(path):
        return None
    kept, _, token = read_own(path).decode("utf-8", "surrogateescape").partition("\n")
    return _Pointer(Path(find_path(kept, root)), token.strip())


def _read_token(place: Path) -> str:
    try:
        return read_own(place / TOKEN_NAME).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return ""


def _save_pointer(root: Path, place: Path) -> None:
    """Let the workspace remember where its catalog is, and the catalog that it may."""
    if not (token := _read_token(place)):
        token = secrets.token_hex(16)
        write_bytes_atomic(place / TOKEN_NAME, f"{token}\n".encode())
    wanted = _Pointer(place, token)
    if _read_pointer(root) != wanted:
        write_bytes_atomic(root / POINTER_NAME, f"{keep_path(place, root)}\n{token}\n".encode())


def _check_local(path: str | os.PathLike[str]) -> None:
    if is_url(text := os.fspath(path)):
        raise WorkspaceError(
            f"{text!r} is a URL: a workspace and its catalog are folders of this machine, so give a path; what may lie "
            "in a bucket are the sources that it reads."
        )


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
