"""Staleness at a million keys: what one change above or below them costs.

Run it with ``python -m benchmarks.staleness [keys]``; it prints one JSON object a line. Seconds are medians, as a
caller waits for them: the lease, the commit and the detach are in them. Facts, materializations and inputs of 10 assets
are put into the catalog at once; what is measured then goes the usual way.
"""

# ruff: noqa: S608  the SQL is made of what this file makes

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import nbpart
from benchmarks import rounds
from benchmarks.catalog import NOW, Meter, take
from nbpart.assets.definition import AssetDefinition, Input
from nbpart.catalog import AssetRow, Batch, Catalog, InputRead, Outcome, events, queries
from nbpart.catalog.expressions import data_hash_sql
from nbpart.catalog.ledgers import load_ledger
from nbpart.partitions import DynamicPartitions, PartitionRef, StaticPartitions
from nbpart.partitions.mapping import AllKeys, Mapping, Same
from nbpart.run import RunReport
from nbpart.states import RunStatus
from nbpart.storage import FileRecord, place_run

ASSETS = 10
ROUNDS = rounds(5)
#: How many results are recorded at once.
BATCHES = (1, 16, 64)
GROUPS = 10


class Chain:
    """Assets of one set that read each other key to key, all made; ``middle`` is how the one in the middle reads.

    Its keys are in so many groups by the column ``batch``.
    """

    def __init__(self, folder: Path, size: int, middle: Mapping, *, assets: int = ASSETS, groups: int = 1) -> None:
        self.folder, self.size = folder, size
        self.catalog = Catalog.open(folder / "catalog.duckdb")
        self.meter = Meter(self.catalog)
        self.names = [f"asset_{place}" for place in range(assets)]
        self.mappings = [middle if place == assets // 2 else Same() for place in range(assets)]
        files = DynamicPartitions("files", columns={"batch": str})
        set_id = self.catalog.write(lambda b: events.ensure_set(b, files))
        keys = [f"file-{n:07d}" for n in range(size)]
        columns = pa.table({"batch": [f"batch-{n % groups}" for n in range(size)]})
        self.catalog.write(lambda b: events.add_keys(b, set_id, keys, columns))
        self.set_id, self.keys = set_id, keys
        self.ids = [self.register(place, "c1") for place in range(assets)]
        self.number = self.catalog.write(lambda b: events.start_coordinator(b, "here", 1, "lock", ""))
        self.catalog.write(self._fill)

    def register(self, place: int, code: str) -> int:
        inputs = (Input(self.names[place - 1], self.mappings[place]),) if place else ()
        definition = AssetDefinition(self.names[place], "function", "files", inputs, code)
        stored = definition.to_json(self.folder)
        row = AssetRow(definition.name, "function", self.set_id, code, stored, inputs)
        return self.catalog.write(lambda b: events.register_assets(b, [row]))[definition.name].asset_id

    def _fill(self, batch: Batch) -> None:
        """Materializations of all, with what they read, in random order."""
        content = "md5('made ' || k.key_id)"
        version = f"{content} AS data_version, {data_hash_sql(content)}"
        for place, asset_id in enumerate(self.ids):
            first = batch.take_ids("next_materialization_id", self.size)
            batch.create_temp(
                "filled",
                f"""SELECT {first} + row_number() OVER (ORDER BY hash(k.key_id, {place})) - 1 AS id, k.key_id, {version}
                    AS data_hash FROM keys AS k WHERE k.set_id = {self.set_id} ORDER BY id""",
            )
            batch.execute(
                f"""INSERT INTO materializations BY NAME
                SELECT id AS materialization_id, {asset_id} AS asset_id, key_id, 'c1' AS code_version,
                    data_version, data_hash, ?::TIMESTAMPTZ AS materialized_at, 'run' AS kind,
                    {batch.sequence} AS sequence FROM filled""",
                NOW,
            )
            batch.execute(
                f"INSERT INTO partition_facts SELECT {asset_id}, key_id, id, data_hash, 0, 0, 0, NULL, 0 FROM filled"
            )
            if place:
                whole = self.mappings[place] == AllKeys()
                ledger = load_ledger(batch, self.ids[place - 1]) if whole else None
                read = f"NULL, {self.size}, {ledger.data_hash}, 1" if ledger else "key_id, 1, data_hash, NULL"
                argument = self.names[place - 1]
                batch.execute(
                    f"INSERT INTO inputs SELECT id, {self.ids[place - 1]}, {read}, '{argument}', NULL, NULL FROM filled"
                )

    def claim(self, place: int, numbers: Sequence[int]) -> list[Outcome]:
        """Outcomes, ready to be recorded, of runs that come out with other data."""
        key_ids = self.catalog.read(lambda b: queries.key_ids(b, self.set_id, [self.keys[n] for n in numbers]))
        frame = pd.DataFrame({"backfill_no": None, "step_no": 0, "asset_id": self.ids[place], "key_id": key_ids})
        frame = frame.assign(code_version="c1", settings=None)
        claimed = self.catalog.write(lambda b: events.claim_runs(b, frame, self.number))
        attempts = claimed[["run_no"]].assign(attempt=1, started_at=NOW, notebook="a.ipynb", log="a.log")
        self.catalog.write(lambda b: events.start_attempts(b, attempts))
        texts = [self.keys[n] for n in numbers]
        rows = zip(claimed["run_no"], claimed["run_id"], texts, key_ids, strict=True)
        return [self._succeed(place, int(run_no), run_id, key, int(key_id)) for run_no, run_id, key, key_id in rows]

    def _succeed(self, place: int, run_no: int, run_id: str, key: str, key_id: int) -> Outcome:
        path = f"data/{place_run(PartitionRef(self.names[place], key), run_id, 1)}.parquet"
        version = sha256(str(run_no).encode()).hexdigest()
        file = FileRecord("", "frame", "parquet", path, rows=1, bytes=2, data_version=version)
        report = RunReport(
            run_no=run_no,
            run_id=run_id,
            attempt=1,
            status=RunStatus.SUCCEEDED,
            started_at=NOW,
            finished_at=NOW,
            duration_s=0.1,
            files=(file,),
        )
        reads: list[InputRead] = []
        if place:
            facts = "SELECT data_hash FROM partition_facts WHERE asset_id = ? AND key_id = ?"
            read = self.catalog.read(lambda b: b.value(facts, self.ids[place - 1], key_id))
            reads = [InputRead(self.ids[place - 1], self.names[place - 1], key_id, 1, read)]
        return Outcome(report, True, reads)

    def record(self, place: int, many: int = 1) -> Callable[[int], Callable[[], Any]]:
        """Calls that record so many results of an asset."""
        picked = np.random.default_rng(place).permutation(self.size)

        def prepare(n: int) -> Callable[[], Any]:
            outcomes = self.claim(place, np.roll(picked, -n * many)[:many].tolist())
            return lambda: self.catalog.write(lambda b: events.record_outcomes(b, outcomes))

        return prepare

    def close(self) -> None:
        self.catalog.close()


def main(size: int = 1_000_000) -> None:
    """Print the measurements with ``size`` keys."""
    parts: list[Callable[[Path, int], Iterator[dict[str, Any]]]] = [
        measure_chain,
        measure_all_keys_in_the_middle,
        measure_one_result,
    ]
    for part in parts:
        with tempfile.TemporaryDirectory() as folder:
            for record in part(Path(folder), size):
                rounded = {name: float(f"{value:.4g}") for name, value in record.items() if isinstance(value, float)}
                print(json.dumps({"keys": size, **record, **rounded}), flush=True)


def measure_chain(folder: Path, size: int) -> Iterator[dict[str, Any]]:
    """A change at the top of 10 assets that read each other key to key."""
    chain = Chain(folder, size, Same())
    name = f"marked through {ASSETS} assets by same()"
    yield {"benchmark": name, **chain.meter.measure(chain.record(0), ROUNDS)}
    counting = chain.meter.measure(lambda _: lambda: chain.catalog.read(queries.status_counts), ROUNDS)
    yield {"benchmark": f"counts of {ASSETS} assets", **counting}
    codes = iter(["c2", "c1"] * ROUNDS)
    recoding = chain.meter.measure(lambda _: lambda: chain.register(0, next(codes)), 2)
    yield {"benchmark": f"code changed above {ASSETS - 1} assets", **recoding}
    picked = np.random.default_rng(7).permutation(size)[:ROUNDS].tolist()
    changed = chain.claim(0, picked)
    chain.catalog.write(lambda b: events.record_outcomes(b, changed))
    chain.close()
    with nbpart.open(folder) as ws:
        for below in (2, ASSETS - 1):
            calls = [partial(ws.why, chain.names[below], chain.keys[n]) for n in picked]
            taken = [take(call) for call in calls]
            yield {"benchmark": f"why through {below + 1} assets", "seconds": statistics.median(taken)}


def measure_all_keys_in_the_middle(folder: Path, size: int) -> Iterator[dict[str, Any]]:
    """The same where the asset in the middle reads all keys of the one above: everything below it becomes stale."""
    chain = Chain(folder, size, AllKeys())
    taken = chain.meter.measure(chain.record(0), 1)
    yield {"benchmark": f"marked through {ASSETS} assets, all keys read in the middle", **taken}
    chain.close()


def measure_one_result(folder: Path, size: int) -> Iterator[dict[str, Any]]:
    """Results of an asset without a reader, and in turn of one whose keys another reads, all or by groups."""
    for name, groups in (("all keys", 1), (f"groups of {size // GROUPS:,}", GROUPS)):
        chains = [Chain(make_folder(folder / f"{kind} {groups}"), size, Same(), assets=1, groups=groups)
                  for kind in ("plain", "read")]  # fmt: skip
        add_reader(chains[1], AllKeys() if groups == 1 else nbpart.by(batch="partition_key"), groups)
        yield from compare_in_turn(*chains, f"results recorded below a reader of {name}")
        for chain in chains:
            chain.close()


def compare_in_turn(plain: Chain, read: Chain, what: str) -> Iterator[dict[str, Any]]:
    """Results of the first asset of both, recorded in turn."""
    for many in BATCHES:
        calls = [(chain, chain.record(0, many)) for chain in (plain, read)]
        taken = [[chain.meter.measure(lambda _, n=n, call=call: call(n), 1) for chain, call in calls]
                 for n in range(ROUNDS)]  # fmt: skip
        (without, _), (seconds, held) = (
            [statistics.median(one[place][name] for one in taken) for name in ("seconds", "held_s")]
            for place in range(2)
        )
        yield {
            "benchmark": f"{many} {what}",
            "seconds": seconds,
            "held_s": held,
            "without_s": without,
            "ratio": seconds / without,
        }


def make_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


def add_reader(chain: Chain, mapping: Mapping, groups: int) -> None:
    """Register an asset of so many keys that reads the first one, as made of what is there."""
    batches = StaticPartitions([f"batch-{n}" for n in range(groups)], name="batches")
    set_id = chain.catalog.write(lambda b: events.ensure_set(b, batches))
    chain.catalog.write(lambda b: events.declare_keys(b, set_id, batches))
    total = AssetDefinition("total", "function", "batches", (Input(chain.names[0], mapping),), "c1")
    row = AssetRow("total", "function", set_id, "c1", total.to_json(chain.folder), total.inputs)
    made = chain.catalog.write(lambda b: events.register_assets(b, [row]))["total"].asset_id

    def make(batch: Batch) -> None:
        first = batch.take_ids("next_materialization_id", groups)
        batch.create_temp(
            "made",
            f"""SELECT {first} + row_number() OVER () - 1 AS materialization_id, {made} AS asset_id, key_id,
                'c1' AS code_version, 'x' AS data_version, 1::UBIGINT AS data_hash, ?::TIMESTAMPTZ AS materialized_at,
                'run' AS kind, {batch.sequence} AS sequence FROM members WHERE set_id = {set_id}""",
            NOW,
        )
        batch.execute("INSERT INTO materializations BY NAME FROM made")
        facts = "asset_id, key_id, materialization_id, data_hash, 1, 0, 0, NULL, 0"
        batch.execute(f"INSERT INTO partition_facts SELECT {facts} FROM made")
        read = f"NULL, {chain.size // groups}, 1, 1, '{chain.names[0]}', NULL, NULL"
        batch.execute(f"INSERT INTO inputs SELECT materialization_id, {chain.ids[0]}, {read} FROM made")

    chain.catalog.write(make)
    chain.record(0)(-1)()  # counts what is kept from now on


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
