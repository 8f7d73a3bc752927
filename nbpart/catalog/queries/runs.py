"""Runs with the outcome of their last attempt."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch
from nbpart.catalog.expressions import ACTIVE_NONE, DATA_STATES, OUTCOME_FAILED, STALE_CODE, STALE_INPUT
from nbpart.catalog.key_lookup import KEY_SQL, stage_numbers
from nbpart.catalog.queries.shared_sql import nulls_to_none
from nbpart.catalog.records import RunRecord
from nbpart.catalog.set_tables import load_definition
from nbpart.run.report import RecordedEnding
from nbpart.states import DataState, RunStatus

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

#: What a table named `chosen` (run_no) of runs came to: its last attempt (t), and how it ended (o).
_LAST = """
    tries AS (
        SELECT run_no, max(attempt) AS attempt, arg_max(started_at, attempt) AS started_at
        FROM attempts WHERE run_no IN (SELECT run_no FROM chosen) AND run_no >= (SELECT min(run_no) FROM chosen)
        GROUP BY run_no
    ),
    ends AS (
        SELECT o.* FROM outcomes o LEFT JOIN tries t ON t.run_no = o.run_no
        WHERE o.run_no IN (SELECT run_no FROM chosen) AND o.run_no >= (SELECT min(run_no) FROM chosen)
          -- of an attempt that is running the outcome of the one before says nothing
          AND (o.final OR o.attempt >= coalesce(t.attempt, 0))
        QUALIFY row_number() OVER (PARTITION BY o.run_no ORDER BY o.final DESC, o.attempt DESC) = 1
    )
