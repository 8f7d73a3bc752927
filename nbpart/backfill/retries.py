"""Attempts that wait for their time after a failure. No clock: the caller passes the time, in seconds."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from nbpart.backfill.claimed_run import ClaimedRun

#: How long to wait before the second attempt where nobody says it, in seconds.
BACKOFF_S = 1.0


class Retries:
    """The next attempts of runs that failed, each ``backoff(asset, n)`` seconds after the n-th failure."""

    def __init__(self, backoff: Callable[[str, int], float]) -> None:
        self._backoff = backoff
        self._waiting: list[tuple[float, int, ClaimedRun]] = []

    def add(self, run: ClaimedRun, now: float) -> None:
        """Let the next attempt of a run wait, from ``now`` on."""
        heapq.heappush(self._waiting, (now + self._backoff(run.asset, run.attempt - 1), run.run_no, run))

    def take_due(self, most: int, now: float) -> list[ClaimedRun]:
        """Take out at most ``most`` attempts whose wait is over."""
        due: list[ClaimedRun] = []
        while len(due) < most and self._waiting and self._waiting[0][0] <= now:
            due.append(heapq.heappop(self._waiting)[2])
        return due

    def wait_s(self, now: float, default: float) -> float:
        """Seconds until the next attempt is due; ``default`` where none waits."""
        return max(0.0, self._waiting[0][0] - now) if self._waiting else default


def choose_backoff(failures: int, initial_s: float) -> float:
    """Seconds to wait after so many failures: ``initial_s``, doubled each time, with jitter; a minute at most."""
    from tenacity import RetryCallState, wait_exponential, wait_random

    state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    state.attempt_number = failures
    return float((wait_exponential(multiplier=initial_s, max=60) + wait_random(0, initial_s))(state))
