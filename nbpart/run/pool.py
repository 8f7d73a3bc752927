"""Executing runs: a pool takes specs and returns reports. `ThreadPool` executes them on this machine."""

from __future__ import annotations

import atexit
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Protocol

from nbpart.run.notebook import NotebookRun
from nbpart.run.report import Ending, RunReport
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus


class Pool(Protocol):
    """The interface of every pool. Its methods may be called from any thread, and each spec gets exactly one report."""

    @property
    def max_workers(self) -> int:
        """How many runs are executed at once."""

    def submit(self, spec: RunSpec) -> None:
        """Execute a run as soon as there is a worker for it."""

    def next_results(self, timeout_s: float | None = None) -> list[RunReport]:
        """The results that are there, waiting until there is one; [] after the time-out or when none is to come."""

    def cancel(self, run_id: str) -> None:
        """Cancel a run; its result still comes. A run that is not here, or over, is left alone."""

    def cancel_all(self) -> None:
        """Cancel every run."""

    def cancel_waiting(self) -> None:
        """Cancel every run that has not begun."""

    def close(self) -> None:
        """Cancel every run and wait until nothing of them is left."""


class ThreadPool:
    """Runs on this machine: `max_workers` threads, each driving one kernel at a time.

    `on_start` is called with the spec, in the worker's thread, when a run begins. Threads end with `close`.
    """

    def __init__(self, max_workers: int, *, on_start: Callable[[RunSpec], None] | None = None) -> None:
        if max_workers < 1:
            raise ValueError(f"a pool needs at least one worker, not {max_workers}.")
        self._max_workers = max_workers
        self._on_start = on_start
        self._changed = threading.Condition()
        self._waiting: deque[NotebookRun] = deque()
        self._running: set[NotebookRun] = set()
        self._outstanding = 0
        self._results: deque[RunReport] = deque()
        self._threads: list[threading.Thread] = []
        self._is_closed = False
        # workers are daemons so that a forgotten pool does not hold the interpreter; its kernels must go all the same
        atexit.register(self.close)

    @property
    def max_workers(self) -> int:
        return self._max_workers

    def submit(self, spec: RunSpec) -> None:
        """Execute a run as soon as there is a worker for it; RuntimeError once the pool is closed."""
        with self._changed:
            if self._is_closed:
                raise RuntimeError("the pool is closed and takes no more runs.")
            self._waiting.append(NotebookRun(spec, on_start=self._on_start))
            self._outstanding += 1
            if not self._threads:
                self._start_thread("nbpart starter", self._prepare)
            workers = len(self._threads) - 1
            if workers < self._max_workers and len(self._waiting) + len(self._running) > workers:
                self._start_thread(f"nbpart worker {workers}", self._work)
            self._changed.notify_all()

    def next_results(self, timeout_s: float | None = None) -> list[RunReport]:
        """The results that are there, waiting until there is one; [] after the time-out or when none is to come."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while not self._results and self._outstanding:
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._changed.wait(left)
            results = list(self._results)
            self._results.clear()
            self._outstanding -= len(results)
        return results

    def cancel(self, run_id: str) -> None:
        """Cancel a run; its result still comes. A run that is not here, or over, is left alone."""
        with self._changed:
            self._cancel(lambda run: run.spec.run_id == run_id)

    def cancel_all(self) -> None:
        """Cancel every run."""
        with self._changed:
            self._cancel(lambda run: True)

    def cancel_waiting(self, run_ids: Collection[str] | None = None) -> None:
        """Cancel every run that has not begun, or those of them with these ids."""
        with self._changed:
            self._discard(lambda run: run_ids is None or run.spec.run_id in run_ids)

    def close(self) -> None:
        """Cancel every run and wait until nothing of them is left; results that came can still be fetched."""
        with self._changed:
            self._is_closed = True
            self._cancel(lambda run: True)
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        atexit.unregister(self.close)

    def __enter__(self) -> ThreadPool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _start_thread(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _cancel(self, is_meant: Callable[[NotebookRun], bool]) -> None:
        for run in self._running:
            if is_meant(run):
                run.cancel()
        self._discard(is_meant)

    def _discard(self, is_meant: Callable[[NotebookRun], bool]) -> None:
        kept: deque[NotebookRun] = deque()
        for run in self._waiting:
            if is_meant(run):
                run.discard()
                self._results.append(_never_started(run.spec))
            else:
                kept.append(run)
        self._waiting = kept
        self._changed.notify_all()

    def _prepare(self) -> None:
        """Start the kernels of the runs that come next, at most as many as there are workers, while those are busy."""
        while True:
            with self._changed:
                while (run := self._next_to_prepare()) is None and not self._is_closed:
                    self._changed.wait()
            if run is None or self._is_closed:
                return
            run.start_ahead()

    def _next_to_prepare(self) -> NotebookRun | None:
        if len(self._running) < self._max_workers:
            return None
        return next((run for run in list(self._waiting)[: self._max_workers] if not run.is_begun), None)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._is_closed:
                    self._changed.wait()
                if not self._waiting:
                    return
                run = self._waiting.popleft()
                self._running.add(run)
                self._changed.notify_all()
            try:
                result = run.execute()
            except Exception as error:  # noqa: BLE001 - who waits for this result would wait for ever
                result = _broken(run.spec, error)
            with self._changed:
                self._running.remove(run)
                self._results.append(result)
                self._changed.notify_all()


def _never_started(spec: RunSpec) -> RunReport:
    return _not_executed(spec, Ending(RunStatus.CANCELLED, "Cancelled", "the run was cancelled before it started"))


def _broken(spec: RunSpec, error: Exception) -> RunReport:
    text = "".join(traceback.format_exception(error))
    message = str(error) or type(error).__name__
    return _not_executed(spec, Ending(RunStatus.FAILED, type(error).__name__, message, traceback=text))


def _not_executed(spec: RunSpec, ending: Ending) -> RunReport:
    now = datetime.now(UTC)
    report = RunReport(
        run_no=spec.run_no,
        run_id=spec.run_id,
        partition_key=spec.partition_key,
        attempt=spec.attempt,
        status=ending.status,
        started_at=now,
        finished_at=now,
        duration_s=0.0,
    )
    return report.with_ending(ending)
