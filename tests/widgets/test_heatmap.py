from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbpart.catalog import Catalog, events
from nbpart.errors import DeclarationError, WorkspaceError
from nbpart.states import STATUS_CODES
from nbpart.states import PartitionStatus as P
from nbpart.widgets.heatmap import PartitionHeatmap
from nbpart.widgets.heatmap_model import Selection
from tests.widgets import heatmap_scenes as scenes
from tests.widgets.pages import Page

FAILED, MADE = STATUS_CODES[P.FAILED], STATUS_CODES[P.MATERIALIZED]
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = scenes.open_scene(tmp_path)
    yield catalog
    catalog.close()


@pytest.fixture
def heat(catalog: Catalog) -> Iterator[PartitionHeatmap]:
    set_id = scenes.add_set(catalog, "files", ["a", HOSTILE, "c"])
    found = scenes.add_assets(catalog, set_id, ["one", "two"], {"two": [("one", "same")]})
    scenes.set_statuses(catalog, found["one"], [MADE, FAILED, MADE], ([1.0, 2.0, 3.0], [0.1, 0, math.nan]))
    heat = PartitionHeatmap(catalog)
    yield heat
    heat.close()


@pytest.fixture
def page(heat: PartitionHeatmap) -> Page:
    return Page(heat)


def ask(page: Page, action: str, **payload: Any) -> dict[str, Any]:
    answer = page.ask(action, payload)
    assert answer["ok"], answer
    return dict(answer["payload"])


def test_the_state_is_a_head_and_bytes(heat: PartitionHeatmap) -> None:
    state = heat.get_state("snapshot")["snapshot"]["state"]
    assert [band["set"] for band in state["head"]["bands"]] == ["files"]
    assert isinstance(state["cells"], bytes)


def test_a_click_is_a_selection_with_keys(heat: PartitionHeatmap, page: Page) -> None:
    seen: list[Any] = []
    heat.observe(lambda change: seen.append(change["new"]), "selection")
    answer = ask(page, "select", view=1, band=0, rows=[0], ranges=[[1, 3]])
    assert heat.selection == Selection("files", heat.selection.version, ("one",), ((1, 3),), (HOSTILE, "c"))
    assert seen == [heat.selection]
    assert answer["message"] == f"Selected 2 partitions of one: {HOSTILE}, c"
    found = ask(page, "highlights", view=1, band=0, rows=[0], ranges=[[1, 3]])
    assert found["highlights"] == [{"band": 0, "row": 1, "role": "reader", "ranges": [(1, 3)]}]
    assert heat.selected_keys() == [HOSTILE, "c"]
    ask(page, "clear")
    assert heat.selection is None
    assert heat.selected_keys() == []


def test_keys_of_a_large_selection_are_read_when_asked_for(catalog: Catalog) -> None:
    set_id = scenes.add_set(catalog, "many", [str(n) for n in range(1000)])
    scenes.add_assets(catalog, set_id, ["one"])
    heat = PartitionHeatmap(catalog)
    ask(Page(heat), "select", view=1, band=0, rows=[0], ranges=[[1, 900]])
    assert heat.selection.keys is None
    assert heat.selected_keys() == [str(n) for n in range(1, 900)]
    catalog.write(lambda b: events.remove_keys(b, set_id, ["0"]))
    heat._view_state.update()
    with pytest.raises(WorkspaceError, match="select them again"):
        heat.selected_keys()
    heat.close()


def test_details_are_valid_json(page: Page) -> None:
    found = ask(page, "details", view=1, band=0, row=0, place=2)["partition"]
    assert (found["key"], found["status"], found["duration_s"]) == ("c", "materialized", 3.0)
    assert found["metrics"] == [("accuracy", "nan")]
    assert ask(page, "details", view=1, band=0, row=1, place=1)["partition"]["status"] == "missing"
    assert ask(page, "details", view=1, band=0, row=1, place=99)["partition"] is None


def test_keys_are_returned_for_places(page: Page) -> None:
    assert ask(page, "keys", view=1, band=0, places=[2, 0, 7])["keys"] == ["c", "a", None]


