"""Taking up the unfinished steps of a backfill again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from nbpart.backfill.launch import Site, holder, launch, status_of
from nbpart.backfill.nodes import Registry, load_registry
from nbpart.backfill.options import Options
from nbpart.backfill.plan import AssetSteps, StepTable
from nbpart.backfill.runner import Job
from nbpart.catalog import BackfillRecord, Batch, events, queries
from nbpart.errors import DeclarationError, UnknownNameError
from nbpart.states import RunStatus, StepStatus

#: Steps without an outcome: those that resuming runs.
UNFINISHED = frozenset(
    {StepStatus.PLANNED, StepStatus.QUEUED, StepStatus.RUNNING, StepStatus.CANCELLED, StepStatus.INTERRUPTED}
)


def resume_backfill(site: Site, backfill_id: str, **changed: Any) -> None:
    """Go on in the background with the steps that have no outcome, as the same backfill.

    ``changed``: options that are not as they were. They run with what is registered now. Raises `UnknownNameError`,
    and `DeclarationError` where it still runs.
    """
    site.coordinator.reap()
    options = Options.from_json(site.catalog.read(lambda batch: find_record(batch, backfill_id)).options, **changed)
    coordinator = site.coordinator.number

    def begin(batch: Batch) -> Job:
        # looked at in the transaction that takes it up: of two processes that resume it only one does
        record = find_record(batch, backfill_id)
        if status_of(record) == RunStatus.RUNNING:
            raise DeclarationError(
                f"backfill {backfill_id} is running in {holder(record)}; there is nothing to resume."
            )
        registry, steps, numbers = load_unfinished(batch, record.backfill_no, UNFINISHED)
        events.resume_backfill(batch, record.backfill_no, coordinator)
        return Job(record.backfill_no, backfill_id, registry, steps, numbers, options)

    launch(site, backfill_id, options, begin)


def find_record(batch: Batch, backfill_id: str) -> BackfillRecord:
    """What is recorded of a backfill. Raises `UnknownNameError`."""
    record = queries.find_backfill(batch, backfill_id)
    if record is None:
        raise UnknownNameError(f"there is no backfill {backfill_id!r}; ws.backfills lists them.")
    return record


def load_unfinished(
    batch: Batch, backfill_no: int, statuses: Collection[StepStatus]
) -> tuple[Registry, StepTable, Any]:
    """The steps of a backfill that have one of ``statuses``, with their numbers in the catalog (int64).

    They run with what is registered now. Raises `UnknownNameError` if an asset of theirs was removed.
    """
    registry = load_registry(batch)
    frame = queries.steps_with(batch, backfill_no, statuses)
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
