"""Removing what is no longer needed: old data, old notebooks and logs, and files that nothing names."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nbpart.catalog import Catalog
from nbpart.catalog.queries.prune import FilesInUse, files_in_use

if TYPE_CHECKING:
    import pandas as pd

#: A stray file that is younger may belong to a person who is at work, in seconds.
STRAY_AFTER_S = 3600.0
#: Folders of ``runs/`` that hold something else than notebooks and logs of runs.
_OWN_FOLDERS = ("_kernels", "_backfills")


def prune_files(
    catalog: Catalog, root: Path, keep: int, asset_ids: list[int] | None, *, dry_run: bool, stray_after_s: float
) -> pd.DataFrame:
    """Remove, or only list, what a workspace does not need; see `Workspace.prune`."""
    import pandas as pd

    use = catalog.read(lambda batch: files_in_use(batch, keep, asset_ids))
    rows = []
    for path, status in _files(root):
        name = str(path.relative_to(root))
        why = _why(name, status, use, time.time() - stray_after_s)
        if why is None or (why == "stray" and asset_ids is not None):
            continue
        if not dry_run:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        rows.append((name, why, status.st_size))
    if not dry_run:
        _remove_empty_folders(root)
    return pd.DataFrame(rows, columns=["path", "reason", "bytes"]).astype({"bytes": "int64"})


def _why(name: str, status: os.stat_result, use: FilesInUse, stray_before: float) -> str | None:
    """Why a file can go: ``old`` or ``stray``; None for one that stays."""
    if name in use.kept:
        return None
    if name in use.named:
        return "old"
    changed = status.st_mtime
    in_use = use.active_since is not None and changed >= use.active_since.timestamp()
    return None if in_use or changed > stray_before else "stray"


def _files(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for top in ("data", "runs"):
        for parent, folders, names in os.walk(root / top):
            if parent == str(root / "runs"):
                folders[:] = [folder for folder in folders if folder not in _OWN_FOLDERS]
            for name in sorted(names):
                path = Path(parent, name)
                with contextlib.suppress(FileNotFoundError):
                    yield path, path.stat(follow_symlinks=False)


def _remove_empty_folders(root: Path) -> None:
    for top in ("data", "runs"):
        for parent, _, _ in os.walk(root / top, topdown=False):
            if parent != str(root / top):
                with contextlib.suppress(OSError):  # not empty, or filled just now
                    os.rmdir(parent)
