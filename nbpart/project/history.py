"""What happened to a partition: its runs, and what persons did to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbpart.assets.asset import name_of
from nbpart.backfill.registry import spell_key
from nbpart.catalog import Batch, queries
from nbpart.catalog.queries.verbs import history_frame
from nbpart.errors import UnknownNameError
from nbpart.project.project import Project

if TYPE_CHECKING:
    import pandas as pd


def list_history(project: Project, asset: Any, key: Any) -> pd.DataFrame:
    """What happened to a partition, newest first; see `Workspace.history`. A key that was removed has its history."""
    node = project.registry()[name_of(asset)]
    text = spell_key(node, key)

    def work(batch: Batch) -> pd.DataFrame:
        key_id = queries.find_key(batch, node.asset_id, text)
        if key_id is None:
            raise UnknownNameError(f"{node.name!r} never had a partition {text!r}.")
        return history_frame(batch, node.asset_id, key_id)

    return project.read(work)
