"""What the process that coordinates a backfill takes for a step, with runs that are played in threads of it.

Run it with ``python -m benchmarks coordinator=2_000`` (steps a line); each line is a JSON object. ``ratio`` is what a
step takes of the processor divided by what a loop takes that commits a row a step to DuckDB in the same process. Where
runs take a while, ``busy`` is the share of that time in which the workers had something to do.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb

import nbpart
from nbpart.run.report import RunReport
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus
from nbpart.storage import FileRecord

STEPS, ROWS = 2_000, 1_000
#: Workers at once, and how long a run takes, in seconds.
PLAYED = ((1, 0.0), (2, 0.0), (4, 0.0), (2, 0.02), (4, 0.05))
# in a file of their own: what this one imports would be theirs too
FUNCTIONS = """
def first(partition_key: str) -> dict:
    return {"key": partition_key}

def second(first: dict) -> dict:
    return first
"""


def main(steps: int = STEPS) -> None:
    """Print the measurements with so many steps a backfill."""
    with tempfile.TemporaryDirectory(prefix="nbpart-bench-") as folder:
        plain = measure_rows(Path(folder, "rows.duckdb"), min(steps, ROWS))
        print(json.dumps(plain), flush=True)
        sys.path.insert(0, folder)
        Path(folder, "bench_coordinator_flow.py").write_text(FUNCTIONS)
        functions = importlib.import_module("bench_coordinator_flow")
        for workers, run_s in PLAYED:
            print(json.dumps(measure_steps(functions, steps, workers, run_s, plain["cpu_ms_a_step"])), flush=True)


def measure_rows(path: Path, count: int) -> dict[str, Any]:
    """A loop that commits a row a step."""
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        connection.execute("CREATE TABLE steps (step INTEGER, status TEXT)")

        def write() -> None:
            for step in range(count):
                connection.execute("INSERT INTO steps VALUES (?, ?)", [step, "succeeded"])

        return {"benchmark": "DuckDB, a committed row a step", **measure(write, count)}


def measure_steps(functions: ModuleType, count: int, workers: int, run_s: float, plain_ms: float) -> dict[str, Any]:
    """A backfill of two assets, of which one reads the other."""
    with tempfile.TemporaryDirectory(prefix="nbpart-bench-") as folder, nbpart.open(Path(folder, "workspace")) as ws:
        ws.project.make_pool = lambda workers, on_start: PlayedPool(workers, on_start, run_s)
        names = ws.dynamic_partitions("names")
        names.add([f"key-{n}" for n in range(count // 2)])
        ws.asset(functions.first, partitions=names)
        ws.asset(functions.second, partitions=names)

        def run() -> None:
            ws.backfill("*", max_workers=workers).wait(progress=False).raise_for_failures()

        taken = measure(run, count // 2 * 2)
    busy = {"busy": round(count * run_s / workers / taken["seconds"], 3)} if run_s else {}
    what = f"runs of {run_s * 1e3:g} ms" if run_s else "runs that end at once"
    return {
        "benchmark": f"backfill, {workers} workers, {what}",
        **taken,
        **busy,
        "ratio": round(taken["cpu_ms_a_step"] / plain_ms, 2),
    }


def measure(call: Callable[[], None], count: int) -> dict[str, Any]:
    """What a call takes of this process for each of ``count`` steps."""
    began, cpu = time.perf_counter(), time.process_time()
    call()
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return {
        "steps": count,
        "seconds": round(seconds, 2),
        "steps_a_s": round(count / seconds),
        "ms_a_step": round(seconds / count * 1e3, 2),
        "cpu_ms_a_step": round(cpu_s / count * 1e3, 2),
    }


class PlayedPool:
    """A pool whose runs end after a while, without a kernel; a thread a worker."""

    def __init__(self, max_workers: int, on_start: Callable[[RunSpec], None], run_s: float) -> None:
        self.max_workers, self._on_start, self._run_s = max_workers, on_start, run_s
        self._changed = threading.Condition()
        self._waiting: deque[RunSpec] = deque()
        self._results: deque[RunReport] = deque()
        self._outstanding, self._is_closed = 0, False
        self._threads = [threading.Thread(target=self._work) for _ in range(max_workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, spec: RunSpec) -> None:
        with self._changed:
            self._outstanding += 1
            self._waiting.append(spec)
            self._changed.notify_all()

    def next_results(self, timeout_s: float | None = None) -> list[RunReport]:
        with self._changed:
            self._changed.wait_for(lambda: self._results or not self._outstanding, timeout_s)
            results = list(self._results)
            self._results.clear()
            self._outstanding -= len(results)
            return results

    def cancel(self, run_id: str) -> None: ...

    def cancel_all(self) -> None: ...

    def cancel_waiting(self) -> None: ...

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if not self._waiting:
                    return
                spec = self._waiting.popleft()
            self._on_start(spec)
            began = datetime.now(UTC)
            if self._run_s:
                time.sleep(self._run_s)
            with self._changed:
                self._results.append(make_report(spec, began))
                self._changed.notify_all()


def make_report(spec: RunSpec, began: datetime) -> RunReport:
    """The report of a run that ends now."""
    version = hashlib.sha256(spec.run_id.encode()).hexdigest()
    file = FileRecord("", "file", "text", f"{spec.data_prefix}.txt", bytes=10, data_version=version)
    return RunReport(
        run_no=spec.run_no,
        run_id=spec.run_id,
        partition_key=spec.partition_key,
        attempt=spec.attempt,
        status=RunStatus.SUCCEEDED,
        started_at=began,
        finished_at=datetime.now(UTC),
        duration_s=0.0,
        files=(file,),
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
