"""Removing keys: off their list, and where that is asked for with all that their runs left, in all assets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nbpart.catalog import Batch, Catalog, VerbEvent, events, queries
from nbpart.catalog.conditions import choose_keys_where
from nbpart.catalog.queries.chosen_keys import choose_keys, explain_unfound
from nbpart.catalog.queries.erasing import (
    adopted_inside,
    create_made_of,
    create_touched,
    former_places,
    list_others_that_read,
    touched_files,
    touched_places,
)
from nbpart.catalog.queries.verbs import count_wipeable
from nbpart.catalog.set_tables import sort_keys
from nbpart.partitions import PartitionRef, PartitionsDefinition
from nbpart.partitions.choice import Between, read_choice
from nbpart.partitions.filters import read_condition
from nbpart.project.person import name_person
from nbpart.project.verb_selection import CHOSEN, refuse_active, refuse_read
from nbpart.project.working_copy import FOLDER
from nbpart.states import Verb
from nbpart.storage import LocalStore
from nbpart.storage.adopted import find_place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: So many files or partitions are named in a message.
_MOST_NAMED = 10


@dataclass(frozen=True)
class Removal:
    """The ``keys`` that were removed, or would be, and ``count`` partitions with data or a failure that they had.

    Where these were erased, ``files`` is the number of files that were deleted, ``adopted`` are files that stay, and
    ``readers`` what read the data and is stale without them.
    """

    verb: Verb
    set_name: str
    keys: list[str]
    count: int
    files: int = 0
    adopted: Sequence[str] = ()
    readers: Sequence[str] = ()
    is_dry_run: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person has to know besides the numbers, a sentence each."""
        notes = []
        if self.adopted:
            notes.append(f"adopted files stay, delete them yourself: {_list_first(self.adopted)}")
        if self.readers:
            read = "would be stale, since it read" if self.is_dry_run else "stale, since it read"
            notes.append(f"{read} what is deleted: {_list_first(self.readers)}")
        return tuple(notes)

    @property
    def question(self) -> str:
        """What a person is asked before it is done."""
        what = repr(self.keys[0]) if len(self.keys) == 1 else f"{len(self.keys):,} keys"
        if self.verb is not Verb.ERASED:
            return f"Remove {what} from {self.set_name}? The history and the data stay."
        them = "it" if len(self.keys) == 1 else "them"
        numbers = f"{_pluralize(self.count, 'partition')} with data, {_pluralize(self.files, 'file')}, in all assets"
        notes = "".join(f" {note[:1].upper()}{note[1:]}." for note in self.notes)
        return (
            f"Remove {what} from {self.set_name} and delete all that runs left of {them}: {numbers}? Nothing brings "
            f"them back.{notes}"
        )

    def __str__(self) -> str:
        """``erased 2 keys, 5 partitions with data, 12 files; stale, since it read what is deleted: cohort``"""
        done = f"{f'would have {self.verb}' if self.is_dry_run else self.verb} {_pluralize(len(self.keys), 'key')}"
        if self.verb is not Verb.ERASED:
            return f"{done}; the history and the data stay"
        numbers = f"{_pluralize(self.count, 'partition')} with data, {_pluralize(self.files, 'file')}"
        return "; ".join([f"{done}, {numbers}", *self.notes])


@dataclass(frozen=True)
class _Found:
    """What the catalog knows of keys that are erased: their files, and the folders in which more may lie.

    ``kept`` are files in these folders that somebody adopted, for any partition.
    """

    removal: Removal
    files: Sequence[str]
    folders: Sequence[str]
    kept: frozenset[str]


def remove_keys(
    catalog: Catalog,
    set_id: int,
    definition: PartitionsDefinition,
    choices: Sequence[Any] | None,
    where: Any = None,
    *,
    delete_data: bool = False,
    reason: str = "",
    dry_run: bool = False,
) -> Removal:
    """Take keys off a set, and with ``delete_data`` delete what runs left of them; see `PartitionSet.remove`."""

    def choose(batch: Batch) -> NDArray[np.int64]:
        return _choose(batch, set_id, definition, choices, where)

    if delete_data:
        return _erase(catalog, (set_id, definition.set_name), choose, reason, dry_run=dry_run)
    event = VerbEvent(Verb.REMOVED, name_person(), reason)

    def work(batch: Batch) -> Removal:
        key_ids = choose(batch)
        count = create_made_of(batch, key_ids, CHOSEN) if dry_run else record_removal(batch, key_ids, event)
        keys = queries.key_texts(batch, key_ids).tolist()
        if not dry_run:
            keys = events.remove_keys(batch, set_id, keys)
        return Removal(Verb.REMOVED, definition.set_name, keys, count, is_dry_run=dry_run)

    return (catalog.read if dry_run else catalog.write)(work)


