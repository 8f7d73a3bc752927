"""The catalog at a million keys, each figure against a plain way to do the same in the same process.

Run it with ``python -m benchmarks.catalog [keys]``; it prints one JSON object a line. Seconds are medians, as a caller
waits for them; ``held_s`` is how long other processes are kept out. ``ratio`` is what nbpart takes divided by what the
plain way takes: SQLite with a primary key for keys, a statement for each row for outcomes, pandas for reading.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from benchmarks import rounds
from nbpart.assets.definition import Input
from nbpart.catalog import AssetRow, Batch, Catalog, InputRead, Outcome, events, queries
from nbpart.partitions import DynamicPartitions, PartitionRef
from nbpart.partitions.mapping import Same
from nbpart.run import RunReport
from nbpart.states import RunStatus
from nbpart.storage import FileRecord, place_run

ROUNDS = rounds(7)
BATCH = 1_000
BATCHES = 10
ASSETS = 10
HASH = int("ab" * 8, 16)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Meter:
    """Times calls of one catalog, and the lease behind them."""

    def __init__(self, catalog: Catalog) -> None:
        time.sleep(0.1)  # the last turn of opening is over
        self.catalog = catalog
        self._acquired = 0
        self._held: list[float] = []
        lease, since = catalog._lease, [0.0]
        acquire, release = lease.acquire, lease.release

        def timed_acquire(*, exclusive: bool) -> None:
            self._acquired += 1
            acquire(exclusive=exclusive)
            since[0] = time.perf_counter()

        def timed_release() -> None:
            release()
            self._held.append(time.perf_counter() - since[0])

        lease.acquire, lease.release = timed_acquire, timed_release  # type: ignore[method-assign]

    def measure(self, calls: Callable[[int], Callable[[], Any]], rounds: int = ROUNDS) -> dict[str, float]:
        """Medians of ``rounds`` calls; ``calls(n)`` prepares the n-th and is not timed."""
        taken, held = [], []
        for n in range(rounds):
            call = calls(n)
            self.settle()
            taken.append(take(call))
            self.settle()
            held.append(self._held[-1])
        return {"seconds": statistics.median(taken), "held_s": statistics.median(held)}

    def settle(self) -> None:
        """Wait until the lease of the last call is let go of: the caller has its result before."""
        while len(self._held) < self._acquired:
            time.sleep(0.001)
        time.sleep(0.005)


def main(size: int = 1_000_000) -> None:
    """Print the measurements with ``size`` keys."""
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog.open(Path(folder) / "catalog.duckdb")
        meter = Meter(catalog)
        set_id = catalog.write(lambda b: events.ensure_set(b, DynamicPartitions("files")))
        for part in (
            measure_keys(meter, set_id, Path(folder) / "plain.sqlite", size),
            measure_turns(meter),
            measure_outcomes(meter, set_id, size),
            measure_reading(meter, set_id, size),
        ):
            for record in part:
                rounded = {name: float(f"{value:.4g}") for name, value in record.items() if isinstance(value, float)}
                print(json.dumps({"keys": size, **record, **rounded}), flush=True)
        catalog.close()


def measure_keys(meter: Meter, set_id: int, sqlite: Path, size: int) -> Iterator[dict[str, Any]]:
    """Adding keys and asking for them."""
    catalog = meter.catalog
    plain = sqlite3.connect(sqlite)
    plain.execute("CREATE TABLE keys (key TEXT PRIMARY KEY, position INTEGER)")
    insert = "INSERT OR IGNORE INTO keys VALUES (?, ?)"

    def add_plainly(keys: list[str]) -> None:
        with plain:
            plain.executemany(insert, ((key, n) for n, key in enumerate(keys)))

    def add(keys: list[str]) -> Callable[[], Any]:
        return lambda: catalog.write(lambda b: events.add_keys(b, set_id, keys))

    for n in (10_000, size):
        keys = [f"{n}/file-{i:07d}.csv" for i in range(n)]
        ours = meter.measure(lambda _, keys=keys: add(keys), rounds=1)
        yield compare(f"add {n} keys", ours, take(lambda keys=keys: add_plainly(keys)))
    ours = meter.measure(lambda n: add([f"more-{n}"]))
    yield compare("add one more key", ours, middle(lambda n: add_plainly([f"more-{n}"])))
    one = [f"{size}/file-{size // 2:07d}.csv"]
    many = [f"{size}/file-{i * 7 % size:07d}.csv" for i in range(10_000)]
    for wanted in (one, many):
        ours = meter.measure(lambda _, w=wanted: lambda: catalog.read(lambda b: queries.contains(b, set_id, w)))
        query = "SELECT 1 FROM keys WHERE key = ?"
        theirs = middle(lambda _, w=wanted, q=query: [plain.execute(q, (key,)).fetchone() for key in w])
        yield compare(f"contains {len(wanted)}", ours, theirs)


def measure_turns(meter: Meter) -> Iterator[dict[str, Any]]:
    """A turn at the catalog that does next to nothing, against connecting to the file for it."""
    catalog = meter.catalog
    query = "SELECT count(*) FROM partition_sets"
    touch = "UPDATE partition_sets SET version = version + 1"

    meter.settle()
    copy = shutil.copyfile(catalog.path, catalog.path.with_name("copy.duckdb"))

    def connect(sql: str) -> None:
        with duckdb.connect(str(copy)) as connection:
            connection.execute(sql).fetchall()

    reading = meter.measure(lambda _: lambda: catalog.read(lambda b: b.value(query)))
    yield compare("read turn", reading, middle(lambda _: connect(query)))
    writing = meter.measure(lambda _: lambda: catalog.write(lambda b: b.execute(touch)))
    yield compare("write turn", writing, middle(lambda _: connect(touch)))


def measure_outcomes(meter: Meter, set_id: int, size: int) -> Iterator[dict[str, Any]]:
    """Claiming, starting and recording runs in batches, with the facts of a whole source beside them."""
    catalog = meter.catalog
    rows = [
        AssetRow("inbox", "source", set_id, None, {}),
        AssetRow("clean", "function", set_id, "c1", {}, [Input("inbox", Same())]),
        AssetRow("report", "function", set_id, "c1", {}, [Input("clean", Same())]),
    ]
    ids = {name: one.asset_id for name, one in catalog.write(lambda b: events.register_assets(b, rows)).items()}
    seen = pd.DataFrame({"key_id": np.arange(1, size + 1), "size": 1, "proof": "1", "version": "ab" * 32})
    observed = meter.measure(
        lambda _: lambda: catalog.write(lambda b: events.record_observations(b, ids["inbox"], seen)), rounds=1
    )
    yield {"benchmark": f"observe {size} files", **observed}
    number = catalog.write(lambda b: events.start_coordinator(b, "here", 1, "lock", ""))
    picked = np.random.default_rng(0).permutation(size)[: BATCH * BATCHES] + 1
    chunks = np.split(picked, BATCHES)
    claimed: list[pd.DataFrame] = []

    def claim(n: int) -> Callable[[], Any]:
        frame = pd.DataFrame({"backfill_no": None, "step_no": 0, "asset_id": ids["clean"], "key_id": chunks[n]})
        frame = frame.assign(code_version="c1", settings=None)
        return lambda: claimed.append(catalog.write(lambda b: events.claim_runs(b, frame, number)))

    def start(n: int) -> Callable[[], Any]:
        frame = claimed[n][["run_no"]].assign(attempt=1, started_at=NOW, notebook="a.ipynb", log="a.log")
        return lambda: catalog.write(lambda b: events.start_attempts(b, frame))

    def end(n: int) -> Callable[[], Any]:
        texts = catalog.read(lambda b: queries.key_texts(b, chunks[n]))
        rows = zip(claimed[n]["run_no"], claimed[n]["run_id"], texts, chunks[n], strict=True)
        outcomes = [
            make_outcome(int(run_no), place_run(PartitionRef("clean", key), run_id, 1), ids["inbox"], int(key_id))
            for run_no, run_id, key, key_id in rows
        ]
        return lambda: catalog.write(lambda b: events.record_outcomes(b, outcomes))

    naive = time_row_by_row(200)
    for name, calls in (("claim", claim), ("start", start), ("record the outcome of", end)):
        taken = meter.measure(calls, rounds=BATCHES)
        each = {f"{key}_each": value / BATCH for key, value in taken.items()}
        ratio = {"row_by_row_s_each": naive, "ratio": taken["seconds"] / BATCH / naive} if calls is end else {}
        yield {"benchmark": f"{name} {BATCH} runs", **taken, **each, **ratio}


def make_outcome(run_no: int, place: str, input_id: int, key_id: int) -> Outcome:
    """A success with one file, one metric and one input."""
    path, version = f"data/{place}.parquet", f"{run_no:064x}"
    file = FileRecord("", "frame", "parquet", path, rows=1, bytes=2, data_version=version)
    now = datetime.now(UTC)
    report = RunReport(
        run_no=run_no,
        run_id=str(run_no),
        attempt=1,
        status=RunStatus.SUCCEEDED,
        started_at=now,
        finished_at=now,
        duration_s=0.1,
        files=(file,),
        metrics={"accuracy": 0.5},
    )
    return Outcome(report, final=True, inputs=[InputRead(input_id, "inbox", key_id, 1, HASH)])


def time_row_by_row(n: int) -> float:
    """Seconds an outcome where each row is a statement of its own, in one transaction on a file that stays open."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(f"{folder}/plain.duckdb") as connection:
        tables = ("outcomes", "materializations", "data_files", "inputs", "metrics")
        inserts = [f"INSERT INTO {table} VALUES (?, ?, ?, ?)" for table in tables]  # noqa: S608
        for table in tables:
            connection.execute(f"CREATE TABLE {table} (run_no BIGINT, ended_at TIMESTAMPTZ, text VARCHAR, n DOUBLE)")
        connection.execute("CREATE TABLE facts (key_id BIGINT PRIMARY KEY, run_no BIGINT, outcome UTINYINT)")
        now = datetime.now(UTC)

        def record() -> None:
            connection.execute("BEGIN")
            for run_no in range(n):
                for insert in inserts:
                    connection.execute(insert, [run_no, now, "text", 0.5])
                connection.execute(
                    "INSERT INTO facts VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET run_no = excluded.run_no",
                    [run_no, run_no],
                )
            connection.execute("COMMIT")

        return take(record) / n


