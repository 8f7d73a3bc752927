"""Backfills, their steps, and the processes that coordinate them."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from nbpart.catalog.batch import Batch
from nbpart.catalog.expressions import ACTIVE_NONE, ACTIVE_RUNNING
from nbpart.catalog.key_lookup import KEY_SQL
from nbpart.catalog.queries.shared_sql import nulls_to_none
from nbpart.catalog.queries.studies import count_trials_left
from nbpart.catalog.records import BackfillRecord, CoordinatorRecord, Moment
from nbpart.states import STATUS_AFTER, WITHOUT_OUTCOME, BackfillEvent, BackfillStatus, RunStatus, StepStatus

if TYPE_CHECKING:
    import pandas as pd

_COORDINATOR = "coordinator_no, host, pid, lock, purpose, started_at, ended_at"
_UNFINISHED = ", ".join(f"'{status.value}'" for status in StepStatus if not status.is_finished)
#: One that was asked to end still runs: `cancelling` says the rest.
_STATUS_AFTER = " ".join(
    f"WHEN '{event}' THEN '{BackfillStatus.RUNNING if event is BackfillEvent.CANCELLING else status}'"
    for event, status in STATUS_AFTER.items()
)

_BACKFILLS = f"""
    WITH last AS (
        SELECT backfill_no, arg_max(kind, rowid) AS kind, arg_max(happened_at, rowid) AS changed_at,
               arg_max(coordinator_no, rowid) FILTER (coordinator_no IS NOT NULL) AS coordinator_no
        FROM backfill_events GROUP BY backfill_no
    ),
    held AS (
        SELECT b.backfill_no, b.backfill_id, b.selection, b.options, b.steps,
               CASE last.kind {_STATUS_AFTER} ELSE last.kind END AS status,
               b.created_at, last.changed_at, b.sequence, b.planned_at,
               last.kind = '{BackfillEvent.CANCELLING}' AS cancelling,
               {_COORDINATOR}
        FROM backfills b JOIN last USING (backfill_no) LEFT JOIN coordinators c USING (coordinator_no)
    )
"""

#: Every step of a backfill (bound three times) with the status that it has now. A recorded result holds until a run of
#: this backfill is active for the step, or the active run that it was told to follow begins.
_STEPS = f"""
    WITH newest AS (
        SELECT max(rowid) AS place FROM step_results WHERE backfill_no = ? GROUP BY step_no
    ),
    last AS (
        SELECT step_no, status, run_no, cause FROM step_results
        WHERE backfill_no = ? AND rowid IN (SELECT place FROM newest)
    ),
    active AS (
        SELECT f.asset_id, f.key_id, f.active, f.active_run, r.backfill_no, r.step_no
        FROM partition_facts f JOIN runs r ON r.run_no = f.active_run WHERE f.active <> {ACTIVE_NONE}
    ),
    now AS (
        SELECT s.backfill_no, s.step_no, s.asset_id, s.key_id, s.reason, last.cause,
               coalesce(last.status, '{StepStatus.PLANNED.value}') AS recorded, last.run_no,
               CASE WHEN coalesce(last.status, '{StepStatus.PLANNED.value}') IN ({_UNFINISHED})
                    AND (active.active_run = last.run_no
                         OR (active.backfill_no = s.backfill_no AND active.step_no = s.step_no))
                    THEN active.active END AS active,
               active.active_run
        FROM steps s LEFT JOIN last USING (step_no)
        LEFT JOIN active ON active.asset_id = s.asset_id AND active.key_id = s.key_id
        WHERE s.backfill_no = ?
    ),
    step AS (
        SELECT step_no, asset_id, key_id, reason, cause,
               CASE WHEN active = {ACTIVE_RUNNING} THEN '{StepStatus.RUNNING.value}'
                    WHEN active IS NOT NULL THEN '{StepStatus.QUEUED.value}' ELSE recorded END AS status,
               CASE WHEN active IS NOT NULL THEN active_run ELSE run_no END AS run_no
        FROM now
    )
"""

#: (recorded status, status now) of the steps of a backfill that are active, which are few; bound three times.
_ACTIVE_STEPS = f"""
    WITH active AS (
        SELECT f.asset_id, f.key_id, f.active, f.active_run, r.backfill_no, r.step_no
        FROM partition_facts f JOIN runs r ON r.run_no = f.active_run WHERE f.active <> {ACTIVE_NONE}
    ),
    held AS MATERIALIZED (
        SELECT s.step_no, a.active, a.active_run, a.backfill_no = ? AND a.step_no = s.step_no AS is_own
        FROM steps s JOIN active a ON a.asset_id = s.asset_id AND a.key_id = s.key_id WHERE s.backfill_no = ?
    ),
    last AS (
        SELECT step_no, arg_max(status, rowid) AS status, arg_max(struct_pack(run_no := run_no), rowid).run_no AS run_no
        FROM step_results WHERE backfill_no = ? AND step_no IN (SELECT step_no FROM held) GROUP BY step_no
    )
    SELECT coalesce(last.status, '{StepStatus.PLANNED.value}') AS recorded,
        CASE WHEN held.active = {ACTIVE_RUNNING} THEN '{StepStatus.RUNNING.value}'
            ELSE '{StepStatus.QUEUED.value}' END
    FROM held LEFT JOIN last USING (step_no)
    WHERE recorded IN ({_UNFINISHED}) AND (held.is_own OR held.active_run = last.run_no)
