"""Reading a user's ``status=`` and ``keys=``: which statuses, and which keys of which assets they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.selection import Selection
from nbpart.backfill.reached_keys import reach_inputs, reach_readers
from nbpart.backfill.registry import Node, Registry
from nbpart.catalog import Batch
from nbpart.catalog.queries.chosen_keys import ChosenKeys, choose_keys, explain_unfound, find_similar_keys
from nbpart.errors import DeclarationError, NbpartError, UnknownNameError, nearest
from nbpart.partitions.choice import TypedText
from nbpart.partitions.keys import shorten
from nbpart.partitions.relation import distinct
from nbpart.states import STATUS_GROUPS, STATUS_WORDS, PartitionStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

#: So many assets are named in a message.
_MOST_NAMED = 5


@dataclass(frozen=True, eq=False)
class ChosenPartitions:
    """The key ids that ``keys=`` chooses, of each asset that has some.

    ``untouched`` are the assets that a pattern chose and that have none of the keys.
    """

    key_ids: Mapping[str, Ids]
    untouched: tuple[str, ...] = ()


def parse_statuses(status: Any) -> frozenset[PartitionStatus]:
    """The statuses that are meant by ``"outdated"``, ``"all"``, a status, or a list of these; None means all.

    Raises `DeclarationError` for anything else.
    """
    if status is None:
        return frozenset(PartitionStatus)
    names = list(status) if isinstance(status, Iterable) and not isinstance(status, str) else [status]
    chosen: set[PartitionStatus] = set()
    for name in names:
        if name in STATUS_GROUPS:
            chosen |= STATUS_GROUPS[name]
        elif name in tuple(PartitionStatus):
            chosen.add(PartitionStatus(name))
        else:
            raise DeclarationError(f"status={name!r} is none; {nearest(str(name), STATUS_WORDS)}")
    return frozenset(chosen)


def choose_partitions(
    batch: Batch, registry: Registry, selection: Selection, choices: Sequence[Any]
) -> ChosenPartitions:
    """The keys that are chosen, of the assets that the selection names, and what follows from them.

    Of what ``+`` adds it is what the mappings lead to, of what a pattern adds the keys that are there. Raises an error
    for a choice of which a named asset has no key, and for one of which no asset has any.
    """
    named = [name for name in registry.graph if name in selection.named]
    matched = [name for name in registry.graph if name in selection.matched - selection.named]
    by_set = {node.set_id: _choose(batch, node, choices) for node in map(registry.__getitem__, (*named, *matched))}
    found = {name: by_set[registry[name].set_id] for name in (*named, *matched)}
    _check_found(batch, registry, [*named, *matched], found, choices)
    for name in named:
        if len(found[name].unfound):
            raise _explain(batch, registry[name], choices[found[name].unfound[0]])
    ids = {name: found[name].key_ids for name in found}
    above = reach_inputs(batch, registry, {name: ids[name] for name in selection.with_inputs}, selection.with_inputs)
    below = reach_readers(batch, registry, {name: ids[name] for name in selection.with_readers}, selection.with_readers)
    every = {name: _unite(some.get(name) for some in (ids, above, below)) for name in selection.names}
    untouched = tuple(name for name in matched if choices and name in every and not len(every[name]))
    return ChosenPartitions({name: some for name, some in every.items() if name not in untouched}, untouched)


def _choose(batch: Batch, node: Node, choices: Sequence[Any]) -> ChosenKeys:
    if node.definition.is_partitioned:
        return choose_keys(batch, node.set_id, choices)
    return ChosenKeys(np.empty(0, np.int64), np.arange(len(choices)))


def _explain(batch: Batch, node: Node, choice: Any) -> NbpartError:
    """The error that says why an asset has no key of a choice."""
    if node.definition.is_partitioned:
        return explain_unfound(batch, node.set_id, choice, node.name)
    return UnknownNameError(
        f"{node.name} has no partitions, so there is no key {shorten(choice)} to choose; leave keys out."
    )


def _check_found(
    batch: Batch,
    registry: Registry,
    names: Sequence[str],
    found: Mapping[str, ChosenKeys],
    choices: Sequence[Any],
) -> None:
    """Raise for the first of the choices of which none of the assets has a key."""
    unfound = set(range(len(choices))).intersection(*(found[name].unfound.tolist() for name in names))
    if not unfound:
        return
    choice = choices[min(unfound)]
    nodes = {registry[name].set_id: registry[name] for name in names if registry[name].definition.is_partitioned}
    if len(nodes) <= 1:
        raise _explain(batch, next(iter(nodes.values()), registry[names[0]]), choice)
    text = choice.text if isinstance(choice, TypedText) else str(choice)
    similar = [key for set_id in nodes for key in find_similar_keys(batch, set_id, text)]
    of = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    raise UnknownNameError(f"none of {of} has a partition {shorten(choice)}; {nearest(text, similar)}")


def _unite(some: Iterable[Ids | None]) -> Ids:
    known = [ids for ids in some if ids is not None]
    return distinct(np.concatenate([np.empty(0, np.int64), *known]))
