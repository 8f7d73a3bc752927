"""Values of a notebook as sources: saved as data, and a new version where other content is given."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbpart.assets.asset import Source
from nbpart.backfill.registry import Registry, load_registry
from nbpart.catalog import Batch, events, queries
from nbpart.errors import DeclarationError, UnsupportedTypeError
from nbpart.partitions import PartitionRef
from nbpart.project.project import Project
from nbpart.project.registration import register
from nbpart.storage import FileRecord, LocalStore, SavedFile, place_data, save_file, save_value
from nbpart.storage.store import publish_file


def give_value(project: Project, source: Source, value: Any) -> None:
    """Register a source that is this value, and save it where it is another one than before.

    ``value`` is what a run can save, or the Path of a file. Raises `DeclarationError` for what cannot be saved, and for
    a name that an asset has or a source of another kind.
    """
    registry = project.registry()
    _check_name(registry, source.name)
    with tempfile.TemporaryDirectory() as folder:
        saved = _save(LocalStore(Path(folder)), source.name, value)
        before = _find_current(project, registry, source.name)
        if before is not None and before.data_version == saved.data_version and project.store.stat(before.path):
            if registry[source.name].definition.description != source.description:
                register(project, [source])
            return
        now = datetime.now(UTC)
        stem = f"{PartitionRef(source.name).folder}/{now:%Y%m%dT%H%M%S%f}-value"
        path = place_data(stem) + saved.path.removeprefix("value")
        publish_file(project.store, path, Path(folder, saved.path))
    file = FileRecord("", saved.kind, saved.format, path, saved.rows, saved.bytes, saved.data_version, saved.schema)

    def record(batch: Batch) -> None:
        node = load_registry(batch, project.root)[source.name]
        events.record_value(batch, node.asset_id, file)

    register(project, [source], record)


def _check_name(registry: Registry, name: str) -> None:
    node = registry.nodes.get(name)
    if node is not None and not node.definition.is_value:
        kind = "a source of files" if node.definition.is_source else "an asset"
        raise DeclarationError(f"{name!r} is {kind} already; give the value another name, or remove that one first.")


def _save(store: LocalStore, name: str, value: Any) -> SavedFile:
    try:
        if isinstance(value, Path):
            return save_file(store, f"value.{value.name}", value)
        return save_value(store, value, "value")
    except UnsupportedTypeError as error:
        raise DeclarationError(f"value {name!r}: {error}") from error


def _find_current(project: Project, registry: Registry, name: str) -> FileRecord | None:
    if name not in registry.nodes:
        return None
    asset_id = registry[name].asset_id
    found = project.catalog.read(lambda batch: queries.find_materialization(batch, asset_id, 0))
    return next((file for file in found.files if file.name == ""), None) if found else None
