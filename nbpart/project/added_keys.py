"""Adding keys to a set: with the columns that they spell, below their parents, and what is said of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from nbpart.catalog import Batch, Catalog, KeysAdded, events, queries
from nbpart.catalog.set_tables import build_columns, own_columns
from nbpart.errors import UnknownNameError, nearest
from nbpart.partitions import DynamicPartitions, Kind, Parameter, PartitionsDefinition
from nbpart.partitions.keys import shorten
from nbpart.project.key_rows import KeyRows, own_values

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

log = logging.getLogger("nbpart")

#: Chooses keys in the transaction that adds them.
ChooseKeys: TypeAlias = Callable[[Batch], list[str]]


def add_keys(
    catalog: Catalog,
    set_id: int,
    definition: PartitionsDefinition,
    keys: list[str] | ChooseKeys,
    rows: KeyRows | None = None,
) -> list[str]:
    """Add keys, or those that a function chooses, to a dynamic set; returns the new ones.

    Of keys that are there the declared columns in ``rows`` are set. Logs what came back, what changed, and new values
    outside of what samples are drawn from.
    """

    def build(keys: list[str]) -> tuple[list[str], pa.Table | None]:
        return keys, build_key_columns(definition, keys, rows.attributes if rows else None)

    built = None if callable(keys) else build(keys)

    def work(batch: Batch) -> tuple[KeysAdded, int, list[str], pa.Table | None]:
        texts, columns = built or build(keys(batch) if callable(keys) else keys)
        added = insert_keys(batch, set_id, definition, texts, columns)
        changed = 0
        if rows is not None and rows.given and columns is not None:
            changed = events.set_columns(batch, set_id, texts, columns.select(rows.given))
        return added, changed, texts, columns

    added, changed, texts, columns = catalog.write(work)
    log_returned_keys(definition.set_name, added.returned)
    if changed:
        which = "1 key that was" if changed == 1 else f"{changed:,} keys that were"
        log.info("%s: the columns of %s there changed.", definition.set_name, which)
    if added.new and columns is not None:
        new = set(added.new)
        _log_outside(definition, columns if len(new) == len(texts) else columns.filter([key in new for key in texts]))
    return added.new


def insert_keys(
    batch: Batch, set_id: int, definition: PartitionsDefinition, keys: list[str], columns: pa.Table | None
) -> KeysAdded:
    """Add keys with their own columns (see `build_key_columns`) to a dynamic set, in a transaction of the caller."""
    return events.add_keys(batch, set_id, keys, columns, find_parents(batch, definition, keys))


def build_key_columns(
    definition: PartitionsDefinition, keys: Sequence[str], attributes: Sequence[Mapping[str, Any]] | None = None
) -> pa.Table | None:
    """The own columns of each key as the catalog takes them; None for a set without."""
    if not isinstance(definition, DynamicPartitions) or not (columns := own_columns(definition)):
        return None
    given = zip(keys, attributes or [{}] * len(keys), strict=True)
    return build_columns(columns, [{**own_values(definition, key), **more} for key, more in given])


def find_parents(
    batch: Batch, definition: PartitionsDefinition | None, keys: Sequence[str]
) -> NDArray[np.int64] | None:
    """The id of each key's parent, None where they have none. Raises `UnknownNameError` for one that is not there."""
    if not isinstance(definition, DynamicPartitions) or definition.parent is None:
        return None
    texts = [definition.split(key)[0] for key in keys]
    found = queries.find_set(batch, definition.parent.set_name)
    assert found is not None, "a set is declared after its parent"
    ids = queries.key_ids(batch, found.set_id, texts)
    if (ids < 0).any():
        missing = next(text for text, key_id in zip(texts, ids.tolist(), strict=True) if key_id < 0)
        near = nearest(missing, queries.load_members(batch, found.set_id, 0, 1000))
        raise UnknownNameError(
            f"{definition.set_name!r} stand below {found.name!r}, which have no key {missing!r}; {near}"
        )
    return ids


def log_returned_keys(name: str, returned: list[str]) -> None:
    """Log that keys which had been removed were added again."""
    if returned:
        shown = ", ".join(repr(k) for k in returned[:3]) + (", …" if len(returned) > 3 else "")
        log.info("%s: %s had been removed before; added again with its history.", name, shown)


def _log_outside(definition: PartitionsDefinition, columns: pa.Table) -> None:
    """Warn of values that no sample would have: they may be meant, or typed wrongly."""
    for parameter in definition.parameters or ():
        if parameter.distribution is None:
            continue
        values = columns.column(parameter.name).unique().to_pylist()
        outside = [
            one for one in values if one not in (None, parameter.default) and not parameter.distribution.contains(one)
        ]
        if outside:
            log.warning("%s: %s", definition.set_name, _describe_outside(parameter, outside))


def _describe_outside(parameter: Parameter, outside: Sequence[Any]) -> str:
    assert parameter.distribution is not None, "without one nothing is outside"
    more = f" and {len(outside) - 1:,} more" if len(outside) > 1 else ""
    near = ""
    if parameter.kind is Kind.STR:
        near = f" ({nearest(outside[0], list(map(str, parameter.distribution.values or ())))})"
    return (
        f"{parameter.name}={shorten(outside[0])}{more} was added as it was given, though samples are drawn from "
        f"{shorten(parameter.distribution)}{near}."
    )
