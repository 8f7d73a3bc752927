"""Statuses of partitions: counted, listed, and as arrays for planning."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch
from nbpart.catalog.expressions import STALE_CODE, STALE_DATA, STALE_INPUT, status_code_sql, status_sql
from nbpart.catalog.key_lookup import KEY_SQL, stage_numbers
from nbpart.catalog.queries.shared_sql import nulls_to_none
from nbpart.catalog.records import PlanFacts
from nbpart.catalog.set_tables import asset_set_id, ordered_members, sort_keys
from nbpart.states import STATUS_CODES, PartitionStatus

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def plan_facts(batch: Batch, asset_ids: Sequence[int]) -> dict[int, PlanFacts]:
    """The status of every partition of some assets, as arrays in member order."""
    return {asset_id: _plan_facts(batch, asset_id) for asset_id in asset_ids}


def plan_facts_of(batch: Batch, asset_id: int, key_ids: NDArray[np.int64]) -> PlanFacts:
    """As `plan_facts`, of some keys of one asset."""
    stage_numbers(batch, "facts_of", sort_keys(batch, asset_set_id(batch, asset_id), key_ids))
    members = "(SELECT id AS key_id, n AS position FROM facts_of)"
    return _plan_facts(batch, asset_id, members, " AND key_id IN (SELECT id FROM facts_of)")


def _plan_facts(batch: Batch, asset_id: int, members: str = "", among: str = "") -> PlanFacts:
    columns = batch.numpy(
        f"SELECT m.key_id, {status_code_sql()} AS status, coalesce(f.stale, 0)::UTINYINT AS stale"
        f" FROM {members or ordered_members(batch, asset_set_id(batch, asset_id))} m"
        f" LEFT JOIN (SELECT * FROM partition_facts WHERE asset_id = ?{among}) f USING (key_id) ORDER BY m.position",
        asset_id,
    )
    return PlanFacts(columns["key_id"], columns["status"], columns["stale"])


def status_counts(batch: Batch) -> pd.DataFrame:
    """How many partitions of each active asset and source have each status: asset_id, status, n.

    Statuses that no partition has are left out; untouched partitions count as missing.
    """
    import pandas as pd

    sizes = {
        row[0]: row[1:]
        for row in batch.rows("SELECT set_id, count(*), min(key_id), max(key_id) FROM members GROUP BY set_id")
    }
    set_of = dict(batch.rows("SELECT asset_id, set_id FROM assets WHERE active ORDER BY asset_id"))
    counts = {(asset_id, code): 0 for asset_id in set_of for code in range(len(PartitionStatus))}
    for asset_id, code, n in _count_touched(batch, set_of, sizes):
        counts[asset_id, code] = n
    for asset_id, set_id in set_of.items():
        members = sizes[set_id][0] if set_id in sizes else 0
        touched = sum(counts[asset_id, code] for code in range(len(PartitionStatus)))
        counts[asset_id, STATUS_CODES[PartitionStatus.MISSING]] += members - touched
    names = [status.value for status in PartitionStatus]
    rows = [(asset_id, names[code], n) for (asset_id, code), n in counts.items() if n]
    return pd.DataFrame(rows, columns=["asset_id", "status", "n"]).astype({"asset_id": "int64", "n": "int64"})


def count_outdated(batch: Batch, asset_id: int) -> list[tuple[int, int]]:
    """The partitions of an asset that are not up to date, by kind of cause: (how many, key id of the first).

    A kind is a status and, of what is stale, the first of the bits for which `reasons` has words; in that order.
    """
    kind = f"""CASE {status_code_sql()} WHEN {STATUS_CODES[PartitionStatus.FAILED]} THEN 0
        WHEN {STATUS_CODES[PartitionStatus.STALE]} THEN CASE WHEN f.stale & {STALE_DATA} <> 0 THEN 1
            WHEN f.stale & {STALE_CODE} <> 0 THEN 2 WHEN f.stale & {STALE_INPUT} <> 0 THEN 3 ELSE 4 END
        WHEN {STATUS_CODES[PartitionStatus.MISSING]} THEN 5 END"""
    rows = batch.rows(
        f"""SELECT {kind} AS kind, count(*), arg_min(m.key_id, m.position)
        FROM {ordered_members(batch, asset_set_id(batch, asset_id))} m
        LEFT JOIN (SELECT * FROM partition_facts WHERE asset_id = ?) f USING (key_id)
        GROUP BY kind HAVING kind IS NOT NULL ORDER BY kind""",
        asset_id,
    )
    return [(int(n), int(key_id)) for _, n, key_id in rows]


def _count_touched(
    batch: Batch, set_of: Mapping[int, int], sizes: Mapping[int, tuple[int, int, int]]
) -> Iterator[tuple[int, int, int]]:
    """(asset id, status code, n) of the members that were touched; facts of keys that left the set do not count."""
    select = f"SELECT f.asset_id, {status_code_sql()} AS code, count(*) FROM partition_facts f"
    ranges = []
    for set_id, (n, lowest, highest) in sizes.items():
        ids = ", ".join(str(asset_id) for asset_id, its_set in set_of.items() if its_set == set_id)
        if not ids:
            continue
        if n == highest - lowest + 1:  # a range without holes says who is a member: several times faster than a join
            ranges.append(f"(f.asset_id IN ({ids}) AND f.key_id BETWEEN {lowest} AND {highest})")
        else:
            members = f"(SELECT key_id FROM members WHERE set_id = {set_id})"
            yield from batch.rows(f"{select} JOIN {members} m USING (key_id) WHERE f.asset_id IN ({ids}) GROUP BY ALL")
    if ranges:
        yield from batch.rows(f"{select} WHERE {' OR '.join(ranges)} GROUP BY ALL")


def statuses_of_keys(batch: Batch, asset_id: int, key_ids: NDArray[np.int64]) -> pd.DataFrame:
    """The partitions of an asset with these key ids, in their order: partition_key, status."""
    stage_numbers(batch, "requested_ids", key_ids)
    frame = batch.frame(
        f"""SELECT {KEY_SQL} AS partition_key, {status_sql()} AS status FROM requested_ids r
        JOIN keys k ON k.key_id = r.id LEFT JOIN (SELECT * FROM partition_facts WHERE asset_id = ?) f
            ON f.key_id = r.id ORDER BY r.n""",
        asset_id,
    )
    return nulls_to_none(frame)
