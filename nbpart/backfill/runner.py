"""Running a plan: a thread that carries out what `BackfillState` decides, and hands it what came of that.

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
from functools import partial
from pathlib import Path
from typing import TypeVar

from nbpart.backfill.claimed_run import ClaimedRun, Claims
from nbpart.backfill.claims import build_bulk_spec, build_spec, claim_steps
from nbpart.backfill.coordinator import Coordinator
from nbpart.backfill.job import Job
from nbpart.backfill.kept import let_go_beyond
from nbpart.backfill.nodes import Wanted
from nbpart.backfill.pending import Pending
from nbpart.backfill.results import check_report, missing_member, to_outcome
from nbpart.backfill.retries import choose_backoff
from nbpart.backfill.schedule import Schedule
from nbpart.backfill.sources import SourceObservations, observe_sources, record
from nbpart.backfill.state_machine import (
    AttemptEnded,
    AttemptStarted,
    BackfillState,
    CancelRequested,
    CancelRuns,
    Event,
    FollowedRunEnded,
    Instruction,
    OutcomesLost,
    OutcomesRecorded,
    RecordOutcome,
    RecordStart,
    RecordSteps,
    Rules,
    StepsClaimed,
    Stopped,
    Submit,
    SuccessRefused,
    Turn,
    cause_of,
)
from nbpart.catalog import Batch, Catalog, Outcome, events, queries
from nbpart.errors import CatalogBusyError
from nbpart.run.pool import Pool
from nbpart.run.report import RunReport
from nbpart.states import RunStatus, StepStatus

T = TypeVar("T")
log = logging.getLogger("nbpart")

#: How long one turn waits for results, in seconds: the longest that a cancel or a due retry waits to be seen.
TURN_S = 0.1
#: How long results wait for each other, in seconds, while every worker is busy.
TOGETHER_S = 0.4


@dataclass
class Exchange:
    """What one transaction did."""

    sequence: int
    cancelling: bool
    claims: Claims = field(default_factory=Claims)
    ended: dict[int, RunStatus] = field(default_factory=dict)


class Runner:
    """Drives one job to its end in a thread of its own, and closes its pool.

    ``starts`` is where the pool's workers put what they begin.
    """

    def __init__(
        self,
        catalog: Catalog,
        root: Path,
        coordinator: Coordinator,
        pool: Pool,
        job: Job,
        starts: deque[AttemptStarted],
    ) -> None:
        self._catalog, self._root, self._coordinator, self._pool, self._job = catalog, root, coordinator, pool, job
        self._starts = starts
        options = job.options
        self._state = BackfillState(
            Schedule(job.steps, job.registry.graph, job.limits),
            len(job.steps),
            Rules(
                pool.max_workers,
                options.retries,
                job.is_single_run,
                partial(choose_backoff, initial_s=options.backoff_s),
            ),
        )
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
        return self._state.counts()

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
        while not self._state.is_over:
            if self._cancelling.is_set():
                self._handle(CancelRequested())
            self._turn(results)
            results = [] if self._state.is_over else self._wait_for_results()
        self._finish()

    def _wait_for_results(self) -> list[RunReport]:
        """What came in; nothing after a while, when a retry may be due or a run elsewhere over."""
        if not self._state.in_pool:
            self._cancelling.wait(self._state.idle_s(time.monotonic(), TURN_S))
            return []
        results = self._pool.next_results(TURN_S)
        while results and self._is_busy(len(results)) and self._since_turn < TOGETHER_S:
            more = self._pool.next_results(TOGETHER_S - self._since_turn)
            results += more
        return results

    def _is_busy(self, ended: int) -> bool:
        """Whether every worker has something to do although so many attempts have ended."""
        return self._state.in_pool - ended >= self._pool.max_workers

    @property
    def _since_turn(self) -> float:
        return time.monotonic() - self._turned_at

    def _turn(self, results: Sequence[RunReport]) -> None:
        """Record ``results``, then start what may start."""
        self._note_starts()
        for result in results:
            self._end_attempt(result)
        turn = self._state.plan_turn(time.monotonic())
        if turn.is_time_to_look:
            self._look_at_others()
        follows = turn.is_time_to_look and bool(self._state.followed)
        pending = self._pending
        is_news = pending.outcomes or pending.notes or (pending.started and self._since_turn > TOGETHER_S)
        if not (is_news or turn.retries or turn.steps or follows):
            return
        wanted = [self._job.describe_step(step) for step in turn.steps]
        observed = self._patiently(lambda: observe_sources(self._catalog, self._job.registry, wanted))
        exchange = self._write_all(lambda batch: self._exchange(batch, wanted, observed, follows=follows))
        self._turned_at = time.monotonic()
        self._take_in(exchange, turn)

    def _handle(self, event: Event) -> None:
        """Let the state handle what happened, and carry out what follows."""
        for instruction in self._state.handle(event, time.monotonic()):
            self._carry_out(instruction)

    def _carry_out(self, instruction: Instruction) -> None:
        match instruction:
            case RecordStart(run, started_at):
                self._pending.started.append((run, started_at))
            case RecordOutcome():
                self._keep_outcome(instruction)
            case RecordSteps(steps, status, run_no, cause):
                self._pending.notes.add(steps, status, run_no, cause)
            case Submit():
                self._submit(instruction)
            case CancelRuns():
                self._pool.cancel_all()

    def _keep_outcome(self, instruction: RecordOutcome) -> None:
        run, report = instruction.run, instruction.report
        if report is None:
            self._pending.outcomes.append(Outcome(_unreported(run, instruction.status), final=True))
        else:
            outcome = to_outcome(run, report, final=instruction.is_final)
            self._pending.add(outcome, self._root / "runs" / f"{run.record_stem}.json")

    def _submit(self, instruction: Submit) -> None:
        job, runs = self._job, instruction.runs
        asset = runs[0].asset
        node, settings = job.registry[asset], job.overrides(asset)
        if runs[0].shared_stem is None:
            spec = build_spec(self._root, node, runs[0], job.options, settings)
        else:
            spec = build_bulk_spec(self._root, node, runs, job.options, settings)
        self._pool.submit(replace(spec, secrets=job.secrets(asset)))

    def _note_starts(self) -> None:
        while self._starts:
            self._handle(self._starts.popleft())

    def _end_attempt(self, report: RunReport) -> None:
        """Take in the report of an attempt, of one partition or of many."""
        runs = self._state.runs_of(report.run_no, report.attempt)
        if not runs:
            log.warning("a result of run %s, attempt %d, came that nobody waits for", report.run_id, report.attempt)
            return
        if report.kept_kernel and let_go_beyond(self._root, self._job.options.keep_failed_kernels, report.kept_kernel):
            report = replace(report, kept_kernel=None)
        reports = {}
        for run in runs:
            own = report
            if run.shared_stem is not None:
                own = report.members.get(run.run_no) or missing_member(run, report)
            reports[run.run_no] = check_report(run, own)
        self._handle(AttemptEnded(report.run_no, report.attempt, reports))

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
        ended = self._pending.ended_runs()
        for wanted, recorded in self._pending.record_apart(self._write):
            if wanted.final and wanted.status is RunStatus.SUCCEEDED:
                self._handle(SuccessRefused(wanted.run_no, cause_of(recorded.report)))
        self._handle(OutcomesRecorded(ended))
        return self._write(work)

    def _exchange(
        self, batch: Batch, wanted: Sequence[Wanted], observed: SourceObservations, *, follows: bool
    ) -> Exchange:
        """One transaction. It leaves this object as it is: a transaction may be done again, or come to nothing."""
        job = self._job
        self._pending.record(batch)
        exchange = Exchange(sequence=batch.sequence, cancelling=queries.is_cancelling(batch, job.backfill_no))
        if follows:
            exchange.ended = queries.final_statuses(batch, self._state.followed)
        for node, changed in observed.changed:
            record(batch, node, changed)
        if queued := [one for one in wanted if self._state.is_queued(one.step)]:
            exchange.claims = claim_steps(
                batch,
                self._root,
                job.registry,
                job.backfill_no,
                self._coordinator.number,
                queued,
                {asset: job.overrides(asset) for asset in {one.asset for one in queued}},
                observed.unreadable,
            )
        return exchange

    def _take_in(self, exchange: Exchange, turn: Turn) -> None:
        """Take over what a transaction that is committed now has done."""
        self._clear_recorded()
        self._seen = exchange.sequence
        if exchange.cancelling:
            self._cancelling.set()
        self._handle(StepsClaimed(exchange.claims, turn.retries))
        for run_no, status in exchange.ended.items():
            self._handle(FollowedRunEnded(run_no, status))

    def _clear_recorded(self) -> None:
        """What was to be recorded is in the catalog now."""
        self._handle(OutcomesRecorded(self._pending.ended_runs()))
        self._pending.remove_reports()
        self._pending.clear()

    def _look_at_others(self) -> None:
        """See whether somebody asked for the end, and end the runs of processes that died where some are followed."""
        if self._catalog.sequence() > self._seen:
            self._patiently(lambda: self._catalog.read(self._look_for_cancel))
        if self._state.followed:
            self._patiently(self._coordinator.reap)

    def _look_for_cancel(self, batch: Batch) -> None:
        self._seen = batch.sequence
        if queries.is_cancelling(batch, self._job.backfill_no):
            self._cancelling.set()

    def _finish(self) -> None:
        """Record the end. What has no outcome by now is cancelled."""
        self._handle(Stopped(RunStatus.CANCELLED))
        self._write_all(self._record_end)
        self._clear_recorded()

    def _record_end(self, batch: Batch, ended: RunStatus | None = None) -> None:
        """Record what there is and the end: by default the one that the results of all steps come to."""
        self._pending.record(batch)
        number = self._job.backfill_no
        ended = ended or queries.end_status(batch, number, cancelling=self._cancelling.is_set())
        events.finish_backfill(batch, number, str(ended))

    def _give_up(self) -> None:
        """Record what can be recorded after an error, and end the rest as interrupted, so that it can be resumed."""
        self._handle(CancelRequested(stops_runs=False))
        try:
            for result in self._pool.next_results(0):
                if result.status is not RunStatus.CANCELLED:
                    self._end_attempt(result)
            self._handle(Stopped(RunStatus.INTERRUPTED))
            self._write_all(lambda batch: self._record_end(batch, RunStatus.INTERRUPTED))
            return
        except Exception as error:  # noqa: BLE001 - what came last may be what cannot be recorded
            log.error("backfill %s could not record its last results: %s", self._job.backfill_id, error)
        self._pending.clear()
        self._handle(OutcomesLost())
        self._handle(Stopped(RunStatus.INTERRUPTED))
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


def _unreported(run: ClaimedRun, status: RunStatus) -> RunReport:
    """The report of a run that ended without one."""
    now = datetime.now(UTC)
    return RunReport(
        run_no=run.run_no,
        run_id=run.run_id,
        partition_key=run.key,
        attempt=run.attempt,
        status=status,
        started_at=now,
        finished_at=now,
    )
