"""Recording what was seen of data files in passing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nbpart.catalog import Catalog, DataObservation, events
from nbpart.errors import CatalogError


def record_seen(catalog: Catalog, seen: Sequence[DataObservation]) -> None:
    """Record what somebody saw in passing, unless the catalog cannot be written just now."""
    try:
        catalog.write(partial(events.record_data_observations, seen=seen), timeout_s=5.0)
    except (CatalogError, OSError):  # whoever asked is told what was seen; the next look records it
        return
