"""Starting requested backfills: the process that starts one makes its plan; of two that try, only one records it."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nbpart.backfill.input_relations import InputRelations
from nbpart.backfill.job import Job
from nbpart.backfill.options import BackfillOptions
from nbpart.backfill.plan import StepTable
from nbpart.backfill.planning import plan_from_catalog
from nbpart.backfill.registry import Registry, load_registry
from nbpart.backfill.source_observation import refresh_sources
from nbpart.backfill.step_order import StepOrder
from nbpart.backfill.unchanged_failures import find_unchanged_failures
from nbpart.catalog import Batch, Moment, events, queries
from nbpart.catalog.queries.cells import member_ids
from nbpart.partitions.order import Order, read_order
from nbpart.project.launch import check_readable, find_backfill, launch, make_steps_frame
from nbpart.project.project import Project
from nbpart.project.refresh import register_edited_code
from nbpart.states import BackfillStatus, RunStatus, TriggerKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger("nbpart")


def start_requested_backfill(
    project: Project, backfill_id: str, options: BackfillOptions, *, also_cancelled: bool = False
) -> None:
    """Plan a requested backfill and run it in the background; does nothing where it has a plan or was cancelled.

    With ``also_cancelled`` one that was cancelled before it had a plan is started too. A backfill whose plan is empty
    has succeeded. Raises `UnknownNameError`, and `DeclarationError` where the code of an asset on disk cannot be read.
    """
    number = project.catalog.read(lambda batch: find_backfill(batch, backfill_id)).backfill_no
    registry, steps, left_out = plan_requested_backfill(project, number, read_order(options.order))
    note = _describe_left_out(left_out)
    frame, coordinator = make_steps_frame(registry, steps, None), project.coordinator.number

    def begin(batch: Batch) -> Job | None:
        record = find_backfill(batch, backfill_id)
        waits = record.status == BackfillStatus.REQUESTED or (also_cancelled and record.status == RunStatus.CANCELLED)
        if record.planned is not None or not waits:
            return None
        events.plan_requested(batch, number, coordinator, frame, registry.moment)
        if note:
            events.add_to_ticks(batch, number, note)
        return Job(number, backfill_id, registry, steps, np.arange(len(steps)), options) if len(steps) else None

    if note:
        log.info("backfill %s: %s", backfill_id, note)
    launch(project, options, begin)


def plan_requested_backfill(project: Project, backfill_no: int, order: Order) -> tuple[Registry, StepTable, int]:
    """The registry and the steps of a requested backfill, in an order: what is outdated now of what was requested.

    Assets that were removed meanwhile are left out, and so are partitions that failed and of which neither the code nor
    what they read changed since, unless a schedule asked; how many these are is the last that is returned. Raises
    `DeclarationError` where the code of an asset on disk cannot be read.
    """
    unreadable = register_edited_code(project).unreadable
    registry = project.catalog.read(partial(load_registry, root=project.root))
    wanted = project.catalog.read(partial(queries.load_request, backfill_no=backfill_no))
    graph = registry.graph
    names = [name for name in graph.computed if registry[name].asset_id in wanted]
    check_readable(unreadable, names)
    above = {read for name in names for read in graph.upstream(name) if registry[read].definition.is_source}
    found = refresh_sources(project.catalog, project.root, registry, sorted(above), asks=True)
    registry = replace(registry, unreadable=found.unreadable)

    def work(batch: Batch) -> tuple[StepTable, Moment, int]:
        keys = {name: ids for name in names if (ids := wanted[registry[name].asset_id]) is not None}
        left_out = _leave_out_failed(batch, registry, names, keys) if _leaves_failed(batch, backfill_no) else 0
        planned = plan_from_catalog(batch, registry, names, keys=keys, order=StepOrder(order))
        return planned.steps, Moment(registry.moment.sequence, batch.now), left_out

    steps, moment, left_out = project.catalog.read(work)
    return registry.at(moment), steps, left_out


def _leaves_failed(batch: Batch, backfill_no: int) -> bool:
    """Whether only triggers asked that do not ask for what failed: a schedule does, as a person."""
    kinds = queries.find_asking_kinds(batch, backfill_no)
    return bool(kinds) and TriggerKind.SCHEDULE not in kinds


def _leave_out_failed(batch: Batch, registry: Registry, names: list[str], keys: dict[str, NDArray[np.int64]]) -> int:
    """Take the partitions that failed, and of which nothing changed since, from the ``keys`` of assets that are to be
    looked at, None for all. Returns how many they are."""
    relations, count = InputRelations(batch, registry), 0
    for name in names:
        failed = find_unchanged_failures(relations, name)
        if len(failed):
            wanted = keys[name] if name in keys else member_ids(batch, registry[name].set_id)
            is_left = np.isin(wanted, failed)
            keys[name], count = wanted[~is_left], count + int(is_left.sum())
    return count


def _describe_left_out(count: int) -> str:
    if not count:
        return ""
    failed = "1 failed and is left out" if count == 1 else f"{count:,} failed and are left out"
    its, it_reads = ("its", "it reads") if count == 1 else ("their", "they read")
    again = "it" if count == 1 else "them"
    return f"{failed}: neither {its} code nor what {it_reads} changed since; a backfill by hand runs {again} again"
