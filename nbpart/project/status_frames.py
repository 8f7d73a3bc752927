"""The statuses of partitions as frames: counted by asset, and one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbpart.assets.asset import name_of
from nbpart.assets.selection import select
from nbpart.backfill.registry import Registry
from nbpart.catalog import Batch, queries
from nbpart.catalog.conditions import choose_where
from nbpart.partitions.filters import read_condition
from nbpart.project.local_times import show_in_zones
from nbpart.project.project import Project
from nbpart.project.refresh import describe_code_age, refresh_registry
from nbpart.states import DISPLAY_ORDER

if TYPE_CHECKING:
    import pandas as pd


def tabulate_statuses(registry: Registry, names: Sequence[str], counts: pd.DataFrame, as_seen: str) -> pd.DataFrame:
    """Counts of partitions with an asset a row (the index) and a status a column, from `queries.status_counts`.

    ``names`` are the assets, ``as_seen`` becomes the name of the columns.
    """
    import pandas as pd

    by_id = {node.asset_id: name for name, node in registry.nodes.items()}
    table = counts.assign(asset=counts["asset_id"].map(by_id)).pivot_table(
        index="asset", columns="status", values="n", aggfunc="sum", fill_value=0
    )
    table = table.reindex(index=list(names), columns=[str(s) for s in DISPLAY_ORDER], fill_value=0).astype("int64")
    return pd.DataFrame(table).rename_axis(index="asset", columns=as_seen or None)


def count_statuses(project: Project, assets: Any = None) -> pd.DataFrame:
    """How many partitions of each asset have each status; see `Workspace.status`."""
    registry = refresh_registry(project)
    names = registry.graph.computed if assets is None else select(registry.graph, assets)
    return tabulate_statuses(registry, names, project.catalog.read(queries.status_counts), describe_code_age(project))


def partition_status(project: Project, asset: Any, where: Any = None) -> pd.DataFrame:
    """A partition of an asset a row; see `Workspace.partition_status`."""
    condition = None if where is None else read_condition(where)
    node = refresh_registry(project)[name_of(asset)]

    def work(batch: Batch) -> pd.DataFrame:
        ids = None if condition is None else choose_where(batch, node.asset_id, condition, node.name).key_ids
        return queries.partition_status(batch, node.asset_id, ids)

    return show_in_zones(project.catalog.read(work), node.partitions)
