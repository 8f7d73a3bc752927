"""What one partition reads, and what reads it, as frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.asset import name_of
from nbpart.assets.definition import Input
from nbpart.backfill.input_relations import InputRelations
from nbpart.backfill.registry import Node, Registry, spell_key
from nbpart.catalog import Batch, queries
from nbpart.catalog.related_keys import load_inputs, load_readers
from nbpart.project.data import find_key_id
from nbpart.project.project import Project
from nbpart.project.refresh import refresh_registry

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_COLUMNS = ("asset", "argument", "partition_key", "mapping", "status")


def list_inputs(project: Project, asset: Any, key: Any) -> pd.DataFrame:
    """What a partition reads; see `Workspace.inputs`."""
    registry = refresh_registry(project)
    node = registry[name_of(asset)]

    def find(batch: Batch) -> Iterator[pd.DataFrame]:
        own, relations = _find_id(batch, node, key), InputRelations(batch, registry)
        for read in node.definition.inputs:
            found = load_inputs(batch, relations.join(node.name, read), own)
            yield _tabulate(batch, registry[read.name], read, found)

    return _join_frames(project.catalog.read(lambda batch: list(find(batch))))


def list_readers(project: Project, asset: Any, key: Any) -> pd.DataFrame:
    """What reads a partition; see `Workspace.readers`."""
    registry = refresh_registry(project)
    node = registry[name_of(asset)]

    def find(batch: Batch) -> Iterator[pd.DataFrame]:
        own, relations = _find_id(batch, node, key), InputRelations(batch, registry)
        for reader, read in _list_readings(registry, node.name):
            yield _tabulate(batch, reader, read, load_readers(batch, relations.join(reader.name, read), own))

    return _join_frames(project.catalog.read(lambda batch: list(find(batch))))


def _list_readings(registry: Registry, name: str) -> Iterator[tuple[Node, Input]]:
    """Each asset that reads ``name``, itself too, with how it does."""
    for reader in registry.graph:
        for read in registry[reader].definition.inputs:
            if read.name == name:
                yield registry[reader], read


def _find_id(batch: Batch, node: Node, key: Any) -> NDArray[np.int64]:
    return np.array([find_key_id(batch, node, spell_key(node, key))], dtype=np.int64)


def _tabulate(batch: Batch, node: Node, read: Input, key_ids: NDArray[np.int64]) -> pd.DataFrame:
    frame = queries.statuses_of_keys(batch, node.asset_id, key_ids)
    frame.insert(0, "asset", node.name)
    frame.insert(1, "argument", read.argument)
    frame.insert(3, "mapping", read.mapping.describe())
    return frame


def _join_frames(frames: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame({name: [] for name in _COLUMNS}, dtype=str)
