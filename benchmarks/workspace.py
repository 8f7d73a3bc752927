"""What a person waits for in a workspace with a million partitions: every call is one of the API.

Run it with ``python -m benchmarks.workspace [partitions]``; it prints one JSON object a line: medians in seconds, and
for what makes much at once the peak by which the process grew (`grew_mb`, as the system counts it).
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

import nbpart
from benchmarks import rounds
from nbpart.catalog import Batch, Outcome, events, queries
from nbpart.partitions import PartitionRef
from nbpart.run import RunReport
from nbpart.states import RunStatus
from nbpart.storage import FileRecord, LocalStore, place_data, place_run, save_value

ROUNDS = rounds(5)
FILES = 5_000
ROWS = 20


def first(partition_key: str) -> dict[str, str]:
    return {"key": partition_key}


def second(first: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame([first])


def main(size: int = 1_000_000) -> None:
    """Print the measurements with ``size`` partitions, those of a table over 5,000 files, and of pruning."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder), nbpart.open("workspace") as ws:
        files = min(FILES, size)
        parts = (measure_keys(ws, size), measure_plans(ws, size), measure_table(ws, files), measure_prune(ws, files))
        for part in parts:
            for record in part:
                rounded = {n: float(f"{v:.4g}") if isinstance(v, float) else v for n, v in record.items()}
                print(json.dumps({"partitions": size, **rounded}), flush=True)


def measure_keys(ws: nbpart.Workspace, size: int) -> Iterator[dict[str, Any]]:
    """Adding keys and asking for them."""
    files = ws.dynamic_partitions("files")
    for n in (10_000, size):
        keys = [f"{n}/file-{i:07d}.csv" for i in range(n)]
        yield once(f"files.add of {n} keys", lambda keys=keys: files.add(keys))
    numbers = iter(range(1000))
    yield often("files.add of one more key", lambda: files.add(f"more-{next(numbers)}"))
    yield often("key in files", lambda: f"{size}/file-{size // 2:07d}.csv" in files)
    asked = [f"{size}/file-{i * 7 % (2 * size):07d}.csv" for i in range(10_000)]
    yield once("10000 times: key in files", lambda: [key in files for key in asked])
    yield often("len(files)", lambda: len(files))
    trials = ws.dynamic_partitions("trials", params={"lr": float, "depth": int})
    side = int(size**0.5 / 10)
    axes = {"lr": [n / 7 for n in range(side)], "depth": list(range(side))}
    yield once(f"trials.add_grid of {side * side} keys", lambda: trials.add_grid(**axes))


def measure_plans(ws: nbpart.Workspace, size: int) -> Iterator[dict[str, Any]]:
    """Statuses and plans of assets over all of the keys."""
    files = ws.dynamic_partitions("files")
    ws.asset(first, partitions=files)
    ws.asset(second, partitions=files)
    yield often("ws.status()", ws.status)
    yield once("ws.partition_status(asset)", lambda: ws.partition_status("first"))
    yield once(f"ws.plan of {len(files)} steps", lambda: ws.plan("first"))
    yield once(f"ws.plan of {2 * len(files)} steps", lambda: ws.plan("*"))
    plan = ws.plan("first")
    yield often("plan as shown in a notebook", lambda: ws.plan("first")._repr_html_())
    yield once(f"plan.frame of {len(plan)} steps", lambda: ws.plan("first").frame)
    yield often("ws as shown in a notebook", ws._repr_html_)
    yield often("ws.plan of one key", lambda: ws.plan("+second", keys=f"{size}/file-{size // 2:07d}.csv"))


def measure_table(ws: nbpart.Workspace, files: int) -> Iterator[dict[str, Any]]:
    """Queries over the frames of many partitions."""
    days = ws.dynamic_partitions("days")
    days.add([f"day {n}" for n in range(files)])
    ws.asset(frames, partitions=days)
    materialize_all(ws)
    yield often(f"ws.table over {files} files", lambda: ws.table("frames"))
    yield often(f"ws.table over {files} files, count", lambda: ws.table("frames").aggregate("count(*)").fetchall())
    one = "select sum(a) from frames where partition_key = 'day 7'"
    yield often(f"ws.sql over {files} files, one key", lambda: ws.sql(one).fetchall())
    yield often(f"ws.partition_status of {files} materialized", lambda: ws.partition_status("frames"))
    yield often("ws.load of one partition", lambda: ws.load("frames", "day 7"))


def measure_prune(ws: nbpart.Workspace, folders: int) -> Iterator[dict[str, Any]]:
    """Removing files that the catalog does not know, three in each folder of ``runs/``."""
    for n in range(folders):
        folder = ws.root / "runs" / "lost" / f"key-{n}"
        folder.mkdir(parents=True)
        for name in ("1.ipynb", "1.log", "2.log"):
            (folder / name).touch()
    yield once(f"ws.prune of {3 * folders} files", lambda: ws.prune(stray_after_s=0))


def frames() -> pd.DataFrame:
    return pd.DataFrame({"a": range(ROWS)})


def materialize_all(ws: nbpart.Workspace) -> None:
    """Every partition of `frames` as runs would leave it, without running them."""
    catalog, root = ws.project.catalog, ws.root
    asset_id, key_ids, keys = catalog.read(_find_frames)
    coordinator = catalog.write(lambda b: events.start_coordinator(b, "here", 1, "lock", ""))
    claims = pd.DataFrame({"backfill_no": None, "step_no": 0, "asset_id": asset_id, "key_id": key_ids})
    claims = claims.assign(code_version="c1", settings=None)
    claimed = catalog.write(lambda b: events.claim_runs(b, claims, coordinator))
    attempts = pd.DataFrame({"run_no": claimed["run_no"], "attempt": 1, "notebook": None, "log": None})
    attempts["started_at"] = datetime.now(UTC)
    catalog.write(lambda b: events.start_attempts(b, attempts))
    places = [
        place_run(PartitionRef("frames", key), run_id, 1) for key, run_id in zip(keys, claimed["run_id"], strict=True)
    ]
    outcomes = [save(root, int(run_no), place) for run_no, place in zip(claimed["run_no"], places, strict=True)]
    catalog.write(lambda b: events.record_outcomes(b, outcomes))


def _find_frames(batch: Batch) -> tuple[int, Any, list[str]]:
    set_id = next(s.set_id for s in queries.load_sets(batch) if s.name == "days")
    keys = queries.load_members(batch, set_id)
    asset_id = next(a.asset_id for a in queries.load_assets(batch) if a.name == "frames")
    return asset_id, queries.key_ids(batch, set_id, keys), keys


def save(root: Path, run_no: int, place: str) -> Outcome:
    """A file of one partition, and the outcome that tells of it."""
    saved = save_value(LocalStore(root), frames(), place_data(place))
    file = FileRecord(
        "", saved.kind, saved.format, saved.path, saved.rows, saved.bytes, saved.data_version, saved.schema
    )
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
    )
    return Outcome(report, final=True)


def once(name: str, call: Callable[[], Any]) -> dict[str, Any]:
    before = peak_mb()
    seconds = take(call)
    return {"benchmark": name, "seconds": seconds, "grew_mb": round(peak_mb() - before)}


def often(name: str, call: Callable[[], Any]) -> dict[str, Any]:
    return {"benchmark": name, "seconds": statistics.median(take(call) for _ in range(ROUNDS))}


def take(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def peak_mb() -> float:
    """The most that this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main(*(int(argument.replace("_", "")) for argument in sys.argv[1:]))
