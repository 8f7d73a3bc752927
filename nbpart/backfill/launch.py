"""Starting a backfill in this process, and telling where one runs."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.backfill.coordinator import Coordinator, is_dead
from nbpart.backfill.nodes import Registry
from nbpart.backfill.options import Options
from nbpart.backfill.plan import StepTable
from nbpart.backfill.runner import Job, Runner, Started
from nbpart.catalog import BackfillRecord, Batch, Catalog, events, queries
from nbpart.run.pool import Pool, ThreadPool
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus

if TYPE_CHECKING:
    import pandas as pd


def start_threads(max_workers: int, on_start: Callable[[RunSpec], None]) -> Pool:
    """The pool of this machine."""
    return ThreadPool(max_workers, on_start=on_start)


@dataclass(frozen=True)
class Site:
    """Where backfills run: the workspace's folder, its catalog, this process as coordinator, and what it runs.

    ``make_pool`` makes the pool of a backfill, for so many runs at once, which tells each run that it begins; the
    runner closes it. ``preload`` names modules that pre-warmed kernels find imported already, ``show`` gives
    the live picture of a backfill by its id.
    """

    root: Path
    catalog: Catalog
    coordinator: Coordinator
    make_pool: Callable[[int, Callable[[RunSpec], None]], Pool] = start_threads
    preload: tuple[str, ...] = ()
    show: Callable[[str], Any] | None = None
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
    frame = make_steps_frame(registry, steps, reasons)

    def begin(batch: Batch) -> Job:
        given, moment = options.to_json(), registry.moment
        number = events.start_backfill(batch, backfill_id, selection, given, coordinator, frame, moment)
        return Job(number, backfill_id, registry, steps, np.arange(len(steps)), options)

    launch(site, backfill_id, options, begin)
    return backfill_id


def launch(site: Site, backfill_id: str, options: Options, begin: Callable[[Batch], Job | None]) -> None:
    """Run in the background the job that ``begin`` makes of what it recorded; nothing where it makes none.

    Where that does not come about, as when Ctrl-C lands in between, what was recorded is ended as interrupted.
    """
    starts: deque[Started] = deque()
    pool = site.make_pool(
        options.max_workers, lambda spec: starts.append(Started(spec.run_id, spec.attempt, datetime.now(UTC)))
    )
    runner: Runner | None = None
    recorded = False

    def note(batch: Batch) -> Job | None:
        nonlocal recorded
        job, recorded = begin(batch), True
        return job

    try:
        job = site.catalog.write(note)
        if job is None:
            pool.close()
            return
        runner = Runner(site.catalog, site.root, site.coordinator, pool, job, starts)
        forget_ended(site)
        site.runners[backfill_id] = runner
        runner.start()
    except BaseException:
        if runner is None or not runner.is_started:
            pool.close()
            if runner is not None and site.runners.get(backfill_id) is runner:
                del site.runners[backfill_id]
            if recorded:  # else it may be another thread's by now
                site.coordinator.owe(lambda batch: _interrupt(batch, site, backfill_id))
        raise


def forget_ended(site: Site) -> None:
    """Let go of the backfills that ended: the catalog tells of them."""
    for backfill_id, runner in list(site.runners.items()):
        if runner.has_ended and runner.error is None:
            del site.runners[backfill_id]


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


def _interrupt(batch: Batch, site: Site, backfill_id: str) -> None:
    """End a backfill that this process began and does not run."""
    runner = site.runners.get(backfill_id)
    record = queries.find_backfill(batch, backfill_id)
    if record is None or record.coordinator is None or (runner is not None and not runner.has_ended):
        return
    if record.status == "running" and site.coordinator.is_mine(record.coordinator):
        events.finish_backfill(batch, record.backfill_no, str(RunStatus.INTERRUPTED))


def make_steps_frame(registry: Registry, steps: StepTable, reasons: Sequence[Any] | None) -> pd.DataFrame:
    """The steps of a plan as `events.start_backfill` takes them."""
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
