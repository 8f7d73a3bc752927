"""How much work the pool has ahead, by what runs took of late: so much that no worker waits for a transaction."""

from __future__ import annotations

import math
from collections import Counter

#: For how long each worker is given work ahead where runs are short, in seconds: longer than a turn with the gathering
#: of results before it, on a slow disk too.
AHEAD_S = 1.0
#: How many attempts a worker is given at most.
MOST_PER_WORKER = 64
#: What is left of the longest time of late when a run took less.
_DECAY = 0.9


class Pace:
    """What runs of each asset take, as seen so far, and which attempts wait in the pool for one of the workers.

    An attempt is named by the number of its first run and its own.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._waiting: dict[tuple[int | None, int], str] = {}
        self._counts: Counter[str] = Counter()  # of what waits, by asset
        self._seconds: dict[str, float] = {}  # by asset: the longest time of late

    def submit(self, attempt: tuple[int | None, int], asset: str) -> None:
        """An attempt waits in the pool."""
        self._waiting[attempt] = asset
        self._counts[asset] += 1

    def start(self, attempt: tuple[int | None, int]) -> None:
        """An attempt waits no longer. Only the first call has an effect."""
        if (asset := self._waiting.pop(attempt, None)) is not None:
            self._counts[asset] -= 1

    def end(self, attempt: tuple[int | None, int], asset: str, seconds: float | None) -> None:
        """An attempt took so many seconds; None where it did not run to its end."""
        self.start(attempt)
        if seconds is not None:
            self._seconds[asset] = max(seconds, self._seconds.get(asset, 0.0) * _DECAY)

    def ahead_s(self, unknown_s: float = 0.0) -> float:
        """For how many seconds what waits keeps all workers busy.

        A run of an asset of which none has ended yet counts ``unknown_s``.
        """
        waiting = ((asset, count) for asset, count in self._counts.items() if count)
        return sum(count * self._seconds.get(asset, unknown_s) for asset, count in waiting) / self._workers

    def room_s(self) -> float:
        """How many seconds of work may be handed out ahead, over all workers; none while an unknown asset waits."""
        return (AHEAD_S - self.ahead_s(math.inf)) * self._workers

    def seconds_of(self, asset: str) -> float:
        """What a run of an asset takes; infinite where none has ended."""
        return self._seconds.get(asset, math.inf)
