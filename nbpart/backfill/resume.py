"""Taking up the unfinished steps of a backfill again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from nbpart.backfill.nodes import Registry, load_registry
from nbpart.backfill.plan import AssetSteps, StepTable
from nbpart.catalog import Batch, queries
from nbpart.errors import UnknownNameError
from nbpart.states import StepStatus


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
        raise UnknownNameError(
            f"{len(gone)} assets of this backfill were removed since; register them again, or plan anew."
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
