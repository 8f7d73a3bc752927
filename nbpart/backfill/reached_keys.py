"""From some keys of some assets to the keys above and below: what these read, and what reads them, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from nbpart.assets.graph import ALL_STEPS, Edge
from nbpart.backfill.registry import Registry
from nbpart.catalog import Batch
from nbpart.catalog.join_sides import Join, open_join
from nbpart.catalog.joins import relate
from nbpart.catalog.queries.cells import member_ids
from nbpart.catalog.related_keys import load_inputs, load_readers
from nbpart.partitions.relation import Relation

_Name = TypeVar("_Name", str, int)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]
    #: The places that one place of a relation leads to.
    Step = Callable[[Relation, int], NDArray[np.int32]]


def reach_inputs(
    batch: Batch, registry: Registry, start: Mapping[str, Ids], steps: Mapping[str, int] | None = None
) -> dict[str, Ids]:
    """The ids of the keys in ``start``, and of all that they read, directly or not: by asset and source.

    ``steps`` says by name how many steps from asset to asset are followed, without it all are.
    """

    def step(name: str, ids: Ids) -> Iterator[tuple[str, Ids]]:
        for edge in registry.graph.edges:
            if edge.downstream == name != edge.upstream:
                yield edge.upstream, load_inputs(batch, _join(batch, registry, edge), ids)

    def close(name: str, ids: Ids) -> Ids:
        return _reach_own(batch, registry, name, ids, lambda relation, at: relation.inputs_of(at))

    return _reach(list(reversed(list(registry.graph))), start, steps, step, close)


def reach_readers(
    batch: Batch, registry: Registry, start: Mapping[str, Ids], steps: Mapping[str, int] | None = None
) -> dict[str, Ids]:
    """The ids of the keys in ``start``, and of all that read them, directly or not: by asset and source.

    ``steps`` is as in `reach_inputs`.
    """

    def step(name: str, ids: Ids) -> Iterator[tuple[str, Ids]]:
        for edge in registry.graph.edges:
            if edge.upstream == name != edge.downstream:
                yield edge.downstream, load_readers(batch, _join(batch, registry, edge), ids)

    def close(name: str, ids: Ids) -> Ids:
        return _reach_own(batch, registry, name, ids, lambda relation, at: relation.readers_of(at))

    return _reach(list(registry.graph), start, steps, step, close)


def _reach(
    order: Sequence[str],
    start: Mapping[str, Ids],
    steps: Mapping[str, int] | None,
    step: Callable[[str, Ids], Iterable[tuple[str, Ids]]],
    close: Callable[[str, Ids], Ids],
) -> dict[str, Ids]:
    """Follow keys through the assets in ``order``, each of which comes after all from which a ``step`` leads to it.

    ``close`` adds the keys of an asset that keys of it lead to where it reads itself.
    """
    reached: dict[str, Ids] = {}
    # by name, what is reached with so many steps left
    left: dict[str, dict[int, Ids]] = {name: {} for name in order}
    for name, ids in start.items():
        most = ALL_STEPS if steps is None else steps[name]
        left[name][ALL_STEPS if most >= len(order) else most] = ids
    for name in order:
        for n, some in sorted(left[name].items(), reverse=True):
            if not len(some):
                continue
            closed = close(name, some)
            _add(reached, name, closed)
            for other, ids in step(name, closed) if n else ():
                _add(left[other], n if n == ALL_STEPS else n - 1, ids)
    return {**start, **reached}


def _reach_own(batch: Batch, registry: Registry, name: str, start: Ids, step: Step) -> Ids:
    """The keys of an asset that some of its keys lead to where it reads itself, as a running balance does."""
    own = [edge for edge in registry.graph.edges if edge.upstream == edge.downstream == name]
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


def _add(reached: dict[_Name, Ids], name: _Name, ids: Ids) -> None:
    reached[name] = np.union1d(reached[name], ids) if name in reached else ids
