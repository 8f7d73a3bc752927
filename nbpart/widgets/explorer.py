"""Graph, heatmap and panel of a workspace, side by side, as one live widget."""

from __future__ import annotations

import ipywidgets  # type: ignore[import-untyped]

from nbpart.catalog import Catalog
from nbpart.widgets.actions import Actions
from nbpart.widgets.explorer_panel import ExplorerPanel
from nbpart.widgets.graph import AssetGraph
from nbpart.widgets.heatmap import PartitionHeatmap
from nbpart.widgets.live_widget import display_with_static, reply_on_requesting_subshell


class Explorer(ipywidgets.Box):  # type: ignore[misc]
    """The whole workspace: ``graph``, below it ``heatmap``, and beside them ``panel`` with details of the selection.

    ``height`` is the greatest height of the graph in pixels. A double click on an asset shows only that asset in the
    heatmap. Everything is kept up to date with the catalog until `close`.
    """

    def __init__(self, catalog: Catalog, actions: Actions, *, height: int = 300) -> None:
        self.graph = AssetGraph(
            catalog, height=height, interrupt_dead_runs=actions.interrupt_dead_runs, explain=actions.explain_asset
        )
        self.heatmap = PartitionHeatmap(catalog, interrupt_dead_runs=actions.interrupt_dead_runs)
        self.panel = ExplorerPanel(catalog, actions, self.graph, self.heatmap)
        self.graph.on_focus(self._focus)
        left = ipywidgets.Box([self.graph, self.heatmap])
        left.add_class("nbpart-explorer-left")
        self._left = left
        super().__init__([left, self.panel])
        self.add_class("nbpart-explorer")
        for control in (left, self):
            reply_on_requesting_subshell(control)

    def _focus(self, name: str) -> None:
        """Show only this asset in the heatmap; does nothing for a source, which has no partitions there."""
        if any(asset.name == name and asset.kind != "source" for asset in self.panel.model.assets):
            self.heatmap.focus([name])

    def static_html(self) -> str:
        """Return what it shows as HTML without scripts, for a page that has no kernel."""
        return self.graph.static_html() + self.heatmap.static_html() + self.panel.static_html()

    def close(self) -> None:
        for widget in (getattr(self, name, None) for name in ("panel", "heatmap", "graph", "_left")):
            if widget is not None:
                widget.close()
        super().close()

    def _ipython_display_(self) -> None:
        display_with_static(self, self.static_html(), self.panel.static_id)

    def __repr__(self) -> str:
        return f"<Explorer of {len(self.panel.model.assets)} assets and sources>"
