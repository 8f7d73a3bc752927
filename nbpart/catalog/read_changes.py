"""Which keys came, left or changed since a partition read them: what an order-free hash alone does not say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from nbpart.assets.definition import AssetDefinition
from nbpart.catalog.batch import Batch
from nbpart.catalog.causes import CauseKind, describe_briefly
from nbpart.catalog.dependencies import StoredDependency
from nbpart.catalog.join_sides import open_join
from nbpart.catalog.joins import relate
from nbpart.catalog.key_lookup import key_texts
from nbpart.catalog.queries import origins
from nbpart.catalog.related_keys import load_inputs
from nbpart.errors import NbpartError
from nbpart.partitions.mapping import Mapping

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

#: So many keys are named.
_MOST_NAMED = 3


@dataclass(frozen=True)
class ReadChanges:
    """Keys of an input by what became of them: the texts of those that ``came`` and ``left``, the ids of the others.

    Those that are ``emptied`` are read as before and have no data any more. ``at`` is when the first of those that came
    got its data. ``awaited`` are those that came and have none yet, told only where nothing else changed: in the place
    of another key, as the newest one, they are read although there is nothing to read.
    """

    came: tuple[str, ...]
    left: tuple[str, ...]
    emptied: tuple[int, ...]
    changed: tuple[int, ...]
    at: datetime | None = None
    awaited: tuple[str, ...] = ()

    @property
    def is_of_set(self) -> bool:
        """Whether other keys are read than before."""
        return bool(self.came or self.left or self.awaited)


def describe_names(changes: ReadChanges) -> str:
    """``+c.csv, -b.csv``, and how many more; ``+c.csv (no data yet)`` of what is awaited."""
    came = changes.came or changes.awaited
    names = [*(f"+{key}" for key in came), *(f"-{key}" for key in changes.left)]
    more = len(names) - _MOST_NAMED
    listed = ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    return f"{listed} (no data yet)" if changes.awaited else listed


def describe_set_change(changes: ReadChanges, input_name: str, *, is_one_of_several: bool) -> str:
    """Which keys came and left, and of which input where an asset reads several."""
    return describe_names(changes) + (f" of {input_name}" if is_one_of_several else "")


def find_set_change(
    batch: Batch, read: StoredDependency, key_id: int, materialization_id: int, *, is_one_of_several: bool
) -> str | None:
    """What is said of a partition whose materialization read other keys of an input than there are now.

    None where it reads the same keys, with other data or not.
    """
    recorded = origins.load_recorded_inputs(batch, materialization_id)
    was = next((one for one in recorded if (one.input_id, one.argument) == (read.input_id, read.argument)), None)
    if was is None:
        return None
    ids = load_inputs(batch, read.join(batch), np.array([key_id], np.int64))
    if was.taken is not None:
        ids = ids[np.isin(ids, [*was.taken, *(was.lacking or ())])]
    now = origins.load_states(batch, read.input_id, ids)
    if int(np.bitwise_xor.reduce(now.element)) == was.element:
        return None
    made = origins.find_origin(batch, materialization_id)
    changes = find_read_changes(batch, read, key_id, was, made, now)
    if not changes.is_of_set:
        return None
    detail = describe_set_change(changes, _name_input(batch, read), is_one_of_several=is_one_of_several)
    return describe_briefly(CauseKind.INPUT_SET_CHANGED, detail=detail)


def find_read_changes(
    batch: Batch,
    read: StoredDependency,
    key_id: int,
    was: origins.RecordedInput,
    made: origins.Origin,
    now: origins.PartitionStates,
) -> ReadChanges:
    """Compare what a partition read of an input with what its mapping gives ``now``.

    A key that never had data counts as if it were not read.
    """
    position = made.sequence if was.position is None else was.position
    ids_now = now.key_ids
    mapping = _find_mapping_then(batch, read, made)
    before = read.join(batch) if mapping == read.mapping else open_join(batch, mapping, read.set_id, read.input_set_id)
    own = np.array([key_id], np.int64)
    gone = origins.find_keys_that_left(batch, read.input_id, read.input_set_id, position)
    if len(gone):
        gone = gone[relate(batch, before, own, gone).mark_inputs(np.ones(1, bool), len(gone))]
    stayed = ids_now if mapping == read.mapping else load_inputs(batch, before, own)
    joined = origins.find_keys_that_joined(batch, np.union1d(stayed, ids_now), position)
    stayed = stayed[~np.isin(stayed, joined)]
    ids_then = np.concatenate((stayed, gone))
    then = origins.load_hashes_at(batch, read.input_id, ids_then, position)
    there = dict(zip(ids_now[now.has_data].tolist(), now.data_hash[now.has_data].tolist(), strict=True))
    came = [one for one in there if one not in then]
    absent = [one for one in ids_then.tolist() if one in then and one not in there]
    known = set(ids_now.tolist())
    emptied = tuple(one for one in absent if one in known)
    left = [one for one in absent if one not in known]
    changed = tuple(one for one, data in there.items() if one in then and then[one] != data)
    at = None
    if came:
        newest = int(now.made[ids_now == came[0]][0])
        at = origins.list_made_at(batch, [newest]).get(newest)
    found = came or left or emptied or changed
    awaited = [] if found else [one for one in ids_now[np.isin(ids_now, joined)].tolist() if one not in there]
    came_keys, left_keys, awaited_keys = (
        tuple(map(str, key_texts(batch, some))) if some else () for some in (came, left, awaited)
    )
    return ReadChanges(came_keys, left_keys, emptied, changed, at, awaited_keys)


def _name_input(batch: Batch, read: StoredDependency) -> str:
    """The name of the input of a dependency."""
    return str(batch.value("SELECT name FROM assets WHERE asset_id = ?", read.input_id))


def _find_mapping_then(batch: Batch, read: StoredDependency, made: origins.Origin) -> Mapping:
    """The mapping by which an asset read an input when a partition was made; that of now where it is not known."""
    stored = origins.find_version_at(batch, read.asset_id, made.sequence)
    try:
        inputs = AssetDefinition.from_json(stored).inputs if stored else ()
    except (NbpartError, ValueError, TypeError, KeyError):  # of a version that spelled it in another way
        return read.mapping
    own = (_name_input(batch, read), read.argument)
    return next((one.mapping for one in inputs if (one.name, one.argument) == own), read.mapping)
