"""Starting requested backfills: the process that starts one makes its plan; of two that try, only one records it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from nbpart.backfill.job import Job
from nbpart.backfill.options import BackfillOptions
from nbpart.backfill.plan import StepTable
from nbpart.backfill.planning import plan_from_catalog
from nbpart.backfill.registry import Registry, load_registry
from nbpart.backfill.source_observation import refresh_sources
from nbpart.backfill.step_order import StepOrder
from nbpart.catalog import Batch, Moment, events, queries
from nbpart.partitions.order import Order, read_order
from nbpart.project.launch import check_readable, find_backfill, launch, make_steps_frame
from nbpart.project.project import Project
from nbpart.project.refresh import register_edited_code
from nbpart.states import BackfillStatus, RunStatus


def start_requested_backfill(
    project: Project, backfill_id: str, options: BackfillOptions, *, also_cancelled: bool = False
) -> None:
    """Plan a requested backfill and run it in the background; does nothing where it has a plan or was cancelled.

    With ``also_cancelled`` one that was cancelled before it had a plan is started too. A backfill whose plan is empty
    has succeeded. Raises `UnknownNameError`, and `DeclarationError` where the code of an asset on disk cannot be read.
    """
    number = project.catalog.read(lambda batch: find_backfill(batch, backfill_id)).backfill_no
    registry, steps = plan_requested_backfill(project, number, read_order(options.order))
    frame, coordinator = make_steps_frame(registry, steps, None), project.coordinator.number

    def begin(batch: Batch) -> Job | None:
        record = find_backfill(batch, backfill_id)
        waits = record.status == BackfillStatus.REQUESTED or (also_cancelled and record.status == RunStatus.CANCELLED)
        if record.planned is not None or not waits:
            return None
        events.plan_requested(batch, number, coordinator, frame, registry.moment)
        return Job(number, backfill_id, registry, steps, np.arange(len(steps)), options) if len(steps) else None

    launch(project, options, begin)


def plan_requested_backfill(project: Project, backfill_no: int, order: Order) -> tuple[Registry, StepTable]:
    """The registry and the steps of a requested backfill, in an order: what is outdated now of what was requested.

    Assets that were removed meanwhile are left out. Raises `DeclarationError` where the code of an asset on disk cannot
    be read.
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
    keys = {name: ids for name in names if (ids := wanted[registry[name].asset_id]) is not None}

    def work(batch: Batch) -> tuple[StepTable, Moment]:
        planned = plan_from_catalog(batch, registry, names, keys=keys, order=StepOrder(order))
        return planned.steps, Moment(registry.moment.sequence, batch.now)

    steps, moment = project.catalog.read(work)
    return registry.at(moment), steps
