"""Asking a condition of the partitions of an asset, or of the keys of a set: checked, then run as its own text."""

# ruff: noqa: S608  what is put into SQL is names that are quoted, and the text of a condition that was checked

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch, Session
from nbpart.catalog.condition_checks import check_kinds, check_words, name_errors
from nbpart.catalog.condition_tree import NamedColumn, ParsedCondition, parse_condition
from nbpart.catalog.expressions import quote
from nbpart.catalog.queries.partition_table import STATUS, PartitionTable, TableColumn
from nbpart.errors import UnknownNameError, nearest
from nbpart.partitions.filters import Condition
from nbpart.partitions.names import METRIC
from nbpart.states import PartitionStatus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

#: How long a condition may take, in seconds: other processes wait for the catalog meanwhile.
MOST_S = 5.0
#: The id of a key in the table that a condition is asked of; no column can have this name.
_ID = "key id"


@dataclass(frozen=True, eq=False)
class ChosenWhere:
    """The ids of the keys for which a condition is true, in no order; None where the asset has not all its columns.

    ``asks_facts``: it names a column that tells what became of a partition, which its key does not.
    """

    key_ids: Ids | None
    asks_facts: bool


def choose_where(
    batch: Batch, asset_id: int, condition: Condition, owner: str, *, must_have: bool = True
) -> ChosenWhere:
    """The partitions of an asset for which a condition is true. ``owner`` is its name, for a message.

    Raises `UnknownNameError` for a column that it has not, unless it need not (``must_have``), and `ConditionError` for
    a condition that cannot be asked.
    """
    return _choose(batch, PartitionTable.of_asset(batch, asset_id), condition, owner, must_have)


def choose_keys_where(batch: Batch, set_id: int, condition: Condition, owner: str) -> Ids:
    """The keys of a set for which a condition on their columns is true; raises as `choose_where`."""
    ids = _choose(batch, PartitionTable(batch, set_id, None), condition, owner, True).key_ids
    assert ids is not None, "a column that is not there is an error"
    return ids


def _choose(batch: Batch, table: PartitionTable, condition: Condition, owner: str, must_have: bool) -> ChosenWhere:
    parsed = parse_condition(batch, condition)
    found = [(named, table.find(named.name)) for named in parsed.columns]
    if unknown := next((named for named, column in found if column is None), None):
        if not must_have:
            return ChosenWhere(None, asks_facts=False)
        raise _explain_unknown(parsed, unknown, table, owner)
    columns = {named.name: column for named, column in found if column is not None}
    check_kinds(parsed, {name: column.kind for name, column in columns.items()})
    if STATUS in columns.values():
        check_words(parsed, STATUS.name, list(PartitionStatus))
    ids = _run(batch, table, parsed, columns)
    return ChosenWhere(ids, any(column.is_fact for column in columns.values()))


def _explain_unknown(
    parsed: ParsedCondition, named: NamedColumn, table: PartitionTable, owner: str
) -> UnknownNameError:
    names = [column.name for column in table.columns]
    error = parsed.error(f"{owner} has no column {named.name!r}", named.place)
    return UnknownNameError(f"{error} {nearest(named.name, names).capitalize()}")


def _run(batch: Batch, table: PartitionTable, parsed: ParsedCondition, columns: dict[str, TableColumn]) -> Ids:
    sql = _make_sql(table, parsed.condition, columns)
    session = Session(table.zone, batch.now if parsed.asks_time else None, MOST_S)
    when_late = f"it took longer than {MOST_S:g} s, and others wait for the catalog meanwhile: ask less, or by keys="
    with name_errors(parsed.condition, when_late):
        ids: Ids = batch.choose(sql, dict(parsed.condition.values), session)[_ID]
    return ids


def _make_sql(table: PartitionTable, condition: Condition, columns: dict[str, TableColumn]) -> str:
    """The query of the ids: the text of the condition stands in parentheses, on lines of its own."""
    wanted = list({column.name: column for column in columns.values()}.values())
    if any(column.is_fact for column in wanted):
        table.use_metrics(wanted)
    selected = [f"m.key_id AS {quote(_ID)}", *(f"{table.value(one)} AS {quote(one.name)}" for one in wanted)]
    selected += _nest_metrics(table, columns)
    return (
        f"SELECT {quote(_ID)} FROM (SELECT {', '.join(selected)} FROM {table.rows} m{table.joins}) AS partitions"
        f" WHERE (\n{condition.text}\n)"
    )


def _nest_metrics(table: PartitionTable, columns: dict[str, TableColumn]) -> Sequence[str]:
    """The column in which DuckDB finds what is asked for as ``metric.rows``."""
    named = {name[len(METRIC) :]: column for name, column in columns.items() if name.lower().startswith(METRIC)}
    fields = ", ".join(f"{quote(name)} := {table.value(column)}" for name, column in named.items())
    return [f"struct_pack({fields}) AS metric"] if fields else []
