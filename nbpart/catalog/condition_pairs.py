"""The mapping `where`: the pairs of keys for which a condition on the columns of both sides is true.

DuckDB finds them among the keys that are asked about, by the text of the condition, as it was checked. Nothing is kept
from one batch to the next, so that what is found is always of the keys and the columns that there are.
"""

# ruff: noqa: S608  what is put into SQL is names that are quoted, and the text of a condition that was checked

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbpart.catalog.batch import ZONE, Batch, Session
from nbpart.catalog.condition_checks import check_compared, check_kinds, explain_error
from nbpart.catalog.condition_tree import NamedColumn, ParsedCondition, make_error, parse_condition
from nbpart.catalog.expressions import quote
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.catalog.set_tables import SetSql, StoredSet
from nbpart.errors import ConditionError, nearest
from nbpart.partitions.columns import Column
from nbpart.partitions.filters import Condition
from nbpart.partitions.key_values import window_zones
from nbpart.partitions.mapping import MAX_COMPARED, MAX_PAIRS, PARTITION_KEY, Where
from nbpart.partitions.values import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nbpart.catalog.join_sides import Join

    Ids = NDArray[np.int64]

#: How long a condition may take, in seconds: others wait for the catalog meanwhile.
MOST_S = 30.0
#: So many pairs are looked at when a mapping is declared, so that what is wrong with values is said there.
_FEW_PAIRS = 1_000_000
#: The id of a key among the columns of a side; no column can have this name.
_ID = "key id"


def find_pairs(batch: Batch, join: Join, reader_ids: Ids, input_ids: Ids) -> tuple[Ids, Ids]:
    """The pairs, among keys with these ids, for which the condition is true: ids of readers, and those of inputs.

    Raises `ConditionError` for a condition that cannot be asked or takes too long, and where there are too many pairs.
    """
    query = _Query(batch, join, reader_ids, input_ids)
    digest = hashlib.blake2b(reader_ids.tobytes() + b"|" + input_ids.tobytes()).hexdigest()
    name = f"pairs {query.condition.text} {join.reader_id} {join.source_id} {digest} {batch.changes}"
    return batch.remember(name, query.find_pairs)


def find_related(batch: Batch, join: Join, *, readers: Ids | None = None, inputs: Ids | None = None) -> Ids:
    """The keys of the other side, each once, that make a pair with one of these; among the members of its set.

    One of both is given. Raises as `find_pairs`.
    """
    return _Query(batch, join, readers, inputs).find_side("upstream" if inputs is None else "this")


def check_where(batch: Batch, join: Join) -> None:
    """Raise `ConditionError` for a condition that cannot be asked of two sets, or would look at too many pairs."""
    query = _Query(batch, join, None, None)
    mine, theirs = (
        int(batch.value("SELECT count(*) FROM members WHERE set_id = ?", set_id))
        for set_id in (join.reader_id, join.source_id)
    )
    if mine * theirs > MAX_COMPARED and not query.is_bounded:
        what = (
            f"it would be asked of each pair of {theirs:,} keys and {mine:,}, and {MAX_COMPARED:,} pairs are possible: "
            "let a column of both be equal or in a range, as in upstream.day = this.day"
        )
        raise make_error(query.condition, what)
    query.count_pairs(at_most=None if mine * theirs <= _FEW_PAIRS else 0)


@dataclass
class _Side:
    """One side of a join, under the name that a condition has for it; ``ids`` are those asked about, None for all."""

    name: str
    stored: StoredSet | None
    set_id: int
    ids: Ids | None
    used: dict[str, Column | None] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, Column | None]:
        """The columns by the name under which a condition finds them; None for the text of the key."""
        if self.stored is None:
            return {}
        return {PARTITION_KEY: None, **{column.name: column for column in self.stored.definition.columns}}

    def find(self, name: str) -> str | None:
        """The column that a condition names, whatever its case; it becomes one of those that are queried."""
        own = next((one for one in self.columns if one.lower() == name.lower()), None)
        if own is not None:
            self.used[own] = self.columns[own]
        return own

    def kind(self, name: str) -> Kind | None:
        column = self.columns[name]
        return Kind.STR if column is None else column.plain_kind

    def make_sql(self, batch: Batch) -> str:
        """The keys with their columns, as a table of a query."""
        sql = SetSql(self.stored, self.set_id)
        selected = [f"m.key_id AS {quote(_ID)}"]
        selected += [f"{_value(sql, column)} AS {quote(name)}" for name, column in self.used.items()]
        rows = sql.rows
        if self.ids is not None:
            stage_numbers(batch, f"{self.name}_asked", self.ids)
            rows = f"(SELECT id AS key_id FROM {self.name}_asked)"
        return f"(SELECT {', '.join(selected)} FROM {rows} AS m{sql.joins}) AS {self.name}"