def test_other_options_send_the_whole_view(page: Page, heat: PartitionHeatmap) -> None:
    ask(page, "set_options", color_by="duration_s", sort_by="key", statuses=[FAILED], text="")
    [whole] = [m for m in page.messages if m.get("kind") == "view"]
    assert (whole["payload"]["color_by"], whole["payload"]["bands"][0]["shown"]) == ("duration_s", 1)
    heat.show(status=None, color_by="status", sort_by=None)
    heat.show(status="failed", text="a")
    assert heat._view_state.options.statuses == {FAILED}
    assert heat._view_state.options.text == "a"


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("select", {"view": 1, "band": 9, "rows": [0], "ranges": [[0, 1]]}),
        ("select", {"view": 1, "band": 0, "rows": [0], "ranges": [[0, 1, 2]]}),
        ("select", {"view": 1, "band": 0, "rows": [-1], "ranges": [[0, 1]]}),
        ("select", {"view": 8, "band": 0, "rows": [0], "ranges": [[0, 1]]}),
        ("keys", {"view": 1, "band": 0, "places": list(range(5000))}),
        ("set_options", {"color_by": "a'; drop table keys", "sort_by": None, "statuses": [], "text": ""}),
        ("set_options", {"color_by": "status", "sort_by": None, "statuses": [17], "text": ""}),
        ("details", {"view": 1, "band": 0, "row": 0, "place": "0"}),
        ("evaluate", {"code": "1"}),
    ],
)
def test_a_wrong_request_is_refused_with_the_reason(page: Page, action: str, payload: dict[str, Any]) -> None:
    answer = page.ask(action, payload)
    assert not answer["ok"]
    assert answer["error"]["message"].endswith(".")


@pytest.mark.parametrize("options", [{"color_by": "a b"}, {"color_by": "key"}, {"sort_by": "1x"}, {"color_by": 3}])
def test_wrong_options_are_refused(catalog: Catalog, options: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError):
        PartitionHeatmap(catalog, **options)


def test_an_unknown_status_is_refused(heat: PartitionHeatmap) -> None:
    with pytest.raises(DeclarationError, match="'done' is no status"):
        heat.show(status=["failed", "done"])


def test_writes_of_others_are_sent_as_patches(heat: PartitionHeatmap, page: Page, tmp_path: Path) -> None:
    other = Catalog.open(tmp_path / "catalog.duckdb")
    scenes.change(other, 2, 1, MADE)
    found = page.wait_for(lambda m: m.get("kind") == "cells", 5)
    assert found["payload"]["parts"] == [(0, 1, 1)]
    other.close()


def test_a_page_that_is_opened_late_gets_the_newest_state(heat: PartitionHeatmap, catalog: Catalog) -> None:
    scenes.change(catalog, 2, 1, FAILED)
    heat._view_state.update()
    whole = heat.get_state("snapshot")["snapshot"]
    assert whole["seq"] == heat.seq >= 1
    assert whole["state"]["head"]["bands"][0]["counts"][1][FAILED] == 1


def test_the_static_form_has_every_row_and_no_markup_of_data(catalog: Catalog) -> None:
    set_id = scenes.add_set(catalog, HOSTILE, [HOSTILE, "b", "c"])
    [one] = scenes.add_assets(catalog, set_id, ["one"]).values()
    scenes.set_statuses(catalog, one, [MADE, FAILED, 0])
    scenes.add_assets(catalog, 0, ["single"])
    heat = PartitionHeatmap(catalog)
    html = heat.static_html()
    assert "<img" not in html
    assert "&lt;img" in html
    assert "✕ 1 failed" in html
    assert html.count("<svg") == 2
    assert "<script" not in html
    heat.close()


def test_a_rare_failure_stands_on_clear_ground_in_the_static_form(catalog: Catalog) -> None:
    set_id = scenes.add_set(catalog, "files", [str(n) for n in range(50_000)])
    [one] = scenes.add_assets(catalog, set_id, ["one"]).values()
    codes = [MADE] * 50_000
    codes[31_000] = FAILED
    scenes.set_statuses(catalog, one, codes)
    heat = PartitionHeatmap(catalog)
    html = heat.static_html()
    assert re.search(r'<path class="s-failed" d="M\d+ 0h1v7h-1z"/>', html)
    [made] = re.findall(r'class="s-materialized" d="([^"]+)"', html)
    assert " 0h" not in made
    assert " 6h" in made
    assert len(html) < 10_000
    heat.close()


def test_nothing_at_all_has_a_static_form(catalog: Catalog) -> None:
    heat = PartitionHeatmap(catalog)
    assert "No assets yet" in heat.static_html()
    assert repr(heat) == "<PartitionHeatmap of 0 assets>"
    heat.close()
