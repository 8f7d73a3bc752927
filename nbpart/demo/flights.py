"""Flights from New York: a CSV a day lands in inbox/, and four assets are made from each.

    inbox -> files_metadata -> processed_files -> compressed_files
                                               -> daily_report (a notebook)

Run from the folder of this file:

    import flights, nbpart
    ws = nbpart.open(".")
    ws.register(*flights.everything)
"""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path
from typing import Any

import pandas as pd

import nbpart

files = nbpart.DynamicPartitions("files")
inbox = nbpart.source("inbox", "inbox/{partition_key}", partitions=files)


@nbpart.asset(partitions=files)
def files_metadata(inbox: str, partition_key: str) -> dict[str, Any]:
    """The day, the size, the shape and the hash of the file that arrived."""
    content = Path(inbox).read_bytes()
    header = content.splitlines()[0]
    return {
        "day": partition_key.removesuffix(".csv"),
        "bytes": len(content),
        "lines": len(content.splitlines()),
        "columns": header.count(b",") + 1,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


@nbpart.asset(partitions=files)
def processed_files(inbox: str, files_metadata: dict[str, Any]) -> pd.DataFrame:
    """The flights of the day, with a real time of departure and whether they were cancelled."""
    last_row = Path(inbox).read_text().splitlines()[-1]
    found, expected = last_row.count(",") + 1, files_metadata["columns"]
    if found != expected:
        raise ValueError(
            f"{Path(inbox).name} breaks off in line {files_metadata['lines']}: "
            f"{found} of {expected} columns. Ask for the file again."
        )
    flights = pd.read_csv(inbox, parse_dates=["date"])
    clock = flights.pop("sched_dep_time")
    flights["scheduled_at"] = flights.pop("date") + pd.to_timedelta(clock // 100 * 60 + clock % 100, unit="min")
    flights["cancelled"] = flights["dep_time"].isna()
    return flights


@nbpart.asset(partitions=files)
def compressed_files(processed_files: pd.DataFrame) -> bytes:
    """The cleaned day as a gzipped CSV, to hand on."""
    return gzip.compress(processed_files.to_csv(index=False).encode(), mtime=0)


daily_report = nbpart.notebook("daily_report.ipynb", partitions=files, deps=["processed_files"])


@nbpart.sensor(every="30s")
def inbox_sensor(context: Any) -> nbpart.SensorResult:
    """Adds a partition for each file that is new in inbox/."""
    new = [name for name in sorted(os.listdir("inbox")) if name not in context.partitions("files")]
    return nbpart.SensorResult(dynamic_partitions_requests=[files.build_add_request(new)])


everything = (inbox, files_metadata, processed_files, compressed_files, daily_report, inbox_sensor)
