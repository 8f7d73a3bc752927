"""Runs: claiming partitions for them, and the attempts at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

    batch.stage("claims_staged", claims[["asset_id", "key_id"]].assign(ordinal=range(len(claims))))
    facts = batch.rows(
        """SELECT s.asset_id, s.key_id, f.rowid, f.active_run
        FROM claims_staged AS s LEFT JOIN partition_facts AS f ON f.asset_id = s.asset_id AND f.key_id = s.key_id
        ORDER BY s.ordinal"""
    )
    number = batch.take_ids("next_run_no", 0)
    active = {(asset_id, key_id): run_no for asset_id, key_id, _, run_no in facts if run_no is not None}
    won: list[int | None] = []
    for asset_id, key_id, _, _ in facts:
        free = (asset_id, key_id) not in active
        won.append(number if free else None)
        if free:
            active[asset_id, key_id] = number
            number += 1
    run_no = pd.Series(won, index=claims.index, dtype="Int64")
    taken = claims.assign(run_no=run_no, fact_row=pd.Series([f[2] for f in facts], index=claims.index, dtype="Int64"))
    _insert_claims(batch, taken[run_no.notna()], coordinator_no)
    holders = [active[asset_id, key_id] for asset_id, key_id, _, _ in facts]
    step_no = claims["step_no"].reset_index(drop=True)
    return pd.DataFrame({"step_no": step_no, "run_no": run_no.reset_index(drop=True), "active_run": holders})


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


def _insert_claims(batch: Batch, won: pd.DataFrame, coordinator_no: int) -> None:
    batch.take_ids("next_run_no", len(won))
    batch.stage("claims_won", won)
    batch.execute(
        """INSERT INTO runs SELECT run_no, run_id, asset_id, key_id, backfill_no::INTEGER, step_no::BIGINT,
            code_version::VARCHAR, params::VARCHAR, ?, ?, ? FROM claims_won ORDER BY run_no""",
        coordinator_no,
        batch.now,
        batch.sequence,
    )
    if won["fact_row"].isna().any():
        batch.execute(
            """INSERT INTO partition_facts SELECT asset_id, key_id, NULL, NULL, 0, 0, 1, run_no, ? FROM claims_won
            WHERE fact_row IS NULL ORDER BY run_no""",
            batch.sequence,
        )
    if won["fact_row"].notna().any():
        batch.execute(
            """UPDATE partition_facts AS f SET active = 1, active_run = c.run_no, changed = ? FROM claims_won AS c
            WHERE f.rowid = c.fact_row""",
            batch.sequence,
        )
