"""Starting a backfill in this process, and telling where one runs."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.backfill.coordinator import Coordinator, is_dead
from nbpart.backfill.nodes import Registry
from nbpart.backfill.plan import StepTable
from nbpart.backfill.runner import Job, Options, Runner
from nbpart.catalog import BackfillRecord, Catalog, events
from nbpart.errors import DeclarationError
from nbpart.run.pool import ThreadPool

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Site:
    """Where backfills run: the workspace's folder, its catalog, this process as coordinator, and what it runs."""

    root: Path
    catalog: Catalog
    coordinator: Coordinator
    runners: dict[str, Runner] = field(default_factory=dict)


def start_backfill(
    site: Site,
    registry: Registry,
    steps: StepTable,
    selection: str,
    options: Options,
    reasons: Sequence[Any] | None,
) -> str:
    """Record a backfill of ``steps`` and start it in the background; its id."""
    backfill_id = new_backfill_id(datetime.now(UTC))
    coordinator = site.coordinator.number
    frame = _steps_frame(registry, steps, reasons)
    backfill_no = site.catalog.write(
        lambda batch: events.start_backfill(batch, backfill_id, selection, options.to_json(), coordinator, frame)
    )
    launch(site, Job(backfill_no, backfill_id, registry, steps, np.arange(len(steps)), options))
    return backfill_id


def status_of(record: BackfillRecord) -> str:
    """The status of a backfill; one whose coordinator died is ``interrupted``."""
    if record.status == "running":
        coordinator = record.coordinator
        return "interrupted" if coordinator is None or is_dead(coordinator) else "running"
    return record.status


def holder(record: BackfillRecord) -> str:
    """The process that runs a backfill, in words."""
    c = record.coordinator
    return "an unknown process" if c is None else f"process {c.pid} on {c.host} ({c.purpose})"


def new_backfill_id(now: datetime) -> str:
    """An id that sorts by time and can be typed: ``20131231-235959-1f2e``."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def check_workers(max_workers: int | None) -> int:
    """The number of workers to use: as asked, or the cores that this process may use."""
    if max_workers is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, check_count("max_workers", max_workers, least=1))


def check_count(name: str, value: Any, least: int = 0) -> int:
    """A whole number of at least ``least``. Raises `DeclarationError`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise DeclarationError(f"{name} is a whole number of at least {least}, not {value!r}.")
    return value


def launch(site: Site, job: Job) -> None:
    """Run a job in the background."""
    runner = Runner(site.catalog, site.root, site.coordinator, ThreadPool(job.options.max_workers), job)
    site.runners[job.backfill_id] = runner
    runner.start()


def _steps_frame(registry: Registry, steps: StepTable, reasons: Sequence[Any] | None) -> pd.DataFrame:
    import pandas as pd

    told = reasons or [pd.Categorical.from_codes(a.cause, list(a.causes)) for a in steps.assets]
    return pd.DataFrame(
        {
            "asset_id": np.repeat(
                np.array([registry[a.asset].asset_id for a in steps.assets], dtype=np.int64),
                [len(a) for a in steps.assets],
            ),
            "key_id": np.concatenate([a.key_ids for a in steps.assets] or [np.array([], dtype=np.int64)]),
            "reason": pd.api.types.union_categoricals(told, ignore_order=True) if told else pd.Series([], dtype=str),
        }
    )
