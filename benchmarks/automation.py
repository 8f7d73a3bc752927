"""What triggers take: a look at a watched source where all files are known, and where all are new; and one of the
automations of assets.

Run it with ``python -m benchmarks.automation [known files]``; it prints one JSON object a line. A tenth as many files
are new, of 10 kB each, and are hashed; each of ten assets has ten times as many facts. Each section prints a line.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import nbpart
from benchmarks import rounds
from benchmarks.staleness import ASSETS, Chain
from nbpart.automation.automation_looks import evaluate_automations
from nbpart.backfill.registry import load_registry
from nbpart.catalog import events, queries
from nbpart.partitions.mapping import Same
from nbpart.states import TriggerKind
from nbpart.storage.source_versions import UNSETTLED_NS
from tests.backfill.pools import Stage

ROUNDS = rounds(3)
_BYTES = 10_000


def main(known: int = 100_000) -> None:
    """Print what each section takes."""
    for section in (measure_known_files, measure_new_files, measure_eager):
        print(json.dumps(section(known)), flush=True)


@contextmanager
def open_inbox(number: int, content: bytes) -> Iterator[nbpart.Workspace]:
    """A workspace with a watched source of so many files, each with a text of its own before the content."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="nbpart-bench-") as folder:
        os.chdir(folder)
        try:
            Path("inbox").mkdir()
            for n in range(number):
                Path("inbox", f"f{n:07}.csv").write_bytes(f"{n}\n".encode() + content)
            with nbpart.open("workspace") as ws:
                ws.project.make_pool = Stage().make_pool
                ws.source("inbox", "inbox/{partition_key}.csv", partitions=ws.dynamic_partitions("files")).watch(
                    settle=0
                )
                time.sleep(UNSETTLED_NS / 1e9)
                yield ws
        finally:
            os.chdir(before)


def measure_known_files(number: int) -> dict[str, object]:
    """A look at files that are all known, without what it takes to list them and ask for the stat of each."""
    with open_inbox(number, b"") as ws:
        ws.tick("inbox", progress=False)
        looks, listings = [], []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            tick = ws.tick("inbox", progress=False)
            looks.append(time.perf_counter() - began)
            assert not tick.added, "all of them are known"
            began = time.perf_counter()
            with os.scandir("inbox") as entries:
                listed = [(entry.name, entry.stat()) for entry in entries]
            listings.append(time.perf_counter() - began)
            assert len(listed) == number, "all of them are there"
    beyond = min(looks) - min(listings)
    return {
        "benchmark": "known files, nothing new",
        "files": number,
        "look_s": round(min(looks), 3),
        "listing_s": round(min(listings), 3),
        "beyond_listing_s": round(beyond, 3),
    }


def measure_new_files(known: int) -> dict[str, object]:
    """A look that finds files of 10 kB, all of them new, which are hashed and become keys."""
    number = max(known // 10, 1)
    seconds = []
    for _ in range(ROUNDS):
        with open_inbox(number, b"x" * _BYTES) as ws:
            began = time.perf_counter()
            tick = ws.tick("inbox", progress=False)
            seconds.append(time.perf_counter() - began)
            assert len(tick.added["files"]) == number, "all of them are new"
    return {"benchmark": "new files, hashed", "files": number, "bytes": _BYTES, "look_s": round(min(seconds), 3)}


def measure_eager(known: int) -> dict[str, object]:
    """A look of the automations of 10 assets in a chain, all made: with nothing touched, and with one partition of the
    first, so that nine are asked for."""
    size = known * 10
    with tempfile.TemporaryDirectory(prefix="nbpart-bench-") as folder:
        chain = Chain(Path(folder), size, Same())
        eager = nbpart.eager().to_json()
        for name in chain.names:
            chain.catalog.write(lambda b, name=name: events.save_trigger(b, name, TriggerKind.AUTOMATION, eager))
        with nbpart.open(folder) as ws:
            idle = time_looks(ws, 0)
            chain.record(0)(0)()
            touched = time_looks(ws, ASSETS - 1)
        chain.close()
    return {"benchmark": f"eager over {ASSETS} assets, one touched", "facts": size, "idle_s": idle, "look_s": touched}


def time_looks(ws: nbpart.Workspace, asked: int) -> float:
    """The median of some looks that ask for so many partitions."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        registry = ws.project.catalog.read(partial(load_registry, root=ws.root))
        found = evaluate_automations(ws.project, registry, ws.project.catalog.read(queries.load_triggers))
        taken.append(time.perf_counter() - began)
        steps = [ids for demand in found.values() for steps in demand.steps for ids in steps.key_ids.values()]
        assert sum(len(ids) for ids in steps if ids is not None) == asked, "what was touched is asked for"
    return round(statistics.median(taken), 4)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
