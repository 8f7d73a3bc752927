"""From some keys of some assets to the keys above and below: what these read, and what reads them, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nbpart.assets.graph import Edge
from nbpart.backfill.registry import Registry
from nbpart.catalog import Batch
from nbpart.catalog.join_sides import Join, open_join
from nbpart.catalog.joins import relate
from nbpart.catalog.queries.cells import member_ids
from nbpart.catalog.related_keys import load_inputs, load_readers
from nbpart.partitions.relation import Relation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]
    #: The places that one place of a relation leads to.
    Step = Callable[[Relation, int], NDArray[np.int32]]


def reach_inputs(batch: Batch, registry: Registry, start: Mapping[str, Ids]) -> dict[str, Ids]:
    """The ids of the keys in ``start``, and of all that they read, directly or not: by asset and source."""
    graph, reached = registry.graph, dict(start)
    for name in reversed(list(graph)):
        if not len(reached.get(name, ())):
            continue
        edges = [edge for edge in graph.edges if edge.downstream == name]
        reached[name] = _reach_own(batch, registry, edges, reached[name], lambda relation, at: relation.inputs_of(at))
        for edge in edges:
            if edge.upstream != name:
                _add(reached, edge.upstream, load_inputs(batch, _join(batch, registry, edge), reached[name]))
    return reached


def reach_readers(batch: Batch, registry: Registry, start: Mapping[str, Ids]) -> dict[str, Ids]:
    """The ids of the keys in ``start``, and of all that read them, directly or not: by asset and source."""
    graph, reached = registry.graph, dict(start)
    for name in graph:
        if not len(reached.get(name, ())):
            continue
        edges = [edge for edge in graph.edges if edge.upstream == name]
        reached[name] = _reach_own(batch, registry, edges, reached[name], lambda relation, at: relation.readers_of(at))
        for edge in edges:
            if edge.downstream != name:
                _add(reached, edge.downstream, load_readers(batch, _join(batch, registry, edge), reached[name]))
    return reached


def _reach_own(batch: Batch, registry: Registry, edges: Iterable[Edge], start: Ids, step: Step) -> Ids:
    """The keys of an asset that some of its keys lead to where it reads itself, as a running balance does."""
    own = [edge for edge in edges if edge.upstream == edge.downstream]
    if not own:
        return start
    ids = member_ids(batch, registry[own[0].upstream].set_id)
    relations = [relate(batch, _join(batch, registry, edge), ids, ids) for edge in own]
    is_reached = np.isin(ids, start)
    todo: list[int] = np.flatnonzero(is_reached).tolist()
    while todo:
        place = todo.pop()
        for relation in relations:
            found = step(relation, place)
            new = found[~is_reached[found]]
            is_reached[new] = True
            todo += new.tolist()
    return ids[is_reached]


def _join(batch: Batch, registry: Registry, edge: Edge) -> Join:
    return open_join(batch, edge.input.mapping, registry[edge.downstream].set_id, registry[edge.upstream].set_id)


def _add(reached: dict[str, Ids], name: str, ids: Ids) -> None:
    reached[name] = np.union1d(reached[name], ids) if name in reached else ids
