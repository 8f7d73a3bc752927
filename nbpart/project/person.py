"""Who uses this process."""

from __future__ import annotations

import getpass
import os


def name_person() -> str:
    """The name of the user of this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container that has no user of this number
        return f"user {os.getuid()}"
