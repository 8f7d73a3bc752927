"""Finding the files of sources that changed since they were last observed.

A file whose size and time of modification are as before is taken to be the same; only others are hashed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from nbpart.backfill.registry import Node, Registry, StepToClaim, group_by_asset
from nbpart.catalog import Batch, Catalog, events, queries
from nbpart.errors import ExtraRequiredError, MissingInputError, PartitionKeyError
from nbpart.partitions import Mapping as KeyMapping
from nbpart.partitions import PartitionRef
from nbpart.storage import FileVersion, hash_location, resolve_source, scan_versions

if TYPE_CHECKING:
    import pandas as pd


log = logging.getLogger("nbpart")

_CANNOT_READ = (OSError, ExtraRequiredError)


@dataclass(frozen=True)
class Observation:
    """The file of one partition of a source as it is now; all but ``key`` is None where there is no file."""

    key: str | None
    size: int | None
    mtime_ns: int | None
    version: str | None


def locate(node: Node, key: str | None) -> str:
    """The path or URL of a source's partition. Raises `PartitionKeyError` for a key that would leave its folder."""
    definition = node.definition
    params = PartitionRef(node.name, key).parameters(node.parameters)
    return resolve_source(definition.path or "", definition.folder, key, params)


def refresh_sources(catalog: Catalog, registry: Registry, names: Iterable[str]) -> None:
    """Record which files of the named sources changed; for those that cannot be read a warning is logged."""
    for name in names:
        node = registry[name]
        changed, unreadable = observe(node, catalog.read(partial(_load_all_last_versions, node=node)))
        if unreadable:
            key, why = next(iter(unreadable.items()))
            log.warning("%d of source %s cannot be read; the first is %r: %s", len(unreadable), name, key, why)
        if changed:
            catalog.write(partial(record_observed, node=node, observations=changed))


@dataclass(frozen=True)
class SourceObservations:
    """What `observe_sources` found: the files that changed, by source, and why partitions cannot be read."""

    changed: list[tuple[Node, list[Observation]]] = field(default_factory=list)
    unreadable: dict[PartitionRef, str] = field(default_factory=dict)


def observe_sources(catalog: Catalog, registry: Registry, steps: Sequence[StepToClaim]) -> SourceObservations:
    """Find which of the source files that ``steps`` read changed, so that the right versions are recorded as read.

    A source that is read with all its keys is left out. This is done before the transaction that claims the steps,
    which must be short.
    """
    groups = {
        name: group
        for name, group in group_by_asset(steps).items()
        if any(registry[read.name].definition.is_source for read in registry[name].definition.inputs)
    }
    if not groups:
        return SourceObservations()

    def load(batch: Batch) -> list[tuple[Node, dict[str | None, FileVersion | None]]]:
        read_files = []
        for name, group in groups.items():
            keys = queries.key_texts(batch, [w.key_id for w in group])
            for read in registry[name].definition.inputs:
                source = registry[read.name]
                if source.definition.is_source and read.mapping is not KeyMapping.ALL:
                    texts = [None] if read.mapping is KeyMapping.WHOLE else keys
                    read_files.append((source, load_last_versions(batch, source, texts)))
        return read_files

    observed = SourceObservations()
    for node, before in catalog.read(load):
        changed, unreadable = observe(node, before)
        if changed:
            observed.changed.append((node, changed))
        observed.unreadable.update({PartitionRef(node.name, key): why for key, why in unreadable.items()})
    return observed


def observe(
    node: Node, before: Mapping[str | None, FileVersion | None]
) -> tuple[list[Observation], dict[str | None, str]]:
    """Compare the files of a source with ``before``, the version of each key's file when it was last observed.

    Returns (the files that changed, why the files of other keys cannot be read), for the keys of ``before`` alone.
    """
    locations = {key: location for key in before if (location := _locate_safely(node, key)) is not None}
    now, unreadable = _scan(locations)
    changed = []
    for key, last in before.items():
        location = locations.get(key, "")
        version = now.get(location)
        if version == last or key in unreadable:
            continue
        try:
            changed.append(_observation(key, location, version))
        except _CANNOT_READ as error:
            unreadable[key] = str(error)
    return changed, unreadable


def _scan(locations: Mapping[str | None, str]) -> tuple[dict[str, FileVersion], dict[str | None, str]]:
    """The versions of files by location, and why the files of some keys cannot be read.

    Files are read all at once, and one by one only where that failed.
    """
    try:
        return scan_versions(list(locations.values())), {}
    except _CANNOT_READ:
        pass  # the loop below finds out which one cannot be read
    found: dict[str, FileVersion] = {}
    unreadable: dict[str | None, str] = {}
    for key, location in locations.items():
        try:
            found.update(scan_versions([location]))
        except _CANNOT_READ as error:
            unreadable[key] = str(error)
    return found, unreadable


def record_observed(batch: Batch, node: Node, observations: list[Observation]) -> None:
    """Record observations of a source; partitions that read another version become stale."""
    import pandas as pd

    frame = pd.DataFrame(
        {
            "key": pd.array([o.key for o in observations], dtype="string"),
            "size": pd.array([o.size for o in observations], dtype="Int64"),
            "mtime_ns": pd.array([o.mtime_ns for o in observations], dtype="Int64"),
            "version": pd.array([o.version for o in observations], dtype="string"),
        }
    )
    events.record_observations(batch, node.asset_id, frame)


def load_last_versions(batch: Batch, node: Node, keys: Iterable[str | None]) -> dict[str | None, FileVersion | None]:
    """The version of each key's file when it was last observed; None where there was none."""
    versions = _to_versions(queries.observed_frame(batch, node.asset_id, list(keys)))
    return {key: versions.get(key) for key in keys}


def _load_all_last_versions(batch: Batch, node: Node) -> dict[str | None, FileVersion | None]:
    versions = _to_versions(queries.observed_frame(batch, node.asset_id))
    members = queries.load_members(batch, node.set_id) if node.definition.is_partitioned else [None]
    return {key: versions.get(key) for key in members}


def _to_versions(frame: pd.DataFrame) -> dict[str | None, FileVersion]:
    present = frame[frame["size"].notna()]
    return {
        key: FileVersion(int(size), int(mtime_ns))
        for key, size, mtime_ns in zip(present["key"], present["size"], present["mtime_ns"], strict=True)
    }


def _locate_safely(node: Node, key: str | None) -> str | None:
    try:
        return locate(node, key)
    except PartitionKeyError:  # a key that leads out of the folder has no file
        return None


def _observation(key: str | None, location: str, version: FileVersion | None) -> Observation:
    if version is not None:
        try:
            return Observation(key, version.size, version.mtime_ns, hash_location(location))
        except MissingInputError:
            return Observation(key, None, None, None)  # removed after it was listed
    return Observation(key, None, None, None)
