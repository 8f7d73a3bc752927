from __future__ import annotations

from dataclasses import replace
from typing import Any

from nbpart.partitions import PartitionRef
from nbpart.states import STATUS_CODES
from nbpart.states import PartitionStatus as P
from nbpart.widgets import explorer_model as m
from nbpart.widgets.actions import MaterializationDetails, PartitionDetails, RunDetails, RunSummary
from nbpart.widgets.explorer_html import panel_html
from nbpart.widgets.explorer_model import AssetSummary, PanelModel, PanelSelection
from nbpart.widgets.heatmap_model import Selection

HOSTILE = "<img src=x onerror=alert(1)>"
ASSETS = (
    AssetSummary(1, "inbox", "source", "files"),
    AssetSummary(2, "clean", "function", "files"),
    AssetSummary(3, "report", "notebook", ""),
)


def selection(*ranges: tuple[int, int], assets: tuple[str, ...] = ("clean",), **more: Any) -> Selection:
    return Selection(more.pop("set_name", "files"), 1, assets, ranges, **more)


def test_selected_cards_select_assets_or_one_without_partitions() -> None:
    assert m.select_assets([], ASSETS).kind == "all"
    one = m.select_assets(["clean"], ASSETS)
    assert (one.kind, one.assets, one.set_name, one.has_all_keys) == ("assets", ("clean",), "files", True)
    single = m.select_assets(["report"], ASSETS)
    assert (single.kind, single.key) == ("partition", None)
    several = m.select_assets(["report", "clean"], ASSETS)
    assert (several.kind, several.assets, several.set_name) == ("assets", ("clean", "report"), "")


def test_selected_places_of_the_heatmap_select_partitions() -> None:
    one = m.select_partitions(selection((3, 4), keys=("d",)), has_all_keys=True)
    assert (one.kind, one.key, one.n_keys, one.has_all_keys) == ("partition", "d", 1, False)
    many = m.select_partitions(selection((0, 5), (7, 9)), has_all_keys=False)
    assert (many.kind, many.n_keys, many.keys, many.title) == ("partitions", 7, None, "7 keys of clean")
    over = m.select_partitions(selection((0, 1), assets=("a", "b", "c", "d"), keys=("x",)), has_all_keys=False)
    assert (over.kind, over.title) == ("partitions", "1 key of a, b, c and 1 more")
    cell = m.select_partitions(selection((0, 1), assets=("report",), set_name=""), has_all_keys=True)
    assert (cell.kind, cell.key) == ("partition", None)


def test_a_plan_can_include_inputs_and_readers_of_what_is_selected() -> None:
    assert m.plan_terms(PanelSelection(), inputs=True, readers=True) == ["*"]
    chosen = PanelSelection(kind="assets", assets=("a", "b"))
    assert m.plan_terms(chosen, inputs=True, readers=False) == ["+a", "+b"]
    assert m.plan_terms(chosen, inputs=False, readers=True) == ["a+", "b+"]


def shown_partition() -> PanelModel:
    made = MaterializationDetails(
        "2026-01-02T03:04:05+00:00", "run-1", 1.5, 1_000, 20, (), {"auc": float("nan"), "note": HOSTILE}
    )
    brief = RunSummary("run-2", "failed", 2, None, None, f"ValueError: {HOSTILE}")
    run = RunDetails(
        "run-2",
        "clean",
        HOSTILE,
        "failed",
        2,
        None,
        0.1,
        "ValueError: x",
        f"\x1b[31m{HOSTILE}",
        f"/ws/{HOSTILE}.ipynb",
        True,
        None,
        "c",
    )
    why = (("stale: input ", None), (f"raw[{HOSTILE}]", PartitionRef("raw", HOSTILE)), (" changed", None))
    partition = PartitionDetails(
        "clean", HOSTILE, "failed", why, {"name": HOSTILE}, made, "run-2", (brief,), "ws.load()"
    )
    chosen = m.select_partitions(selection((0, 1), keys=(HOSTILE,)), has_all_keys=False)
    return PanelModel(selection=chosen, assets=ASSETS, partition=partition, run=run)


def test_the_model_is_json_for_a_page() -> None:
    panel = shown_partition().to_json()
    assert panel["selection"]["key"] == HOSTILE
    assert panel["partition"]["materialization"]["metrics"] == [("auc", "nan"), ("note", HOSTILE)]
    assert panel["run"]["traceback"] == HOSTILE
    assert (panel["run"]["is_live"], panel["run"]["has_log"]) == (False, True)
    assert panel["partition"]["runs"][0]["error"] == f"ValueError: {HOSTILE}"
    assert panel["partition"]["why"] == [
        ("stale: input ", None),
        (f"raw[{HOSTILE}]", {"asset": "raw", "key": HOSTILE}),
        (" changed", None),
    ]


def test_a_reason_is_read_again_when_something_above_changed() -> None:
    assets = (
        m.AssetSummary(1, "raw", "function", "files"),
        m.AssetSummary(2, "clean", "function", "files", ("raw", "clean")),
        m.AssetSummary(3, "report", "function", "", ("clean", "gone")),
    )
    model = PanelModel(selection=PanelSelection(kind="partition", assets=("report",)), assets=assets)
    assert model.list_read() == {1, 2, 3}
    assert replace(model, selection=m.select_key(assets[1], "a")).list_read() == {1, 2}


def test_another_selection_has_nothing_read_yet() -> None:
    now = shown_partition().with_selection(PanelSelection(kind="assets", assets=("clean",)))
    assert (now.selection.number, now.partition, now.run, now.loading) == (1, None, None, False)
    assert now.with_selection(m.select_assets(["report"], ASSETS)).loading


def test_the_static_form_escapes_every_text() -> None:
    html = panel_html(shown_partition())
    assert "<img" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") == 6
    counts = tuple(3 if code == STATUS_CODES[P.FAILED] else 0 for code in range(6))
    assert "3 failed" in panel_html(PanelModel(selection=PanelSelection(counts=counts)))
