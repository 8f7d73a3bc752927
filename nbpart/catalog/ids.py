"""Ids that people see: each carries a number that the catalog hands out once, so no two are equal."""

from __future__ import annotations

from datetime import datetime


def make_run_id(at: datetime, run_no: int) -> str:
    """The id of a run: ``20131231T235959123-000042``."""
    return f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}-{run_no:06d}"


def make_backfill_id(at: datetime, backfill_no: int) -> str:
    """The id of a backfill: ``20131231-235959-0042``."""
    return f"{at:%Y%m%d-%H%M%S}-{backfill_no:04d}"


def is_id_of(run_id: str, run_no: int) -> bool:
    """Whether an id is that of the run with this number."""
    return run_id.endswith(f"-{run_no:06d}")
