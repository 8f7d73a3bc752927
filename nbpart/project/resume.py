"""Taking up the unfinished steps of a backfill again."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nbpart.assets.definition import AssetDefinition
from nbpart.backfill.job import Job
from nbpart.backfill.options import BackfillOptions, hide_secrets
from nbpart.backfill.plan import AssetSteps, StepTable
from nbpart.backfill.registry import Registry, load_registry
from nbpart.catalog import BackfillRecord, Batch, events, queries
from nbpart.errors import DeclarationError, NbpartError, UnknownNameError
from nbpart.project.launch import (
    find_backfill,
    holder,
    launch,
    refuse_unreadable,
    start_backfill,
    status_of,
)
from nbpart.project.project import Project
from nbpart.project.refresh import take_up_edits
from nbpart.project.requests import take_up_request
from nbpart.states import RETRYABLE, WITHOUT_OUTCOME, RunStatus, StepStatus

log = logging.getLogger("nbpart")

_ENDED = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)


def resume_backfill(project: Project, backfill_id: str, **changed: Any) -> None:
    """Go on in the background with the steps that have no outcome, as the same backfill; nothing where none is left.

    ``changed``: options that are not as they were. They run with the code of now, but what was made since the plan
    counts as made. Raises `UnknownNameError`, and `DeclarationError` where it still runs or code cannot be read.
    """
    project.coordinator.reap()
    record = project.catalog.read(lambda batch: find_backfill(batch, backfill_id))
    if project.catalog.read(lambda batch: tell_nothing_left(batch, record)):
        return
    options = BackfillOptions.from_json(record.options, **changed)
    if record.planned is None:
        take_up_request(project, backfill_id, options, also_cancelled=True)
        return
    coordinator, unreadable = project.coordinator.number, take_up_edits(project).unreadable

    def begin(batch: Batch) -> Job | None:
        # looked at in the transaction that takes it up: of two processes that resume it only one does
        now = find_backfill(batch, backfill_id)
        if status_of(project, now) == RunStatus.RUNNING:
            raise DeclarationError(f"backfill {backfill_id} is running in {holder(now)}; there is nothing to resume.")
        if tell_nothing_left(batch, now):
            return None
        job = _begin(batch, project.root, now, options, coordinator)
        refuse_unreadable(unreadable, [steps.asset for steps in job.steps.assets])
        return job

    launch(project, options, begin)


def take_up(project: Project, backfill_id: str, **changed: Any) -> None:
    """Begin a backfill that was handed over to this process, or a request.

    Raises `DeclarationError` where it does not wait for a process any more; a request is left to who has it then.
    """
    recorded = project.catalog.read(lambda batch: find_backfill(batch, backfill_id))
    options = BackfillOptions.from_json(recorded.options, **changed)
    if recorded.planned is None:
        take_up_request(project, backfill_id, options)
        return
    coordinator = project.coordinator.number

    def begin(batch: Batch) -> Job:
        record = find_backfill(batch, backfill_id)
        if record.status != RunStatus.QUEUED:
            raise DeclarationError(f"backfill {backfill_id} was {record.status} before this process had it.")
        return _begin(batch, project.root, record, options, coordinator)

    launch(project, options, begin)


def take_up_left(project: Project, secrets: Mapping[str, Any]) -> list[str]:
    """Go on with every requested backfill that nobody works on; the ids of those that this process runs now.

    ``secrets``: settings of which those are given to a backfill that it needs and that are recorded nowhere. One that
    cannot go on is told of and stays as it is.
    """
    project.coordinator.reap()
    taken = []
    for backfill_id in project.catalog.read(queries.unfinished_requests):
        try:
            recorded = project.catalog.read(partial(find_backfill, backfill_id=backfill_id)).options
            given = {name: secrets[name] for name in recorded["secrets"] if name in secrets}
            resume_backfill(project, backfill_id, secrets=given)
        except NbpartError as error:
            log.warning("backfill %s was asked for before and is not done: %s", backfill_id, error)
        else:
            taken += [backfill_id] if backfill_id in project.runners else []
    return taken


def retry_backfill(project: Project, backfill_id: str, **changed: Any) -> str | None:
    """Start a backfill of the steps of another that failed or were blocked; its id, None where there are none.

    ``changed``: options that are not as they were. Raises `UnknownNameError`.
    """
    unreadable = take_up_edits(project).unreadable
    record = project.catalog.read(lambda batch: find_backfill(batch, backfill_id))
    registry, steps, _ = project.catalog.read(lambda batch: load_steps(batch, project.root, record, RETRYABLE))
    if not len(steps):
        return None
    refuse_unreadable(unreadable, [asset.asset for asset in steps.assets])
    options = BackfillOptions.from_json(record.options, **changed)
    return start_backfill(project, registry, steps, f"failed of {backfill_id}", options, None)


def tell_nothing_left(batch: Batch, record: BackfillRecord) -> str:
    """Why a backfill cannot be resumed and what to do instead, in a sentence; "" where something of it is left."""
    if record.planned is None or record.status not in _ENDED or queries.count_left(batch, record.backfill_no):
        return ""
    counts = queries.step_counts(batch, record.backfill_no)
    bad, removed = sum(counts[s] for s in RETRYABLE), sum(counts[s] for s in WITHOUT_OUTCOME)
    told = f"backfill {record.backfill_id} has nothing to resume"
    if bad:
        return f"{told}: {_count(bad)} failed or were blocked, and retry_failed() runs these."
    if removed:
        return f"{told}: the keys or assets of {_count(removed)} were removed."
    return f"{told}: all of it succeeded."


def check_changes(project: Project, backfill_id: str, changed: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a backfill that shall be other than recorded, checked; secrets are among ``secrets`` only.

    Raises `UnknownNameError`, and `DeclarationError` for an option that cannot be, and for settings and limits of what
    is not in the backfill.
    """

    def load(batch: Batch) -> tuple[BackfillRecord, list[AssetDefinition]]:
        record = find_backfill(batch, backfill_id)
        in_it = set(queries.backfill_assets(batch, record.backfill_no))
        nodes = load_registry(batch, project.root).nodes.values()
        return record, [node.definition for node in nodes if node.asset_id in in_it]

    record, definitions = project.catalog.read(load)
    options = hide_secrets(definitions, changed, record.options["secrets"])
    BackfillOptions.from_json({**record.options, "secrets": ()}, **options)
    return options


