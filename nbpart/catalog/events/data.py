"""Recording that files of materializations were found deleted or damaged, or are good again."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.expressions import (
    DATA_STATES,
    GONE_STATES,
    STALE_CODE,
    STALE_DATA,
    STALE_OWN,
    code_differs,
    quote,
)
from nbpart.catalog.records import DataObservation
from nbpart.catalog.staleness import mark_readers
from nbpart.states import DataState

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


def record_data_observations(batch: Batch, observations: Sequence[DataObservation]) -> int:
    """Record the states of data of materializations. Returns how many partitions changed by that.

    A partition whose data was deleted counts as missing, and its readers are stale until equal data is there again. One
    whose data is damaged is stale itself; its readers are not, since they read it before. An observation that is
    recorded already, of a materialization that is not the newest of its partition, or of one that was wiped or pruned,
    changes nothing.
    """
    import pyarrow as pa

    if not observations:
        return 0
    last = {one.materialization_id: one for one in observations}
    columns = {
        "materialization_id": pa.array(list(last), pa.int64()),
        "state": pa.array([str(one.state) for one in last.values()], pa.string()),
        "reason": pa.array([one.reason for one in last.values()], pa.string()),
    }
    batch.stage("data_observed", pa.table(columns))
    settled = f"('{DataState.WIPED}', '{DataState.PRUNED}')"
    batch.create_temp(
        "data_noted",
        f"""SELECT o.* FROM data_observed AS o LEFT JOIN ({DATA_STATES}) AS l USING (materialization_id)
        WHERE coalesce(l.state, '') NOT IN {settled}""",
    )
    return record_data_states(batch, "data_noted")


def record_data_states(batch: Batch, noted: str) -> int:
    """Record the states of data that the temporary table `noted` (materialization_id, state, reason) has.

    Those of a materialization that is not the newest of its partition, and those that are recorded already, are left
    out. Returns how many partitions changed by that.
    """
    if not _create_changed_table(batch, noted):
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
            materialization_id = CASE WHEN c.is_gone THEN NULL ELSE c.materialization_id END,
            data_hash = CASE WHEN c.is_gone THEN NULL ELSE c.data_hash END,
            stale = CASE WHEN c.is_gone THEN 0 ELSE (f.stale & {~STALE_OWN & 0xFF}) | c.own_bits END,
            changed = $1
        FROM data_changed AS c WHERE f.rowid = c.fact_row""",
        batch.sequence,
    )
    batch.create_temp(
        "data_own",
        """SELECT rowid AS fact_row, asset_id, key_id, materialization_id, stale FROM partition_facts
        WHERE rowid IN (SELECT fact_row FROM data_changed)""",
    )
    mark_readers(batch, "data_changed", own="data_own")
    return changed


def _create_changed_table(batch: Batch, noted: str) -> int:
    """Create the temporary table data_changed of the states that are new, with the facts that follow from them.

    Returns the number of rows.
    """
    return batch.create_temp(
        "data_changed",
        f"""SELECT s.materialization_id, s.state, s.reason, m.asset_id, m.key_id, m.data_hash, f.rowid AS fact_row,
            s.state IN {GONE_STATES} AS is_gone,
            (CASE WHEN {code_differs("m.code_version")} THEN {STALE_CODE} ELSE 0 END
             | CASE WHEN s.state = '{DataState.DAMAGED}' THEN {STALE_DATA} ELSE 0 END)::UTINYINT AS own_bits
        FROM {quote(noted)} AS s JOIN materializations AS m USING (materialization_id)
        JOIN assets AS a ON a.asset_id = m.asset_id
        JOIN partition_facts AS f ON f.asset_id = m.asset_id AND f.key_id = m.key_id
        LEFT JOIN ({DATA_STATES}) AS l ON l.materialization_id = s.materialization_id
        LEFT JOIN materializations AS n
            ON n.asset_id = m.asset_id AND n.key_id = m.key_id AND n.materialization_id > m.materialization_id
        WHERE n.materialization_id IS NULL
          AND (coalesce(l.state, '{DataState.GOOD}'), coalesce(l.reason, '')) IS DISTINCT FROM (s.state, s.reason)""",
    )
