"""Finding the files of sources that changed since they were last observed.

Whatever proved at the last look that a file is the one that was observed makes a look at its content unnecessary.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nbpart.backfill.registry import Node, Registry, StepToClaim, group_by_asset
from nbpart.backfill.source_child import ask_versions
from nbpart.backfill.source_location import Attributes, load_path_attributes, locate_all
from nbpart.backfill.storage_options import find_options
from nbpart.catalog import Batch, Catalog, events, queries
from nbpart.catalog.join_search import find_inputs
from nbpart.catalog.join_sides import open_join
from nbpart.errors import MissingInputError, NbpartError
from nbpart.partitions import PartitionRef
from nbpart.partitions.mapping import AllKeys
from nbpart.storage.source_files import FoundFile, find_files
from nbpart.storage.source_versions import Versioning, compute_version, prove
from nbpart.storage.url_template import is_url

if TYPE_CHECKING:
    import pyarrow as pa


log = logging.getLogger("nbpart")

#: What is raised for files that cannot be looked at.
CANNOT_READ = (OSError, NbpartError)


@dataclass(frozen=True)
class Observation:
    """The files of one partition of a source as they are now; all but ``key`` is None where there is none.

    ``size`` is in bytes, of all of them together; ``proof`` is what `prove` gives.
    """

    key: str | None
    size: int | None
    proof: str | None
    version: str | None


class LastSeen(NamedTuple):
    """What was recorded of a partition of a source when it was last observed."""

    proof: str
    version: str


@dataclass(frozen=True)
class FileChanges:
    """How many partitions of a source have other files than when they were last observed, by what became of them."""

    changed: int = 0
    new: int = 0
    gone: int = 0

    def __str__(self) -> str:
        """``1 changed, 2 new``"""
        counts = ((self.changed, "changed"), (self.new, "new"), (self.gone, "gone"))
        return ", ".join(f"{n:,} {what}" for n, what in counts if n)


@dataclass(frozen=True)
class SourceLook:
    """What `refresh_sources` found: what changed, by source, and why partitions cannot be read."""

    changes: Mapping[str, FileChanges] = field(default_factory=dict)
    unreadable: Mapping[PartitionRef, str] = field(default_factory=dict)


def refresh_sources(
    catalog: Catalog, root: Path, registry: Registry, names: Iterable[str], *, asks: bool
) -> SourceLook:
    """Record which files of the named sources changed; for those that cannot be read a warning is logged.

    Functions of sources are called only where it ``asks``: a plan, a tick and a refresh do.
    """
    changes: dict[str, FileChanges] = {}
    reasons: dict[PartitionRef, str] = {}
    for name in names:
        node = registry[name]
        before, changed, unreadable = _look_at_source(catalog, root, node, asks=asks)
        reasons |= unreadable
        if changed:
            catalog.write(partial(record_observed, node=node, observations=changed))
            if found := _count_changes(before, changed):
                changes[name] = found
    return SourceLook(changes, reasons)


def look_at_sources(catalog: Catalog, root: Path, registry: Registry, names: Iterable[str]) -> SourceObservations:
    """As `refresh_sources` where that asks, but nothing is recorded."""
    observed = SourceObservations()
    for name in names:
        _, changed, unreadable = _look_at_source(catalog, root, registry[name], asks=True)
        observed.unreadable.update(unreadable)
        if changed:
            observed.changed.append((registry[name], changed))
    return observed


def _look_at_source(
    catalog: Catalog, root: Path, node: Node, *, asks: bool
) -> tuple[Mapping[str | None, LastSeen | None], list[Observation], dict[PartitionRef, str]]:
    """What was recorded of a source, which of its files changed since, and why others cannot be read."""
    if node.definition.is_value or (node.definition.is_of_functions and not asks):
        return {}, [], {}
    before, attributes = catalog.read(partial(load_seen_keys, node=node))
    changed, unreadable = observe(root, node, before, time.time_ns(), attributes)
    if unreadable:
        key, why = next(iter(unreadable.items()))
        log.warning("%d of source %s cannot be read; the first is %r: %s", len(unreadable), node.name, key, why)
    return before, changed, {PartitionRef(node.name, key): why for key, why in unreadable.items()}


def _count_changes(
    before: Mapping[str | None, LastSeen | None], observations: Sequence[Observation]
) -> FileChanges | None:
    """What became of the files, None where all are what they were: a new proof alone is no change to a person."""
    changed, new, gone = 0, 0, 0
    for one in observations:
        last = before[one.key]
        if one.version is None:
            gone += 1
        elif last is None:
            new += 1
        elif one.version != last.version:
            changed += 1
    return FileChanges(changed, new, gone) if changed or new or gone else None


@dataclass(frozen=True)
class SourceObservations:
    """What `observe_sources` or `look_at_sources` found: files that changed, by source; why others cannot be read."""

    changed: list[tuple[Node, list[Observation]]] = field(default_factory=list)
    unreadable: dict[PartitionRef, str] = field(default_factory=dict)


def observe_sources(
    catalog: Catalog, root: Path, registry: Registry, steps: Sequence[StepToClaim]
) -> SourceObservations:
    """Find which of the source files that ``steps`` read changed, so that the right versions are recorded as read.

    A source that is read with all its keys is left out, and one that is no file. This is done before the transaction
    that claims the steps, which must be short.
    """
    groups = {
        name: group
        for name, group in group_by_asset(steps).items()
        if any(registry[read.name].definition.is_source for read in registry[name].definition.inputs)
    }
    if not groups:
        return SourceObservations()

    def load(batch: Batch) -> list[tuple[Node, SeenKeys]]:
        read_files = []
        for name, group in groups.items():
            node, ids = registry[name], np.array([w.key_id for w in group], dtype=np.int64)
            for read in node.definition.inputs:
                source = registry[read.name]
                if source.definition.path and source.definition.is_source and not isinstance(read.mapping, AllKeys):
                    join = open_join(batch, read.mapping, node.set_id, source.set_id)
                    texts = queries.key_texts(batch, find_inputs(batch, join, ids)).tolist()
                    before = load_last_seen(batch, source, texts)
                    read_files.append((source, SeenKeys(before, load_path_attributes(batch, source, before))))
        return read_files

    observed = SourceObservations()
    for node, seen in catalog.read(load):
        changed, unreadable = observe(root, node, seen.before, time.time_ns(), seen.attributes)
        if changed:
            observed.changed.append((node, changed))
        observed.unreadable.update({PartitionRef(node.name, key): why for key, why in unreadable.items()})
    return observed


def observe(
    root: Path,
    node: Node,
    before: Mapping[str | None, LastSeen | None],
    now_ns: int,
    attributes: Mapping[str | None, Attributes],
) -> tuple[list[Observation], dict[str | None, str]]:
    """Compare the files of a source with ``before``: what was recorded of each key when it was last observed.

    Returns (the files that changed, why the files of other keys cannot be read), for the keys of ``before`` alone.
    ``now_ns`` is the time now, in nanoseconds since 1970, ``attributes`` are columns that the path names, by key.
    """
    if node.definition.is_of_functions:
        return _ask(node, before)
    try:
        options = find_options(root, node.definition)
    except NbpartError as error:
        return [], dict.fromkeys(before, str(error))
    locations, unreadable = locate_all(node, before, attributes)
    found, faults = _find(locations, options)
    unreadable |= faults
    changed = []
    by = Comparison(versioning_of(node), options, now_ns)
    for key, last in before.items():
        if key in unreadable:
            continue
        try:
            location = locations.get(key, "")
            observation = compare_files(by, key, location, found.get(location, ()), last)
        except CANNOT_READ as error:
            unreadable[key] = str(error)
        else:
            changed += [observation] if observation is not None else []
    return changed, unreadable


def _ask(node: Node, before: Mapping[str | None, LastSeen | None]) -> tuple[list[Observation], dict[str | None, str]]:
    """As `observe`, of a source that is no file."""
    reading = node.definition.reading
    assert reading is not None
    assert reading.ask is not None
    try:
        versions = ask_versions(node.name, reading.ask, list(before)) if before else {}
    except MissingInputError as error:
        return [], dict.fromkeys(before, str(error))
    # another function to load it gives other data of the same version
    suffix = f" {reading.load.version}" if reading.load else ""
    changed = []
    for key, last in before.items():
        version = f"function:{versions[key]}{suffix}" if key in versions else None
        if version != (last.version if last else None):
            changed.append(Observation(key, None, None if version is None else "", version))
    return changed, {}


@dataclass(frozen=True)
class Comparison:
    """By what the files of a source are compared with what was last seen of them, and when (``now_ns``)."""

    versioning: Versioning
    options: Mapping[str, Any]
    now_ns: int


def versioning_of(node: Node) -> Versioning:
    """By what a file of a source is taken to be another one."""
    return Versioning(node.definition.reading.version if node.definition.reading else Versioning.HASH)


def compare_files(
    by: Comparison, key: str | None, location: str, files: Sequence[FoundFile], last: LastSeen | None
) -> Observation | None:
    """What there is to record of a partition: None where it is as it was. Raises OSError and errors of nbpart."""
    if files:
        proof = prove(files, by.versioning, by.now_ns)
        if last is not None and proof and proof == last.proof:
            return None
        try:
            version = compute_version(location, files, by.versioning, by.options)
        except FileNotFoundError:  # removed after it was listed
            files = ()
        else:
            is_same = last == LastSeen(proof, version)
            return None if is_same else Observation(key, sum(file.size for file in files), proof, version)
    return None if last is None else Observation(key, None, None, None)


def _find(
    locations: Mapping[str | None, str], options: Mapping[str, Any]
) -> tuple[dict[str, list[FoundFile]], dict[str | None, str]]:
    """The files at each location, and why those of some keys cannot be found.

    All are looked for at once, and where that failed local ones one by one; a store that cannot be reached is asked
    once.
    """
    try:
        return find_files(locations.values(), options), {}
    except CANNOT_READ as error:
        reason = str(error)
    found: dict[str, list[FoundFile]] = {}
    unreadable: dict[str | None, str] = {}
    for key, location in locations.items():
        if is_url(location):
            unreadable[key] = reason
            continue
        try:
            found.update(find_files([location]))
        except CANNOT_READ as error:
            unreadable[key] = str(error)
    return found, unreadable


def record_observed(batch: Batch, node: Node, observations: list[Observation]) -> None:
    """Record observations of a source; partitions that read another version become stale."""
    import pandas as pd

    frame = pd.DataFrame(
        {
            "key": pd.array([o.key for o in observations], dtype="string"),
            "size": pd.array([o.size for o in observations], dtype="Int64"),
            "proof": pd.array([o.proof for o in observations], dtype="string"),
            "version": pd.array([o.version for o in observations], dtype="string"),
        }
    )
    events.record_observations(batch, node.asset_id, frame)


def load_last_seen(batch: Batch, node: Node, keys: Iterable[str | None]) -> dict[str | None, LastSeen | None]:
    """What was recorded of each key when it was last observed; None where nothing was, or where it was gone."""
    seen = _read_seen(queries.observed_files(batch, node.asset_id, list(keys)))
    return {key: seen.get(key) for key in keys}


class SeenKeys(NamedTuple):
    """What was last seen of keys of a source, and the columns of these that its path names."""

    before: Mapping[str | None, LastSeen | None]
    attributes: Mapping[str | None, Attributes]


def load_seen_keys(batch: Batch, node: Node) -> SeenKeys:
    """What is known of all keys of a source."""
    seen = _read_seen(queries.observed_files(batch, node.asset_id))
    members = queries.load_members(batch, node.set_id) if node.definition.is_partitioned else [None]
    return SeenKeys({key: seen.get(key) for key in members}, load_path_attributes(batch, node, members))


def _read_seen(observed: pa.Table) -> dict[str | None, LastSeen]:
    keys, proofs, versions = (observed[name].to_pylist() for name in ("key", "proof", "version"))
    return dict(zip(keys, map(LastSeen, proofs, versions), strict=True))
