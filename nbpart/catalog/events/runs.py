"""Runs: claiming partitions for them, and the attempts at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog.events import staging
from nbpart.catalog.ids import make_run_id
from nbpart.errors import CatalogError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from nbpart.catalog.batch import Batch


@dataclass(frozen=True, slots=True)
class ReservedRun:
    """The number and id of a run that is to be claimed later; no other run gets them."""

    run_no: int
    run_id: str


def reserve_run(batch: Batch) -> ReservedRun:
    """Reserve the number and id of a run that is recorded later, so that its files can be named now."""
    number = batch.take_ids("next_run_no", 1)
    return ReservedRun(number, make_run_id(batch.now, number))


def claim_runs(batch: Batch, claims: pd.DataFrame | pa.Table, coordinator_no: int) -> pd.DataFrame:
    """Claim partitions, each for a new queued run; a partition that has an active run already is not claimed.

    `claims` is a frame or an Arrow table with the columns `backfill_no`, `step_no`, `asset_id`, `key_id`,
    `code_version` and `settings`.
    Returns a row for each, in the same order: `step_no`, `run_no` and `run_id` (null if not claimed), `active_run`
    (the run that has the partition now).
    """
    import pandas as pd

    facts = _stage_claims(batch, claims)
    first = number = batch.take_ids("next_run_no", 0)
    active = {(asset_id, key_id): run_no for asset_id, key_id, _, run_no, _ in facts if run_no is not None}
    won: list[int | None] = []
    for asset_id, key_id, _, _, _ in facts:
        free = (asset_id, key_id) not in active
        won.append(number if free else None)
        if free:
            active[asset_id, key_id] = number
            number += 1
    run_ids = [None if run_no is None else make_run_id(batch.now, run_no) for run_no in won]
    if number > first:
        batch.take_ids("next_run_no", number - first)
        _insert_claims(batch, won, run_ids, [fact_row for _, _, fact_row, _, _ in facts], coordinator_no)
    holders = [active[asset_id, key_id] for asset_id, key_id, _, _, _ in facts]
    return pd.DataFrame(
        {
            "step_no": [step_no for _, _, _, _, step_no in facts],
            "run_no": pd.array(won, dtype="Int64"),
            "run_id": pd.Series(run_ids, dtype=object),
            "active_run": holders,
        }
    )


def claim_reserved(batch: Batch, run: ReservedRun, claims: pd.DataFrame, coordinator_no: int) -> bool:
    """Claim the one partition of `claims` for a run that was reserved. Returns False where another run has it.

    Raises CatalogError where the run was claimed already.
    """
    if batch.value("SELECT count(*) FROM runs WHERE run_no = ?", run.run_no):
        raise CatalogError(f"Run {run.run_id} is recorded already; reserve another for what came after it.")
    [(_, _, fact_row, active_run, _)] = _stage_claims(batch, claims)
    if active_run is None:
        _insert_claims(batch, [run.run_no], [run.run_id], [fact_row], coordinator_no)
    return active_run is None


def _stage_claims(
    batch: Batch, claims: pd.DataFrame | pa.Table
) -> list[tuple[int, int, int | None, int | None, int | None]]:
    """Stage claims as claims_staged.

    Returns (asset id, key id, row of its facts, active run, step) of each; None where there are no facts, is no such
    run or no step.
    """
    import pyarrow as pa

    table = claims if isinstance(claims, pa.Table) else pa.Table.from_pandas(claims, preserve_index=False)
    batch.stage("claims_staged", table.append_column("ordinal", pa.array(range(len(table)), pa.int64())))
    return batch.rows(
        """SELECT s.asset_id, s.key_id, f.rowid, f.active_run, s.step_no::BIGINT
        FROM claims_staged AS s LEFT JOIN partition_facts AS f ON f.asset_id = s.asset_id AND f.key_id = s.key_id
        ORDER BY s.ordinal"""
    )


def record_run_columns(batch: Batch, run_nos: Sequence[int], hashes: Sequence[int]) -> None:
    """Record what the bound columns of the key of each of some runs came to, as `read_columns` gives it."""
    import numpy as np
    import pyarrow as pa

    batch.stage("runs_bound", pa.table({"run_no": np.array(run_nos, np.int64), "hash": np.array(hashes, np.uint64)}))
    batch.execute("INSERT INTO run_columns SELECT run_no, hash FROM runs_bound")


def start_attempts(batch: Batch, attempts: pd.DataFrame | pa.Table) -> None:
    """Record that attempts began.

    A frame or an Arrow table of `run_no`, `attempt`, `started_at`, `notebook` and `log` (paths in the workspace).
    """
    batch.stage("attempts_staged", attempts)
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
    batch: Batch,
    run_nos: Sequence[int | None],
    run_ids: Sequence[str | None],
    fact_rows: Sequence[int | None],
    coordinator_no: int,
) -> None:
    """Record the new runs; each row of claims_staged has an element in every sequence."""
    won = [ordinal for ordinal, run_no in enumerate(run_nos) if run_no is not None]
    facts = [fact_rows[ordinal] for ordinal in won]
    numbers = [run_nos[ordinal] for ordinal in won]
    named = staging.build_named([run_ids[ordinal] for ordinal in won], ordinal=won, run_no=numbers, fact_row=facts)
    batch.stage("claims_won", named)
    batch.execute(
        """INSERT INTO runs SELECT w.run_no, w.run_id, s.asset_id, s.key_id, s.backfill_no::INTEGER, s.step_no::BIGINT,
            s.code_version::VARCHAR, s.settings::VARCHAR, ?, ?, ?
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
