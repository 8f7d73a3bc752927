"""One relation over the frames of many partitions, against DuckDB's own read_parquet over the same list of files.

Run it with ``python -m benchmarks.table [partitions]``; it prints one JSON object a line: medians in seconds, and
``ratio``, which is what nbpart takes divided by what plain DuckDB takes in the same process.
"""

# ruff: noqa: S608  the SQL is made of constants of this file

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import rounds
from nbpart.catalog.relations import AssetSnapshot, Relations

ROWS = 50
ROUNDS = rounds(5)


def main(partitions: int = 5_000) -> None:
    """Print the measurements over ``partitions`` files of 50 rows."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(Path(folder), partitions)
        for same_columns in (True, False):
            for record in measure(paths, same_columns=same_columns):
                print(json.dumps({"files": partitions, "same_columns": same_columns, **record}), flush=True)


def write_files(folder: Path, partitions: int) -> list[str]:
    """A frame for each partition, in a folder of its own as a workspace has them."""
    random = np.random.default_rng(0)
    paths = []
    for n in range(partitions):
        path = folder / f"data/frames/depth={n}/20260101T000000000-1.parquet"
        path.parent.mkdir(parents=True)
        texts = [f"text {i}" for i in range(ROWS)]
        pq.write_table(pa.table({"a": np.arange(ROWS), "b": random.random(ROWS), "text": texts}), path)
        paths.append(str(path))
    return paths


def measure(paths: list[str], *, same_columns: bool) -> Iterator[dict[str, Any]]:
    """Each query on both; ``same_columns`` is what the catalog knows of the files' schemas."""
    snapshot = make_snapshot(paths, same_columns=same_columns)
    relations = Relations()
    plain = duckdb.connect()
    union = "" if same_columns else ", union_by_name = true"
    one = f"depth={len(paths) // 2}"
    source = f"read_parquet(?{union}, filename = true, hive_partitioning = false)"
    queries = {
        "count": ("SELECT count(*) FROM frames", f"SELECT count(*) FROM {source}"),
        "sums": ("SELECT sum(a), sum(b) FROM frames", f"SELECT sum(a), sum(b) FROM {source}"),
        "group by key": (
            "SELECT partition_key, sum(b) FROM frames GROUP BY 1",
            f"SELECT filename, sum(b) FROM {source} GROUP BY 1",
        ),
        "one key": (
            f"SELECT sum(b) FROM frames WHERE partition_key = '{one}'",
            f"SELECT sum(b) FROM {source} WHERE filename LIKE '%/{one}/%'",
        ),
    }
    for name, (ours, theirs) in queries.items():
        own = median(lambda ours=ours: relations.sql(ours, lambda _: {"frames": snapshot}).fetchall())  # type: ignore[misc]
        base = median(lambda theirs=theirs: plain.execute(theirs, [paths]).fetchall())  # type: ignore[misc]
        yield {"query": name, "nbpart_s": round(own, 4), "duckdb_s": round(base, 4), "ratio": round(own / base, 2)}
    build = median(lambda: relations.table(snapshot))
    yield {"query": "build the relation only", "nbpart_s": round(build, 4)}


def make_snapshot(paths: list[str], *, same_columns: bool) -> AssetSnapshot:
    """What the catalog would give for these files."""
    n = len(paths)
    columns = {
        "partition_key": [f"depth={i}" for i in range(n)],
        "path": paths,
        "format": ["frame"] * n,
        "schema": pa.array(["same" if same_columns else None] * n, pa.string()),
        "param_0": np.arange(n),
    }
    return AssetSnapshot("frames", True, ("depth",), (), pa.table(columns))


def median(action: Callable[[], Any]) -> float:
    """Median seconds of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
