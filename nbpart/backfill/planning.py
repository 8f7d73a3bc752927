"""Making a plan of what the catalog holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from nbpart.backfill.plan import MadeAgain, PlannedSteps, plan_steps
from nbpart.backfill.pruned_inputs import find_pruned_inputs, find_staying
from nbpart.backfill.registry import Registry
from nbpart.backfill.step_order import StepOrder, order_steps
from nbpart.backfill.waiting import make_finder
from nbpart.catalog import Batch
from nbpart.partitions.order import OLDEST
from nbpart.states import OUTDATED, PartitionStatus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def plan_from_catalog(
    batch: Batch,
    registry: Registry,
    names: Sequence[str],
    *,
    keys: Mapping[str, NDArray[np.int64]] | None = None,
    statuses: Collection[PartitionStatus] = OUTDATED,
    order: StepOrder | None = None,
    followers: Collection[str] = (),
) -> PlannedSteps:
    """The steps that bring the named assets up to date, and what waits; the arguments are those of `plan_steps`.

    Of each asset they come in ``order``, else in that of its set. ``followers`` are as in `MadeAgain`.
    """
    finder = make_finder(batch, registry)
    waiting = {name: finder.find(name) for name in names}
    plan = partial(
        plan_steps, registry.graph, names, finder.facts, keys=keys, statuses=statuses, waiting=waiting,
        relate=finder.relations.relate,
    )  # fmt: skip
    planned = plan()
    again, lacking = find_pruned_inputs(batch, registry, names, planned.steps)
    if again:
        planned = plan(again=MadeAgain(again, followers, find_staying(batch, registry, followers, again)))
    steps = planned.steps
    if order is not None and order.order.text != OLDEST:
        steps, _ = order_steps(batch, registry, steps, order, is_set_order=True)
    return replace(planned, steps=steps, lacking=lacking)
