"""The data of all partitions of an asset as DuckDB relations."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nbpart.backfill.data_faults import assess_faults
from nbpart.backfill.registry import Node
from nbpart.catalog import Catalog, queries
from nbpart.catalog.relations import AssetSnapshot, Relations
from nbpart.project.data_seen import try_record_data_observations
from nbpart.storage import FileFault, Store, find_size_fault

if TYPE_CHECKING:
    import duckdb


class Tables:
    """Relations for `Workspace.table` and `Workspace.sql`, in an in-memory database without access to the catalog."""

    def __init__(self, catalog: Catalog, store: Store) -> None:
        self._catalog, self._store = catalog, store
        self._relations = Relations()

    def table(self, node: Node) -> duckdb.DuckDBPyRelation:
        """The materialized partitions of an asset; see `Workspace.table`."""
        return self._relations.table(self._snapshots([node.name])[node.name])

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """The answer to a query over all assets; see `Workspace.sql`."""
        return self._relations.sql(query, self._snapshots)

    def close(self) -> None:
        self._relations.close()

    def _snapshots(self, names: Sequence[str]) -> Mapping[str, AssetSnapshot]:
        found = self._catalog.read(lambda batch: queries.load_snapshots(batch, names))
        return {name: self._locate(snapshot) for name, snapshot in found.items()}

    def _locate(self, snapshot: AssetSnapshot) -> AssetSnapshot:
        """The snapshot with the paths of local files; what is wrong with files is recorded, and warned of."""
        import pyarrow as pa

        paths = snapshot.rows.column("path").to_pylist()
        # a path that leads out of the workspace is refused before anything is read
        places = [None if path is None else str(self._store.local_path(path)) for path in paths]
        self._check_sizes(snapshot)
        column = snapshot.rows.column_names.index("path")
        return replace(snapshot, rows=snapshot.rows.set_column(column, "path", pa.array(places, pa.string())))

    def _check_sizes(self, snapshot: AssetSnapshot) -> None:
        """Record the files that are gone or have another size, and warn of the latter; a query of a gone file fails."""
        columns = (snapshot.rows.column(name).to_pylist() for name in ("materialization_id", "path", "bytes"))
        faults = {
            number: fault
            for number, path, size in zip(*columns, strict=True)
            if path is not None and (fault := find_size_fault(self._store, path, size)) is not None
        }
        if not faults:
            return
        try_record_data_observations(
            self._catalog, [seen for n, fault in faults.items() if (seen := assess_faults(n, {"": fault})) is not None]
        )
        others = sum(fault is not FileFault.DELETED for fault in faults.values())
        if others:
            warnings.warn(
                f"the data of {others:,} of the partitions of {snapshot.name!r} has another size than was saved: this "
                "is what is there now; ws.check_data() names them.",
                stacklevel=6,
            )
