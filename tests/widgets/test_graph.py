from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nbpart.assets.definition import AssetDefinition, Dependency, Input
from nbpart.catalog import AssetRow, Catalog, events
from nbpart.partitions import DynamicPartitions
from nbpart.partitions.mapping import AllKeys, Same, by, only, overlap, previous
from nbpart.widgets.graph import AssetGraph
from nbpart.widgets.graph_model import NO_COUNTS, GraphModel, build_graph
from nbpart.widgets.graph_svg import compute_bar, describe_card, graph_html, summarize_counts
from tests.widgets.pages import Page

HOSTILE = "<img src=x onerror=alert(1)>"
MISSING, STALE, QUEUED, RUNNING, FAILED, MADE = range(6)


def define(name: str, *inputs: str, kind: str = "function", group: str = "", about: str = "") -> AssetDefinition:
    reads = tuple(Input(each, Same()) for each in inputs)
    return AssetDefinition(name, kind, "files", reads, group=group, description=about)


PIPELINE = [
    define("inbox", kind="source"),
    define("raw", "inbox", group="prepare"),
    define("clean", "raw", group="prepare"),
    define("report", "clean"),
]


def place(model: GraphModel, name: str) -> tuple[float, float]:
    return next((card.x, card.y) for card in model.cards if card.name == name)


def test_cards_stand_from_left_to_right_with_their_counts() -> None:
    model = build_graph(PIPELINE, {"raw": (1, 0, 0, 2, 3, 4)})
    assert [card.name for card in sorted(model.cards, key=lambda c: c.x)] == ["inbox", "raw", "clean", "report"]
    assert {card.name: card.counts for card in model.cards}["raw"] == (1, 0, 0, 2, 3, 4)
    assert {card.name: card.counts for card in model.cards}["clean"] == NO_COUNTS
    assert model.groups == (("prepare", 2),)
    assert len(model.edges) == 3


def test_a_folded_group_is_one_card_with_the_sum_of_its_counts() -> None:
    model = build_graph(PIPELINE, {"raw": (1, 0, 0, 0, 2, 0), "clean": (5, 0, 0, 0, 1, 0)}, ["prepare", "no such"])
    names = [card.name for card in model.cards]
    assert names == ["inbox", "prepare", "report"]
    group = model.cards[1]
    assert (group.kind, group.members, group.counts) == ("group", ("raw", "clean"), (6, 0, 0, 0, 3, 0))
    assert len(model.edges) == 2
    assert model.folded == {"prepare"}


def test_a_group_that_others_pass_through_can_be_folded() -> None:
    ring = [define("a", group="g"), define("b", "a"), define("c", "b", group="g")]
    model = build_graph(ring, {}, ["g"])
    assert [card.name for card in model.cards] == ["g", "b"]
    assert {(e.source, e.target) for e in model.edges} == {(0, 1), (1, 0)}


def test_edges_name_the_mappings_that_were_chosen_and_say_all() -> None:
    chosen = AssetDefinition(
        "balance", "function", "days",
        (Input("balance", previous(), "before"), Input("visits", by(day=overlap(-6))), Input("shop", AllKeys())),
        deps=(Dependency("before", "balance", previous()), Dependency("visits", "visits", by(day=overlap(-6)))),
    )  # fmt: skip
    model = build_graph([define("visits"), define("shop", group=HOSTILE), chosen], {})
    names = [card.name for card in model.cards]
    edges = {names[e.source]: e for e in model.edges}
    assert set(edges) == {"visits", "shop"}, "an asset that reads itself has no line"
    assert (edges["visits"].label, edges["shop"].label) == (by(day=overlap(-6)).describe(), "")
    assert edges["shop"].reads == ("balance reads shop: all keys",)
    assert model.cards[names.index("balance")].reads_itself == "previous"
    wide = model.cards[names.index("balance")].x
    assert wide > place(build_graph(PIPELINE, {}), "raw")[0], "there is room for the label"
    html = graph_html(model, "")
    assert "reads itself: previous" in html
    assert "balance reads shop: all keys" in html
    folded = build_graph([define("a"), replace(chosen, name="b", group="g", inputs=(Input("a", only("<b>")),), deps=(
        Dependency("a", "a", only("<b>")),))], {}, ["g"])  # fmt: skip
    assert folded.edges[0].label == "only <b>"
    assert "<b>" not in graph_html(folded, "")


def test_only_counts_that_changed_are_sent() -> None:
    before = build_graph(PIPELINE, {"raw": (3, 0, 0, 0, 0, 0)})
    after = before.with_counts({"raw": (2, 0, 0, 1, 0, 0)})
    at = [card.name for card in before.cards].index("raw")
    assert after.changed_counts(before) == [(at, [[2, 0, 0, 1, 0, 0]], 0, 0)]
    assert after.changed_counts(after) == []
    assert place(after, "raw") == place(before, "raw")


