"""Limits on runs at a time, the runs that take up their places, and who waits for one."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


def load_run_limits(batch: Batch) -> dict[str, int]:
    """The limits of this workspace: the name of an asset, or ``tag:`` and a tag -> the most runs at a time."""
    rows = batch.keep("run limits", lambda: batch.rows("SELECT name, most FROM run_limits ORDER BY name"))
    return dict(rows)


def load_active_runs(batch: Batch, asset_ids: Collection[int]) -> list[tuple[int, int | None, int]]:
    """The runs of these assets that have not ended: asset id, backfill number (None for a manual run), how many.

    One run of many partitions, as a single-run backfill makes it, counts once.
    """
    return batch.rows(
        """SELECT f.asset_id, r.backfill_no,
            CASE WHEN b.options::JSON ->> '$.policy' = 'single_run' THEN 1 ELSE count(*) END
        FROM partition_facts AS f JOIN runs AS r ON r.run_no = f.active_run
            LEFT JOIN backfills AS b ON b.backfill_no = r.backfill_no
        WHERE f.active > 0 AND list_contains(?::INTEGER[], f.asset_id)
        GROUP BY f.asset_id, r.backfill_no, b.options""",
        list(asset_ids),
    )


def load_place_waits(batch: Batch) -> list[tuple[int, int]]:
    """The assets for whose places backfills wait, first come first: asset id, backfill number."""
    return batch.rows("SELECT asset_id, backfill_no FROM place_waits ORDER BY sequence, backfill_no, asset_id")
