"""Removing old data files, executed notebooks and logs, and files that the catalog does not know."""

from __future__ import annotations

import itertools
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbpart.assets.numbers import check_count
from nbpart.catalog import Batch, VerbEvent, events
from nbpart.catalog.queries.prune import FilesInUse, create_prunable, files_in_use
from nbpart.catalog.queries.verbs import count_by_asset
from nbpart.errors import DeclarationError
from nbpart.project.person import name_person
from nbpart.project.project import Project
from nbpart.project.verb_result import VerbResult
from nbpart.project.verb_selection import CHOSEN, VerbSelection
from nbpart.states import Verb
from nbpart.storage import Store, StoredFile

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("nbpart")

#: A file that the catalog does not know stays for so many seconds: it may belong to work in progress.
STRAY_AFTER_S = 3600.0
#: The temporary table of the partitions that lose their current data.
_PRUNED = "verb_pruned"
#: Folders of ``runs/`` that are not pruned: they hold no notebooks and logs of runs.
_NOT_OF_RUNS = ("runs/_kernels/", "runs/_backfills/")


@dataclass(frozen=True)
class PruneResult:
    """The ``files`` that were removed, or would be: ``path, reason, bytes``, a file a row.

    ``partitions`` are those that lost their current data; None where ``keep`` newest ones of each stay.
    """

    files: pd.DataFrame
    keep: int
    partitions: VerbResult | None
    is_dry_run: bool

    @property
    def count(self) -> int:
        """How many files were removed and partitions pruned, together: 0 where there was nothing to do."""
        return len(self.files) + (self.partitions.count if self.partitions else 0)

    @property
    def number(self) -> str:
        """``12 files (3.4 MB)``, and how many of them the catalog does not know."""
        n, strays = len(self.files), int((self.files["reason"] == "stray").sum())
        unknown = f"; {strays:,} unknown to the catalog" if strays else ""
        return f"{n:,} file{'' if n == 1 else 's'} ({_show_size(int(self.files['bytes'].sum()))}{unknown})"

    @property
    def question(self) -> str:
        """What a person is asked before it is done."""
        if self.partitions is None:
            newest = "run and data" if self.keep == 1 else f"{self.keep:,} runs and data"
            return f"Delete {self.number}? The newest {newest} of each partition stay, and what is current."
        notes = "".join(f" {note}." for note in self.partitions.notes)
        if not self.partitions.count:
            return f"Delete {self.number} of runs? No partition loses its data.{notes}"
        stay = "It stays" if self.partitions.count == 1 else "They stay"
        return (
            f"Delete the data of {self.partitions.number}, {self.number}? {stay} materialized, and nothing becomes "
            f"outdated.{notes}"
        )

    def tell(self) -> pd.DataFrame:
        """Log what the files do not say, how many partitions lost their data; returns the files."""
        if self.partitions is not None:
            log.info("%s", self)
        return self.files

    def __str__(self) -> str:
        """``pruned 2 partitions of counts; 12 files (3.4 MB) deleted``"""
        deleted = "no file to delete"
        if len(self.files):
            deleted = f"{self.number} {'to delete' if self.is_dry_run else 'deleted'}"
        return deleted if self.partitions is None else f"{self.partitions}; {deleted}"


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
    stray_after_s: float = STRAY_AFTER_S,
) -> PruneResult:
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

    def work(batch: Batch) -> tuple[FilesInUse, VerbResult | None]:
        if asked is None:
            return files_in_use(batch, keep), None
        chosen = asked.create_table(batch)
        if keep:
            return files_in_use(batch, keep, CHOSEN), None
        left = chosen - create_prunable(batch, CHOSEN, _PRUNED)
        done = VerbResult(Verb.PRUNED, count_by_asset(batch, _PRUNED), _list_notes(left), dry_run)
        use = files_in_use(batch, keep, CHOSEN, _PRUNED)
        if done.count and not dry_run:
            events.mark_pruned(batch, _PRUNED, event)
        return use, done

    use, partitions = (project.catalog.read if dry_run or keep else project.catalog.write)(work)
    strays = assets is None and not is_restricted
    files = prune_files(project.store, use, with_strays=strays, dry_run=dry_run, stray_after_s=stray_after_s)
    return PruneResult(files, keep, partitions, dry_run)


def _show_size(n: int) -> str:
    """A number of bytes as a person reads it."""
    if n < 1000:
        return f"{n} byte{'' if n == 1 else 's'}"
    return f"{n / 1e6:,.1f} MB" if n >= 1e5 else f"{n / 1e3:,.1f} kB"


def _list_notes(left: int) -> tuple[str, ...]:
    """Why so many partitions keep what they have."""
    return (f"{left:,} without data to prune, or adopted, damaged or in use",) if left else ()
