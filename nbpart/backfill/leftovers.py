"""What the attempts of a dead process left: specs, unfinished results, half written files, data that nothing names.

Executed notebooks and logs stay, since a person wants to look at them. The rest goes a while after the death was
recorded, when a kernel that was still dying writes no more.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from pathlib import Path

from nbpart.catalog import Catalog, events
from nbpart.catalog.queries.prune import DeadRun, load_dead_runs
from nbpart.errors import NbpartError
from nbpart.partitions import PartitionRef
from nbpart.storage import place_run
from nbpart.storage.own_files import find_own, open_own_folder

log = logging.getLogger("nbpart")

#: Files of a process whose death was recorded so long ago are written to no more, in seconds.
GONE_AFTER_S = 60.0
_KEPT = (".ipynb", ".log")


def remove_leftovers(catalog: Catalog, root: Path, gone_after_s: float = GONE_AFTER_S) -> int:
    """Remove what dead attempts left, where nothing names it; how many files. What cannot be removed is told."""
    numbers, runs = catalog.read(lambda batch: load_dead_runs(batch, gone_after_s))
    if not numbers:
        return 0
    removed = 0
    for folder, prefixes in _find_places(runs).items():
        try:
            removed += _remove(find_own(root, folder, "a run that died"), tuple(prefixes))
        except (OSError, NbpartError) as error:
            log.warning("what dead runs left in %s could not be removed: %s", folder, error)
    catalog.write(lambda batch: events.clean_coordinators(batch, numbers))
    return removed


def _find_places(runs: list[DeadRun]) -> dict[str, list[str]]:
    """The folders, relative to the workspace, with what the names of left files begin with."""
    places: dict[str, list[str]] = defaultdict(list)
    for run in runs:
        folder, _, name = place_run(PartitionRef(run.asset, run.partition_key), run.run_id, 1).rpartition("/")
        for top in ("data", "runs"):
            places[f"{top}/{folder}"].append(f"{name.removesuffix('1')}")
            # a run of many is named after its first
            places[f"{top}/{run.asset}/_bulk"].append(f"{run.run_id}-many-")
    return places


def _remove(folder: Path, prefixes: tuple[str, ...]) -> int:
    try:
        handle = open_own_folder(folder)
    except FileNotFoundError:
        return 0
    removed = 0
    try:
        for name in os.listdir(handle):
            if name.startswith(prefixes) and not name.endswith(_KEPT):
                try:
                    os.unlink(name, dir_fd=handle)
                    removed += 1
                except (FileNotFoundError, IsADirectoryError):
                    continue
    finally:
        os.close(handle)
    return removed
