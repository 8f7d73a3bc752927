"""Attempts that wait for their time after a failure."""

from __future__ import annotations

import heapq
import time

from nbpart.backfill.claims import Flight


class Retries:
    """The next attempts of runs that failed, each due after a wait that grows; ``initial_s`` is the first."""

    def __init__(self, initial_s: float) -> None:
        self._initial_s = initial_s
        self._waiting: list[tuple[float, int, Flight]] = []

    def add(self, flight: Flight) -> None:
        """Let an attempt, not the first, wait from now on."""
        due_at = time.monotonic() + backoff(flight.attempt - 1, self._initial_s)
        heapq.heappush(self._waiting, (due_at, flight.run_no, flight))

    def take_due(self, most: int) -> list[Flight]:
        """At most ``most`` attempts whose wait is over."""
        due: list[Flight] = []
        while len(due) < most and self._waiting and self._waiting[0][0] <= time.monotonic():
            due.append(heapq.heappop(self._waiting)[2])
        return due

    def wait_s(self, otherwise: float) -> float:
        """Seconds until the next is due; ``otherwise`` where none waits."""
        return max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else otherwise


def backoff(attempt: int, initial_s: float) -> float:
    """Seconds to wait after the ``attempt``-th failure: exponential with jitter, a minute at most."""
    from tenacity import RetryCallState, wait_exponential, wait_random

    state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    state.attempt_number = attempt
    return float((wait_exponential(multiplier=initial_s, max=60) + wait_random(0, initial_s))(state))
