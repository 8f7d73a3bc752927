"""Removing old data files, executed notebooks and logs, and files that the catalog does not know."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

from nbpart.assets.numbers import check_count
from nbpart.assets.selection import select
from nbpart.catalog import Catalog
from nbpart.catalog.queries.prune import FilesInUse, files_in_use
from nbpart.project.project import Project
from nbpart.storage import Store, StoredFile

if TYPE_CHECKING:
    import pandas as pd

#: A file that the catalog does not know stays for so many seconds: it may belong to work in progress.
STRAY_AFTER_S = 3600.0
#: Folders of ``runs/`` that are not pruned: they hold no notebooks and logs of runs.
_NOT_OF_RUNS = ("runs/_kernels/", "runs/_backfills/")


def prune_files(
    catalog: Catalog, store: Store, keep: int, asset_ids: list[int] | None, *, dry_run: bool, stray_after_s: float
) -> pd.DataFrame:
    """Remove, or with ``dry_run`` only list, the old files of a workspace: of all assets, or of those with these ids.

    Of each partition the newest ``keep`` runs and materializations stay. Returns ``path, reason, bytes``, a file a row.
    """
    import pandas as pd

    use = catalog.read(lambda batch: files_in_use(batch, keep, asset_ids))
    # both are checked before anything is removed: one may be a link
    found = itertools.chain(*[store.list(top, with_leftovers=True) for top in ("data", "runs")])
    removable = {}
    for file in found:
        reason = _find_reason(file, use, time.time() - stray_after_s)
        if reason is not None and not (reason == "stray" and asset_ids is not None):
            removable[file.path] = (file.path, reason, file.bytes)
    paths = list(removable) if dry_run else store.remove(*removable)
    rows = [removable[path] for path in sorted(paths)]
    return pd.DataFrame(rows, columns=["path", "reason", "bytes"]).astype({"bytes": "int64"})


def _find_reason(file: StoredFile, use: FilesInUse, stray_before: float) -> str | None:
    """Why a file can be removed: ``old`` or ``stray`` (unknown to the catalog); None for one that stays.

    ``stray_before`` is in seconds since 1970: a stray file that changed later stays.
    """
    if file.path in use.kept or file.path.startswith(_NOT_OF_RUNS):
        return None
    if file.path in use.named:
        return "old"
    changed = file.modified_ns / 1e9
    in_use = use.active_since is not None and changed >= use.active_since.timestamp()
    return None if in_use or changed > stray_before else "stray"


def prune(project: Project, keep: int, assets: Any, *, dry_run: bool, stray_after_s: float) -> pd.DataFrame:
    """Remove, or with ``dry_run`` only list, old files; see `Workspace.prune`."""
    check_count("keep", keep, least=1)
    project.coordinator.reap()
    registry = project.registry()
    ids = None if assets is None else [registry[name].asset_id for name in select(registry.graph, assets)]
    return prune_files(project.catalog, project.store, keep, ids, dry_run=dry_run, stray_after_s=stray_after_s)
