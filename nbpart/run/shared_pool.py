"""One pool of workers for several backfills: each has a share, which looks like a pool of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from nbpart.run.kernels.zygotes import shared as zygotes
from nbpart.run.pool import ThreadPool
from nbpart.run.report import RunReport
from nbpart.run.spec import RunSpec

#: The id of a run and the number of its attempt.
_Attempt = tuple[str, int]


class SharedPool:
    """``max_workers`` runs at a time on this machine, whichever backfills they are of."""

    def __init__(self, max_workers: int) -> None:
        self._pool = ThreadPool(max_workers, on_start=self._start)
        self._changed = threading.Condition()
        self._shares: dict[_Attempt, PoolShare] = {}
        self._ended_at = time.monotonic()
        self._holds_kernels = self._is_closed = False
        self._router = threading.Thread(target=self._route, name="nbpart results", daemon=True)
        self._router.start()

    @property
    def max_workers(self) -> int:
        return self._pool.max_workers

    @property
    def running(self) -> int:
        """How many runs it has, those included that wait for a worker."""
        return len(self._shares)

    def share(self, on_start: Callable[[RunSpec], None]) -> PoolShare:
        """A pool for one backfill; ``on_start`` is called with the spec when a run of it begins."""
        return PoolShare(self, on_start)

    def release_kernels(self, idle_s: float) -> None:
        """End the processes that wait to fork kernels, where nothing has run for so many seconds."""
        with self._changed:
            if self._holds_kernels and not self._shares and time.monotonic() - self._ended_at > idle_s:
                self._holds_kernels = False
                zygotes.close()

    def close(self) -> None:
        """Cancel every run and wait until nothing of them is left."""
        self._pool.close()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._router.join()

    def submit(self, spec: RunSpec, share: PoolShare) -> None:
        with self._changed:
            self._holds_kernels = True
            self._shares[spec.run_id, spec.attempt] = share
            try:
                self._pool.submit(spec)
            except BaseException:
                del self._shares[spec.run_id, spec.attempt]
                raise
            self._changed.notify_all()

    def cancel(self, run_id: str) -> None:
        self._pool.cancel(run_id)

    def cancel_waiting(self, run_ids: frozenset[str]) -> None:
        self._pool.cancel_waiting(run_ids)

    def _start(self, spec: RunSpec) -> None:
        with self._changed:
            share = self._shares[spec.run_id, spec.attempt]
        share.on_start(spec)

    def _route(self) -> None:
        """Give each result to the share that its run is of."""
        while True:
            with self._changed:
                while not self._shares and not self._is_closed:
                    self._changed.wait()
                if not self._shares:
                    return
            for report in self._pool.next_results():
                with self._changed:
                    share = self._shares.pop((report.run_id, report.attempt))
                    self._ended_at = time.monotonic()
                share.put(report)


class PoolShare:
    """The part of a shared pool that runs one backfill: a `nbpart.run.pool.Pool`."""

    def __init__(self, pool: SharedPool, on_start: Callable[[RunSpec], None]) -> None:
        self._pool, self.on_start = pool, on_start
        self._changed = threading.Condition()
        self._outstanding: set[_Attempt] = set()
        self._results: deque[RunReport] = deque()
        self._is_closed = False

    @property
    def max_workers(self) -> int:
        return self._pool.max_workers

    def submit(self, spec: RunSpec) -> None:
        """Execute a run as soon as there is a worker for it; RuntimeError once the share is closed."""
        with self._changed:
            if self._is_closed:
                raise RuntimeError("the pool is closed and takes no more runs.")
            self._outstanding.add((spec.run_id, spec.attempt))
        try:
            self._pool.submit(spec, self)
        except BaseException:
            with self._changed:
                self._outstanding.discard((spec.run_id, spec.attempt))
            raise

    def next_results(self, timeout_s: float | None = None) -> list[RunReport]:
        """The results that are there, waiting until there is one; [] after the time-out or when none is to come."""
        with self._changed:
            self._changed.wait_for(lambda: self._results or not self._outstanding, timeout_s)
            results = list(self._results)
            self._results.clear()
            return results

    def cancel(self, run_id: str) -> None:
        """Cancel a run; its result still comes. A run that is not here, or over, is left alone."""
        if run_id in self._run_ids():
            self._pool.cancel(run_id)

    def cancel_all(self) -> None:
        """Cancel every run of this share."""
        for run_id in self._run_ids():
            self._pool.cancel(run_id)

    def cancel_waiting(self) -> None:
        """Cancel every run of this share that has not begun."""
        self._pool.cancel_waiting(self._run_ids())

    def close(self) -> None:
        """Cancel every run of this share and wait until nothing of them is left."""
        with self._changed:
            self._is_closed = True
        self.cancel_all()
        with self._changed:
            self._changed.wait_for(lambda: not self._outstanding)

    def put(self, report: RunReport) -> None:
        """Take a result in."""
        with self._changed:
            self._outstanding.discard((report.run_id, report.attempt))
            self._results.append(report)
            self._changed.notify_all()

    def _run_ids(self) -> frozenset[str]:
        with self._changed:
            return frozenset(run_id for run_id, _ in self._outstanding)
