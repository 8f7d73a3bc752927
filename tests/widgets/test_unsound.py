"""What does not pass a check, in the graph, the heatmap and the explorer: as it is opened, and as it is judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import nbpart
from nbpart.states import STATUS_CODES, PartitionStatus
from nbpart.widgets.heatmap_bands import UNSOUND_BIT
from nbpart.widgets.palette import UNSOUND
from nbpart.workspace.view import make_monitor
from tests.backfill.pools import Stage
from tests.widgets.pages import Page
from tests.widgets.test_explorer import until
from tests.widgets.test_late import cells_of
from tests.workspaces import project, ws

__all__ = ["project", "ws"]

MADE = STATUS_CODES[PartitionStatus.MATERIALIZED]


@pytest.fixture
def stage(ws: nbpart.Workspace) -> Stage:
    """Two partitions are made, of which the second does not pass a check."""
    stage = Stage(judge=lambda spec, check: spec.partition_key != "b")
    ws.project.make_pool = stage.make_pool

    def visits(partition_key: str) -> str:
        return partition_key

    def is_good(visits: str) -> bool:
        return bool(visits)

    ws.asset(visits, partitions=["a", "b"])
    ws.check("visits", blocking=True)(is_good)
    ws.backfill("visits").wait(progress=False)
    return stage


@pytest.fixture
def heat(ws: nbpart.Workspace, stage: Stage) -> Iterator[Any]:
    heat = ws.heatmap(sort_by="key")
    yield heat
    heat.close()


def test_the_heatmap_sends_it_as_a_bit_beside_its_status(heat: Any) -> None:
    assert cells_of(heat) == [MADE, MADE | UNSOUND_BIT]
    html = heat.static_html()
    assert f"{UNSOUND.glyph} not passing a check" in html
    assert "2 materialized, 1 not passing a check" in html


def test_what_passes_is_marked_no_more(ws: nbpart.Workspace, stage: Stage, heat: Any) -> None:
    page = Page(heat)
    stage.judge = lambda spec, check: True
    ws.run_checks("visits")
    page.wait_for(lambda m: m.get("kind") in ("cells", "view"))
    assert cells_of(heat) == [MADE, MADE]


def test_cards_of_the_graph_count_it(ws: nbpart.Workspace, stage: Stage) -> None:
    graph = ws.graph()
    assert [card.unsound for card in graph.model.cards] == [1]
    assert "visits (function): 2 materialized, 1 not passing a check" in graph.static_html()
    graph.close()


def test_the_panel_says_what_each_check_found(ws: nbpart.Workspace, stage: Stage) -> None:
    explorer = ws.explore()
    page = Page(explorer.panel)
    assert page.ask("show_partition", {"asset": "visits", "partition_key": "b"})["ok"]
    until(lambda: explorer.panel.model.partition is not None)
    html = explorer.static_html()
    assert "check is_good" in html
    assert "✕ failed: ValueError: bad" in html
    explorer.close()


def test_the_monitor_counts_what_a_backfill_made(ws: nbpart.Workspace, stage: Stage) -> None:
    backfill = ws.backfill("visits", status="all").wait(progress=False)
    monitor = make_monitor(ws.project, backfill.id)
    assert monitor.state()["backfill"]["unsound"] == 1
    assert f"{UNSOUND.glyph} 1 not passing a check" in monitor.static_html()
    monitor.close()
