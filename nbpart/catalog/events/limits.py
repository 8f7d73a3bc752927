"""Limits on runs at a time, and who waits for a place under one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


def set_run_limits(batch: Batch, limits: Mapping[str, int | None]) -> None:
    """Set how many runs of an asset, or of a tag (``tag:db``), may be under way at a time; None takes a limit away."""
    for name, most in limits.items():
        batch.execute("DELETE FROM run_limits WHERE name = ?", name)
        if most is not None:
            batch.execute("INSERT INTO run_limits (name, most) VALUES (?, ?)", name, most)


def record_place_waits(batch: Batch, backfill_no: int, coordinator_no: int, asset_ids: Collection[int]) -> None:
    """Record for places of which assets a backfill waits; those for which it waited before keep their turn."""
    known = {row[0] for row in batch.rows("SELECT asset_id FROM place_waits WHERE backfill_no = ?", backfill_no)}
    for asset_id in known - set(asset_ids):
        batch.execute("DELETE FROM place_waits WHERE backfill_no = ? AND asset_id = ?", backfill_no, asset_id)
    for asset_id in sorted(set(asset_ids) - known):
        batch.execute(
            "INSERT INTO place_waits (backfill_no, coordinator_no, asset_id, sequence) VALUES (?, ?, ?, ?)",
            backfill_no,
            coordinator_no,
            asset_id,
            batch.sequence,
        )