"""
_JOINS = (
    "runs r JOIN assets a ON a.asset_id = r.asset_id JOIN keys k ON k.key_id = r.key_id"
    " LEFT JOIN backfills b ON b.backfill_no = r.backfill_no"
    " LEFT JOIN tries t ON t.run_no = r.run_no"
    " LEFT JOIN ends o ON o.run_no = r.run_no"
)
_STATUS = (
    f"CASE WHEN o.final THEN o.status WHEN t.attempt IS NULL OR o.attempt IS NOT NULL THEN '{RunStatus.QUEUED.value}'"
    f" ELSE '{RunStatus.RUNNING.value}' END"
)
_ATTEMPT = "coalesce(t.attempt, 0)::INTEGER"


def runs_frame(
    batch: Batch,
    asset_id: int | None = None,
    key_ids: NDArray[np.int64] | None = None,
    backfill_no: int | None = None,
    limit: int | None = None,
) -> pd.DataFrame:
    """Runs, newest first, of all or of one asset, of some keys or one backfill; at most `limit`.

    Columns: run_id, asset, partition_key, status, attempt (0: none began), backfill_id, started_at (of that attempt),
    duration_s, error ("ValueError: message").
    """
    wanted = {"asset_id": asset_id, "backfill_no": backfill_no}
    conditions = "".join(f" AND {column} = {int(value)}" for column, value in wanted.items() if value is not None)
    if key_ids is not None and len(key_ids) == 1:
        conditions += f" AND key_id = {int(key_ids[0])}"
    elif key_ids is not None:
        stage_numbers(batch, "runs_of_keys", key_ids)
        conditions += " AND key_id IN (SELECT id FROM runs_of_keys)"
    # the limit comes first, over one narrow column: the wide rows of a million runs are never sorted
    frame = batch.frame(
        f"WITH chosen AS MATERIALIZED (SELECT run_no FROM runs WHERE true{conditions} ORDER BY run_no DESC LIMIT ?),"
        f" {_LAST}"
        f" SELECT r.run_id, a.name AS asset, {KEY_SQL} AS partition_key, {_STATUS} AS status, {_ATTEMPT} AS attempt,"
        " b.backfill_id, t.started_at, o.duration_s,"
        " CASE WHEN o.error_class IS NOT NULL THEN concat_ws(': ', o.error_class, nullif(o.error_message, ''))"
        " ELSE o.error_message END AS error"
        f" FROM chosen JOIN {_JOINS.replace('runs r', 'runs r ON r.run_no = chosen.run_no', 1)}"
        " WHERE r.run_no >= (SELECT min(run_no) FROM chosen) ORDER BY r.run_no DESC",
        2**62 if limit is None else limit,
    )
    return nulls_to_none(frame)


def find_run(batch: Batch, run_id: str) -> RunRecord | None:
    """The run of that id."""
    columns = {
        "run_no": "r.run_no", "run_id": "r.run_id", "asset": "a.name", "partition_key": KEY_SQL, "attempt": _ATTEMPT,
        "backfill_id": "b.backfill_id", "started_at": "t.started_at", "notebook": "n.notebook", "log": "n.log",
        "code_version": "r.code_version", "settings": "r.settings", "partitions": "a.set_id",
        "process": "'process ' || c.pid || ' on ' || c.host",
        **{entry.name: f"o.{entry.name}" for entry in fields(RecordedEnding)}, "status": _STATUS,
        "stopped_early": "coalesce(o.stopped_early, false)",
    }  # fmt: skip
    row = batch.row(
        f"WITH chosen AS MATERIALIZED (SELECT run_no FROM runs WHERE run_id = ?), {_LAST}"
        f" SELECT {', '.join(columns.values())}"
        f" FROM {_JOINS} LEFT JOIN coordinators c ON c.coordinator_no = r.coordinator_no"
        " LEFT JOIN attempts n ON n.run_no = r.run_no AND n.attempt = t.attempt"
        " WHERE r.run_no = (SELECT run_no FROM chosen)",
        run_id,
    )
    if row is None:
        return None
    values = dict(zip(columns, row, strict=True))
    values["status"] = RunStatus(values["status"])
    values["partitions"] = load_definition(batch, values["partitions"])
    for name in ("settings", "missing_inputs"):
        values[name] = json.loads(values[name] or "{}")
    return RunRecord(**values)


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """The last attempt of a run, which its files are named by."""

    run_id: str
    asset: str
    partition_key: str | None
    attempt: int
    status: RunStatus


def find_last_attempts(batch: Batch, run_ids: Sequence[str]) -> dict[str, LastAttempt]:
    """The last attempts of runs by their ids; of ids that there are not, none."""
    import pyarrow as pa

    batch.stage("wanted_runs", pa.table({"run_id": pa.array(list(run_ids), pa.string())}))
    rows = batch.rows(
        "WITH chosen AS MATERIALIZED (SELECT run_no FROM runs WHERE run_id IN (SELECT run_id FROM wanted_runs)),"
        f" {_LAST} SELECT r.run_id, a.name, {KEY_SQL}, {_ATTEMPT}, {_STATUS} FROM {_JOINS}"
        " WHERE r.run_no IN (SELECT run_no FROM chosen)"
    )
    found = (
        LastAttempt(run_id, asset, key, int(attempt), RunStatus(status)) for run_id, asset, key, attempt, status in rows
    )
    return {one.run_id: one for one in found}


def final_statuses(batch: Batch, run_nos: Sequence[int]) -> dict[int, RunStatus]:
    """The final statuses of those of the runs that have ended, by number."""
    stage_numbers(batch, "requested_ids", run_nos)
    rows = batch.rows("SELECT run_no, status FROM outcomes WHERE final AND run_no IN (SELECT id FROM requested_ids)")
    return {int(run_no): RunStatus(status) for run_no, status in rows}


def find_active_before(batch: Batch, asset_id: int, key_ids: NDArray[np.int64], sequence: int) -> NDArray[np.int64]:
    """Those of some partitions that are queued or running, and got their inputs before a transaction."""
    stage_numbers(batch, "requested_ids", key_ids)
    found: NDArray[np.int64] = batch.numpy(
        f"""SELECT f.key_id FROM (
            SELECT key_id, active_run FROM partition_facts WHERE asset_id = ? AND active <> {ACTIVE_NONE}
                AND key_id IN (SELECT id FROM requested_ids)) AS f
        JOIN runs AS r ON r.run_no = f.active_run WHERE r.sequence < ? ORDER BY f.key_id""",
        *(asset_id, sequence),
    )["key_id"]
    return found


def find_outdated_runs(batch: Batch, run_nos: Sequence[int]) -> set[int]:
    """Those of some runs whose partitions have other inputs or another code now than those data were made of."""
    stage_numbers(batch, "requested_ids", run_nos)
    rows = batch.rows(
        f"""SELECT run_no FROM (SELECT * FROM runs WHERE run_no IN (SELECT id FROM requested_ids)) AS r
        JOIN partition_facts AS f USING (asset_id, key_id) WHERE f.stale & {STALE_INPUT | STALE_CODE} <> 0"""
    )
    return {int(run_no) for (run_no,) in rows}


def load_run_places(batch: Batch, run_nos: Sequence[int]) -> dict[int, tuple[int, int]]:
    """The asset id and the key id of each of some runs, by number."""
    stage_numbers(batch, "requested_ids", run_nos)
    rows = batch.rows("SELECT run_no, asset_id, key_id FROM runs WHERE run_no IN (SELECT id FROM requested_ids)")
    return {int(run_no): (int(asset_id), int(key_id)) for run_no, asset_id, key_id in rows}


@dataclass(frozen=True, slots=True)
class ClaimCandidate:
    """A partition that a run is to be claimed for, as it is now.

    ``is_fresh``: it is up to date, and its data were not pruned; ``made_by`` is then the run that made it after the
    backfill was planned, None where none did.
    """

    key_id: int
    key: str | None
    is_member: bool
    is_fresh: bool
    made_by: int | None


_REQUESTED = "key_id IN (SELECT id FROM requested_ids)"


def load_claim_candidates(
    batch: Batch, partitions: Sequence[tuple[int, int, int]], sequence: int
) -> list[ClaimCandidate]:
    """Partitions, given as asset id, set id and key id; `sequence` is that of the commit at which they were planned."""
    stage_numbers(batch, "requested_ids", [key_id for _, _, key_id in partitions])
    assets, sets = (sorted({one[place] for one in partitions}) for place in (0, 1))
    # joined in one statement they take longer than each by itself
    keys = dict(batch.rows(f"SELECT key_id, {KEY_SQL} FROM keys AS k WHERE {_REQUESTED}"))
    in_sets = f"SELECT set_id, key_id FROM members WHERE set_id IN (SELECT unnest(?::INTEGER[])) AND {_REQUESTED}"
    members = set(batch.rows(in_sets, sets))
    made = {
        (asset_id, key_id): materialization_id
        for asset_id, key_id, materialization_id in batch.rows(
            f"""SELECT asset_id, key_id, materialization_id FROM partition_facts
            WHERE asset_id IN (SELECT unnest(?::INTEGER[])) AND {_REQUESTED} AND stale = 0
            AND materialization_id IS NOT NULL AND outcome <> {OUTCOME_FAILED} AND active = {ACTIVE_NONE}""",
            assets,
        )
    }
    makers = _load_makers(batch, sorted(made.values()), sequence) if made else {}
    candidates = []
    for asset_id, set_id, key_id in partitions:
        number = made.get((asset_id, key_id))
        maker, is_fresh = makers.get(number), number in makers
        candidates.append(ClaimCandidate(key_id, keys[key_id], (set_id, key_id) in members, is_fresh, maker))
    return candidates


def _load_makers(batch: Batch, numbers: Sequence[int], sequence: int) -> dict[int | None, int | None]:
    """Of these materializations those whose data were not pruned, with the run that made one after a commit."""
    stage_numbers(batch, "requested_ids", numbers)
    return dict(
        batch.rows(
            f"""SELECT materialization_id, CASE WHEN sequence > ? THEN run_no END FROM materializations
            WHERE materialization_id IN (SELECT id FROM requested_ids) AND materialization_id NOT IN (
                SELECT materialization_id FROM ({DATA_STATES}) WHERE state = '{DataState.PRUNED}')""",
            sequence,
        )
    )


def list_finished_curves(batch: Batch, asset_id: int) -> list[tuple[int, int, str]]:
    """Of each run whose data an asset has now, made by its code of now: its number, its key's id, its file of curves.

    Those that were told to end early are left out.
    """
    rows = batch.rows(
        f"""SELECT m.run_no, f.key_id, o.curves
        FROM partition_facts AS f JOIN materializations AS m USING (materialization_id)
        JOIN assets AS a ON a.asset_id = f.asset_id JOIN outcomes AS o ON o.run_no = m.run_no AND o.final
        WHERE f.asset_id = {int(asset_id)} AND o.curves IS NOT NULL AND NOT coalesce(m.stopped_early, false)
          AND m.code_version IS NOT DISTINCT FROM a.code_version AND m.materialization_id NOT IN (
            SELECT materialization_id FROM ({DATA_STATES}))
        ORDER BY m.run_no"""
    )
    return [(int(run_no), int(key_id), str(path)) for run_no, key_id, path in rows]


def settings_of_runs(batch: Batch, asset_id: int) -> dict[str, str]:
    """The settings, as JSON, of the runs of an asset that were given any, by run id."""
    rows = batch.rows(
        f"SELECT run_id, settings FROM runs WHERE asset_id = {int(asset_id)} AND settings IS NOT NULL"
        " AND settings NOT IN ('{}', 'null')"
    )
    return {str(run_id): str(text) for run_id, text in rows}
