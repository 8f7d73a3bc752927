"""What the keys of an input come to group by group, for those that read the keys whose columns are equal to theirs.

They are kept by difference, as `ledgers` are, where many keys are in few groups; others are counted when asked for.
A group is known by the hash of the values by which keys are compared: so a key finds its own without the others.
"""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbpart.catalog.dependencies import StoredDependency, load_dependencies
from nbpart.catalog.expressions import element_hash
from nbpart.catalog.join_sides import Join, column_sql, part_place
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.catalog.set_tables import SetSql, set_sql
from nbpart.partitions import Kind
from nbpart.partitions.columns import Column, ColumnSource
from nbpart.partitions.mapping import AllKeys, By, Match
from nbpart.partitions.mapping_check import compares_texts
from nbpart.partitions.shared_structure import find_along

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch
    from nbpart.partitions import PartitionsDefinition

#: So many keys an input has at least, and so many for each key that reads, where its groups are kept; of fewer they are
#: counted as fast.
LARGE = 10_000
PER_READER = 100
_IDS, _TEXTS, _VALUES = "ids", "texts", "values"
_WINDOW = (ColumnSource.WINDOW_START, ColumnSource.WINDOW_END, ColumnSource.WINDOW_LOCAL)


@dataclass(frozen=True)
class Grouping:
    """The keys of an asset by the values of ``columns``, which are named there as JSON, with how they are compared."""

    number: int
    asset_id: int
    set_id: int
    columns: str

    def label(self, sql: SetSql) -> str:
        """The number of a key's group, over the rows of its set; null where it is in none."""
        return _label(sql, json.loads(self.columns))


@dataclass(frozen=True, eq=False)
class GroupSums:
    """What each of some readers reads: whether some of it has no data, or a bit; and the order-free hash over it."""

    lacks: NDArray[np.bool_]
    has_bit: NDArray[np.bool_]
    data_hash: NDArray[np.uint64]


def load_group_sums(
    batch: Batch, dependency: StoredDependency, readers: NDArray[np.int64], facts: str
) -> GroupSums | None:
    """What these keys read by a dependency; None where no groups are kept for it. A write keeps what it counts."""
    join = dependency.join(batch)
    columns = _list_columns(join)
    if facts != "partition_facts" or not columns:
        return None
    theirs = json.dumps([[match.theirs, how] for match, how in columns])
    grouping = _find_grouping(batch, dependency.input_id, theirs) or _make_grouping(batch, dependency, theirs)
    if grouping is None:
        return None
    stage_numbers(batch, "grouped_readers", readers)
    sql = SetSql(join.reader, join.reader_id)
    label = _label(sql, [(match.mine, how) for match, how in columns])
    found = batch.numpy(
        f"""WITH labelled AS (
            SELECT m.n, {label} AS label FROM (SELECT id AS key_id, n FROM grouped_readers) AS m{sql.joins})
        SELECT coalesce(g.members > g.with_data, false) AS lacks, coalesce(g.with_bit > 0, false) AS has_bit,
            coalesce(g.data_hash, 0) AS data_hash
        FROM labelled AS l LEFT JOIN (FROM group_ledgers WHERE grouping_no = {grouping.number}) AS g USING (label)
        ORDER BY l.n"""
    )
    return GroupSums(found["lacks"], found["has_bit"], found["data_hash"])


def list_grouped(batch: Batch) -> dict[int, int]:
    """The assets of which groups are kept, with their sets."""
    return {one.asset_id: one.set_id for one in _load_groupings(batch).values()}


