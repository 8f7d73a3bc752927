from __future__ import annotations

from datetime import date
from typing import Any, Literal

import pytest

from nbpart.errors import NbpartError
from nbpart.partitions import Param, Parameters
from nbpart.states import STATUS_CODES
from nbpart.states import PartitionStatus as P
from nbpart.widgets import explorer_model as m
from nbpart.widgets.actions import MaterializationDetails, PartitionDetails, PlanSummary, RunDetails, RunSummary
from nbpart.widgets.explorer_html import panel_html
from nbpart.widgets.explorer_model import AssetBrief, Chosen, PanelModel
from nbpart.widgets.heatmap_model import Selection

HOSTILE = "<img src=x onerror=alert(1)>"
ASSETS = (
    AssetBrief(1, "inbox", "source", "files"),
    AssetBrief(2, "clean", "function", "files"),
    AssetBrief(3, "report", "notebook", ""),
)


def selection(*ranges: tuple[int, int], assets: tuple[str, ...] = ("clean",), **more: Any) -> Selection:
    return Selection(more.pop("set_name", "files"), 1, assets, ranges, **more)


def test_cards_mean_assets_and_one_without_partitions_is_a_partition() -> None:
    assert m.choose_assets([], ASSETS).kind == "all"
    one = m.choose_assets(["clean"], ASSETS)
    assert (one.kind, one.assets, one.set_name, one.whole) == ("assets", ("clean",), "files", True)
    single = m.choose_assets(["report"], ASSETS)
    assert (single.kind, single.key) == ("partition", None)
    several = m.choose_assets(["report", "clean"], ASSETS)
    assert (several.kind, several.assets, several.set_name) == ("assets", ("clean", "report"), "")


def test_places_of_the_heatmap_mean_partitions() -> None:
    one = m.choose_partitions(selection((3, 4), keys=("d",)), whole=True)
    assert (one.kind, one.key, one.n, one.whole) == ("partition", "d", 1, False)
    many = m.choose_partitions(selection((0, 5), (7, 9)), whole=False)
    assert (many.kind, many.n, many.keys, many.title) == ("partitions", 7, None, "7 keys of clean")
    over = m.choose_partitions(selection((0, 1), assets=("a", "b", "c", "d"), keys=("x",)), whole=False)
    assert (over.kind, over.title) == ("partitions", "1 key of a, b, c and 1 more")
    cell = m.choose_partitions(selection((0, 1), assets=("report",), set_name=""), whole=True)
    assert (cell.kind, cell.key) == ("partition", None)


def test_a_plan_of_what_is_selected_can_reach_up_and_down() -> None:
    assert m.selection_terms(Chosen(), inputs=True, readers=True) == ["*"]
    chosen = Chosen(kind="assets", assets=("a", "b"))
    assert m.selection_terms(chosen, inputs=True, readers=False) == ["+a", "+b"]
    assert m.selection_terms(chosen, inputs=False, readers=True) == ["a+", "b+"]


def test_keys_are_typed_one_a_line() -> None:
    assert m.read_keys(f" a.csv \n\n{HOSTILE}\r\na.csv\n b c\n") == ["a.csv", HOSTILE, "b c"]
    with pytest.raises(m.BadRequest, match="Type a key"):
        m.read_keys(" \n ")


