"""Running a plan: claim, submit, record, retry, follow, cancel.

One thread a backfill. Each of its turns is one transaction, which records the results that came in and claims what
may start next; only then are the claimed runs handed to the pool. So whatever dies, the catalog knows of every run
that was ever started, and a result is recorded once.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.backfill.claims import Claimed, Flight, Wanted, claim_steps, observe_sources, start_attempts
from nbpart.backfill.coordinator import Coordinator
from nbpart.backfill.nodes import Node, Registry
from nbpart.backfill.plan import StepTable
from nbpart.backfill.results import to_outcome
from nbpart.backfill.schedule import Schedule
from nbpart.backfill.sources import Observation, record
from nbpart.catalog import Batch, Catalog, Outcome, events, queries
from nbpart.errors import CatalogBusyError
from nbpart.run.pool import Pool
from nbpart.run.spec import RunResult, RunSpec
from nbpart.states import RunStatus, StepStatus

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("nbpart")

#: How long one turn waits for results, in seconds: the longest that a cancel or a due retry waits to be seen.
TURN_S = 0.1
#: How often runs that another backfill has are looked at, in seconds.
FOLLOW_S = 0.3


@dataclass(frozen=True)
class Options:
    """How a backfill runs: ``params`` overrides settings of its runs, ``timeout_s`` bounds a run in seconds."""

    max_workers: int
    retries: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None
    backoff_s: float = 1.0

    def to_json(self) -> dict[str, Any]:
        return {
            "max_workers": self.max_workers,
            "retries": self.retries,
            "params": dict(self.params),
            "timeout_s": self.timeout_s,
            "backoff_s": self.backoff_s,
        }


@dataclass(frozen=True)
class Job:
    """One execution of a backfill. ``numbers`` are the step numbers in the catalog of the steps of ``steps``."""

    backfill_no: int
    backfill_id: str
    registry: Registry
    steps: StepTable
    numbers: Any
    options: Options

    def place(self, step: int) -> tuple[str, int]:
        """Asset and key id of a step."""
        index = int(np.searchsorted(self.steps.offsets, step, side="right")) - 1
        asset = self.steps.assets[index]
        return asset.asset, int(asset.key_ids[step - self.steps.offsets[index]])


class Runner:
    """Drives one job to its end in a thread of its own."""

    def __init__(self, catalog: Catalog, root: Path, coordinator: Coordinator, pool: Pool, job: Job) -> None:
        self._catalog, self._root, self._coordinator, self._pool, self._job = catalog, root, coordinator, pool, job
        self._schedule = Schedule(job.steps, job.registry.graph)
        self._flights: dict[str, Flight] = {}
        self._delayed: list[tuple[float, int, Flight]] = []
        self._followed: dict[int, int] = {}
        self._followed_at = 0.0
        self._notes: list[pd.DataFrame] = []
        self._cancelling = threading.Event()
        self._ended = threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"nbpart-backfill-{job.backfill_id}")

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Ask for the end: running kernels are stopped, nothing new starts."""
        self._cancelling.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether it has ended, after at most ``timeout_s`` seconds."""
        return self._ended.wait(timeout_s)

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    def counts(self) -> Mapping[StepStatus, int]:
        """Steps by status as this process knows them, a moment ahead of the catalog."""
        return self._schedule.counts()

    def _run(self) -> None:
        try:
            self._loop()
        except BaseException as error:  # noqa: BLE001 - the thread's last word; wait() raises it in the caller
            self.error = error
            log.error("backfill %s stopped: %s", self._job.backfill_id, error)
        finally:
            self._pool.close()
            self._ended.set()

    def _loop(self) -> None:
        results: list[RunResult] = []
        stopped = False
        while self._schedule.unfinished and not (stopped and not self._flights):
            if self._cancelling.is_set() and not stopped:
                stopped = True
                self._pool.cancel_all()
            self._turn(results, stopped)
            results = self._pool.next_results(TURN_S) if self._flights else self._idle()
        self._turn(results, stopping=True)
        self._finish(cancelled=stopped)

    def _idle(self) -> list[RunResult]:
        """Wait for a retry to be due or a run elsewhere to end."""
        if not self._schedule.has_ready:
            self._cancelling.wait(TURN_S)
        return []

    def _turn(self, results: Sequence[RunResult], stopping: bool) -> None:
        """Record ``results``, then start what may start."""
        outcomes = [self._settle(result, stopping) for result in results]
        retries = [] if stopping else self._due()
        room = self._pool.max_workers - len(self._flights) - len(retries)
        steps = [] if stopping else self._schedule.take(max(0, room))
        following = self._time_to_follow()
        if not (outcomes or retries or steps or following or self._notes):
            return
        wanted = [Wanted(step, int(self._job.numbers[step]), *self._job.place(step)) for step in steps]
        seen = observe_sources(self._catalog, self._job.registry, wanted)
        exchange = self._write(lambda batch: self._exchange(batch, outcomes, wanted, seen, retries, following))
        self._notes = []
        self._digest(exchange)
        for spec in exchange.specs:
            self._pool.submit(spec)

    def _write(self, work: Callable[[Batch], Exchange]) -> Exchange:
        """Write, however long another process holds the catalog: no result may be lost to a time-out."""
        while True:
            try:
                return self._catalog.write(work)
            except CatalogBusyError as error:
                log.warning("backfill %s waits: %s", self._job.backfill_id, error)

    def _exchange(
        self,
        batch: Batch,
        outcomes: Sequence[Outcome],
        wanted: Sequence[Wanted],
        seen: Sequence[tuple[Node, list[Observation]]],
        retries: Sequence[Flight],
        following: bool,
    ) -> Exchange:
        job = self._job
        if outcomes:
            events.record_outcomes(batch, outcomes)
        for frame in self._notes:
            events.record_step_results(batch, job.backfill_no, frame)
        exchange = Exchange()
        if following:
            exchange.ended = queries.final_statuses(batch, list(self._followed))
        for node, changed in seen:
            record(batch, node, changed)
        if wanted:
            exchange.claimed = claim_steps(
                batch, self._root, job.registry, job.backfill_no, self._coordinator.number, wanted, job.options.params
            )
        flights = [*retries, *exchange.claimed.flights]
        exchange.flights = flights
        exchange.specs = start_attempts(batch, self._root, job.registry, flights, job.options)
        return exchange

    def _digest(self, exchange: Exchange) -> None:
        """Take over what a transaction that is committed now has done."""
        for flight in exchange.flights:
            self._flights[flight.run_id] = flight
        self._followed.update(exchange.claimed.followed)
        for refused in exchange.claimed.refused:
            self._end_step(refused.step, refused.status, None, refused.cause, refused.label)
        for run_no, status in exchange.ended.items():
            step = self._followed.pop(run_no)
            if status in (RunStatus.SUCCEEDED, RunStatus.FAILED):
                cause = f"{status} in another backfill"
                self._end_step(step, StepStatus(status), run_no, cause, f"step {self._job.numbers[step]}")
            else:  # cancelled or interrupted elsewhere: it is ours to run now
                self._schedule.put_back(step)

    def _settle(self, result: RunResult, stopping: bool) -> Outcome:
        """What an attempt's result means for its step, and the outcome to record."""
        flight = self._flights.pop(result.run_id)
        failed = result.status is RunStatus.FAILED
        again = (
            failed and flight.attempt <= self._job.options.retries and not stopping and not self._cancelling.is_set()
        )
        if again:
            self._delay(flight.next_attempt())
        elif result.status is RunStatus.CANCELLED:
            self._schedule.drop(flight.step)
            self._note([flight.step], StepStatus.CANCELLED, flight.run_no, "the backfill was cancelled")
        else:
            cause = f"{result.error_class}: {_first_line(result.error_message)}" if failed else ""
            self._end_step(flight.step, StepStatus(result.status), flight.run_no, cause, flight.label)
        return to_outcome(self._root, flight, result, final=not again)

    def _delay(self, flight: Flight) -> None:
        wait_s = backoff(flight.attempt - 1, self._job.options.backoff_s)
        heapq.heappush(self._delayed, (time.monotonic() + wait_s, flight.run_no, flight))

    def _due(self) -> list[Flight]:
        due: list[Flight] = []
        room = self._pool.max_workers - len(self._flights)
        while len(due) < room and self._delayed and self._delayed[0][0] <= time.monotonic():
            due.append(heapq.heappop(self._delayed)[2])
        return due

    def _time_to_follow(self) -> bool:
        if not self._followed or time.monotonic() - self._followed_at < FOLLOW_S:
            return False
        self._followed_at = time.monotonic()
        self._coordinator.reap()
        return True

    def _end_step(self, step: int, status: StepStatus, run_no: int | None, cause: str, label: str) -> None:
        self._note([step], status, run_no, cause)
        told = f"{label} is {status}" if status is StepStatus.BLOCKED else f"{label} {status}"
        for blocked in self._schedule.finish(step, status):
            self._note(blocked, StepStatus.BLOCKED, None, f"{told}: {cause}" if cause else told)

    def _note(self, steps: Any, status: StepStatus, run_no: int | None, cause: str) -> None:
        self._notes.append(step_results(self._job.numbers[np.asarray(steps)], status, run_no, cause))

    def _finish(self, cancelled: bool) -> None:
        job, left = self._job, self._schedule.unsettled()
        if len(left):
            self._note(left, StepStatus.CANCELLED, None, "the backfill was cancelled")
        waiting = [flight for _, _, flight in self._delayed]
        counts = self._schedule.counts()
        failed = any(counts[s] for s in (StepStatus.FAILED, StepStatus.BLOCKED, StepStatus.CANCELLED))
        ended = RunStatus.CANCELLED if cancelled else RunStatus.FAILED if failed else RunStatus.SUCCEEDED

        def work(batch: Batch) -> Exchange:
            events.record_outcomes(batch, [_cancelled(flight) for flight in waiting])
            for frame in self._notes:
                events.record_step_results(batch, job.backfill_no, frame)
            events.finish_backfill(batch, job.backfill_no, str(ended))
            return Exchange()

        self._write(work)


