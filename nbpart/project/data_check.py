"""Comparing data files with what was recorded of them, and recording what is found."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.assets.selection import select
from nbpart.backfill.data_faults import assess_faults
from nbpart.catalog import Catalog, DataObservation, events, queries
from nbpart.errors import CatalogError, DeclarationError
from nbpart.project.project import Project
from nbpart.states import DataState
from nbpart.storage import FileFault, find_fault
from nbpart.storage.own_files import find_own

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: So many files are read at a time, and what was found of so many is recorded together.
_AT_ONCE, _TOGETHER = 4, 64


@dataclass(frozen=True, slots=True)
class SavedPart:
    """A file of a materialization as it was recorded; the main one has the name ''.

    `format` is None of an executed notebook that stands for the data of its run.
    """

    name: str
    format: str | None
    path: Path
    bytes: int | None
    data_version: str | None

    def find_fault(self, root: Path, hashed_up_to: float) -> FileFault | None:
        """What is wrong with it; what is not inside the workspace `root` is not opened."""
        try:
            find_own(root, str(self.path.relative_to(root)), "a materialization")
        except (CatalogError, ValueError):
            return FileFault.NOT_OURS
        return find_fault(self.path, self.format, self.bytes, self.data_version, hashed_up_to=hashed_up_to)


@dataclass(frozen=True, slots=True)
class DataFault:
    """A file that is not what was recorded."""

    asset: str
    partition_key: str | None
    file: str
    path: Path
    fault: FileFault


def check_data(
    project: Project, selection: Any, sample: int | float | None, progress: Callable[[int, int], object] | None
) -> pd.DataFrame:
    """What is wrong with the data files of the selected assets; see `Workspace.check_data`."""
    registry = project.registry()
    ids = [registry[name].asset_id for name in select(registry.graph, selection)]
    told = progress or (lambda done, total: None)
    return to_frame(check_files(project.catalog, project.root, ids, sample, random.Random(), told), project.root)


def check_files(
    catalog: Catalog,
    root: Path,
    asset_ids: Sequence[int],
    sample: int | float | None,
    choose: random.Random,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> list[DataFault]:
    """Look at every current file of some assets, record what is wrong, and tell it.

    ``sample`` bounds of how many files the content is read: a number of files, a fraction below 1, or None for all.
    Whether a file is there and its size is looked at always, and all of what was found wrong before. ``progress`` is
    called with the number of files that were looked at, and of all. Raises DeclarationError for another ``sample``.
    """
    files = catalog.read(lambda batch: queries.current_files(batch, asset_ids))
    is_hashed = _choose(files.num_rows, sample, choose)
    found: list[DataFault] = []
    done = 0
    threads = ThreadPoolExecutor(_AT_ONCE, "nbpart-check")
    try:
        for group in _in_groups(files, root, is_hashed):
            looks = list(threads.map(_look, group))
            seen = [look.seen for look in looks if look.seen is not None]
            if seen:
                catalog.write(partial(events.record_data_observations, seen=seen))
            found += [fault for look in looks for fault in look.faults]
            done += sum(len(one.parts) for one in group)
            progress(done, files.num_rows)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)  # after Ctrl-C nobody waits for what is being read
    return found


@dataclass(frozen=True, slots=True)
class _Data:
    """A materialization whose files are to be looked at, with how large a file may be whose content is compared."""

    asset: str
    partition_key: str | None
    materialization_id: int
    state: str
    parts: tuple[tuple[SavedPart, float], ...]
    root: Path


@dataclass(frozen=True, slots=True)
class _Looked:
    seen: DataObservation | None
    faults: list[DataFault]


def _look(data: _Data) -> _Looked:
    pairs = [(part, fault) for part, up_to in data.parts if (fault := part.find_fault(data.root, up_to)) is not None]
    is_notebook = any(part.format is None for part, _ in pairs)
    seen = assess_faults(data.materialization_id, {part.name: fault for part, fault in pairs}, is_notebook=is_notebook)
    if seen is None and not pairs and data.state != DataState.GOOD:
        seen = DataObservation(data.materialization_id, DataState.GOOD)
    return _Looked(seen, [DataFault(data.asset, data.partition_key, p.name, p.path, fault) for p, fault in pairs])


def _choose(n: int, sample: int | float | None, choose: random.Random) -> Callable[[int], bool]:
    """Whether the content of the file with a number is compared."""
    if sample is None:
        return lambda number: True
    if isinstance(sample, bool) or not (0 <= sample < 1 if isinstance(sample, float) else sample >= 0):
        raise DeclarationError(f"sample={sample!r} is neither a number of files nor a fraction below 1.")
    count = round(sample * n) if isinstance(sample, float) else sample
    chosen = frozenset(choose.sample(range(n), min(n, count)))
    return chosen.__contains__


def _in_groups(files: pa.Table, root: Path, is_hashed: Callable[[int], bool]) -> Iterator[list[_Data]]:
    group: list[_Data] = []
    for data in _by_materialization(files, root, is_hashed):
        group.append(data)
        if len(group) == _TOGETHER:
            yield group
            group = []
    if group:
        yield group


def _by_materialization(files: pa.Table, root: Path, is_hashed: Callable[[int], bool]) -> Iterator[_Data]:
    for _, rows in groupby(_rows(files), key=lambda row: row[1]["materialization_id"]):
        first: Mapping[str, Any] = {}
        parts = []
        for number, row in rows:
            first = first or row
            part = SavedPart(row["name"], row["format"], _place(root, row["path"]), row["bytes"], row["data_version"])
            compares = row["state"] != DataState.GOOD or is_hashed(number)
            parts.append((part, float("inf") if compares else -1.0))
        yield _Data(
            first["asset"], first["partition_key"], first["materialization_id"], first["state"], tuple(parts), root
        )


def _rows(files: pa.Table) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a table with their numbers, a piece at a time: a catalog may name a million files."""
    number = 0
    for piece in files.to_batches(max_chunksize=10_000):
        for row in piece.to_pylist():
            yield number, row
            number += 1


def _place(root: Path, path: str) -> Path:
    return Path(os.path.join(root, path))


def to_frame(found: Sequence[DataFault], root: Path) -> pd.DataFrame:
    """What `Workspace.check_data` returns."""
    import pandas as pd

    rows = [(f.asset, f.partition_key, f.file, str(f.fault), os.path.relpath(f.path, root)) for f in found]
    return pd.DataFrame(rows, columns=["asset", "partition_key", "file", "problem", "path"])
