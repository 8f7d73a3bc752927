"""The steps of a schedule that wait for nothing but a place, and the order in which they are taken."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from nbpart.backfill.capacity import Capacity
from nbpart.backfill.segments import Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _Batch:
    """Steps that became ready together, ascending; those before ``cursor`` are taken."""

    __slots__ = ("cursor", "steps")

    def __init__(self, steps: NDArray[np.int32]) -> None:
        self.steps, self.cursor = steps, 0

    def __len__(self) -> int:
        return len(self.steps) - self.cursor

    @property
    def rest(self) -> NDArray[np.int32]:
        return self.steps[self.cursor :]

    def take(self, count: int) -> list[int]:
        taken: list[int] = self.steps[self.cursor : self.cursor + count].tolist()
        self.cursor += len(taken)
        return taken


class _Parked:
    """Ready steps of one asset that had no place: those that were added one by one, then those of batches."""

    def __init__(self) -> None:
        self.singles: deque[int] = deque()
        self.batches: deque[_Batch] = deque()

    def __bool__(self) -> bool:
        return bool(self.singles or self.batches)

    def take(self, count: int) -> list[int]:
        taken = [self.singles.popleft() for _ in range(min(count, len(self.singles)))]
        while self.batches and len(taken) < count:
            taken += self.batches[0].take(count - len(taken))
            if not self.batches[0]:
                self.batches.popleft()
        return taken

    def keep(self, wanted: NDArray[np.bool_]) -> None:
        self.singles = deque(step for step in self.singles if wanted[step])
        self.batches = deque(_filter(self.batches, wanted))


class ReadyQueue:
    """Ready steps: what a finished step has freed goes before the rest, so that a key flows through the graph.

    What has no place by ``capacity`` is parked, so that it holds up nothing else, and goes first when there is one.
    """

    def __init__(self, segments: Segments, capacity: Capacity) -> None:
        self._segments, self._capacity = segments, capacity
        self._next: deque[int] = deque()
        self._batches: list[_Batch] = []
        self._parked: dict[int, _Parked] = {}  # by asset

    def __bool__(self) -> bool:
        """Whether a step may be taken now."""
        return bool(self._next or self._batches) or any(self._capacity.left_for(asset) > 0 for asset in self._parked)

    def add(self, step: int) -> None:
        """Add a step that is taken after those that were added one by one before, and before all others."""
        self._next.append(step)

    def add_first(self, step: int) -> None:
        """Add a step that is taken before all others."""
        self._next.appendleft(step)

    def add_many(self, steps: NDArray[np.int32]) -> None:
        """Add steps, at least one and ascending, that are taken before those that were added like this before."""
        self._batches.append(_Batch(steps))

    def park(self, asset: int, steps: list[int]) -> None:
        """Add steps of an asset that were taken and had no place after all; they go before all others of it."""
        self._parked.setdefault(asset, _Parked()).singles.extendleft(reversed(steps))

    def has_parked(self, asset: int) -> bool:
        return asset in self._parked

    def take(self, most: int) -> list[int]:
        """Take out at most ``most`` steps that have a place, and take up their places."""
        taken: list[int] = self._take_parked(most) if self._parked else []
        capacity = self._capacity
        while self._next and len(taken) < most:
            step = self._next.popleft()
            asset = self._segments.asset_of(step)
            if capacity.left_for(asset) > 0:
                capacity.use(asset, 1)
                taken.append(step)
            else:
                self._parked.setdefault(asset, _Parked()).singles.append(step)
        while self._batches and len(taken) < most:
            taken += self._take_of_batch(most - len(taken))
        return taken

    def keep(self, wanted: NDArray[np.bool_]) -> None:
        """Drop all steps but the ``wanted`` ones, also of what is parked; a bool for each step of the schedule."""
        self._next = deque(step for step in self._next if wanted[step])
        self._batches = _filter(self._batches, wanted)
        for parked in self._parked.values():
            parked.keep(wanted)
        self._parked = {asset: parked for asset, parked in self._parked.items() if parked}

    def _take_parked(self, most: int) -> list[int]:
        taken: list[int] = []
        for asset, parked in list(self._parked.items()):
            room = int(min(most - len(taken), self._capacity.left_for(asset)))
            if room > 0:
                found = parked.take(room)
                self._capacity.use(asset, len(found))
                taken += found
            if not parked:
                del self._parked[asset]
        return taken

    def _take_of_batch(self, most: int) -> list[int]:
        """Take steps of the first segment in the last batch; park them where the limits leave no place."""
        batch = self._batches[-1]
        asset = self._segments.asset_of(int(batch.steps[batch.cursor]))
        count = self._segments.count_leading(batch.rest)
        room = int(min(most, count, self._capacity.left_for(asset)))
        taken = batch.take(room)
        if taken:
            self._capacity.use(asset, len(taken))
        else:
            self._parked.setdefault(asset, _Parked()).batches.append(_Batch(batch.rest[:count]))
            batch.cursor += count
        if not batch:
            self._batches.pop()
        return taken


def _filter(batches: deque[_Batch] | list[_Batch], wanted: NDArray[np.bool_]) -> list[_Batch]:
    rests = [batch.rest for batch in batches]
    rests = [rest[wanted[rest]] for rest in rests]
    return [_Batch(rest) for rest in rests if len(rest)]