def record_removal(batch: Batch, key_ids: NDArray[np.int64], event: VerbEvent) -> int:
    """Record by whom and why keys are taken off their set, for the history of what was ever made of them.

    Returns how many partitions that are. The keys are not taken off here.
    """
    count = create_made_of(batch, key_ids, CHOSEN)
    events.record_verb(batch, event, CHOSEN)
    return count


def _choose(
    batch: Batch, set_id: int, definition: PartitionsDefinition, choices: Sequence[Any] | None, where: Any
) -> NDArray[np.int64]:
    """The ids of the keys that are chosen and there; raises for a range of which an end is not there."""
    import numpy as np

    found = []
    if choices is not None:
        chosen = choose_keys(batch, set_id, choices)
        for place in chosen.unfound.tolist():
            if any(isinstance(one, Between) for one in read_choice(definition, choices[place])):
                raise explain_unfound(batch, set_id, choices[place], repr(definition.set_name))
        found.append(chosen.key_ids)
    if where is not None:
        meeting = choose_keys_where(batch, set_id, read_condition(where), repr(definition.set_name))
        found.append(sort_keys(batch, set_id, meeting))
    ids: NDArray[np.int64] = found[0]
    return ids if len(found) == 1 else ids[np.isin(ids, found[1])]


def _erase(
    catalog: Catalog, of: tuple[int, str], choose: Callable[[Batch], NDArray[np.int64]], reason: str, *, dry_run: bool
) -> Removal:
    """Take keys off the set ``of`` this id and name, and delete all that runs left of them, their children and their
    products in all assets.

    Raises `DeclarationError` where a run of them, or one that reads them, has not ended; then nothing is changed.
    """
    (set_id, set_name), root = of, catalog.path.parent
    event = VerbEvent(Verb.ERASED, name_person(), reason)

    def work(batch: Batch) -> _Found:
        create_touched(batch, key_ids := choose(batch), CHOSEN)
        refuse_active(batch, "erased")
        refuse_read(batch, "deleted")
        readers = [PartitionRef(*place).label for place in list_others_that_read(batch, CHOSEN)]
        files, adopted = touched_files(batch, CHOSEN)
        places = [*touched_places(batch, CHOSEN), *former_places(batch, CHOSEN)]
        folders = [PartitionRef(*place).folder for place in places]
        keys, count = queries.key_texts(batch, key_ids).tolist(), sum(count_wipeable(batch, CHOSEN).values())
        if not dry_run:
            events.erase_partitions(batch, CHOSEN, event)
            keys = events.remove_keys(batch, set_id, keys)
        stay = [str(find_place(path, root)) for path in adopted]
        removal = Removal(Verb.ERASED, set_name, keys, count, adopted=stay, readers=readers, is_dry_run=dry_run)
        return _Found(removal, files, folders, adopted_inside(batch))

    found = (catalog.read if dry_run else catalog.write)(work)
    store = LocalStore(root)
    # what is not named any more, as reports of runs and files of attempts that died, lies in the same folders
    beside = [
        file.path for folder in found.folders for top in ("data", "runs") for file in store.list(f"{top}/{folder}")
    ]
    beside += _list_edits(store, found)
    named = [path for path in found.files if store.stat(path) is not None]
    paths = [path for path in dict.fromkeys(sorted([*named, *beside])) if path not in found.kept]
    kept = {str(root / path) for path in beside if path in found.kept}
    files = len(paths if dry_run else store.remove(*paths))
    return replace(found.removal, files=files, adopted=sorted({*found.removal.adopted, *kept}))


def _list_edits(store: LocalStore, found: _Found) -> list[str]:
    """The files of open edits of what is erased: they show what it reads, also of an asset that it never ran for."""
    files = [file.path for file in store.list(FOLDER, with_leftovers=True)]
    assets = {path.split("/")[1] for path in files}
    folders = {*found.folders, *(PartitionRef(one, key).folder for one in assets for key in found.removal.keys)}
    return [path for path in files if "/".join(path.split("/")[1:3]) in folders]


def _list_first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _pluralize(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
