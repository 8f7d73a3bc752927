"""Inputs that a condition relates: what a plan and single results cost where 100,000 keys read among 1,000.

Run it with ``python -m benchmarks.condition_pairs [keys]``; it prints one JSON object a line. ``held_s`` is how long
the catalog was kept from others in all, ``longest_s`` at a time, ``seconds`` what a caller waits: medians of some
rounds.
"""

# ruff: noqa: S608  what is put into SQL is ids

from __future__ import annotations

import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import nbpart
from benchmarks import rounds
from benchmarks.catalog import NOW
from nbpart.catalog import Batch
from nbpart.catalog.lease import Lease

ROUNDS = rounds(5)
#: One by an equality and a range, and one that is asked of each pair.
CONDITIONS = (
    "upstream.site = this.site and upstream.level between this.level - 50 and this.level",
    "abs(upstream.site * 1000 + upstream.level - this.site * 1000 - this.level) < 25",
)
#: A thousand with those that are added: more could not be asked of each of a million.
INPUTS, SITES, LEVELS = 950, 20, 1_000


class Held:
    """The seconds for which this process kept the catalog to itself, each time."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._acquired, since = 0, {}
        acquire, release = Lease.acquire, Lease.release

        def timed_acquire(lease: Lease, *, exclusive: bool) -> None:
            self._acquired += 1
            acquire(lease, exclusive=exclusive)
            since[lease] = time.perf_counter()

        def timed_release(lease: Lease) -> None:
            release(lease)
            self.seconds.append(time.perf_counter() - since[lease])

        Lease.acquire, Lease.release = timed_acquire, timed_release  # type: ignore[method-assign]

    def measure(self, name: str, calls: Callable[[int], Callable[[], Any]], many: int = ROUNDS) -> dict[str, Any]:
        """Medians of so many calls; ``calls(n)`` prepares the n-th and is not timed."""
        taken, held, longest = [], [], []
        for n in range(many):
            call = calls(n)
            self._settle()
            began, first = time.perf_counter(), len(self.seconds)
            call()
            taken.append(time.perf_counter() - began)
            self._settle()
            held.append(sum(self.seconds[first:]))
            longest.append(max(self.seconds[first:], default=0.0))
        found = {"seconds": taken, "held_s": held, "longest_s": longest}
        return {"benchmark": name} | {one: round(statistics.median(all_), 4) for one, all_ in found.items()}

    def _settle(self) -> None:
        while len(self.seconds) < self._acquired:
            time.sleep(0.001)
        time.sleep(0.01)


def main(size: int = 100_000) -> None:
    """Print the measurements with ``size`` keys that read."""
    logging.getLogger("nbpart").setLevel(logging.ERROR)
    held = Held()
    for condition in CONDITIONS:
        with tempfile.TemporaryDirectory(prefix="nbpart-bench-") as folder, nbpart.open(Path(folder) / "ws") as ws:
            fill_sets(ws, size)
            for result in measure(held, ws, condition):
                print(json.dumps({"keys": size, "inputs": INPUTS, "condition": condition, **result}), flush=True)


def fill_sets(ws: nbpart.Workspace, size: int) -> None:
    """Add keys with random columns to two sets."""
    random = np.random.default_rng(0)
    for name, count in (("sheets", INPUTS), ("trials", size)):
        rows = {"site": random.integers(0, SITES, count), "level": random.integers(0, LEVELS, count)}
        frame = pd.DataFrame({"key": [f"{name}-{n}" for n in range(count)], **rows})
        ws.dynamic_partitions(name, columns={"site": int, "level": int}).add_rows(frame, key="key")


def measure(held: Held, ws: nbpart.Workspace, condition: str) -> Iterator[dict[str, Any]]:
    """What is asked while an asset reads by a condition, from its declaration on."""
    sheets = ws.dynamic_partitions("sheets")

    def declare() -> None:
        ws.asset(sheet, partitions=ws.partitions("sheets"))
        ws.asset(model, partitions=ws.partitions("trials"), deps={"sheet": nbpart.where(condition)})

    def add(key: str) -> None:
        sheets.add_rows([{"key": key, "site": 3, "level": 500}], key="key")

    def plan_after_adding(n: int) -> Callable[[], Any]:
        add(f"newer-{n}")
        return lambda: ws.plan("+model", status="all").reads

    yield held.measure("declared", lambda _: declare, 1)
    ws.project.catalog.write(lambda batch: make_all(batch, "sheet"))
    for name in ("first", "again"):
        yield held.measure(f"plan, {name}", lambda _: lambda: ws.plan("model").reads, 1)
    yield held.measure("plan of both", lambda _: lambda: ws.plan("+model", status="all").reads)
    yield held.measure("one reader recorded", lambda n: lambda: record(ws, "model", f"trials-{n}"))
    ws.project.catalog.write(lambda batch: make_all(batch, "model"))
    yield held.measure("one input recorded", lambda n: lambda: record(ws, "sheet", f"sheets-{n}"))
    yield held.measure("one input added", lambda n: lambda: add(f"new-{n}"))
    yield held.measure("plan of both after one was added", plan_after_adding)
    yield held.measure("why", lambda n: lambda: ws.why("model", f"trials-{n + 100}"))


def sheet(partition_key: str) -> int:
    return 1


def model(sheet: Any) -> int:
    return 1


def record(ws: nbpart.Workspace, asset: str, key: str) -> None:
    """Record a result of one partition, as a run by hand does."""
    nbpart.current_run(asset, partition_key=key, record=True, workspace=ws.root).log(score=time.time())


def make_all(batch: Batch, asset: str) -> None:
    """Put facts of all partitions of an asset that have none into the catalog, without what they read."""
    row = batch.row("SELECT asset_id, set_id, code_version FROM assets WHERE name = ?", asset)
    assert row is not None
    asset_id, set_id, code = row
    done = f"SELECT key_id FROM partition_facts WHERE asset_id = {asset_id}"
    count = batch.create_temp(
        "making", f"SELECT key_id FROM members WHERE set_id = {set_id} AND key_id NOT IN ({done})"
    )
    first = batch.take_ids("next_materialization_id", count)
    batch.execute(
        f"""INSERT INTO materializations BY NAME SELECT {first} + row_number() OVER () - 1 AS materialization_id,
            {asset_id} AS asset_id, key_id, ? AS code_version, 'v' AS data_version, 1::UBIGINT AS data_hash,
            ?::TIMESTAMPTZ AS materialized_at, 'run' AS kind, {batch.sequence} AS sequence FROM making""",
        *(code, NOW),
    )
    batch.execute(
        f"""INSERT INTO partition_facts SELECT asset_id, key_id, materialization_id, 1::UBIGINT, 1, 0, 0, NULL, 0
        FROM materializations WHERE asset_id = {asset_id} AND materialization_id >= {first}"""
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
