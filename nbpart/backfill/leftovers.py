"""Removing files of runs whose process died: specs, reports, half-written files, data files of no materialization.

Executed notebooks, logs and curves stay, for a person to read; a notebook is given its last outputs from the journal of
its run before. The rest is removed some time after the death was recorded, so that a kernel which outlived its process
for a moment writes no more.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection

from nbpart.catalog import Catalog, events
from nbpart.catalog.queries.erasing import adopted_inside
from nbpart.catalog.queries.prune import DeadRun, load_dead_runs
from nbpart.errors import NbpartError
from nbpart.partitions import PartitionRef
from nbpart.storage import Store, place_data, place_run

log = logging.getLogger("nbpart")

#: How long ago the death of a process must have been recorded before its files are removed, in seconds.
REMOVE_AFTER_S = 60.0
_KEPT_SUFFIXES = (".ipynb", ".log", ".curves")
_SPEC_SUFFIX = ".json.spec"


def remove_leftovers(catalog: Catalog, store: Store, remove_after_s: float = REMOVE_AFTER_S) -> int:
    """Remove the files of dead attempts that the catalog does not name. Returns how many files were removed.

    A file that cannot be removed is named in a warning, and not tried again.
    """
    numbers, runs = catalog.read(lambda batch: load_dead_runs(batch, remove_after_s))
    if not numbers:
        return 0
    adopted = catalog.read(adopted_inside)
    removed = 0
    for folder, prefixes in _find_places(runs).items():
        try:
            removed += _remove(store, folder, tuple(prefixes), adopted)
        except (OSError, NbpartError) as error:
            log.warning("what dead runs left in %s could not be removed: %s", folder, error)
    catalog.write(lambda batch: events.clean_coordinators(batch, numbers))
    return removed


def _find_places(runs: list[DeadRun]) -> dict[str, list[str]]:
    """The folders in which the runs wrote, relative to the workspace, each with the beginnings of their file names."""
    places: dict[str, list[str]] = defaultdict(list)
    for run in runs:
        stem = place_run(PartitionRef(run.asset, run.partition_key), run.run_id, 1).removesuffix("1")
        # a run of many is named after its first
        for one in (stem, f"{run.asset}/_bulk/{run.run_id}-many-"):
            for path in (place_data(one), f"runs/{one}"):
                folder, _, name = path.rpartition("/")
                places[folder].append(name)
    return places


def _remove(store: Store, folder: str, prefixes: tuple[str, ...], adopted: Collection[str]) -> int:
    paths = [file.path for file in store.list(folder, with_leftovers=True)]
    names = {path: path.removeprefix(f"{folder}/") for path in paths}
    for path in paths:
        if names[path].startswith(prefixes) and path.endswith(_SPEC_SUFFIX):
            _recover(store, path)
    left = [path for path in paths if names[path].startswith(prefixes) and not names[path].endswith(_KEPT_SUFFIXES)]
    return len(store.remove(*(path for path in left if path not in adopted)))


def _recover(store: Store, path: str) -> None:
    """Complete the notebook of a run by its journal, where it left one."""
    from nbpart.run.recovery import recover_notebook  # it needs papermill

    try:
        recover_notebook(store.local_path(path))
    except Exception as error:  # noqa: BLE001 - whatever a process left that was killed: it stays unread
        log.warning("the outputs of a run whose process died could not be added to its notebook (%s): %s", path, error)
