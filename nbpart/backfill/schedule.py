"""Which steps of a running backfill may start, and which ones a failure blocks. Pure: no I/O.

Steps are numbers (see `StepTable`). An edge from key to key is an array from step to step; an edge that needs all keys
of an asset is a counter of its unfinished steps. A million steps cost some arrays, not a million objects.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbpart.assets.graph import AssetGraph
from nbpart.backfill.plan import StepTable
from nbpart.partitions import Mapping as KeyMapping
from nbpart.states import STEP_CODES, StepStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STATUS = tuple(StepStatus)
_PLANNED, _BLOCKED, _QUEUED, _RUNNING = (
    STEP_CODES[s] for s in (StepStatus.PLANNED, StepStatus.BLOCKED, StepStatus.QUEUED, StepStatus.RUNNING)
)


@dataclass
class _Edge:
    """One input of an asset in the plan. ``target`` is None where each step reads all keys of the input."""

    first: int  # the downstream asset's steps are first ... last - 1
    last: int
    tolerant: bool  # a missing input is skipped, and blocks nothing
    target: NDArray[np.int64] | None  # the downstream step of each upstream step, -1 for none
    left: int  # without target: how many upstream steps have no outcome
    broken: bool = False  # without target: one of them failed, so that the readers are blocked already

    def readers(self) -> NDArray[np.int64]:
        return np.arange(self.first, self.last)


@dataclass
class _Batch:
    """Steps that became ready together; those before ``cursor`` are taken."""

    steps: NDArray[np.int64]
    cursor: int = 0


@dataclass(frozen=True)
class Limit:
    """At most ``most`` steps of these assets, taken together, may be queued or running."""

    assets: frozenset[str]
    most: int


class _Capacity:
    """How many steps of each asset the limits leave, and the ready steps that wait because they leave none.

    Assets are given by their places in ``names``.
    """

    def __init__(self, names: Sequence[str], limits: Sequence[Limit]) -> None:
        self._left = [limit.most for limit in limits]
        self._limits = [[n for n, limit in enumerate(limits) if name in limit.assets] for name in names]
        self._parked: dict[int, deque[_Batch]] = {}

    def left_for(self, asset: int) -> float:
        """How many steps of the asset may be taken now; infinite where no limit holds for it."""
        return min((self._left[n] for n in self._limits[asset]), default=math.inf)

    def use(self, asset: int, steps: int) -> None:
        """Take up the places of some steps of the asset; a negative number gives places back."""
        for n in self._limits[asset]:
            self._left[n] -= steps

    def park(self, asset: int, batch: _Batch) -> None:
        """Let ready steps of the asset wait for a place."""
        self._parked.setdefault(asset, deque()).append(batch)

    def unpark_all(self) -> Iterator[_Batch]:
        """Take out everything that was parked."""
        while self._parked:
            yield from self._parked.popitem()[1]

    def unpark(self) -> Iterator[_Batch]:
        """Take out what was parked and has a place now."""
        for asset in [asset for asset in self._parked if self.left_for(asset) > 0]:
            yield from self._parked.pop(asset)


class Schedule:
    """The status of every step of a running plan, and the steps that may start now."""

    def __init__(self, steps: StepTable, graph: AssetGraph, limits: Sequence[Limit] = ()) -> None:
        self._size = len(steps)
        self._offsets = steps.offsets
        self._status: NDArray[np.uint8] = np.full(self._size, _PLANNED, dtype=np.uint8)
        self._waiting: NDArray[np.int16] = np.zeros(self._size, dtype=np.int16)
        self._counts: dict[StepStatus, int] = {s: 0 for s in StepStatus if s is not StepStatus.PLANNED}
        self._edges: list[list[_Edge]] = [[] for _ in steps.assets]
        self._capacity = _Capacity([a.asset for a in steps.assets], limits)
        self._connect(steps, graph)
        # what became ready by a finished step goes before the rest, so that a key flows through the graph
        self._next: deque[int] = deque()
        self._batches: list[_Batch] = []
        self._make_ready(np.flatnonzero(self._waiting == 0))

    @property
    def unfinished_count(self) -> int:
        """How many steps have no outcome yet."""
        counts = self.counts()
        return counts[StepStatus.PLANNED] + counts[StepStatus.QUEUED] + counts[StepStatus.RUNNING]

    @property
    def has_ready(self) -> bool:
        return bool(self._next or self._batches)

    def counts(self) -> Mapping[StepStatus, int]:
        """How many steps have each status. Safe to call from another thread: the sum is always that of all steps."""
        counts = dict(self._counts)
        return {StepStatus.PLANNED: self._size - sum(counts.values()), **counts}

    def take(self, most: int) -> list[int]:
        """Take at most ``most`` steps that may start now; their status is queued from here on."""
        self._batches.extend(self._capacity.unpark())
        taken: list[int] = []
        while self._next and len(taken) < most:
            step = self._next.popleft()
            asset = self._asset_of(step)
            if self._capacity.left_for(asset) > 0:
                self._capacity.use(asset, 1)
                taken.append(step)
            else:
                self._capacity.park(asset, _Batch(np.array([step])))
        while self._batches and len(taken) < most:
            taken.extend(self._take_of_batch(most - len(taken)))
        self._status[taken] = _QUEUED
        self._counts[StepStatus.QUEUED] += len(taken)
        return taken

    def _take_of_batch(self, most: int) -> list[int]:
        """Take steps of the first asset in the last batch; park them where the limits leave no place."""
        batch = self._batches[-1]
        asset = self._asset_of(int(batch.steps[batch.cursor]))
        rest = batch.steps[batch.cursor :]
        count = self._count_of_asset(rest, asset)
        end = batch.cursor + int(min(most, count, self._capacity.left_for(asset)))
        taken: list[int] = batch.steps[batch.cursor : end].tolist()
        self._capacity.use(asset, len(taken))
        if not taken:
            self._capacity.park(asset, _Batch(rest[:count]))
            end = batch.cursor + count
        batch.cursor = end
        if end >= len(batch.steps):
            self._batches.pop()
        return taken

    def _count_of_asset(self, steps: NDArray[np.int64], asset: int) -> int:
        """How many of the first ``steps`` are of one asset: only the first batch has several assets, and is sorted."""
        after = self._offsets[asset + 1]
        return len(steps) if steps[-1] < after else int(np.searchsorted(steps, after))

    def start(self, step: int) -> None:
        """Set the status of a step that was taken to running."""
        self._set_status(step, StepStatus.RUNNING)

    def put_back(self, step: int) -> None:
        """Let a step that was taken start again, before all others."""
        self._counts[self._status_of(step)] -= 1
        self._status[step] = _PLANNED
        self._capacity.use(self._asset_of(step), -1)
        self._next.appendleft(step)

    def finish(self, step: int, status: StepStatus) -> list[NDArray[np.int64]]:
        """Set the outcome of a step that was taken.

        Readers that waited for it become ready. Returns the steps that are blocked by it, in arrays of one asset each.
        """
        self._end(step, status)
        if status is StepStatus.SUCCEEDED:
            self._release(step)
            return []
        return list(self._block_readers(np.array([step])))

    def is_queued(self, step: int) -> bool:
        """Whether a step was taken and does not run yet."""
        return bool(self._status[step] == _QUEUED)

    def fail_after_success(self, step: int) -> list[NDArray[np.int64]]:
        """Set the outcome of a step that has just succeeded to failed.

        Its readers, unless they run already, and the readers of these are blocked. Returns them in arrays of one asset
        each.
        """
        self._set_status(step, StepStatus.FAILED)
        blocked: list[NDArray[np.int64]] = []
        for edge in self._edges[self._asset_of(step)]:
            if edge.tolerant or edge.broken:
                continue
            readers = edge.readers()
            if edge.target is not None:
                readers = edge.target[[step - self._offsets[self._asset_of(step)]]]
            edge.broken = edge.target is None
            freed = readers[readers >= 0]
            for reader in freed[self._status[freed] == _QUEUED]:
                self.put_back(int(reader))
            freed = self._block(freed)
            if len(freed):
                blocked += [freed, *self._block_readers(freed)]
        self._drop_blocked()
        return blocked

    def cancel(self, step: int) -> None:
        """Set the outcome of a step that was taken to cancelled. Its readers keep waiting: the backfill ends soon."""
        self._end(step, StepStatus.CANCELLED)

    def remove(self, step: int) -> None:
        """Set the outcome of a step whose key is gone to cancelled. Its readers go on without it."""
        self._end(step, StepStatus.CANCELLED)
        self._release(step)

    def find_unfinished(self) -> NDArray[np.int64]:
        """The steps that have no outcome."""
        return np.flatnonzero(np.isin(self._status, (_PLANNED, _QUEUED, _RUNNING)))

    def cancel_rest(self) -> NDArray[np.int64]:
        """Set the outcome of all steps that have none to cancelled. Returns these steps."""
        left = self.find_unfinished()
        self._counts[StepStatus.QUEUED] = self._counts[StepStatus.RUNNING] = 0
        self._counts[StepStatus.CANCELLED] += len(left)
        self._status[left] = STEP_CODES[StepStatus.CANCELLED]
        return left

    def _connect(self, steps: StepTable, graph: AssetGraph) -> None:
        index = {a.asset: i for i, a in enumerate(steps.assets) if len(a)}
        for asset, first, last in steps.ranges():
            definition = graph[asset.asset]
            tolerant = definition.on_missing_input == "skip"
            for read in definition.inputs:
                if read.name not in index:
                    continue
                above = steps.assets[index[read.name]]
                target = None
                if read.mapping is KeyMapping.SAME:
                    target = _match_steps(above.key_ids, asset.key_ids, first)
                    self._waiting[target[target >= 0]] += 1  # a key stands once in an asset
                else:
                    self._waiting[first:last] += 1
                self._edges[index[read.name]].append(_Edge(first, last, tolerant, target, len(above)))

    def _end(self, step: int, status: StepStatus) -> None:
        self._set_status(step, status)
        self._capacity.use(self._asset_of(step), -1)

    def _set_status(self, step: int, status: StepStatus) -> None:
        self._counts[self._status_of(step)] -= 1
        self._status[step] = STEP_CODES[status]
        self._counts[status] += 1

    def _status_of(self, step: int) -> StepStatus:
        return _STATUS[int(self._status[step])]

    def _asset_of(self, step: int) -> int:
        return bisect_right(self._offsets, step) - 1

    def _release(self, step: int) -> None:
        asset = self._asset_of(step)
        for edge in self._edges[asset]:
            if edge.target is None:
                edge.left -= 1
                if not edge.left:
                    self._unblock(edge.readers())
                continue
            reader = int(edge.target[step - self._offsets[asset]])
            if reader < 0:
                continue
            left = self._waiting[reader] = self._waiting[reader] - 1
            if not left and self._status[reader] == _PLANNED:
                self._next.append(reader)

    def _block_readers(self, causes: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Block the readers of steps of one asset that did not succeed, and the readers of these.

        Yields the blocked steps in arrays of one asset each.
        """
        todo = [causes]
        while todo:
            lost = todo.pop()  # all of one asset
            asset = self._asset_of(int(lost[0]))
            for edge in self._edges[asset]:
                blocked = self._fail_upstream(edge, lost - self._offsets[asset])
                if len(blocked):
                    yield blocked
                    todo.append(blocked)

    def _fail_upstream(self, edge: _Edge, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Account in an edge for upstream steps, given by their places within their asset, that did not succeed.

        Returns the readers that are blocked by that.
        """
        none: NDArray[np.int64] = np.array([], dtype=np.int64)
        if edge.target is not None:
            readers = edge.target[places]
            readers = readers[readers >= 0]
        else:
            edge.left -= len(places)
            if edge.broken or (edge.tolerant and edge.left):
                return none
            edge.broken = not edge.tolerant
            readers = edge.readers()
        if edge.tolerant:
            self._unblock(readers)
            return none
        return self._block(readers)

    def _block(self, steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Block those of the steps that are planned. Returns them."""
        blocked: NDArray[np.int64] = steps[self._status[steps] == _PLANNED]
        self._status[blocked] = _BLOCKED
        self._counts[StepStatus.BLOCKED] += len(blocked)
        return blocked

    def _drop_blocked(self) -> None:
        """Take steps that are blocked now out of those that are ready or parked."""
        self._next = deque(step for step in self._next if self._status[step] == _PLANNED)
        self._batches.extend(self._capacity.unpark_all())
        rests = [batch.steps[batch.cursor :] for batch in self._batches]
        rests = [rest[self._status[rest] == _PLANNED] for rest in rests]
        self._batches = [_Batch(rest) for rest in rests if len(rest)]

    def _unblock(self, readers: NDArray[np.int64]) -> None:
        self._waiting[readers] -= 1
        self._make_ready(readers[(self._waiting[readers] == 0) & (self._status[readers] == _PLANNED)])

    def _make_ready(self, ready: NDArray[np.int64]) -> None:
        if len(ready) == 1:
            self._next.append(int(ready[0]))
        elif len(ready):
            self._batches.append(_Batch(ready))


def _match_steps(above: NDArray[np.int64], below: NDArray[np.int64], first: int) -> NDArray[np.int64]:
    """For each key id of ``above`` the step of ``below`` (numbered from ``first``) with the same key, or -1."""
    if not len(below):
        return np.full(len(above), -1, dtype=np.int64)
    order = np.argsort(below, kind="stable")
    place = np.searchsorted(below, above, sorter=order)
    found = order[np.minimum(place, len(below) - 1)]
    return np.where(below[found] == above, found + first, -1)
