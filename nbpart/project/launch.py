"""Starting backfills in this process, and the status and owner of one that any process runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.backfill.job import Job
from nbpart.backfill.leftovers import remove_leftovers
from nbpart.backfill.options import BackfillOptions
from nbpart.backfill.plan import StepTable
from nbpart.backfill.registry import Registry
from nbpart.backfill.runner import Runner
from nbpart.backfill.state_machine import AttemptStarted
from nbpart.catalog import BackfillRecord, Batch, events, queries
from nbpart.errors import DeclarationError, UnknownNameError
from nbpart.project.project import Project
from nbpart.states import BackfillStatus

if TYPE_CHECKING:
    import pandas as pd


def check_readable(unreadable: Mapping[str, str], names: Iterable[str]) -> None:
    """Raise `DeclarationError` where the code of a named asset cannot be read; ``unreadable`` is asset -> reason."""
    if refused := [unreadable[name] for name in names if name in unreadable]:
        raise DeclarationError("\n".join(refused))


def start_backfill(
    project: Project,
    registry: Registry,
    steps: StepTable,
    selection: str,
    options: BackfillOptions,
    reasons: Sequence[Any] | None,
) -> str:
    """Record a backfill of ``steps``, start it in the background and return its id.

    ``reasons`` has a categorical an asset: why each of its steps runs; None takes the causes in ``steps``.
    """
    project.check_trust()
    coordinator = project.coordinator.number
    frame = make_steps_frame(registry, steps, reasons)

    def begin(batch: Batch) -> Job:
        given, moment = options.to_json(), registry.moment
        number, backfill_id = events.start_backfill(batch, selection, given, coordinator, frame, moment)
        return Job(number, backfill_id, registry, steps, np.arange(len(steps)), options)

    backfill_id = launch(project, options, begin)
    assert backfill_id is not None
    return backfill_id


def launch(project: Project, options: BackfillOptions, begin: Callable[[Batch], Job | None]) -> str | None:
    """Start a runner in the background; returns the id of its backfill, None where ``begin`` returned no job.

    ``begin`` is called in a write transaction: it records that this process begins the backfill and returns its job.
    Where the runner cannot start after that, as when Ctrl-C comes in between, the backfill is recorded as interrupted.
    """
    project.check_trust()
    starts: deque[AttemptStarted] = deque()
    pool = project.make_pool(
        options.max_workers, lambda spec: starts.append(AttemptStarted(spec.run_no, spec.attempt, datetime.now(UTC)))
    )
    runner: Runner | None = None
    begun: list[Job] = []  # filled by the transaction itself: Ctrl-C may come before its result does

    def note(batch: Batch) -> Job | None:
        begun[:] = [job] if (job := begin(batch)) is not None else []
        return job

    try:
        remove_leftovers(project.catalog, project.store)
        job = project.catalog.write(note)
        if job is None:
            pool.close()
            return None
        grower = None
        if options.study is not None and project.make_grower is not None:
            grower = project.make_grower(job)
        runner = Runner(project.catalog, project.root, project.coordinator, pool, job, starts, grower)
        drop_finished_runners(project)
        project.runners[job.backfill_id] = runner
        runner.start()
        return job.backfill_id
    except BaseException:
        if runner is None or not runner.is_started:
            pool.close()
            for job in begun:  # empty where nothing was recorded
                if runner is not None and project.runners.get(job.backfill_id) is runner:
                    del project.runners[job.backfill_id]
                project.coordinator.write_later(partial(_interrupt, project, job.backfill_id))
        raise


def drop_finished_runners(project: Project) -> None:
    """Drop the runners of backfills that ended without an error: the catalog knows how they ended."""
    for backfill_id, runner in list(project.runners.items()):
        if runner.has_ended and runner.error is None:
            del project.runners[backfill_id]


def find_backfill(batch: Batch, backfill_id: str) -> BackfillRecord:
    """The record of a backfill. Raises `UnknownNameError`."""
    record = queries.find_backfill(batch, backfill_id)
    if record is None:
        raise UnknownNameError(f"there is no backfill {backfill_id!r}; ws.backfills lists them.")
    return record


def derive_status(project: Project, record: BackfillRecord) -> str:
    """The status of a backfill; ``interrupted`` where the process that ran it is dead."""
    is_running = record.status == BackfillStatus.RUNNING
    if is_running and (record.coordinator is None or project.coordinator.is_dead(record.coordinator)):
        return BackfillStatus.INTERRUPTED
    return record.status


def describe_process(record: BackfillRecord) -> str:
    """The process that runs a backfill, as text: ``process 123 on host (purpose)``."""
    c = record.coordinator
    return "an unknown process" if c is None else f"process {c.pid} on {c.host} ({c.purpose})"


def describe_waiting(record: BackfillRecord) -> str:
    """What a backfill that no process runs yet waits for, as a sentence; "" for any other backfill."""
    name = f"backfill {record.backfill_id} ({record.selection})"
    if record.status == BackfillStatus.REQUESTED:
        return f"{name} was asked for and has not begun: the next tick of any sensor takes it up, or resume() does."
    if record.status == BackfillStatus.QUEUED:
        return f"{name} waits for its process; should that have died, resume() runs it."
    return ""


def _interrupt(project: Project, backfill_id: str, batch: Batch) -> None:
    """Record a backfill as interrupted that this process began and does not run."""
    runner = project.runners.get(backfill_id)
    record = queries.find_backfill(batch, backfill_id)
    if record is None or record.coordinator is None or (runner is not None and not runner.has_ended):
        return
    if record.status == BackfillStatus.RUNNING and project.coordinator.is_mine(record.coordinator):
        events.finish_backfill(batch, record.backfill_no, str(BackfillStatus.INTERRUPTED))


def make_steps_frame(registry: Registry, steps: StepTable, reasons: Sequence[Any] | None) -> pd.DataFrame:
    """The steps of a plan as `events.start_backfill` takes them: ``asset_id, key_id, reason``, a row a step."""
    import pandas as pd

    causes = reasons or [pd.Categorical.from_codes(a.cause, list(a.causes)) for a in steps.assets]
    return pd.DataFrame(
        {
            "asset_id": np.repeat(
                np.array([registry[a.asset].asset_id for a in steps.assets], dtype=np.int64),
                [len(a) for a in steps.assets],
            ),
            "key_id": np.concatenate([a.key_ids for a in steps.assets] or [np.array([], dtype=np.int64)]),
            "reason": pd.api.types.union_categoricals(causes, ignore_order=True)
            if causes
            else pd.Series([], dtype=str),
        }
    )