def load_steps(
    batch: Batch, root: Path, record: BackfillRecord, statuses: Collection[StepStatus]
) -> tuple[Registry, StepTable, Any]:
    """The steps of a backfill that have one of ``statuses``, with their numbers in the catalog (int64).

    The registry has what is registered now, and the moment of the backfill's plan. Raises `UnknownNameError` if an
    asset of theirs was removed.
    """
    registry = load_registry(batch, root)
    if record.planned is not None:
        registry = registry.at(record.planned)
    frame = queries.steps_with(batch, record.backfill_no, statuses)
    names = {node.asset_id: name for name, node in registry.nodes.items()}
    gone = set(frame["asset_id"].unique()) - set(names)
    if gone:
        removed = sorted(a.name for a in queries.load_assets(batch, active_only=False) if a.asset_id in gone)
        raise UnknownNameError(
            f"{', '.join(removed)}: removed since this backfill was planned; register it again, or plan anew."
        )
    position = {name: i for i, name in enumerate(registry.graph)}
    groups = sorted(frame.groupby("asset_id", sort=False), key=lambda g: position[names[int(g[0])]])
    assets, numbers = [], [np.array([], dtype=np.int64)]
    for asset_id, group in groups:
        reasons = group["reason"].fillna("").astype("category")
        assets.append(
            AssetSteps(
                names[int(asset_id)],
                group["key_id"].to_numpy(dtype=np.int64),
                reasons.cat.codes.to_numpy(dtype=np.int16),
                tuple(reasons.cat.categories),
            )
        )
        numbers.append(group["step_no"].to_numpy(dtype=np.int64))
    return registry, StepTable(tuple(assets)), np.concatenate(numbers)


def _begin(batch: Batch, root: Path, record: BackfillRecord, options: BackfillOptions, coordinator: int) -> Job:
    registry, steps, numbers = load_steps(batch, root, record, WITHOUT_OUTCOME)
    events.resume_backfill(batch, record.backfill_no, coordinator)
    return Job(record.backfill_no, record.backfill_id, registry, steps, numbers, options)


def _count(n: int) -> str:
    return f"{n:,} step{'' if n == 1 else 's'}"
