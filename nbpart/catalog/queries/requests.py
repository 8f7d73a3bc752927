"""Backfills that were requested, with their assets and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbpart.catalog.batch import Batch
from nbpart.states import BackfillEvent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def load_request(batch: Batch, backfill_no: int) -> dict[int, NDArray[np.int64] | None]:
    """The key ids that a requested backfill was asked for, by asset id; None means all keys of the asset."""
    import numpy as np

    found = batch.numpy(
        "SELECT asset_id::BIGINT AS asset_id, coalesce(key_id, -1) AS key_id FROM requested_steps"
        " WHERE backfill_no = ?",
        backfill_no,
    )
    wanted: dict[int, NDArray[np.int64] | None] = {}
    for asset_id in np.unique(found["asset_id"]).tolist():
        ids = found["key_id"][found["asset_id"] == asset_id]
        wanted[int(asset_id)] = None if (ids < 0).any() else ids
    return wanted


def unfinished_requests(batch: Batch) -> list[str]:
    """The ids of requested backfills that are not planned yet or were interrupted, in the order of their requests."""
    return [
        row[0]
        for row in batch.rows(
            """SELECT b.backfill_id FROM backfills AS b JOIN backfill_events AS e USING (backfill_no)
            GROUP BY b.backfill_no, b.backfill_id
            HAVING bool_or(e.kind = $1) AND arg_max(e.kind, e.rowid) IN ($1, $2)
            ORDER BY b.backfill_no""",
            BackfillEvent.REQUESTED.value,
            BackfillEvent.INTERRUPTED.value,
        )
    ]
