"""Starting a backfill in this process, and telling where one runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nbpart.backfill.coordinator import Coordinator
from nbpart.backfill.leftovers import remove_leftovers
from nbpart.backfill.nodes import Registry
from nbpart.backfill.options import BackfillOptions
from nbpart.backfill.plan import StepTable
from nbpart.backfill.runner import Job, Runner, Started
from nbpart.catalog import BackfillRecord, Batch, Catalog, events, queries
from nbpart.errors import DeclarationError, UnknownNameError
from nbpart.run.pool import Pool, ThreadPool
from nbpart.run.spec import RunSpec
from nbpart.states import REQUESTED, RunStatus

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


def start_threads(max_workers: int, on_start: Callable[[RunSpec], None]) -> Pool:
    """The pool of this machine."""
    return ThreadPool(max_workers, on_start=on_start)


@dataclass(frozen=True)
class Site:
    """Where backfills run: the workspace's folder, its catalog, this process as coordinator, and what it runs.

    ``check_trust`` raises where the code that the workspace holds may not run; whatever starts runs asks it first.
    ``take_up_edits`` registers what changed on disk of the code, and gives the assets of which it cannot be read, with
    the reason; whatever makes a plan asks it first.
    ``make_pool`` makes the pool of a backfill, for so many runs at once, which tells each run that it begins; the
    runner closes it. ``preload`` names modules that pre-warmed kernels find imported already, ``show`` gives
    the live picture of a backfill by its id.
    """

    root: Path
    catalog: Catalog
    coordinator: Coordinator
    check_trust: Callable[[], None]
    take_up_edits: Callable[[], Mapping[str, str]] = dict
    make_pool: Callable[[int, Callable[[RunSpec], None]], Pool] = start_threads
    preload: tuple[str, ...] = ()
    show: Callable[[str], Any] | None = None
    runners: dict[str, Runner] = field(default_factory=dict)

    def read(self, work: Callable[[Batch], T]) -> T:
        """Read the catalog for somebody who looks: what belonged to processes that died says so.

        All that shows the status of runs, steps and backfills reads by this.
        """
        self.coordinator.reap_if_due()
        return self.catalog.read(work)


def refuse_unreadable(unreadable: Mapping[str, str], names: Iterable[str]) -> None:
    """Refuse to plan or run assets whose code on disk cannot be taken up. Raises `DeclarationError`."""
    if refused := [unreadable[name] for name in names if name in unreadable]:
        raise DeclarationError("\n".join(refused))


def start_backfill(
    site: Site,
    registry: Registry,
    steps: StepTable,
    selection: str,
    options: BackfillOptions,
    reasons: Sequence[Any] | None,
) -> str:
    """Record a backfill of ``steps`` and start it in the background; its id."""
    site.check_trust()
    coordinator = site.coordinator.number
    frame = make_steps_frame(registry, steps, reasons)

    def begin(batch: Batch) -> Job:
        given, moment = options.to_json(), registry.moment
        number, backfill_id = events.start_backfill(batch, selection, given, coordinator, frame, moment)
        return Job(number, backfill_id, registry, steps, np.arange(len(steps)), options)

    backfill_id = launch(site, options, begin)
    assert backfill_id is not None
    return backfill_id


def launch(site: Site, options: BackfillOptions, begin: Callable[[Batch], Job | None]) -> str | None:
    """Run in the background the job that ``begin`` makes of what it recorded; nothing where it makes none.

    Returns the id of its backfill.

    Where that does not come about, as when Ctrl-C lands in between, what was recorded is ended as interrupted.
    """
    site.check_trust()
    starts: deque[Started] = deque()
    pool = site.make_pool(
        options.max_workers, lambda spec: starts.append(Started(spec.run_no, spec.attempt, datetime.now(UTC)))
    )
    runner: Runner | None = None
    begun: list[Job] = []  # known here also where a Ctrl-C keeps the answer of the catalog from coming

    def note(batch: Batch) -> Job | None:
        begun[:] = [job] if (job := begin(batch)) is not None else []
        return job

    try:
        remove_leftovers(site.catalog, site.root)
        job = site.catalog.write(note)
        if job is None:
            pool.close()
            return None
        runner = Runner(site.catalog, site.root, site.coordinator, pool, job, starts)
        forget_ended(site)
        site.runners[job.backfill_id] = runner
        runner.start()
        return job.backfill_id
    except BaseException:
        if runner is None or not runner.is_started:
            pool.close()
            for job in begun:  # where none is, nothing was recorded
                if runner is not None and site.runners.get(job.backfill_id) is runner:
                    del site.runners[job.backfill_id]
                site.coordinator.owe(partial(_interrupt, site, job.backfill_id))
        raise


def forget_ended(site: Site) -> None:
    """Let go of the backfills that ended: the catalog tells of them."""
    for backfill_id, runner in list(site.runners.items()):
        if runner.has_ended and runner.error is None:
            del site.runners[backfill_id]


def find_record(batch: Batch, backfill_id: str) -> BackfillRecord:
    """What is recorded of a backfill. Raises `UnknownNameError`."""
    record = queries.find_backfill(batch, backfill_id)
    if record is None:
        raise UnknownNameError(f"there is no backfill {backfill_id!r}; ws.backfills lists them.")
    return record


def status_of(site: Site, record: BackfillRecord) -> str:
    """The status of a backfill; one whose coordinator died is ``interrupted``."""
    if record.status == "running":
        coordinator = record.coordinator
        return "interrupted" if coordinator is None or site.coordinator.is_dead(coordinator) else "running"
    return record.status


def holder(record: BackfillRecord) -> str:
    """The process that runs a backfill, in words."""
    c = record.coordinator
    return "an unknown process" if c is None else f"process {c.pid} on {c.host} ({c.purpose})"


def describe_waiting(record: BackfillRecord) -> str:
    """What a backfill waits for that no process has, in a sentence; "" for any other."""
    told = f"backfill {record.backfill_id} ({record.selection})"
    if record.status == REQUESTED:
        return f"{told} was asked for and has not begun: the next tick of any sensor takes it up, or resume() does."
    if record.status == RunStatus.QUEUED:
        return f"{told} waits for its process; should that have died, resume() runs it."
    return ""


def _interrupt(site: Site, backfill_id: str, batch: Batch) -> None:
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
