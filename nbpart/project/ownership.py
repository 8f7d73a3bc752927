"""Whose a file is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path


def my_user_ids(environ: Mapping[str, str] = os.environ) -> frozenset[int]:
    """The user ids that mean this person: that of the process, and under sudo that of who typed it."""
    ids = {os.geteuid()}
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError, ValueError):
            ids.add(int(environ["SUDO_UID"]))
    return frozenset(ids)


def is_mine(path: Path) -> bool:
    """Whether a file or folder belongs to this person, or to root, who may do anything here anyway.

    Of a link, it and what it leads to. False where nothing is there.
    """
    try:
        return {path.lstat().st_uid, path.stat().st_uid} <= my_user_ids() | {0}
    except OSError:
        return False


def name_owner(path: Path) -> str:
    """The user that a file or folder belongs to, in words."""
    import pwd

    try:
        number = path.stat().st_uid
    except OSError:
        return "nobody who can be named"
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"the user with number {number}"