def measure_reading(meter: Meter, set_id: int, size: int) -> Iterator[dict[str, Any]]:
    """Statuses of ten assets of which every partition was touched."""
    catalog = meter.catalog
    rows = [AssetRow(f"asset_{n}", "function", set_id, "c1", {}) for n in range(ASSETS)]
    ids = [one.asset_id for one in catalog.write(lambda b: events.register_assets(b, rows)).values()]
    catalog.write(lambda b: fill_facts(b, ids, set_id))
    facts = catalog.read(lambda b: b.frame("SELECT * FROM partition_facts"))
    members = catalog.read(
        lambda b: b.frame("SELECT key_id, key FROM members AS m JOIN keys USING (key_id) WHERE m.set_id = ?", set_id)
    )
    ours = meter.measure(lambda _: lambda: catalog.read(queries.status_counts))
    plain = middle(lambda _: facts.groupby(["asset_id", "active", "outcome", "stale"]).size())
    yield compare(f"status counts, {ASSETS} assets", ours, plain)
    one = facts[facts["asset_id"] == ids[0]]
    ours = meter.measure(lambda _: lambda: catalog.read(lambda b: queries.plan_facts(b, [ids[0]])))
    yield compare("plan facts of one asset", ours, middle(lambda _: members.merge(one, on="key_id", how="left")))


def fill_facts(batch: Batch, asset_ids: list[int], set_id: int) -> None:
    """Facts of every member of the set: one in ten failed, one in ten stale."""
    for asset_id in asset_ids:
        batch.execute(
            """INSERT INTO partition_facts SELECT ?, key_id, key_id, key_id,
            CASE WHEN key_id % 10 = 0 THEN 2 ELSE 1 END,
            CASE WHEN key_id % 10 = 1 THEN 1 ELSE 0 END, 0, NULL, ? FROM members WHERE set_id = ?""",
            asset_id,
            batch.sequence,
            set_id,
        )


def compare(name: str, ours: dict[str, float], plain_s: float) -> dict[str, Any]:
    return {"benchmark": name, **ours, "plain_s": plain_s, "ratio": ours["seconds"] / plain_s}


def middle(call: Callable[[int], Any]) -> float:
    return statistics.median(take(lambda n=n: call(n)) for n in range(ROUNDS))


def take(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