def shift_groups(batch: Batch, asset_id: int, shifts: str) -> None:
    """Keep the groups of an asset when some keys, which are members of its set or just were, come to something else.

    `shifts` is a query (key_id, members, with_data, with_bit, data_hash): what is added to the sums of its group,
    and what its hash is mixed with.
    """
    for grouping in _load_groupings(batch).values():
        if grouping.asset_id != asset_id:
            continue
        sql = set_sql(batch, grouping.set_id)
        rows = f"SELECT {grouping.label(sql)} AS label, m.* FROM ({shifts}) AS m"  # before the joins, which it adds
        sums = ", ".join(f"sum({name})::BIGINT AS {name}" for name in ("members", "with_data", "with_bit"))
        count = batch.create_temp(
            "group_shifts",
            f"""SELECT label, {sums}, bit_xor(data_hash) AS data_hash FROM ({rows}{sql.joins})
            WHERE label IS NOT NULL GROUP BY label""",
        )
        updated = batch.execute(
            f"""UPDATE group_ledgers AS g SET members = g.members + s.members, with_data = g.with_data + s.with_data,
                with_bit = g.with_bit + s.with_bit, data_hash = xor(g.data_hash, s.data_hash)
            FROM group_shifts AS s WHERE g.grouping_no = {grouping.number} AND g.label = s.label"""
        )
        if updated < count:
            batch.execute(
                f"""INSERT INTO group_ledgers SELECT {grouping.number}, s.* FROM group_shifts AS s
                ANTI JOIN (SELECT label FROM group_ledgers WHERE grouping_no = {grouping.number}) USING (label)"""
            )


def forget_groups(batch: Batch, *, asset_id: int | None = None, set_ids: Collection[int] = ()) -> None:
    """Let the groups of an asset, or of all assets of some sets, be counted when they are asked for."""
    _forget(batch, lambda one: one.asset_id == asset_id or one.set_id in set_ids)


def drop_unused_groups(batch: Batch) -> None:
    """Drop the groups by which nothing reads any more."""
    if _load_groupings(batch):
        used = {
            (each.input_id, json.dumps([[match.theirs, how] for match, how in _list_columns(each.join(batch))]))
            for each in load_dependencies(batch)
            if isinstance(each.mapping, By)
        }
        _forget(batch, lambda one: (one.asset_id, one.columns) not in used)


def find_wrong_groups(batch: Batch) -> list[tuple[int, str, str]]:
    """Assets of which groups are not what the facts come to: (asset id, as recorded, as counted), one group of each."""
    names = "label, members, with_data, with_bit, data_hash"
    wrong = []
    for one in _load_groupings(batch).values():
        kept = f"SELECT {names} FROM group_ledgers WHERE grouping_no = {one.number} AND members > 0"
        counted = f"SELECT {names} FROM ({_count(batch, one)})"
        row = batch.row(
            f"""SELECT k::VARCHAR, c::VARCHAR FROM ({kept}) AS k FULL JOIN ({counted}) AS c USING (label)
            WHERE k IS DISTINCT FROM c ORDER BY label LIMIT 1"""
        )
        if row is not None:
            wrong.append((one.asset_id, str(row[0]), str(row[1])))
    return wrong


def _load_groupings(batch: Batch) -> dict[tuple[int, str], Grouping]:
    def load() -> dict[tuple[int, str], Grouping]:
        rows = batch.rows(
            "SELECT grouping_no, asset_id, set_id, columns FROM groupings JOIN assets USING (asset_id) ORDER BY ALL"
        )
        return {(row[1], row[3]): Grouping(*row) for row in rows}

    return batch.keep("groupings", load)


def _find_grouping(batch: Batch, asset_id: int, columns: str) -> Grouping | None:
    return _load_groupings(batch).get((asset_id, columns))


def _make_grouping(batch: Batch, dependency: StoredDependency, columns: str) -> Grouping | None:
    """Count the groups of an input, and keep them; None where they are not worth it."""
    if not batch.writes:
        return None
    sizes = "SELECT count(*) FILTER (set_id = ?), count(*) FILTER (set_id = ?) FROM members"
    readers, inputs = batch.row(sizes, dependency.set_id, dependency.input_set_id) or (0, 0)
    if inputs < max(LARGE, readers * PER_READER):
        return None
    number = batch.value("SELECT coalesce(max(grouping_no), 0) + 1 FROM groupings")
    grouping = Grouping(number, dependency.input_id, dependency.input_set_id, columns)
    if batch.create_temp("groups_counted", _count(batch, grouping)) * PER_READER > inputs:
        return None
    batch.execute("INSERT INTO groupings VALUES (?, ?, ?)", number, grouping.asset_id, columns)
    batch.execute(f"INSERT INTO group_ledgers SELECT {number}, * FROM groups_counted")
    return grouping


