"""Studies: the trials that were asked for, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbpart.catalog.batch import Batch
from nbpart.catalog.expressions import ACTIVE_NONE
from nbpart.catalog.key_lookup import KEY_SQL
from nbpart.catalog.queries.shared_sql import list_metrics
from nbpart.catalog.set_tables import asset_set_id, set_sql
from nbpart.partitions.values import Kind
from nbpart.states import StepStatus

_LEFT = """SELECT trials - (SELECT count(*) FROM study_trials AS t WHERE t.backfill_no = s.backfill_no)
    FROM studies AS s WHERE s.backfill_no = ?"""


@dataclass(frozen=True, slots=True)
class AskedTrial:
    """A trial that a backfill asked for: its key, and its values, as JSON, before they were rounded to it.

    ``is_blocked``: what it reads failed there.
    """

    backfill_no: int
    key_id: int
    key: str
    asked: str
    is_blocked: bool


def count_trials_left(batch: Batch, backfill_no: int) -> int:
    """How many trials a backfill has still to ask for; 0 where it belongs to no study."""
    return max(0, int(batch.value(_LEFT, backfill_no) or 0))


def load_asked_trials(batch: Batch, asset_id: int) -> list[AskedTrial]:
    """All trials that were asked for of an asset, in their order."""
    rows = batch.rows(
        f"""WITH asking AS (SELECT backfill_no FROM studies WHERE asset_id = $1),
        blocked AS (
            SELECT s.backfill_no, s.key_id FROM steps AS s JOIN step_results AS r USING (backfill_no, step_no)
            WHERE s.asset_id = $1 AND s.backfill_no IN (FROM asking)
            GROUP BY s.backfill_no, s.step_no, s.key_id HAVING arg_max(r.status, r.rowid) = '{StepStatus.BLOCKED}')
        SELECT t.backfill_no, t.key_id, {KEY_SQL}, t.asked, b.key_id IS NOT NULL
        FROM study_trials AS t JOIN keys AS k USING (key_id) LEFT JOIN blocked AS b USING (backfill_no, key_id)
        WHERE t.backfill_no IN (FROM asking) ORDER BY t.backfill_no, t.trial_no""",  # noqa: S608  constants
        asset_id,
    )
    return [AskedTrial(*row) for row in rows]


def count_asked_trials(batch: Batch, backfill_no: int) -> int:
    """How many trials a backfill has asked for."""
    return int(batch.value("SELECT count(*) FROM study_trials WHERE backfill_no = ?", backfill_no))


def curves_of_runs(batch: Batch, run_ids: Sequence[str]) -> dict[str, str]:
    """The file of curves of each of some runs that has one, by run id."""
    if not run_ids:
        return {}
    rows = batch.rows(
        """SELECT r.run_id, o.curves FROM runs AS r JOIN outcomes AS o USING (run_no)
        WHERE o.final AND o.curves IS NOT NULL AND r.run_id IN (SELECT unnest(?::VARCHAR[]))""",
        list(run_ids),
    )
    return {str(run_id): str(path) for run_id, path in rows}


def list_metric_columns(batch: Batch, asset_id: int) -> dict[str, bool]:
    """The columns of the metrics that an asset's data have, and whether each holds texts."""
    own = {column.name.lower() for column in set_sql(batch, asset_set_id(batch, asset_id)).columns}
    return {one.column: one.kind is Kind.STR for one in list_metrics(batch, asset_id, own)}


def changed_partitions(batch: Batch, asset_id: int, sequence: int) -> list[int]:
    """The ids of the keys of an asset's partitions that changed after a commit, and that nothing runs now."""
    rows = batch.rows(
        f"SELECT key_id FROM partition_facts WHERE asset_id = ? AND changed > ? AND active = {ACTIVE_NONE}",  # noqa: S608
        asset_id,
        sequence,
    )
    return [int(key_id) for (key_id,) in rows]
