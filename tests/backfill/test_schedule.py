from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpart.assets.graph import AssetGraph
from nbpart.backfill.capacity import Limit
from nbpart.backfill.plan import AssetSteps, StepRelation, StepTable
from nbpart.backfill.schedule import Schedule
from nbpart.partitions.relation import Groups, Pairs, Ranges, Relation
from nbpart.states import StepStatus
from tests.backfill.graphs import (
    above,
    define,
    graphs,
    lay_out,
    list_needs,
    make_schedule,
    places,
    related_plans,
    tables,
)

SUCCEEDED, FAILED, BLOCKED, PLANNED, QUEUED, RUNNING, CANCELLED = (
    StepStatus.SUCCEEDED,
    StepStatus.FAILED,
    StepStatus.BLOCKED,
    StepStatus.PLANNED,
    StepStatus.QUEUED,
    StepStatus.RUNNING,
    StepStatus.CANCELLED,
)
OUTCOMES = [SUCCEEDED, SUCCEEDED, SUCCEEDED, FAILED, BLOCKED, CANCELLED, StepStatus.INTERRUPTED]


class Model:
    """What a schedule should say, with a set of needed steps for each step."""

    def __init__(self, needs: Sequence[set[int]], tolerant: Sequence[bool]) -> None:
        self.needs, self.tolerant = needs, tolerant
        self.status = [PLANNED] * len(needs)
        self.removed: set[int] = set()

    @classmethod
    def of_graph(cls, steps: StepTable, graph: AssetGraph) -> Model:
        planned = places(steps)
        number = {place: n for n, place in enumerate(planned)}
        needs = [{number[p] for p in above(graph[name], key_id, planned)} for name, key_id in planned]
        return cls(needs, [graph[name].on_missing_input == "skip" for name, _ in planned])

    def ready(self) -> set[int]:
        return {n for n in self.of(PLANNED) if all(self.status[need].is_finished for need in self.needs[n])}

    def of(self, *statuses: StepStatus) -> set[int]:
        return {n for n, status in enumerate(self.status) if status in statuses}

    def finish(self, step: int, status: StepStatus) -> set[int]:
        """Note an outcome; what is blocked by it."""
        assert self.status[step] in (QUEUED, RUNNING)
        self.status[step] = status
        return self._block() - {step}

    def fail_after_success(self, step: int) -> set[int]:
        """Note that a step failed after all; what is blocked by it."""
        assert self.status[step] is SUCCEEDED
        self.status[step] = FAILED
        for reader in self.of(QUEUED):
            if step in self.needs[reader] and not self.tolerant[reader]:
                self.status[reader] = PLANNED
        return self._block()

    def _block(self) -> set[int]:
        before = self.of(BLOCKED)
        while lost := {n for n in self.of(PLANNED) if not self.tolerant[n] and self.lacks(n)}:
            for n in lost:
                self.status[n] = BLOCKED
        return self.of(BLOCKED) - before

    def counts(self) -> dict[StepStatus, int]:
        return {status: len(self.of(status)) for status in StepStatus}

    def lacks(self, step: int) -> bool:
        """Whether an input of the step ended without success; what was removed is not lacked."""
        needs = self.needs[step] - self.removed
        return any(self.status[n].is_finished and self.status[n] is not SUCCEEDED for n in needs)


def check_same(schedule: Schedule, model: Model, *, limited: bool = False) -> None:
    assert dict(schedule.counts()) == model.counts()
    assert sum(schedule.counts().values()) == len(model.status)
    assert schedule.unfinished_count == len(model.of(PLANNED, QUEUED, RUNNING))
    assert set(schedule.find_unfinished().tolist()) == model.of(PLANNED, QUEUED, RUNNING)
    assert limited or schedule.has_ready == bool(model.ready())


