"""What `benchmarks.partitions` measures, by Dagster: run by it in an environment that has Dagster and not nbpart.

Arguments: the first day, the day after the last, their time zone, and the side of a product. It prints one JSON object
a line.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

ROUNDS = 3


def main(start: str, end: str, zone: str, side: int) -> None:
    warnings.simplefilter("ignore")  # of what is in beta there
    dagster: Any = importlib.import_module("dagster")
    print_record(dagster, f"hours from {start} to {end} made and listed", lambda: make_hours(dagster, start, end, zone))
    axes = {
        name: dagster.StaticPartitionsDefinition([f"{name} {n}" for n in range(side)]) for name in ("day", "origin")
    }
    grid = dagster.MultiPartitionsDefinition(axes)
    print_record(dagster, f"a product of {side} x {side} made and listed", lambda: list_grid(dagster, axes))
    mapping = dagster.MultiToSingleDimensionPartitionMapping("origin")
    subset = axes["origin"].subset_with_all_partitions()
    print_record(
        dagster,
        f"origins read a product of {side} x {side}",
        lambda: mapping.get_upstream_mapped_partitions_result_for_partitions(subset, axes["origin"], grid),
    )


def make_hours(dagster: Any, start: str, end: str, zone: str) -> object:
    hours = dagster.HourlyPartitionsDefinition(start_date=f"{start}-00:00", end_date=f"{end}-00:00", timezone=zone)
    return hours.get_partition_keys()


def list_grid(dagster: Any, axes: dict[str, Any]) -> object:
    return dagster.MultiPartitionsDefinition(axes).get_partition_keys()


def print_record(dagster: Any, benchmark: str, work: Callable[[], object]) -> None:
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    record = {
        "part": "dagster",
        "version": dagster.__version__,
        "benchmark": benchmark,
        "seconds": float(f"{min(seconds):.3g}"),
        "median_s": float(f"{statistics.median(seconds):.3g}"),
    }
    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
