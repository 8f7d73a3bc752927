"""A heatmap of the partitions that a condition chooses."""

from __future__ import annotations

import pytest

import nbpart
from nbpart.errors import UnknownNameError
from nbpart.widgets.heatmap import PartitionHeatmap
from tests.recording import record
from tests.widgets.pages import Page


def model(lr: float) -> dict[str, float]:
    return {}


def region(partition_key: str) -> str:
    return partition_key


@pytest.fixture
def ws(ws: nbpart.Workspace) -> nbpart.Workspace:
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    trials.add_grid(lr=[0.1, 0.2, 0.3])
    ws.asset(model, partitions=trials)
    ws.asset(region, partitions=["north", "south"])
    return ws


def shown(heat: PartitionHeatmap) -> dict[str, list[str]]:
    """The keys that a page is told, by set."""
    head, page = heat.state()["head"], Page(heat)
    found = {}
    for number, band in enumerate(head["bands"]):
        asked = {"view": head["view"], "band": number, "places": list(range(band["shown"]))}
        found[band["rows"][0]["name"]] = page.ask("keys", asked)["payload"]["keys"] if band["shown"] else []
    return found


def test_only_what_a_condition_chooses_is_shown(ws: nbpart.Workspace) -> None:
    heat = ws.heatmap(where="lr > 0.15", sort_by="status")
    try:
        assert shown(heat) == {"model": ["lr=0.2", "lr=0.3"]}, "what lacks the column is left out"
        assert "2 of 3 partitions" in heat.static_html()
        heat.show(text="0.3")
        assert shown(heat) == {"model": ["lr=0.3"]}, "what a page filters holds too"
        heat.show(text="", sort_by=None)
        assert shown(heat) == {"model": ["lr=0.2", "lr=0.3"]}
        ws.partitions("trials").add_grid(lr=[0.4])
        heat.apply(ws.project.catalog.read(lambda batch: heat.read(batch, None)))  # type: ignore[arg-type]
        assert shown(heat) == {"model": ["lr=0.2", "lr=0.3", "lr=0.4"]}
    finally:
        heat.close()
    with pytest.raises(UnknownNameError, match="region has no column 'lr'"):
        ws.heatmap("region", where="lr > 0.15")


def test_what_has_come_to_be_chosen_is_shown_at_the_next_look(ws: nbpart.Workspace) -> None:
    record(ws, "model", "lr=0.1", loss=3.0)
    heat = ws.heatmap("model", where="loss < 1")
    try:
        assert shown(heat) == {"model": []}
        for key, loss in (("lr=0.1", 0.5), ("lr=0.3", 0.4)):  # the first was made before: its status stays
            record(ws, "model", key, loss=loss)
            heat.apply(ws.project.catalog.read(lambda batch: heat.read(batch, None)))  # type: ignore[arg-type]
        assert shown(heat) == {"model": ["lr=0.1", "lr=0.3"]}
    finally:
        heat.close()
