"""The decisions of a running backfill, driven by random events without pool, catalog or clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpart.assets.graph import AssetGraph
from nbpart.backfill.capacity import Limit
from nbpart.backfill.claimed_run import ClaimedRun, ClaimResults, OtherRun, RefusedStep
from nbpart.backfill.plan import StepTable
from nbpart.backfill.state_machine import (
    CHECK_OTHERS_EVERY_S,
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
    RecordSteps,
    Rules,
    StepsClaimed,
    Stopped,
    Submit,
    SuccessRefused,
)
from nbpart.run.input_files import InputFault
from nbpart.run.report import RunReport
from nbpart.states import RunStatus, StepStatus
from nbpart.storage.integrity import FileFault
from tests.backfill.graphs import above, define, graphs, lay_out, make_schedule, places, tables

AT = datetime(2013, 1, 1, tzinfo=UTC)
LONGEST_WAIT_S = 4.0


def make_report(
    run: ClaimedRun, status: RunStatus, error: str | None = None, *, is_hopeless: bool = False, took_s: float = 60.0
) -> RunReport:
    fault = (InputFault(1, "", FileFault.CONTENT),) if is_hopeless else ()
    if status is RunStatus.FAILED:
        error = error or "ValueError"
    return RunReport(
        run_no=run.run_no,
        run_id=run.run_id,
        attempt=run.attempt,
        status=status,
        started_at=AT,
        finished_at=AT + timedelta(seconds=took_s),
        error_class=error,
        error_message="why",
        faults=fault,
    )


class World:
    """A pool and a catalog that obey the instructions of one state, and check each."""

    def __init__(self, graph: AssetGraph, steps: StepTable, rules: Rules, limits: Sequence[Limit] = ()) -> None:
        self.graph, self.rules, self.limits, self.places = graph, rules, limits, places(steps)
        self.state = BackfillState(make_schedule(steps, graph, limits), len(steps), rules)
        number = {place: n for n, place in enumerate(self.places)}
        self.needs = [[number[p] for p in above(graph[a], key, self.places)] for a, key in self.places]
        self.now = 100.0
        self.run_no = 0
        self.status = [StepStatus.PLANNED] * len(steps)  # as recorded
        self.removed: set[int] = set()
        self.submitted: list[Sequence[ClaimedRun]] = []
        self.working: list[Sequence[ClaimedRun]] = []
        self.attempts: dict[int, list[int]] = {}  # by run
        self.step_of: dict[int, int] = {}
        self.to_record: list[RecordOutcome] = []
        self.final: Counter[int] = Counter()
        self.cancels = 0
        self.lost: set[int] = set()  # runs of which an attempt was lost

    # what happens

    def tell(self, event: Event) -> list[Instruction]:
        instructions = self.state.handle(event, self.now)
        for instruction in instructions:
            self.obey(instruction)
        return instructions

    def obey(self, instruction: Instruction) -> None:
        match instruction:
            case RecordOutcome():
                self.to_record.append(instruction)
            case RecordSteps(steps, status):
                for step in steps:
                    self.status[int(step)] = status
            case Submit(runs):
                self.submit(runs)
            case CancelRuns():
                self.cancels += 1

    def submit(self, runs: Sequence[ClaimedRun]) -> None:
        assert not self.state.is_cancelling, "nothing new starts once it is cancelled"
        assert len(runs) == 1 or self.rules.is_single_run
        for run in runs:
            taken = {other.step for group in self.submitted + self.working for other in group}
            assert run.step not in taken, "a step is in the pool once"
            assert self.status[run.step] is not StepStatus.SUCCEEDED, "what succeeded is not run again"
            self.check_inputs(run.step)
            seen = self.attempts.setdefault(run.run_no, [])
            assert run.attempt == len(seen) + 1 <= self.rules.retries(run.asset) + 1 + (run.run_no in self.lost)
            seen.append(run.attempt)
        self.submitted.append(runs)
        assert self.rules.is_single_run or self.state.in_pool <= self.state.most_in_pool

    def check_inputs(self, step: int) -> None:
        is_tolerant = self.graph[self.places[step][0]].on_missing_input == "skip"
        for need in self.needs[step]:
            status = self.status[need]
            assert status is StepStatus.SUCCEEDED or need in self.removed or (is_tolerant and status.is_finished)

    def turn(self, answer: str = "claim", refused_success: bool = False) -> None:
        """A transaction; ``answer`` is what the catalog makes of each step."""
        turn = self.state.plan_turn(self.now)
        assert len(set(turn.steps)) == len(turn.steps)
        if refused_success:
            self.refuse_a_success()
        steps = [step for step in turn.steps if self.state.is_queued(step)]
        for step in steps:
            self.check_inputs(step)
        self.record()
        claims = ClaimResults()
        for step in steps:
            self.answer(step, answer, claims)
        self.tell(StepsClaimed(claims, turn.retries))
        self.check_limits()

    def answer(self, step: int, answer: str, claims: ClaimResults) -> None:
        asset, key_id = self.places[step]
        self.run_no += 1
        self.step_of[self.run_no] = step
        key = str(key_id) if key_id else None
        label = f"{asset}/{key}"
        if answer == "claim":
            claims.runs.append(ClaimedRun(step, self.run_no, f"r{self.run_no}", asset, key, {}, [], "v"))
        elif answer == "follow":
            claims.followed.append(OtherRun(step, self.run_no, label, counts_here=bool(self.run_no % 2)))
        elif answer == "made":
            claims.already_made.append(OtherRun(step, self.run_no, label))
        elif answer == "refuse":
            claims.refused.append(RefusedStep(step, StepStatus.BLOCKED, "needs x", label))
        elif answer == "hold":
            claims.held.append(step)
        else:
            self.removed.add(step)
            claims.removed.append(step)

    def record(self) -> None:
        final = [each.run.run_no for each in self.to_record if each.is_final]
        self.final.update(final)
        self.to_record.clear()
        self.tell(OutcomesRecorded(final))

    def refuse_a_success(self) -> None:
        for each in self.to_record:
            if each.status is RunStatus.SUCCEEDED:
                self.tell(SuccessRefused(each.run.run_no, "RecordingError: no"))
                return

    def start_one(self) -> None:
        if self.submitted and len(self.working) < self.rules.max_workers:
            runs = self.submitted.pop(0)
            self.working.append(runs)
            self.tell(AttemptStarted(runs[0].run_no, runs[0].attempt, AT))

    def end_one(
        self,
        runs: Sequence[ClaimedRun],
        statuses: Sequence[RunStatus],
        *,
        is_hopeless: bool = False,
        took_s: float = 60.0,
    ) -> None:
        (self.working if runs in self.working else self.submitted).remove(runs)
        reports = {
            run.run_no: make_report(run, statuses[n % len(statuses)], is_hopeless=is_hopeless, took_s=took_s)
            for n, run in enumerate(runs)
        }
        self.tell(AttemptEnded(runs[0].run_no, runs[0].attempt, reports))

    def check_limits(self) -> None:
        for limit in self.limits:
            taken = [run for runs in self.submitted + self.working for run in runs if run.asset in limit.assets]
            assert len(taken) <= limit.most

    def finish(self) -> None:
        """The end of a backfill, as the runner makes it."""
        assert self.state.is_over
        assert not self.submitted
        assert not self.working
        self.tell(Stopped(RunStatus.CANCELLED))
        self.record()
        assert all(status.is_finished for status in self.status)
        counts = Counter(self.status)
        assert {s: n for s, n in self.state.counts().items() if n} == dict(counts)
        assert all(self.final[run_no] == 1 for run_no in self.attempts), "each run has one final outcome"


@st.composite
def worlds(draw: st.DrawFn) -> World:
    graph = draw(graphs())
    names = [definition.name for definition in graph.definitions]
    limits = (
        [Limit(frozenset(draw(st.sets(st.sampled_from(names)))), draw(st.integers(1, 2)))]
        if draw(st.booleans())
        else []
    )
    is_single_run = not limits and draw(st.booleans())
    retries = {name: draw(st.integers(0, 2)) for name in names}
    rules = Rules(
        draw(st.integers(1, 3)),
        retries.__getitem__,
        is_single_run,
        backoff=lambda asset, failures: 0.5 * failures,
        stop_after=draw(st.none() | st.integers(1, 4)),
    )
    return World(graph, draw(tables(graph)), rules, limits)


SOME_STATUSES = st.lists(
    st.sampled_from([RunStatus.SUCCEEDED, RunStatus.SUCCEEDED, RunStatus.FAILED]), min_size=1, max_size=3
)
ANSWERS = st.sampled_from(["claim"] * 6 + ["follow", "made", "refuse", "remove", "hold", "hold"])


def do_something(world: World, data: st.DataObject, may_cancel: bool) -> None:
    actions = [
        "turn",
        "turn",
        "start",
        "end",
        "end",
        "wait",
        "other ends",
        "places",
        *(["cancel"] if may_cancel else []),
    ]
    action = data.draw(st.sampled_from(actions))
    in_pool = world.working + world.submitted
    if action == "turn":
        world.turn(data.draw(ANSWERS), refused_success=data.draw(st.integers(0, 5)) == 0)
    elif action == "start":
        world.start_one()
    elif action == "end" and in_pool:
        runs = data.draw(st.sampled_from(in_pool))
        world.end_one(runs, data.draw(SOME_STATUSES), is_hopeless=data.draw(st.integers(0, 9)) == 0)
    elif action == "wait":
        world.now += data.draw(st.floats(0, LONGEST_WAIT_S))
    elif action == "other ends" and world.state.followed:
        run_no = data.draw(st.sampled_from(world.state.followed))
        world.tell(FollowedRunEnded(run_no, data.draw(st.sampled_from([s for s in RunStatus if s.is_finished]))))
    elif action == "places" and world.state.held:
        world.tell(PlacesFound([data.draw(st.sampled_from(world.state.held))]))
    elif action == "cancel":
        world.tell(CancelRequested())


def bring_to_an_end(world: World) -> None:
    """Let all that goes on end well; that has to be enough."""
    for _ in range(20 * (len(world.places) + 1) * 4):
        if world.state.is_over:
            return
        world.now += LONGEST_WAIT_S
        world.tell(PlacesFound(world.state.held))
        world.turn()
        for run_no in world.state.followed:
            world.tell(FollowedRunEnded(run_no, RunStatus.SUCCEEDED))
        for runs in world.working + world.submitted:
            status = RunStatus.CANCELLED if world.state.is_cancelling else RunStatus.SUCCEEDED
            world.end_one(runs, [status])
    raise AssertionError("it does not end")


@settings(max_examples=200, deadline=None)
@given(worlds(), st.data())
def test_random_events_break_no_rule_and_come_to_an_end(world: World, data: st.DataObject) -> None:
    may_cancel = data.draw(st.booleans())
    for _ in range(data.draw(st.integers(0, 30))):
        if world.state.is_over:
            break
        do_something(world, data, may_cancel)
    bring_to_an_end(world)
    world.finish()
    if not world.state.is_cancelling:
        given_up = {n for n, status in enumerate(world.status) if status is StepStatus.CANCELLED}
        assert given_up - world.removed <= {world.step_of[n] for n in world.step_of}, "only what others cancelled"


@settings(max_examples=100, deadline=None)
@given(worlds(), st.data())
def test_a_stop_leaves_each_run_one_outcome_and_no_step_claimed(world: World, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 20))):
        do_something(world, data, may_cancel=False)
    if data.draw(st.booleans()):  # what was to be recorded could not be
        world.to_record.clear()
        world.tell(OutcomesLost())
    world.tell(Stopped(RunStatus.INTERRUPTED))
    world.record()
    assert all(world.final[run_no] == 1 for run_no in world.attempts)
    again = world.state.handle(Stopped(RunStatus.INTERRUPTED), world.now)
    assert not [each for each in again if isinstance(each, RecordOutcome)]


# by example

ONE = AssetGraph([define("a")])
CHAIN = AssetGraph([define("a"), define("b", same="a"), define("c", same="b", missing="skip")])


def begin(
    graph: AssetGraph, steps: StepTable, *, max_workers: int = 2, retries: int = 0, is_single_run: bool = False
) -> World:
    rules = Rules(max_workers, lambda asset: retries, is_single_run, lambda asset, failures: 10.0 * failures)
    world = World(graph, steps, rules)
    world.turn()
    return world


def fail(world: World, run: ClaimedRun, error: str, line: int) -> list[Instruction]:
    world.submitted.remove([run])
    report = replace(make_report(run, RunStatus.FAILED, error), traceback=f"Cell In[3], line {line}\n  1 / 0")
    return world.tell(AttemptEnded(run.run_no, run.attempt, {run.run_no: report}))


def test_after_so_many_equal_failures_nothing_begins_any_more() -> None:
    world = World(ONE, lay_out(a=list(range(1, 41))), Rules(2, stop_after=2))
    world.turn()
    runs = [run for [run] in world.submitted]
    fail(world, runs[0], "ValueError", 5)
    fail(world, runs[1], "ValueError", 6)
    assert CancelWaiting() not in fail(world, runs[2], "KeyError", 5)
    assert world.state.gave_up is None, "another class, or another line, is another error"
    assert CancelWaiting() in fail(world, runs[3], "ValueError", 5)
    assert world.state.gave_up == "2 runs failed with ValueError at Cell In[3], line 5, and stop_after=2"
    world.turn()
    assert not world.state.plan_turn(world.now).steps
    runs_left = [run for [run] in world.submitted]
    world.end_one([runs_left[0]], [RunStatus.SUCCEEDED])
    for run in runs_left[1:]:
        world.end_one([run], [RunStatus.CANCELLED])
    world.record()
    world.finish()
    counts = Counter(world.status)
    assert counts == {StepStatus.SUCCEEDED: 1, StepStatus.FAILED: 4, StepStatus.CANCELLED: 35}


def test_a_run_that_failed_or_took_too_long_is_tried_again_after_a_longer_wait_each_time() -> None:
    world = begin(ONE, lay_out(a=[1]), retries=2)
    for failures, error in enumerate(["ValueError", "TimeoutError"], start=1):
        [runs] = world.submitted.copy()
        world.submitted.clear()
        report = make_report(runs[0], RunStatus.FAILED, error)
        [outcome] = world.tell(AttemptEnded(runs[0].run_no, runs[0].attempt, {runs[0].run_no: report}))
        assert isinstance(outcome, RecordOutcome)
        assert not outcome.is_final
        world.turn()
        assert not world.submitted, "its time has not come"
        assert world.state.idle_s(world.now, 60.0) == pytest.approx(10.0 * failures)
        world.now += 10.0 * failures
        world.turn()
        assert [run.attempt for [run] in world.submitted] == [failures + 1]
    world.end_one(world.submitted[0], [RunStatus.FAILED])
    assert world.status == [StepStatus.FAILED]
    assert world.state.is_over


@pytest.mark.parametrize("retries", [0, 1])
def test_a_run_that_was_lost_with_what_had_forked_its_kernel_is_made_once_more(retries: int) -> None:
    world = begin(ONE, lay_out(a=[1]), retries=retries)
    for attempt in range(1, retries + 3):
        [runs] = world.submitted.copy()
        assert runs[0].attempt == attempt
        world.submitted.clear()
        world.lost.add(runs[0].run_no)
        report = replace(make_report(runs[0], RunStatus.FAILED, "DeadKernel"), is_lost=True)
        world.tell(AttemptEnded(runs[0].run_no, attempt, {runs[0].run_no: report}))
        world.now += 100.0
        world.turn()
    assert (world.submitted, world.status) == ([], [StepStatus.FAILED])
    assert world.state.is_over


def test_what_failed_for_a_damaged_input_is_not_tried_again() -> None:
    world = begin(ONE, lay_out(a=[1]), retries=5)
    world.end_one(world.submitted[0], [RunStatus.FAILED], is_hopeless=True)
    assert world.status == [StepStatus.FAILED]


def test_a_failure_blocks_what_needs_it_with_the_reason_and_lets_go_on_what_can_do_without() -> None:
    world = begin(CHAIN, lay_out(a=[1], b=[1], c=[1]))
    [runs] = world.submitted.copy()
    world.submitted.clear()
    report = make_report(runs[0], RunStatus.FAILED)
    told = world.tell(AttemptEnded(runs[0].run_no, 1, {runs[0].run_no: report}))
    assert [each.cause for each in told if isinstance(each, RecordSteps)] == [
        "ValueError: why",
        "a/1 failed: ValueError: why",
    ]
    world.turn()
    assert [run.asset for [run] in world.submitted] == ["c"]


def test_a_cancel_stops_the_runs_once_and_waits_for_them() -> None:
    world = begin(ONE, lay_out(a=[1, 2, 3]))
    world.tell(CancelRequested())
    world.tell(CancelRequested())
    assert world.cancels == 1
    assert not world.state.is_over, "the pool has still runs of it"
    world.end_one(world.submitted[0], [RunStatus.SUCCEEDED])  # it was faster
    for runs in world.submitted.copy():
        world.end_one(runs, [RunStatus.CANCELLED])
    world.finish()
    assert Counter(world.status) == {StepStatus.SUCCEEDED: 1, StepStatus.CANCELLED: 2}


def test_once_it_is_cancelled_no_attempt_follows_that_waited_for_its_time() -> None:
    world = begin(ONE, lay_out(a=[1, 2]), retries=1)
    world.end_one(world.submitted[0], [RunStatus.FAILED])
    world.tell(CancelRequested())
    world.now += 100.0
    world.turn()  # the submission itself is refused
    assert len(world.submitted) == 1
    world.end_one(world.submitted[0], [RunStatus.CANCELLED])
    world.finish()
    assert set(world.status) == {StepStatus.CANCELLED}


def test_the_pool_is_given_some_more_than_it_can_run() -> None:
    world = begin(ONE, lay_out(a=list(range(1, 101))), max_workers=8)
    assert (len(world.submitted), world.state.enough_in_pool) == (24, 24)
    world.turn()
    assert len(world.submitted) == 24
    world.end_one(world.submitted[0], [RunStatus.SUCCEEDED])
    world.turn()
    assert len(world.submitted) == 24


@pytest.mark.parametrize(("took_s", "waiting"), [(60.0, 12), (0.125, 16), (0.0625, 32), (0.01, 128), (0.0, 128)])
def test_of_short_runs_the_pool_is_given_more_ahead(took_s: float, waiting: int) -> None:
    world = begin(ONE, lay_out(a=list(range(1, 401))), max_workers=2)
    assert len(world.submitted) == 12
    world.end_one(world.submitted[0], [RunStatus.SUCCEEDED], took_s=took_s)
    world.turn()
    assert len(world.submitted) == waiting <= world.state.most_in_pool
    assert world.state.ahead_s == pytest.approx(waiting * took_s / 2)


def test_of_runs_that_nobody_has_seen_end_no_more_is_given_than_of_long_ones() -> None:
    world = begin(CHAIN, lay_out(a=list(range(1, 101)), b=list(range(1, 101))), max_workers=1)
    world.end_one(world.submitted[0], [RunStatus.SUCCEEDED], took_s=0.0)
    world.turn()
    assert [run.asset for run in world.submitted[-1]] == ["b"], "its input has just been made"
    assert len(world.submitted) == 12
    world.end_one(world.submitted[-1], [RunStatus.SUCCEEDED], took_s=60.0)
    world.turn()
    assert len(world.submitted) > 12, "of a it is known"


def test_a_run_that_takes_long_again_counts_at_once() -> None:
    world = begin(ONE, lay_out(a=list(range(1, 401))), max_workers=1)
    world.end_one(world.submitted[0], [RunStatus.SUCCEEDED], took_s=0.02)
    world.turn()
    assert len(world.submitted) == 50
    world.end_one(world.submitted[0], [RunStatus.CANCELLED], took_s=60.0)
    assert world.state.ahead_s == pytest.approx(49 * 0.02), "what was cancelled says nothing of the others"
    world.end_one(world.submitted[0], [RunStatus.SUCCEEDED], took_s=1.0)
    world.turn()
    assert len(world.submitted) == 48


def test_a_single_run_holds_all_that_is_ready_and_tries_again_what_failed_in_it() -> None:
    world = begin(CHAIN, lay_out(a=[1, 2], b=[1, 2]), is_single_run=True, retries=1)
    [runs] = world.submitted
    assert [run.step for run in runs] == [0, 1]
    assert len({run.record_stem for run in runs}) == 1
    world.end_one(runs, [RunStatus.SUCCEEDED, RunStatus.FAILED])
    world.now += 10.0
    world.turn()
    assert sorted([(run.step, run.attempt) for run in runs] for runs in world.submitted) == [[(1, 2)], [(2, 1)]]


def test_what_has_no_place_holds_up_its_asset_only_and_starts_first_when_there_is_one() -> None:
    world = World(AssetGraph([define("a"), define("b")]), lay_out(a=[1, 2, 3], b=[1]), Rules(2))
    world.turn("hold")
    assert world.state.held == ["a", "b"]
    assert world.state.idle_s(world.now, 60.0) == 60.0
    world.tell(PlacesFound(["b"]))
    world.turn()
    assert [world.places[run.step] for [run] in world.submitted] == [("b", 1)]
    assert world.state.held == ["a"]
    world.end_one(world.submitted[0], [RunStatus.SUCCEEDED])  # its own place may be what the others wait for
    world.turn()
    assert [world.places[run.step] for [run] in world.submitted] == [("a", 1), ("a", 2), ("a", 3)]
    assert world.state.held == []


def test_what_another_backfill_made_counts_unless_it_had_other_settings() -> None:
    world = World(ONE, lay_out(a=[1, 2, 3]), Rules(2))
    world.turn("follow")  # runs 1, 2 and 3, of which 1 and 3 count here
    for run_no, status in ((1, RunStatus.SUCCEEDED), (2, RunStatus.SUCCEEDED), (3, RunStatus.INTERRUPTED)):
        world.tell(FollowedRunEnded(run_no, status))
    assert world.status == [StepStatus.SUCCEEDED, StepStatus.PLANNED, StepStatus.PLANNED]
    world.turn()
    assert sorted(run.step for [run] in world.submitted) == [1, 2]


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.FAILED])
def test_what_another_backfill_made_of_earlier_inputs_is_made_once_more(status: RunStatus) -> None:
    world = World(ONE, lay_out(a=[1]), Rules(2))
    world.turn("follow")
    world.tell(FollowedRunEnded(1, status, is_of_now=False))
    assert world.status == [StepStatus.PLANNED]
    world.turn()
    assert [run.step for [run] in world.submitted] == [0]


def test_the_end_of_an_unknown_attempt_changes_nothing() -> None:
    world = begin(ONE, lay_out(a=[1]))
    assert world.state.runs_of(77, 1) == ()
    assert world.state.handle(AttemptEnded(77, 1, {}), world.now) == []


def test_other_backfills_are_checked_at_intervals() -> None:
    state = begin(ONE, lay_out(a=[1])).state
    assert not state.plan_turn(100.0 + CHECK_OTHERS_EVERY_S / 2).checks_others
    assert state.plan_turn(100.0 + 2 * CHECK_OTHERS_EVERY_S).checks_others