class _Query:
    """A condition on the columns of two sides, of all their keys or of some."""

    def __init__(self, batch: Batch, join: Join, readers: Ids | None, inputs: Ids | None) -> None:
        assert isinstance(join.mapping, Where), "only a condition finds pairs"
        self.condition = Condition(join.mapping.text, binds=False)
        self._batch = batch
        self._sides = {
            "upstream": _Side("upstream", join.source, join.source_id, inputs),
            "this": _Side("this", join.reader, join.reader_id, readers),
        }
        self._zone = _find_zone(join)
        self._parsed = parse_condition(batch, self.condition)
        kinds = {named.name: self._find_kind(named) for named in self._parsed.columns}
        check_kinds(self._parsed, kinds)
        check_compared(self._parsed, kinds)

    @property
    def is_bounded(self) -> bool:
        """Whether an equality or a range between both sides has to hold, so that not every pair is looked at."""
        return any(_list_sides(one) != _list_sides(other) and len(_list_sides(one)) == len(_list_sides(other)) == 1
                   for one, other in self._parsed.bounds)  # fmt: skip

    def find_pairs(self) -> tuple[Ids, Ids]:
        wanted = f"this.{quote(_ID)} AS reader, upstream.{quote(_ID)} AS input"
        found = self._run(f"{self._make_sql(wanted)} LIMIT {MAX_PAIRS + 1}")
        if len(found["reader"]) > MAX_PAIRS:
            raise self._refuse(self.count_pairs())
        return found["reader"], found["input"]

    def find_side(self, name: str) -> Ids:
        ids: Ids = self._run(self._make_sql(f"DISTINCT {name}.{quote(_ID)} AS found"))["found"]
        return ids

    def count_pairs(self, at_most: int | None = None) -> int:
        """How many pairs there are, of which at most so many are looked at; raises where they are too many."""
        limit = "" if at_most is None else f" LIMIT {at_most}"
        count = int(self._run(f"SELECT count(*) AS n FROM ({self._make_sql('1')}{limit})")["n"][0])
        if count > MAX_PAIRS:
            raise self._refuse(count)
        return count

    def _refuse(self, count: int) -> ConditionError:
        what = f"it relates {count:,} pairs of keys, and {MAX_PAIRS:,} are possible: ask for fewer"
        return make_error(self.condition, what)

    def _find_kind(self, named: NamedColumn) -> Kind | None:
        """The kind of a column that the condition names. Raises `ConditionError` for one that is not there."""
        side, _, name = named.name.partition(".")
        own = self._sides[side.lower()].find(name) if side.lower() in self._sides else None
        if own is None:
            raise self._explain_unknown(self._parsed, named)
        return self._sides[side.lower()].kind(own)

    def _explain_unknown(self, parsed: ParsedCondition, named: NamedColumn) -> ConditionError:
        names = [f"{side.name}.{column}" for side in self._sides.values() for column in side.columns]
        side, _, name = named.name.partition(".")
        if not name and (both := [one for one in names if one.partition(".")[2].lower() == named.name.lower()]):
            return parsed.error(f"{named.name} stands without its side: write {' or '.join(both)}", named.place)
        if side.lower() in self._sides and not self._sides[side.lower()].columns:
            return parsed.error(f"{side} has no columns, since what it stands for has no partitions", named.place)
        advice = nearest(named.name, names).rstrip(".")
        return parsed.error(f"there is no column {named.name!r}, {advice}", named.place)

    def _make_sql(self, wanted: str) -> str:
        """The query of all pairs: the text of the condition stands in parentheses, on lines of its own."""
        upstream, this = (side.make_sql(self._batch) for side in self._sides.values())
        return f"SELECT {wanted} FROM {upstream}, {this} WHERE (\n{self.condition.text}\n)"

    def _run(self, sql: str) -> dict[str, NDArray[Any]]:
        try:
            return self._batch.choose(sql, {}, Session(self._zone, None, MOST_S))
        except TimeoutError:
            what = f"it took longer than {MOST_S:g} s: let a column of both be equal or in a range"
            raise make_error(self.condition, what) from None
        except Exception as error:
            if (explained := explain_error(self.condition, error)) is None:
                raise
            raise explained from None


def _list_sides(names: frozenset[str]) -> set[str]:
    """The sides whose columns these are."""
    return {name.partition(".")[0].lower() for name in names}


def _find_zone(join: Join) -> str:
    """The time zone of dates and naive times: that of the windows that read, or else of those that are read."""
    return next(_list_zones(join), ZONE)


def _list_zones(join: Join) -> Iterator[str]:
    for stored in (join.reader, join.source):
        if stored is not None:
            yield from map(str, window_zones(stored.definition).values())


def _value(sql: SetSql, column: Column | None) -> str:
    """The expression of a column, None for the text of the key; one of numbers has no nan, which is null."""
    if column is None:
        return sql.key_text()
    value = sql.value(column)
    return f"CASE WHEN isnan({value}) THEN NULL ELSE {value} END" if column.plain_kind is Kind.FLOAT else value
