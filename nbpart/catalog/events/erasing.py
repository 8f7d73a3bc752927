"""Erasing partitions: what was recorded of what their runs made, wrote and said goes, and so do their facts."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from typing import TYPE_CHECKING

from nbpart.catalog.events.verbs import record_verb, wipe_partitions
from nbpart.catalog.expressions import quote
from nbpart.catalog.records import VerbEvent
from nbpart.storage.adopted import ADOPTED_MARK

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


def erase_partitions(batch: Batch, partitions: str, event: VerbEvent) -> int:
    """Make the partitions of the temporary table `partitions` (asset_id, key_id) missing, and take out of the catalog
    what their runs left: names of files, metrics, error texts. That they ran, and when, stays.

    Returns how many had data or a failure.
    """
    count = wipe_partitions(batch, partitions, event)
    batch.create_temp(
        "erased_besides",
        f"""SELECT asset_id, key_id, NULL::BIGINT AS materialization_id
        FROM {quote(partitions)} JOIN partition_facts USING (asset_id, key_id)
        WHERE (asset_id, key_id) NOT IN (SELECT (asset_id, key_id) FROM verb_wiped)""",
    )
    record_verb(batch, event, "erased_besides")  # what was wiped before has nothing left to wipe, but a history
    pairs = f"(SELECT (asset_id, key_id) FROM {quote(partitions)})"
    batch.create_temp("erased_runs", f"SELECT run_no FROM runs WHERE (asset_id, key_id) IN {pairs}")
    batch.create_temp(
        "erased_made", f"SELECT materialization_id FROM materializations WHERE (asset_id, key_id) IN {pairs}"
    )
    made, runs = "(SELECT materialization_id FROM erased_made)", "(SELECT run_no FROM erased_runs)"
    batch.execute(f"DELETE FROM metrics WHERE materialization_id IN {made}")
    batch.execute(f"DELETE FROM data_files WHERE materialization_id IN {made} AND path NOT LIKE '{ADOPTED_MARK}%'")
    batch.execute(
        f"""UPDATE outcomes SET error_message = NULL, traceback = NULL, note = NULL, curves = NULL
        WHERE run_no IN {runs}
          AND (error_message IS NOT NULL OR traceback IS NOT NULL OR note IS NOT NULL OR curves IS NOT NULL)"""
    )
    batch.execute(
        f"""UPDATE check_outcomes SET message = NULL, traceback = NULL, metadata = NULL
        WHERE materialization_id IN {made} AND (message IS NOT NULL OR traceback IS NOT NULL OR metadata IS NOT NULL)"""
    )
    batch.execute(f"UPDATE attempts SET notebook = NULL, log = NULL WHERE run_no IN {runs} AND notebook IS NOT NULL")
    batch.execute(
        f"""UPDATE step_results SET cause = NULL WHERE cause IS NOT NULL AND (backfill_no, step_no) IN
        (SELECT (backfill_no, step_no) FROM steps WHERE (asset_id, key_id) IN {pairs})"""
    )
    batch.execute(
        f"UPDATE study_trials SET asked = '{{}}' WHERE key_id IN (SELECT key_id FROM {quote(partitions)})"
        " AND backfill_no IN (SELECT s.backfill_no FROM studies AS s"
        f" WHERE s.asset_id IN (SELECT asset_id FROM {quote(partitions)}))"
    )
    return count
