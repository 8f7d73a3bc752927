"""What a watcher and an open explorer take that have nothing to do, and how soon a watcher makes what lands.

Run it with ``python -m benchmarks.watching [seconds]``; it prints one JSON object a line. The watcher looks so long
(ten minutes, if nothing else is said) with ten sensors at 30 s over a catalog of ten assets with a million facts each,
fewer where it looks less than a minute. A kernel shows the explorer of that workspace for a minute at most; what the
same kernel takes before it is ``empty_share``. Then five files land in a watched folder, one after the other.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.manager import start_new_kernel

import nbpart
from benchmarks import rounds
from benchmarks.staleness import Chain
from nbpart.partitions.mapping import Same
from nbpart.run.kernels.processes import children_of

LANDINGS = rounds(5)
SENSORS, EVERY_S, SETTLE_S = 10, 30, 0.5
EXPLORED_S, CALM_S = 60, 12
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SENSOR = """
import nbpart, os, glob, re, collections, itertools


@nbpart.sensor(every={every}, name="sensor_{n}")
def sensor_{n}(context):
    import csv, datetime, hashlib, urllib.parse

    return nbpart.SkipReason(hashlib.sha256(str(os.listdir(".")).encode()).hexdigest())
"""
FLOW = """
import nbpart

drops = nbpart.DynamicPartitions("drops")
drop = nbpart.source("drop", "drop/{partition_key}.txt", partitions=drops)


@nbpart.asset(partitions=drops)
def landed(drop) -> str:
    return str(drop)
"""


def main(seconds: int = 600) -> None:
    """Print what an idle watcher takes, and how long a file that lands waits."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="nbpart-bench-") as folder:
        os.chdir(folder)
        sys.path.insert(0, folder)
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, str(before), os.environ.get("PYTHONPATH", "")])
        try:
            print(json.dumps(measure_idle(Path(folder, "idle"), seconds)), flush=True)
            print(json.dumps(measure_explorer(Path(folder, "idle"), min(seconds, EXPLORED_S))), flush=True)
            print(json.dumps(measure_landing(Path(folder, "landing"))), flush=True)
        finally:
            sys.path.remove(folder)
            os.chdir(before)


def measure_idle(root: Path, seconds: int) -> dict[str, object]:
    """The share of a core, memory and descriptors of a watcher with its zygote and the children of that."""
    root.mkdir()
    size = 1_000_000 if seconds >= 60 else 1_000
    chain = Chain(root, size, Same())
    chain.close()
    with nbpart.open(root, trust=True) as ws:
        for n in range(SENSORS):
            name = f"bench_sensor_{n}"
            Path(f"{name}.py").write_text(SENSOR.format(n=n, every=EVERY_S))
            ws.register(getattr(__import__(name), f"sensor_{n}"))
        with watch(ws) as pid:
            time.sleep(min(seconds / 4, EVERY_S))
            began, first = cpu_s(pid), measure_size(pid)
            time.sleep(seconds)
            used, last = cpu_s(pid) - began, measure_size(pid)
        ticks = len(ws.ticks())
    return {
        "benchmark": f"idle watcher with {SENSORS} sensors at {EVERY_S} s",
        "facts": size * 10,
        "seconds": seconds,
        "ticks": ticks,
        "core_share": round(used / seconds, 4),
        "first": first,
        "last": last,
    }


def measure_explorer(root: Path, seconds: int) -> dict[str, object]:
    """The share of a core that a kernel takes in which an explorer is open, while nothing happens."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        pid = manager.provisioner.pid

        def measure(code: str) -> float:
            reply = client.execute_interactive(code, timeout=120, output_hook=lambda message: None)
            if reply["content"]["status"] != "ok":
                raise RuntimeError("\n".join(reply["content"]["traceback"]))
            time.sleep(min(seconds, CALM_S))  # for a while after the last change it looks more often
            began = cpu_s(pid)
            time.sleep(seconds)
            return round((cpu_s(pid) - began) / seconds, 4)

        empty = measure("import nbpart")
        shown = measure(f"explorer = nbpart.open({str(root)!r}, trust=True).explore(); display(explorer)")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return {"benchmark": "idle explorer", "seconds": seconds, "core_share": shown, "empty_share": empty}


def measure_landing(root: Path) -> dict[str, object]:
    """How long after a file in a watched folder is still what reads it is materialized, with kernels that are warm."""
    Path("bench_flow.py").write_text(FLOW)
    flow = __import__("bench_flow")
    Path("drop").mkdir()
    waits = []
    with nbpart.open(root) as ws:
        ws.register(flow.drop, flow.landed, flow.drop.watch(settle=SETTLE_S, every=30))
        with watch(ws):
            for n in range(LANDINGS + 1):
                began = time.monotonic()
                Path("drop", f"f{n}.txt").write_text(str(n))
                while ws.partition_status("landed").query("status == 'materialized'").shape[0] <= n:
                    time.sleep(0.02)
                    if time.monotonic() - began > 120:
                        raise TimeoutError(ws.triggers.frame.to_string())
                waits.append(time.monotonic() - began - SETTLE_S)
                time.sleep(1)
    return {
        "benchmark": "a file that lands is materialized",
        "beyond_settle_s": round(statistics.median(waits[1:]), 3),
        "longest_s": round(max(waits[1:]), 3),
        "cold_s": round(waits[0], 3),
    }


@contextmanager
def watch(ws: nbpart.Workspace) -> Iterator[int]:
    """A watcher of a workspace, by the number of its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nbpart.cli", "-w", str(ws.root), "watch", "-j", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not ws.triggers.watch.is_watched:
            if process.poll() is not None:
                raise RuntimeError("the watcher ended")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def cpu_s(pid: int) -> float:
    """The time that a process and its children have taken, with their children that have ended, in seconds."""
    total = 0
    for each in (pid, *children_of(pid)):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        # of the watcher itself its zygotes count once: they have not ended
        total += sum(map(int, fields[11:15]))
    return total / _TICKS_PER_S


def measure_size(pid: int) -> dict[str, int]:
    """Memory in MB (PSS, each page shared by several counted in parts), processes and open files."""
    pids = [pid, *children_of(pid)]
    texts = [Path(f"/proc/{each}/smaps_rollup").read_text() for each in pids]
    pss = sum(int(found[1]) for text in texts if (found := re.search(r"^Pss:\s+(\d+)", text, re.M)))
    files = sum(len(os.listdir(f"/proc/{each}/fd")) for each in pids)
    return {"pss_mb": pss // 1024, "processes": len(pids), "files": files}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
