"""What a person may be typing: names of assets, keys of their partitions, columns. Bounded, and never in the way."""

from __future__ import annotations

from nbpart.catalog.queries.chosen_keys import find_keys_that_begin
from nbpart.catalog.queries.partition_table import FACTS, KEY
from nbpart.errors import NbpartError
from nbpart.project.project import Project

#: So many are offered, and the catalog is waited for so long, in seconds.
MOST, WAIT_S = 300, 0.5


def complete_assets(project: Project, beginning: str) -> list[str]:
    """The assets and sources whose names begin so, in the order of the graph."""
    try:
        return [name for name in project.registry().graph if name.startswith(beginning)][:MOST]
    except NbpartError:
        return []


def complete_keys(project: Project, asset: str, beginning: str) -> list[str]:
    """The keys of an asset that begin so, in the order of their set; none where the catalog is busy."""
    try:
        node = project.registry().nodes.get(asset)
        if node is None or not node.definition.is_partitioned:
            return []
        set_id = node.set_id
        return project.catalog.read(lambda b: find_keys_that_begin(b, set_id, beginning, MOST), timeout_s=WAIT_S)
    except NbpartError:
        return []


def complete_columns(project: Project, asset: str, beginning: str) -> list[str]:
    """The columns that a condition on an asset may name and that begin so: those of its set, then facts."""
    try:
        node = project.registry().nodes.get(asset)
    except NbpartError:
        return []
    partitions = None if node is None else node.partitions
    names = [column.name for column in (partitions.columns if partitions else ())]
    metrics = [] if node is None else list(node.definition.metrics)
    return [
        name
        for name in dict.fromkeys([*names, *metrics, KEY.name, *(c.name for c in FACTS)])
        if name.startswith(beginning)
    ]
