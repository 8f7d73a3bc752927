"""Reading a user's ``status=`` and ``keys=``: which statuses and which key ids they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.backfill.registry import Node, Registry, spell_key
from nbpart.catalog import Batch, queries
from nbpart.errors import DeclarationError, NbpartError, UnknownNameError, nearest
from nbpart.states import STATUS_GROUPS, STATUS_WORDS, PartitionStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray


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


def as_key_list(keys: Any) -> list[Any] | None:
    """``keys`` as a list, given a key, a dict of parameters, or an iterable of these; None stays None."""
    if keys is None:
        return None
    return list(keys) if isinstance(keys, Iterable) and not isinstance(keys, str | bytes | Mapping) else [keys]


def find_key_ids(
    batch: Batch, registry: Registry, names: Iterable[str], listed: list[Any]
) -> dict[str, NDArray[np.int64]]:
    """The key ids of the assets ``names`` that the ``listed`` keys mean, by asset.

    An asset whose set has none of the keys is left out, which means that it is not restricted; an empty list restricts
    every asset to no key. Raises `UnknownNameError` for a key that no asset has.
    """
    names = list(names)
    if not listed:
        return {name: np.array([], dtype=np.int64) for name in names}
    nodes = [registry[name] for name in names if registry[name].definition.is_partitioned]
    restricted: dict[str, NDArray[np.int64]] = {}
    found: set[int] = set()
    errors: dict[int, NbpartError] = {}
    for node in nodes:
        ids = _find_ids_in_set(batch, node, listed, errors)
        if ids:
            restricted[node.name] = np.array(list(ids.values()), dtype=np.int64)
            found |= set(ids)
    for position, key in enumerate(listed):
        if position not in found:
            raise _make_unknown_key_error(batch, nodes, names, key, errors.get(position))
    return restricted


def _find_ids_in_set(batch: Batch, node: Node, listed: list[Any], errors: dict[int, NbpartError]) -> dict[int, int]:
    """Position in ``listed`` -> key id, for the keys that are in the node's set.

    For a key that cannot be one of the set, the error is put into ``errors`` by its position.
    """
    texts: dict[int, str] = {}
    for position, key in enumerate(listed):
        try:
            text = spell_key(node, key)
        except NbpartError as error:  # it may still be a key of another asset's set
            errors[position] = error
            continue
        if text is not None:
            texts[position] = text
    if not texts:
        return {}
    ids = queries.key_ids(batch, node.set_id, list(texts.values()))
    return {position: int(key_id) for position, key_id in zip(texts, ids, strict=True) if key_id >= 0}


def _make_unknown_key_error(
    batch: Batch, nodes: list[Node], names: list[str], key: Any, error: NbpartError | None
) -> NbpartError:
    if error is not None and len({node.set_id for node in nodes}) == 1:
        return error
    subject = names[0] if len(names) == 1 else "none of " + ", ".join(names)
    if not nodes:
        return UnknownNameError(f"{subject} has no partitions, so there is no key {key!r} to choose; leave keys out.")
    some = [text for node in nodes for text in queries.load_members(batch, node.set_id, 0, 500)]
    has = "has no" if len(names) == 1 else "has a"
    return UnknownNameError(f"{subject} {has} partition {key!r}; {nearest(str(key), some)}")
