from __future__ import annotations

from typing import Any

import pytest

from nbpart.assets.asset import asset, source
from nbpart.assets.definition import AssetDefinition, Input
from nbpart.assets.graph import AssetGraph
from nbpart.assets.selection import describe, select
from nbpart.errors import DeclarationError, UnknownNameError
from nbpart.partitions.mapping import Whole


def define(name: str, *reads: str, kind: str = "function") -> AssetDefinition:
    return AssetDefinition(name, kind, inputs=tuple(Input(read, Whole()) for read in reads))


#: inbox (a source) -> raw -> clean -> model -> report; lookup (a source) -> clean; alone
GRAPH = AssetGraph(
    [
        define("inbox", kind="source"),
        define("lookup", kind="source"),
        define("raw", "inbox"),
        define("clean", "raw", "lookup"),
        define("model", "clean"),
        define("report", "model"),
        define("alone"),
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
        ("++model", r"'\+model'"),
        ("model++", r"'model\+'"),
        ("+", "''"),
    ],
)
def test_an_unknown_name_is_refused(selection: Any, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message.replace("?", r"\?")):
        select(GRAPH, selection)


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
