"""Partitions that have become late, found and recorded so that each is reported once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nbpart.backfill.registry import Registry, load_registry
from nbpart.catalog import Batch, events, queries
from nbpart.catalog.lateness import LatePartitions, load_expectations, load_newly_late
from nbpart.project.project import Project

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class NewlyLate:
    """The partitions of an asset that became late and were not reported yet: the ids of their keys, and since when."""

    asset: str
    asset_id: int
    late: LatePartitions

    def __len__(self) -> int:
        return len(self.key_ids)

    @property
    def key_ids(self) -> NDArray[np.int64]:
        return self.late.key_ids

    @property
    def since(self) -> datetime:
        """Since when the first of them is late."""
        return datetime.fromtimestamp(float(self.late.since.min()), UTC)

    def list_keys(self, batch: Batch, most: int) -> list[str | None]:
        """The keys of the first of them; None for that of an asset without partitions."""
        keys: list[str | None] = queries.key_texts(batch, self.key_ids[:most]).tolist()
        return keys


def find_newly_late(batch: Batch, registry: Registry, now: datetime) -> list[NewlyLate]:
    """What became late by ``now`` and was not reported since it was made the last time, of each asset that has some."""
    expected = load_expectations(batch)
    found = []
    for name in registry.graph.computed:
        asset_id = registry[name].asset_id
        late = load_newly_late(batch, asset_id, now) if asset_id in expected else None
        if late is not None and len(late.key_ids):
            found.append(NewlyLate(name, asset_id, late))
    return found


def record_newly_late(batch: Batch, found: Sequence[NewlyLate]) -> None:
    """Record them as reported, in the batch in which they were found: no other one finds them too."""
    for one in found:
        events.record_late(batch, one.asset_id, one.late)


def take_newly_late(project: Project) -> list[NewlyLate]:
    """What has become late and was not reported yet, recorded as reported; nothing is written where nothing has."""
    read = project.catalog.read(lambda batch: find_newly_late(batch, load_registry(batch, project.root), batch.now))
    return project.catalog.write(lambda batch: _take(batch, project)) if read else []


def _take(batch: Batch, project: Project) -> list[NewlyLate]:
    found = find_newly_late(batch, load_registry(batch, project.root), batch.now)
    record_newly_late(batch, found)
    return found
