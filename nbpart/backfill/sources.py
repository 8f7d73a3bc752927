"""Looking at sources: which of their files changed since they were last seen.

A file whose size and time of modification are as before is taken to be the same; only others are hashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.backfill.nodes import Node, Registry
from nbpart.catalog import Batch, Catalog, events, queries
from nbpart.errors import MissingInputError, PartitionKeyError
from nbpart.storage import FileVersion, hash_location, resolve_source, scan_versions

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Observation:
    """What was seen of one partition of a source; no version where there is no file (any more)."""

    key: str
    size: int | None
    mtime_ns: int | None
    version: str | None


def locate(node: Node, key: str | None) -> str:
    """The path or URL of a source's partition. Raises `PartitionKeyError` for a key that would leave its folder."""
    definition = node.definition
    params = node.parameters.parse(key) if node.parameters and key is not None else None
    return resolve_source(definition.path or "", definition.folder, key, params)


def refresh_sources(catalog: Catalog, registry: Registry, names: Iterable[str]) -> None:
    """Look at all partitions of the named sources and record what changed."""
    for name in names:
        _refresh_source(catalog, registry[name])


def _refresh_source(catalog: Catalog, node: Node) -> None:
    changed = observe(node, catalog.read(lambda batch: _load_seen(batch, node)))
    if changed:
        catalog.write(lambda batch: record(batch, node, changed))


def observe(node: Node, before: Mapping[str, FileVersion | None]) -> list[Observation]:
    """What differs from ``before`` (key -> what was last seen), for exactly these keys."""
    locations = {key: location for key in before if (location := _locate_safely(node, key)) is not None}
    now = scan_versions(list(locations.values()))
    changed = []
    for key, seen in before.items():
        version = now.get(locations.get(key, ""))
        if version == seen:
            continue
        changed.append(_observation(key, locations.get(key, ""), version))
    return changed


def record(batch: Batch, node: Node, observations: list[Observation]) -> None:
    """Record what was observed; what read another version becomes stale."""
    import pandas as pd

    frame = pd.DataFrame(
        {
            "key": [o.key for o in observations],
            "size": pd.array([o.size for o in observations], dtype="Int64"),
            "mtime_ns": pd.array([o.mtime_ns for o in observations], dtype="Int64"),
            "version": pd.array([o.version for o in observations], dtype="string"),
        }
    )
    events.record_observations(batch, node.asset_id, frame)


def load_seen(batch: Batch, node: Node, keys: Iterable[str]) -> dict[str, FileVersion | None]:
    """What was last seen of ``keys``; None where nothing was."""
    seen = _seen(queries.observed_frame(batch, node.asset_id, list(keys)))
    return {key: seen.get(key) for key in keys}


def _load_seen(batch: Batch, node: Node) -> dict[str, FileVersion | None]:
    seen = _seen(queries.observed_frame(batch, node.asset_id))
    members = queries.load_members(batch, node.set_id) if node.definition.is_partitioned else [""]
    return {key: seen.get(key) for key in members}


def _seen(frame: pd.DataFrame) -> dict[str, FileVersion]:
    present = frame[frame["size"].notna()]
    return {
        key or "": FileVersion(int(size), int(mtime_ns))
        for key, size, mtime_ns in zip(present["key"], present["size"], present["mtime_ns"], strict=True)
    }


def _locate_safely(node: Node, key: str) -> str | None:
    try:
        return locate(node, key or None)
    except PartitionKeyError:  # a key that leads out of the folder has no file
        return None


def _observation(key: str, location: str, version: FileVersion | None) -> Observation:
    if version is not None:
        try:
            return Observation(key, version.size, version.mtime_ns, hash_location(location))
        except MissingInputError:  # removed between the look and the hash
            pass
    return Observation(key, None, None, None)