PARAMETERS = Parameters.declare(
    {"lr": float, "depth": Param(int, default=3), "day": date | None, "how": Literal["adam", "sgd"], "name": str}
)
NEEDED = {"lr": "0.1", "day": "null", "how": "sgd", "name": "x"}


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("depth", "3", [3]),
        ("depth", "3, 5,3", [3, 5]),
        ("depth", "1..4", [1, 2, 3, 4]),
        ("depth", "1..9:3, 2", [1, 4, 7, 2]),
        ("depth", "-2..0", [-2, -1, 0]),
        ("lr", "0.01, 1e-1", [0.01, 0.1]),
        ("lr", "0..0.3:0.1", [0.0, 0.1, 0.2, 0.3]),
        ("day", "2026-01-30..2026-02-02", ["2026-01-30", "2026-01-31", "2026-02-01", "2026-02-02"]),
        ("day", "2026-01-01..2026-01-15:7", ["2026-01-01", "2026-01-08", "2026-01-15"]),
        ("day", "null", [None]),
        ("how", "adam, sgd", ["adam", "sgd"]),
        ("name", "a..b, 100%", ["a..b", "100%"]),
    ],
)
def test_values_are_typed_as_one_as_a_list_or_as_a_range(name: str, text: str, values: list[Any]) -> None:
    axes = m.read_axes(PARAMETERS, NEEDED | {name: text})
    assert axes[name] == values
    PARAMETERS.grid(axes)


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ({"depth": "x"}, "depth"),
        ({"depth": "1.5"}, "depth"),
        ({"depth": "1..4:0.5"}, "1..10"),
        ({"depth": "1..4:0"}, "1..10"),
        ({"depth": "1..99999999"}, "at most 10,000"),
        ({"lr": "0..inf"}, "is no range"),
        ({"lr": ""}, "a value is needed"),
        ({"how": "rmsprop"}, "'adam' or 'sgd'"),
        ({"day": "2026-13-01"}, "day"),
        ({HOSTILE: "1"}, "no parameter"),
        ({"depth": "1..9999", "lr": "0..1:0.0002"}, "1,000,000 keys"),
    ],
)
def test_what_cannot_be_a_value_is_told_with_its_parameter(texts: dict[str, str], sentence: str) -> None:
    with pytest.raises(NbpartError, match=sentence):
        m.read_axes(PARAMETERS, NEEDED | texts)


def test_a_grid_is_measured_before_it_is_made() -> None:
    axes = m.read_axes(PARAMETERS, NEEDED | {"depth": "1..4", "lr": "0.1, 0.2"})
    assert m.measure_grid(PARAMETERS, axes) == (8, "day=null,depth=1,how=sgd,lr=0.1,name=x")


def test_a_plan_is_told_in_one_sentence() -> None:
    plan = PlanSummary("x", 14, {"missing": 12, "failed": 2}, (), "")
    assert m.tell_plan(plan) == "14 steps: 12 missing, 2 failed"
    assert m.tell_plan(PlanSummary("x", 1, {"missing": 1}, (), "")) == "1 step: 1 missing"
    assert "up to date" in m.tell_plan(PlanSummary("x", 0, {}, (), ""))


def test_orders_to_a_terminal_are_taken_out_of_texts() -> None:
    assert m.clean("\x1b[0;31mValueError\x1b[39m: <b>\x00\x07 no\n\tend") == "ValueError: <b> no\n\tend"


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
    partition = PartitionDetails(
        "clean", HOSTILE, "failed", f"input {HOSTILE} changed", {"name": HOSTILE}, made, "run-2", (brief,), "ws.load()"
    )
    chosen = m.choose_partitions(selection((0, 1), keys=(HOSTILE,)), whole=False)
    return PanelModel(chosen=chosen, assets=ASSETS, partition=partition, run=run)


def test_the_model_is_json_for_a_page() -> None:
    told = shown_partition().to_json()
    assert told["chosen"]["key"] == HOSTILE
    assert told["partition"]["made"]["metrics"] == [("auc", "nan"), ("note", HOSTILE)]
    assert told["run"]["traceback"] == HOSTILE
    assert (told["run"]["live"], told["run"]["log"]) == (False, True)
    assert told["partition"]["runs"][0]["error"] == f"ValueError: {HOSTILE}"


def test_another_selection_begins_with_nothing_read() -> None:
    now = shown_partition().choose(Chosen(kind="assets", assets=("clean",)))
    assert (now.chosen.number, now.partition, now.run, now.loading) == (1, None, None, False)
    assert now.choose(m.choose_assets(["report"], ASSETS)).loading


def test_the_static_form_escapes_every_text() -> None:
    html = panel_html(shown_partition())
    assert "<img" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") == 6
    counts = tuple(3 if code == STATUS_CODES[P.FAILED] else 0 for code in range(6))
    assert "3 failed" in panel_html(PanelModel(chosen=Chosen(counts=counts)))
