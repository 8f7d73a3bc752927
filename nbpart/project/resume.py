"""Resuming and retrying backfills: running the steps of an earlier backfill that have no outcome, or failed."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.definition import AssetDefinition
from nbpart.backfill.job import Job
from nbpart.backfill.options import OPTIONS, BackfillOptions, hide_secrets
from nbpart.backfill.plan import NO_STEPS, AssetSteps, StepTable
from nbpart.backfill.registry import Registry, load_registry
from nbpart.backfill.step_order import StepOrder, check_order, order_steps
from nbpart.catalog import BackfillRecord, Batch, events, queries
from nbpart.errors import DeclarationError, NbpartError, UnknownNameError
from nbpart.partitions.order import read_order
from nbpart.project.launch import (
    check_readable,
    derive_status,
    describe_process,
    find_backfill,
    launch,
    start_backfill,
)
from nbpart.project.project import Project
from nbpart.project.refresh import register_edited_code
from nbpart.project.requests import start_requested_backfill
from nbpart.states import RETRYABLE, WITHOUT_OUTCOME, BackfillStatus, StepStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger("nbpart")

#: Backfills with these statuses have nothing to resume unless steps are left; others always have.
_ENDED = (BackfillStatus.SUCCEEDED, BackfillStatus.FAILED, BackfillStatus.CANCELLED)


def resume_backfill(project: Project, backfill_id: str, **changed: Any) -> None:
    """Run the steps of a backfill that have no outcome, in the background; does nothing where none is left.

    ``changed`` are the options that shall differ from those recorded. The steps run with the current code, but
    partitions that were materialized since the plan are not run again. Raises `UnknownNameError`, and
    `DeclarationError` where the backfill still runs or code cannot be read.
    """
    project.coordinator.reap()
    record = project.catalog.read(lambda batch: find_backfill(batch, backfill_id))
    if project.catalog.read(lambda batch: explain_nothing_to_resume(batch, record)):
        return
    options = BackfillOptions.from_json(record.options, **changed)
    if record.planned is None:
        start_requested_backfill(project, backfill_id, options, also_cancelled=True)
        return
    coordinator, unreadable = project.coordinator.number, register_edited_code(project).unreadable

    def begin(batch: Batch) -> Job | None:
        # checked in the transaction that begins it, so that of two processes only one does
        now = find_backfill(batch, backfill_id)
        if derive_status(project, now) == BackfillStatus.RUNNING:
            raise DeclarationError(
                f"backfill {backfill_id} is running in {describe_process(now)}; there is nothing to resume."
            )
        if explain_nothing_to_resume(batch, now):
            return None
        job = _begin(batch, project.root, now, options, coordinator, is_ordered_anew="order" in changed)
        check_readable(unreadable, [steps.asset for steps in job.steps.assets])
        return job

    launch(project, options, begin)


def start_waiting_backfill(project: Project, backfill_id: str, **changed: Any) -> None:
    """Begin a queued backfill that this process was started for, or a requested one.

    Raises `DeclarationError` where a queued one is no longer queued; a requested one that another process began
    meanwhile is left alone.
    """
    recorded = project.catalog.read(lambda batch: find_backfill(batch, backfill_id))
    options = BackfillOptions.from_json(recorded.options, **changed)
    if recorded.planned is None:
        start_requested_backfill(project, backfill_id, options)
        return
    coordinator = project.coordinator.number

    def begin(batch: Batch) -> Job:
        record = find_backfill(batch, backfill_id)
        if record.status != BackfillStatus.QUEUED:
            raise DeclarationError(f"backfill {backfill_id} was {record.status} before this process had it.")
        return _begin(batch, project.root, record, options, coordinator)

    launch(project, options, begin)


def resume_unfinished_requests(project: Project, secrets: Mapping[str, Any]) -> list[str]:
    """Resume every requested backfill that no process works on; returns the ids of those that now run here.

    ``secrets`` are settings by name, from which each backfill gets those that it declared secret. One that cannot be
    resumed stays as it is, and a warning says why.
    """
    project.coordinator.reap()
    resumed = []
    for backfill_id in project.catalog.read(queries.unfinished_requests):
        try:
            recorded = project.catalog.read(partial(find_backfill, backfill_id=backfill_id)).options
            given = {name: secrets[name] for name in recorded["secrets"] if name in secrets}
            resume_backfill(project, backfill_id, secrets=given)
        except NbpartError as error:
            log.warning("backfill %s was asked for before and is not done: %s", backfill_id, error)
        else:
            resumed += [backfill_id] if backfill_id in project.runners else []
    return resumed


def retry_backfill(project: Project, backfill_id: str, **changed: Any) -> str | None:
    """Start a backfill of the failed and blocked steps of another; returns its id, None where there are none.

    ``changed`` are the options that shall differ from those of the other. Raises `UnknownNameError`, and
    `DeclarationError` where code cannot be read.
    """
    unreadable = register_edited_code(project).unreadable
    record = project.catalog.read(lambda batch: find_backfill(batch, backfill_id))
    options = BackfillOptions.from_json({**record.options, "study": None}, **changed)

    def load(batch: Batch) -> tuple[Registry, StepTable]:
        registry, steps, _ = load_steps(batch, project.root, record, RETRYABLE)
        return registry, _reorder(batch, registry, steps, options)[0] if "order" in changed else steps

    registry, steps = project.catalog.read(load)
    if not len(steps):
        return None
    check_readable(unreadable, [asset.asset for asset in steps.assets])
    return start_backfill(project, registry, steps, f"failed of {backfill_id}", options, None)


def explain_nothing_to_resume(batch: Batch, record: BackfillRecord) -> str:
    """Why a backfill has nothing to resume, and what to do instead, as a sentence; "" where steps are left."""
    is_cut_short = record.status != BackfillStatus.SUCCEEDED and queries.count_trials_left(batch, record.backfill_no)
    if (
        record.planned is None
        or record.status not in _ENDED
        or is_cut_short
        or queries.count_remaining_steps(batch, record.backfill_no)
    ):
        return ""
    counts = queries.step_counts(batch, record.backfill_no)
    failed, removed = sum(counts[s] for s in RETRYABLE), sum(counts[s] for s in WITHOUT_OUTCOME)
    start = f"backfill {record.backfill_id} has nothing to resume"
    if failed:
        return f"{start}: {_pluralize(failed)} failed or were blocked, and retry_failed() runs these."
    if removed:
        return f"{start}: the keys or assets of {_pluralize(removed)} were removed."
    return f"{start}: all of it succeeded."


def check_changed_options(project: Project, backfill_id: str, changed: Mapping[str, Any]) -> dict[str, Any]:
    """Check the options of a backfill that shall differ from those recorded; returns them with secrets moved.

    Settings that are secret are moved from ``settings`` to ``secrets``. Raises `UnknownNameError`, and
    `DeclarationError` for a value that cannot be, for settings and limits of assets that are not in the backfill, and
    for an order by columns that none of them has.
    """

    if "order" in changed:
        OPTIONS["order"].check(changed["order"])

    def load(batch: Batch) -> tuple[BackfillRecord, list[AssetDefinition]]:
        record = find_backfill(batch, backfill_id)
        in_it = set(queries.backfill_assets(batch, record.backfill_no))
        registry = load_registry(batch, project.root)
        nodes = [node for node in registry.nodes.values() if node.asset_id in in_it]
        order = read_order(changed.get("order"))
        if not (order.is_as_listed and record.options.get("order") == order.text):
            check_order(batch, registry, [node.name for node in nodes], order)
        return record, [node.definition for node in nodes]

    record, definitions = project.catalog.read(load)
    options = hide_secrets(definitions, changed, record.options["secrets"])
    BackfillOptions.from_json({**record.options, "secrets": ()}, **options)
    return options


def load_steps(
    batch: Batch, root: Path, record: BackfillRecord, statuses: Collection[StepStatus]
) -> tuple[Registry, StepTable, Any]:
    """The steps of a backfill that have one of ``statuses``: the registry, the steps, and their numbers (int64).

    The registry is the current one, set to the moment at which the backfill was planned. Raises `UnknownNameError` if
    the asset of a step was removed.
    """
    registry = load_registry(batch, root)
    if record.planned is not None:
        registry = registry.at(record.planned)
    frame = queries.steps_with_status(batch, record.backfill_no, statuses)
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


def _reorder(
    batch: Batch, registry: Registry, steps: StepTable, options: BackfillOptions
) -> tuple[StepTable, NDArray[np.int64]]:
    """The steps in the order of the options, and the place among ``steps`` of each; as they are for that of a list."""
    order = read_order(options.order)
    if order.is_as_listed:
        return steps, np.arange(len(steps))
    return order_steps(batch, registry, steps, StepOrder(order))


def _begin(
    batch: Batch,
    root: Path,
    record: BackfillRecord,
    options: BackfillOptions,
    coordinator: int,
    *,
    is_ordered_anew: bool = False,
) -> Job:
    """Record that a coordinator runs a backfill again; the job of its steps without an outcome.

    They start as the plan has them, or in the order of the options where that was given anew.
    """
    registry, steps, numbers = load_steps(batch, root, record, WITHOUT_OUTCOME)
    if is_ordered_anew:
        steps, places = _reorder(batch, registry, steps, options)
        numbers = numbers[places]
    if options.study is not None:  # each may come to have more
        have = {part.asset for part in steps.assets}
        without = [AssetSteps(name, *NO_STEPS) for name in options.study["assets"] if name not in have]
        steps = StepTable((*steps.assets, *without))
    events.resume_backfill(batch, record.backfill_no, coordinator)
    return Job(record.backfill_no, record.backfill_id, registry, steps, numbers, options)


def _pluralize(n: int) -> str:
    return f"{n:,} step{'' if n == 1 else 's'}"
