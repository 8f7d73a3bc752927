"""Erasing keys: their data, notebooks, logs, metrics and error texts go; what else read them is named."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog import Batch, Catalog, VerbEvent, events, queries
from nbpart.catalog.queries.erasing import create_touched, list_others_that_read, touched_files, touched_places
from nbpart.partitions import PartitionRef
from nbpart.project.verb_selection import CHOSEN, refuse_active, refuse_read
from nbpart.storage import LocalStore
from nbpart.storage.adopted import find_place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger("nbpart")

#: So many files or partitions are named in a message.
_MOST_NAMED = 10


@dataclass(frozen=True)
class _Erased:
    """What is gone from the catalog: the keys that left the set, the partitions, their files, what is told of it."""

    keys: list[str]
    count: int
    files: Sequence[str]
    folders: Sequence[str]
    adopted: Sequence[str]
    readers: Sequence[str]


def erase_keys(catalog: Catalog, set_id: int, key_ids: NDArray[np.int64], event: VerbEvent) -> list[str]:
    """Take keys off a set and delete all that runs left of them, their children and their products in all assets.

    Returns the keys that were in the set. Logs the number of files, which files stay since they were adopted, and which
    partitions read what is gone: these are stale. Raises `DeclarationError` where a run of them, or one that reads
    them, has not ended; then nothing is changed.
    """
    root = catalog.path.parent

    def work(batch: Batch) -> _Erased:
        create_touched(batch, key_ids, CHOSEN)
        refuse_active(batch, "erased")
        refuse_read(batch, "deleted")
        readers = [PartitionRef(*place).label for place in list_others_that_read(batch, CHOSEN)]
        files, adopted = touched_files(batch, CHOSEN)
        folders = [PartitionRef(*place).folder for place in touched_places(batch, CHOSEN)]
        texts = queries.key_texts(batch, key_ids).tolist()
        count = events.erase_partitions(batch, CHOSEN, event)
        removed = events.remove_keys(batch, set_id, texts)
        return _Erased(removed, count, files, folders, [str(find_place(path, root)) for path in adopted], readers)

    erased = catalog.write(work)
    # what is not named any more, as reports of runs and files of attempts that died, lies in the same folders
    store = LocalStore(root)
    left = [
        file.path for folder in erased.folders for top in ("data", "runs") for file in store.list(f"{top}/{folder}")
    ]
    removed = store.remove(*dict.fromkeys(sorted([*erased.files, *_without_adopted(left, erased.adopted, catalog)])))
    log.info("%s", _describe(erased, len(removed), event))
    return erased.keys


def _without_adopted(paths: Sequence[str], adopted: Sequence[str], catalog: Catalog) -> list[str]:
    root = catalog.path.parent
    return [path for path in paths if str(root / path) not in set(adopted)]


def _describe(erased: _Erased, files: int, event: VerbEvent) -> str:
    parts = [f"{event.verb} {len(erased.keys):,} keys, {erased.count:,} partitions with data, {files:,} files deleted"]
    if erased.adopted:
        parts.append(f"adopted files stay, delete them yourself: {_list_first(erased.adopted)}")
    if erased.readers:
        parts.append(f"stale, since they read it: {_list_first(erased.readers)}")
    return "; ".join(parts)


def _list_first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
