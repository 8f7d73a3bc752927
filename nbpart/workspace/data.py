"""Reading what was materialized: one partition as a value, many as a DuckDB relation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.backfill.nodes import Node, partition_label
from nbpart.backfill.sources import locate
from nbpart.catalog import Batch, Catalog, MaterializationRecord, RunRecord, queries
from nbpart.catalog.relations import AssetSnapshot, Relations
from nbpart.errors import MissingInputError, UnknownNameError, nearest
from nbpart.storage import load_file
from nbpart.storage.own_files import check_no_links, find_own

if TYPE_CHECKING:
    import duckdb


def load_partition(
    catalog: Catalog, root: Path, node: Node, key: str | None, run: RunRecord | None, file: str | None
) -> Any:
    """The value of one partition: as it is now, or as ``run`` left it; ``file`` names an extra file.

    Of a source it is the path or URL; of a run that saved nothing, the path of its executed notebook.
    """
    if node.definition.is_source:
        return locate(node, key)
    label = partition_label(node.name, key)
    if run is not None and (run.asset, run.partition_key) != (node.name, key):
        told = partition_label(run.asset, run.partition_key)
        raise MissingInputError(f"run {run.run_id} made no data of {label}: it is a run of {told}.")

    def find(batch: Batch) -> MaterializationRecord | None:
        if run is None:
            return queries.find_materialization(batch, node.asset_id, find_key_id(batch, node, key))
        # also of a key that was removed: its history stays
        return queries.find_materialization(batch, node.asset_id, queries.find_key(batch, key) or 0, run.run_no)

    found = catalog.read(find)
    if found is None:
        of = f"run {run.run_id} ({run.status}) made no data of {label}" if run else f"{label} was not materialized yet"
        raise MissingInputError(f"{of}; run it with ws.materialize or a backfill.")
    files = {f.name: f for f in found.files}
    if not files and file is None:
        return _notebook(catalog, root, found.run_id)
    chosen = files.get(file or "")
    if chosen is None:
        raise UnknownNameError(f"{label} has no file {file or 'without a name'!r}; {nearest(file or '', files)}")
    path = find_own(root, chosen.path, f"the data of {label}")
    if not path.exists():
        raise MissingInputError(f"the data of {label} is gone ({path}); materialize it again.")
    return load_file(path, chosen.format or "")


def find_key_id(batch: Batch, node: Node, key: str | None) -> int:
    """The id of a partition's key. Raises `UnknownNameError` where the set has no such key now."""
    if key is None:
        return 0
    key_id = int(queries.key_ids(batch, node.set_id, [key])[0])
    if key_id < 0:
        some = queries.load_members(batch, node.set_id, 0, 1000)
        raise UnknownNameError(f"{node.name!r} has no partition {key!r}; {nearest(key, some)}")
    return key_id


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
        return found


def _notebook(catalog: Catalog, root: Path, run_id: str | None) -> Path:
    record = catalog.read(lambda batch: queries.find_run(batch, run_id or ""))
    notebook = record.notebook if record and record.notebook else ""
    return find_own(root, notebook, f"run {run_id}") if notebook else root