@settings(max_examples=300)
@given(st.data())
def test_a_schedule_equals_a_model_of_sets(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    steps = data.draw(tables(graph))
    schedule, model = make_schedule(steps, graph), Model.of_graph(steps, graph)
    ended: list[int] = []
    check_same(schedule, model)
    while schedule.unfinished_count:
        running = sorted(model.of(QUEUED, RUNNING))
        actions = ["take", "start", "finish", "finish", "put back"] if running else ["take"]
        action = data.draw(st.sampled_from(actions))
        if action == "take":
            ready, most = model.ready(), data.draw(st.integers(1, 4))
            taken = schedule.take(most)
            assert len(taken) == len(set(taken)) == min(most, len(ready))
            assert set(taken) <= ready
            for step in taken:
                model.status[step] = QUEUED
            assert taken or running, "nothing runs and nothing may start: it would wait for ever"
        elif action == "start":
            if queued := sorted(model.of(QUEUED)):
                step = data.draw(st.sampled_from(queued))
                schedule.start(step)
                model.status[step] = RUNNING
        elif action == "finish":
            step, status = data.draw(st.sampled_from(running)), data.draw(st.sampled_from(OUTCOMES))
            blocked = [int(n) for some in schedule.finish(step, status) for n in some]
            assert len(blocked) == len(set(blocked))
            assert set(blocked) == model.finish(step, status)
            ended += [step, *blocked]
        else:
            step = data.draw(st.sampled_from(running))
            schedule.put_back(step)
            model.status[step] = PLANNED
        check_same(schedule, model)
    assert Counter(ended) == Counter(range(len(steps)))


@settings(max_examples=200)
@given(st.data())
def test_a_schedule_of_any_relations_starts_nothing_before_its_inputs_and_everything_once(data: st.DataObject) -> None:
    steps, relations = data.draw(related_plans())
    names = sorted({part.asset for part in steps.assets})
    owners = [name for name, _ in places(steps)]
    groups = st.builds(Limit, st.frozensets(st.sampled_from(names)), st.integers(1, 3))
    limits = data.draw(st.lists(groups, max_size=2))
    tolerant = {each.reader for each in relations if each.is_tolerant}
    schedule = Schedule(steps, relations, limits)
    model = Model(list_needs(steps, relations), [name in tolerant for name in owners])
    ended: Counter[int] = Counter()
    check_same(schedule, model, limited=bool(limits))
    while schedule.unfinished_count:
        running = sorted(model.of(QUEUED, RUNNING))
        actions = ["take", "start", "finish", "finish", "put back", "remove"] if running else ["take"]
        action = data.draw(st.sampled_from(actions))
        if action == "take":
            ready, most = model.ready(), data.draw(st.integers(1, 5))
            taken = schedule.take(most)
            assert set(taken) <= ready
            assert len(taken) == len(set(taken)) <= most
            assert limits or len(taken) == min(most, len(ready))
            assert taken or running, "nothing runs and nothing may start: it would wait for ever"
            for step in taken:
                model.status[step] = QUEUED
            under_way = Counter(owners[step] for step in model.of(QUEUED, RUNNING))
            assert all(sum(under_way[name] for name in limit.assets) <= limit.most for limit in limits)
        else:
            step = data.draw(st.sampled_from(running))
            do_to_step(schedule, model, action, step, data, ended)
        check_same(schedule, model, limited=bool(limits))
    assert ended == Counter(range(len(steps)))


@settings(max_examples=200)
@given(st.data())
def test_a_schedule_that_grows_equals_a_model_of_sets(data: st.DataObject) -> None:
    """Steps that come later wait for each other, and not for those that were there."""
    plans = data.draw(st.lists(related_plans(), min_size=1, max_size=4))
    names = sorted({part.asset for steps, _ in plans for part in steps.assets})
    (first, relations), *later = plans
    none = (np.empty(0, np.int64), np.empty(0, np.int16), ())
    without = [AssetSteps(name, *none) for name in names if name not in {part.asset for part in first.assets}]
    schedule = Schedule(StepTable((*first.assets, *without)), relations)
    model = make_model(first, relations)
    ended: Counter[int] = Counter()
    check_same(schedule, model)
    while schedule.unfinished_count or later:
        running = sorted(model.of(QUEUED, RUNNING))
        actions = [*(["take"] if model.status else []), *(["grow"] if later else [])]
        action = data.draw(st.sampled_from([*actions, "start", "finish", "finish", "put back"] if running else actions))
        if action == "grow":
            steps, relations = later.pop(0)
            takes_all = not relations and data.draw(st.booleans())
            schedule.extend(steps, relations, takes_all=takes_all)
            more, begin = make_model(steps, relations), len(model.status)
            model.needs = [*model.needs, *({need + begin for need in needs} for needs in more.needs)]
            model.tolerant = [*model.tolerant, *more.tolerant]
            model.status += [QUEUED if takes_all else PLANNED] * len(more.status)
        elif action == "take":
            ready, most = model.ready(), data.draw(st.integers(1, 5))
            taken = schedule.take(most)
            assert set(taken) <= ready
            assert len(taken) == len(set(taken)) == min(most, len(ready))
            for step in taken:
                model.status[step] = QUEUED
        else:
            do_to_step(schedule, model, action, data.draw(st.sampled_from(running)), data, ended)
        check_same(schedule, model)
    assert ended == Counter(range(len(model.status)))


def make_model(steps: StepTable, relations: Sequence[StepRelation]) -> Model:
    tolerant = {each.reader for each in relations if each.is_tolerant}
    return Model(list_needs(steps, relations), [name in tolerant for name, _ in places(steps)])


def do_to_step(
    schedule: Schedule, model: Model, action: str, step: int, data: st.DataObject, ended: Counter[int]
) -> None:
    """Do something to a step that is queued or running, in both; ``ended`` counts the outcomes of each step."""
    if action == "start" and model.status[step] is QUEUED:
        schedule.start(step)
        model.status[step] = RUNNING
    elif action == "put back" and not model.lacks(step):
        schedule.put_back(step)
        model.status[step] = PLANNED
    elif action == "remove":
        schedule.remove(step)
        model.status[step] = CANCELLED
        model.removed.add(step)
        ended[step] += 1
    elif action == "finish":
        status = data.draw(st.sampled_from(OUTCOMES))
        blocked = [int(n) for some in schedule.finish(step, status) for n in some]
        assert set(blocked) == model.finish(step, status)
        ended.update([step, *blocked])
        if status is SUCCEEDED and data.draw(st.integers(0, 3)) == 0:
            if data.draw(st.booleans()):
                for taken in schedule.take(data.draw(st.integers(1, 3))):
                    model.status[taken] = QUEUED
            blocked = [int(n) for some in schedule.fail_after_success(step) for n in some]
            assert set(blocked) == model.fail_after_success(step)
            ended.update(blocked)


def test_a_failure_in_the_middle_of_a_balance_blocks_all_later_days_in_one_array() -> None:
    days = 1000
    steps = lay_out(balance=list(range(days)), report=[0])
    before = Ranges(np.arange(days), np.maximum(np.arange(days) - 1, 0), np.arange(days))
    every = Groups(np.zeros(1), np.zeros(days), 1)
    schedule = Schedule(steps, [StepRelation("balance", "balance", before), StepRelation("report", "balance", every)])
    for day in range(400):
        assert schedule.take(5) == [day]
        assert schedule.finish(day, SUCCEEDED) == []
    assert schedule.take(5) == [400]
    later, report = schedule.finish(400, FAILED)
    assert sorted(later.tolist()) == list(range(401, days))
    assert report.tolist() == [days]
    assert schedule.unfinished_count == 0


def test_a_reader_of_a_rolling_week_starts_when_its_seven_days_are_there_in_the_order_of_days() -> None:
    days = np.arange(10)
    steps = lay_out(visits=days.tolist(), week=days.tolist())
    schedule = Schedule(steps, [StepRelation("week", "visits", Ranges(days, np.maximum(days - 6, 0), days + 1))])
    assert named(steps, schedule.take(99)) == [("visits", day) for day in days]
    for day in (3, 1, 2, 0):
        schedule.finish(day, SUCCEEDED)
    assert named(steps, schedule.take(99)) == [("week", day) for day in range(4)]


@pytest.mark.parametrize(
    "relation",
    [
        Pairs(np.array([0, 3, 4]), np.array([0, 1, 2, 2])),
        Ranges(np.array([2, 1, 0]), np.array([0, 0]), np.array([3, 1])),
        Ranges(np.arange(3), np.array([0, 1]), np.array([3, 2])),
        Groups(np.zeros(2), np.zeros(3), 1),
    ],
    ids=["pairs", "ranges", "ranges in each other", "groups"],
)
def test_what_goes_on_without_its_inputs_starts_when_many_of_them_are_blocked_at_once(relation: Relation) -> None:
    steps = lay_out(a=[0], b=[1, 2, 3], c=[1, 2])
    every = Groups(np.zeros(3), np.zeros(1), 1)
    schedule = Schedule(steps, [StepRelation("b", "a", every), StepRelation("c", "b", relation, is_tolerant=True)])
    [first] = schedule.take(9)
    assert named(steps, np.concatenate(schedule.finish(first, FAILED)).tolist()) == [("b", 1), ("b", 2), ("b", 3)]
    assert named(steps, schedule.take(9)) == [("c", 1), ("c", 2)]


def test_steps_of_an_asset_may_stand_in_several_places_of_a_plan() -> None:
    parts = [("a", [1, 2]), ("b", [1, 2]), ("a", [3]), ("b", [3])]
    steps = StepTable(tuple(part for name, ids in parts for part in lay_out(**{name: ids}).assets))
    assert run(make_schedule(steps, CHAIN), steps) == [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3), ("b", 3)]


