"""Which user owns a file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path


def my_user_ids(environ: Mapping[str, str] = os.environ) -> frozenset[int]:
    """The ids of this user: that of the process, and under sudo that of the user who called sudo."""
    ids = {os.geteuid()}
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError, ValueError):
            ids.add(int(environ["SUDO_UID"]))
    return frozenset(ids)


def is_mine(path: Path) -> bool:
    """Whether this user or root owns a file or folder; for a link, both the link and its target.

    False where nothing is there.
    """
    try:
        return {path.lstat().st_uid, path.stat().st_uid} <= my_user_ids() | {0}
    except OSError:
        return False


def name_owner(path: Path) -> str:
    """The name of the user who owns a file or folder, or words for a user without a name."""
    import pwd

    try:
        number = path.stat().st_uid
    except OSError:
        return "nobody who can be named"
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"the user with number {number}"
