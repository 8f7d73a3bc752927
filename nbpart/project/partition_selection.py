"""Reading a user's ``status=``, ``keys=`` and ``where=``: which statuses, and which keys of which assets they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.selection import Selection
from nbpart.backfill.reached_keys import reach_inputs, reach_readers
from nbpart.backfill.registry import Node, Registry
from nbpart.catalog import Batch
from nbpart.catalog.conditions import ChosenWhere, choose_where
from nbpart.catalog.queries.chosen_keys import ChosenKeys, choose_keys, explain_unfound, find_similar_keys
from nbpart.errors import ConditionError, DeclarationError, NbpartError, UnknownNameError, nearest
from nbpart.partitions.choice import TypedText
from nbpart.partitions.filters import Condition
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
    """The key ids that ``keys=`` and ``where=`` choose, of each asset that has some.

    ``untouched`` are the assets that a pattern chose and that have none of the keys, ``without_columns`` those that
    have not all columns of the condition. ``count`` is how many partitions were chosen, without those that ``+`` adds.
    ``asks_facts``: the condition names a column that tells what became of a partition.
    """

    key_ids: Mapping[str, Ids]
    untouched: tuple[str, ...] = ()
    without_columns: tuple[str, ...] = ()
    count: int = 0
    asks_facts: bool = False


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
    batch: Batch,
    registry: Registry,
    selection: Selection,
    choices: Sequence[Any] | None = None,
    where: Condition | None = None,
) -> ChosenPartitions:
    """The partitions that are chosen by keys and by a condition, of the assets that the selection names, and what
    follows from them.

    Where both are given both hold; without keys it is all of them. Of what ``+`` adds it is what the mappings lead to,
    of what a pattern adds the keys that are there, of the assets that have all columns of the condition. Raises an
    error for a choice of which a named asset has no key, for one of which no asset has any, and for a column that a
    named asset has not.
    """
    named = [name for name in registry.graph if name in selection.named]
    matched = [name for name in registry.graph if name in selection.matched - selection.named]
    by_keys = None if choices is None else _choose_by_keys(batch, registry, named, matched, choices)
    asked = None if where is None else _ask(batch, registry, named, matched, where)
    ids: dict[str, Ids] = {}
    for name in (*named, *matched):
        some = _restrict(by_keys[name] if by_keys else None, asked[name] if asked else None)
        if some is not None:
            ids[name] = some
    above = reach_inputs(batch, registry, *_follow(ids, selection.with_inputs))
    below = reach_readers(batch, registry, *_follow(ids, selection.with_readers))
    every = {
        name: _unite(some.get(name) for some in (ids, above, below))
        for name in selection.names
        if any(name in some for some in (ids, above, below)) or name not in matched
    }
    keyless = [name for name in matched if by_keys and choices and not len(by_keys[name])]
    untouched = tuple(name for name in keyless if name in every and not len(every[name]))
    return ChosenPartitions(
        {name: some for name, some in every.items() if name not in untouched},
        untouched,
        tuple(name for name in matched if name not in every and name in selection.names),
        sum(len(some) for some in ids.values()),
        any(one.asks_facts for one in (asked or {}).values()),
    )


def _choose_by_keys(
    batch: Batch, registry: Registry, named: Sequence[str], matched: Sequence[str], choices: Sequence[Any]
) -> dict[str, Ids]:
    """The keys of each asset that ``keys=`` chooses."""
    by_set = {node.set_id: _choose(batch, node, choices) for node in map(registry.__getitem__, (*named, *matched))}
    found = {name: by_set[registry[name].set_id] for name in (*named, *matched)}
    _check_found(batch, registry, [*named, *matched], found, choices)
    for name in named:
        if len(found[name].unfound):
            raise _explain(batch, registry[name], choices[found[name].unfound[0]])
    return {name: some.key_ids for name, some in found.items()}


def _ask(
    batch: Batch, registry: Registry, named: Sequence[str], matched: Sequence[str], where: Condition
) -> dict[str, ChosenWhere]:
    """What a condition chooses of each asset; of the named ones each has to have its columns, of the others one."""
    by_set: dict[int, ChosenWhere] = {}
    found: dict[str, ChosenWhere] = {}
    for name in (*named, *matched):
        node = registry[name]
        chosen = by_set.get(node.set_id) or choose_where(
            batch, node.asset_id, where, name, must_have=name in named or len(matched) == 1
        )
        if not chosen.asks_facts and chosen.key_ids is not None:
            by_set[node.set_id] = chosen  # what all assets of a set have in common
        found[name] = chosen
    if all(one.key_ids is None for one in found.values()):
        names = ", ".join(matched[:_MOST_NAMED]) + (", …" if len(matched) > _MOST_NAMED else "")
        raise ConditionError(
            f"none of {names} has all columns of the condition {shorten(where.describe())}: name the asset that has "
            "them, and see its partition_status."
        )
    return found


def _restrict(by_keys: Ids | None, asked: ChosenWhere | None) -> Ids | None:
    """The keys of an asset for which all holds that was given; None where it has not all columns of the condition."""
    if asked is None:
        return by_keys
    if asked.key_ids is None or by_keys is None:
        return asked.key_ids
    return np.intersect1d(by_keys, asked.key_ids)


def _follow(ids: Mapping[str, Ids], steps: Mapping[str, int]) -> tuple[dict[str, Ids], dict[str, int]]:
    """The keys of the assets from which a selection goes on, and for how many steps."""
    return {name: ids[name] for name in steps if name in ids}, {name: n for name, n in steps.items() if name in ids}


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
