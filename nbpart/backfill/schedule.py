"""Which steps of a running backfill may start, and which ones a failure blocks. Pure: no I/O.

Steps are numbers (see `StepTable`). Who waits for whom is said by relations between the steps of assets; a million
steps cost some arrays, not a million objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nbpart.backfill.capacity import Capacity, Limit
from nbpart.backfill.edges import Edge, PartEdge, Waiting, connect
from nbpart.backfill.plan import StepRelation, StepTable
from nbpart.backfill.ready_queue import ReadyQueue
from nbpart.backfill.segments import Segments
from nbpart.states import DONE, STEP_CODES, StepStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Steps = NDArray[np.int32]

_STATUS = tuple(StepStatus)
_PLANNED, _BLOCKED, _QUEUED, _RUNNING, _SUCCEEDED, _FAILED, _CANCELLED = (
    STEP_CODES[s]
    for s in (
        StepStatus.PLANNED,
        StepStatus.BLOCKED,
        StepStatus.QUEUED,
        StepStatus.RUNNING,
        StepStatus.SUCCEEDED,
        StepStatus.FAILED,
        StepStatus.CANCELLED,
    )
)
_NONE: Steps = np.array([], dtype=np.int32)
#: From how many steps on what became ready together is kept as an array.
_MANY = 8


@dataclass(frozen=True)
class _Reading:
    """An edge, and the number of the asset that reads; a tolerant one goes on without what it lacks."""

    reader: int
    edge: Edge
    is_tolerant: bool


class Schedule:
    """The status of every step of a running plan, and the steps that may start now.

    ``relations`` say which steps read which. An asset may read itself: its steps then wait for each other.
    """

    def __init__(self, steps: StepTable, relations: Iterable[StepRelation] = (), limits: Sequence[Limit] = ()) -> None:
        self._segments = Segments(steps)
        self._size = len(steps)
        self._status: NDArray[np.uint8] = np.full(self._size, _PLANNED, dtype=np.uint8)
        self._status_view = self._status.data
        self._counts = [0] * len(_STATUS)  # by code; those that are planned are the rest
        self._capacity = Capacity(self._segments.assets, limits)
        self._ready = ReadyQueue(self._segments, self._capacity)
        self._readings: list[list[_Reading]] = [[] for _ in self._segments.assets]
        self._reads_itself: set[int] = set()
        self._held: set[int] = set()
        waiting = Waiting.of(self._size)
        self._connect(relations, waiting)
        if len(ready := np.flatnonzero(waiting.counts == 0).astype(np.int32)):
            self._ready.add_many(ready)

    def extend(self, steps: StepTable, relations: Iterable[StepRelation] = (), *, takes_all: bool = False) -> None:
        """Add steps, of assets that it has, behind all others.

        ``relations`` say which of them read which. With ``takes_all`` they wait for nothing, and are taken at once.
        """
        first, assets = self._size, self._segments.assets
        before = [len(self._segments.steps_of(asset)) for asset in range(len(assets))]
        for part in steps.assets:
            self._segments.extend(part.asset, len(part))
        self._size += len(steps)
        code = _QUEUED if takes_all else _PLANNED
        self._status = np.concatenate((self._status, np.full(len(steps), code, dtype=np.uint8)))
        self._status_view = self._status.data
        for asset, readings in enumerate(self._readings):  # they do not know the places that come
            for n, each in enumerate(readings):
                if not isinstance(each.edge, PartEdge):
                    readings[n] = replace(each, edge=PartEdge(each.edge, 0, before[asset]))
        if takes_all:
            self._counts[_QUEUED] += len(steps)
            for part in steps.assets:
                self._capacity.use(assets.index(part.asset), len(part))
            return
        waiting = Waiting.of(self._size)
        self._connect(relations, waiting, before)
        if len(ready := np.flatnonzero(waiting.counts[first:] == 0).astype(np.int32)):
            self._ready.add_many(ready + np.int32(first))

    def room_for(self, asset: str) -> float:
        """How many steps of an asset may be taken now; infinite where no limit holds for it."""
        return self._capacity.left_for(self._segments.assets.index(asset))

    @property
    def unfinished_count(self) -> int:
        """How many steps have no outcome yet."""
        counts = self._counts
        return self._size - sum(counts) + counts[_QUEUED] + counts[_RUNNING]

    @property
    def has_ready(self) -> bool:
        return bool(self._ready)

    def counts(self) -> Mapping[StepStatus, int]:
        """How many steps have each status. Safe to call from another thread: the sum is always that of all steps."""
        counts = self._counts.copy()
        counts[_PLANNED] = self._size - sum(counts)
        return dict(zip(_STATUS, counts, strict=True))

    def take(self, most: int) -> list[int]:
        """Take at most ``most`` steps that may start now; their status is queued from here on."""
        taken = self._ready.take(most)
        for step in taken:
            self._status_view[step] = _QUEUED
        self._counts[_QUEUED] += len(taken)
        if self._held:
            self._held.difference_update({self._segments.asset_of(step) for step in taken})
        return taken

    def asset_of(self, step: int) -> str:
        """The name of the asset that a step makes a partition of."""
        return self._segments.assets[self._segments.asset_of(step)]

    @property
    def held(self) -> list[str]:
        """The assets that have ready steps for which there was no place when they were last taken."""
        return [self._segments.assets[asset] for asset in sorted(self._held) if self._ready.has_parked(asset)]

    def hold(self, steps: Sequence[int]) -> None:
        """Let steps that were taken wait for a place, with all of their assets; `reopen` lets them start again."""
        by_asset: dict[int, list[int]] = {}
        for step in steps:
            by_asset.setdefault(self._segments.asset_of(step), []).append(step)
            self._status_view[step] = _PLANNED
        self._counts[_QUEUED] -= len(steps)
        for asset, some in by_asset.items():
            self._capacity.use(asset, -len(some))
            self._capacity.close(asset)
            self._ready.park(asset, some)
            self._held.add(asset)

    def reopen(self, assets: Iterable[str]) -> None:
        """Let steps of these assets be taken again."""
        names = set(assets)
        for asset in self._held:
            if self._segments.assets[asset] in names:
                self._capacity.reopen(asset)

    def start(self, step: int) -> None:
        """Set the status of a step that was taken to running."""
        self._set_status(step, _RUNNING)

    def put_back(self, step: int) -> None:
        """Let a step that was taken start again, before all others."""
        self._counts[self._status_view[step]] -= 1
        self._status_view[step] = _PLANNED
        self._capacity.use(self._segments.asset_of(step), -1)
        self._ready.add_first(step)

    def finish(self, step: int, status: StepStatus) -> list[Steps]:
        """Set the outcome of a step that was taken.

        Readers that waited for it become ready. Returns the steps that are blocked by it, in arrays of one asset each.
        """
        asset, place = self._segments.locate(step)
        self._end(step, asset, STEP_CODES[status])
        if status in DONE:
            self._release(asset, place)
            return []
        return list(self._block_readers(asset, np.array([step], dtype=np.int32)))

    def is_queued(self, step: int) -> bool:
        """Whether a step was taken and does not run yet."""
        return self._status_view[step] == _QUEUED

    def fail_after_success(self, step: int) -> list[Steps]:
        """Set the outcome of a step that has just succeeded to failed.

        Its readers, unless they run already, and the readers of these are blocked. Returns them in arrays of one asset
        each.
        """
        self._set_status(step, _FAILED)
        asset, place = self._segments.locate(step)
        blocked: dict[int, list[Steps]] = {}
        for reading in self._readings[asset]:
            if reading.is_tolerant:
                continue
            freed = reading.edge.find_readers(np.array([place], dtype=np.int32))
            for reader in freed[self._status[freed] == _QUEUED].tolist():
                self.put_back(reader)
            if len(freed := self._block(freed)):
                blocked.setdefault(reading.reader, []).append(freed)
        found = list(self._spread(blocked))
        self._ready.keep(self._status == _PLANNED)
        return found

    def cancel(self, step: int) -> None:
        """Set the outcome of a step that was taken to cancelled. Its readers keep waiting: the backfill ends soon."""
        self._end(step, self._segments.asset_of(step), _CANCELLED)

    def remove(self, step: int) -> None:
        """Set the outcome of a step whose key is gone to cancelled. Its readers go on without it."""
        asset, place = self._segments.locate(step)
        self._end(step, asset, _CANCELLED)
        self._release(asset, place)

    def find_unfinished(self) -> NDArray[np.int64]:
        """The steps that have no outcome."""
        return np.flatnonzero(np.isin(self._status, (_PLANNED, _QUEUED, _RUNNING)))

    def cancel_rest(self) -> NDArray[np.int64]:
        """Set the outcome of all steps that have none to cancelled. Returns these steps."""
        left = self.find_unfinished()
        self._counts[_QUEUED] = self._counts[_RUNNING] = 0
        self._counts[_CANCELLED] += len(left)
        self._status[left] = _CANCELLED
        return left

    def _connect(
        self, relations: Iterable[StepRelation], waiting: Waiting, before: Sequence[int] | None = None
    ) -> None:
        """Let steps wait by relations; of each asset between the steps that came after those ``before``, if given."""
        number = {name: n for n, name in enumerate(self._segments.assets)}
        for each in relations:
            if each.reader in number and each.input in number:
                reader, above = number[each.reader], number[each.input]
                readers, inputs = self._segments.steps_of(reader), self._segments.steps_of(above)
                if before is not None:
                    readers, inputs = readers[before[reader] :], inputs[before[above] :]
                edge = connect(each.relation, readers, len(inputs), waiting)
                if before is not None:
                    edge = PartEdge(edge, before[above], len(inputs))
                self._readings[above].append(_Reading(reader, edge, each.is_tolerant))
                if reader == above:
                    self._reads_itself.add(reader)

    def _end(self, step: int, asset: int, code: int) -> None:
        self._set_status(step, code)
        self._capacity.use(asset, -1)

    def _set_status(self, step: int, code: int) -> None:
        self._counts[self._status_view[step]] -= 1
        self._status_view[step] = code
        self._counts[code] += 1

    def _release(self, asset: int, place: int) -> None:
        for reading in self._readings[asset]:
            freed = reading.edge.release(place)
            if len(freed):
                self._make_ready(freed)

    def _block_readers(self, asset: int, lost: Steps) -> Iterator[Steps]:
        """Block the readers of steps of one asset that did not succeed, and the readers of these.

        Yields the blocked steps in arrays of one asset each.
        """
        if not self._readings[asset]:
            return
        if len(within := self._block_within(asset, lost)):
            yield within
            lost = np.concatenate((lost, within))
        blocked: dict[int, list[Steps]] = {}
        self._lose_all(asset, lost, blocked)
        yield from self._spread(blocked)

    def _spread(self, blocked: dict[int, list[Steps]]) -> Iterator[Steps]:
        """Block the readers of blocked steps, given by asset, and the readers of these. Yields all blocked steps."""
        while blocked:
            asset = min(blocked)
            found = blocked.pop(asset)
            steps = found[0] if len(found) == 1 else np.concatenate(found)
            if len(within := self._block_within(asset, steps)):
                steps = np.concatenate((steps, within))
            yield steps
            self._lose_all(asset, steps, blocked)

    def _lose_all(self, asset: int, lost: Steps, blocked: dict[int, list[Steps]]) -> None:
        """Account for steps of an asset that did not succeed, but for its own edges.

        What is blocked by that is added to ``blocked``, by asset.
        """
        places = self._segments.places_of(asset, lost)
        for reading in self._readings[asset]:
            if reading.reader != asset and len(more := self._lose(reading, places)):
                blocked.setdefault(reading.reader, []).append(more)

    def _block_within(self, asset: int, lost: Steps) -> Steps:
        """Block the steps of an asset that read lost ones of the asset itself, and those that read these."""
        found = [_NONE]
        todo = [lost] if asset in self._reads_itself else []
        while todo:
            places = self._segments.places_of(asset, todo.pop())
            for reading in self._readings[asset]:
                if reading.reader == asset and len(more := self._lose(reading, places)):
                    todo.append(more)
                    found.append(more)
        return np.concatenate(found) if len(found) > 1 else _NONE

    def _lose(self, reading: _Reading, places: Steps) -> Steps:
        """Account in an edge for steps of its input, given by their places, that did not succeed.

        Returns the readers that are blocked by that.
        """
        if not reading.is_tolerant:
            return self._block(reading.edge.find_readers(places))
        freed = reading.edge.release_all(places)
        if len(freed):
            self._make_ready(freed)
        return _NONE

    def _block(self, steps: Steps) -> Steps:
        """Block those of the steps that are planned. Returns them."""
        if len(steps) == 1:
            step = int(steps[0])
            if self._status_view[step] != _PLANNED:
                return _NONE
            self._status_view[step] = _BLOCKED
            self._counts[_BLOCKED] += 1
            return steps
        blocked: Steps = steps[self._status[steps] == _PLANNED]
        self._status[blocked] = _BLOCKED
        self._counts[_BLOCKED] += len(blocked)
        return blocked

    def _make_ready(self, freed: Sequence[int] | Steps) -> None:
        """Add those of the steps, which wait for nothing now, to the ready ones that are planned still."""
        if len(freed) < _MANY:
            for step in sorted(map(int, freed)):
                if self._status_view[step] == _PLANNED:
                    self._ready.add(step)
            return
        steps = np.asarray(freed, dtype=np.int32)
        steps = np.sort(steps[self._status[steps] == _PLANNED])
        if len(steps):
            self._ready.add_many(steps)
