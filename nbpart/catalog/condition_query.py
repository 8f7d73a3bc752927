"""The condition of the mapping `where`, checked against the columns of both sides, as a query of pairs of keys."""

# ruff: noqa: S608  what is put into SQL is names that are quoted, and the text of a condition that was checked

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbpart.catalog.batch import Batch, Session
from nbpart.catalog.condition_checks import check_compared, check_kinds, name_errors
from nbpart.catalog.condition_tree import NamedColumn, ParsedCondition, parse_condition
from nbpart.catalog.expressions import quote
from nbpart.catalog.instance import ZONE
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.catalog.pair_search import ID, MOST_S, PairSearch, SlowPairs, check_count, make_pairs_sql, say_too_late
from nbpart.catalog.searches import SearchWanted
from nbpart.catalog.set_tables import SetSql, StoredSet
from nbpart.errors import ConditionError, nearest
from nbpart.partitions.columns import Column
from nbpart.partitions.filters import Condition
from nbpart.partitions.key_values import window_zones
from nbpart.partitions.mapping import MAX_PAIRS, PARTITION_KEY, Where
from nbpart.partitions.values import Kind

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from nbpart.catalog.join_sides import Join

    Ids = NDArray[np.int64]


@dataclass
class Side:
    """One side of a join, under the ``name`` that a condition has for it; ``used`` are the columns that it names."""

    name: str
    stored: StoredSet | None
    set_id: int
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

    def count(self, batch: Batch) -> int:
        """How many keys the set has."""
        return int(batch.value("SELECT count(*) FROM members WHERE set_id = ?", self.set_id))

    def make_sql(self, batch: Batch, ids: Ids | None) -> str:
        """The keys with these ids, or all of the set, with the columns that the condition names."""
        sql = SetSql(self.stored, self.set_id)
        selected = [f"m.key_id AS {quote(ID)}"]
        selected += [f"{_value(sql, column)} AS {quote(name)}" for name, column in self.used.items()]
        rows = sql.rows
        if ids is not None:
            stage_numbers(batch, f"{self.name}_asked", ids)
            rows = f"(SELECT id AS key_id FROM {self.name}_asked)"
        return f"SELECT {', '.join(selected)} FROM {rows} AS m{sql.joins}"

    def load_digest(self, batch: Batch) -> str:
        """What the members of the set and their columns come to: another text where any of them is another one."""
        values = ", ".join(quote(name) for name in (ID, *self.used))
        row = batch.row(
            f"""SELECT count(*), bit_xor(h), sum(h) FROM (SELECT hash({values}) AS h
            FROM ({self.make_sql(batch, None)}))"""
        )
        return f"{[*self.used.items()]} {row}"


class PairQuery:
    """A condition on the columns of two sides. Raises `ConditionError` where it cannot be asked of them."""

    def __init__(self, batch: Batch, join: Join) -> None:
        assert isinstance(join.mapping, Where), "only a condition finds pairs"
        self.condition = Condition(join.mapping.text, binds=False)
        self.reader = Side("this", join.reader, join.reader_id)
        self.source = Side("upstream", join.source, join.source_id)
        self._sides = {side.name: side for side in (self.source, self.reader)}
        self._batch = batch
        self._zone = _find_zone(join)
        self._parsed = parse_condition(batch, self.condition)
        kinds = {named.name: self._find_kind(named) for named in self._parsed.columns}
        check_kinds(self._parsed, kinds)
        check_compared(self._parsed, kinds)

    @property
    def name(self) -> str:
        """A text that is the same for the same condition on the same sets."""
        return f"{self.reader.set_id} {self.source.set_id} {self.condition.text}"

    @property
    def is_bounded(self) -> bool:
        """Whether an equality or a range between both sides has to hold, so that not every pair is looked at."""
        return any(_list_sides(one) != _list_sides(other) and len(_list_sides(one)) == len(_list_sides(other)) == 1
                   for one, other in self._parsed.bounds)  # fmt: skip

    def load_version(self) -> str:
        """What decides which pairs there are among the members of both sets, as a short text."""
        import duckdb

        sides = [side.load_digest(self._batch) for side in self._sides.values()]
        return hashlib.blake2b("\n".join([self.name, self._zone, duckdb.__version__, *sides]).encode()).hexdigest()[:32]

    def find_pairs(
        self, reader_ids: Ids | None = None, input_ids: Ids | None = None, *, most_s: float | None = None
    ) -> tuple[Ids, Ids]:
        """The pairs among keys with these ids, or all keys: ids of readers, and those of inputs.

        Raises `SearchWanted`, of `SlowPairs`, where it takes longer than `most_s`.
        """
        sql = self._make_sql(f"this.{quote(ID)} AS reader, upstream.{quote(ID)} AS input", reader_ids, input_ids)
        found = self._run(f"{sql} LIMIT {MAX_PAIRS + 1}", most_s)
        if len(found["reader"]) > MAX_PAIRS:
            self.check_few_pairs(reader_ids=reader_ids, input_ids=input_ids)
        return found["reader"], found["input"]

    def find_side(self, side: Side, reader_ids: Ids | None, input_ids: Ids | None, *, most_s: float) -> Ids:
        """The keys of one side that are in a pair; raises as `find_pairs`."""
        sql = self._make_sql(f"DISTINCT {side.name}.{quote(ID)} AS found", reader_ids, input_ids)
        ids: Ids = self._run(sql, most_s)["found"]
        return ids

    def check_few_pairs(
        self,
        at_most: int | None = None,
        *,
        reader_ids: Ids | None = None,
        input_ids: Ids | None = None,
        most_s: float | None = None,
    ) -> None:
        """Raise `ConditionError` where there are too many pairs, of which at most so many are looked at.

        Raises as `find_pairs`, too.
        """
        limit = "" if at_most is None else f" LIMIT {at_most}"
        sql = f"SELECT count(*) AS n FROM ({self._make_sql('1', reader_ids, input_ids)}{limit})"
        check_count(self.condition, int(self._run(sql, most_s)["n"][0]))

    def make_search(self, version: str) -> PairSearch:
        """The search for all pairs of now, over copies of the members of both sets."""
        copies = {side.name: self._copy(side) for side in self._sides.values()}
        return PairSearch(self.condition, self.reader.set_id, self.source.set_id, version, self._zone, copies)

    def _copy(self, side: Side) -> pa.Table:
        return self._batch.arrow(side.make_sql(self._batch, None))

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

    def _make_sql(self, wanted: str, reader_ids: Ids | None, input_ids: Ids | None) -> str:
        upstream, this = self.source.make_sql(self._batch, input_ids), self.reader.make_sql(self._batch, reader_ids)
        return make_pairs_sql(wanted, f"({upstream}) AS upstream", f"({this}) AS this", self.condition)

    def _run(self, sql: str, most_s: float | None = None) -> dict[str, NDArray[Any]]:
        session = Session(self._zone, None, MOST_S if most_s is None else most_s)
        with name_errors(self.condition, say_too_late(MOST_S)):
            try:
                return self._batch.choose(sql, {}, session)
            except TimeoutError:
                if most_s is None:
                    raise
                raise self._batch.want(SearchWanted(SlowPairs(self.name))) from None


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
