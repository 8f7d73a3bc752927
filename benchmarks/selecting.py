"""Conditions over the partitions of one asset: lease, attach and detach included.

Run it with ``python -m benchmarks.selecting [keys]``; it prints one JSON object a line. Nine in ten partitions were
made, one in ten of these is stale, and each has three metrics.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks import rounds
from nbpart.catalog import Batch, Catalog, events
from nbpart.catalog.conditions import choose_where
from nbpart.catalog.records import AssetRow
from nbpart.partitions import DynamicPartitions
from nbpart.partitions.filters import read_condition

ROUNDS = rounds(5)
#: The last but one keeps nine in ten; the last asks for metrics.
CONDITIONS = (
    "lr < 0.1 and depth = 3",
    "status = 'stale'",
    "duration_s > 5",
    "lr < 0.9",
    "status <> 'missing'",
    "accuracy > 0.5 and loss < 0.5",
)


def main(size: int = 1_000_000) -> None:
    """Print what each condition takes over ``size`` partitions."""
    with tempfile.TemporaryDirectory(prefix="nbpart-bench-") as folder:
        catalog = Catalog.open(Path(folder) / "catalog.duckdb")
        asset_id = catalog.write(lambda batch: fill(batch, size))
        for text in CONDITIONS:
            print(json.dumps(measure(catalog, asset_id, text) | {"keys": size}), flush=True)
        catalog.close()


def measure(catalog: Catalog, asset_id: int, text: str) -> dict[str, object]:
    """The median of some rounds of one condition, and how many partitions it chooses."""
    condition = read_condition(text)
    seconds, chosen = [], 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ids = catalog.read(lambda batch: choose_where(batch, asset_id, condition, "model").key_ids)
        seconds.append(time.perf_counter() - began)
        chosen = 0 if ids is None else len(ids)
    return {"benchmark": text, "median_s": round(statistics.median(seconds), 4), "chosen": chosen}


def fill(batch: Batch, size: int) -> int:
    """Record a set of that many trials and an asset over it with facts and metrics; returns the asset's id."""
    set_id = events.ensure_set(batch, DynamicPartitions("trials", params={"lr": float, "depth": int}))
    random = np.random.default_rng(0)
    values = pa.table({"lr": random.random(size), "depth": random.integers(2, 9, size)})
    events.add_keys(batch, set_id, [f"depth={n}" for n in range(size)], values)
    row = AssetRow("model", "function", set_id, "c", {})
    asset_id = events.register_assets(batch, [row])["model"].asset_id
    made = f"FROM members WHERE set_id = {set_id} AND key_id % 10 <> 0"
    batch.execute(
        "INSERT INTO materializations (materialization_id, asset_id, key_id, code_version, data_version, data_hash,"
        " materialized_at, duration_s, rows, bytes, sequence, kind)"
        f" SELECT key_id, {asset_id}, key_id, 'c', 'v', 1, $1, (key_id % 100) / 10.0, 10, 100, 1, 'run' {made}",
        batch.now,
    )
    batch.execute(
        "INSERT INTO partition_facts (asset_id, key_id, materialization_id, data_hash, outcome, stale, active, changed)"
        f" SELECT {asset_id}, key_id, key_id, 1, 1, (key_id % 10 = 1)::INTEGER, 0, 1 {made}"
    )
    for place, name in enumerate(("accuracy", "loss", "score")):
        batch.execute(
            "INSERT INTO metrics (materialization_id, name, number)"
            f" SELECT key_id, '{name}', ((key_id * {place + 7}) % 1000) / 1000.0 {made}"
        )
    return int(asset_id)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
