"""Removing old data files, executed notebooks and logs, and files that the catalog does not know."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.assets.selection import select
from nbpart.backfill.options import check_count
from nbpart.catalog import Catalog
from nbpart.catalog.queries.prune import FilesInUse, files_in_use
from nbpart.project.project import Project
from nbpart.storage.own_files import check_own_folder, walk_own

if TYPE_CHECKING:
    import pandas as pd

#: A file that the catalog does not know stays for so many seconds: it may belong to work in progress.
STRAY_AFTER_S = 3600.0
#: Folders of ``runs/`` that are not pruned: they hold no notebooks and logs of runs.
_OWN_FOLDERS = frozenset({"_kernels", "_backfills"})


def prune_files(
    catalog: Catalog, root: Path, keep: int, asset_ids: list[int] | None, *, dry_run: bool, stray_after_s: float
) -> pd.DataFrame:
    """Remove, or with ``dry_run`` only list, the old files of a workspace: of all assets, or of those with these ids.

    Of each partition the newest ``keep`` runs and materializations stay. Returns ``path, reason, bytes``, a file a row.
    """
    import pandas as pd

    use = catalog.read(lambda batch: files_in_use(batch, keep, asset_ids))
    rows = []
    for top in ("data", "runs"):  # both are checked before anything is removed: one may be a link
        check_own_folder(root / top)
    for top in ("data", "runs"):
        for folder, names, handle in walk_own(root, top, _OWN_FOLDERS):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    status = os.stat(name, dir_fd=handle, follow_symlinks=False)
                    path = f"{folder}/{name}"
                    reason = _find_reason(path, status, use, time.time() - stray_after_s)
                    if reason is None or (reason == "stray" and asset_ids is not None):
                        continue
                    if not dry_run:
                        os.unlink(name, dir_fd=handle)
                    rows.append((path, reason, status.st_size))
            if not dry_run:
                _remove_empty_folders(handle)
    rows.sort()
    return pd.DataFrame(rows, columns=["path", "reason", "bytes"]).astype({"bytes": "int64"})


def _find_reason(name: str, status: os.stat_result, use: FilesInUse, stray_before: float) -> str | None:
    """Why a file can be removed: ``old`` or ``stray`` (unknown to the catalog); None for one that stays.

    ``stray_before`` is in seconds since 1970: a stray file that changed later stays.
    """
    if name in use.kept:
        return None
    if name in use.named:
        return "old"
    changed = status.st_mtime
    in_use = use.active_since is not None and changed >= use.active_since.timestamp()
    return None if in_use or changed > stray_before else "stray"


def _remove_empty_folders(handle: int) -> None:
    """Remove the empty folders directly below the folder with an open ``handle``."""
    for entry in os.scandir(handle):
        if entry.is_dir(follow_symlinks=False):
            with contextlib.suppress(OSError):  # not empty, or filled just now
                os.rmdir(entry.name, dir_fd=handle)


def prune(project: Project, keep: int, assets: Any, *, dry_run: bool, stray_after_s: float) -> pd.DataFrame:
    """Remove, or with ``dry_run`` only list, old files; see `Workspace.prune`."""
    check_count("keep", keep, least=1)
    project.coordinator.reap()
    registry = project.registry()
    ids = None if assets is None else [registry[name].asset_id for name in select(registry.graph, assets)]
    return prune_files(project.catalog, project.root, keep, ids, dry_run=dry_run, stray_after_s=stray_after_s)
