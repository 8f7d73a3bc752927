"""The number of the last commit in a small file beside the catalog, which idle viewers read without a lease."""

from __future__ import annotations

import os
from pathlib import Path

from nbpart.storage.own_files import explain, open_own, read_own

_DIGITS = 20


def read_sequence(path: Path) -> int:
    """The number; 0 where it cannot be read."""
    try:
        return int(read_own(path))
    except (OSError, ValueError):
        return 0


def write_sequence(path: Path, sequence: int, like: Path) -> None:
    """Write the number; a new file gets the permissions of the catalog, the file ``like``. Raises WorkspaceError."""
    file = open_own(path, writes=True, create=True, like=like)
    try:
        os.pwrite(file, b"%0*d\n" % (_DIGITS, sequence), 0)
    except OSError as error:
        raise explain(error, path) from error
    finally:
        os.close(file)
