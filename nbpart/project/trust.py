"""The list of workspaces that this user made or trusts: only their code may run.

A workspace holds code (notebooks, sensors), and it may come from anybody. Who owns its files is no sign, since whoever
unpacks an archive owns what was in it. So there is a list outside of every workspace, in the user's own state folder: a
small file for each workspace that this user made or decided to trust, with its path and its identity. A workspace is on
the list only if both are equal.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from nbpart.errors import UntrustedWorkspaceError
from nbpart.project.ownership import my_user_ids
from nbpart.storage import write_bytes_atomic

log = logging.getLogger("nbpart")

MADE, TRUSTED = "made", "trusted"
#: With more entries than this, those whose workspace is gone are dropped.
_MOST_KEPT = 1000
#: The workspaces that this process made or trusted, as (path, workspace id), whether or not the list can be written.
_in_process: set[tuple[str, str]] = set()


@dataclass(frozen=True, slots=True)
class Trusted:
    """An entry of the list; ``how`` is ``"made"`` or ``"trusted"`` by this user, ``since`` an ISO time in UTC."""

    path: str
    workspace_id: str
    how: str
    since: str


def find_state_folder(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder for nbpart's state of this user, by the XDG or macOS rules; None where there is no home."""
    base = Path(environ.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():
        try:
            home = Path.home()
        except RuntimeError:
            return None
        base = home / ("Library/Application Support" if sys.platform == "darwin" else ".local/state")
    return base / "nbpart" if base.is_absolute() else None


def is_trusted(root: Path, workspace_id: str) -> bool:
    """Whether this user made the workspace of that identity at this path, or trusts it there."""
    path = os.path.realpath(root)
    if (path, workspace_id) in _in_process:
        return True
    folder = _list_folder()
    found = None if folder is None else _read(folder / _file_name(path))
    return found is not None and (found.path, found.workspace_id) == (path, workspace_id)


def require_trust(root: Path, workspace_id: str) -> None:
    """Raise `UntrustedWorkspaceError` where the code of a workspace may not run."""
    if is_trusted(root, workspace_id):
        return
    elsewhere = [entry.path for entry in load_trusted() if entry.workspace_id == workspace_id]
    moved = f" (the one that you trust is at {elsewhere[0]}: was it moved or copied here?)" if elsewhere else ""
    raise UntrustedWorkspaceError(
        f"the workspace {root} is none that you made or trust{moved}, and this would run the code that it holds; if "
        f"you trust who made it, say so once: nbpart.open({str(root)!r}, trust=True), or --trust on the command line."
    )


def trust_workspace(root: Path, workspace_id: str, how: str = TRUSTED) -> None:
    """Put a workspace on the list; where the list cannot be written, it is trusted until this process ends."""
    path = os.path.realpath(root)
    _in_process.add((path, workspace_id))
    entry = Trusted(path, workspace_id, how, datetime.now(UTC).isoformat(timespec="seconds"))
    folder = _list_folder()
    try:
        if folder is None:
            raise FileNotFoundError("there is no home folder")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_bytes_atomic(folder / _file_name(path), json.dumps(asdict(entry), indent=1).encode())
        _drop_gone(folder)
    except OSError as error:
        log.info("%s is trusted until this process ends: the list of trusted workspaces cannot be written (%s).",
                 root, error.strerror or error)  # fmt: skip


def forget_workspace(root: Path) -> bool:
    """Remove a path from the list; returns whether it was on it. Raises `OSError` where it cannot be written."""
    path = os.path.realpath(root)
    _in_process.difference_update({known for known in _in_process if known[0] == path})
    folder = _list_folder()
    if folder is None or _read(folder / _file_name(path)) is None:
        return False
    (folder / _file_name(path)).unlink(missing_ok=True)
    return True


def load_trusted() -> list[Trusted]:
    """The entries of the list, sorted by path."""
    folder = _list_folder()
    if folder is None or not folder.is_dir():
        return []
    entries = (_read(file) for file in folder.glob("*.json"))
    return sorted((entry for entry in entries if entry is not None), key=lambda entry: entry.path)


def _list_folder() -> Path | None:
    folder = find_state_folder()
    return None if folder is None else folder / "trusted"


def _file_name(path: str) -> str:
    return f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.json"


def _read(file: Path) -> Trusted | None:
    """Read an entry; None where there is none, it cannot be read, or another user wrote it."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(handle, encoding="utf-8") as stream:
        if os.fstat(handle).st_uid not in my_user_ids():
            return None
        try:
            entry = Trusted(**{name: str(value) for name, value in json.load(stream).items()})
        except (OSError, ValueError, TypeError, AttributeError):
            return None
    return entry if _file_name(entry.path) == file.name else None


def _drop_gone(folder: Path) -> None:
    """Drop entries whose workspace no longer exists, once there are more than `_MOST_KEPT`."""
    files = list(folder.glob("*.json"))
    if len(files) > _MOST_KEPT:
        for file in files:
            entry = _read(file)
            if entry is not None and not os.path.lexists(entry.path):
                file.unlink(missing_ok=True)