def test_limited_steps_that_became_ready_one_by_one_start_in_that_order() -> None:
    graph = AssetGraph([define("a"), define("b", same="a")])
    steps = lay_out(a=[1, 2, 3, 4], b=[1, 2, 3, 4])
    schedule = make_schedule(steps, graph, [Limit(frozenset({"b"}), 1)])
    for step in schedule.take(4):
        schedule.finish(step, SUCCEEDED)
    order = []
    while taken := schedule.take(9):
        order += taken
        schedule.finish(taken[0], SUCCEEDED)
    assert named(steps, order) == [("b", 1), ("b", 2), ("b", 3), ("b", 4)]


@settings(max_examples=50)
@given(st.data())
def test_a_cancelled_step_frees_and_blocks_nothing(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    steps = data.draw(tables(graph))
    schedule, model = make_schedule(steps, graph), Model.of_graph(steps, graph)
    first = schedule.take(len(steps))
    for step in first:
        schedule.cancel(step)
    assert not schedule.has_ready
    assert schedule.take(1) == []
    assert set(schedule.find_unfinished().tolist()) == set(range(len(steps))) - model.ready()
    assert schedule.counts()[CANCELLED] == len(first)
    assert sum(schedule.counts().values()) == len(steps)


CHAIN = AssetGraph([define("a"), define("b", same="a"), define("c", same="b")])


def test_the_readers_of_a_finished_step_start_before_the_next_key() -> None:
    steps = lay_out(a=[1, 2, 3], b=[1, 2, 3], c=[1, 2, 3])
    assert run_one_by_one(steps, CHAIN) == [
        ("a", 1), ("b", 1), ("c", 1), ("a", 2), ("b", 2), ("c", 2), ("a", 3), ("b", 3), ("c", 3),
    ]  # fmt: skip


def test_what_all_keys_of_an_asset_free_goes_before_the_rest() -> None:
    graph = AssetGraph([define("a", ""), define("b", whole="a"), define("c")])
    steps = lay_out(a=[0], c=[1, 2], b=[3, 4])
    assert run_one_by_one(steps, graph) == [("a", 0), ("b", 3), ("b", 4), ("c", 1), ("c", 2)]


def test_keys_are_matched_whatever_their_order() -> None:
    steps = lay_out(a=[5, 1, 9], b=[9, 7, 5])
    schedule = make_schedule(steps, CHAIN)
    assert named(steps, schedule.take(9)) == [("a", 5), ("a", 1), ("a", 9), ("b", 7)]
    schedule.finish(2, SUCCEEDED)
    assert named(steps, schedule.take(9)) == [("b", 9)]


def test_a_failure_blocks_its_own_key_down_the_chain() -> None:
    steps = lay_out(a=[1, 2], b=[1, 2], c=[1, 2])
    schedule = make_schedule(steps, CHAIN)
    assert schedule.take(1) == [0]
    assert named(steps, [n for some in schedule.finish(0, FAILED) for n in some]) == [("b", 1), ("c", 1)]
    assert run(schedule, steps) == [("a", 2), ("b", 2), ("c", 2)]
    assert nonzero(schedule) == {FAILED: 1, BLOCKED: 2, SUCCEEDED: 3}


def test_one_failed_key_blocks_what_needs_all_of_them() -> None:
    graph = AssetGraph([define("a"), define("b", "", every="a"), define("c", "", whole="b", missing="skip")])
    steps = lay_out(a=[1, 2, 3], b=[0], c=[0])
    schedule = make_schedule(steps, graph)
    schedule.take(3)
    assert named(steps, [n for some in schedule.finish(1, FAILED) for n in some]) == [("b", 0)]
    assert schedule.finish(0, SUCCEEDED) == []
    assert schedule.finish(2, FAILED) == []
    assert named(steps, schedule.take(9)) == [("c", 0)]


def test_what_skips_missing_inputs_still_waits_for_all_of_them() -> None:
    graph = AssetGraph([define("a"), define("b", "", every="a", missing="skip")])
    steps = lay_out(a=[1, 2, 3], b=[0])
    schedule = make_schedule(steps, graph)
    schedule.take(3)
    for step, status in ((0, FAILED), (1, SUCCEEDED)):
        assert schedule.finish(step, status) == []
        assert not schedule.has_ready
    assert schedule.finish(2, FAILED) == []
    assert named(steps, schedule.take(9)) == [("b", 0)]


def test_what_is_put_back_starts_before_all_others() -> None:
    steps = lay_out(a=[1, 2, 3])
    schedule = make_schedule(steps, CHAIN)
    assert schedule.take(2) == [0, 1]
    schedule.put_back(1)
    assert schedule.counts()[PLANNED] == 2
    assert schedule.take(9) == [1, 2]
    for step in range(3):
        schedule.finish(step, SUCCEEDED)
    assert nonzero(schedule) == {SUCCEEDED: 3}


def test_what_is_not_planned_is_not_waited_for() -> None:
    steps = lay_out(b=[1, 2], c=[2, 3])
    assert named(steps, make_schedule(steps, CHAIN).take(9)) == [("b", 1), ("b", 2), ("c", 3)]


@pytest.mark.parametrize("graph", [CHAIN, AssetGraph([define("a"), define("b", "", every="a")])])
def test_an_asset_without_steps_holds_nobody_up(graph: AssetGraph) -> None:
    assert run_one_by_one(lay_out(a=[], b=[0]), graph) == [("b", 0)]
    assert run_one_by_one(lay_out(a=[1], b=[]), graph) == [("a", 1)]


def test_an_empty_plan_has_nothing_to_do() -> None:
    schedule = make_schedule(StepTable(), CHAIN)
    assert (schedule.unfinished_count, schedule.has_ready, schedule.take(3)) == (0, False, [])
    assert set(schedule.counts()) == set(StepStatus)


def test_take_gives_what_was_asked_for_at_most() -> None:
    schedule = make_schedule(lay_out(a=list(range(1, 6))), CHAIN)
    assert schedule.take(0) == []
    assert schedule.take(2) == [0, 1]
    assert schedule.take(9) == [2, 3, 4]
    assert schedule.take(9) == []


@pytest.mark.parametrize("status", [SUCCEEDED, FAILED])
def test_a_million_steps_stay_in_arrays(status: StepStatus) -> None:
    keys = np.random.default_rng(0).permutation(250_000)
    graph = AssetGraph(
        [define("a"), define("b", same="a"), define("c", "", every="b"), define("d", whole="c", same="b")]
    )
    sizes = {"a": keys, "b": keys[::-1], "c": keys[:1] * 0, "d": keys}
    cause = np.zeros(len(keys), dtype=np.int16)
    steps = StepTable(tuple(AssetSteps(name, ids, cause[: len(ids)], ("missing",)) for name, ids in sizes.items()))
    tracemalloc.start()
    schedule = make_schedule(steps, graph)
    built = tracemalloc.get_traced_memory()[0]
    ended = 0
    for _ in range(1000):
        (step,) = schedule.take(1)
        ended += 1 + sum(len(some) for some in schedule.finish(step, status))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert built < 40 * len(steps), "more than some arrays are kept for a step"
    assert peak < 80 * len(steps)
    assert sum(schedule.counts().values()) == len(steps) == 750_001
    assert schedule.unfinished_count == len(steps) - ended
    assert ended == (1000 if status is SUCCEEDED else 1000 + 1000 + 1 + 250_000)


def named(steps: StepTable, numbers: Sequence[int]) -> list[tuple[str, int]]:
    by_number = places(steps)
    return [by_number[int(n)] for n in numbers]


def nonzero(schedule: Schedule) -> dict[StepStatus, int]:
    return {status: n for status, n in schedule.counts().items() if n}


def run(schedule: Schedule, steps: StepTable) -> list[tuple[str, int]]:
    """Let all steps succeed one after the other; their order."""
    order: list[int] = []
    while taken := schedule.take(1):
        order += taken
        assert schedule.finish(taken[0], SUCCEEDED) == []
    return named(steps, order)


def run_one_by_one(steps: StepTable, graph: AssetGraph) -> list[tuple[str, int]]:
    return run(make_schedule(steps, graph), steps)


@settings(max_examples=100)
@given(st.data())
def test_limits_hold_and_everything_still_comes_to_its_end(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    steps = data.draw(tables(graph))
    names = [a.asset for a in steps.assets]
    groups = st.builds(Limit, st.frozensets(st.sampled_from(names)), st.integers(1, 3)) if names else st.nothing()
    limits = data.draw(st.lists(groups, max_size=3)) if names else []
    schedule, owners = make_schedule(steps, graph, limits), [name for name, _ in places(steps)]
    taken: list[int] = []
    while schedule.unfinished_count:
        taken += schedule.take(data.draw(st.integers(1, 5)))
        assert taken, "nothing runs and nothing may start: it would wait for ever"
        for limit in limits:
            assert sum(owners[step] in limit.assets for step in taken) <= limit.most
        step = taken.pop(data.draw(st.integers(0, len(taken) - 1)))
        if data.draw(st.booleans()):
            schedule.finish(step, data.draw(st.sampled_from(OUTCOMES)))
        elif data.draw(st.integers(0, 3)) == 0:
            schedule.put_back(step)
        else:
            schedule.remove(step)
    assert sum(schedule.counts().values()) == len(steps)


def test_a_limited_asset_does_not_hold_up_the_others() -> None:
    graph = AssetGraph([define("a"), define("b")])
    steps = lay_out(a=[1, 2, 3], b=[1, 2, 3])
    schedule = make_schedule(steps, graph, [Limit(frozenset({"a"}), 1)])
    assert named(steps, schedule.take(3)) == [("a", 1), ("b", 1), ("b", 2)]
    schedule.finish(0, SUCCEEDED)
    assert named(steps, schedule.take(1)) == [("a", 2)]
