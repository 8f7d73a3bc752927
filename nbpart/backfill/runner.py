"""Running a plan: claim, submit, record, retry, follow, cancel.

One thread a backfill. Each of its turns is one transaction, which records the results that came in and claims what
may start next; only then are the claimed runs handed to the pool. So whatever dies, the catalog knows of every run
that was ever started, and a result is recorded once. The pool is given more than it can run at once, so that its
workers go on while a turn is made, and a turn can record several results. Where the thread itself cannot go on it ends
what it has claimed as interrupted, so that nothing stays `running` for ever.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nbpart.backfill.claims import (
    Claimed,
    Flight,
    Followed,
    build_bulk_spec,
    build_spec,
    claim_steps,
    gather,
)
from nbpart.backfill.coordinator import Coordinator
from nbpart.backfill.kept import let_go_beyond
from nbpart.backfill.nodes import Registry, Wanted
from nbpart.backfill.options import SINGLE_RUN, BackfillOptions
from nbpart.backfill.pending import Pending
from nbpart.backfill.plan import StepTable
from nbpart.backfill.results import check_report, missing_member, to_outcome
from nbpart.backfill.retries import Retries
from nbpart.backfill.schedule import Limit, Schedule
from nbpart.backfill.sources import Look, look_at_sources, record
from nbpart.catalog import Batch, Catalog, Outcome, events, queries
from nbpart.errors import CatalogBusyError
from nbpart.run.pool import Pool
from nbpart.run.report import RunReport
from nbpart.states import RunStatus, StepStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")
log = logging.getLogger("nbpart")

#: How long one turn waits for results, in seconds: the longest that a cancel or a due retry waits to be seen.
TURN_S = 0.1
#: How long results wait for each other, in seconds, while every worker is busy.
TOGETHER_S = 0.4
#: How many runs the pool is given ahead: so many times its workers' number, and so many that a turn is worth its cost.
AHEAD, LEAST_AHEAD = 2, 12
#: How often runs that another backfill has are looked at, in seconds, and whether somebody asked for the end.
FOLLOW_S = 0.3
_CANCELLED = "the backfill was cancelled"


@dataclass(frozen=True)
class Job:
    """One execution of a backfill. ``numbers`` are the step numbers in the catalog of the steps of ``steps``."""

    backfill_no: int
    backfill_id: str
    registry: Registry
    steps: StepTable
    numbers: NDArray[np.int64]
    options: BackfillOptions

    def want(self, step: int) -> Wanted:
        """What to claim for a step."""
        index = int(np.searchsorted(self.steps.offsets, step, side="right")) - 1
        asset = self.steps.assets[index]
        key_id = int(asset.key_ids[step - self.steps.offsets[index]])
        return Wanted(step, int(self.numbers[step]), asset.asset, key_id)

    @property
    def limits(self) -> list[Limit]:
        """The limits that the options name, as sets of assets."""
        definitions = [self.registry[a.asset].definition for a in self.steps.assets]
        return [
            Limit(frozenset(d.name for d in definitions if name in (d.name, *(f"tag:{tag}" for tag in d.tags))), most)
            for name, most in self.options.limits.items()
        ]

    def overrides(self, asset: str) -> Mapping[str, Any]:
        """The settings of an asset that this backfill overrides."""
        settings = self.registry[asset].definition.settings
        return {name: value for name, value in self.options.params.items() if name in settings}

    def secrets(self, asset: str) -> Mapping[str, Any]:
        """The secrets that the runs of an asset are given."""
        secrets = self.registry[asset].definition.secrets
        return {name: value for name, value in self.options.secrets.items() if name in secrets}


@dataclass(frozen=True)
class Started:
    """An attempt that a worker has begun."""

    run_no: int | None
    attempt: int
    started_at: datetime


class Runner:
    """Drives one job to its end in a thread of its own, and closes its pool.

    ``starts`` is where the pool's workers put what they begin.
    """

    def __init__(
        self, catalog: Catalog, root: Path, coordinator: Coordinator, pool: Pool, job: Job, starts: deque[Started]
    ) -> None:
        self._catalog, self._root, self._coordinator, self._pool, self._job = catalog, root, coordinator, pool, job
        self._schedule = Schedule(job.steps, job.registry.graph, job.limits)
        self._starts = starts
        self._claimed: dict[int, Flight] = {}  # by run: all that have no final outcome in the catalog
        # by run number and attempt of what the pool runs: one flight, or those of many
        self._in_pool: dict[tuple[int | None, int], list[Flight]] = {}
        self._retries = Retries(job.options.backoff_s)
        self._followed: dict[int, Followed] = {}
        self._followed_at = 0.0
        self._turned_at = 0.0
        self._seen = 0  # the sequence at which this object last looked into the catalog
        self._pending = Pending(job.backfill_no, job.numbers)
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
        """Whether it has ended, after at most ``timeout_s`` seconds; then no kernel of it is left."""
        return self._ended.wait(timeout_s)

    @property
    def is_started(self) -> bool:
        return self._thread.ident is not None

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
            self._close_pool()
            self._give_up()
        finally:
            self._close_pool()
            self._ended.set()

    def _loop(self) -> None:
        results: list[RunReport] = []
        stopping = False
        while self._schedule.unfinished:
            if self._cancelling.is_set() and not stopping:
                stopping = True
                self._pool.cancel_all()
            self._turn(results, stopping)
            if stopping and not self._in_pool:
                break
            results = self._wait_for_results()
        self._finish()

    def _wait_for_results(self) -> list[RunReport]:
        """What came in; nothing after a while, when a retry may be due or a run elsewhere over."""
        if not self._in_pool:
            if not self._schedule.has_ready:
                self._cancelling.wait(min(TURN_S, self._retries.wait_s(otherwise=TURN_S)))
            return []
        results = self._pool.next_results(TURN_S)
        while results and len(self._in_pool) - len(results) >= self._pool.max_workers and self._since_turn < TOGETHER_S:
            more = self._pool.next_results(TOGETHER_S - self._since_turn)
            results += more
        return results

    @property
    def _since_turn(self) -> float:
        return time.monotonic() - self._turned_at

    def _turn(self, results: Sequence[RunReport], stopping: bool) -> None:
        """Record ``results``, then start what may start."""
        self._note_starts()
        for result in results:
            self._settle(result, stopping)
        room = len(self._job.steps) if self._is_bulk else self._most_in_pool - len(self._in_pool)
        retries = [] if stopping else self._retries.take_due(room)
        steps = [] if stopping else self._schedule.take(max(0, room - len(retries)))
        following = self._time_to_follow()
        pending = self._pending
        told = pending.outcomes or pending.notes or (pending.started and self._since_turn > TOGETHER_S)
        if not (told or retries or steps or following):
            return
        wanted = [self._job.want(step) for step in steps]
        look = self._patiently(lambda: look_at_sources(self._catalog, self._job.registry, wanted))
        exchange = self._write_all(lambda batch: self._exchange(batch, self._queued(wanted), look, retries, following))
        self._turned_at = time.monotonic()
        self._digest(exchange)
        self._submit(exchange.flights)

    @property
    def _most_in_pool(self) -> int:
        return max(self._pool.max_workers * (1 + AHEAD), LEAST_AHEAD)

    @property
    def _is_bulk(self) -> bool:
        return self._job.options.policy == SINGLE_RUN

    def _submit(self, flights: Sequence[Flight]) -> None:
        job = self._job
        groups: dict[tuple[str, int], list[Flight]] = {}
        for flight in flights:
            if self._is_bulk and flight.key is not None:
                groups.setdefault((flight.asset, flight.attempt), []).append(flight)
            else:
                self._in_pool[flight.run_no, flight.attempt] = [flight]
                node, settings = job.registry[flight.asset], job.overrides(flight.asset)
                spec = build_spec(self._root, node, flight, job.options, settings)
                self._pool.submit(replace(spec, secrets=job.secrets(flight.asset)))
        for (asset, _), group in groups.items():
            gathered = gather(group)
            self._in_pool[gathered[0].run_no, gathered[0].attempt] = gathered
            spec = build_bulk_spec(self._root, job.registry[asset], gathered, job.options, job.overrides(asset))
            self._pool.submit(replace(spec, secrets=job.secrets(asset)))

    def _note_starts(self) -> None:
        while self._starts:
            start = self._starts.popleft()
            for flight in self._in_pool.get((start.run_no, start.attempt), ()):
                self._schedule.start(flight.step)
                self._pending.started.append((flight, start.started_at))

    def _patiently(self, action: Callable[[], T]) -> T:
        """Do what needs the catalog, however long another process holds it: no result may be lost to a time-out."""
        while True:
            try:
                return action()
            except CatalogBusyError as error:
                log.warning("backfill %s waits: %s", self._job.backfill_id, error)
                if self._cancelling.is_set():
                    self._pool.cancel_all()

    def _write(self, work: Callable[[Batch], T]) -> T:
        return self._patiently(lambda: self._catalog.write(work))

    def _write_all(self, work: Callable[[Batch], T]) -> T:
        """Do what records everything that is pending; where that fails, the outcomes are recorded one by one first."""
        try:
            return self._write(work)
        except OSError:  # no room, or out of reach
            raise
        except Exception as error:
            if not self._pending.outcomes:
                raise
            log.warning("backfill %s records its results one by one: %s", self._job.backfill_id, error)
        settled = {outcome.run_no for outcome in self._pending.outcomes if outcome.final}
        for told, recorded in self._pending.record_apart(self._write):
            if told.final and told.status is RunStatus.SUCCEEDED:
                self._overturn(self._claimed[told.run_no], recorded)
        for run_no in settled:
            del self._claimed[run_no]
        return self._write(work)

    def _overturn(self, flight: Flight, recorded: Outcome) -> None:
        """A step that was taken to have succeeded has failed: it could not be recorded."""
        cause = _cause(recorded)
        self._pending.notes.add([flight.step], StepStatus.FAILED, flight.run_no, cause)
        for blocked in self._schedule.overturn(flight.step):
            why = f"{flight.label} {StepStatus.FAILED}: {cause}"
            self._pending.notes.add(blocked, StepStatus.BLOCKED, None, why)

    def _queued(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        return [w for w in wanted if self._schedule.is_queued(w.step)]

    def _exchange(
        self, batch: Batch, wanted: Sequence[Wanted], look: Look, retries: Sequence[Flight], following: bool
    ) -> Exchange:
        """One transaction. It leaves this object as it is: a transaction may be done again, or come to nothing."""
        job = self._job
        self._pending.record(batch)
        exchange = Exchange(sequence=batch.sequence, cancelling=queries.is_cancelling(batch, job.backfill_no))
        if following:
            exchange.ended = queries.final_statuses(batch, list(self._followed))
        for node, changed in look.changed:
            record(batch, node, changed)
        if wanted:
            overrides = {asset: job.overrides(asset) for asset in {w.asset for w in wanted}}
            exchange.claimed = claim_steps(
                batch,
                self._root,
                job.registry,
                job.backfill_no,
                self._coordinator.number,
                wanted,
                overrides,
                look.unreadable,
            )
        exchange.flights = [*retries, *exchange.claimed.flights]
        return exchange

    def _recorded(self) -> None:
        """What was to be recorded is in the catalog now."""
        for outcome in self._pending.outcomes:
            if outcome.final:
                del self._claimed[outcome.run_no]
        self._pending.remove_reports()
        self._pending.clear()

    def _digest(self, exchange: Exchange) -> None:
        """Take over what a transaction that is committed now has done."""
        self._recorded()
        self._seen = exchange.sequence
        if exchange.cancelling:
            self._cancelling.set()
        claimed = exchange.claimed
        self._claimed |= {flight.run_no: flight for flight in exchange.flights}
        for follow in claimed.followed:
            self._followed[follow.run_no] = follow
            self._pending.notes.add([follow.step], StepStatus.QUEUED, follow.run_no, "another backfill runs it")
        for made in claimed.made:
            self._end_step(
                made.step, StepStatus.SUCCEEDED, made.run_no, "another run made it since this was planned", made.label
            )
        for refused in claimed.refused:
            self._end_step(refused.step, refused.status, None, refused.cause, refused.label)
        for step in claimed.removed:
            self._schedule.forget(step)
            self._pending.notes.add([step], StepStatus.CANCELLED, None, "its key was removed")
        for run_no, status in exchange.ended.items():
            self._end_followed(self._followed.pop(run_no), status)

    def _end_followed(self, follow: Followed, status: RunStatus) -> None:
        is_ours = not self._job.overrides(follow.asset)
        if is_ours and status in (RunStatus.SUCCEEDED, RunStatus.FAILED):
            cause = f"{status} in another backfill"
            self._end_step(follow.step, StepStatus(status), follow.run_no, cause, follow.label)
        else:  # it came to nothing elsewhere, or ran with other settings there: now it is ours to run
            self._schedule.put_back(follow.step)
            self._pending.notes.add([follow.step], StepStatus.PLANNED, None, "")

    def _settle(self, result: RunReport, stopping: bool) -> None:
        """Note the result of an attempt, of one partition or of many, and what it means for their steps."""
        flights = self._in_pool.pop((result.run_no, result.attempt), None)
        if flights is None:
            log.warning("a result of run %s, attempt %d, came that nobody waits for", result.run_id, result.attempt)
            return
        if result.kept_kernel and let_go_beyond(self._root, self._job.options.keep_failed_kernels, result.kept_kernel):
            result = replace(result, kept_kernel=None)
        for flight in flights:
            own = result
            if flight.bulk is not None:
                own = result.members.get(flight.run_no) or missing_member(flight, result)
            self._settle_one(flight, check_report(self._root, flight, own), stopping)

    def _settle_one(self, flight: Flight, result: RunReport, stopping: bool) -> None:
        failed = result.status is RunStatus.FAILED
        # another attempt would find an input as damaged as this one did
        hopeless = any(not fault.fault.says_nothing for fault in result.faults)
        again = failed and flight.attempt <= self._job.options.retries and not stopping and not hopeless
        outcome = to_outcome(flight, result, final=not again)
        self._pending.add(outcome, self._root / "runs" / f"{flight.record_stem}.json")
        if again:
            self._claimed[flight.run_no] = flight.next_attempt()
            self._retries.add(self._claimed[flight.run_no])
        elif stopping and result.status is RunStatus.CANCELLED:
            self._schedule.drop(flight.step)
            self._pending.notes.add([flight.step], StepStatus.CANCELLED, flight.run_no, _CANCELLED)
        else:
            self._end_step(flight.step, StepStatus(result.status), flight.run_no, _cause(outcome), flight.label)

    def _time_to_follow(self) -> bool:
        """Whether to look, in a transaction, after runs that another backfill has; somebody may ask for the end too."""
        if time.monotonic() - self._followed_at < FOLLOW_S:
            return False
        self._followed_at = time.monotonic()
        if self._catalog.sequence() > self._seen:
            self._patiently(lambda: self._catalog.read(self._look_for_cancel))
        if self._followed:
            self._patiently(self._coordinator.reap)
        return bool(self._followed)

    def _look_for_cancel(self, batch: Batch) -> None:
        self._seen = batch.sequence
        if queries.is_cancelling(batch, self._job.backfill_no):
            self._cancelling.set()

    def _end_step(self, step: int, status: StepStatus, run_no: int | None, cause: str, label: str) -> None:
        self._pending.notes.add([step], status, run_no, cause)
        told = f"{label} is {status}" if status is StepStatus.BLOCKED else f"{label} {status}"
        for blocked in self._schedule.finish(step, status):
            self._pending.notes.add(blocked, StepStatus.BLOCKED, None, f"{told}: {cause}" if cause else told)

    def _finish(self) -> None:
        """Record the end. What has no outcome by now is cancelled."""
        left = self._schedule.cancel_rest()
        self._pending.notes.add(left, StepStatus.CANCELLED, None, _CANCELLED)
        self._end_claimed(RunStatus.CANCELLED, _CANCELLED)
        self._write_all(self._record_end)
        self._recorded()

    def _record_end(self, batch: Batch, ended: RunStatus | None = None) -> None:
        """Record what there is and the end: by default the one that the results of all steps come to."""
        self._pending.record(batch)
        number = self._job.backfill_no
        ended = ended or queries.end_status(batch, number, cancelling=self._cancelling.is_set())
        events.finish_backfill(batch, number, str(ended))

    def _end_claimed(self, status: RunStatus, cause: str) -> None:
        """Give the claimed runs that have no final outcome this one."""
        done = {outcome.run_no for outcome in self._pending.outcomes if outcome.final}
        for flight in self._claimed.values():
            if flight.run_no not in done:
                self._pending.outcomes.append(_ending(flight, status))
                self._pending.notes.add([flight.step], StepStatus(status), flight.run_no, cause)

    def _give_up(self) -> None:
        """Record what can be recorded after an error, and end the rest as interrupted, so that it can be resumed."""
        try:
            for result in self._pool.next_results(0):
                if result.status is not RunStatus.CANCELLED:
                    self._settle(result, stopping=True)
            self._end_claimed(RunStatus.INTERRUPTED, "the backfill was interrupted")
            self._write_all(lambda batch: self._record_end(batch, RunStatus.INTERRUPTED))
            return
        except Exception as error:  # noqa: BLE001 - what came last may be what cannot be recorded
            log.error("backfill %s could not record its last results: %s", self._job.backfill_id, error)
        self._pending.clear()
        self._end_claimed(RunStatus.INTERRUPTED, "the backfill was interrupted")
        try:
            self._write(lambda batch: self._record_end(batch, RunStatus.INTERRUPTED))
        except Exception as error:  # noqa: BLE001 - the catalog is out of reach
            log.error("backfill %s could not record its end: %s", self._job.backfill_id, error)
            self._coordinator.owe(lambda batch: self._record_end(batch, RunStatus.INTERRUPTED))

    def _close_pool(self) -> None:
        try:
            self._pool.close()
        except Exception as error:  # noqa: BLE001 - whoever waits for the end must hear of it whatever the pool does
            log.error("the pool of backfill %s did not end well: %s", self._job.backfill_id, error)
            self.error = self.error or error


@dataclass
class Exchange:
    """What one transaction did."""

    sequence: int
    cancelling: bool
    claimed: Claimed = field(default_factory=Claimed)
    flights: list[Flight] = field(default_factory=list)
    ended: dict[int, RunStatus] = field(default_factory=dict)


def _cause(outcome: Outcome) -> str:
    """Why a run did not succeed, in a line."""
    report = outcome.report
    if not report.error_class:
        return ""
    first_line = (report.error_message or "").strip().partition("\n")[0]
    return f"{report.error_class}: {first_line[:300]}"


def _ending(flight: Flight, status: RunStatus) -> Outcome:
    now = datetime.now(UTC)
    report = RunReport(
        run_no=flight.run_no,
        run_id=flight.run_id,
        partition_key=flight.key,
        attempt=flight.attempt,
        status=status,
        started_at=now,
        finished_at=now,
    )
    return Outcome(report, final=True)