def test_one_failure_in_a_million_gets_four_pixels_of_the_bar() -> None:
    counts = [0] * 6
    counts[MADE], counts[FAILED] = 999_999, 1
    (first, x, width), (second, x2, width2) = compute_bar(tuple(counts), 180)
    assert (str(first), str(second)) == ("materialized", "failed")
    assert width2 == 4.0
    assert x == 0
    assert x2 == width == pytest.approx(176)
    assert compute_bar(NO_COUNTS, 180) == []


@pytest.mark.parametrize("counts", [(1, 1, 1, 1, 1, 1), (10**6, 1, 1, 1, 1, 1), (0, 0, 0, 0, 7, 0)])
def test_the_parts_of_a_bar_fill_it(counts: tuple[int, ...]) -> None:
    parts = compute_bar(counts, 180)
    assert sum(width for _, _, width in parts) == pytest.approx(180)
    assert min(width for _, _, width in parts) >= 4.0


def test_counts_are_summarized_and_described() -> None:
    model = build_graph(PIPELINE, {"raw": (10, 0, 0, 2, 3, 985), "inbox": (0, 0, 0, 0, 0, 1)})
    cards = {card.name: card for card in model.cards}
    assert summarize_counts(cards["raw"]) == "985 / 1,000 ✕3 ▶2"
    assert summarize_counts(cards["inbox"]) == "1 key"
    assert describe_card(cards["raw"]) == "raw (function): 10 missing, 2 running, 3 failed, 985 materialized"
    alone = build_graph([AssetDefinition("one", "notebook")], {"one": (0, 0, 0, 0, 1, 0)}).cards[0]
    assert summarize_counts(alone) == "✕ failed"


def test_the_static_form_is_well_formed_and_every_text_in_it_is_text() -> None:
    nasty = [define("a", group=HOSTILE, about="</svg><script>alert(1)</script>"), define("b", "a", about=HOSTILE)]
    html = graph_html(build_graph(nasty, {"a": (0, 0, 0, 0, 2, 1)}, [HOSTILE]), "")
    assert "<img" not in html
    assert "<script" not in html
    root = ElementTree.fromstring(html)
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any(text and text.startswith("<img src=x") for text in texts)


def test_without_assets_the_static_form_says_what_to_do() -> None:
    html = graph_html(build_graph([], {}), 'ws.asset("<x>")')
    assert "ws.asset(&quot;&lt;x&gt;&quot;)" in html


# the widget on a real catalog


def register(catalog: Catalog, *definitions: AssetDefinition) -> dict[str, int]:
    def work(batch: object) -> dict[str, int]:
        set_id = events.ensure_set(batch, DynamicPartitions("files"))  # type: ignore[arg-type]
        rows = [
            AssetRow(
                d.name,
                d.kind,
                set_id,
                None,
                d.to_json(catalog.path.parent),
                d.inputs,
            )
            for d in definitions
        ]
        return {name: r.asset_id for name, r in events.register_assets(batch, rows).items()}  # type: ignore[arg-type]

    return catalog.write(work)


def add(catalog: Catalog, *keys: str) -> None:
    catalog.write(lambda b: events.add_keys(b, events.ensure_set(b, DynamicPartitions("files")), keys))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog.open(tmp_path / "catalog.duckdb", timeout_s=30)
    yield catalog
    catalog.close()


@pytest.fixture
def graph(catalog: Catalog) -> Iterator[AssetGraph]:
    register(catalog, *PIPELINE)
    graph = AssetGraph(catalog)
    yield graph
    graph.close()


def test_new_keys_come_as_counts(graph: AssetGraph, catalog: Catalog) -> None:
    page = Page(graph)
    add(catalog, "a", HOSTILE)
    message = page.wait_for(lambda m: m.get("kind") == "counts")
    assert message["payload"]["changed"] == [(i, [[2, 0, 0, 0, 0, 0]], 0, 0) for i in range(4)]
    assert graph.get_state("snapshot")["snapshot"]["state"]["graph"]["cards"][1]["counts"] == [2, 0, 0, 0, 0, 0]


def test_a_new_asset_comes_as_a_new_picture(graph: AssetGraph, catalog: Catalog) -> None:
    page = Page(graph)
    register(catalog, *PIPELINE, define("more", "report"))
    message = page.wait_for(lambda m: m.get("kind") == "graph")
    assert [card["name"] for card in message["payload"]["graph"]["cards"]][-1] == "more"


def test_a_part_of_the_graph_stays_that_part(catalog: Catalog) -> None:
    register(catalog, *PIPELINE)
    part = AssetGraph(catalog, ["raw", "clean"])
    register(catalog, define("other", "clean"))
    Page(part)
    assert [card.name for card in part.model.cards] == ["raw", "clean"]
    assert len(part.model.edges) == 1
    part.close()


