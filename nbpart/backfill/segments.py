"""Where the steps of each asset stand among all steps of a schedule: in segments, several an asset if need be."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from nbpart.backfill.plan import StepTable

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Segments:
    """Numbers of steps, and for each the asset that it belongs to and its place among the steps of that asset.

    A segment is a range of steps of one asset; each part of a `StepTable` is one. The places of an asset go on from
    one of its segments to the next. Assets are numbered in the order in which they first have a segment.
    """

    def __init__(self, table: StepTable) -> None:
        self.assets: list[str] = list(dict.fromkeys(part.asset for part in table.assets))
        number = {name: n for n, name in enumerate(self.assets)}
        self._bounds = list(table.offsets)
        self._owners = [number[part.asset] for part in table.assets]
        self._shifts: list[int] = []  # a step's number less its place, by segment
        ranges: list[list[NDArray[np.int32]]] = [[] for _ in self.assets]
        sizes = [0] * len(self.assets)
        for part, first, last in table.ranges():
            asset = number[part.asset]
            self._shifts.append(first - sizes[asset])
            sizes[asset] += last - first
            ranges[asset].append(np.arange(first, last, dtype=np.int32))
        self._steps = [some[0] if len(some) == 1 else np.concatenate(some) for some in ranges]
        #: the one shift of an asset that stands in one segment, by asset
        self._only_shift = {
            own: shift for own, shift in zip(self._owners, self._shifts, strict=True) if len(ranges[own]) == 1
        }

    def __len__(self) -> int:
        return self._bounds[-1]

    def extend(self, asset: str, count: int) -> None:
        """Add steps behind all others, of an asset that has a segment, which may be empty."""
        owner, first = self.assets.index(asset), self._bounds[-1]
        size = len(self._steps[owner])
        if self._owners[-1] == owner:
            self._bounds[-1] += count
        else:
            self._bounds.append(first + count)
            self._owners.append(owner)
            self._shifts.append(first - size)
            if size:
                self._only_shift.pop(owner, None)
            else:
                self._only_shift[owner] = first
        added = np.arange(first, first + count, dtype=np.int32)
        self._steps[owner] = np.concatenate((self._steps[owner], added))

    def steps_of(self, asset: int) -> NDArray[np.int32]:
        """The steps of an asset, in the order of their places."""
        return self._steps[asset]

    def asset_of(self, step: int) -> int:
        return self._owners[bisect_right(self._bounds, step) - 1]

    def locate(self, step: int) -> tuple[int, int]:
        """The asset of a step, and the step's place."""
        segment = bisect_right(self._bounds, step) - 1
        return self._owners[segment], step - self._shifts[segment]

    def places_of(self, asset: int, steps: NDArray[np.int32]) -> NDArray[np.int32]:
        """The places of steps of one asset."""
        if (shift := self._only_shift.get(asset)) is not None:
            return steps - shift if shift else steps
        shifts = np.array(self._shifts, dtype=np.int32)
        places: NDArray[np.int32] = steps - shifts[np.searchsorted(self._bounds, steps, side="right") - 1]
        return places

    def count_leading(self, steps: NDArray[np.int32]) -> int:
        """How many of the first of these steps, which ascend, stand in one segment."""
        end = self._bounds[bisect_right(self._bounds, int(steps[0]))]
        return len(steps) if steps[-1] < end else int(np.searchsorted(steps, end))