"""


def backfills_frame(batch: Batch) -> pd.DataFrame:
    """All backfills, newest first: backfill_id, selection, status, steps, created_at, changed_at.

    status: queued (no process has taken it up yet), running, cancelling (it runs and was asked to end), succeeded,
    failed, cancelled or interrupted.
    """
    return nulls_to_none(
        batch.frame(
            f"{_BACKFILLS} SELECT backfill_id, selection, "
            f" CASE WHEN cancelling THEN '{BackfillStatus.CANCELLING}' ELSE status END AS status,"
            " steps, created_at, changed_at FROM held"
            " ORDER BY backfill_no DESC"
        )
    )


def find_backfill(batch: Batch, backfill_id: str) -> BackfillRecord | None:
    """The backfill of that id."""
    found = _load_backfills(batch, "backfill_id = ?", backfill_id)
    return found[0] if found else None


def open_backfills(batch: Batch, most: int) -> list[BackfillRecord]:
    """The backfills that a person may want to end, begin or resume, at most ``most``.

    First those that run (their processes may have died), then those that were requested and not begun, then those that
    were interrupted or cancelled after the last one that came to its end. The newest of each group come first.
    """
    found = _load_backfills(
        batch,
        "list_contains($1::VARCHAR[], status) OR (list_contains($2::VARCHAR[], status) AND steps > 0 AND backfill_no >"
        " (SELECT coalesce(max(backfill_no), 0) FROM held WHERE list_contains($3::VARCHAR[], status)))",
        [RunStatus.RUNNING.value, RunStatus.QUEUED.value, BackfillStatus.REQUESTED.value],
        [RunStatus.INTERRUPTED.value, RunStatus.CANCELLED.value],
        [RunStatus.SUCCEEDED.value, RunStatus.FAILED.value],
    )
    rank: dict[str, int] = {RunStatus.RUNNING: 0, RunStatus.QUEUED: 0, BackfillStatus.REQUESTED: 1}
    return sorted(found, key=lambda record: (rank.get(record.status, 2), -record.backfill_no))[:most]


def is_cancelling(batch: Batch, backfill_no: int) -> bool:
    """Whether somebody asked for the end of a backfill that still runs."""
    last = batch.value("SELECT arg_max(kind, rowid) FROM backfill_events WHERE backfill_no = ?", backfill_no)
    return bool(last == BackfillEvent.CANCELLING)


def steps_frame(batch: Batch, backfill_no: int) -> pd.DataFrame:
    """The steps of a backfill in their order: asset, partition_key, reason, status, run_id, cause."""
    return nulls_to_none(
        batch.frame(
            f"{_STEPS} SELECT a.name AS asset, {KEY_SQL} AS partition_key, step.reason, step.status, r.run_id,"
            " step.cause"
            " FROM step JOIN assets a USING (asset_id) JOIN keys k USING (key_id)"
            " LEFT JOIN runs r ON r.run_no = step.run_no ORDER BY step.step_no",
            *[backfill_no] * 3,
        )
    )


def first_failures(batch: Batch, backfill_no: int, most: int) -> list[tuple[str, str | None, str]]:
    """The steps of a backfill that failed first: asset, partition key and why."""
    rows = batch.rows(
        f"""SELECT a.name, {KEY_SQL}, coalesce(r.cause, '') FROM (
            SELECT step_no, cause, rowid AS place FROM step_results
            WHERE backfill_no = $1 AND status = '{StepStatus.FAILED}' ORDER BY rowid LIMIT $2) AS r
        JOIN steps AS s ON s.backfill_no = $1 AND s.step_no = r.step_no
        JOIN assets AS a USING (asset_id) JOIN keys AS k USING (key_id) ORDER BY r.place""",
        backfill_no,
        most,
    )
    return [(asset, key, cause) for asset, key, cause in rows]


def step_counts(batch: Batch, backfill_no: int) -> dict[str, int]:
    """How many steps of a backfill have each status; every status is there.

    Trials that a study has still to ask for are planned, though no step yet.
    """
    counts = _count_recorded(batch, backfill_no)
    counts[StepStatus.PLANNED] += count_trials_left(batch, backfill_no)
    for recorded, now in batch.rows(_ACTIVE_STEPS, *[backfill_no] * 3):
        counts[recorded] -= 1
        counts[now] += 1
    return counts


def _count_recorded(batch: Batch, backfill_no: int) -> dict[str, int]:
    """`step_counts` by recorded results alone, without what is active now.

    It reads a byte a step, since grouping a million rows in SQL takes ten times longer.
    """
    import numpy as np

    names = [status.value for status in StepStatus]
    code = " ".join(f"WHEN '{name}' THEN {place}" for place, name in enumerate(names))
    results = batch.numpy(
        f"SELECT step_no, rowid AS place, CASE status {code} END::UTINYINT AS code FROM step_results"
        " WHERE backfill_no = ?",
        backfill_no,
    )
    order = np.argsort(results["place"], kind="stable")  # in one pass where they come in order, as they do
    n = int(batch.value("SELECT count(*) FROM steps WHERE backfill_no = ?", backfill_no))
    last = np.full(n, names.index(StepStatus.PLANNED.value), np.uint8)
    last[results["step_no"][order]] = results["code"][order]
    found = np.bincount(last, minlength=len(names)).tolist()
    return dict(zip(names, found, strict=True))


def count_remaining_steps(batch: Batch, backfill_no: int) -> int:
    """How many steps have no outcome and can still have one: their assets are registered and have their keys."""
    counts = _count_recorded(batch, backfill_no)
    if not any(counts[status] for status in WITHOUT_OUTCOME):
        return 0
    return int(
        batch.value(
            f"""WITH last AS (
                SELECT step_no, arg_max(status, rowid) AS status FROM step_results
                WHERE backfill_no = ? GROUP BY step_no
            )
            SELECT count(*) FROM steps s LEFT JOIN last USING (step_no) JOIN assets a USING (asset_id)
            JOIN members m ON m.set_id = a.set_id AND m.key_id = s.key_id
            WHERE s.backfill_no = ? AND a.active
              AND coalesce(last.status, '{StepStatus.PLANNED.value}') IN (SELECT unnest(?::VARCHAR[]))""",
            backfill_no,
            backfill_no,
            [str(status) for status in WITHOUT_OUTCOME],
        )
    )


def end_status(batch: Batch, backfill_no: int, *, cancelling: bool) -> RunStatus:
    """The final status of a backfill on which no process works any more, from the last results of all its steps.

    `cancelling`: somebody asked for the end, so a backfill with unfinished steps is cancelled and not interrupted.
    """
    counts, left = _count_recorded(batch, backfill_no), count_remaining_steps(batch, backfill_no)
    if left or count_trials_left(batch, backfill_no):
        return RunStatus.CANCELLED if cancelling else RunStatus.INTERRUPTED
    return RunStatus.FAILED if counts[StepStatus.FAILED] or counts[StepStatus.BLOCKED] else RunStatus.SUCCEEDED


def backfill_assets(batch: Batch, backfill_no: int) -> list[int]:
    """The ids of the assets that a backfill has steps of, or was requested of."""
    sql = """SELECT asset_id FROM steps WHERE backfill_no = $1
        UNION SELECT asset_id FROM requested_steps WHERE backfill_no = $1"""
    return [row[0] for row in batch.rows(sql, backfill_no)]


def steps_with_status(batch: Batch, backfill_no: int, statuses: Collection[StepStatus]) -> pd.DataFrame:
    """The steps that have one of these statuses, in their order: step_no, asset_id, key_id, status, reason."""
    return nulls_to_none(
        batch.frame(
            f"{_STEPS} SELECT step_no, asset_id, key_id, status, reason FROM step"
            " WHERE status IN (SELECT unnest(?::VARCHAR[])) ORDER BY step_no",
            *[backfill_no] * 3,
            [str(status) for status in statuses],
        )
    )


def live_coordinators(batch: Batch) -> list[CoordinatorRecord]:
    """The processes whose end is not recorded."""
    rows = batch.rows(f"SELECT {_COORDINATOR} FROM coordinators WHERE ended_at IS NULL ORDER BY coordinator_no")
    return [CoordinatorRecord(*row) for row in rows]


def _load_backfills(batch: Batch, condition: str, *values: Any) -> list[BackfillRecord]:
    rows = batch.rows(f"{_BACKFILLS} SELECT * FROM held WHERE {condition} ORDER BY backfill_no", *values)
    return [_to_backfill(row) for row in rows]


def _to_backfill(row: tuple[Any, ...]) -> BackfillRecord:
    (
        number,
        backfill_id,
        selection,
        options,
        steps,
        status,
        created_at,
        changed_at,
        sequence,
        planned_at,
        cancelling,
        *coordinator,
    ) = row
    return BackfillRecord(
        number,
        backfill_id,
        selection,
        json.loads(options),
        steps,
        status,
        created_at,
        changed_at,
        CoordinatorRecord(*coordinator) if coordinator[0] is not None else None,
        Moment(sequence, planned_at) if sequence is not None else None,
        cancelling,
    )
