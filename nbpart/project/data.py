"""Loading the data of one partition as a value."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

from nbpart.assets.asset import name_of
from nbpart.backfill.data_faults import assess_faults
from nbpart.backfill.registry import Node, spell_key
from nbpart.backfill.source_location import locate_now
from nbpart.backfill.storage_options import find_options
from nbpart.catalog import Batch, Catalog, MaterializationRecord, RunRecord, queries
from nbpart.catalog.queries.chosen_keys import find_similar_keys
from nbpart.catalog.queries.verbs import find_removal
from nbpart.catalog.reasons import find_deletion
from nbpart.errors import MissingInputError, UnknownNameError, UntrustedWorkspaceError, nearest
from nbpart.partitions import PartitionRef
from nbpart.project.data_seen import try_record_data_observations
from nbpart.project.project import Project
from nbpart.project.runs import find_run
from nbpart.run.source_files import FetchedFiles, load_source
from nbpart.run.source_functions import define_function
from nbpart.storage import FileFault, FileRecord, find_fault_at_load, load_file
from nbpart.storage.adopted import find_place
from nbpart.storage.named_format import runs_code
from nbpart.storage.own_files import find_own
from nbpart.storage.url_template import WILDCARD


def load(project: Project, asset: Any, key: Any, run: Any, file: str | None, *, trusted: Collection[str] = ()) -> Any:
    """The data of one partition: now, or as ``run`` (a run or its id) left it, which needs no key.

    ``file`` names one of several files that a run saved, ``trusted`` types that skops data may hold. Raises
    `UnknownNameError`, `MissingInputError`, `UnreadableDataError`, and `UntrustedWorkspaceError` for a pickle of a
    workspace that is not trusted.
    """
    node = project.registry()[name_of(asset)]
    record = None if run is None else find_run(project, getattr(run, "run_id", run))
    text = record.partition_key if record is not None and key is None else spell_key(node, key)
    return load_partition(project, node, text, record, file, trusted=trusted)


def _load_source(project: Project, node: Node, key: str | None) -> Any:
    reading = node.definition.reading
    if node.definition.is_of_functions:
        project.check_trust()
        if reading is None or reading.load is None:
            return key
        return define_function(f"source {node.name}", reading.load)(*(() if key is None else (key,)))
    location = project.catalog.read(partial(locate_now, node=node, key=key))
    if WILDCARD in location or (reading and reading.storage_options):
        project.check_trust()  # it could name any folder, address and variable of the environment
    return load_source(location, find_options(project.root, node.definition), FetchedFiles())


def load_partition(
    project: Project,
    node: Node,
    key: str | None,
    run: RunRecord | None,
    file: str | None,
    *,
    trusted: Collection[str] = (),
) -> Any:
    """The value of one partition: the current one, or the one that ``run`` saved; ``file`` names an extra file.

    For a source this is what a run gets (see `load_source`), for a run that saved nothing the path of its executed
    notebook. A file that is gone is recorded as deleted and raises `MissingInputError`. A file whose content is not
    what was saved is recorded too and loaded as it is now, with a warning. Raises `UnknownNameError` for a key or file
    that is not there.
    """
    if node.definition.is_source and not node.definition.is_value:
        return _load_source(project, node, key)
    label = PartitionRef(node.name, key).label
    if run is not None and (run.asset, run.partition_key) != (node.name, key):
        own = PartitionRef(run.asset, run.partition_key).label
        raise MissingInputError(f"run {run.run_id} made no data of {label}: it is a run of {own}.")

    def find(batch: Batch) -> tuple[MaterializationRecord | None, str]:
        if run is None:
            key_id = find_key_id(batch, node, key)
            found = queries.find_materialization(batch, node.asset_id, key_id)
            if found is not None:
                return found, queries.find_pruning(batch, found.materialization_id)
            return None, find_deletion(batch, node.asset_id, key_id)
        # a key that was removed from its set is found too: its history stays
        return queries.find_materialization(batch, node.asset_id, None, run.run_no), ""

    found, deleted = project.catalog.read(find)
    if deleted:
        raise MissingInputError(f"the data of {label} is gone ({deleted}); materialize it again.")
    if found is None:
        of = f"run {run.run_id} ({run.status}) made no data of {label}" if run else f"{label} was not materialized yet"
        raise MissingInputError(f"{of}; run it with ws.materialize or a backfill.")
    files = {f.name: f for f in found.files}
    if not files and file is None:
        return _find_notebook(project, found, label)
    chosen = files.get(file or "")
    if chosen is None:
        raise UnknownNameError(f"{label} has no file {file or 'without a name'!r}; {nearest(file or '', files)}")
    of = label if file is None else f"{label}, file {file!r},"
    return _load_file(project, found.materialization_id, chosen, of, trusted)


def _load_file(
    project: Project, materialization_id: int, file: FileRecord, label: str, trusted: Collection[str]
) -> Any:
    """Load a file whose data is that of ``label``; what differs from what was saved is recorded first."""
    is_code = runs_code(file.format)
    if is_code:
        _check_trust(project, file.format, label)
    fault = find_fault_at_load(project.store, file.path, file.format, file.bytes, file.data_version)
    if fault is not None and fault is not FileFault.NOT_OURS:  # that is refused by its name below
        place, what = find_place(file.path, project.root), f"the data of {label}"
        _report_fault(project.catalog, materialization_id, file.name, fault, what, place, is_code=is_code)
    return load_file(
        project.store,
        file.path,
        file.format or "",
        may_run_code=is_code,
        trusted=trusted,
        of=label,
        written_with=file.schema,
    )


def _check_trust(project: Project, format: str | None, label: str) -> None:
    try:
        project.check_trust()
    except UntrustedWorkspaceError as error:
        raise UntrustedWorkspaceError(
            f"the data of {label} is saved as {format}, and loading it runs what it says: {error}"
        ) from None


def _report_fault(
    catalog: Catalog,
    materialization_id: int,
    file: str,
    fault: FileFault,
    what: str,
    path: Path,
    *,
    notebook: bool = False,
    is_code: bool = False,
) -> None:
    """Record a fault of a file. Raises `MissingInputError` where the file is gone; warns of any other fault.

    With ``is_code`` every fault raises: loading the file would run what is there now.
    """
    seen = assess_faults(materialization_id, {file: fault}, is_notebook=notebook)
    if seen is not None:
        try_record_data_observations(catalog, [seen])
    if fault is FileFault.DELETED:
        raise MissingInputError(f"{what} is gone ({path}); materialize it again.")
    if is_code:
        raise MissingInputError(
            f"{what} is not what was saved ({fault}: {path}), and loading it would run what it says; materialize it "
            "again."
        )
    if not fault.is_inconclusive:  # a file that cannot be read raises by itself
        warnings.warn(
            f"{what} is not what was saved ({fault}: {path}): this is what is there now, and no run reads it; "
            "materialize it again.",
            stacklevel=6,
        )


def find_key_id(batch: Batch, node: Node, key: str | None) -> int:
    """The id of a partition's key. Raises `UnknownNameError` where the set has no such key now."""
    if key is None:
        return 0
    key_id = int(queries.key_ids(batch, node.set_id, [key])[0])
    if key_id < 0:
        if removed := find_removal(batch, node.asset_id, key):
            raise UnknownNameError(f"{node.name!r} has no partition {key!r} any more: {removed}.")
        similar = find_similar_keys(batch, node.set_id, key)
        raise UnknownNameError(f"{node.name!r} has no partition {key!r}; {nearest(key, similar)}")
    return key_id


def _find_notebook(project: Project, found: MaterializationRecord, label: str) -> Path:
    """The executed notebook of the run that made a materialization. Raises `MissingInputError` where it is gone."""
    record = project.catalog.read(lambda batch: queries.find_run(batch, found.run_id or ""))
    if not (record and record.notebook):
        return project.root
    path = find_own(project.root, record.notebook, f"run {found.run_id}")
    if not path.exists():
        what = f"the executed notebook that is the data of {label}"
        _report_fault(project.catalog, found.materialization_id, "", FileFault.DELETED, what, path, notebook=True)
    return path
