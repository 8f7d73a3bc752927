"""Runs: claiming partitions for them, their attempts, and what they came to."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.events.facts import locate_facts
from nbpart.catalog.events.staging import stage_outcomes
from nbpart.catalog.expressions import OUTCOME_FAILED, OUTCOME_SUCCEEDED, STALE_CODE, data_hash_sql
from nbpart.catalog.records import Outcome
from nbpart.catalog.staleness import code_differs, mark_readers
from nbpart.errors import UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

    from nbpart.catalog.batch import Batch


def claim_runs(batch: Batch, claims: pd.DataFrame, coordinator_no: int) -> pd.DataFrame:
    """Claim partitions, each for a new run in the queue; a partition that has an active run already is left to it.

    `claims` has the columns `backfill_no`, `step_no`, `asset_id`, `key_id`, `run_id`, `code_version` and `params`.
    Returns a row for each, in the same order: `step_no`, `run_no` (null if not claimed), `active_run` (the run that
    has the partition now).
    """
    _keep_claims(batch, claims)
    first = batch.take_ids("next_run_no", 0)
    won = batch.keep(
        "claims_won",
        """SELECT *, ?::BIGINT - 1 + row_number() OVER (ORDER BY ordinal) AS run_no FROM claims_located
        WHERE old_active = 0""",
        first,
    )
    batch.take_ids("next_run_no", won)
    batch.execute(
        """INSERT INTO runs SELECT run_no, run_id, asset_id, key_id, backfill_no, step_no, code_version, params, ?, ?, ?
        FROM claims_won ORDER BY run_no""",
        coordinator_no,
        batch.now,
        batch.sequence,
    )
    batch.execute(
        """UPDATE partition_facts AS f SET active = 1, active_run = c.run_no, changed = ? FROM claims_won AS c
        WHERE f.rowid = c.fact_row""",
        batch.sequence,
    )
    return batch.frame(
        """SELECT c.step_no, w.run_no, coalesce(p.run_no, l.old_run) AS active_run
        FROM claims AS c LEFT JOIN claims_won AS w USING (ordinal)
        LEFT JOIN claims_located AS l ON l.asset_id = c.asset_id AND l.key_id = c.key_id
        LEFT JOIN claims_won AS p ON p.asset_id = c.asset_id AND p.key_id = c.key_id
        ORDER BY c.ordinal"""
    )


def start_attempts(batch: Batch, attempts: pd.DataFrame) -> None:
    """Record that attempts began: a frame of `run_no`, `attempt`, `notebook` and `log` (paths in the workspace)."""
    batch.stage("attempts_staged", attempts[["run_no", "attempt", "notebook", "log"]])
    batch.execute(
        "INSERT INTO attempts SELECT run_no, attempt, ?, notebook::VARCHAR, log::VARCHAR, ? FROM attempts_staged",
        batch.now,
        batch.sequence,
    )
    batch.execute(
        """UPDATE partition_facts AS f SET active = 2, changed = ? FROM attempts_staged AS s
        WHERE f.active_run = s.run_no AND f.active = 1""",
        batch.sequence,
    )


def record_outcomes(batch: Batch, outcomes: Sequence[Outcome]) -> None:
    """Record how attempts ended, with what they made.

    A run that has its final outcome already is left alone, so that a result that comes twice is recorded once. Raises
    UnknownNameError for a run that was never claimed.
    """
    outcomes = _drop_repeated(outcomes)
    if not outcomes:
        return
    staged = stage_outcomes(batch, outcomes)
    if not _keep_accepted(batch, len(outcomes)):
        return
    batch.execute(
        """INSERT INTO outcomes SELECT run_no, attempt, status, final, finished_at, duration_s, error_class,
            error_message, error_cell, traceback, exit_code, lacked, kernel, ?
        FROM outcomes_accepted ORDER BY ordinal""",
        batch.sequence,
    )
    made = _insert_materializations(batch, staged)
    _update_facts(batch)
    if made:
        changed = "SELECT asset_id, key_id FROM outcomes_made JOIN outcomes_partitions USING (asset_id, key_id)"
        batch.keep("outcomes_changed", f"{changed} WHERE data_hash IS DISTINCT FROM old_hash")
        mark_readers(batch, "outcomes_changed", own="outcomes_own")


def _keep_claims(batch: Batch, claims: pd.DataFrame) -> None:
    import pandas as pd

    columns = ["backfill_no", "step_no", "asset_id", "key_id", "run_id", "code_version", "params"]
    batch.stage("claims_staged", claims[columns].assign(ordinal=pd.RangeIndex(len(claims))))
    batch.keep(
        "claims",
        """SELECT ordinal, backfill_no::INTEGER AS backfill_no, step_no::BIGINT AS step_no,
            asset_id::INTEGER AS asset_id, key_id::BIGINT AS key_id, run_id, code_version::VARCHAR AS code_version,
            params::VARCHAR AS params FROM claims_staged""",
    )
    first = "SELECT * FROM claims QUALIFY row_number() OVER (PARTITION BY asset_id, key_id ORDER BY ordinal) = 1"
    locate_facts(batch, "claims_located", first)


def _drop_repeated(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes up to the first final one of each run."""
    ended: set[int] = set()
    kept = []
    for outcome in outcomes:
        if outcome.run_no not in ended:
            kept.append(outcome)
        if outcome.final:
            ended.add(outcome.run_no)
    return kept


