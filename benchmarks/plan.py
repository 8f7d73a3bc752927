"""Planning and ordering a million steps, against the same work on plain dicts and lists in the same process.

Run it with ``python -m benchmarks.plan [steps]``; it prints one JSON object a line. Seconds are of a run that is not
traced; peaks are Python's and numpy's allocations during a second, traced one. ``ratio`` is what the plain
implementation takes, divided by what nbpart takes.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nbpart.assets.definition import AssetDefinition, Input
from nbpart.assets.graph import AssetGraph
from nbpart.backfill.plan import StepTable, plan_steps, relate_steps
from nbpart.backfill.schedule import Schedule
from nbpart.catalog.records import PlanFacts
from nbpart.partitions.mapping import Same
from nbpart.states import OUTDATED, STATUS_CODES, PartitionStatus, StepStatus

WORKERS = 8
STATUSES = tuple(PartitionStatus)  # by code
MISSING = STATUS_CODES[PartitionStatus.MISSING]
MATERIALIZED = STATUS_CODES[PartitionStatus.MATERIALIZED]

PlainSteps = dict[str, dict[int, str]]


def main(size: int = 1_000_000) -> None:
    """Print the measurements of plans of ``size`` steps."""
    for assets in (2, 10):
        graph, facts = make_chain(assets, size // assets)
        for record in measure_plan(graph, facts):
            print(json.dumps({"steps": size, "assets": assets, **record}), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"benchmark": "process, with the plain implementations", "peak_mb": round(peak)}))


def make_chain(assets: int, keys: int) -> tuple[AssetGraph, dict[str, PlanFacts]]:
    """Assets over one set of keys, each reading the one before; all of the first is missing, the rest up to date."""
    names = [f"asset_{n}" for n in range(assets)]
    graph = AssetGraph(
        AssetDefinition(name, "function", set_name="keys", inputs=(Input(names[n - 1], Same()),) if n else ())
        for n, name in enumerate(names)
    )
    ids = np.arange(1, keys + 1, dtype=np.int64)
    facts = {
        name: PlanFacts(
            ids, np.full(keys, MATERIALIZED if n else MISSING, dtype=np.uint8), np.zeros(keys, dtype=np.uint8)
        )
        for n, name in enumerate(names)
    }
    return graph, facts


def measure_plan(graph: AssetGraph, facts: dict[str, PlanFacts]) -> Iterator[dict[str, Any]]:
    """Records of planning, of making the schedule, and of draining it with and without failures."""
    plain_facts = {name: list(zip(f.key_ids.tolist(), f.status.tolist(), strict=True)) for name, f in facts.items()}
    names = list(facts)
    plan, plain = plan_steps(graph, names, facts).steps, plan_plainly(graph, plain_facts)
    yield {
        "benchmark": "plan",
        **compare(lambda: plan_steps(graph, names, facts), lambda: plan_plainly(graph, plain_facts)),
    }
    yield {"benchmark": "schedule", **compare(lambda: make_schedule(plan, graph), lambda: PlainSchedule(plain, graph))}
    yield {
        "benchmark": "schedule and drain",
        **compare(lambda: drain(make_schedule(plan, graph)), lambda: drain(PlainSchedule(plain, graph))),
    }
    yield {
        "benchmark": "schedule and drain, all of the first asset fails",
        **compare(
            lambda: drain(make_schedule(plan, graph), StepStatus.FAILED),
            lambda: drain(PlainSchedule(plain, graph), StepStatus.FAILED),
        ),
    }


def make_schedule(plan: StepTable, graph: AssetGraph) -> Schedule:
    return Schedule(plan, relate_steps(graph, plan))


def compare(ours: Callable[[], object], plain: Callable[[], object]) -> dict[str, float]:
    """Seconds and peaks of both, and how many times the plain one takes more."""
    seconds, plain_seconds = min(time_once(ours) for _ in range(3)), time_once(plain)
    peak, plain_peak = trace_once(ours), trace_once(plain)
    return {
        "seconds": round(seconds, 4),
        "plain_seconds": round(plain_seconds, 4),
        "ratio": round(plain_seconds / seconds, 1),
        "peak_mb": round(peak, 1),
        "plain_peak_mb": round(plain_peak, 1),
        "peak_ratio": round(plain_peak / peak, 1),
    }


def time_once(work: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def trace_once(work: Callable[[], object]) -> float:
    """Peak of what ``work`` allocates, in MB."""
    gc.collect()
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def drain(schedule: Any, status: StepStatus = StepStatus.SUCCEEDED) -> None:
    """End every step with ``status``, with some at a time under way as in a backfill."""
    running: deque[int] = deque(schedule.take(WORKERS))
    while running:
        schedule.finish(running.popleft(), status)
        running.extend(schedule.take(1))
    assert schedule.unfinished_count == 0


def plan_plainly(graph: AssetGraph, facts: dict[str, list[tuple[int, int]]]) -> PlainSteps:
    """What `plan_steps` does, with a dict entry a step."""
    planned: PlainSteps = {}
    for name, partitions in facts.items():
        steps: dict[int, str] = {}
        for key_id, code in partitions:
            status = STATUSES[code]
            if status in OUTDATED:
                steps[key_id] = str(status)
                continue
            for read in graph[name].inputs:
                if key_id in planned.get(read.name, ()):
                    steps[key_id] = f"reads {read.name}, which this plan makes"
        planned[name] = steps
    return planned


class PlainSchedule:
    """What `Schedule` does for edges from key to key, with dicts and lists."""

    def __init__(self, planned: PlainSteps, graph: AssetGraph) -> None:
        self.steps = [(name, key_id) for name, steps in planned.items() for key_id in steps]
        number = {step: n for n, step in enumerate(self.steps)}
        self.readers: dict[int, list[int]] = {n: [] for n in range(len(self.steps))}
        self.waiting = dict.fromkeys(range(len(self.steps)), 0)
        for n, (name, key_id) in enumerate(self.steps):
            for read in graph[name].inputs:
                if (above := number.get((read.name, key_id))) is not None:
                    self.readers[above].append(n)
                    self.waiting[n] += 1
        self.status = dict.fromkeys(range(len(self.steps)), StepStatus.PLANNED)
        self.ready = deque(n for n, left in self.waiting.items() if not left)
        self.unfinished_count = len(self.steps)

    def take(self, most: int) -> list[int]:
        taken = [self.ready.popleft() for _ in range(min(most, len(self.ready)))]
        for n in taken:
            self.status[n] = StepStatus.RUNNING
        return taken

    def finish(self, n: int, status: StepStatus) -> None:
        self.status[n] = status
        self.unfinished_count -= 1
        for reader in self.readers[n]:
            if status is StepStatus.SUCCEEDED:
                self.waiting[reader] -= 1
                if not self.waiting[reader]:
                    self.ready.appendleft(reader)
            elif self.status[reader] is StepStatus.PLANNED:
                self.finish(reader, StepStatus.BLOCKED)


if __name__ == "__main__":
    main(*(int(argument.replace("_", "")) for argument in sys.argv[1:2]))
