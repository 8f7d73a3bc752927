"""Backfills that were requested: first their assets and keys are recorded, later their steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbpart.catalog.events.backfills import insert_backfill, insert_steps, record_event
from nbpart.states import BackfillEvent

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from nbpart.catalog.batch import Batch
    from nbpart.catalog.records import Moment


def request_backfill(
    batch: Batch,
    selection: str,
    options: Mapping[str, Any],
    key_ids: Mapping[int, NDArray[np.int64] | None],
) -> tuple[int, str]:
    """Record that a backfill was asked for, without a plan yet. Returns its number and id.

    `key_ids` has the key ids of each asset, by the asset's id; None means all keys that it has when the plan is made.
    """
    import numpy as np
    import pyarrow as pa

    number, backfill_id = insert_backfill(batch, selection, options, 0, None)
    parts = [
        pa.table({"asset_id": np.full(1 if ids is None else len(ids), asset_id), "key_id": _to_array(ids)})
        for asset_id, ids in key_ids.items()
    ]
    if parts:
        batch.stage("requests_staged", pa.concat_tables(parts))
        batch.execute(
            "INSERT INTO requested_steps (backfill_no, asset_id, key_id)"
            " SELECT ?, asset_id, key_id FROM requests_staged",
            number,
        )
    record_event(batch, number, BackfillEvent.REQUESTED, None)
    return number, backfill_id


def plan_requested(
    batch: Batch, backfill_no: int, coordinator_no: int | None, steps: pd.DataFrame, planned: Moment
) -> None:
    """Record the plan of a requested backfill; see `start_backfill`. A backfill without steps has succeeded."""
    batch.execute(
        "UPDATE backfills SET steps = $1, sequence = $2, planned_at = $3 WHERE backfill_no = $4",
        len(steps),
        planned.sequence,
        planned.now,
        backfill_no,
    )
    insert_steps(batch, backfill_no, steps)
    if len(steps):
        record_event(batch, backfill_no, BackfillEvent.STARTED, coordinator_no)
    else:
        record_event(batch, backfill_no, BackfillEvent.SUCCEEDED, None)


def _to_array(ids: NDArray[np.int64] | None) -> Any:
    import pyarrow as pa

    return pa.nulls(1, pa.int64()) if ids is None else pa.array(ids, pa.int64())
