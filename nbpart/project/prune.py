"""Removing old data files, executed notebooks and logs, and files that the catalog does not know."""

from __future__ import annotations

import itertools
import logging
import time
from typing import TYPE_CHECKING, Any

from nbpart.assets.numbers import check_count
from nbpart.assets.selection import describe
from nbpart.catalog import Batch, VerbEvent, events
from nbpart.catalog.queries.prune import FilesInUse, create_prunable, files_in_use
from nbpart.errors import DeclarationError
from nbpart.project.project import Project
from nbpart.project.verb_result import VerbResult, name_person
from nbpart.project.verb_selection import CHOSEN, VerbSelection
from nbpart.states import Verb
from nbpart.storage import Store, StoredFile

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("nbpart")

#: A file that the catalog does not know stays for so many seconds: it may belong to work in progress.
STRAY_AFTER_S = 3600.0
#: Folders of ``runs/`` that are not pruned: they hold no notebooks and logs of runs.
_NOT_OF_RUNS = ("runs/_kernels/", "runs/_backfills/")


def prune_files(
    store: Store, use: FilesInUse, *, with_strays: bool, dry_run: bool, stray_after_s: float
) -> pd.DataFrame:
    """Remove, or with ``dry_run`` only list, the files of a workspace that are not in ``use``.

    Returns ``path, reason, bytes``, a file a row.
    """
    import pandas as pd

    # both are checked before anything is removed: one may be a link
    found = itertools.chain(*[store.list(top, with_leftovers=True) for top in ("data", "runs")])
    removable = {}
    for file in found:
        reason = _find_reason(file, use, time.time() - stray_after_s)
        if reason is not None and (with_strays or reason != "stray"):
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


def prune(
    project: Project,
    keep: int,
    assets: Any,
    keys: Any = None,
    where: Any = None,
    *,
    reason: str = "",
    dry_run: bool,
    stray_after_s: float,
) -> pd.DataFrame:
    """Remove, or with ``dry_run`` only list, old files; see `Workspace.prune`.

    What loses its current data is recorded as pruned before the files are removed.
    """
    check_count("keep", keep, least=0)
    is_restricted = keys is not None or where is not None
    if keep == 0 and not is_restricted:
        raise DeclarationError(
            "prune(keep=0) would delete all data: say of which partitions, by where= or keys=, or keep at least 1."
        )
    project.coordinator.reap()
    asked = None
    if assets is not None or is_restricted:
        asked = VerbSelection.read(project.registry(), "*" if assets is None else assets, keys, where)
    event = VerbEvent(Verb.PRUNED, name_person(), reason)

    def work(batch: Batch) -> tuple[FilesInUse, int, int]:
        if asked is None:
            return files_in_use(batch, keep), 0, 0
        chosen = asked.create_table(batch)
        pruned = create_prunable(batch, CHOSEN, "verb_pruned") if keep == 0 else 0
        use = files_in_use(batch, keep, CHOSEN, "verb_pruned" if keep == 0 else None)
        if pruned and not dry_run:
            events.mark_pruned(batch, "verb_pruned", event)
        return use, pruned, chosen - pruned if keep == 0 else 0

    use, pruned, left = (project.catalog.read if dry_run or keep else project.catalog.write)(work)
    if keep == 0:
        log.info("%s", VerbResult(Verb.PRUNED, {describe(assets or "*"): pruned}, _list_notes(left), dry_run))
    strays = assets is None and not is_restricted
    return prune_files(project.store, use, with_strays=strays, dry_run=dry_run, stray_after_s=stray_after_s)


def _list_notes(left: int) -> tuple[str, ...]:
    """Why so many partitions keep what they have."""
    return (f"{left:,} without data to prune, or adopted, damaged or in use",) if left else ()
