from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpart.assets.asset import asset, source
from nbpart.assets.definition import AssetDefinition, Input
from nbpart.assets.graph import ALL_STEPS, AssetGraph
from nbpart.assets.selection import describe, read_selection, select
from nbpart.errors import DeclarationError, UnknownNameError
from nbpart.partitions.mapping import Whole


def define(
    name: str, *reads: str, kind: str = "function", group: str = "", tags: tuple[str, ...] = ()
) -> AssetDefinition:
    return AssetDefinition(name, kind, inputs=tuple(Input(read, Whole()) for read in reads), group=group, tags=tags)


#: inbox (a source) -> raw -> clean -> model -> report; lookup (a source) -> clean; alone
GRAPH = AssetGraph(
    [
        define("inbox", kind="source", tags=("files",)),
        define("lookup", kind="source", group="static"),
        define("raw", "inbox", group="prepare", tags=("db", "slow")),
        define("clean", "raw", "lookup", group="prepare"),
        define("model", "clean", tags=("gpu", "slow")),
        define("report", "model", tags=("team one:daily",)),
        define("alone", tags=("db",)),
    ]
)


def _raw() -> None: ...


RAW = asset(_raw, name="raw")


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        ("model", "model"),
        (" model ", "model"),
        ("+model", "raw clean model"),
        ("model+", "model report"),
        ("+clean+", "raw clean model report"),
        ("inbox+", "raw clean model report"),
        ("lookup+", "clean model report"),
        ("*", "raw clean model report alone"),
        ("report, raw", "raw report"),
        (["report", "+clean"], "raw clean report"),
        (("alone", "alone"), "alone"),
        ({"alone": 1}.keys(), "alone"),
        (RAW, "raw"),
        ([RAW, "model+"], "raw model report"),
        (["inbox", "raw"], "raw"),
        ("r*", "raw report"),
        ("?odel", "model"),
        ("[a-m]*", "alone clean model"),
        ("inb*+1", "raw"),
        ("1+model", "clean model"),
        ("2+model", "raw clean model"),
        ("model+1", "model report"),
        ("1+clean+1", "raw clean model"),
        ("0+model+0", "model"),
        ("9+report", "raw clean model report"),
        ("lookup+2", "clean model"),
        ("1+report, 3+report", "raw clean model report"),
        ("tag:db", "raw alone"),
        ("+tag:gpu", "raw clean model"),
        ("tag:db+1", "raw clean alone"),
        ("tag:files+", "raw clean model report"),
        ("tag:[gt]*", "model report"),
        ("tag:team one:daily", "report"),
        ("group:prepare", "raw clean"),
        ("group:*", "raw clean"),
        ("group:static+", "clean model report"),
        (["group:prepare", "tag:db", "report"], "raw clean report alone"),
    ],
)
def test_a_selection_selects_assets_in_the_order_of_the_graph(selection: Any, names: str) -> None:
    selected = select(GRAPH, selection)
    assert set(selected) == set(names.split())
    assert list(selected) == [name for name in GRAPH if name in selected]


@pytest.mark.parametrize("selection", ["inbox", "+inbox", "inbox, lookup", source("inbox", "inbox.csv")])
def test_sources_alone_are_no_selection(selection: Any) -> None:
    with pytest.raises(DeclarationError, match="holds no asset that could be computed"):
        select(GRAPH, selection)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("modle", "'modle'; did you mean 'model'?"),
        ("+modle+", "'modle'; did you mean 'model'?"),
        (["raw", "modle"], "'modle'"),
        ("dels*", "'dels*'; did you mean 'model'?"),
        ("z*", "'z*'; there is 'alone', 'clean', 'inbox', 'lookup', 'model', 'raw', 'report'."),
        ("tag:dbs", "the tag 'dbs'; did you mean 'db'?"),
        ("+group:x*", "the group 'x*'; there is 'prepare', 'static'."),
        ("2raw", "'2raw'"),
    ],
)
def test_an_unknown_name_is_refused(selection: Any, message: str) -> None:
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        select(GRAPH, selection)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("++model", "'++model' is no term"),
        ("model++", "'model++' is no term"),
        ("model+report", "'model+report' is no term"),
        ("+", "'+' is no term"),
        ("1234567890+model", "'1234567890+model' is no term"),
        ("+*", "* is everything already"),
        ("*+1", "* is everything already"),
        ("kind:source", "before the colon stands tag or group"),
        ("+tag:", "'+tag:' names no tag"),
    ],
)
def test_what_is_no_term_is_refused(selection: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=re.escape(message)):
        select(GRAPH, selection)


