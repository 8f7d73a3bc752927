"""Random graphs of assets over two sets of keys, and assets written by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from hypothesis import strategies as st

from nbpart.assets.definition import AssetDefinition, Input
from nbpart.assets.graph import AssetGraph
from nbpart.backfill.plan import AssetSteps, StepTable
from nbpart.partitions import Mapping

#: Key ids by the name of their set; an asset without partitions has the one key 0.
KEYS = {"": (0,), "files": (1, 2, 3, 4, 5), "trials": (11, 12, 13)}


def define(
    name: str, set_name: str = "files", *, same: str = "", every: str = "", whole: str = "", missing: str = "block"
) -> AssetDefinition:
    """An asset that reads the named ones (divided by blanks) with that mapping."""
    inputs = [Input(read, Mapping.SAME) for read in same.split()]
    inputs += [Input(read, Mapping.ALL) for read in every.split()]
    inputs += [Input(read, Mapping.WHOLE) for read in whole.split()]
    return AssetDefinition(name, "function", set_name, tuple(inputs), on_missing_input=missing)


def lay_out(**key_ids: Sequence[int]) -> StepTable:
    """A plan with these keys of these assets."""
    return StepTable(
        tuple(
            AssetSteps(name, np.array(ids, dtype=np.int64), np.zeros(len(ids), dtype=np.int16), ("missing",))
            for name, ids in key_ids.items()
        )
    )


def places(steps: StepTable) -> list[tuple[str, int]]:
    """Asset and key id of each step."""
    return [(a.asset, key_id) for a in steps.assets for key_id in a.key_ids.tolist()]


def above(definition: AssetDefinition, key_id: int, planned: Sequence[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """What of ``planned`` one partition reads, in the order of its inputs."""
    for read in definition.inputs:
        for name, other in planned:
            if name == read.name and (read.mapping is not Mapping.SAME or other == key_id):
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


def _mapping(set_name: str, above_set: str) -> Mapping:
    if not above_set:
        return Mapping.WHOLE
    return Mapping.SAME if above_set == set_name else Mapping.ALL