@dataclass
class Exchange:
    """What one transaction did."""

    claimed: Claimed = field(default_factory=Claimed)
    flights: list[Flight] = field(default_factory=list)
    specs: list[RunSpec] = field(default_factory=list)
    ended: dict[int, RunStatus] = field(default_factory=dict)


def backoff(attempt: int, initial_s: float) -> float:
    """Seconds to wait after the ``attempt``-th failure: exponential with jitter, a minute at most."""
    from tenacity import RetryCallState, wait_exponential_jitter

    state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    state.attempt_number = attempt
    return float(wait_exponential_jitter(initial=initial_s, max=60, jitter=initial_s)(state))


def step_results(numbers: Any, status: StepStatus, run_no: int | None, cause: str) -> pd.DataFrame:
    """Rows for `events.record_step_results`."""
    import pandas as pd

    return pd.DataFrame(
        {
            "step_no": numbers,
            "status": str(status),
            "run_no": pd.array([run_no] * len(numbers), dtype="Int64"),
            "cause": cause or None,
        }
    )


def _first_line(message: str | None) -> str:
    return (message or "").strip().partition("\n")[0][:300]


def _cancelled(flight: Flight) -> Outcome:
    return Outcome(flight.run_no, flight.attempt, RunStatus.CANCELLED, final=True, finished_at=datetime.now(UTC))
