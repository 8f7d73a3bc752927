"""What a person does to partitions without a run: verbs as methods of a workspace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nbpart.project.accept import accept
from nbpart.project.adopt import adopt
from nbpart.project.history import list_history
from nbpart.project.project import Project
from nbpart.project.verb_result import VerbResult
from nbpart.project.wipe import wipe

if TYPE_CHECKING:
    import pandas as pd


class Verbs:
    """The verbs of a workspace. Each is recorded with who did it, when and why; `history` tells it."""

    project: Project

    def accept(
        self, selection: Any, keys: Any = None, *, where: Any = None, reason: str = "", dry_run: bool = False
    ) -> VerbResult:
        """Record partitions as current, as if they had run with the code and on the inputs of now.

        ``keys`` and ``where`` choose among those of ``selection``, as in `plan`. Their data stay as they are; a later
        change makes them stale again. ``"+report"`` accepts the chain above too. What was wiped is there again, as long
        as its files are. With ``dry_run`` it only says what it would do. Raises `MissingInputError` for a key without
        data, or where nothing that is chosen has any.
        """
        return accept(self.project, selection, keys, where, reason=reason, dry_run=dry_run)

    def adopt(
        self,
        asset: Any,
        path: str | os.PathLike[str],
        *,
        version: Literal["hash", "size+mtime"] = "hash",
        reason: str = "",
        dry_run: bool = False,
    ) -> VerbResult:
        """Make files that are there the data of partitions, as if they had been made by the code of now.

        ``path`` names columns of the partitions in braces, as a source's does: ``"old/{partition_key}.parquet"``; keys
        that a dynamic set does not have are added. The files stay where they are and are only ever read: no verb
        writes, moves or deletes them. Their ending says how they are loaded. ``version="size+mtime"`` tells a file from
        another without reading it. Raises `MissingInputError` where there are no files, `DeclarationError` where they
        are of no key.
        """
        folder = Path.cwd()
        return adopt(self.project, asset, path, folder=folder, version=version, reason=reason, dry_run=dry_run)

    def wipe(
        self,
        selection: Any,
        keys: Any = None,
        *,
        where: Any = None,
        reason: str = "",
        data: bool = False,
        dry_run: bool = False,
    ) -> VerbResult:
        """Make partitions missing, as if they had never run; what reads them is stale until equal data are there again.

        ``keys`` and ``where`` choose among those of ``selection``, as in `plan`. Their files stay until `prune`, and
        `accept` takes the partitions back until then; with ``data`` the files of all their runs are deleted now. Files
        that were adopted always stay. With ``dry_run`` it only says what it would do. Raises `DeclarationError` where
        one of them is queued or running.
        """
        return wipe(self.project, selection, keys, where, reason=reason, data=data, dry_run=dry_run)

    def history(self, asset: Any, partition_key: Any = None) -> pd.DataFrame:
        """What happened to a partition, newest first: ``happened_at, event, run_id, person, reason``.

        Runs by their status, and what persons did by a verb: accepted, adopted, wiped, pruned, removed, erased.
        """
        return list_history(self.project, asset, partition_key)
