"""Making a plan of what the catalog holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nbpart.backfill.plan import PlannedSteps, plan_steps
from nbpart.backfill.pruned_inputs import add_steps, find_pruned_inputs
from nbpart.backfill.registry import Registry
from nbpart.backfill.step_order import StepOrder, order_steps
from nbpart.backfill.waiting import make_finder
from nbpart.catalog import Batch
from nbpart.partitions.order import OLDEST, read_order
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
) -> PlannedSteps:
    """The steps that bring the named assets up to date, and what waits; the arguments are those of `plan_steps`.

    Of each asset they come in ``order``, else in that of its set.
    """
    finder = make_finder(batch, registry)
    waiting = {name: finder.find(name) for name in names}
    relate = finder.relations.relate
    planned = plan_steps(
        registry.graph, names, finder.facts, keys=keys, statuses=statuses, waiting=waiting, relate=relate
    )
    again, lacking = find_pruned_inputs(batch, registry, names, planned.steps)
    steps = add_steps(registry, planned.steps, again) if again else planned.steps
    if again or (order is not None and order.order.text != OLDEST):
        steps, _ = order_steps(batch, registry, steps, order or StepOrder(read_order(OLDEST)), is_set_order=not again)
    return replace(planned, steps=steps, lacking=lacking)
