"""Runs: claiming partitions for them, and the attempts at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.events import staging

if TYPE_CHECKING:
    import pandas as pd

    from nbpart.catalog.batch import Batch


def claim_runs(batch: Batch, claims: pd.DataFrame, coordinator_no: int) -> pd.DataFrame:
    """Claim partitions, each for a new run in the queue; a partition that has an active run already is left to it.

    `claims` has the columns `backfill_no`, `step_no`, `asset_id`, `key_id`, `run_id`, `code_version` and `params`.
    Returns a row for each, in the same order: `step_no`, `run_no` (null if not claimed), `active_run` (the run that
    has the partition now).
    """
    import pandas as pd

    batch.stage("claims_staged", claims.assign(ordinal=range(len(claims))))
    facts = batch.rows(
        """SELECT s.asset_id, s.key_id, f.rowid, f.active_run
        FROM claims_staged AS s LEFT JOIN partition_facts AS f ON f.asset_id = s.asset_id AND f.key_id = s.key_id
        ORDER BY s.ordinal"""
    )
    first = number = batch.take_ids("next_run_no", 0)
    active = {(asset_id, key_id): run_no for asset_id, key_id, _, run_no in facts if run_no is not None}
    won: list[int | None] = []
    for asset_id, key_id, _, _ in facts:
        free = (asset_id, key_id) not in active
        won.append(number if free else None)
        if free:
            active[asset_id, key_id] = number
            number += 1
    if number > first:
        batch.take_ids("next_run_no", number - first)
        _insert_claims(batch, won, [fact_row for _, _, fact_row, _ in facts], coordinator_no)
    holders = [active[asset_id, key_id] for asset_id, key_id, _, _ in facts]
    run_no = pd.array(won, dtype="Int64")
    return pd.DataFrame({"step_no": claims["step_no"].array, "run_no": run_no, "active_run": holders})


def start_attempts(batch: Batch, attempts: pd.DataFrame) -> None:
    """Record that attempts began.

    A frame of `run_no`, `attempt`, `started_at`, `notebook` and `log` (paths in the workspace).
    """
    batch.stage("attempts_staged", attempts[["run_no", "attempt", "started_at", "notebook", "log"]])
    batch.execute(
        """INSERT INTO attempts SELECT run_no, attempt, started_at, notebook::VARCHAR, log::VARCHAR, ?
        FROM attempts_staged""",
        batch.sequence,
    )
    batch.execute(
        """UPDATE partition_facts AS f SET active = 2, changed = ? FROM attempts_staged AS s
        WHERE f.active_run = s.run_no AND f.active = 1""",
        batch.sequence,
    )


def _insert_claims(
    batch: Batch, run_nos: Sequence[int | None], fact_rows: Sequence[int | None], coordinator_no: int
) -> None:
    """Record the new runs; each row of claims_staged has an element in both sequences."""
    won = [ordinal for ordinal, run_no in enumerate(run_nos) if run_no is not None]
    facts = [fact_rows[ordinal] for ordinal in won]
    numbers = [run_nos[ordinal] for ordinal in won]
    batch.stage("claims_won", staging.build_numbers(ordinal=won, run_no=numbers, fact_row=facts))
    batch.execute(
        """INSERT INTO runs SELECT w.run_no, s.run_id, s.asset_id, s.key_id, s.backfill_no::INTEGER, s.step_no::BIGINT,
            s.code_version::VARCHAR, s.params::VARCHAR, ?, ?, ?
        FROM claims_staged AS s JOIN claims_won AS w USING (ordinal) ORDER BY w.run_no""",
        coordinator_no,
        batch.now,
        batch.sequence,
    )
    if None in facts:
        batch.execute(
            """INSERT INTO partition_facts SELECT s.asset_id, s.key_id, NULL, NULL, 0, 0, 1, w.run_no, ?
            FROM claims_staged AS s JOIN claims_won AS w USING (ordinal) WHERE w.fact_row IS NULL ORDER BY w.run_no""",
            batch.sequence,
        )
    if any(fact_row is not None for fact_row in facts):
        batch.execute(
            """UPDATE partition_facts AS f SET active = 1, active_run = w.run_no, changed = ? FROM claims_won AS w
            WHERE f.rowid = w.fact_row""",
            batch.sequence,
        )
