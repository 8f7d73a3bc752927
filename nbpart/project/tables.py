"""Reading what was materialized of many partitions, as DuckDB relations."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nbpart.backfill.data_faults import assess_faults
from nbpart.backfill.registry import Node
from nbpart.catalog import Catalog, queries
from nbpart.catalog.relations import AssetSnapshot, Relations
from nbpart.project.data_seen import record_seen
from nbpart.storage import FileFault, find_size_fault
from nbpart.storage.own_files import check_no_links

if TYPE_CHECKING:
    import duckdb


class Tables:
    """What `Workspace.table` and `Workspace.sql` read: snapshots of assets in a database of their own."""

    def __init__(self, catalog: Catalog, root: Path) -> None:
        self._catalog, self._root = catalog, root
        self._relations = Relations()

    def table(self, node: Node) -> duckdb.DuckDBPyRelation:
        return self._relations.table(self._snapshots([node.name])[node.name])

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        return self._relations.sql(query, self._snapshots)

    def close(self) -> None:
        self._relations.close()

    def _snapshots(self, names: Sequence[str]) -> Mapping[str, AssetSnapshot]:
        found = self._catalog.read(lambda batch: queries.load_snapshots(batch, names, self._root))
        for snapshot in found.values():
            paths = (path for path in snapshot.rows.column("path").to_pylist() if path is not None)
            check_no_links(self._root, paths, f"the data of {snapshot.name!r}")
            self._look_at_sizes(snapshot)
        return found

    def _look_at_sizes(self, snapshot: AssetSnapshot) -> None:
        """Record which files are gone or have another size, and warn of these; for one that is gone the query fails."""
        columns = (snapshot.rows.column(name).to_pylist() for name in ("materialization_id", "path", "bytes"))
        faults = {
            number: fault
            for number, path, size in zip(*columns, strict=True)
            if path is not None and (fault := find_size_fault(path, size)) is not None
        }
        if not faults:
            return
        record_seen(
            self._catalog, [seen for n, fault in faults.items() if (seen := assess_faults(n, {"": fault})) is not None]
        )
        others = sum(fault is not FileFault.DELETED for fault in faults.values())
        if others:
            warnings.warn(
                f"the data of {others:,} of the partitions of {snapshot.name!r} has another size than was saved: this "
                "is what is there now; ws.check_data() names them.",
                stacklevel=5,
            )
