"""Wiping partitions: they are missing from then on, and their files stay until a prune, or go at once."""

from __future__ import annotations

from typing import Any

from nbpart.catalog import Batch, VerbEvent, events
from nbpart.catalog.queries.verbs import count_wipeable, own_data_files
from nbpart.project.person import name_person
from nbpart.project.project import Project
from nbpart.project.refresh import refresh_registry
from nbpart.project.verb_result import VerbResult
from nbpart.project.verb_selection import CHOSEN, VerbSelection, refuse_active, refuse_read
from nbpart.states import Verb


def wipe(
    project: Project,
    selection: Any,
    keys: Any,
    where: Any = None,
    *,
    reason: str = "",
    data: bool = False,
    dry_run: bool = False,
) -> VerbResult:
    """Make partitions missing, and with ``data`` delete their files; see `Workspace.wipe`."""
    asked = VerbSelection.read(refresh_registry(project), selection, keys, where)
    event = VerbEvent(Verb.WIPED, name_person(), reason)

    def work(batch: Batch) -> tuple[dict[str, int], int, list[str]]:
        chosen = asked.create_table(batch)
        refuse_active(batch, "wiped")
        if data:
            refuse_read(batch, "deleted")
        counts = count_wipeable(batch, CHOSEN)
        paths = own_data_files(batch, CHOSEN) if data else []
        if not dry_run:
            events.wipe_partitions(batch, CHOSEN, event)
        return counts, chosen, paths

    counts, chosen, paths = (project.catalog.read if dry_run else project.catalog.write)(work)
    if dry_run:  # the catalog names files too that a prune deleted
        paths = [path for path in paths if project.store.stat(path) is not None]
    else:  # only what is recorded as gone is deleted
        paths = list(project.store.remove(*paths))
    left = chosen - sum(counts.values())
    notes = [f"{left:,} had no data"] if left else []
    if data:
        notes.append(f"{len(paths):,} file{'' if len(paths) == 1 else 's'} {'to delete' if dry_run else 'deleted'}")
    return VerbResult(Verb.WIPED, counts, tuple(notes), dry_run)