def test_where_nothing_has_a_tag_it_is_said() -> None:
    with pytest.raises(UnknownNameError, match=r"the tag 'db'; there is none yet\."):
        select(AssetGraph([define("model")]), "tag:db")


def test_what_is_named_and_what_is_matched_differ() -> None:
    read = read_selection(GRAPH, ["1+raw", "2+clean", "+r*", "tag:db+3", "inbox"])
    assert read.named == {"raw", "clean", "inbox"}
    assert read.matched == {"raw", "report", "alone"}
    assert read.with_inputs == {"raw": ALL_STEPS, "clean": 2, "report": ALL_STEPS}
    assert read.with_readers == {"raw": 3, "alone": 3}


@settings(max_examples=40)
@given(st.data())
def test_selections_are_what_plain_python_finds(data: st.DataObject) -> None:
    names = [f"{letter}{i}" for i, letter in enumerate(data.draw(st.text("ab", min_size=1, max_size=7)))]
    reads = {name: data.draw(st.sets(st.sampled_from(names[:i]))) if i else set() for i, name in enumerate(names)}
    tags = {name: data.draw(st.sets(st.sampled_from(["x", "y"]))) for name in names}
    graph = AssetGraph([define(name, *sorted(reads[name]), tags=tuple(tags[name])) for name in names])
    readers = {name: {other for other in names if name in reads[other]} for name in names}

    def follow(start: set[str], edges: dict[str, set[str]], steps: int) -> set[str]:
        return start.union(*(follow(edges[name], edges, steps - 1) for name in start)) if steps else start

    terms, expected = [], set[str]()
    matching = {name: {name} for name in names}
    matching |= {f"{letter}*": {name for name in names if name[0] == letter} for letter in "ab"}
    matching |= {f"tag:{tag}": {name for name in names if tag in tags[name]} for tag in "xy"}
    for _ in range(data.draw(st.integers(1, 3))):
        what = data.draw(st.sampled_from([text for text, found in matching.items() if found]))
        above, below = (data.draw(st.sampled_from(["", "+", "0+", "1+", "2+"])) for _ in range(2))
        terms.append(above + what + below[::-1])
        up, down = (len(names) if text == "+" else int(text[:1] or 0) for text in (above, below))
        expected |= follow(matching[what], reads, up) | follow(matching[what], readers, down)
    assert set(select(graph, terms)) == expected
    assert set(select(graph, ", ".join(terms))) == expected


@pytest.mark.parametrize(
    "selection", ["", " ", [], "model,", ",", ["model", ""], None, 3, [["model"]], [_raw], iter("a")]
)
def test_what_selects_nothing_is_refused(selection: Any) -> None:
    with pytest.raises(DeclarationError):
        select(GRAPH, selection)


def test_an_empty_graph_has_nothing_to_select() -> None:
    with pytest.raises(DeclarationError, match="holds no asset"):
        select(AssetGraph([]), "*")


@pytest.mark.parametrize(
    ("selection", "text"),
    [("+model", "+model"), (["+model", "raw"], "+model, raw"), (RAW, "raw"), ("model,raw", "model, raw")],
)
def test_a_selection_is_described_in_one_line(selection: Any, text: str) -> None:
    assert describe(selection) == text
