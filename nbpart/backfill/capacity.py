"""The limits of a schedule: how many steps of some assets may be under way together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """At most ``most`` steps of these assets, taken together, may be queued or running."""

    assets: frozenset[str]
    most: int


class Capacity:
    """How many steps of each asset the limits leave. Assets are given by their places in ``names``."""

    def __init__(self, names: Sequence[str], limits: Sequence[Limit]) -> None:
        self._left = [limit.most for limit in limits]
        self._limits = [[n for n, limit in enumerate(limits) if name in limit.assets] for name in names]
        self._closed: set[int] = set()

    def left_for(self, asset: int) -> float:
        """How many steps of the asset may be taken now; infinite where no limit holds for it."""
        if self._closed and asset in self._closed:
            return 0
        limits = self._limits[asset]
        return min([self._left[n] for n in limits]) if limits else math.inf

    def close(self, asset: int) -> None:
        """Leave the asset no place, whatever the limits say, until `reopen`: others have all that it may have."""
        self._closed.add(asset)

    def reopen(self, asset: int) -> None:
        self._closed.discard(asset)

    def use(self, asset: int, steps: int) -> None:
        """Take up the places of some steps of the asset; a negative number gives places back."""
        for n in self._limits[asset]:
            self._left[n] -= steps