def test_folding_answers_with_its_code_and_redraws(graph: AssetGraph) -> None:
    page = Page(graph)
    answer = page.ask("fold", {"group": "prepare", "folded": True})
    assert answer["payload"]["code"] == 'graph.folded = ["prepare"]'
    picture = page.wait_for(lambda m: m.get("kind") == "graph")["payload"]["graph"]
    assert [card["kind"] for card in picture["cards"]] == ["source", "group", "function"]
    graph.folded = []
    assert len(graph.model.cards) == 4
    assert "no group" in page.ask("fold", {"group": "x", "folded": True})["error"]["message"]


def test_the_tooltip_asks_why_an_asset_is_not_up_to_date(catalog: Catalog) -> None:
    register(catalog, *PIPELINE)
    graph = AssetGraph(catalog, explain=lambda name: [f"3 stale: {name} \x1b[31m{HOSTILE}", "x" * 1000])
    page = Page(graph)
    told, long = page.ask("explain", {"name": "raw", "is_group": False})["payload"]["causes"]
    assert told == f"3 stale: raw {HOSTILE}"
    assert (len(long), long[-1]) == (200, "…")
    assert "no asset" in page.ask("explain", {"name": HOSTILE, "is_group": False})["error"]["message"]
    graph.close()


def test_the_tooltip_of_a_folded_group_says_why_its_members_are_not_up_to_date(catalog: Catalog) -> None:
    names = [f"a{n}" for n in range(7)]
    register(catalog, *(define(name, group="all") for name in names), define("other"))
    graph = AssetGraph(catalog, folded=["all"], explain=lambda name: [f"1 missing: {name} \x1b[31m{HOSTILE}", "other"])
    page = Page(graph)

    def ask() -> list[str]:
        return list(page.ask("explain", {"name": "all", "is_group": True})["payload"]["causes"])

    assert ask() == [], "there are no partitions yet"
    add(catalog, "a")
    graph.on_view_opened()
    page.wait_for(lambda m: m.get("kind") == "counts")
    assert ask() == [f"{name}: 1 missing: {name} {HOSTILE}" for name in names[:5]] + [
        "and 2 more that are not up to date"
    ]
    assert "no folded group" in page.ask("explain", {"name": "prepare", "is_group": True})["error"]["message"]
    graph.close()


def test_every_double_click_calls_the_callbacks(graph: AssetGraph) -> None:
    page, focused = Page(graph), []
    graph.on_focus(focused.append)
    for _ in range(2):
        assert page.ask("focus", {"name": "raw"})["payload"]["code"] == "ws.heatmap(['raw'])"
    assert focused == ["raw", "raw"]
    assert graph.focus == "raw"
    assert "no asset" in page.ask("focus", {"name": HOSTILE})["error"]["message"]


def test_only_known_assets_can_be_selected(graph: AssetGraph) -> None:
    graph.set_state({"selection": ["raw", "nothing", "raw", "clean"]})
    assert graph.selection == ["raw", "clean"]


def test_an_empty_workspace_shows_code_that_registers_an_asset(catalog: Catalog) -> None:
    graph = AssetGraph(catalog)
    assert graph.get_state("snapshot")["snapshot"]["state"]["example"].count("\n") == 2
    assert "No assets yet" in graph.static_html()
    graph.close()


def test_a_closed_widget_is_followed_no_more(graph: AssetGraph, catalog: Catalog) -> None:
    thread = graph._feed._thread
    assert thread is not None
    graph.close()
    thread.join(10)
    assert not thread.is_alive()


def test_a_folded_group_still_knows_the_counts_of_each_of_its_assets() -> None:
    counts = {"raw": (1, 0, 0, 0, 0, 2), "clean": (0, 0, 0, 0, 3, 0)}
    pipeline = [define("raw", group="g"), define("clean", "raw", group="g"), define("report", "clean")]
    model = build_graph(pipeline, counts, ["g"])
    group, report = (card for card in model.to_json()["cards"])
    assert (group["members"], group["counts"]) == (["raw", "clean"], [1, 0, 0, 0, 3, 2])
    assert group["member_counts"] == [[1, 0, 0, 0, 0, 2], [0, 0, 0, 0, 3, 0]]
    assert report["member_counts"] == [report["counts"]]
    now = model.with_counts({"raw": (0, 0, 0, 0, 0, 3), "clean": (0, 0, 0, 0, 3, 0)})
    assert now.changed_counts(model) == [(0, [[0, 0, 0, 0, 0, 3], [0, 0, 0, 0, 3, 0]], 0, 0)]
    swapped = model.with_counts({"raw": (0, 0, 0, 0, 3, 0), "clean": (1, 0, 0, 0, 0, 2)})
    assert swapped.changed_counts(model) == [(0, [[0, 0, 0, 0, 3, 0], [1, 0, 0, 0, 0, 2]], 0, 0)]