def _keep_accepted(batch: Batch, given: int) -> int:
    """Keep as outcomes_accepted those of runs that have no final outcome yet, with what is known of the run."""
    known = batch.keep(
        "outcomes_known",
        """SELECT o.*, r.asset_id, r.key_id, r.run_id, coalesce(o.code_version, r.code_version) AS made_by
        FROM runs AS r JOIN outcomes_staged AS o USING (run_no)""",
    )
    if known != given:
        raise UnknownNameError("An outcome came for a run that was never claimed; claim the run first.")
    return batch.keep(
        "outcomes_accepted",
        """SELECT * FROM outcomes_known WHERE run_no NOT IN
        (SELECT o.run_no FROM outcomes AS o JOIN outcomes_known USING (run_no) WHERE o.final)""",
    )


def _insert_materializations(batch: Batch, staged: Sequence[str]) -> int:
    """Record what the runs that succeeded made; keep it as outcomes_made (materialization_id, data_hash, ...)."""
    first = batch.take_ids("next_materialization_id", 0)
    # a run that saved nothing has its notebook for data: no two runs made the same
    n = batch.keep(
        "outcomes_made",
        f"""SELECT *, {data_hash_sql("version")} AS data_hash FROM (
            SELECT *, coalesce(data_version, sha256(run_id)) AS version,
                ?::BIGINT - 1 + row_number() OVER (ORDER BY ordinal) AS materialization_id
            FROM outcomes_accepted WHERE final AND status = 'succeeded')""",
        first,
    )
    if not n:
        return 0
    batch.take_ids("next_materialization_id", n)
    batch.execute(
        """INSERT INTO materializations SELECT materialization_id, asset_id, key_id, run_no, made_by, version,
            data_hash,
            finished_at, duration_s, rows, bytes, ? FROM outcomes_made ORDER BY materialization_id""",
        batch.sequence,
    )
    for table in staged:
        batch.execute(
            f"""INSERT INTO {table} SELECT m.materialization_id, s.* EXCLUDE (ordinal) FROM {table}_staged AS s
            JOIN outcomes_made AS m USING (ordinal) ORDER BY m.materialization_id"""
        )
    return n


def _update_facts(batch: Batch) -> None:
    last = """SELECT asset_id, key_id, run_no, final, status FROM outcomes_accepted
        QUALIFY row_number() OVER (PARTITION BY asset_id, key_id ORDER BY ordinal DESC) = 1"""
    locate_facts(batch, "outcomes_partitions", last)
    batch.keep(
        "outcomes_own",
        f"""SELECT p.fact_row, p.asset_id, p.key_id, m.materialization_id, m.data_hash,
            CASE WHEN {code_differs("m.made_by")} THEN {STALE_CODE} ELSE 0 END AS stale
        FROM outcomes_partitions AS p JOIN outcomes_made AS m USING (asset_id, key_id, run_no)
        JOIN assets AS a USING (asset_id)""",
    )
    batch.execute(
        f"""UPDATE partition_facts AS f SET
            active = CASE WHEN f.active_run IS DISTINCT FROM p.run_no THEN f.active WHEN p.final THEN 0 ELSE 1 END,
            active_run = CASE WHEN p.final AND f.active_run = p.run_no THEN NULL ELSE f.active_run END,
            outcome = CASE WHEN p.final AND p.status = 'succeeded' THEN {OUTCOME_SUCCEEDED}
                WHEN p.final AND p.status = 'failed' THEN {OUTCOME_FAILED} ELSE f.outcome END,
            materialization_id = coalesce(o.materialization_id, f.materialization_id),
            data_hash = coalesce(o.data_hash, f.data_hash),
            stale = coalesce(o.stale, f.stale),
            changed = ?
        FROM outcomes_partitions AS p LEFT JOIN outcomes_own AS o USING (fact_row) WHERE f.rowid = p.fact_row""",
        batch.sequence,
    )