def _count(batch: Batch, grouping: Grouping) -> str:
    """A query (label, members, with_data, with_bit, data_hash) of all groups as the facts have them."""
    sql = set_sql(batch, grouping.set_id)
    label, element = grouping.label(sql), element_hash("f.key_id", "f.data_hash")
    return f"""SELECT label, count(*) AS members, count(f.data_hash) AS with_data,
            count(f.data_hash) FILTER (f.stale <> 0) AS with_bit,
            coalesce(bit_xor({element}) FILTER (f.data_hash IS NOT NULL), 0) AS data_hash
        FROM (SELECT m.key_id, {label} AS label FROM {sql.rows} AS m{sql.joins}) AS m
        LEFT JOIN (SELECT key_id, data_hash, stale FROM partition_facts
            WHERE asset_id = {grouping.asset_id} AND data_hash IS NOT NULL) AS f USING (key_id)
        WHERE label IS NOT NULL GROUP BY label"""


def _forget(batch: Batch, is_wrong: Callable[[Grouping], bool]) -> None:
    for one in list(_load_groupings(batch).values()):
        if is_wrong(one):
            batch.execute("DELETE FROM groupings WHERE grouping_no = ?", one.number)
            batch.execute("DELETE FROM group_ledgers WHERE grouping_no = ?", one.number)


# how keys are compared


def _list_columns(join: Join) -> list[tuple[Match, str]]:
    """What a join compares, and how; empty where it does more than that, or by what no group is known by."""
    if not isinstance(join.mapping, By) or join.reader is None or join.source is None:
        return []
    compared = [match for match in join.mapping.matches if not isinstance(match.mapping, AllKeys)]
    found = [(match, _how(match, join.reader.definition, join.source.definition)) for match in compared]
    return found if all(how for _, how in found) else []


def _how(match: Match, reader: PartitionsDefinition, source: PartitionsDefinition) -> str:
    """How a match compares two columns, as `joins` does; "" for what it does otherwise, or for windows."""
    if match.mapping is not None:
        return ""
    theirs, mine = find_along(source, match.theirs), find_along(reader, match.mine)
    if theirs is not None and mine is not None and theirs.set_name == mine.set_name:
        return _IDS
    if compares_texts(match, reader, source):
        return _TEXTS
    kinds = [_kind_of(source, match.theirs), _kind_of(reader, match.mine)]
    return _VALUES if kinds[0] == kinds[1] and kinds[0] not in (None, Kind.FLOAT) else ""


def _kind_of(definition: PartitionsDefinition, name: str) -> Kind | None:
    """The kind of a column; None for a whole key, and for what follows from windows."""
    column: Column | None = next((one for one in definition.columns if one.name == name), None)
    if column is None:
        return None
    inner = column
    while inner.of is not None:
        inner = inner.of
    return None if inner.source in _WINDOW else column.kind


def _label(sql: SetSql, columns: Any) -> str:
    values = [f"CAST({_value(sql, name, how)} AS VARCHAR)" for name, how in columns]
    known = " AND ".join(f"{value} IS NOT NULL" for value in values)
    # each after its length, so that no two lists of texts are spelled alike
    spelled = ", ".join(f"length({value}), ':', {value}" for value in values)
    return f"CASE WHEN {known} THEN md5_number_lower(concat({spelled})) END"


def _value(sql: SetSql, name: str, how: str) -> str:
    assert sql.stored is not None, "what is compared has partitions"
    if how != _IDS:
        return column_sql(sql, name, as_text=how == _TEXTS)
    place = part_place(sql.stored, name)
    return "m.key_id" if place is None else sql.part_id(place)
