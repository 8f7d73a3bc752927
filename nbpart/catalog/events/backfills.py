"""Backfills, their steps, and the processes that work on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbpart.catalog.ids import make_backfill_id
from nbpart.catalog.queries.backfills import end_status
from nbpart.catalog.records import Moment
from nbpart.states import BEGINNINGS, BackfillEvent, RunStatus, StepStatus

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch

#: The last result of each step of the staged backfills.
_LAST_RESULTS = """SELECT r.backfill_no, r.step_no, arg_max(r.status, r.rowid) AS status,
        arg_max(struct_pack(run_no := r.run_no), r.rowid).run_no AS run_no
    FROM step_results AS r WHERE r.backfill_no IN (SELECT unnest(?::INTEGER[])) GROUP BY ALL"""


def start_coordinator(batch: Batch, host: str, pid: int, lock: str, purpose: str) -> int:
    """Record that a process begins to run backfills. Returns its number."""
    number = batch.take_ids("next_coordinator_no", 1)
    batch.execute(
        "INSERT INTO coordinators VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)", number, host, pid, lock, purpose, batch.now
    )
    return number


def end_coordinator(batch: Batch, coordinator_no: int) -> None:
    """Record that a process runs no backfills any more, and that it left no files behind."""
    batch.execute(
        "UPDATE coordinators SET ended_at = $1, cleaned_at = $1 WHERE coordinator_no = $2 AND ended_at IS NULL",
        batch.now,
        coordinator_no,
    )


def clean_coordinators(batch: Batch, coordinator_nos: Sequence[int]) -> None:
    """Record that the files which the attempts of dead processes left are removed."""
    batch.execute(
        "UPDATE coordinators SET cleaned_at = ? WHERE coordinator_no IN (SELECT unnest(?::INTEGER[]))",
        batch.now,
        list(coordinator_nos),
    )


def interrupt_coordinators(batch: Batch, coordinator_nos: Sequence[int]) -> int:
    """Record that processes died: their queued and running runs are interrupted. Returns how many runs these were."""
    numbers = list(coordinator_nos)
    batch.create_temp(
        "runs_dead",
        """SELECT f.rowid AS fact_row, r.run_no, r.asset_id, r.key_id FROM partition_facts AS f
        JOIN runs AS r ON r.run_no = f.active_run
        WHERE f.active <> 0 AND r.coordinator_no IN (SELECT unnest(?::INTEGER[]))""",
        numbers,
    )
    interrupted = batch.execute(
        """INSERT INTO outcomes (run_no, attempt, status, final, finished_at, sequence)
        SELECT d.run_no, coalesce(max(a.attempt), 0), ?, true, ?, ?
        FROM runs_dead AS d LEFT JOIN attempts AS a USING (run_no) GROUP BY d.run_no""",
        str(RunStatus.INTERRUPTED),
        batch.now,
        batch.sequence,
    )
    batch.execute(
        """UPDATE partition_facts AS f SET active = 0, active_run = NULL, changed = ? FROM runs_dead AS d
        WHERE f.rowid = d.fact_row""",
        batch.sequence,
    )
    _interrupt_backfills(batch, numbers)
    batch.execute("DELETE FROM place_waits WHERE coordinator_no IN (SELECT unnest(?::INTEGER[]))", numbers)
    batch.execute(
        """UPDATE coordinators SET ended_at = ?
        WHERE ended_at IS NULL AND coordinator_no IN (SELECT unnest(?::INTEGER[]))""",
        batch.now,
        numbers,
    )
    return interrupted


def start_backfill(
    batch: Batch,
    selection: str,
    options: Mapping[str, Any],
    coordinator_no: int | None,
    steps: pd.DataFrame,
    planned: Moment | None = None,
) -> tuple[int, str]:
    """Record a backfill with its plan. Returns its number and id.

    Without a coordinator it waits for a process that begins it. `steps` has the columns `asset_id`, `key_id` and
    `reason`; a step's number is its row, from 0. `planned` is when the plan was made (default: now).
    """
    moment = planned or Moment(batch.sequence, batch.now)
    number, backfill_id = insert_backfill(batch, selection, options, len(steps), moment)
    insert_steps(batch, number, steps)
    event = BackfillEvent.STARTED if coordinator_no else BackfillEvent.HANDED_OVER
    record_event(batch, number, event, coordinator_no)
    return number, backfill_id


def insert_backfill(
    batch: Batch, selection: str, options: Mapping[str, Any], steps: int, planned: Moment | None
) -> tuple[int, str]:
    """Insert a backfill without its steps. Returns its number and id. `planned` is None where it has no plan yet."""
    number = batch.take_ids("next_backfill_no", 1)
    backfill_id = make_backfill_id(batch.now, number)
    batch.execute(
        """INSERT INTO backfills (backfill_no, backfill_id, selection, options, steps, created_at, sequence, planned_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        number,
        backfill_id,
        selection,
        json.dumps(options, sort_keys=True),
        steps,
        batch.now,
        planned.sequence if planned else None,
        planned.now if planned else None,
    )
    return number, backfill_id


