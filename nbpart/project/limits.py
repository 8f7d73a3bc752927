"""Limits on runs at a time that hold over all backfills and processes of a workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from nbpart.assets.numbers import check_count
from nbpart.backfill.options import check_names
from nbpart.backfill.places import list_limits
from nbpart.backfill.registry import load_registry
from nbpart.catalog import Batch, events, queries
from nbpart.errors import DeclarationError
from nbpart.project.project import Project

if TYPE_CHECKING:
    import pandas as pd


def set_limits(project: Project, limits: Mapping[str, int | None]) -> None:
    """Set limits; see `Workspace.set_limits`."""
    if not isinstance(limits, Mapping):
        raise DeclarationError(f"limits maps names to whole numbers, as {{'tag:db': 2}}, and is no {limits!r}.")
    for name, most in limits.items():
        if most is not None:
            check_count(f"limits[{name!r}]", most, least=1)

    def work(batch: Batch) -> None:
        nodes = load_registry(batch, project.root).nodes.values()
        known = queries.load_run_limits(batch)
        new = [name for name, most in limits.items() if most is not None or name not in known]
        check_names([node.definition for node in nodes if not node.definition.is_source], limits=new)
        events.set_run_limits(batch, limits)

    project.catalog.write(work)


def limits_frame(project: Project) -> pd.DataFrame:
    """The limits with what they hold up now; see `Workspace.limits`."""
    import pandas as pd

    def load(batch: Batch) -> list[tuple[str, int, int, int]]:
        registry = load_registry(batch, project.root)
        names = {node.asset_id: name for name, node in registry.nodes.items()}
        running: Counter[str] = Counter()
        for asset_id, _, runs in queries.load_active_runs(batch, list(names)):
            running[names[asset_id]] += runs
        waiting = Counter(names[asset_id] for asset_id, _ in queries.load_place_waits(batch) if asset_id in names)
        return [
            (name, limit.most, sum(running[a] for a in limit.assets), sum(waiting[a] for a in limit.assets))
            for name, limit in sorted(list_limits(registry, queries.load_run_limits(batch)).items())
        ]

    rows = project.catalog.read(partial(load))
    return pd.DataFrame(rows, columns=["limit", "most", "running", "waiting"])
