"""What triggers take: a look at a watched source where all files are known, and where all are new.

Run it with ``python -m benchmarks.automation [known files]``; it prints one JSON object a line. A tenth as many files
are new, of 10 kB each, and are hashed. Each section prints its own lines.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbpart
from benchmarks import rounds
from nbpart.storage.source_versions import UNSETTLED_NS
from tests.backfill.pools import Stage

ROUNDS = rounds(3)
_BYTES = 10_000


def main(known: int = 100_000) -> None:
    """Print what each section takes."""
    for section in (measure_known_files, measure_new_files):
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


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
