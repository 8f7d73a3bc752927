"""Comparing data files with what was recorded of them, and recording what is found."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from nbpart.assets.selection import select
from nbpart.backfill.data_faults import assess_faults
from nbpart.catalog import Catalog, DataObservation, events, queries
from nbpart.errors import DeclarationError
from nbpart.project.project import Project
from nbpart.states import DataState
from nbpart.storage import FileFault, Store, find_fault

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: How many materializations are inspected at a time, and for how many the findings are recorded in one transaction.
_THREADS, _BATCH_SIZE = 4, 64


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """A file of a materialization as it was recorded; the main one has the name "".

    ``format`` is None for an executed notebook that is the data of its run.
    """

    name: str
    format: str | None
    path: str
    bytes: int | None
    data_version: str | None

    def find_fault(self, store: Store, hashed_up_to: float) -> FileFault | None:
        """What is wrong with it, None where nothing is; content is compared up to ``hashed_up_to`` bytes.

        A file outside of the workspace is not opened.
        """
        return find_fault(store, self.path, self.format, self.bytes, self.data_version, hashed_up_to=hashed_up_to)


@dataclass(frozen=True, slots=True)
class DataFault:
    """A data file that differs from what was recorded; ``file`` is the name of an extra file, "" for the main one."""

    asset: str
    partition_key: str | None
    file: str
    path: str
    fault: FileFault


def check_data(
    project: Project, selection: Any, sample: int | float | None, progress: Callable[[int, int], object] | None
) -> pd.DataFrame:
    """What is wrong with the data files of the selected assets; see `Workspace.check_data`."""
    registry = project.registry()
    ids = [registry[name].asset_id for name in select(registry.graph, selection)]
    report = progress or (lambda done, total: None)
    return tabulate_faults(check_files(project.catalog, project.store, ids, sample, random.Random(), report))


def check_files(
    catalog: Catalog,
    store: Store,
    asset_ids: Sequence[int],
    sample: int | float | None,
    choose: random.Random,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> list[DataFault]:
    """Compare the current data files of some assets with what was recorded; record and return the faults.

    ``sample`` limits how many files are read whole, drawn by ``choose``: a number of files, a fraction below 1, or None
    for all. Existence and size of every file are checked, and files that had a fault before are always read.
    ``progress`` is called with the number of files checked so far and of all. Raises `DeclarationError` for any other
    ``sample``.
    """
    files = catalog.read(lambda batch: queries.current_files(batch, asset_ids))
    is_hashed = _draw_sample(files.num_rows, sample, choose)
    found: list[DataFault] = []
    done = 0
    threads = ThreadPoolExecutor(_THREADS, "nbpart-check")
    try:
        for group in _in_batches(files, is_hashed):
            inspected = list(threads.map(partial(_inspect, store), group))
            seen = [each.seen for each in inspected if each.seen is not None]
            if seen:
                catalog.write(partial(events.record_data_observations, observations=seen))
            found += [fault for each in inspected for fault in each.faults]
            done += sum(len(one.parts) for one in group)
            progress(done, files.num_rows)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)  # after Ctrl-C nobody waits for what is being read
    return found


@dataclass(frozen=True, slots=True)
class _Materialization:
    """A materialization to inspect: each of its files, with the size in bytes up to which its content is compared."""

    asset: str
    partition_key: str | None
    materialization_id: int
    state: str
    parts: tuple[tuple[RecordedFile, float], ...]


@dataclass(frozen=True, slots=True)
class _Inspected:
    """What was found of one materialization: the state to record, None where it is unchanged, and its faults."""

    seen: DataObservation | None
    faults: list[DataFault]


def _inspect(store: Store, data: _Materialization) -> _Inspected:
    pairs = [(part, fault) for part, up_to in data.parts if (fault := part.find_fault(store, up_to)) is not None]
    is_notebook = any(part.format is None for part, _ in pairs)
    seen = assess_faults(data.materialization_id, {part.name: fault for part, fault in pairs}, is_notebook=is_notebook)
    if seen is None and not pairs and data.state != DataState.GOOD:
        seen = DataObservation(data.materialization_id, DataState.GOOD)
    return _Inspected(seen, [DataFault(data.asset, data.partition_key, p.name, p.path, fault) for p, fault in pairs])


def _draw_sample(n: int, sample: int | float | None, choose: random.Random) -> Callable[[int], bool]:
    """A function that says whether the content of file number 0 to ``n - 1`` is compared."""
    if sample is None:
        return lambda number: True
    if isinstance(sample, bool) or not (0 <= sample < 1 if isinstance(sample, float) else sample >= 0):
        raise DeclarationError(f"sample={sample!r} is neither a number of files nor a fraction below 1.")
    count = round(sample * n) if isinstance(sample, float) else sample
    chosen = frozenset(choose.sample(range(n), min(n, count)))
    return chosen.__contains__


def _in_batches(files: pa.Table, is_hashed: Callable[[int], bool]) -> Iterator[list[_Materialization]]:
    group: list[_Materialization] = []
    for data in _by_materialization(files, is_hashed):
        group.append(data)
        if len(group) == _BATCH_SIZE:
            yield group
            group = []
    if group:
        yield group


def _by_materialization(files: pa.Table, is_hashed: Callable[[int], bool]) -> Iterator[_Materialization]:
    for _, rows in groupby(_rows(files), key=lambda row: row[1]["materialization_id"]):
        first: Mapping[str, Any] = {}
        parts = []
        for number, row in rows:
            first = first or row
            part = RecordedFile(row["name"], row["format"], row["path"], row["bytes"], row["data_version"])
            compares = row["state"] != DataState.GOOD or is_hashed(number)
            parts.append((part, float("inf") if compares else -1.0))
        yield _Materialization(
            first["asset"], first["partition_key"], first["materialization_id"], first["state"], tuple(parts)
        )


def _rows(files: pa.Table) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a table with their numbers, a piece at a time: a catalog may name a million files."""
    number = 0
    for piece in files.to_batches(max_chunksize=10_000):
        for row in piece.to_pylist():
            yield number, row
            number += 1


def tabulate_faults(found: Sequence[DataFault]) -> pd.DataFrame:
    """The frame that `Workspace.check_data` returns: ``asset, partition_key, file, problem, path``, a fault a row."""
    import pandas as pd

    rows = [(f.asset, f.partition_key, f.file, str(f.fault), f.path) for f in found]
    return pd.DataFrame(rows, columns=["asset", "partition_key", "file", "problem", "path"])