def add_steps(
    batch: Batch, backfill_no: int, asset_ids: NDArray[np.int64], key_ids: NDArray[np.int64], reason: str
) -> range:
    """Add steps to a backfill that runs, behind all others, all for one reason. Returns their numbers."""
    import pyarrow as pa

    if not len(key_ids):
        return range(0)
    [(end,)] = batch.rows(
        "UPDATE backfills SET steps = steps + ? WHERE backfill_no = ? RETURNING steps", len(key_ids), backfill_no
    )
    numbers = range(end - len(key_ids), end)
    batch.stage("steps_staged", pa.table({"step_no": numbers, "asset_id": asset_ids, "key_id": key_ids}))
    batch.execute(
        "INSERT INTO steps SELECT ?, step_no, asset_id, key_id, ? FROM steps_staged ORDER BY step_no",
        backfill_no,
        reason,
    )
    return numbers


def insert_steps(batch: Batch, backfill_no: int, steps: pd.DataFrame) -> None:
    """Insert the steps of a backfill; see `start_backfill`."""
    import pandas as pd

    numbered = steps[["asset_id", "key_id", "reason"]].assign(step_no=pd.RangeIndex(len(steps)))
    batch.stage("steps_staged", numbered)
    batch.execute(
        "INSERT INTO steps SELECT ?, step_no, asset_id, key_id, reason FROM steps_staged ORDER BY step_no", backfill_no
    )


def resume_backfill(batch: Batch, backfill_no: int, coordinator_no: int) -> None:
    """Record that a backfill is resumed: steps that were cancelled or interrupted are planned again."""
    batch.create_temp("steps_last", _LAST_RESULTS, [backfill_no])
    batch.execute(
        """INSERT INTO step_results SELECT backfill_no, step_no, ?, NULL, NULL, ? FROM steps_last
        WHERE status IN (?, ?) ORDER BY step_no""",
        str(StepStatus.PLANNED),
        batch.sequence,
        str(StepStatus.CANCELLED),
        str(StepStatus.INTERRUPTED),
    )
    record_event(batch, backfill_no, BackfillEvent.RESUMED, coordinator_no)


def finish_backfill(batch: Batch, backfill_no: int, status: str) -> None:
    """Record the status with which a backfill ended: succeeded, failed, cancelled or interrupted."""
    record_event(batch, backfill_no, BackfillEvent(status), None)
    batch.execute("DELETE FROM place_waits WHERE backfill_no = ?", backfill_no)


def ask_to_cancel(batch: Batch, backfill_no: int) -> None:
    """Ask the process that runs a backfill to cancel it."""
    record_event(batch, backfill_no, BackfillEvent.CANCELLING, None)


def record_step_results(batch: Batch, backfill_no: int, results: pd.DataFrame | pa.Table) -> None:
    """Append results of steps: a frame or an Arrow table of `step_no`, `status`, `run_no`, `cause`.

    The last row of a step counts.
    """
    batch.stage("results_staged", results)
    batch.execute(
        """INSERT INTO step_results SELECT ?, step_no, status::VARCHAR, run_no::BIGINT, cause::VARCHAR, ?
        FROM results_staged""",
        backfill_no,
        batch.sequence,
    )


def record_event(batch: Batch, backfill_no: int, event: BackfillEvent, coordinator_no: int | None) -> None:
    """Record an event of a backfill, with the process that runs it from now on, if one does."""
    batch.execute(
        "INSERT INTO backfill_events VALUES (?, ?, ?, ?, ?)",
        backfill_no,
        batch.now,
        event.value,
        coordinator_no,
        batch.sequence,
    )


def _interrupt_backfills(batch: Batch, coordinator_nos: list[int]) -> None:
    dead = [
        row[0]
        for row in batch.rows(
            """SELECT backfill_no FROM backfill_events GROUP BY backfill_no
            HAVING list_contains(?::VARCHAR[], arg_max(kind, rowid))
               AND list_contains(?::INTEGER[], arg_max(coordinator_no, rowid))""",
            [event.value for event in (*BEGINNINGS, BackfillEvent.CANCELLING)],
            coordinator_nos,
        )
    ]
    if not dead:
        return
    batch.create_temp("steps_last", _LAST_RESULTS, dead)
    batch.execute(
        """INSERT INTO step_results SELECT backfill_no, step_no, ?, run_no, NULL, ? FROM steps_last
        WHERE status IN (?, ?) ORDER BY step_no""",
        str(StepStatus.INTERRUPTED),
        batch.sequence,
        str(StepStatus.QUEUED),
        str(StepStatus.RUNNING),
    )
    for number in dead:  # one that died after the last result of its steps has come to its end
        finish_backfill(batch, number, end_status(batch, number, cancelling=False))
