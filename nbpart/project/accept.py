"""Accepting partitions: their data count as made by the code and of the inputs of now, without a run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.catalog import Batch, VerbEvent, events
from nbpart.catalog.queries.verbs import count_stale, load_acceptable, materialization_files, stage_partitions
from nbpart.errors import MissingInputError
from nbpart.partitions import PartitionRef
from nbpart.project.launch import check_readable
from nbpart.project.person import name_person
from nbpart.project.project import Project
from nbpart.project.refresh import refresh_registry, register_edited_code
from nbpart.project.verb_result import VerbResult
from nbpart.project.verb_selection import CHOSEN, VerbSelection
from nbpart.states import DataState, Verb
from nbpart.storage import Store, find_size_fault

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

#: States of data that cannot be accepted, and what to do instead.
_REFUSED = {
    DataState.DAMAGED: "is not what was saved ({reason}): run it, or adopt the file as it is",
    DataState.PRUNED: "was {reason}: run it again",
}


def accept(
    project: Project, selection: Any, keys: Any, where: Any = None, *, reason: str = "", dry_run: bool = False
) -> VerbResult:
    """Record partitions as current; see `Workspace.accept`. Code that was edited on disk is registered first."""
    changes = register_edited_code(project)
    registry = refresh_registry(project, asks=True)
    asked = VerbSelection.read(registry, selection, keys, where)
    check_readable(changes.unreadable, asked.selected.names)

    def find(batch: Batch) -> tuple[_Candidates, pa.Table]:
        asked.create_table(batch)
        found = _Candidates(load_acceptable(batch, CHOSEN))
        return found, materialization_files(batch, found.ids[found.is_open])

    found, files = project.catalog.read(find)
    found.drop_lost(_find_lost(project.store, files))  # files are looked at while others can use the catalog
    found.check(asked)
    counts = Counter(found.assets[found.is_open].tolist())
    event = VerbEvent(Verb.ACCEPTED, name_person(), reason)

    def record(batch: Batch) -> int:
        chosen = found.is_open
        stage_partitions(batch, "accepted", found.asset_ids[chosen], found.key_ids[chosen], found.ids[chosen])
        events.accept_materializations(batch, "accepted", event)
        return count_stale(batch, "accepted")

    still_stale = 0 if dry_run or not counts else project.catalog.write(record)
    return VerbResult(Verb.ACCEPTED, counts, found.list_notes(still_stale), dry_run)


class _Candidates:
    """The chosen partitions as arrays, a place a partition; ``ids`` is their newest data, -1 where they have none.

    ``is_open``: it has data that can be accepted, and is not current already.
    """

    def __init__(self, table: pa.Table) -> None:
        self.assets = table["asset"].to_numpy()
        self.keys = table["partition_key"].to_numpy()
        self.asset_ids: NDArray[np.int32] = table["asset_id"].to_numpy()
        self.key_ids: NDArray[np.int64] = table["key_id"].to_numpy()
        self.ids: NDArray[np.int64] = table["materialization_id"].fill_null(-1).to_numpy()
        self.is_current: Mask = table["is_current"].to_numpy(zero_copy_only=False)
        self._states, self._reasons = table["state"].to_numpy(), table["reason"].to_numpy()
        self._is_lost: Mask = np.zeros(len(self.ids), bool)
        self._is_refused: Mask = np.isin(self._states.astype(str), [str(state) for state in _REFUSED])

    @property
    def is_open(self) -> Mask:
        return (self.ids >= 0) & ~self.is_current & ~self._is_refused & ~self._is_lost

    def drop_lost(self, lost: list[int]) -> None:
        """Leave out those whose files are gone, by the ids of their materializations."""
        self._is_lost |= np.isin(self.ids, lost)

    def check(self, asked: VerbSelection) -> None:
        """Raise `MissingInputError` where a partition that was named by its key, or all that were chosen, have no data.

        What only ``+`` or a pattern adds is left out instead.
        """
        without = ~(self.is_open | self.is_current)
        is_named = np.isin(self.assets.astype(str), sorted(asked.selected.named))
        wrong = without & is_named if asked.choices is not None else without
        if wrong.any() and (asked.choices is not None or without.all()):
            raise MissingInputError(self._explain(int(np.flatnonzero(wrong)[0])))

    def list_notes(self, still_stale: int) -> tuple[str, ...]:
        """What was left alone, a sentence each."""
        current = int(self.is_current.sum())
        without = int((~(self.is_open | self.is_current)).sum())
        notes = [
            (current, "{} already current"),
            (without, "{} without data to accept"),
            (
                still_stale,
                "{} still stale by what they read: make that, or accept it too by + before the name",
            ),
        ]
        return tuple(text.format(f"{n:,}") for n, text in notes if n)

    def _explain(self, place: int) -> str:
        label = PartitionRef(self.assets[place], self.keys[place]).label
        if self.ids[place] < 0:
            return f"{label} has no data, so there is nothing to accept: run it."
        if self._is_refused[place]:
            why = _REFUSED[DataState(self._states[place])].format(reason=self._reasons[place])
            return f"the data of {label} {why}."
        found = f"gone ({self._reasons[place]})" if self._reasons[place] else "gone, or not what was saved"
        return f"the files of {label} are {found}, so there is nothing to accept: run it."


def _find_lost(store: Store, files: pa.Table) -> list[int]:
    """The materializations of which a file is not there, or is not the size that was saved."""
    lost = set()
    for part in files.to_batches(max_chunksize=10_000):
        rows = zip(*(part[name].to_pylist() for name in ("materialization_id", "path", "bytes")), strict=True)
        lost |= {number for number, path, size in rows if find_size_fault(store, path, size) is not None}
    return sorted(lost)
