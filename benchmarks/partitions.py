"""Partitions at a million: what sets, mappings between them and schedules through them take.

Run it with ``python -m benchmarks.partitions [steps] [--dagster]``; it prints one JSON object a line. ``steps``, a
million if it is not given, scales all sizes. Seconds are the least of some rounds, with their median beside them.
``ratio`` is what a plain way takes for the same, divided by what nbpart takes: lists and dicts of Python in memory, and
SQLite for what is asked of a large table. With ``--dagster`` the same is asked of Dagster, which is installed from the
package index into an environment of its own that is removed afterwards.

Sets and mappings are timed in a workspace on disk. Of a schedule nothing runs: each step ends in a call of its own,
with at most 64 under way, and both ways are timed with the making of the schedule.
"""

# ruff: noqa: S608  the SQL is made of what this file makes

from __future__ import annotations

import gc
import itertools
import json
import math
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np

import nbpart
from benchmarks import rounds
from nbpart.backfill.plan import AssetSteps, StepRelation, StepTable
from nbpart.backfill.schedule import Schedule
from nbpart.catalog import Batch
from nbpart.catalog.join_sides import open_join
from nbpart.catalog.joins import relate
from nbpart.catalog.set_tables import load_order
from nbpart.partitions.mapping import PARTITION_KEY, Mapping, by, overlap
from nbpart.partitions.relation import Groups, Ranges, Relation
from nbpart.project.partition_set import PartitionSet
from nbpart.states import StepStatus

MILLION = 1_000_000
UNDER_WAY = 64
GROUP = 1_000
WEEK = 7
ROUNDS = rounds(5)
#: After a write the file is written out while the caller goes on: what follows at once would wait for it.
REST_S = 0.5 if ROUNDS > 1 else 0.0
ZONE = "America/New_York"
START = date(2014, 1, 1)
DAGSTER = Path(__file__).with_name("_dagster_partitions.py")

Axes = dict[str, list[str]]


@dataclass(frozen=True)
class Sizes:
    """How large everything is for so many steps; of a million: ten years, 300 x 300 and 1,000 x 1,000."""

    days: int
    small_side: int
    side: int

    @classmethod
    def of(cls, steps: int) -> Sizes:
        share = steps / MILLION
        sides = (max(3, round(side * math.sqrt(share))) for side in (300, 1_000))
        return cls(max(3, round(3_652 * share)), *sides)

    @property
    def end(self) -> date:
        return START + timedelta(days=self.days)


def main(*arguments: str) -> None:
    """Print the measurements of ``steps`` partitions and steps, of a million by default."""
    steps = next((int(one.replace("_", "")) for one in arguments if not one.startswith("-")), MILLION)
    parts = {"sets": measure_sets, "mappings": measure_mappings, "plan": measure_plan, "schedule": measure_schedule}
    for part, measure in parts.items():
        for record in measure(steps):
            print(json.dumps({"part": part, **record}), flush=True)
    if "--dagster" in arguments:
        for line in run_dagster(Sizes.of(steps)):
            print(line, flush=True)


# sets


def measure_sets(steps: int) -> Iterator[dict[str, Any]]:
    """Sets made and listed, each in a workspace of its own; then a large product that is read and changed."""
    sizes = Sizes.of(steps)
    small, large = make_axes(sizes.small_side), make_axes(sizes.side)
    yield made(
        f"hours of {sizes.days} days made and listed",
        lambda ws: list(make_hours(ws, sizes)),
        lambda: spell_hours(sizes),
    )
    yield made(f"{name(small)} made and listed", lambda ws: list(make_grid(ws, small)), lambda: spell_grid(small))
    yield made(f"{name(large)} made", lambda ws: make_grid(ws, large), lambda: spell_grid(large))
    with tempfile.TemporaryDirectory() as folder, nbpart.open(folder) as ws:
        yield from measure_large(ws, make_grid(ws, large), large)


