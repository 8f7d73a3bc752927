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
from nbpart.storage.own_files import read_own, share
from nbpart.storage.relative import absolute_folder
from nbpart.storage.url_template import is_url

CATALOG_NAME = "catalog.duckdb"
#: A file in a workspace that keeps its catalog elsewhere: the catalog's folder and the token below, a line each.
POINTER_NAME = "catalog.location"
#: A file beside such a catalog: the token that the workspace has to repeat.
TOKEN_NAME = "catalog.token"
FOLDERS = ("data", "runs", "code")


def open_folder(
    path: str | os.PathLike[str],
    catalog: str | os.PathLike[str] | None = None,
    *,
    create: bool = True,
    purpose: str = "",
) -> tuple[Path, Catalog]:
    """Open the workspace at ``path``: returns its absolute folder and its catalog, both made if they are not there.

    ``catalog`` is the folder that holds the catalog, if not the workspace itself; the workspace remembers it.
    ``purpose`` tells other processes what this one does. Raises `WorkspaceError` for a path that cannot be a workspace,
    or is none where ``create`` is false, and `CatalogError` for a catalog that cannot be used.
    """
    for given in (path, *(() if catalog is None else (catalog,))):
        _check_local(given)
    root = absolute_folder(path)
    if root.exists() and not root.is_dir():
        raise WorkspaceError(f"{root} is a file, not a folder: a workspace is a folder; give another path.")
    place = _find_catalog(root) if catalog is None else absolute_folder(catalog)
    exists = (place / CATALOG_NAME).exists()
    if not create and not exists:
        raise WorkspaceError(f"there is no workspace at {root}; `nbpart init` or nbpart.open makes one.")
    _check_writable(root)
    for folder in FOLDERS:
        _make_folder(root / folder)
    opened = Catalog.open(place / CATALOG_NAME, create=True, purpose=purpose, is_known=partial(is_trusted, root))
    if opened.was_created:
        trust_workspace(root, opened.workspace_id, MADE)
    if place == root:
        (root / POINTER_NAME).unlink(missing_ok=True)
    else:
        _save_pointer(root, place)
        opened.bind_to_folder(
            root
        )  # a catalog inside the workspace notices by its own file that the workspace was moved
    return root, opened


def _find_catalog(root: Path) -> Path:
    """The folder of a workspace's catalog. Raises `WorkspaceError` where it is not where the workspace says.

    The claim of a workspace alone is not enough to write to another folder: both hold the same token, which somebody
    who forged the workspace does not know.
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
    """The content of a workspace's `POINTER_NAME` file: the catalog's folder and its token."""

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
    """Write the catalog's folder and token to the workspace, and the token to the catalog's folder if it has none."""
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


def _make_folder(folder: Path) -> None:
    try:
        if os.path.lexists(folder):  # a link or file in its place is refused when it is used
            return
        folder.mkdir(parents=True)
        share(os.stat(folder.parent), folder)
    except FileExistsError:  # another process made it
        return
    except OSError as error:
        raise WorkspaceError(f"the folder {folder} cannot be made ({error.strerror}); give another path.") from error
