"""What is seen of the files of materializations, after these were recorded: deleted, damaged, or good again."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.expressions import DATA_LOST, STALE_CODE, STALE_DATA, STALE_OWN
from nbpart.catalog.records import DataObservation
from nbpart.catalog.staleness import code_differs, mark_readers
from nbpart.states import DataState

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


def record_data_observations(batch: Batch, seen: Sequence[DataObservation]) -> int:
    """Record what was seen of the data of materializations; how many partitions that changed.

    A partition whose data was deleted has none, as if it had never been made, and what read it is stale until equal
    data is there again; one whose data is damaged is stale itself, and what read it before read what was good.
    Left alone is what was seen so already, and a materialization that has a successor.
    """
    if not seen or not _keep_changed(batch, seen):
        return 0
    batch.execute(
        """INSERT INTO data_seen (materialization_id, state, reason, seen_at, sequence)
        SELECT materialization_id, state, reason, ?, ? FROM data_changed""",
        batch.now,
        batch.sequence,
    )
    # numbered, since DuckDB 1 counts the question marks of FROM before those of SET
    changed = batch.execute(
        f"""UPDATE partition_facts AS f SET
            materialization_id = CASE WHEN c.is_deleted THEN NULL ELSE c.materialization_id END,
            data_hash = CASE WHEN c.is_deleted THEN NULL ELSE c.data_hash END,
            stale = CASE WHEN c.is_deleted THEN 0 ELSE (f.stale & {~STALE_OWN & 0xFF}) | c.own_bits END,
            changed = $1
        FROM data_changed AS c WHERE f.rowid = c.fact_row""",
        batch.sequence,
    )
    batch.keep(
        "data_own",
        """SELECT rowid AS fact_row, asset_id, key_id, materialization_id, stale FROM partition_facts
        WHERE rowid IN (SELECT fact_row FROM data_changed)""",
    )
    mark_readers(batch, "data_changed", own="data_own")
    return changed


def _keep_changed(batch: Batch, seen: Sequence[DataObservation]) -> int:
    """Keep as data_changed what was last seen otherwise, with the facts that follow from it; how many these are."""
    import pyarrow as pa

    last = {one.materialization_id: one for one in seen}
    columns = {
        "materialization_id": pa.array(list(last), pa.int64()),
        "state": pa.array([str(one.state) for one in last.values()], pa.string()),
        "reason": pa.array([one.reason for one in last.values()], pa.string()),
    }
    batch.stage("data_staged", pa.table(columns))
    return batch.keep(
        "data_changed",
        f"""SELECT s.materialization_id, s.state, s.reason, m.asset_id, m.key_id, m.data_hash, f.rowid AS fact_row,
            s.state = '{DataState.DELETED}' AS is_deleted,
            (CASE WHEN {code_differs("m.code_version")} THEN {STALE_CODE} ELSE 0 END
             | CASE WHEN s.state = '{DataState.DAMAGED}' THEN {STALE_DATA} ELSE 0 END)::UTINYINT AS own_bits
        FROM data_staged AS s JOIN materializations AS m USING (materialization_id)
        JOIN assets AS a ON a.asset_id = m.asset_id
        JOIN partition_facts AS f ON f.asset_id = m.asset_id AND f.key_id = m.key_id
        LEFT JOIN ({DATA_LOST}) AS l ON l.materialization_id = s.materialization_id
        LEFT JOIN materializations AS n
            ON n.asset_id = m.asset_id AND n.key_id = m.key_id AND n.materialization_id > m.materialization_id
        WHERE n.materialization_id IS NULL
          AND (coalesce(l.state, '{DataState.GOOD}'), coalesce(l.reason, '')) IS DISTINCT FROM (s.state, s.reason)""",
    )
