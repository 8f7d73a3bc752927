"""Recording the state of data files that was noticed while they were read for another purpose."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nbpart.catalog import Catalog, DataObservation, events
from nbpart.errors import CatalogError


def try_record_data_observations(catalog: Catalog, seen: Sequence[DataObservation]) -> None:
    """Record the state of data files; does nothing where the catalog cannot be written within 5 seconds."""
    try:
        catalog.write(partial(events.record_data_observations, observations=seen), timeout_s=5.0)
    except (CatalogError, OSError):  # the caller reports it all the same, and the next check records it
        return
