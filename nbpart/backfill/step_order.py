"""The order in which the steps of each asset start, where that is another than the order of its set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbpart.backfill.plan import StepTable, permute_steps
from nbpart.backfill.registry import Node, Registry
from nbpart.catalog import Batch
from nbpart.catalog.id_arrays import find_places
from nbpart.catalog.orders import explain_unknown, has_columns, sort_by_columns
from nbpart.catalog.set_tables import sort_keys
from nbpart.errors import DeclarationError
from nbpart.partitions.order import NEWEST, Order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StepOrder:
    """An order of the steps of each asset.

    ``listed`` has, by set, the ids of the keys as somebody listed them, None where nobody did. ``without_columns`` are
    the assets with partitions that have not all columns of the order: their steps stay as they are.
    """

    order: Order
    listed: Mapping[int, Ids] | None = None
    without_columns: Sequence[str] = ()


def check_order(
    batch: Batch,
    registry: Registry,
    names: Collection[str],
    order: Order,
    *,
    named: Collection[str] = (),
    listed: Mapping[int, Ids] | None = None,
) -> StepOrder:
    """The order for the steps of some assets, of which those ``named`` have to have all of its columns, else one.

    An asset without partitions has nothing to order, and need not. Raises `UnknownNameError` for a column that is not
    there, `DeclarationError` for the order of a list where there is none.
    """
    if order.is_as_listed and listed is None:
        raise DeclarationError(
            "order='as_listed' is the order of a list of keys, and none is given: give keys=[...] with it, or leave "
            "order out."
        )
    if not order.columns:
        return StepOrder(order, listed)
    computed = [name for name in names if not registry[name].definition.is_source]
    lacking = [name for name in computed if not has_columns(batch, registry[name].asset_id, order)]
    partitioned = [name for name in lacking if registry[name].definition.is_partitioned]
    refused = [name for name in partitioned if name in named][:1]
    if refused or (computed and len(lacking) == len(computed)):
        asked = refused or partitioned or computed
        raise explain_unknown(batch, {name: registry[name].asset_id for name in asked}, order)
    return StepOrder(order, without_columns=tuple(partitioned))


def order_steps(
    batch: Batch, registry: Registry, steps: StepTable, how: StepOrder, *, is_set_order: bool = False
) -> tuple[StepTable, Ids]:
    """The steps of each asset in an order, and the number in ``steps`` of each.

    Where they are known to be in that of their sets (``is_set_order``), this is not read again.
    What is no key of a set any more comes last, and so does, of a list, what it does not have.
    """
    places: dict[str, Ids] = {}
    for part in steps.assets:
        node = registry[part.asset]
        if not node.definition.is_partitioned:
            continue
        if is_set_order and how.order.text == NEWEST:
            places[part.asset] = np.arange(len(part))[::-1]
        elif (ids := _sort(batch, node, how, part.key_ids)) is not None:
            rank = find_places(ids, part.key_ids)
            places[part.asset] = np.argsort(np.where(rank < 0, len(ids), rank), kind="stable")
    return permute_steps(steps, places)


def _sort(batch: Batch, node: Node, how: StepOrder, key_ids: Ids) -> Ids | None:
    """The key ids of an asset's steps in the order that is asked for; None where they stay as they are."""
    order = how.order
    if order.columns:
        is_known = has_columns(batch, node.asset_id, order)
        return sort_by_columns(batch, node.asset_id, order, key_ids) if is_known else None
    if order.is_as_listed:
        return (how.listed or {}).get(node.set_id)
    ids = sort_keys(batch, node.set_id, key_ids)
    return ids[::-1] if order.text == NEWEST else ids
