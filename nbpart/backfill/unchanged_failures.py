"""Which partitions failed, or were cancelled, and would read by the same code what their last run read.

A trigger does not ask for these again; a person does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbpart.assets.definition import Input
from nbpart.backfill.input_relations import InputRelations
from nbpart.catalog.bound_columns import load_bound_columns, read_columns
from nbpart.catalog.queries import origins, touched
from nbpart.catalog.related_keys import load_inputs
from nbpart.partitions.relation import Identity, Relation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]
    Mask = NDArray[np.bool_]


def find_unchanged_failures(relations: InputRelations, name: str) -> Ids:
    """The partitions of an asset that failed, and of which neither the code nor what they read changed since."""
    failed = touched.find_failed(relations.batch, relations.registry[name].asset_id)
    if not len(failed):
        return failed
    return failed[find_unchanged(relations, name, failed, touched.load_last_runs(
        relations.batch, relations.registry[name].asset_id, failed))]  # fmt: skip


def find_unchanged(relations: InputRelations, name: str, key_ids: Ids, runs: touched.LastRuns) -> Mask:
    """Which of some partitions of an asset would read by the same code what their last runs found to read.

    Of a partition that never ran it is not known.
    """
    unchanged: Mask = runs.has_code & (runs.sequence >= 0)
    definition = relations.registry[name].definition
    if definition.bound and len(some := np.flatnonzero(unchanged & (runs.columns > 0))):
        unchanged[some] = _read_columns(relations, name, key_ids[some]) == runs.columns[some]
    for read in definition.inputs:
        some = np.flatnonzero(unchanged)
        if len(some):
            unchanged[some] = ~_find_moved(relations, name, read, key_ids[some], runs.sequence[some])
    return unchanged


def _read_columns(relations: InputRelations, name: str, key_ids: Ids) -> NDArray[np.uint64]:
    """What the bound columns of some partitions of an asset that binds some come to now."""
    [bound] = load_bound_columns(relations.batch, f"a.asset_id = {int(relations.registry[name].asset_id)}")
    return np.array([read.data_hash for read in read_columns(relations.batch, bound, key_ids.tolist())], np.uint64)


def _find_moved(relations: InputRelations, name: str, read: Input, readers: Ids, then: Ids) -> Mask:
    """Which readers would find other data in an input than after the commits ``then``, one a reader."""
    batch, node = relations.batch, relations.registry[read.name]
    since = int(then.min())
    now = load_inputs(batch, relations.join(name, read), readers)
    changed, _ = touched.find_touched(batch, [node.asset_id], since).get(node.asset_id, (now[:0], now[:0]))
    gone = origins.find_keys_that_left(batch, node.asset_id, node.set_id, since)
    inputs = np.union1d(now[np.isin(now, changed)], gone)
    if not len(inputs):
        return np.zeros(len(readers), bool)
    reader, place = _list_pairs(relations.relate(name, read, readers, inputs))
    differs = touched.find_other_data(batch, node.asset_id, inputs[place], then[reader], now)
    moved: Mask = np.bincount(reader[differs], minlength=len(readers)) > 0
    return moved


def _list_pairs(relation: Relation) -> tuple[Ids, Ids]:
    """The places of readers and of the inputs that they read, a pair each."""
    if isinstance(relation, Identity):
        readers = np.flatnonzero(relation.inputs >= 0)
        return readers, relation.inputs[readers].astype(np.int64)
    counts = relation.count_inputs()
    found = [relation.inputs_of(int(reader)) for reader in np.flatnonzero(counts)]
    places = np.concatenate([np.empty(0, np.int64), *found]).astype(np.int64)
    return np.repeat(np.arange(len(counts)), counts), places
