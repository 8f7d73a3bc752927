"""What is late in the graph and the heatmap: as it is opened, made, and as time passes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

import nbpart
from nbpart.states import STATUS_CODES, PartitionStatus
from nbpart.widgets.heatmap_bands import LATE_BIT
from nbpart.widgets.palette import LATE
from tests.clocks import Clock, set_clock
from tests.recording import record
from tests.widgets.pages import Page
from tests.workspaces import project, ws

__all__ = ["project", "ws"]

MISSING, MADE = STATUS_CODES[PartitionStatus.MISSING], STATUS_CODES[PartitionStatus.MATERIALIZED]


def visits(partition_key: str) -> str:
    return partition_key


def make(ws: nbpart.Workspace, asset: str, key: str) -> None:
    with mock.patch("nbpart.project.manual_run.datetime", Clock(ws.project.catalog.clock())):
        record(ws, asset, key)


@pytest.fixture
def opened(ws: nbpart.Workspace) -> nbpart.Workspace:
    set_clock(ws, "2026-03-07T08:00Z")
    days = ws.partitions(nbpart.DailyPartitions("days", start="2026-03-03"))
    ws.asset(visits, partitions=days, fresh=nbpart.expect(by="09:00", within="2d"), group="daily")
    ws.asset(visits, name="other", partitions=days, group="daily")
    return ws


@pytest.fixture
def heat(opened: nbpart.Workspace) -> Iterator[Any]:
    heat = opened.heatmap(sort_by="key")
    yield heat
    heat.close()


def cells_of(widget: Any) -> list[int]:
    return list(zlib.decompress(widget.get_state("snapshot")["snapshot"]["state"]["cells"]))


def late_of(widget: Any) -> list[int]:
    [band] = widget.get_state("snapshot")["snapshot"]["state"]["head"]["bands"]
    return band["late"]  # type: ignore[no-any-return]


def test_the_heatmap_sends_what_is_late_as_a_bit_beside_its_status(heat: Any) -> None:
    late = MISSING | LATE_BIT
    assert cells_of(heat) == [MISSING, late, late, MISSING, *[MISSING] * 4]
    assert late_of(heat) == [2, 0]
    html = heat.static_html()
    assert f"{LATE.glyph} late" in html
    assert f"{LATE.glyph}\N{NO-BREAK SPACE}2" in html
    assert 'class="s-late"' in html


def test_what_is_made_is_late_no_more(heat: Any, opened: nbpart.Workspace) -> None:
    page = Page(heat)
    make(opened, "visits", "2026-03-05")
    page.wait_for(lambda m: m.get("kind") in ("cells", "view"))
    assert cells_of(heat)[:4] == [MISSING, MISSING | LATE_BIT, MADE, MISSING]
    assert late_of(heat) == [1, 0]
    places, status, _ = next(b for m, b in zip(page.messages, page.buffers, strict=True) if m.get("kind") == "cells")
    assert places[:4] == (2).to_bytes(4, "little")
    assert set(status) == {MADE}


def test_as_time_passes_what_becomes_late_is_seen_though_nothing_was_written(
    heat: Any, opened: nbpart.Workspace
) -> None:
    page, sequence = Page(heat), opened.project.catalog.sequence()
    set_clock(opened, "2026-03-07T09:00Z")
    page.wait_for(lambda m: m.get("kind") in ("cells", "view"))
    assert cells_of(heat)[:4] == [MISSING, MISSING, MISSING | LATE_BIT, MISSING | LATE_BIT]
    assert opened.project.catalog.sequence() == sequence


def test_a_heatmap_of_what_is_late_follows(opened: nbpart.Workspace) -> None:
    heat = opened.heatmap(where="late")
    page = Page(heat)
    assert cells_of(heat) == [MISSING | LATE_BIT] * 2 + [MISSING] * 2
    set_clock(opened, "2026-03-07T09:00Z")
    page.wait_for(lambda m: m.get("kind") == "view")
    assert len(cells_of(heat)) == 4
    make(opened, "visits", "2026-03-05")
    page.wait_for(lambda m: m.get("kind") == "view" and m["payload"]["bands"][0]["shown"] == 1)
    heat.close()


def test_where_nothing_is_expected_nothing_is_sent_of_it(opened: nbpart.Workspace) -> None:
    heat = opened.heatmap(["other"], sort_by="key")
    assert set(cells_of(heat)) == {MISSING}
    assert late_of(heat) == [0]
    assert "late" not in heat.static_html().replace("--nbpart-late", "").replace(".s-late", "")
    heat.close()


def test_cards_of_the_graph_count_what_is_late(opened: nbpart.Workspace) -> None:
    graph = opened.graph()
    page = Page(graph)
    assert {card.name: card.late for card in graph.model.cards} == {"visits": 2, "other": 0}
    assert f"0 / 4 {LATE.glyph}2" in graph.static_html()
    assert "visits (function): 4 missing, 2 late" in graph.static_html()
    make(opened, "visits", "2026-03-05")
    message = page.wait_for(lambda m: m.get("kind") == "counts")
    assert [late for _, _, late, _ in message["payload"]["changed"]] == [1]
    graph.folded = ["daily"]
    assert [card.late for card in graph.model.cards] == [1]
    set_clock(opened, "2026-03-08T09:00Z")
    page.wait_for(lambda m: m.get("kind") == "counts" and m["payload"]["changed"][0][2] == 2)
    answer = page.ask("explain", {"name": "visits", "is_group": False})
    assert answer["ok"], answer
    why = answer["payload"]["causes"]
    assert why[-1].startswith("2 late, the first since ")
    graph.close()
