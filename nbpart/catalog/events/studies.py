"""Studies: backfills whose steps are asked for while they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


def start_study(batch: Batch, backfill_no: int, asset_id: int, trials: int) -> None:
    """Record that a backfill is to ask for so many trials of an asset."""
    batch.execute("INSERT INTO studies VALUES (?, ?, ?)", backfill_no, asset_id, trials)


def end_study(batch: Batch, backfill_no: int, trials: int) -> None:
    """Record that a backfill asks for no more than so many trials: there are no others."""
    batch.execute("UPDATE studies SET trials = ? WHERE backfill_no = ?", trials, backfill_no)


def add_trials(batch: Batch, backfill_no: int, first: int, key_ids: Sequence[int], asked: Sequence[str]) -> None:
    """Record trials that were asked for, numbered on from ``first``: the key of each, and its values as JSON."""
    import pyarrow as pa

    numbers = range(first, first + len(key_ids))
    batch.stage("trials_staged", pa.table({"trial_no": numbers, "key_id": list(key_ids), "asked": list(asked)}))
    batch.execute("INSERT INTO study_trials SELECT ?, trial_no, key_id, asked FROM trials_staged", backfill_no)
