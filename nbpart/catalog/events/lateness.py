"""Partitions that became late, as they were reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch
    from nbpart.catalog.lateness import LatePartitions


def record_late(batch: Batch, asset_id: int, late: LatePartitions) -> None:
    """Record that partitions of an asset were reported as late: they are so no more until they are made again."""
    import pyarrow as pa

    batch.stage("late_reported", pa.table({"key_id": late.key_ids, "since": late.since}))
    batch.execute(
        "INSERT INTO late_events SELECT ?, key_id, to_timestamp(since), ?, ? FROM late_reported",
        *(asset_id, batch.now, batch.sequence),
    )
