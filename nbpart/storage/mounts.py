"""What the system says of the file systems that are mounted."""

from __future__ import annotations

import os
from pathlib import Path


def find_file_system(folder: Path, mounts: str = "/proc/self/mountinfo") -> str | None:
    """The kind of the file system in which a folder lies, as ``ext4`` or ``nfs4``; None where it is not known."""
    try:
        lines = Path(mounts).read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    place, best, kind = os.path.realpath(folder), "", None
    for line in lines:
        own, _, rest = line.partition(" - ")
        point = own.split(" ")[4].encode().decode("unicode_escape") if len(own.split(" ")) > 4 else ""
        is_above = place == point or place.startswith(point.rstrip("/") + "/")
        if point and is_above and len(point) >= len(best):  # of two mounted at one place the later one counts
            best, kind = point, rest.split(" ")[0]
    return kind
