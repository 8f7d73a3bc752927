"""The catalog for who may read it and not change it: the code of a sensor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from nbpart.catalog.batch import Batch
from nbpart.catalog.connection import Catalog
from nbpart.catalog.searches import Search
from nbpart.errors import CatalogError

T = TypeVar("T")


class ReadOnlyCatalog(Catalog):
    """A catalog whose writes are refused where they would change something.

    What only finds, though it would make what is not there (``ws.dynamic_partitions("files")``), works.
    """

    def write(
        self,
        work: Callable[[Batch], T],
        *,
        timeout_s: float | None = None,
        before: Callable[[Path], object] | None = None,
    ) -> T:
        """Run `work` as `Catalog.write` does. Raises `CatalogError`, and changes nothing, where it changes a row."""

        def check(batch: Batch) -> T:
            result = work(batch)
            if batch.changed_meta:
                raise CatalogError(
                    f"The catalog of {self.path.parent} is open for reading only: a sensor changes nothing, it returns "
                    "what is to be changed."
                )
            return result

        return super().write(check, timeout_s=timeout_s, before=before)

    def _keep(self, search: Search, result: Any) -> None:
        """What was searched for is not kept."""
