"""Partitions at a million: what relations between sets cost where steps are scheduled by them.

Run it with ``python -m benchmarks.partitions [steps]``; it prints one JSON object a line. Nothing runs: each step ends
in a call of its own, with at most 64 under way. ``ratio`` is what dicts and lists take for the same steps, divided by
what nbpart takes; both are timed with the making of the schedule.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from nbpart.backfill.plan import AssetSteps, StepRelation, StepTable
from nbpart.backfill.schedule import Schedule
from nbpart.partitions.relation import Groups, Ranges
from nbpart.states import StepStatus

UNDER_WAY = 64
GROUP = 1_000
WEEK = 7


def main(steps: int = 1_000_000) -> None:
    """Print the measurements of schedules of so many steps in all."""
    for record in measure_schedule(steps):
        print(json.dumps({"part": "schedule", **record}), flush=True)


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


def _since(began: float) -> float:
    return time.perf_counter() - began


if __name__ == "__main__":
    main(*(int(argument.replace("_", "")) for argument in sys.argv[1:2]))
