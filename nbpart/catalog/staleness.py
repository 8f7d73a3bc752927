"""Deciding which partitions are stale, and why, in the transaction that makes them so.

The code bit says that the current materialization was made by another code version than the asset has now. The input
bit says that one of its inputs has other data now than it read. Only direct readers are marked: when they are made
again and come out different, their readers follow.
"""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.expressions import STALE_CODE, STALE_INPUT, order_free_hash, quote

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


def refresh_code(batch: Batch, asset_ids: Sequence[int]) -> None:
    """Set or clear the code bit of every partition of these assets."""
    # numbered, since DuckDB 1 counts the question marks of FROM before those of SET
    batch.execute(
        f"""UPDATE partition_facts AS f SET stale = xor(f.stale, {STALE_CODE}), changed = $1
        FROM (
            SELECT p.rowid AS fact_row
            FROM partition_facts AS p JOIN assets AS a USING (asset_id)
            JOIN materializations AS m USING (materialization_id)
            WHERE p.asset_id IN (SELECT unnest($2::INTEGER[]))
              AND (p.stale & {STALE_CODE} <> 0) <> {code_differs("m.code_version")}
        ) AS wrong
        WHERE f.rowid = wrong.fact_row""",
        batch.sequence,
        list(asset_ids),
    )


def refresh_inputs(batch: Batch, asset_ids: Sequence[int]) -> None:
    """Set or clear the input bit of every partition of these assets."""
    affected = batch.create_temp(
        "stale_affected",
        """SELECT rowid AS fact_row, asset_id, key_id, materialization_id, stale FROM partition_facts
        WHERE materialization_id IS NOT NULL AND asset_id IN (SELECT unnest(?::INTEGER[]))""",
        list(asset_ids),
    )
    if affected:
        _refresh_affected(batch)


def mark_readers(batch: Batch, changed: str, *, own: str | None = None) -> None:
    """Set or clear the input bit of what reads partitions whose data changed.

    `changed` names a temporary table (asset_id, key_id) of these. `own` names one of partitions that were materialized
    and whose own bit is decided too: (fact_row, asset_id, key_id, materialization_id, stale).
    """
    readers = batch.rows(
        f"""SELECT DISTINCT asset_id, input_id, mapping FROM dependencies
        WHERE input_id IN (SELECT asset_id FROM {quote(changed)})"""
    )
    columns = "asset_id, key_id, materialization_id, stale"
    selects = [f"SELECT fact_row, {columns} FROM {quote(own)} WHERE materialization_id IS NOT NULL"] if own else []
    for reader, input_id, mapping in readers:
        among = f"SELECT key_id FROM {quote(changed)} WHERE asset_id = {int(input_id)}"
        selects.append(
            f"SELECT rowid AS fact_row, {columns} FROM partition_facts"
            f" WHERE materialization_id IS NOT NULL AND asset_id = {int(reader)}"
            + (f" AND key_id IN ({among})" if mapping == "same" else "")
        )
    if selects and batch.create_temp("stale_affected", " UNION ".join(selects)):
        _refresh_affected(batch)


def mark_readers_of_set(batch: Batch, set_id: int, changed: str) -> None:
    """Set or clear the input bit of what reads all keys of a set, where keys that have data came or went.

    `changed` names a temporary table with the keys' key_id.
    """
    readers = batch.rows(
        """SELECT DISTINCT d.asset_id, d.input_id FROM dependencies AS d JOIN assets AS a ON a.asset_id = d.input_id
        WHERE d.mapping = 'all' AND a.set_id = ?""",
        set_id,
    )
    touched = {
        reader
        for reader, input_id in readers
        if batch.value(
            f"""SELECT count(*) FROM partition_facts
            WHERE asset_id = ? AND data_hash IS NOT NULL AND key_id IN (SELECT key_id FROM {quote(changed)})""",
            input_id,
        )
    }
    if touched:
        refresh_inputs(batch, sorted(touched))


def code_differs(made_by: str) -> str:
    """The SQL condition that the code version `made_by` is not that of the asset `a` now; a source has none."""
    return f"(a.kind <> 'source' AND {made_by} IS DISTINCT FROM a.code_version)"


def create_stale_disagreeing(batch: Batch, partitions: str, facts: str = "partition_facts") -> int:
    """Create the temporary table `stale_disagreeing` (asset_id, key_id): partitions that read other data than is now.

    Returns the number of rows.

    `partitions` names a temporary table (asset_id, key_id, materialization_id), `facts` the facts to compare with. An
    input that the asset has no more, or reads in another way now, does not count: that is a change of code.
    """
    reads = batch.create_temp(
        "stale_reads",
        f"""SELECT p.asset_id, p.key_id, i.input_id, i.key_id AS input_key, i.data_hash
        FROM {quote(partitions)} AS p JOIN inputs AS i USING (materialization_id)
        JOIN dependencies AS d ON d.asset_id = p.asset_id AND d.input_id = i.input_id
        WHERE CASE d.mapping WHEN 'same' THEN i.key_id = p.key_id WHEN 'whole' THEN i.key_id = 0
              ELSE i.key_id IS NULL END""",
    )
    differ = f"""SELECT DISTINCT r.asset_id, r.key_id FROM stale_reads AS r
        LEFT JOIN {quote(facts)} AS f ON f.asset_id = r.input_id AND f.key_id = r.input_key
        WHERE r.input_key IS NOT NULL AND f.data_hash IS DISTINCT FROM r.data_hash"""
    many = batch.rows("SELECT DISTINCT input_id FROM stale_reads WHERE input_key IS NULL") if reads else []
    if many:
        _create_stale_hashes(batch, [row[0] for row in many], facts)
        differ += """
        UNION SELECT r.asset_id, r.key_id FROM stale_reads AS r LEFT JOIN stale_hashes AS h USING (input_id)
        WHERE r.input_key IS NULL AND coalesce(h.data_hash, 0) IS DISTINCT FROM r.data_hash"""
    return batch.create_temp("stale_disagreeing", differ)


def _create_stale_hashes(batch: Batch, input_ids: list[int], facts: str) -> None:
    """Create the temporary table `stale_hashes` (input_id, data_hash): the order-free hash of each input's members."""
    batch.create_temp(
        "stale_hashes",
        f"""SELECT f.asset_id AS input_id, {order_free_hash("f.key_id", "f.data_hash")} AS data_hash
        FROM assets AS a JOIN members AS m USING (set_id)
        JOIN {quote(facts)} AS f ON f.asset_id = a.asset_id AND f.key_id = m.key_id
        WHERE a.asset_id IN (SELECT unnest(?::INTEGER[])) AND f.data_hash IS NOT NULL
        GROUP BY f.asset_id""",
        input_ids,
    )


def _refresh_affected(batch: Batch) -> None:
    disagreeing = create_stale_disagreeing(batch, "stale_affected")
    if not disagreeing and not batch.value(f"SELECT count(*) FROM stale_affected WHERE stale & {STALE_INPUT} <> 0"):
        return
    batch.execute(
        f"""UPDATE partition_facts AS f SET stale = xor(f.stale, {STALE_INPUT}), changed = ?
        FROM stale_affected AS s LEFT JOIN (SELECT *, true AS is_stale FROM stale_disagreeing) AS d
            ON d.asset_id = s.asset_id AND d.key_id = s.key_id
        WHERE f.rowid = s.fact_row AND (s.stale & {STALE_INPUT} <> 0) <> coalesce(d.is_stale, false)""",
        batch.sequence,
    )
