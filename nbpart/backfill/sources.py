"""Looking at sources: which of their files changed since they were last seen.

A file whose size and time of modification are as before is taken to be the same; only others are hashed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from nbpart.backfill.nodes import Node, Registry, Wanted, by_asset
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
    """What was seen of one partition of a source; no version where there is no file (any more)."""

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
    """Look at all partitions of the named sources and record what changed; what cannot be read stays as it was seen."""
    for name in names:
        node = registry[name]
        changed, unreadable = observe(node, catalog.read(partial(_load_seen, node=node)))
        if unreadable:
            key, why = next(iter(unreadable.items()))
            log.warning("%d of source %s cannot be read; the first is %r: %s", len(unreadable), name, key, why)
        if changed:
            catalog.write(partial(record, node=node, observations=changed))


@dataclass(frozen=True)
class SourceObservations:
    """What was seen of sources: what changed, and why partitions of them cannot be read."""

    changed: list[tuple[Node, list[Observation]]] = field(default_factory=list)
    unreadable: dict[PartitionRef, str] = field(default_factory=dict)


def observe_sources(catalog: Catalog, registry: Registry, wanted: Sequence[Wanted]) -> SourceObservations:
    """Look at the files that ``wanted`` read key by key, so that what is recorded as read is true.

    Files are looked at, and new ones hashed, before the transaction that claims the steps: it must be short.
    """
    groups = {
        name: group
        for name, group in by_asset(wanted).items()
        if any(registry[read.name].definition.is_source for read in registry[name].definition.inputs)
    }
    if not groups:
        return SourceObservations()

    def load(batch: Batch) -> list[tuple[Node, dict[str | None, FileVersion | None]]]:
        seen = []
        for name, group in groups.items():
            keys = queries.key_texts(batch, [w.key_id for w in group])
            for read in registry[name].definition.inputs:
                source = registry[read.name]
                if source.definition.is_source and read.mapping is not KeyMapping.ALL:
                    texts = [None] if read.mapping is KeyMapping.WHOLE else keys
                    seen.append((source, load_seen(batch, source, texts)))
        return seen

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
    """What differs from ``before`` (key -> what was last seen), for exactly these keys; why others cannot be read."""
    locations = {key: location for key in before if (location := _locate_safely(node, key)) is not None}
    now, unreadable = _scan(locations)
    changed = []
    for key, seen in before.items():
        location = locations.get(key, "")
        version = now.get(location)
        if version == seen or key in unreadable:
            continue
        try:
            changed.append(_observation(key, location, version))
        except _CANNOT_READ as error:
            unreadable[key] = str(error)
    return changed, unreadable


def _scan(locations: Mapping[str | None, str]) -> tuple[dict[str, FileVersion], dict[str | None, str]]:
    """The versions of files, and why some keys cannot be looked at; one by one only where the look at all failed."""
    try:
        return scan_versions(list(locations.values())), {}
    except _CANNOT_READ:
        pass  # one of them cannot be read: which, the loop below finds out
    found: dict[str, FileVersion] = {}
    unreadable: dict[str | None, str] = {}
    for key, location in locations.items():
        try:
            found.update(scan_versions([location]))
        except _CANNOT_READ as error:
            unreadable[key] = str(error)
    return found, unreadable


def record(batch: Batch, node: Node, observations: list[Observation]) -> None:
    """Record what was observed; what read another version becomes stale."""
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


def load_seen(batch: Batch, node: Node, keys: Iterable[str | None]) -> dict[str | None, FileVersion | None]:
    """What was last seen of ``keys``; None where nothing was."""
    seen = _seen(queries.observed_frame(batch, node.asset_id, list(keys)))
    return {key: seen.get(key) for key in keys}


def _load_seen(batch: Batch, node: Node) -> dict[str | None, FileVersion | None]:
    seen = _seen(queries.observed_frame(batch, node.asset_id))
    members = queries.load_members(batch, node.set_id) if node.definition.is_partitioned else [None]
    return {key: seen.get(key) for key in members}


def _seen(frame: pd.DataFrame) -> dict[str | None, FileVersion]:
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
            return Observation(key, None, None, None)  # removed between the look and the hash
    return Observation(key, None, None, None)
