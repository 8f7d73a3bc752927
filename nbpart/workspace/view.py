"""Making the widgets of a workspace."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from nbpart.assets.selection import read_selection, select
from nbpart.project.project import Project
from nbpart.workspace.actions import WorkspaceActions

if TYPE_CHECKING:
    from nbpart.widgets.explorer import Explorer
    from nbpart.widgets.graph import AssetGraph
    from nbpart.widgets.heatmap import PartitionHeatmap
    from nbpart.widgets.monitor import BackfillMonitor


def make_graph(project: Project, assets: Any = None, *, folded: Collection[str] = (), height: int = 460) -> AssetGraph:
    """The asset graph of a workspace, or of a selection of its assets; the options are those of `AssetGraph`."""
    from nbpart.widgets.graph import AssetGraph

    selected = None if assets is None else read_selection(project.registry().graph, assets)
    names = None if selected is None else (*selected.sources, *selected.names)
    interrupt_dead_runs = _make_actions(project).interrupt_dead_runs
    return AssetGraph(project.catalog, names, folded=folded, height=height, interrupt_dead_runs=interrupt_dead_runs)


def make_heatmap(
    project: Project, assets: Any = None, *, color_by: str = "status", sort_by: str | None = None
) -> PartitionHeatmap:
    """The partitions of a workspace, or of a selection of its assets; the options are those of `PartitionHeatmap`."""
    from nbpart.widgets.heatmap import PartitionHeatmap

    names = None if assets is None else select(project.registry().graph, assets)
    interrupt_dead_runs = _make_actions(project).interrupt_dead_runs
    return PartitionHeatmap(
        project.catalog, names, color_by=color_by, sort_by=sort_by, interrupt_dead_runs=interrupt_dead_runs
    )


def make_monitor(project: Project, backfill_id: str) -> BackfillMonitor:
    """The monitor of a backfill, wherever it runs. Raises `UnknownNameError`."""
    from nbpart.widgets.monitor import BackfillMonitor

    return BackfillMonitor(project.catalog, _make_actions(project), backfill_id)


def make_explorer(project: Project, *, height: int = 300) -> Explorer:
    """Graph, heatmap and panel of a workspace; the options are those of `Explorer`."""
    from nbpart.widgets.explorer import Explorer

    return Explorer(project.catalog, _make_actions(project), height=height)


def _make_actions(project: Project) -> WorkspaceActions:
    """The actions of a workspace, after runs of dead processes were marked as interrupted."""
    actions = WorkspaceActions(project)
    actions.interrupt_dead_runs()
    return actions
