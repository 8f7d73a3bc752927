"""Making the widgets of a workspace."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nbpart.assets.selection import read_selection, select
from nbpart.backfill.registry import load_registry
from nbpart.catalog import Batch
from nbpart.catalog.lateness import find_next_due
from nbpart.errors import NbpartError
from nbpart.partitions.filters import Condition, read_condition
from nbpart.project.partition_selection import choose_partitions
from nbpart.project.project import Project
from nbpart.workspace.actions import WorkspaceActions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nbpart.widgets.explorer import Explorer
    from nbpart.widgets.graph import AssetGraph
    from nbpart.widgets.heatmap import PartitionHeatmap
    from nbpart.widgets.monitor import BackfillMonitor
    from nbpart.widgets.trigger_table import TriggerTable


def make_graph(project: Project, assets: Any = None, *, folded: Collection[str] = (), height: int = 460) -> AssetGraph:
    """The asset graph of a workspace, or of a selection of its assets; the options are those of `AssetGraph`."""
    from nbpart.widgets.graph import AssetGraph

    selected = None if assets is None else read_selection(project.registry().graph, assets)
    names = None if selected is None else (*selected.sources, *selected.names)
    actions = _make_actions(project)
    return AssetGraph(
        project.catalog,
        names,
        folded=folded,
        height=height,
        interrupt_dead_runs=actions.interrupt_dead_runs,
        explain=actions.explain_asset,
    )


def make_heatmap(
    project: Project, assets: Any = None, *, where: Any = None, color_by: str = "status", sort_by: str | None = None
) -> PartitionHeatmap:
    """The partitions of a workspace, or of a selection of its assets; the options are those of `PartitionHeatmap`.

    With ``where`` only those that a condition chooses, as in a plan. Raises as that does.
    """
    from nbpart.widgets.heatmap import PartitionHeatmap

    interrupt_dead_runs = _make_actions(project).interrupt_dead_runs
    choose = None if where is None else _ChosenWhere(project, "*" if assets is None else assets, read_condition(where))
    if choose is not None:
        names: Sequence[str] | None = list(project.catalog.read(choose))
    else:
        names = None if assets is None else select(project.registry().graph, assets)
    return PartitionHeatmap(
        project.catalog,
        names,
        color_by=color_by,
        sort_by=sort_by,
        interrupt_dead_runs=interrupt_dead_runs,
        choose=choose,
    )


class _ChosenWhere:
    """Reads which keys of each asset a condition chooses, again where the catalog or what is late may have changed.

    What was chosen last stays where it cannot be asked any more, as when an asset was removed.
    """

    def __init__(self, project: Project, selection: Any, condition: Condition) -> None:
        self._root, self._selection, self._condition = project.root, selection, condition
        self._read: tuple[int, Mapping[str, NDArray[np.int64]]] | None = None
        self._until: datetime | None = None

    def __call__(self, batch: Batch) -> Mapping[str, NDArray[np.int64]]:
        has_passed = self._until is not None and batch.now >= self._until
        if self._read is None or self._read[0] != batch.sequence or has_passed:
            registry = load_registry(batch, self._root)
            try:
                selected = read_selection(registry.graph, self._selection)
                chosen = choose_partitions(batch, registry, selected, where=self._condition).key_ids
            except NbpartError:
                if self._read is None:
                    raise
                chosen = self._read[1]
            self._read, self._until = (batch.sequence, chosen), find_next_due(batch)
        return self._read[1]


def make_monitor(project: Project, backfill_id: str) -> BackfillMonitor:
    """The monitor of a backfill, wherever it runs. Raises `UnknownNameError`."""
    from nbpart.widgets.monitor import BackfillMonitor

    return BackfillMonitor(project.catalog, _make_actions(project), backfill_id)


def make_trigger_table(project: Project) -> TriggerTable:
    """The triggers of a workspace as a live table, wherever they are looked with."""
    from nbpart.widgets.trigger_table import TriggerTable

    return TriggerTable(project.catalog, WorkspaceActions(project))


def make_explorer(project: Project, *, height: int = 300) -> Explorer:
    """Graph, heatmap and panel of a workspace; the options are those of `Explorer`."""
    from nbpart.widgets.explorer import Explorer

    return Explorer(project.catalog, _make_actions(project), height=height)


def _make_actions(project: Project) -> WorkspaceActions:
    """The actions of a workspace, after runs of dead processes were marked as interrupted."""
    actions = WorkspaceActions(project)
    actions.interrupt_dead_runs()
    return actions
