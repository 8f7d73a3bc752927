"""Random graphs of assets over two sets of keys, and assets written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from hypothesis import strategies as st

from nbpart.assets.definition import AssetDefinition, Input
from nbpart.assets.graph import AssetGraph
from nbpart.backfill.capacity import Limit
from nbpart.backfill.plan import AssetSteps, StepRelation, StepTable, relate_steps
from nbpart.backfill.schedule import Schedule
from nbpart.partitions.mapping import AllKeys, Mapping, Same, Whole
from nbpart.partitions.relation import Groups, Identity, Pairs, Ranges, Relation

#: Key ids by the name of their set; an asset without partitions has the one key 0.
KEYS = {"": (0,), "files": (1, 2, 3, 4, 5), "trials": (11, 12, 13)}


def define(
    name: str, set_name: str = "files", *, same: str = "", every: str = "", whole: str = "", missing: str = "block"
) -> AssetDefinition:
    """An asset that reads the named ones (divided by blanks) with that mapping."""
    inputs = [Input(read, Same()) for read in same.split()]
    inputs += [Input(read, AllKeys()) for read in every.split()]
    inputs += [Input(read, Whole()) for read in whole.split()]
    return AssetDefinition(name, "function", set_name, tuple(inputs), on_missing_input=missing)


def lay_out(**key_ids: Sequence[int]) -> StepTable:
    """A plan with these keys of these assets."""
    return StepTable(
        tuple(
            AssetSteps(name, np.array(ids, dtype=np.int64), np.zeros(len(ids), dtype=np.int16), ("missing",))
            for name, ids in key_ids.items()
        )
    )


def make_schedule(steps: StepTable, graph: AssetGraph, limits: Sequence[Limit] = ()) -> Schedule:
    """The schedule of a plan with the relations that the mappings of the graph give."""
    return Schedule(steps, relate_steps(graph, steps), limits)


def places(steps: StepTable) -> list[tuple[str, int]]:
    """Asset and key id of each step."""
    return [(a.asset, key_id) for a in steps.assets for key_id in a.key_ids.tolist()]


def above(definition: AssetDefinition, key_id: int, planned: Sequence[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """What of ``planned`` one partition reads, in the order of its inputs."""
    for read in definition.inputs:
        for name, other in planned:
            if name == read.name and (not isinstance(read.mapping, Same) or other == key_id):
                yield name, other


@st.composite
def graphs(draw: st.DrawFn, most: int = 5) -> AssetGraph:
    """Assets that read some of those before them."""
    sets: dict[str, str] = {}
    definitions = []
    for n in range(draw(st.integers(1, most))):
        name, set_name = f"asset_{n}", draw(st.sampled_from(["", "files", "files", "trials"]))
        reads = draw(st.lists(st.sampled_from(sorted(sets)), unique=True, max_size=3)) if sets else []
        inputs = tuple(Input(read, _mapping(set_name, sets[read])) for read in reads)
        missing = draw(st.sampled_from(["block", "block", "skip"]))
        definitions.append(AssetDefinition(name, "function", set_name, inputs, on_missing_input=missing))
        sets[name] = set_name
    return AssetGraph(definitions)


@st.composite
def tables(draw: st.DrawFn, graph: AssetGraph) -> StepTable:
    """Some keys of some assets of ``graph``, in any order."""
    chosen = {}
    for definition in graph.definitions:
        keys = KEYS[definition.set_name]
        chosen[definition.name] = draw(st.permutations(keys))[: draw(st.integers(0, len(keys)))]
    return lay_out(**{name: ids for name, ids in chosen.items() if ids or draw(st.booleans())})


@st.composite
def related_plans(draw: st.DrawFn) -> tuple[StepTable, list[StepRelation]]:
    """Steps of some assets, several parts an asset, and relations of all shapes from each to some before it."""
    sizes = draw(st.lists(st.integers(0, 6), min_size=1, max_size=4))
    parts, relations = [], []
    for n, size in enumerate(sizes):
        cut = draw(st.sampled_from([0, 0, size // 2]))
        parts += [(n, 0, cut), (n, cut, size)] if cut else [(n, 0, size)]
        is_tolerant = draw(st.integers(0, 3)) == 0
        for above in draw(st.lists(st.sampled_from(range(n)), max_size=3)) if n else []:  # one may be read twice
            relation = draw(draw(st.sampled_from(SHAPES))(size, sizes[above]))
            relations.append(StepRelation(f"asset_{n}", f"asset_{above}", relation, is_tolerant))
        if draw(st.booleans()):
            relations.append(StepRelation(f"asset_{n}", f"asset_{n}", draw(previous(size)), is_tolerant))
    if draw(st.booleans()):
        parts.sort(key=lambda part: (part[1] > 0, part))  # the second parts of all assets stand after the first ones
    tables = [lay_out(**{f"asset_{n}": range(first, last)}) for n, first, last in parts]
    return StepTable(tuple(part for table in tables for part in table.assets)), relations


@st.composite
def identity(draw: st.DrawFn, readers: int, inputs: int) -> Relation:
    return Identity(np.array(draw(st.lists(st.integers(-1, inputs - 1), min_size=readers, max_size=readers))))


@st.composite
def labels(draw: st.DrawFn, readers: int, inputs: int) -> Relation:
    given = [draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n)) for n in (readers, inputs)]
    return Groups(np.array(given[0]), np.array(given[1]), 3)


@st.composite
def ranges(draw: st.DrawFn, readers: int, inputs: int) -> Relation:
    order = draw(st.permutations(range(inputs)))[: draw(st.integers(0, inputs))]
    bound = st.lists(st.integers(0, len(order)), min_size=readers, max_size=readers)
    first, last = np.sort([draw(bound), draw(bound)], axis=0)
    if draw(st.booleans()):  # as windows are
        first, last = np.sort(first), np.sort(last)
    return Ranges(np.array(order), first, last)


@st.composite
def rows(draw: st.DrawFn, readers: int, inputs: int) -> Relation:
    row = st.lists(st.integers(0, inputs - 1), unique=True) if inputs else st.just([])
    found = draw(st.lists(row, min_size=readers, max_size=readers))
    return Pairs(np.cumsum([0, *map(len, found)]), np.array([n for each in found for n in each], dtype=np.int32))


@st.composite
def previous(draw: st.DrawFn, size: int) -> Relation:
    """Some steps before each, in a random order of them."""
    order = np.array(draw(st.permutations(range(size))), dtype=np.int32)
    position = np.argsort(order)
    return Ranges(order, np.maximum(position - draw(st.integers(1, 3)), 0), position)


SHAPES: list[Callable[[int, int], st.SearchStrategy[Relation]]] = [identity, labels, ranges, rows]


def list_needs(steps: StepTable, relations: Sequence[StepRelation]) -> list[set[int]]:
    """The steps that each step reads."""
    numbers: dict[str, list[int]] = {}
    for part, first, last in steps.ranges():
        numbers.setdefault(part.asset, []).extend(range(first, last))
    needs: list[set[int]] = [set() for _ in range(len(steps))]
    for each in relations:
        for place, step in enumerate(numbers[each.reader]):
            needs[step] |= {numbers[each.input][n] for n in each.relation.inputs_of(place).tolist()}
    return needs


def _mapping(set_name: str, above_set: str) -> Mapping:
    if not above_set:
        return Whole()
    return Same() if above_set == set_name else AllKeys()
