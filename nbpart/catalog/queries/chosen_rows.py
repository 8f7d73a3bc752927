"""Choices by one value of each of the same columns, as the rows of a frame are: all of them in one join."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nbpart.catalog.key_lookup import key_ids
from nbpart.catalog.set_tables import SetSql, StoredSet, build_columns
from nbpart.partitions.choice import ByColumns, KeyChoice, OneKey
from nbpart.partitions.columns import Column
from nbpart.partitions.date_parts import DatePart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

    Ids = NDArray[np.int64]
    #: The own columns and the parts of which a choice gives one value each.
    Shape = tuple[tuple[Column, ...], tuple[str, ...]]


def group_rows(choices: Mapping[int, KeyChoice]) -> list[dict[int, ByColumns]]:
    """Those of the choices, by place, that give one value of each of the same columns: at least two to a group."""
    groups: dict[Shape, dict[int, ByColumns]] = {}
    for place, choice in choices.items():
        if isinstance(choice, ByColumns) and _is_row(choice):
            shape = tuple(column for column, _ in choice.values), tuple(name for name, _ in choice.parts)
            groups.setdefault(shape, {})[place] = choice
    return [group for group in groups.values() if len(group) > 1]


def _is_row(choice: ByColumns) -> bool:
    return all(len(some) == 1 and not isinstance(some[0], DatePart) for _, some in choice.values) and all(
        len(some) == 1 and isinstance(some[0], OneKey) for _, some in choice.parts
    )


def find_rows(batch: Batch, stored: StoredSet, group: Mapping[int, ByColumns]) -> tuple[Ids, Ids]:
    """The ids of the keys that a group of choices means, and for each the place of a choice that means it."""
    import pyarrow as pa

    first = next(iter(group.values()))
    columns = [column for column, _ in first.values]
    named = [replace(column, name=f"value_{n}") for n, column in enumerate(columns)]
    rows = [{one.name: some[0] for one, (_, some) in zip(named, each.values, strict=True)} for each in group.values()]
    table = pa.table({"place": pa.array(list(group), pa.int64())})
    for one, values in zip(named, build_columns(named, rows).columns if named else (), strict=True):
        table = table.append_column(one.name, values)
    sql = SetSql(stored, stored.set_id)
    conditions = [f"{sql.value(column)} IS NOT DISTINCT FROM r.value_{n}" for n, column in enumerate(columns)]
    names = [name for name, _ in stored.definition.parts]
    for n, (name, _) in enumerate(first.parts):
        place = names.index(name)
        texts = [each.parts[n][1][0].text for each in group.values()]  # type: ignore[union-attr]
        table = table.append_column(f"part_{n}", pa.array(key_ids(batch, stored.parts[place].set_id, texts)))
        conditions.append(f"{sql.part_id(place)} = r.part_{n}")
    batch.stage("chosen_rows", table)
    found = batch.numpy(
        f"SELECT m.key_id, r.place FROM {sql.rows} m{sql.joins} JOIN chosen_rows r ON {' AND '.join(conditions)}"
    )
    return found["key_id"], found["place"]
