"""Ordering the partitions of an asset by columns of the table that a person sees of them."""

# ruff: noqa: S608  what is put into SQL is constants of this package, and expressions of columns that were found

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.catalog.queries.partition_table import PartitionTable
from nbpart.catalog.set_tables import ordered_members
from nbpart.errors import UnknownNameError, nearest
from nbpart.partitions.order import WORDS, Order

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

#: So many assets are named in a message.
_MOST_NAMED = 5


def has_columns(batch: Batch, asset_id: int, order: Order) -> bool:
    """Whether the partitions of an asset have all columns of an order."""
    table = PartitionTable.of_asset(batch, asset_id)
    return all(table.find(column.name) is not None for column in order.columns)


def sort_by_columns(batch: Batch, asset_id: int, order: Order, key_ids: Ids) -> Ids:
    """Those of some key ids that are in the set of an asset, in an order by columns that it has.

    What has no value, or nan, comes last either way; what is equal in all columns comes in the order of the set.
    """
    table = PartitionTable.of_asset(batch, asset_id)
    found = [(column, one.is_descending) for one in order.columns if (column := table.find(one.name)) is not None]
    table.use_metrics([column for column, _ in found])
    terms = [f"{table.value(column)} {'DESC' if is_down else 'ASC'} NULLS LAST" for column, is_down in found]
    stage_numbers(batch, "partitions_ordered", key_ids)
    ids: Ids = batch.numpy(
        f"SELECT m.key_id FROM {ordered_members(batch, table.set_id)} m{table.joins}"
        f" WHERE m.key_id IN (SELECT id FROM partitions_ordered) ORDER BY {', '.join([*terms, 'm.position'])}"
    )["key_id"]
    return ids


def explain_unknown(batch: Batch, assets: Mapping[str, int], order: Order) -> UnknownNameError:
    """The error for an order of which none of some assets (name -> id) has all columns."""
    tables = [PartitionTable.of_asset(batch, asset_id) for asset_id in assets.values()]
    shown = ", ".join(list(assets)[:_MOST_NAMED]) + (", …" if len(assets) > _MOST_NAMED else "")
    who = f"{shown} has" if len(assets) == 1 else f"none of {shown} has"
    unknown = next((one for one in order.columns if all(table.find(one.name) is None for table in tables)), None)
    if unknown is None:
        return UnknownNameError(f"{who} all columns of order={order.text!r}: order by one that an asset has.")
    what = f"{'no' if len(assets) == 1 else 'a'} column {unknown.name!r} to order by"
    names = [
        *(column.name for table in tables for column in table.columns),
        *(WORDS if len(order.columns) == 1 else ()),
    ]
    return UnknownNameError(f"{who} {what}; {nearest(unknown.name, names)}")
