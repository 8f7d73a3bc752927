from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.assets.definition import AssetDefinition, Input
from nbpart.assets.graph import AssetGraph, Edge
from nbpart.errors import CycleError, UnknownNameError
from nbpart.partitions.mapping import Whole


def define(name: str, *reads: str, kind: str = "function") -> AssetDefinition:
    return AssetDefinition(name, kind, inputs=tuple(Input(read, Whole()) for read in reads))


DIAMOND = AssetGraph(
    [
        define("report", "left", "right"),
        define("right", "inbox"),
        define("left", "inbox"),
        define("inbox", kind="source"),
        define("alone"),
    ]
)


@st.composite
def readings(draw: st.DrawFn) -> dict[str, list[str]]:
    """Name -> what it reads, without cycles, in any order."""
    names = [f"n{i}" for i in range(draw(st.integers(1, 8)))]
    reads = {name: draw(st.lists(st.sampled_from(names[:i]), unique=True)) if i else [] for i, name in enumerate(names)}
    return {name: reads[name] for name in draw(st.permutations(names))}


@given(readings())
def test_every_asset_comes_after_all_that_it_reads(reads: dict[str, list[str]]) -> None:
    graph = AssetGraph(define(name, *above) for name, above in reads.items())
    place = {name: n for n, name in enumerate(graph)}
    assert set(place) == set(reads)
    assert len(graph) == len(reads)
    assert all(place[above] < place[name] for name, all_above in reads.items() for above in all_above)


@given(readings())
def test_ancestors_and_descendants_are_the_closure(reads: dict[str, list[str]]) -> None:
    graph = AssetGraph(define(name, *above) for name, above in reads.items())
    closure = {name: set(above) for name, above in reads.items()}
    for _ in reads:
        closure = {name: above.union(*(closure[a] for a in above)) for name, above in closure.items()}
    for name in reads:
        assert graph.ancestors(name) == closure[name]
        assert graph.descendants(name) == {other for other, above in closure.items() if name in above}
        assert graph.upstream(name) == tuple(reads[name])
        assert set(graph.downstream(name)) == {other for other, above in reads.items() if name in above}


@given(readings())
def test_the_order_depends_on_the_definitions_alone(reads: dict[str, list[str]]) -> None:
    definitions = [define(name, *above) for name, above in reads.items()]
    assert list(AssetGraph(definitions)) == list(AssetGraph(iter(definitions)))


@given(readings())
def test_edges_are_the_inputs(reads: dict[str, list[str]]) -> None:
    graph = AssetGraph(define(name, *above) for name, above in reads.items())
    assert {(e.upstream, e.downstream) for e in graph.edges} == {(a, n) for n, above in reads.items() for a in above}
    assert len(graph.edges) == sum(map(len, reads.values()))


def test_a_graph_holds_inputs_edges_and_definitions() -> None:
    assert DIAMOND["left"].inputs == (Input("inbox", Whole()),)
    assert "left" in DIAMOND
    assert "middle" not in DIAMOND
    assert set(DIAMOND.computed) == {"left", "right", "report", "alone"}
    assert [d.name for d in DIAMOND.definitions] == list(DIAMOND)
    assert Edge("left", "report", Input("left", Whole())) in DIAMOND.edges
    assert repr(DIAMOND).startswith("<AssetGraph of 5: ")


def test_an_empty_graph() -> None:
    graph = AssetGraph([])
    assert (len(graph), list(graph), graph.edges, graph.computed) == (0, [], (), ())
    with pytest.raises(UnknownNameError, match="there is none yet"):
        graph["model"]


@pytest.mark.parametrize("ask", [DIAMOND.__getitem__, DIAMOND.upstream, DIAMOND.downstream, DIAMOND.ancestors])
def test_an_unknown_name_is_refused_and_the_nearest_offered(ask: object) -> None:
    with pytest.raises(UnknownNameError, match=r"no asset or source 'rigth'; did you mean 'right'\?"):
        ask("rigth")  # type: ignore[operator]


def test_an_unknown_input_is_refused_and_the_nearest_offered() -> None:
    with pytest.raises(UnknownNameError, match=r"function 'report' reads 'lft', .* did you mean 'left'\?"):
        AssetGraph([define("left"), define("report", "lft")])


def test_a_cycle_is_refused_with_its_path_of_who_reads_whom() -> None:
    reads = {"a": ["c", "x"], "b": ["a"], "c": ["b"], "x": []}
    with pytest.raises(CycleError) as caught:
        AssetGraph(define(name, *above) for name, above in reads.items())
    found = re.search(r"each other: (.*); take", str(caught.value))
    assert found
    path = found.group(1).split(" -> ")
    assert path[0] == path[-1]
    assert sorted(path[1:]) == ["a", "b", "c"]
    assert all(after in reads[before] for before, after in itertools.pairwise(path))


def test_an_asset_cannot_read_itself() -> None:
    with pytest.raises(CycleError, match="'a' would need itself"):
        AssetGraph([define("a", "a")])


def test_of_two_definitions_with_one_name_the_last_holds() -> None:
    graph = AssetGraph([define("a"), define("b"), define("a", "b")])
    assert graph.upstream("a") == ("b",)
    assert len(graph) == 2
