"""Running a plan: a thread that carries out the instructions of `BackfillState`, and returns the events to it.

One thread a backfill. Each of its turns is one transaction, which records the results that came in and claims the steps
that may start next; only then are the claimed runs handed to the pool. So whatever dies, the catalog knows of every run
that was ever started, and a result is recorded once. The pool is given more than it can run at once, so that its
workers go on while a turn is made, and a turn can record several results. Where the thread itself fails it records the
runs that it has claimed as interrupted, so that none stays `running` for ever.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from nbpart.backfill.claims import build_bulk_spec, build_spec
from nbpart.backfill.coordinator import Coordinator
from nbpart.backfill.growth import Grower, Growth
from nbpart.backfill.input_relations import InputRelations
from nbpart.backfill.job import Job
from nbpart.backfill.kept_kernels import end_surplus_kernel
from nbpart.backfill.pending import PendingRecords
from nbpart.backfill.places import Claimant, find_open
from nbpart.backfill.plan import StepRelation, relate_steps
from nbpart.backfill.pruning import Pruning
from nbpart.backfill.results import build_missing_report, build_report, check_report, to_outcome
from nbpart.backfill.schedule import Schedule
from nbpart.backfill.source_observation import observe_sources
from nbpart.backfill.state_machine import (
    AttemptEnded,
    AttemptStarted,
    BackfillState,
    CancelRequested,
    CancelRuns,
    CancelWaiting,
    Event,
    FollowedRunEnded,
    Instruction,
    OutcomesLost,
    OutcomesRecorded,
    PlacesFound,
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
from nbpart.backfill.storage_options import find_options_of_inputs
from nbpart.backfill.turn_transaction import TurnResult, TurnTransaction
from nbpart.catalog import Batch, Catalog, Outcome, events, queries
from nbpart.errors import CatalogBusyError
from nbpart.run.pool import Pool
from nbpart.run.report import RunReport
from nbpart.states import RunStatus, StepStatus

T = TypeVar("T")
log = logging.getLogger("nbpart")

#: How long one turn waits for results, in seconds; so late can a request to cancel or a due retry be noticed.
WAIT_FOR_RESULTS_S = 0.1
#: How long more results are gathered into one transaction, in seconds, where no worker waits for it.
GATHER_RESULTS_S = 0.4
#: How long a turn is taken to be before there was one, in seconds.
FIRST_TURN_S = 0.05


class Runner:
    """Runs one job in a thread of its own, and closes its pool at the end.

    ``starts`` is the queue into which the pool's workers put the attempts that they begin. A ``grower`` is asked for
    more steps whenever fewer are under way than there are workers.
    """

    def __init__(
        self,
        catalog: Catalog,
        root: Path,
        coordinator: Coordinator,
        pool: Pool,
        job: Job,
        starts: deque[AttemptStarted],
        grower: Grower | None = None,
    ) -> None:
        self._catalog, self._root, self._coordinator, self._pool, self._job = catalog, root, coordinator, pool, job
        self._starts, self._grower = starts, grower
        self._state = BackfillState(
            Schedule(job.steps, catalog.read(partial(_relate, job=job)), job.limits),
            len(job.steps),
            Rules(pool.max_workers, job.retries, job.is_single_run, job.backoff, job.options.stop_after),
        )
        self._pruning = Pruning(catalog, root, job)
        self._claimant = Claimant(job.backfill_no, pool.max_workers, job.is_single_run)
        self._waits = False  # whether the catalog says that this backfill waits for places
        self._turned_at, self._turn_s = 0.0, FIRST_TURN_S  # when the last turn ended, and how long turns are of late
        self._checked_sequence = 0  # the sequence at which this object last read the catalog
        self._pending = PendingRecords(job.backfill_no, job.numbers)
        self._last_reports: dict[int, RunReport] = {}  # by step, of final outcomes, until its result is known
        self._cancelling, self._draining, self._interrupting = (threading.Event() for _ in range(3))
        self._ended = threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"nbpart-backfill-{job.backfill_id}")

    def start(self) -> None:
        self._pruning.start()
        self._thread.start()

    def cancel(self) -> None:
        """Ask the thread to end: running kernels are stopped, nothing new starts. Returns at once."""
        self._cancelling.set()

    def drain(self) -> None:
        """Ask the thread to end once the runs that have begun have ended, so that the rest can be resumed.

        Returns at once.
        """
        self._draining.set()

    def interrupt(self) -> None:
        """As `drain`, but runs that have begun are stopped too. Returns at once."""
        self._interrupting.set()
        self._draining.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it has ended, at most ``timeout_s`` seconds. Returns whether it has; then no kernel of it lives.

        A failure of the thread itself is in ``error``.
        """
        return self._ended.wait(timeout_s)

    @property
    def grower(self) -> Grower | None:
        """What it asks for more steps; None where its steps are known from the beginning."""
        return self._grower

    @property
    def is_started(self) -> bool:
        return self._thread.ident is not None

    @property
    def is_draining(self) -> bool:
        """Whether it was asked to end after the runs that have begun."""
        return self._draining.is_set()

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    def counts(self) -> Mapping[StepStatus, int]:
        """How many steps have each status, with what is not recorded yet."""
        counts = dict(self._state.counts())
        counts[StepStatus.PLANNED] += self._left_to_grow
        return counts

    @property
    def _left_to_grow(self) -> int:
        return 0 if self._grower is None else self._grower.left

    @property
    def _room_to_grow(self) -> int:
        """How many more steps the grower is to be asked for, so that no worker is idle."""
        grower = self._grower
        return self._state.room_to_grow(grower.asset) if grower is not None and grower.left else 0

    @property
    def _is_over(self) -> bool:
        """Whether nothing is left to run, to wait for, or to ask for."""
        return self._state.is_over and (self._state.is_cancelling or not self._left_to_grow)

    def _run(self) -> None:
        try:
            self._loop()
        except BaseException as error:  # noqa: BLE001 - nothing is above a thread; whoever waits for it raises this
            self.error = error
            log.error("backfill %s stopped: %s", self._job.backfill_id, error)
            self._close_pool()
            self._give_up()
        finally:
            self._close_pool()
            self._pruning.close()
            self._ended.set()

    def _loop(self) -> None:
        self._pruning.wait_until_ready()
        while not self._is_over:
            if self._cancelling.is_set():
                self._handle(CancelRequested())
            elif self._draining.is_set() and not self._state.is_cancelling:
                self._handle(CancelRequested(stops_runs=False))
                self._pool.cancel_waiting()
            if self._draining.is_set() and (self._interrupting.is_set() or self._cancelling.is_set()):
                self._pool.cancel_all()
            self._run_turn()
            if not self._is_over:
                self._gather_results()
        self._finish()

    def _gather_results(self) -> None:
        """Take in what ends within `WAIT_FOR_RESULTS_S`, and then more, as long as no worker waits for a turn."""
        if not self._state.in_pool:
            self._cancelling.wait(self._state.idle_s(time.monotonic(), WAIT_FOR_RESULTS_S))
            return
        self._take_results(WAIT_FOR_RESULTS_S)
        while self._pending.outcomes and self._state.in_pool and not self._is_turn_due:
            self._take_results(GATHER_RESULTS_S - self._since_turn_s)

    @property
    def _is_turn_due(self) -> bool:
        """Whether what ended is to be recorded now, since it has waited long enough, or what comes next would wait."""
        if self._since_turn_s >= GATHER_RESULTS_S or self._room_to_grow:
            return True
        return self._state.can_start(time.monotonic()) and self._state.ahead_s < self._turn_s

    def _take_results(self, timeout_s: float) -> None:
        """Handle the next reports of the pool. The pruners hear of them first: the next runs may be asking already."""
        reports = list(self._pool.next_results(max(0.0, timeout_s)))
        for report in reports:
            self._pruning.end(self._state.runs_of(report.run_no, report.attempt), report)
        self._handle_starts()
        for report in reports:
            self._end_attempt(report)

    @property
    def _since_turn_s(self) -> float:
        return time.monotonic() - self._turned_at

    def _run_turn(self) -> None:
        """Record what is pending, claim the steps that may start, and hand their runs to the pool."""
        began = time.monotonic()
        self._handle_starts()
        grower = self._ask_for_steps()
        if grower is not None and not grower.is_simple:
            self._extend(grower, self._write(grower.record))
            grower = None
        turn = self._state.plan_turn(time.monotonic())
        if turn.checks_others:
            self._check_others()
        follows = turn.checks_others and bool(self._state.followed)
        pending = self._pending
        is_news = (
            pending.outcomes or pending.step_results or (pending.started and self._since_turn_s > GATHER_RESULTS_S)
        )
        if not (is_news or turn.retries or turn.steps or follows or grower):
            return
        steps = [self._job.get_step_to_claim(step) for step in turn.steps]
        observed = self._retry_while_busy(lambda: observe_sources(self._catalog, self._root, self._job.registry, steps))
        number, claimant, state = self._coordinator.number, self._claimant, self._state
        work = TurnTransaction(
            self._root, self._job, number, claimant, state, pending, steps, observed, grower, follows, self._waits
        )
        result = self._write_all(work.run)
        if grower is not None and result.growth is not None:
            self._extend(grower, result.growth, takes_all=True)
        self._apply_result(result, turn)
        self._turned_at = time.monotonic()
        self._turn_s = max(self._turned_at - began, (self._turn_s + self._turned_at - began) / 2)

    def _ask_for_steps(self) -> Grower | None:
        """Ask the grower for so many steps that no worker is idle; returns it where it has something to record."""
        grower, room = self._grower, self._room_to_grow
        return grower if grower is not None and room and grower.ask(room) else None

    def _extend(self, grower: Grower, growth: Growth, *, takes_all: bool = False) -> None:
        """Take over the steps that were recorded; with ``takes_all`` they are claimed already."""
        grower.commit(growth)
        self._job = self._job.extend(growth.steps, growth.numbers)
        self._pending.extend(growth.numbers)
        self._state.extend(growth.steps, growth.relations, takes_all=takes_all)

    def _handle(self, event: Event) -> None:
        """Hand an event to the state, and carry out its instructions."""
        for instruction in self._state.handle(event, time.monotonic()):
            self._carry_out(instruction)

    def _carry_out(self, instruction: Instruction) -> None:
        match instruction:
            case RecordStart(run, started_at):
                self._pending.started.append((run, started_at))
            case RecordOutcome():
                self._add_outcome(instruction)
            case RecordSteps(steps, status, run_no, cause):
                self._pending.step_results.add(steps, status, run_no, cause)
                if self._grower is not None and status.is_finished:
                    self._tell_grower(self._grower, steps, status, cause)
            case Submit():
                self._submit(instruction)
            case CancelRuns():
                self._pool.cancel_all()
            case CancelWaiting():
                log.warning("backfill %s runs nothing more: %s", self._job.backfill_id, self._state.gave_up)
                self._pool.cancel_waiting()

    def _tell_grower(self, grower: Grower, steps: Iterable[int], status: StepStatus, cause: str) -> None:
        for step in map(int, steps):
            report, claimed = self._last_reports.pop(step, None), self._job.get_step_to_claim(step)
            if claimed.asset == grower.asset:
                grower.end(claimed.key_id, status, cause, report)

    def _add_outcome(self, instruction: RecordOutcome) -> None:
        run, report = instruction.run, instruction.report
        if self._grower is not None and report is not None and instruction.is_final:
            self._last_reports[run.step] = report
        if report is None:
            self._pending.outcomes.append(Outcome(build_report(run, instruction.status), final=True))
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
        options = find_options_of_inputs(self._root, job.sources(asset))
        pruner, others = self._pruning.pruner_of(asset)
        spec = replace(spec, secrets=job.secrets(asset), storage_options=options, pruner=pruner, others=others)
        self._pool.submit(spec)

    def _handle_starts(self) -> None:
        while self._starts:
            start = self._starts.popleft()
            self._pruning.begin(self._state.runs_of(start.run_no, start.attempt))
            self._handle(start)

    def _end_attempt(self, report: RunReport) -> None:
        """Handle the report of an attempt, which made one partition or many."""
        runs = self._state.runs_of(report.run_no, report.attempt)
        if not runs:
            log.warning("a result of run %s, attempt %d, came that nobody waits for", report.run_id, report.attempt)
            return
        most_kept = self._job.options.count_kept_kernels(failed=report.status is RunStatus.FAILED)
        if report.kept_kernel and end_surplus_kernel(self._root, most_kept, report.kept_kernel):
            report = replace(report, kept_kernel=None)
        reports = {}
        for run in runs:
            run_report = report
            if run.shared_stem is not None:
                run_report = report.members.get(run.run_no) or build_missing_report(run, report)
            reports[run.run_no] = check_report(run, run_report)
        self._handle(AttemptEnded(report.run_no, report.attempt, reports))

    def _retry_while_busy(self, action: Callable[[], T]) -> T:
        """Call ``action`` until the catalog is free, however long that takes: no result may be lost to a time-out."""
        while True:
            try:
                return action()
            except CatalogBusyError as error:
                log.warning("backfill %s waits: %s", self._job.backfill_id, error)
                if self._cancelling.is_set():
                    self._pool.cancel_all()

    def _write(self, work: Callable[[Batch], T]) -> T:
        return self._retry_while_busy(lambda: self._catalog.write(work))

    def _write_all(self, work: Callable[[Batch], T]) -> T:
        """Run ``work``, which records everything that is pending, in a transaction.

        Where that fails, the outcomes are recorded one by one, those that cannot be as failures, and ``work`` is run
        again for the rest.
        """
        try:
            return self._write(work)
        except OSError:  # the disk is full, or out of reach
            raise
        except Exception as error:
            if not self._pending.outcomes:
                raise
            log.warning("backfill %s records its results one by one: %s", self._job.backfill_id, error)
        ended = self._pending.ended_runs()
        for refused, recorded in self._pending.record_one_by_one(self._write):
            if refused.final and refused.status is RunStatus.SUCCEEDED:
                self._handle(SuccessRefused(refused.run_no, cause_of(recorded.report)))
        self._handle(OutcomesRecorded(ended))
        return self._write(work)

    def _apply_result(self, result: TurnResult, turn: Turn) -> None:
        """Bring this object up to date after the transaction of a turn was committed."""
        self._clear_recorded()
        self._checked_sequence, self._waits = result.sequence, result.waits
        if result.cancelling:
            self._cancelling.set()
        self._handle(StepsClaimed(result.claims, turn.retries))
        for run_no, ended in result.ended.items():
            self._handle(FollowedRunEnded(run_no, ended.status, ended.is_of_now))

    def _clear_recorded(self) -> None:
        """Forget what was pending: it is in the catalog now."""
        self._handle(OutcomesRecorded(self._pending.ended_runs()))
        self._pending.remove_reports()
        self._pending.clear()

    def _check_others(self) -> None:
        """Read whether somebody asked for the end, and whether steps that have no place may have one now.

        Where it waits for runs of other processes, those of processes that died are ended. Raises `CatalogError` where
        the catalog was closed: a run that does not end would keep this thread, and with it the process, for ever.
        """
        if self._catalog.is_closed or self._catalog.sequence() > self._checked_sequence:
            self._retry_while_busy(lambda: self._catalog.read(self._load_cancel_request))
        if self._state.followed or self._state.held:
            self._retry_while_busy(self._coordinator.reap)
        if held := self._state.held:
            registry, claimant = self._job.registry, self._claimant
            found = self._retry_while_busy(
                lambda: self._catalog.read(lambda batch: find_open(batch, registry, claimant, held))
            )
            self._handle(PlacesFound(found))

    def _load_cancel_request(self, batch: Batch) -> None:
        self._checked_sequence = batch.sequence
        if queries.is_cancelling(batch, self._job.backfill_no):
            self._cancelling.set()

    def _finish(self) -> None:
        """Record the end of the backfill. Steps without an outcome are cancelled, or left to who resumes it."""
        is_left = self._draining.is_set() and not self._cancelling.is_set()
        self._handle(Stopped(RunStatus.INTERRUPTED if is_left else RunStatus.CANCELLED))
        ended = self._find_end()
        self._write_all(partial(self._record_end, ended=ended, leaves_rest=is_left))
        self._clear_recorded()

    def _find_end(self) -> RunStatus | None:
        """How the backfill ended; None where the results of its steps decide that."""
        if self._cancelling.is_set():
            return RunStatus.CANCELLED if self._left_to_grow else None
        return RunStatus.FAILED if self._state.gave_up else None

    def _record_end(self, batch: Batch, ended: RunStatus | None = None, *, leaves_rest: bool = False) -> None:
        """Record what is pending and how the backfill ended; without ``ended`` the results of its steps decide that.

        Where it ``leaves_rest``, a backfill with steps that have no outcome was interrupted, and can be resumed.
        """
        self._pending.record(batch)
        number = self._job.backfill_no
        if leaves_rest and (self._left_to_grow or queries.count_remaining_steps(batch, number)):
            ended = RunStatus.INTERRUPTED
        ended = ended or queries.end_status(batch, number, cancelling=self._cancelling.is_set())
        events.finish_backfill(batch, number, str(ended))

    def _give_up(self) -> None:
        """After an error: record the results that are there, and the rest as interrupted, so that it can be resumed."""
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
            self._coordinator.write_later(lambda batch: self._record_end(batch, RunStatus.INTERRUPTED))

    def _close_pool(self) -> None:
        try:
            self._pool.close()
        except Exception as error:  # noqa: BLE001 - the runner has to end whatever the pool does
            log.error("the pool of backfill %s did not end well: %s", self._job.backfill_id, error)
            self.error = self.error or error


def _relate(batch: Batch, job: Job) -> list[StepRelation]:
    """Which steps of a job read which."""
    return relate_steps(job.registry.graph, job.steps, InputRelations(batch, job.registry).relate)