def measure_large(ws: nbpart.Workspace, grid: PartitionSet, axes: Axes) -> Iterator[dict[str, Any]]:
    """What is asked of a large product, and what changes in it."""
    table = make_table(axes)
    origins, day, middle = ws.partitions("origin"), axes["day"][len(axes["day"]) // 2], len(grid) // 2
    key = grid[middle]
    yield timed("one day of it", lambda: grid.choose(day=day), table(f"SELECT key FROM grid WHERE day = '{day}'"))
    yield timed(
        "a page of it", lambda: grid.page(middle, 100), table(f"SELECT key FROM grid LIMIT 100 OFFSET {middle}")
    )
    yield timed("its length", lambda: len(grid), table("SELECT count(*) FROM grid"))
    yield timed("a key in it", lambda: key in grid, table(f"SELECT key FROM grid WHERE key = '{key}'"))
    yield timed("a row of it", lambda: grid.row(key), table(f"SELECT * FROM grid WHERE key = '{key}'"))
    yield timed("declared again", lambda: make_grid(ws, axes))
    names = (f"new {number}" for number in itertools.count())
    renamed = table("UPDATE grid SET key = 'day=' || day || ',origin=new' WHERE origin = 'origin 2'")
    yield timed("a key of a dimension renamed", lambda: origins.rename(origins[1], next(names)), renamed, rest_s=REST_S)
    yield timed("a key added to a dimension", lambda: origins.add(next(names)), rest_s=REST_S)


def make_hours(ws: nbpart.Workspace, sizes: Sizes) -> PartitionSet:
    return ws.partitions(nbpart.HourlyPartitions("hours", start=START, end=sizes.end, timezone=ZONE))


def make_axes(side: int) -> Axes:
    """Days and origins, so many of both."""
    days = [(START + timedelta(days=n)).isoformat() for n in range(side)]
    return {"day": days, "origin": [f"origin {n}" for n in range(side)]}


def name(axes: Axes) -> str:
    return f"a product of {len(axes['day']):,} x {len(axes['origin']):,}"


def make_grid(ws: nbpart.Workspace, axes: Axes) -> PartitionSet:
    days = nbpart.DailyPartitions("day", start=START, end=START + timedelta(days=len(axes["day"])))
    origins = ws.dynamic_partitions("origin")
    if not len(origins):
        origins.add(axes["origin"])
    return ws.partitions(nbpart.MultiPartitions({"day": days, "origin": origins}, name="grid"))


def spell_hours(sizes: Sizes) -> list[tuple[str, int, int]]:
    """Hours with their start and end, one by one."""
    zone = ZoneInfo(ZONE)
    first, last = (int(datetime(at.year, at.month, at.day, tzinfo=zone).timestamp()) for at in (START, sizes.end))
    return [
        (datetime.fromtimestamp(at, UTC).astimezone(zone).strftime("%Y-%m-%dT%H:%M"), at, at + 3_600)
        for at in range(first, last, 3_600)
    ]


def spell_grid(axes: Axes) -> list[tuple[str, str, str]]:
    pairs = itertools.product(axes["day"], axes["origin"])
    return [(f"day={day},origin={origin}", day, origin) for day, origin in pairs]


def make_table(axes: Axes) -> Callable[[str], Callable[[], object]]:
    """A product as a table of SQLite without an index, as a function that makes a query a call."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE grid (key TEXT, day TEXT, origin TEXT)")
    database.executemany("INSERT INTO grid VALUES (?, ?, ?)", spell_grid(axes))
    return lambda query: lambda: database.execute(query).fetchall()


# mappings


def measure_mappings(steps: int) -> Iterator[dict[str, Any]]:
    """Relations between all keys of two sets."""
    sizes = Sizes.of(steps)
    with tempfile.TemporaryDirectory() as folder, nbpart.open(folder) as ws:
        hours = make_hours(ws, sizes)
        days = ws.partitions(nbpart.DailyPartitions("days", start=START, end=sizes.end, timezone=ZONE))
        yield timed(
            "days read their hours", lambda: relate_sets(ws, overlap(), days, hours), lambda: group(list(hours), 10)
        )
    for axes in (make_axes(sizes.small_side), make_axes(sizes.side)):
        with tempfile.TemporaryDirectory() as folder, nbpart.open(folder) as ws:
            yield from measure_grid_mappings(ws, make_grid(ws, axes), axes)


def measure_grid_mappings(ws: nbpart.Workspace, grid: PartitionSet, axes: Axes) -> Iterator[dict[str, Any]]:
    origins, week = ws.partitions("origin"), by("origin", day=overlap(1 - WEEK))
    keys = [key for key, _, _ in spell_grid(axes)]
    after = keys[0].index(",")
    yield timed(
        f"origins read {name(axes)}",
        lambda: relate_sets(ws, by(origin=PARTITION_KEY), origins, grid),
        lambda: group(keys, -after),
    )
    yield timed(f"a rolling week in {name(axes)}", lambda: relate_sets(ws, week, grid, grid), lambda: list_weeks(axes))


def relate_sets(ws: nbpart.Workspace, mapping: Mapping, reader: PartitionSet, source: PartitionSet) -> Relation:
    """Relate all keys of two sets, as a plan does."""

    def work(batch: Batch) -> Relation:
        join = open_join(batch, mapping, reader.set_id, source.set_id)
        return relate(batch, join, load_order(batch, reader.set_id), load_order(batch, source.set_id))

    return ws.project.catalog.read(work)


def group(keys: list[str], end: int) -> dict[str, list[str]]:
    """Keys by their first characters, or, where ``end`` is negative, by those from that place on."""
    grouped: dict[str, list[str]] = {}
    for key in keys:
        grouped.setdefault(key[:end] if end > 0 else key[-end:], []).append(key)
    return grouped


def list_weeks(axes: Axes) -> dict[str, list[str]]:
    """The keys of the week up to each day, of each origin."""
    days = axes["day"]
    weeks = [days[max(0, n - WEEK + 1) : n + 1] for n in range(len(days))]
    return {
        f"day={days[n]},origin={origin}": [f"day={day},origin={origin}" for day in week]
        for origin in axes["origin"]
        for n, week in enumerate(weeks)
    }


# schedules


def raw(partition_key: str) -> str:
    return partition_key


def week(raws: object) -> str:
    return str(raws)


def total(weeks: object) -> str:
    return str(weeks)


def measure_plan(steps: int) -> Iterator[dict[str, Any]]:
    """Three assets of a product: a rolling week of the first is read by the second, all days of that by the third."""
    mappings = {"week": by("origin", day=overlap(1 - WEEK), of="raw"), "total": by("origin", of="week")}
    axes = make_axes(Sizes.of(steps).side)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder, chdir(folder), nbpart.open("workspace") as ws:
        grid = make_grid(ws, axes)
        ws.register(
            nbpart.asset(partitions=grid)(raw),
            nbpart.asset(partitions=grid, deps={"raws": mappings["week"]})(week),
            nbpart.asset(partitions=grid, deps={"weeks": mappings["total"]})(total),
        )
        size = len(ws.plan("*"))
        record = timed("a plan through overlap and by", lambda: ws.plan("*"))
        yield record | {"steps": size, "grew_mb": grown_mb(before)}
        week_read, total_read = (relate_sets(ws, mapping, grid, grid) for mapping in mappings.values())
    plan = StepTable(tuple(make_steps(asset, size // 3) for asset in ("raw", "week", "total")))
    relations = [StepRelation("week", "raw", week_read), StepRelation("total", "week", total_read)]
    seconds = drain_anew(Schedule, plan, relations)
    sizes = {"steps": size, "us_a_step": round(seconds / len(plan) * 1e6, 2), "grew_mb": grown_mb(before)}
    yield {"benchmark": "its steps to the end", **sizes}


def grown_mb(before: int) -> int:
    """By how much the process is larger than it was at its largest ``before``."""
    return round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def measure_schedule(steps: int) -> Iterator[dict[str, Any]]:
    """A rolling week and groups of it, against plain Python; a balance in which each day reads the one before."""
    days = steps // 3
    plan, relations = make_week(days)
    seconds = min(drain_anew(Schedule, plan, relations) for _ in range(3))
    plain_seconds = drain_anew(PlainSchedule, plan, relations)
    yield {
        "benchmark": "a rolling week, and groups of 1,000",
        "steps": len(plan),
        "us_a_step": round(seconds / len(plan) * 1e6, 2),
        "plain_us_a_step": round(plain_seconds / len(plan) * 1e6, 2),
        "ratio": round(plain_seconds / seconds, 1),
    }
    plan, relations = make_balance(steps)
    seconds = drain_anew(Schedule, plan, relations)
    yield {
        "benchmark": "a balance, day by day",
        "steps": len(plan),
        "us_a_step": round(seconds / len(plan) * 1e6, 2),
    }
    schedule = Schedule(plan, relations)
    [first] = schedule.take(1)
    began = time.perf_counter()
    blocked = sum(len(some) for some in schedule.finish(first, StepStatus.FAILED))
    yield {"benchmark": "the first day of a balance fails", "blocked": blocked, "seconds": round(_since(began), 3)}


def make_week(days: int) -> tuple[StepTable, list[StepRelation]]:
    """Days, the week up to each day, and a group of 1,000 weeks for each of its days."""
    order = np.arange(days, dtype=np.int32)
    week = Ranges(order, np.maximum(order - WEEK + 1, 0), order + 1)
    groups = Groups(order // GROUP, order // GROUP, days // GROUP + 1)
    relations = [StepRelation("week", "day", week), StepRelation("group", "week", groups)]
    return StepTable(tuple(make_steps(name, days) for name in ("day", "week", "group"))), relations


def make_balance(days: int) -> tuple[StepTable, list[StepRelation]]:
    """An asset of which each day reads the day before."""
    order = np.arange(days, dtype=np.int32)
    before = Ranges(order, np.maximum(order - 1, 0), order)
    return StepTable((make_steps("balance", days),)), [StepRelation("balance", "balance", before)]


def make_steps(asset: str, count: int) -> AssetSteps:
    return AssetSteps(asset, np.arange(1, count + 1), np.zeros(count, dtype=np.int16), ("missing",))


class Drainable(Protocol):
    """What can be drained."""

    def take(self, most: int) -> list[int]: ...
    def finish(self, step: int, status: StepStatus) -> object: ...
    @property
    def unfinished_count(self) -> int: ...


def drain_anew(
    make: Callable[[StepTable, list[StepRelation]], Drainable], plan: StepTable, relations: list[StepRelation]
) -> float:
    """Seconds to make a schedule and end all of its steps."""
    gc.collect()
    began = time.perf_counter()
    drain(make(plan, relations))
    return _since(began)


def drain(schedule: Drainable) -> None:
    """End every step, one a call."""
    running: deque[int] = deque(schedule.take(UNDER_WAY))
    while running:
        schedule.finish(running.popleft(), StepStatus.SUCCEEDED)
        running.extend(schedule.take(1 if running else UNDER_WAY))
    assert schedule.unfinished_count == 0


class PlainSchedule:
    """The same with dicts: a counter and a list of readers for each step, and for each group of an input."""

    def __init__(self, plan: StepTable, relations: list[StepRelation]) -> None:
        first = {part.asset: start for part, start, _ in plan.ranges()}
        self.unfinished_count = len(plan)
        self._waiting = dict.fromkeys(range(len(plan)), 0)
        self._readers: dict[int, list[int]] = {n: [] for n in range(len(plan))}
        self._group_of: dict[int, int] = {}
        self._left: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}
        for each in relations:
            reader, above = first[each.reader], first[each.input]
            if isinstance(each.relation, Groups):
                self._add_groups(each.relation, reader, above)
                continue
            for place in range(each.relation.reader_count):
                for n in each.relation.inputs_of(place).tolist():
                    self._readers[above + n].append(reader + place)
                    self._waiting[reader + place] += 1
        self._ready = deque(n for n, left in self._waiting.items() if not left)

    def take(self, most: int) -> list[int]:
        return [self._ready.popleft() for _ in range(min(most, len(self._ready)))]

    def finish(self, step: int, status: StepStatus) -> None:
        self.unfinished_count -= 1
        self._count_down(self._readers[step])
        if (group := self._group_of.get(step)) is not None:
            self._left[group] -= 1
            if not self._left[group]:
                self._count_down(self._members[group])

    def _add_groups(self, relation: Groups, reader: int, above: int) -> None:
        for place, label in enumerate(relation.inputs.tolist()):
            self._group_of[above + place] = label
            self._left[label] = self._left.get(label, 0) + 1
        for place, label in enumerate(relation.readers.tolist()):
            self._members.setdefault(label, []).append(reader + place)
            self._waiting[reader + place] += 1

    def _count_down(self, readers: list[int]) -> None:
        for reader in readers:
            self._waiting[reader] -= 1
            if not self._waiting[reader]:
                self._ready.append(reader)


# measuring


def made(benchmark: str, work: Callable[[nbpart.Workspace], object], plain: Callable[[], object]) -> dict[str, Any]:
    """The record of what is done in a new workspace, each time in another."""
    seconds = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder, nbpart.open(folder) as ws:
            ws.dynamic_partitions("first").add("first")  # what the first write of a process imports
            seconds.append(time_once(lambda ws=ws: work(ws)))  # type: ignore[misc]
    return make_record(benchmark, seconds, plain)


def timed(
    benchmark: str, work: Callable[[], object], plain: Callable[[], object] | None = None, *, rest_s: float = 0.0
) -> dict[str, Any]:
    """The record of what can be done again; ``rest_s`` is waited between two rounds."""
    seconds = []
    for _ in range(ROUNDS):
        seconds.append(time_once(work))
        time.sleep(rest_s)
    return make_record(benchmark, seconds, plain)


def make_record(benchmark: str, seconds: list[float], plain: Callable[[], object] | None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "benchmark": benchmark,
        "seconds": float(f"{min(seconds):.3g}"),
        "median_s": float(f"{statistics.median(seconds):.3g}"),
    }
    if plain is not None:
        plain_s = min(time_once(plain) for _ in range(ROUNDS))
        record |= {"plain_s": float(f"{plain_s:.3g}"), "ratio": float(f"{plain_s / min(seconds):.3g}")}
    return record


def time_once(work: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    work()
    return _since(began)


def run_dagster(sizes: Sizes) -> Iterator[str]:
    """The lines of the same measurements by Dagster, in an environment that is made for them."""
    with tempfile.TemporaryDirectory(prefix="nbpart-bench-dagster-") as folder:
        venv.create(folder, with_pip=True)
        python = next(
            path for path in (Path(folder, "bin/python"), Path(folder, "Scripts/python.exe")) if path.exists()
        )
        subprocess.run([python, "-m", "pip", "install", "--quiet", "dagster"], check=True, stdout=sys.stderr)
        command = [python, DAGSTER, START.isoformat(), sizes.end.isoformat(), ZONE, str(sizes.small_side)]
        yield from subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def _since(began: float) -> float:
    return time.perf_counter() - began


if __name__ == "__main__":
    main(*sys.argv[1:])
