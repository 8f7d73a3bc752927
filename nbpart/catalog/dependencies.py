"""What registered assets read, as the catalog holds it."""

# ruff: noqa: S608  what is put into SQL here are conditions of this package, never what a user gave

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from nbpart.catalog.join_sides import Join, open_join
from nbpart.partitions.mapping import Mapping, mapping_from_json

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


@dataclass(frozen=True)
class StoredDependency:
    """The asset ``asset_id`` reads ``input_id`` as ``argument``; with the sets of both.

    ``skips_missing``: a run goes on without what has no data.
    """

    asset_id: int
    input_id: int
    argument: str
    mapping: Mapping
    set_id: int
    input_set_id: int
    skips_missing: bool = False

    def join(self, batch: Batch) -> Join:
        """The join by which the keys of both are related."""
        return open_join(batch, self.mapping, self.set_id, self.input_set_id)


def load_dependencies(batch: Batch, condition: str = "true") -> list[StoredDependency]:
    """The dependencies of active assets for which an SQL condition holds.

    It names those as ``d``, the asset as ``a`` and its input as ``i``.
    """
    every = batch.keep("dependencies", lambda: _load(batch, "true"))
    return list(every) if condition == "true" or not every else _load(batch, condition)


def _load(batch: Batch, condition: str) -> list[StoredDependency]:
    rows = batch.rows(
        f"""SELECT d.asset_id, d.input_id, d.argument, d.mapping, a.set_id, i.set_id,
            d.skips_missing FROM dependencies AS d
        JOIN assets AS a ON a.asset_id = d.asset_id JOIN assets AS i ON i.asset_id = d.input_id
        WHERE a.active AND {condition}"""
    )
    rows.sort(key=lambda row: row[:3])  # ordered by the database they take a third longer
    return [
        StoredDependency(int(asset), int(read), argument, _read_mapping(text), int(own), int(its), skips)
        for asset, read, argument, text, own, its, skips in rows
    ]


@lru_cache(maxsize=256)
def _read_mapping(text: str) -> Mapping:
    return mapping_from_json(json.loads(text))
